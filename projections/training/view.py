"""The fold of training: steps, edits, gates, scores and revisions of each run that trains a skill."""

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.streams import CELL, TRAIN, arm_of_cell, epoch_label, family_of, train_label
from events.types.decision import ShadowFailed
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.item import ItemsAsked, ItemsRead
from events.types.optimizing import OptimizerClosed, OptimizerOpened
from events.types.skill import SkillRejected
from events.types.training import (
    AppendixNoted,
    BatchBroken,
    BufferNoted,
    CandidateMade,
    DoNothingScored,
    EditsMerged,
    EditsSelected,
    EpochPlanned,
    GateDecided,
    GateOutcome,
    MetaWritten,
    PatchesGathered,
    PauseAsked,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SlowProposed,
    StepOpened,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
    TrainingResumed,
)
from projections.base import Blobs
from projections.library import folder_digest
from projections.training.state import (
    CandidateRecord,
    CandidateStanding,
    EditRecord,
    EpochEnd,
    GateRecord,
    GateTerms,
    MetaRecord,
    OptimizerRecord,
    ProposedEdit,
    RevisionRecord,
    SetPass,
    StepRecord,
    TrainedCell,
    TrainedRun,
    TrainingState,
)

GATE: Final = "gate"
"""Name of the point at which gates decide."""


_PLACEBO_STANDINGS: Final[Mapping[GateOutcome, CandidateStanding]] = {
    "accept": "accepted",
    "reject": "rejected",
    "undecided": "undecided",
}


class _ReportedEdit(msgspec.Struct):
    """What became of an edit, as the report of a candidate has it."""

    edit: ProposedEdit
    status: str
    applied: bool
    hint: str = ""


_items: Final = msgspec.json.Decoder(list[ProposedEdit])
_terms: Final = msgspec.json.Decoder(GateTerms)
_report: Final = msgspec.json.Decoder(list[_ReportedEdit])


class Training:
    """The projection."""

    name = "training"
    revision = 3
    tags: frozenset[str] | None = frozenset(
        {
            *("train.planned", "train.do_nothing_scored", "epoch.planned", "step.opened", "rollouts.scored"),
            *("batch.broken", "train.pause_asked", "train.resumed", "patches.gathered", "edits.merged", "rate.chosen"),
            *("edits.selected", "candidate.made", "gate.decided", "skill.accepted", "skill.rejected", "step.skipped"),
            *("buffer.noted", "slow.proposed", "meta.written", "appendix.noted", "train.closed"),
            *("cell.opened", "evaluation.scored", "evaluation.found", "cell.unscored", "items.asked", "items.read"),
            *("optimizer.opened", "optimizer.closed", "decision.shadow_failed"),
        }
    )

    def initial(self) -> TrainingState:
        """No runs."""
        return TrainingState({}, {})

    def state_type(self) -> type[TrainingState]:
        """For snapshots."""
        return TrainingState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Name the lists of edits."""
        match recorded.event:
            case EditsMerged(items=items):
                return (items,)
            case CandidateMade(report=report):
                return (report,)
            case GateDecided(shadow=None, rule=str() as rule):
                return (rule,)
            case _:
                return ()

    def apply(self, state: TrainingState, recorded: Recorded, blobs: Blobs) -> TrainingState:
        """Fold one event in."""
        name = recorded.stream.run
        match recorded.event:
            case ItemsAsked(set=of):
                state.asked[name] = of
            case ItemsRead() as read:
                of = f"{state.asked[name]}." if name in state.asked else ""
                types = {f"{of}{each.name}": each.task_type for each in read.items if each.task_type is not None}
                if types:
                    state.types.setdefault(name, {}).update(types)
            case TrainingPlanned() as planned:
                state.runs[name] = _planned(name, planned, recorded)
            case _ if name in state.runs:
                _apply(state.runs[name], recorded, blobs)
            case _:
                pass
        return state


def _planned(name: str, event: TrainingPlanned, recorded: Recorded) -> TrainedRun:
    digest = folder_digest(event.files) if event.files else None
    initial = RevisionRecord(
        revision=0,
        digest=digest,
        files=event.files,
        parent=None,
        candidate=None,
        origin="initial",
        step=0,
        epoch=0,
        best=True,
        score=None,
        believed=None,
        variance=None,
        at=recorded.ref,
    )
    return TrainedRun(
        run=name,
        skill=event.skill,
        initial=event.files,
        sets=event.sets,
        planned_at=recorded.ref,
        revisions=[initial],
    )


def _apply(run: TrainedRun, recorded: Recorded, blobs: Blobs) -> None:
    family = family_of(recorded.stream.name)
    if family == CELL:
        _apply_cell(run, recorded)
    elif family == TRAIN:
        _apply_course(run, recorded)
        _apply_epoch(run, recorded)
        _apply_step(run, recorded, blobs)
        _apply_candidate(run, recorded, blobs)
    else:
        _apply_question(run, recorded)


def _apply_cell(run: TrainedRun, recorded: Recorded) -> None:
    stream = recorded.stream.name
    label = arm_of_cell(stream.partition("/")[2])
    cell = run.cells.get(label, {}).get(stream)
    match recorded.event:
        case CellOpened(item=item, repeat=repeat):
            run.cells.setdefault(label, {})[stream] = TrainedCell(item=item, repeat=repeat)
        case EvaluationScored(solved=solved, reward=reward) if cell is not None:
            cell.solved, cell.reward, cell.at = solved, reward, recorded.ref
        case EvaluationFound(solved=solved, reward=reward) as found if cell is not None:
            cell.solved, cell.reward, cell.at = solved, reward, recorded.ref
            cell.found_in = None if found.run == run.run else found.run
        case CellUnscored(reason=reason) if cell is not None:
            cell.unscored, cell.at = reason, recorded.ref
        case _:
            pass


def _apply_question(run: TrainedRun, recorded: Recorded) -> None:
    """Take in what the optimizer was asked."""
    stream = recorded.stream.name
    match recorded.event:
        case OptimizerOpened(stage=stage, cells=cells):
            run.questions[stream] = OptimizerRecord(stage=stage, cells=cells)
        case OptimizerClosed() as closed if stream in run.questions:
            question = run.questions[stream]
            question.ending, question.reason, question.hidden = closed.ending, closed.reason, closed.hidden
        case _:
            pass


def _apply_course(run: TrainedRun, recorded: Recorded) -> None:
    """Take in how the run goes."""
    match recorded.event:
        case DoNothingScored(solved=solved, measured=measured):
            run.do_nothing, run.do_nothing_measured = solved, measured
        case EpochPlanned(epoch=epoch, steps=steps):
            run.epochs[str(epoch)] = steps
        case RolloutsScored() as scored:
            _scored(run, scored, recorded)
        case PauseAsked(label=label):
            run.paused = label
        case TrainingResumed():
            run.paused = None
        case TrainingClosed() as closed:
            run.closed = closed
        case _:
            pass


def _apply_epoch(run: TrainedRun, recorded: Recorded) -> None:
    """Take in what the end of an epoch came to."""
    match recorded.event:
        case SlowProposed() as found:
            counts = (found.improved, found.regressed, found.failing, found.passing)
            run.epoch_ends.append(EpochEnd(found.epoch, found.pairs, *counts, recorded.ref))
        case MetaWritten(epoch=epoch, text=text, kept=kept):
            run.meta.append(MetaRecord(epoch, text, kept))
        case AppendixNoted(notes=notes):
            run.notes = notes
        case _:
            pass


def _scored(run: TrainedRun, event: RolloutsScored, recorded: Recorded) -> None:
    means = (event.planned, event.scored, event.hard, event.soft)
    run.passes.append(SetPass(event.label, event.purpose, event.skill, *means, recorded.ref))
    last = _latest(run) if run.candidates else None
    if event.purpose == "train" and run.steps and event.label.startswith(train_label(run.steps[-1].step, "rollout")):
        run.steps[-1].passes.append(event.label)
    elif event.purpose == "selection" and last is not None and last.standing == "open":
        (last.passes if event.skill == last.digest else last.beside).append(event.label)
    elif event.purpose == "selection" and run.in_force.score is None and event.skill == run.in_force.digest:
        run.in_force.score = event.hard


def _apply_step(run: TrainedRun, recorded: Recorded, blobs: Blobs) -> None:
    """Take in what a step came to besides its candidate."""
    event = recorded.event
    if isinstance(event, StepOpened):
        run.steps.append(StepRecord(step=event.step, epoch=event.epoch, number=event.number, at=recorded.ref))
        return
    if not run.steps:
        return
    step = run.steps[-1]
    _apply_proposals(step, recorded, blobs)
    match event:
        case BatchBroken(reason=reason):
            step.broken.append(reason)
        case StepSkipped(reason=reason):
            step.skipped = reason
        case BufferNoted(note=note):
            step.note = note
        case _:
            pass


def _apply_proposals(step: StepRecord, recorded: Recorded, blobs: Blobs) -> None:
    match recorded.event:
        case PatchesGathered(patches=patches):
            step.patches = patches
        case EditsMerged(items=items, count=count, merges=merges):
            step.items, step.available, step.merges = _listed(blobs, items), count, merges
        case RateChosen(rate=rate, reason=reason):
            step.rate, step.rate_taken, step.rate_reason = rate, True, reason
        case EditsSelected(selected=selected, how=how):
            step.selected, step.how = selected, how
        case _:
            pass


def _listed(blobs: Blobs, items: Digest) -> list[ProposedEdit]:
    """Read a list of edits; nothing where it was erased, or is none."""
    try:
        return _items.decode(blobs.get(items, b"[]"))
    except msgspec.MsgspecError:
        return []


def _apply_candidate(run: TrainedRun, recorded: Recorded, blobs: Blobs) -> None:
    event = recorded.event
    match event:
        case CandidateMade():
            _made(run, event, recorded, blobs)
        case GateDecided():
            _ruled(run, event, recorded, blobs)
        case ShadowFailed(point=point, shadow=shadow, error=error) if point == GATE and run.candidates:
            _latest(run).shadow_failures[shadow] = error
        case SkillAccepted():
            _accepted(run, event, recorded)
        case SkillRejected(reasons=reasons):
            candidate = _meant(run, event.candidate)
            if candidate is not None:
                candidate.standing, candidate.reasons, candidate.ended = "rejected", reasons, recorded.ref
        case _:
            pass


def _name(run: TrainedRun, event: CandidateMade) -> str:
    match event.origin:
        case "step" | "rewrite":
            name = f"s{event.step}"
        case "slow":
            name = epoch_label(event.epoch, "slow")
        case "appendix" | "placebo":
            name = train_label(event.step, event.origin)
        case _:
            assert_never(event.origin)
    taken = sum(each.name.partition("~")[0] == name for each in run.candidates)
    return f"{name}~{taken + 1}" if taken else name


def _made(run: TrainedRun, event: CandidateMade, recorded: Recorded, blobs: Blobs) -> None:
    step = run.steps[-1] if run.steps and event.origin in {"step", "rewrite"} else None
    candidate = CandidateRecord(
        name=_name(run, event),
        skill=event.skill,
        origin=event.origin,
        step=event.step,
        epoch=event.epoch,
        files=event.files,
        digest=folder_digest(event.files),
        parent=event.parent,
        at=recorded.ref,
        applied=event.applied,
        refused=event.refused,
        changed=event.changed,
        edits=_edits(step, blobs, event.report),
        in_force=run.in_force.digest,
    )
    (run.placebos if event.origin == "placebo" else run.candidates).append(candidate)
    if step is not None:
        step.candidates.append(candidate.name)


def _edits(step: StepRecord | None, blobs: Blobs, report: Digest) -> list[EditRecord]:
    """Join what was proposed with what became of it: selected edits stand in the report in the order of selection."""
    try:
        found = _report.decode(blobs.get(report, b"[]"))
    except msgspec.MsgspecError:
        found = []
    places = [] if step is None else list(step.selected)
    records: list[EditRecord] = []
    for number, each in enumerate(found):
        place = places[number] + 1 if number < len(places) else number + 1
        records.append(
            EditRecord(
                place=place, edit=each.edit, selected=True, status=each.status, applied=each.applied, hint=each.hint
            )
        )
    told = {each.place for each in records}
    rest = [] if step is None else list(enumerate(step.items, start=1))
    chosen = {place + 1 for place in places}
    records += [
        EditRecord(place=place, edit=edit, selected=place in chosen) for place, edit in rest if place not in told
    ]
    return sorted(records, key=lambda each: each.place)


def _terms_of(blobs: Blobs, rule: Digest, before: GateTerms) -> GateTerms:
    """Read what a gate takes as scores; as before where its rule was erased."""
    try:
        return _terms.decode(blobs.get(rule, b""))
    except msgspec.MsgspecError:
        return before


def _ruled(run: TrainedRun, event: GateDecided, recorded: Recorded, blobs: Blobs) -> None:
    candidate = _meant(run, event.candidate)
    if candidate is None:
        return
    if event.shadow is None and event.rule is not None:
        run.terms = _terms_of(blobs, event.rule, run.terms)
    record = GateRecord(
        event.gate,
        event.shadow,
        event.outcome,
        event.reason,
        event.run,
        event.figures,
        event.score,
        event.believed,
        event.variance,
        event.rows,
        event.beside,
        event.best,
        recorded.ref,
    )
    if event.shadow is None:
        candidate.gates.append(record)
        if candidate.origin == "placebo" and event.outcome != "more":
            candidate.standing, candidate.reasons = _PLACEBO_STANDINGS[event.outcome], (event.reason,)
            candidate.ended = recorded.ref
        elif event.outcome == "undecided":
            candidate.standing, candidate.reasons, candidate.ended = "undecided", (event.reason,), recorded.ref
    else:
        candidate.shadows.setdefault(event.shadow, []).append(record)


def _accepted(run: TrainedRun, event: SkillAccepted, recorded: Recorded) -> None:
    candidate = _meant(run, event.candidate)
    last = None if candidate is None or not candidate.gates else candidate.gates[-1]
    if candidate is not None:
        candidate.standing, candidate.revision, candidate.ended = "accepted", event.revision, recorded.ref
    run.revisions.append(
        RevisionRecord(
            revision=event.revision,
            digest=folder_digest(event.files),
            files=event.files,
            parent=event.parent,
            candidate=None if candidate is None else candidate.name,
            origin=event.origin,
            step=event.step,
            epoch=event.epoch,
            best=event.best,
            score=None if last is None else last.score,
            believed=None if last is None else last.believed,
            variance=None if last is None else last.variance,
            at=recorded.ref,
        )
    )


def _latest(run: TrainedRun) -> CandidateRecord:
    """Give what came to the gate last."""
    return max((*run.candidates, *run.placebos), key=lambda each: each.at.version)


def _meant(run: TrainedRun, at: Ref) -> CandidateRecord | None:
    return next((each for each in reversed((*run.candidates, *run.placebos)) if each.at == at), None)
