"""A trial of a library, with what its verifier says and the skills that it was given."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.core.fold import fold_run
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.streams import CELL, RETRIEVE, arm_of_cell, cell_stream, item_of_cell, trial_of
from events.types.evaluation import CellUnscored, EvaluationScored
from events.types.evolution import RetrievalMade
from events.types.sandbox import VerifierRewarded, VerifierSilent
from projections.exposure import Exposure
from projections.library import Library, Revision, Skill, SkillLibrary, library_key
from projections.verifier_groups import read_groups
from views.libraries.evolved import read_by
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.ids import LATEST, find_run, place_in
from views.terminal.log_access import OpenedLog


class FailedTrial(NamedTuple):
    """What a trial came to, and by which skills."""

    run: str
    name: str
    """Such as ``curated.E1/rows-adversarial/1``."""
    outcome: str
    failures: tuple[str, ...]
    """Checks that failed, each with its message."""
    skills: tuple[tuple[Skill, Revision], ...]
    """That it read; where nobody knows of any, all that it was given."""
    told_skills: str
    """The same in words."""
    why: str
    """Its score, as `why` and `show` take it."""


async def find_trial(desk: OpenedLog, text: str) -> FailedTrial:
    """Find a trial of a library: ``TRIAL`` of the latest run, or ``RUN:TRIAL``.

    Raises:
        IdUnknown: There is no such trial.
        UsageWrong: It has no score, or was not given skills of a library.
    """
    head, colon, rest = text.rpartition(":")
    run = await find_run(desk.log, head if colon else LATEST)
    name = (rest if colon else text).removeprefix(f"{CELL}/")
    scored = await _scored(desk.log, run, name)
    made = await _retrieved(desk.log, run, name)
    retrieved = made.event
    assert isinstance(retrieved, RetrievalMade)
    reads = (await read_by(desk.log, run)).get(name, {})
    skills = await _skills(desk.log, made, reads)
    event = scored.event
    outcome = "has no score"
    if isinstance(event, EvaluationScored):
        reward = "" if event.reward is None else f", reward {event.reward:g}"
        outcome = f"{'solved' if event.solved else 'failed'}{reward}"
    given = {each.skill: reads.get(each.skill) for each in retrieved.skills}
    told = ", ".join(f"{skill} ({_READ[read]})" for skill, read in given.items())
    failures = await _failures(desk.log, run, name)
    where = place_in(run, scored.stream.name, scored.version)
    return FailedTrial(run, name, outcome, failures, skills, told or "none", where)


_READ: Mapping[Exposure | None, str] = {
    "yes": "read",
    "no": "not read",
    "unknown": "perhaps read",
    None: "nothing says whether it was read",
}


async def _scored(log: EventLog, run: str, name: str) -> Recorded:
    """Find the score of a trial."""
    wanted = Selection(run=run, tags={"evaluation.scored", "cell.unscored"})
    found = [each async for each in log.read(wanted) if isinstance(each.event, EvaluationScored | CellUnscored)]
    own = [each for each in found if each.stream.name == cell_stream(name)]
    if not own:
        names = [each.stream.name.partition("/")[2] for each in found]
        raise IdUnknown(f"{run}:{name}", "trial", names)
    return own[-1]


async def _retrieved(log: EventLog, run: str, name: str) -> Recorded:
    """Find the retrieval that a trial's skills came from."""
    label, task = arm_of_cell(name), item_of_cell(name)
    async for each in log.read(Selection(run=run, tags={"retrieval.made"})):
        if isinstance(each.event, RetrievalMade) and each.event.task == task and _is_of(each.stream.name, label):
            return each
    raise UsageWrong(
        f"{name} of run {run} was given no skills of a library that the run evolves",
        remedy="name a trial of an arm with a library; `stillroom show RUN` lists them",
    )


def _is_of(stream: str, label: str) -> bool:
    """Say whether a retrieval is that of cells with a label, such as ``curated.E1.replay``."""
    family, _, place = stream.partition("/")
    library, _, task = place.rpartition("/")
    return family == RETRIEVE and ".".join(filter(None, (*library.split("/"), task.partition(".")[2]))) == label


async def _skills(log: EventLog, made: Recorded, reads: Mapping[str, Exposure]) -> tuple[tuple[Skill, Revision], ...]:
    """Find the revisions that were given, of the skills that were read."""
    run, stream = made.stream
    assert isinstance(made.event, RetrievalMade)
    (state,) = await fold_run(log, [Library()], run)
    library = state.named.get(library_key(run, "/".join(stream.split("/")[1:3])), SkillLibrary())
    digests = {each.skill: each.digest for each in made.event.skills}
    read = [name for name in digests if reads.get(name) == "yes"] or list(digests)
    held = [library.skills[name] for name in read if name in library.skills]
    found = ((skill, skill.lineage(digests[skill.name])) for skill in held)
    return tuple((skill, line[-1]) for skill, line in found if line)


async def _failures(log: EventLog, run: str, name: str) -> tuple[str, ...]:
    """List the checks that failed in the last verification of a trial."""
    last: VerifierRewarded | VerifierSilent | None = None
    async for each in log.read(Selection(run=run, tags={"verify.rewarded", "verify.silent"})):
        if isinstance(each.event, VerifierRewarded | VerifierSilent) and trial_of(each.stream.name) == name:
            last = each.event
    if last is None:
        return ()
    files = {each.name: await log.get(each.digest) for each in last.files or ()}
    failed = [each for each in read_groups(files).tests if not each.passed]
    return tuple(f"[{each.side}] {each.name}: {each.message}" if each.message else each.name for each in failed)
