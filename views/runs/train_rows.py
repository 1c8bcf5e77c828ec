"""Steps of a training run as rows: what each was given, what became of its candidate, and what is believed after it."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Final, NamedTuple

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.types.training import GateOutcome
from events.values import Ratio
from projections.training.measures import (
    SetCoverage,
    changes_of,
    coverage_of,
    failed_ends,
    fresh_score,
    gain_of,
    passes_of,
    selection_score,
)
from projections.training.state import CandidateRecord, GateRecord, RevisionRecord, SetPass, StepRecord, TrainedRun
from views.terminal.format import plural
from views.terminal.tables import RecordView, TableView

RAW: Final = "raw_mean"
LEVEL: Final = "filtered_level"
ENDS: Final[Mapping[str, str]] = {"slow": "slow update", "meta": "meta skill"}
"""What the optimizer is asked at the end of an epoch, as people call it."""
LEVEL_VARIANCE: Final = "filtered_variance"
BELIEFS: Final = frozenset({RAW, LEVEL, LEVEL_VARIANCE})
"""Figures that every ruling of a gate has beside its own: what would be believed in other ways."""


class TrainStepRow(msgspec.Struct, frozen=True, tag_field="kind", tag="train_step"):
    """A step of a training run, or a candidate at the end of an epoch; the first row is the initial skill."""

    run: str
    step: int
    """0: the initial skill."""
    epoch: int
    candidate: str | None
    """Such as ``s3`` or ``e2.slow``; `edits show` takes it. None: there is none."""
    rollouts: int
    """Cells that were rolled out to learn from; of the initial skill, its first pass over the selection set, of which
    ``raw`` is the mean."""
    rollouts_scored: int
    rollouts_score: float | None
    """Share of them that are solved. None: none is scored, or nothing was to be learnt."""
    proposed: int | None
    """Edits in the merged list. None: there is none."""
    rate: int | None
    """Edits that could be applied. None: any number, or none was taken."""
    applied: int
    refused: int
    outcome: str
    """``initial``, ``accepted``, ``rejected``, ``undecided``, ``skipped`` or ``running``."""
    reason: str
    """Of the gate, or why the step was skipped."""
    score: float | None
    """Mean of the candidate's scores, in [0, 1]. None: it has none."""
    rows: int
    """Scores of the candidate that the last ruling rests on."""
    gain: float | None
    """Mean over items of the paired difference to the revision in force before. None: nothing is paired."""
    believed: float | None
    """What the gate believes of the revision in force after it, in [0, 1]. None: nothing so far."""
    deviation: float | None
    """Standard deviation of that. None: the gate states none."""
    raw: float | None
    """Mean of the pass by which the revision in force was accepted: what SkillOpt stores, and too high."""
    level: float | None
    """Filtered level of the revision in force, whatever gate decides."""
    level_deviation: float | None
    measured: float | None
    """Mean over the items that count of the passes over the revision in force since it came into force, by which it was
    not chosen. None: there was none."""
    measured_cells: int
    """Cells with a score behind ``measured``."""
    measured_items: int
    """Items behind ``measured``."""
    revision: int
    """In force after it."""
    shadows: Mapping[str, GateOutcome]
    """What the shadow gates came to, by name."""
    counted: int
    """Selection items that count at the gate, in ``score``, ``believed``, ``raw``, ``level`` and ``measured``."""
    selection: int
    """All selection items."""


class Beliefs(NamedTuple):
    """What is believed of a revision of the skill, as in a row of a step."""

    believed: float | None
    deviation: float | None
    raw: float | None
    level: float | None
    level_deviation: float | None


_NOTHING: Final = Beliefs(None, None, None, None, None)


def step_rows(run: TrainedRun) -> list[TrainStepRow]:
    """List the steps of a run, and the candidates at ends of epochs, in order; the initial skill first."""
    return _believed_along(run)[0]


def revision_beliefs(run: TrainedRun) -> dict[int, Beliefs]:
    """Say what was believed of each revision last while it was in force; placebos move that, too, and have no row."""
    return _believed_along(run)[1]


def _believed_along(run: TrainedRun) -> tuple[list[TrainStepRow], dict[int, Beliefs]]:
    in_force, beliefs = run.revisions[0], _first_beliefs(run)
    rows, last_of = [_initial(run, beliefs)], {in_force.revision: beliefs}
    for step, candidate in _course(run):
        last = candidate.gates[-1] if candidate is not None and candidate.gates else None
        beliefs = beliefs if last is None else _beliefs(last, beliefs)
        if candidate is not None and candidate.revision is not None:
            in_force = next(each for each in run.revisions if each.revision == candidate.revision)
        rows.append(_row(run, step, candidate, in_force, beliefs))
        for placebo in run.placebos:
            if step is not None and placebo.step == step.step and placebo.gates:
                beliefs = _beliefs(placebo.gates[-1], beliefs)
        last_of[in_force.revision] = beliefs
    return rows, last_of


def _first_beliefs(run: TrainedRun) -> Beliefs:
    """Say what is believed of the initial skill: what the first gate began with; before that, its first pass."""
    first = next(iter(passes_of(run, run.revisions[0].digest)), None)
    scored = None if first is None else selection_score(run, [first.label])
    mean = None if scored is None else float(scored.mean)
    found = _NOTHING._replace(believed=mean, raw=mean, level=mean)
    ruled = next((each.gates[0] for each in run.candidates if each.gates), None)
    return _beliefs(ruled, found) if ruled is not None and ruled.outcome == "more" else found


def _beliefs(last: GateRecord, before: Beliefs) -> Beliefs:
    """Read what is believed after a ruling; what it does not say stays as it was."""
    variance = last.figures.get(LEVEL_VARIANCE)
    return Beliefs(
        before.believed if last.believed is None else number(last.believed),
        None if last.variance is None else sqrt(last.variance.exact),
        last.figures.get(RAW, before.raw),
        last.figures.get(LEVEL, before.level),
        before.level_deviation if variance is None else sqrt(max(0.0, variance)),
    )


def _course(run: TrainedRun) -> Iterator[tuple[StepRecord | None, CandidateRecord | None]]:
    """Go through steps and candidates in the order in which they came."""
    late = [each for each in run.candidates if each.origin in {"slow", "appendix"}]
    for step in run.steps:
        own = [each for each in run.candidates if each.name in step.candidates]
        yield from ((step, each) for each in own)
        if not own:
            yield step, None
        for each in late:
            if each.step == step.step:
                yield None, each


def _initial(run: TrainedRun, beliefs: Beliefs) -> TrainStepRow:
    first = next(iter(passes_of(run, run.revisions[0].digest)), None)
    row = _row(run, None, None, run.revisions[0], beliefs)
    rolled = _rolled([] if first is None else [first])
    return msgspec.structs.replace(row, outcome="initial", **rolled._replace(rollouts_score=None)._asdict())


def _row(
    run: TrainedRun,
    step: StepRecord | None,
    candidate: CandidateRecord | None,
    in_force: RevisionRecord,
    beliefs: Beliefs,
) -> TrainStepRow:
    last = candidate.gates[-1] if candidate is not None and candidate.gates else None
    gain = None if candidate is None else gain_of(changes_of(run, candidate))
    fresh = fresh_score(run, in_force)
    rolled = _rolled([] if step is None else [each for each in run.passes if each.label in step.passes])
    return TrainStepRow(
        run=run.run,
        step=step.step if step is not None else candidate.step if candidate is not None else 0,
        epoch=step.epoch if step is not None else candidate.epoch if candidate is not None else 0,
        candidate=None if candidate is None else candidate.name,
        proposed=None if step is None else step.available,
        rate=None if step is None else step.rate,
        applied=0 if candidate is None else candidate.applied,
        refused=0 if candidate is None else candidate.refused,
        outcome=_outcome(step, candidate),
        reason=_reason(step, candidate),
        score=None if last is None else number(last.score),
        rows=0 if last is None else last.rows,
        gain=None if gain is None else float(gain),
        **beliefs._asdict(),
        measured=None if fresh is None else float(fresh.mean),
        measured_cells=0 if fresh is None else fresh.cells,
        measured_items=0 if fresh is None else fresh.items,
        revision=in_force.revision,
        shadows={} if candidate is None else {name: each[-1].outcome for name, each in candidate.shadows.items()},
        counted=counted_items(run),
        selection=_selection(run),
        rollouts=rolled.rollouts,
        rollouts_scored=rolled.rollouts_scored,
        rollouts_score=rolled.rollouts_score,
    )


def counted_items(run: TrainedRun) -> int:
    """Count the selection items that count at the gate."""
    planned = run.set_for("selection")
    return 0 if planned is None else len(set(planned.items) - run.idle)


def _selection(run: TrainedRun) -> int:
    planned = run.set_for("selection")
    return 0 if planned is None else len(planned.items)


class _Rolled(NamedTuple):
    rollouts: int
    rollouts_scored: int
    rollouts_score: float | None


def _rolled(passes: Sequence[SetPass]) -> _Rolled:
    scored = sum(each.scored for each in passes)
    solved = sum(each.hard.exact * each.scored for each in passes if each.hard is not None)
    return _Rolled(sum(each.planned for each in passes), scored, float(solved / scored) if scored else None)


def _outcome(step: StepRecord | None, candidate: CandidateRecord | None) -> str:
    if candidate is not None:
        return "running" if candidate.standing == "open" else candidate.standing
    return "running" if step is None or step.skipped is None else "skipped"


def _reason(step: StepRecord | None, candidate: CandidateRecord | None) -> str:
    if candidate is not None:
        return candidate.gates[-1].reason if candidate.gates else "; ".join(candidate.reasons)
    return "" if step is None else step.skipped or "; ".join(step.broken)


class TrainingRow(msgspec.Struct, frozen=True, tag_field="kind", tag="training"):
    """Where a training run stands."""

    run: str
    skill: str
    items: Mapping[str, int]
    """Number of items by purpose: ``train``, ``selection``, ``test``."""
    epoch: int
    """Latest that was planned or begun; 0: none."""
    step: int
    """Latest that was begun, over all epochs; 0: none."""
    steps_planned: int
    """Over the epochs that were planned so far."""
    gate: str | None
    """That ruled. None: none did so far."""
    accepted: int
    """Candidates."""
    rejected: int
    undecided: int
    """Of which nothing was said, for too little was measured."""
    skipped: int
    """Steps without a candidate."""
    revision: int
    """In force; 0: the initial skill."""
    believed: float | None
    """After the last ruling, that on a placebo included; else as in the rows of steps, and so are the following."""
    deviation: float | None
    raw: float | None
    level: float | None
    level_deviation: float | None
    measured: float | None
    measured_cells: int
    measured_items: int
    counted: int
    """Selection items behind ``believed``, ``raw``, ``level`` and ``measured`` where each has a score: those that are
    solved without anything being done count at no gate."""
    coverage: tuple[SetCoverage, ...]
    """How many of the cells have a score, by what they were for."""
    do_nothing: float | None
    """Share of the selection items that are solved without anything being done. None: it was not measured."""
    ending: str | None
    """``completed``, ``budget``, ``stopped`` or ``infrastructure``. None: it goes on, waits, or was cut off."""
    failed: tuple[str, ...]
    """Slow updates and meta skills that came to nothing, each with its epoch and the reason."""
    waits_for: str | None
    """Label of the batch that it waits to begin again, since the infrastructure failed. None: it does not wait."""


def training_row(run: TrainedRun) -> TrainingRow:
    """Put a training run on one row."""
    rows, beliefs = _believed_along(run)
    last = rows[-1]
    standings = [each.standing for each in run.candidates]
    idle = run.do_nothing_measured
    ruled = next((each.gates[-1].gate for each in reversed(run.candidates) if each.gates), None)
    return TrainingRow(
        run=run.run,
        skill=run.skill,
        items={each.purpose: len(each.items) for each in run.sets},
        epoch=max(
            (*(int(each) for each, steps in run.epochs.items() if steps), *(each.epoch for each in run.steps)),
            default=0,
        ),
        step=run.steps[-1].step if run.steps else 0,
        steps_planned=sum(map(len, run.epochs.values())),
        gate=ruled,
        accepted=standings.count("accepted"),
        rejected=standings.count("rejected"),
        undecided=standings.count("undecided"),
        skipped=sum(each.skipped is not None for each in run.steps),
        revision=run.in_force.revision,
        **beliefs[run.in_force.revision]._asdict(),
        measured=last.measured,
        measured_cells=last.measured_cells,
        measured_items=last.measured_items,
        counted=counted_items(run),
        coverage=coverage_of(run),
        do_nothing=len(run.do_nothing) / idle if idle else None,
        ending=None if run.closed is None else run.closed.ending,
        failed=tuple(f"{ENDS[stage]} of epoch {epoch}: {reason}" for epoch, stage, reason in failed_ends(run)),
        waits_for=run.paused,
    )


def counted(row: TrainingRow) -> str:
    """Say what became of candidates and steps."""
    counts = [(row.accepted, "accepted"), (row.rejected, "rejected"), (row.undecided, "undecided")]
    told = [f"{number} {word}" for number, word in counts if number or word != "undecided"]
    return ", ".join([*told, *([f"{row.skipped} skipped"] if row.skipped else [])])


def _items(row: TrainingRow) -> str:
    """Count items, and say how many of the selection set count where it is not all."""
    few = row.counted < row.items.get("selection", 0)
    counts = {"selection": f" ({row.counted} count)"} if few else {}
    return ", ".join(f"{count} {purpose}{counts.get(purpose, '')}" for purpose, count in row.items.items())


def _nothing(row: TrainingRow) -> str | None:
    return None if row.do_nothing is None else f"{percent(row.do_nothing)} of selection items"


def _place(row: TrainingRow) -> str:
    if not row.step:
        return "no step so far"
    planned = f" of {row.steps_planned} planned so far" if row.steps_planned else ""
    return f"step {row.step}{planned}, epoch {row.epoch}"


def _ended(row: TrainingRow) -> str | None:
    return f"waits for `stillroom resume` to begin {row.waits_for} again" if row.waits_for else row.ending


TRAINING: Final = RecordView(
    TrainingRow,
    ("skill", lambda row: f"{row.skill}, revision {row.revision} in force"),
    ("items", _items),
    ("course", _place),
    ("candidates", counted),
    ("gate", lambda row: row.gate),
    ("believed", lambda row: believed(row.believed, row.deviation)),
    ("raw pass", lambda row: percent(row.raw)),
    ("filtered level", lambda row: believed(row.level, row.level_deviation)),
    ("measured since", lambda row: measured(row.measured, row.measured_items)),
    ("scored", lambda row: covered(row.coverage)),
    ("do nothing", _nothing),
    ("failed", lambda row: "\n".join(row.failed) or None),
    ("ended", _ended),
)


def number(ratio: Ratio | None) -> float | None:
    """Give a fraction as a number."""
    return None if ratio is None else float(ratio.exact)


def percent(value: float | None) -> str:
    """Write a score in percent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def believed(value: float | None, deviation: float | None) -> str:
    """Write what is believed, with its standard deviation in points where there is one."""
    return percent(value) if deviation is None else f"{percent(value)} ± {100 * deviation:.1f}"


def gained(value: float | None) -> str:
    """Write a gain in points."""
    return "-" if value is None else f"{100 * value:+.1f}"


def measured(value: float | None, items: int) -> str:
    """Write a mean over items, and over how many."""
    return percent(value) if value is None else f"{percent(value)} ({plural(items, 'item')})"


def over_items(counted: int, selection: int) -> str:
    """Say over which items scores of the selection set are."""
    told = "score, believed, raw, level and measured are over the same"
    if counted == selection:
        return f"{told} {plural(selection, 'selection item')}"
    idle, them = selection - counted, "it" if selection - counted == 1 else "them"
    return f"{told} {counted} of {plural(selection, 'selection item')}: {idle} right if nobody works on {them}"


def covered(coverage: Sequence[SetCoverage]) -> str:
    """Say of rollouts and passes how many cells have a score, and why the others have none."""
    return ", ".join(_covered(each) for each in coverage)


def _covered(each: SetCoverage) -> str:
    lacking = ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in each.lacking.items())
    return f"{each.purpose} {each.scored} of {each.cells}" + (f" ({lacking})" if lacking else "")


def place(row: TrainStepRow) -> str:
    """Name a row."""
    return row.candidate or ("start" if not row.step else f"s{row.step}")


def rolled(row: TrainStepRow) -> str:
    """Write what rollouts scored, and how many did where not all of them do."""
    missing = row.rollouts_scored < row.rollouts
    return percent(row.rollouts_score) + (f" ({row.rollouts_scored} of {row.rollouts})" if missing else "")


def edits(row: TrainStepRow) -> str:
    """Say how many edits were proposed, applied and refused."""
    if row.proposed is None:
        return ""
    return f"{row.applied} of {row.proposed}" + (f", {row.refused} refused" if row.refused else "")


def shadows(row: TrainStepRow) -> str:
    """Say what shadow gates came to."""
    return ", ".join(f"{name}: {outcome}" for name, outcome in row.shadows.items())


def _notes(rows: Sequence[TrainStepRow]) -> Iterator[RenderableType]:
    for row in rows[:1]:
        yield Text(over_items(row.counted, row.selection), style="dim")
    yield Text(
        "believed: by the gate; raw: the pass by which the revision was accepted, so too high; level: filtered; "
        "measured: passes since then",
        style="dim",
    )


TRAIN_STEPS: Final = TableView(
    TrainStepRow,
    ("step", place),
    ">epoch",
    (">rollouts", rolled),
    ("edits", edits),
    "outcome",
    (">score", lambda row: percent(row.score)),
    (">gain", lambda row: gained(row.gain)),
    (">believed", lambda row: believed(row.believed, row.deviation)),
    (">raw", lambda row: percent(row.raw)),
    (">level", lambda row: believed(row.level, row.level_deviation)),
    (">measured", lambda row: measured(row.measured, row.measured_items)),
    "reason…",
    ("shadows…", shadows),
    notes=_notes,
    empty=Text("no step so far", style="dim"),
)
