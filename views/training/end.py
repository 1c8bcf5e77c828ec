"""What is said at the end of a training: what became of the skill, what is believed of it, and where to look next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import lineage_of
from engine.runtime.run import RunReport
from events.store.base import EventLog
from events.streams import TRAIN
from projections.training.measures import SetCoverage
from projections.training.state import TrainedRun
from views.runs import live
from views.runs.placebo_rows import PLACEBOS, PlaceboRow, placebo_rows
from views.runs.rows import RunRow
from views.runs.show import calls, spending, tokens
from views.runs.summary import head_of
from views.runs.train_rows import covered, over_items, step_rows, training_row
from views.terminal.format import plural, short
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView
from views.training.results import TrainedSkillRow, result_rows
from views.training.trained_log import skill_of_run


class FinalSkillRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="final_skill"):
    """A skill at the end of a training."""

    which: str
    """``initial``, ``best`` or ``final``."""
    revision: int
    """0: the initial skill."""
    believed: float | None
    """What the gate believes of it, from 0 to 1. None: nothing."""
    raw: float | None
    """Mean of the pass by which it was accepted. None: there was none."""
    measured: float | None
    """Mean of passes since, over the same items as ``believed`` and ``raw``. None: there was none."""
    measured_items: int
    """Items behind ``measured``."""
    test_hard: float | None
    """Share of solved items of the test set. None: it was not tested."""
    test_soft: float | None
    """Mean reward over the test set."""
    test_delta: float | None
    """What ``test_hard`` is above that of the initial skill. None: of the initial one, or one of both is missing."""
    test_items: int
    """Items of the test set. 0: it was not tested."""
    test_scored: int
    """Those of them that have a score."""


class ParentPart(msgspec.Struct, frozen=True):
    """What a forked training has of the run that it was forked from; it is counted as its own."""

    parent: str
    steps: int
    """Begun before the fork."""
    accepted: int
    """Candidates, decided before the fork; so are the following."""
    rejected: int
    undecided: int


class TrainingEndRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="training_end"):
    """How a training ended."""

    run: str
    skill: str
    """Its name."""
    ending: str
    steps: int
    accepted: int
    rejected: int
    """Candidates. Those that were left undecided are not among them."""
    undecided: int
    """Candidates on which the gate could decide nothing."""
    skipped: int
    """Steps without a candidate."""
    why_skipped: tuple[str, ...]
    """Why, each reason once, in order."""
    questions: int
    """That the optimizer was asked."""
    unanswered: int
    """Those of them whose calls failed."""
    failed: tuple[str, ...]
    """Slow updates and meta skills that came to nothing, each with its epoch and the reason."""
    selection: int
    """Items of the selection set."""
    counted: int
    """Those of them that count at the gate, and so in ``believed``, ``raw`` and ``measured``."""
    coverage: tuple[SetCoverage, ...]
    """How many cells have a score, by what they were for; the others are in no mean."""
    shared: ParentPart | None
    """Of a fork. None: it was started."""
    do_nothing: int | None
    """Selection items that are right if nobody works on them; no gate counts them. None: nobody knows, such as
    of tasks where `train.idle` is off."""
    skills: tuple[FinalSkillRow, ...]
    placebos: tuple[PlaceboRow, ...] = ()
    """By gate, the one that counts first. Empty: none was tried."""


async def training_end(log: EventLog, run: str) -> TrainingEndRow | None:
    """Read how a training ended; a fork with what it has of its parent. None: it has not."""
    trained = await skill_of_run(log, run)
    closed = None if trained is None else trained.run.closed
    if trained is None or closed is None:
        return None
    found, row = trained.run, training_row(trained.run)
    endings = Counter(each.ending for each in found.questions.values() if each.ending is not None)
    results = await result_rows(log, found, step_rows(found))
    return TrainingEndRow(
        run=run,
        skill=found.skill,
        ending=closed.ending,
        steps=closed.steps,
        accepted=closed.accepted,
        rejected=closed.rejected,
        undecided=row.undecided,
        skipped=closed.skipped,
        why_skipped=tuple(dict.fromkeys(each.skipped for each in found.steps if each.skipped is not None)),
        questions=endings.total(),
        unanswered=endings["unanswered"],
        failed=row.failed,
        selection=row.items.get("selection", 0),
        counted=row.counted,
        coverage=row.coverage,
        shared=await _shared(log, found),
        do_nothing=None if found.do_nothing_measured is None else len(found.do_nothing),
        skills=tuple(_skills([each for each in results if each.which != "in force"])),
        placebos=tuple(await placebo_rows(log, found)),
    )


async def _shared(log: EventLog, run: TrainedRun) -> ParentPart | None:
    *_, last = await lineage_of(log, run.run)
    if last.forked is None:
        return None
    cut = last.cuts.get(TRAIN, 0)
    ended = [each for each in run.candidates if each.ended is not None and each.ended.version <= cut]
    standings = Counter(each.standing for each in ended)
    return ParentPart(
        parent=last.forked.parent,
        steps=sum(each.at.version <= cut for each in run.steps),
        accepted=standings["accepted"],
        rejected=standings["rejected"],
        undecided=standings["undecided"],
    )


def _skills(results: Sequence[TrainedSkillRow]) -> Iterator[FinalSkillRow]:
    before = next((each.test_hard for each in results if each.which == "initial"), None)
    for each in results:
        hard = None if each.which == "initial" or before is None else each.test_hard
        yield FinalSkillRow(
            which=each.which,
            revision=each.revision,
            believed=each.believed,
            raw=each.raw,
            measured=each.measured,
            measured_items=each.measured_items,
            test_hard=each.test_hard,
            test_soft=each.test_soft,
            test_delta=None if hard is None or before is None else hard - before,
            test_items=each.test_items,
            test_scored=each.test_scored,
        )


async def carry(log: EventLog, screen: Screen, work: live.Work) -> RunReport:
    """Carry a training to its end, and show how it ended.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    return await live.carry(log, screen, work, partial(_show, log, screen), part="cell")


async def _show(log: EventLog, screen: Screen, row: RunRow, report: RunReport) -> None:
    end = await training_end(log, report.run)
    if screen.manner is OutputStyle.JSON:
        if end is not None:
            screen.line(end)
        return
    scripted = [Text("scripted models: their answers are canned, everything else is real", style="cyan")]
    sums = Text(" · ".join((calls(row), tokens(row), spending(row))))
    screen.out.print(Group(head_of(row), *(scripted if row.scripted else []), sums, Text()))
    if end is not None:
        screen.out.print(render(end))
    name = short(report.run)
    commands = [
        *([f"resume {name}"] if end is None else []),
        f"edits list {name}",
        *([] if end is None else [f"skills log {end.skill}"]),
        f"report {name}",
        f"replay {name}",
    ]
    screen.out.print(Text("\nnext  " + " · ".join(f"stillroom {each}" for each in commands)))


def render(end: TrainingEndRow) -> RenderableType:
    """Draw how a training ended."""
    counts = [f"{end.accepted} accepted", f"{end.rejected} rejected", f"{end.skipped} skipped"]
    counts += [f"{end.undecided} undecided"] * (end.undecided > 0)
    lines: list[RenderableType] = [Text(f"{end.ending}: {plural(end.steps, 'step')}, {', '.join(counts)}"), Text()]
    if end.shared is not None:
        lines.insert(1, Text(_from_parent(end.shared), style="dim"))
    if end.steps and end.skipped == end.steps:
        told = f"no step made a candidate, so that the skill is as it was: {'; '.join(end.why_skipped)}"
        lines += [Text(told, style="yellow"), Text()]
    if end.unanswered:
        asked = plural(end.questions, "question")
        told = f"the optimizer was asked {asked} and did not answer {end.unanswered}: calls failed"
        lines += [Text(told, style="yellow"), Text()]
    if end.failed:
        lines += [Text(f"failed: {each}", style="yellow") for each in end.failed]
        lines.append(Text())
    if end.skills:
        lines.append(_SKILLS(end.skills))
        lines.append(Text())
        lines += [Text(each, style="dim") for each in _rests(end)]
    if end.placebos:
        lines += [Text(), PLACEBOS(end.placebos), Text()]
    lacking = any(each.lacking for each in end.coverage)
    told = f"scored: {covered(end.coverage)}{'; cells without a score are in no mean' if lacking else ''}"
    lines.append(Text(told, style="yellow" if lacking else "dim"))
    return Group(*lines)


def _rests(end: TrainingEndRow) -> Iterator[str]:
    """Say what the scores of the skills rest on."""
    tested = next((each for each in end.skills if each.test_hard is not None), None)
    if tested is not None:
        yield f"report test of the final skill: its {plural(tested.test_items, 'item')} decided nothing"
    yield "believed: by the gate; raw: the pass by which it was accepted, so too high; measured: a fresh pass"
    if end.selection:
        yield over_items(end.counted, end.selection)


def _from_parent(shared: ParentPart) -> str:
    counts = [f"{shared.accepted} accepted", f"{shared.rejected} rejected"]
    counts += [f"{shared.undecided} undecided"] * (shared.undecided > 0)
    return f"of these {plural(shared.steps, 'step')}, {', '.join(counts)} before it was forked from {shared.parent}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.1f} %"


def _tested(row: FinalSkillRow) -> str | None:
    told = _share(row.test_hard)
    return told if row.test_scored == row.test_items else f"{told or '-'} ({row.test_scored} of {row.test_items})"


def _points(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:+.1f}"


_SKILLS: Final = TableView(
    FinalSkillRow,
    ("skill", lambda row: row.which),
    ">revision",
    (">test", _tested),
    (">reward", lambda row: _share(row.test_soft)),
    (">gain", lambda row: _points(row.test_delta)),
    (">believed", lambda row: _share(row.believed)),
    (">raw", lambda row: _share(row.raw)),
    (">measured", lambda row: _share(row.measured)),
)
