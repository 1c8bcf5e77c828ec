"""What an event says, in sentences: of skills of libraries, of tasks that are made, of scores, of parts of a run.

Each begins with what happened to what, and when; then comes the evidence, as far as it stands in the same stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from engine.core.lineage import streams_of
from events.base import Event, Recorded
from events.errors import BlobErased, BlobMissing
from events.streams import LIBRARY, family_of
from events.types.construction import BlueprintCritiqued, ConstructionClosed, TaskPublished
from events.types.evaluation import ArmsCompared, CellUnscored, EvaluationFound, EvaluationScored
from events.types.evolution import (
    EvolutionPlanned,
    LibraryClosed,
    PatchChecked,
    RevisionRuled,
    SkillNarrowed,
    SkillQuarantined,
    SuiteTrialRow,
    TrialsScored,
)
from events.types.memo import MemoKept, MemoRewritten
from events.types.pdi import InterventionChosen
from events.types.proving import ProofConcluded
from events.types.run import RunClosed, RunOpened
from events.types.skill import LibraryFrozen, SkillRejected, SkillRetired, SkillRevised, SkillRolledBack
from events.types.training import StepSkipped, TrainingClosed
from events.types.trial import TrialClosed
from replay.why.loader import Past
from views.runs.rows import WORDS
from views.terminal.format import plural, reward, when

E = TypeVar("E", bound=Event)
_ROWS = msgspec.json.Decoder(list[SuiteTrialRow])
RULED = {"accept": "accepted", "reject": "rejected", "more": "put to a trial first"}


async def sentences(past: Past, recorded: Recorded, at: str) -> list[str] | None:
    """Say what an event says.

    Args:
        past: Of its run.
        recorded: The event.
        at: When, and in which run, in words.

    Returns:
        None where its kind has no words of its own.
    """
    match recorded.event:
        case SkillRevised(library=str()) as revised:
            what = f"Revision {revised.revision} of the skill {revised.skill} was accepted {at}"
            into = f"for the library {revised.library} ({(revised.origin or 'distilled').replace('_', ' ')})"
            return [f"{what}, {into}.", *await _learnt(past, recorded)]
        case SkillRejected(library=str()) as rejected:
            what = f"A candidate of the skill {rejected.skill} was rejected {at}, for the library {rejected.library}"
            return [f"{what}: {_listed(rejected.reasons)}.", *await _learnt(past, recorded)]
        case PatchChecked() | RevisionRuled():
            said = _checked(recorded.event, at) if isinstance(recorded.event, PatchChecked) else _ruled(recorded, at)
            return [said, *await _trial_of(past, recorded, recorded.event.task)]
        case ConstructionClosed() | TaskPublished():
            return [_made(recorded, at), *await _proved(past, recorded)]
        case RunClosed() as closed:
            return [f"The run was closed {at}{await _ended(past, closed)}.", *await _compared(past)]
        case _:
            kinds = (_of_skill, _of_library, _of_task, _of_trial, _of_training, _of_scores)
            return [told for kind in kinds if (told := kind(recorded, at)) is not None] or None


def _of_skill(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case SkillRetired(skill, revision, reason):
            return f"The skill {skill}, revision {revision}, was retired {at}: {reason}."
        case SkillQuarantined(skill, revision, reason, library):
            return f"The skill {skill}, revision {revision}, of the library {library} was quarantined {at}: {reason}."
        case SkillNarrowed(skill, revision, exclude, reason, library):
            what = f"The skill {skill}, revision {revision}, of the library {library} was narrowed {at}"
            return f"{what}, and is not given in {', '.join(exclude)} any more: {reason}."
        case SkillRolledBack() as back:
            what = f"The skill {back.skill} was rolled back {at}, from revision {back.revision} to {back.to}"
            return f"{what}: {back.reason}."
        case _:
            return None


def _of_library(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case LibraryFrozen(skills=skills, library=library):
            held = ", ".join(f"{each.skill} revision {each.revision}" for each in skills) or "no skill"
            return f"The library{'' if library is None else f' {library}'} was frozen {at}, with {held}."
        case LibraryClosed() as closed:
            scored = f"{closed.scored} of {plural(closed.planned, 'trial')} have a score"
            return f"The library {_name(recorded)} was closed {at}: {closed.ending}; {scored}."
        case _:
            return None


def _of_task(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case ProofConcluded() as proof:
            return f"The proof of the task {_name(recorded)} ended {at}: {_verdict(proof)}"
        case BlueprintCritiqued(issues=issues, blocking=blocking):
            told = "; ".join(f"{each.area}: {each.message}" for each in issues if each.severity == "error")
            why = f": {told}" if told else ""
            return f"The blueprint of {_name(recorded)} was looked through {at}, with {plural(blocking, 'error')}{why}."
        case _:
            return None


def _of_trial(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case MemoKept(attempt, _, problems):
            why = _listed(problems)
            return f"After attempt {attempt} the memo was not rewritten {at}: {why}. The one before stayed."
        case MemoRewritten(attempt):
            return f"The memo was rewritten {at}, after attempt {attempt}."
        case InterventionChosen(attempt, level, _, reason):
            return f"For attempt {attempt} the intervention {level} was chosen {at}: {reason or 'no reason given'}."
        case TrialClosed(outcome, attempts, best):
            ended = f"{WORDS[outcome]} after {plural(attempts, 'attempt')}, reward {reward(best)}"
            return f"The trial {_name(recorded)} was closed {at}: {ended}."
        case _:
            return None


def _of_training(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case StepSkipped(step, reason):
            return f"Step {step} of the training was skipped {at}: {reason}."
        case TrainingClosed(ending, steps, accepted, rejected, skipped):
            counts = f"{accepted} accepted, {rejected} rejected, {skipped} skipped"
            return f"The training ended {at}: {ending}, after {plural(steps, 'step')}; {counts}."
        case _:
            return None


def _of_scores(recorded: Recorded, at: str) -> str | None:
    match recorded.event:
        case EvaluationScored(solved=solved, reward=found):
            return f"The cell {_name(recorded)} was scored {at}: {_score(found, solved=solved)}."
        case EvaluationFound(run=run, solved=solved, reward=found):
            what = f"For the cell {_name(recorded)} a stored score was taken {at}"
            return f"{what}, that of run {run}: {_score(found, solved=solved)}."
        case CellUnscored(reason=reason):
            return f"The cell {_name(recorded)} ended without a score {at}: {reason.replace('_', ' ')}."
        case ArmsCompared() as compared:
            return " ".join((f"The arms were compared {at}.", *_verdicts(compared)))
        case _:
            return None


def _score(found: float | None, *, solved: bool) -> str:
    return f"{'solved' if solved else 'unsolved'}, reward {reward(found)}"


def _verdicts(compared: ArmsCompared) -> Iterator[str]:
    for each in compared.verdicts:
        share = "" if each.difference is None else f", difference {100 * each.difference:+.1f}"
        p = "" if each.p is None else f", p {each.p:.3g}"
        why = f": {each.reason}" if each.reason else ""
        yield f"Beside {each.baseline or compared.baseline}, {each.arm}: {each.verdict}{share}{p}{why}."


_ENDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "prove": ("sound", "unsound", "not proved"),
    "construct": ("published", "given up", "without an end"),
}
"""What a program calls what the others call solved, unsolved, and without a verdict."""


async def _ended(past: Past, closed: RunClosed) -> str:
    """Say what came of the parts of a run; of one over a suite, of its libraries."""
    history = [each.event for each in await past.stream("run")]
    opened = next((each for each in history if isinstance(each, RunOpened)), None)
    planned = next((each for each in history if isinstance(each, EvolutionPlanned)), None)
    if planned is None:
        words = _ENDS.get((opened.program if opened else None) or "", ("solved", "unsolved", "without a verdict"))
        counts = (closed.solved, closed.unsolved, closed.no_verdict)
        return ": " + ", ".join(f"{number} {word}" for number, word in zip(counts, words, strict=True))
    libraries = [each for each in await streams_of(past.log, past.run) if family_of(each) == LIBRARY]
    ends = [
        each.event for name in libraries for each in await past.stream(name) if isinstance(each.event, LibraryClosed)
    ]
    scored, trials = sum(each.scored for each in ends), sum(each.planned for each in ends)
    completed = sum(each.ending == "completed" for each in ends)
    through = f"{completed} of {len(planned.libraries)} libraries went through all that was scheduled"
    return f": {through}; {scored} of {plural(trials, 'trial')} have a score"


async def _compared(past: Past) -> list[str]:
    """Say what the comparison of a run came to. Empty: it compared nothing."""
    found = [each.event for each in await past.stream("run") if isinstance(each.event, ArmsCompared)]
    return [*_verdicts(found[-1])] if found else []


async def _learnt(past: Past, recorded: Recorded) -> list[str]:
    """Say from which trial a candidate was written, and who accepted it, or did not."""
    before = [each for each in await past.stream(recorded.stream.name) if each.version < recorded.version]
    candidate = recorded.event.candidate if isinstance(recorded.event, SkillRevised | SkillRejected) else None
    if candidate is None:
        return ["No author wrote it: the library began with it, and no gate was asked."]
    ruled, checked = _last(before, RevisionRuled), _last(before, PatchChecked)
    said = []
    if ruled is not None:
        gate = f"The gate {ruled.gate} ruled" if ruled.gate else "No gate was asked"
        said.append(f"{gate}: {ruled.reason}.")
    if checked is not None:
        allowed = "The rules of the library allow it" if not checked.refusals else "The rules of the library refuse it"
        said.append(f"{allowed}; its author's summary: {_listed((checked.summary.rstrip('.'),))}.")
        said += await _trial_of(past, recorded, checked.task)
    return said


async def _trial_of(past: Past, recorded: Recorded, task: str) -> list[str]:
    """Say how the trial ended that a patch was written from."""
    for each in reversed([each for each in await past.stream(recorded.stream.name) if each.version < recorded.version]):
        if not isinstance(each.event, TrialsScored):
            continue
        try:
            rows = _ROWS.decode(await past.log.get(each.event.rows))
        except (BlobErased, BlobMissing):
            return [f"It was written after the trial of {task}, whose score cannot be read any more."]
        for row in rows:
            if row.task == task:
                ended = _score(row.reward, solved=row.solved) if row.solved is not None else "without a score"
                return [f"It was written after the trial of {task}, scored on {when(each.at)} UTC: {ended}."]
    return [f"It was written for {task}, before any trial of it."]


def _checked(checked: PatchChecked, at: str) -> str:
    what = f"What the author wrote for {checked.task}"
    if checked.refusals:
        return f"{what} was refused {at}: {_listed(checked.refusals)}."
    if checked.unchanged or not checked.skills:
        return f"{what} was checked {at}, and changes nothing."
    changes = ", ".join(f"{each.change} {each.skill}" for each in checked.skills)
    return f"{what} was found within the rules {at}: {changes}."


def _ruled(recorded: Recorded, at: str) -> str:
    match recorded.event:
        case RevisionRuled(task, outcome, reason, _, gate):
            by = f"by the gate {gate}" if gate else "without a gate"
            return f"The patch that was written for {task} was {RULED[outcome]} {at}, {by}: {reason}."
        case _:
            return ""


def _made(recorded: Recorded, at: str) -> str:
    match recorded.event:
        case TaskPublished(name, digest):
            return f"The task {name} was published {at}; its folder has the digest {digest[:12]}."
        case ConstructionClosed("published", rounds):
            return f"The task {_name(recorded)} was published {at}, after {plural(rounds, 'round')}."
        case ConstructionClosed(ending, rounds, reasons):
            why = f"{ending.replace('_', ' ')} after {plural(rounds, 'round')}"
            return f"No task {_name(recorded)} was published {at}, {why}: {_listed(reasons)}."
        case _:
            return ""


async def _proved(past: Past, recorded: Recorded) -> list[str]:
    """Say what the last proof of a task found, and when."""
    before = [each for each in await past.stream(recorded.stream.name) if each.version < recorded.version]
    for each in reversed(before):
        if isinstance(each.event, ProofConcluded):
            return [f"Its last proof ended on {when(each.at)} UTC: {_verdict(each.event)}"]
    return ["No proof of it was made."]


def _verdict(proof: ProofConcluded) -> str:
    told = [f"{each.step.replace('_', ' ')} {each.state.replace('_', ' ')}: {each.detail}" for each in proof.findings]
    return f"{proof.verdict.replace('_', ' ')}{' (' if told else ''}{'; '.join(told)}{')' if told else ''}."


def _last(before: Sequence[Recorded], kind: type[E]) -> E | None:
    return next((each.event for each in reversed(before) if isinstance(each.event, kind)), None)


def _listed(reasons: Sequence[str]) -> str:
    return "; ".join(each.rstrip(".") for each in reasons if each) or "no reason given"


def _name(recorded: Recorded) -> str:
    return recorded.stream.name.partition("/")[2]
