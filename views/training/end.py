"""What is said at the end of a training: what became of the skill, what is believed of it, and where to look next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.runtime.run import RunReport
from events.base import Event, Ref
from events.store.base import EventLog, Selection
from events.streams import TRAIN
from events.types.optimizing import OptimizerClosed
from events.types.training import (
    CandidateMade,
    DoNothingScored,
    GateDecided,
    SkillResult,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
)
from events.values import Ratio
from views.runs import live
from views.runs.placebo_rows import PLACEBOS, PlaceboRow, placebo_rows
from views.runs.rows import RunRow
from views.runs.show import calls, spending, tokens
from views.runs.summary import head_of
from views.runs.train_rows import training_row
from views.terminal.format import plural, short
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView
from views.training.trained_log import skill_of_run


class FinalSkillRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="final_skill"):
    """A skill at the end of a training."""

    which: str
    """``initial``, ``best`` or ``final``."""
    revision: int
    """0: the initial skill."""
    believed: float | None
    """What training believed of it on the selection set, from 0 to 1. None: nothing."""
    measured: float | None
    """Mean of a fresh pass over the selection set. None: there was none."""
    test_hard: float | None
    """Share of solved items of the test set. None: it was not tested."""
    test_soft: float | None
    """Mean reward over the test set."""
    test_delta: float | None
    """What ``test_hard`` is above that of the initial skill. None: of the initial one, or one of both is missing."""


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
    do_nothing: int | None
    """Selection items that are right if nobody works on them; no gate counts them. None: nobody knows, such as
    of tasks where `train.idle` is off."""
    skills: tuple[FinalSkillRow, ...]
    placebos: tuple[PlaceboRow, ...] = ()
    """By gate, the one that counts first. Empty: none was tried."""


class _Told(NamedTuple):
    """What the line of a training says of its end."""

    planned: TrainingPlanned | None
    nothing: DoNothingScored | None
    closed: TrainingClosed | None
    undecided: int
    skips: tuple[str, ...]
    """Reasons, each once, in order."""


async def training_end(log: EventLog, run: str) -> TrainingEndRow | None:
    """Read how a training ended. None: it has not."""
    told = await _told(log, run)
    closed = told.closed
    if closed is None:
        return None
    sets = () if told.planned is None else told.planned.sets
    endings, trained = await _endings(log, run), await skill_of_run(log, run)
    return TrainingEndRow(
        run=run,
        skill="" if told.planned is None else told.planned.skill,
        ending=closed.ending,
        steps=closed.steps,
        accepted=closed.accepted,
        rejected=closed.rejected,
        undecided=told.undecided,
        skipped=closed.skipped,
        why_skipped=told.skips,
        questions=sum(endings.values()),
        unanswered=endings["unanswered"],
        failed=() if trained is None else training_row(trained.run).failed,
        selection=next((len(each.items) for each in sets if each.purpose == "selection"), 0),
        do_nothing=None if told.nothing is None else len(told.nothing.solved),
        skills=tuple(_skills(closed.skills)),
        placebos=() if trained is None else tuple(await placebo_rows(log, trained.run)),
    )


async def _told(log: EventLog, run: str) -> _Told:
    found: dict[type[Event], Any] = {}
    undecided: list[Ref] = []
    placebos: set[Ref] = set()
    skips: dict[str, None] = {}
    async for recorded in log.read(Selection(run=run, streams=[TRAIN])):
        match recorded.event:
            case TrainingPlanned() | DoNothingScored() | TrainingClosed() as event:
                found[type(event)] = event
            case CandidateMade(origin="placebo"):
                placebos.add(recorded.ref)
            case GateDecided(shadow=None, outcome="undecided", candidate=candidate):
                undecided.append(candidate)
            case StepSkipped(reason=reason):
                skips[reason] = None
            case _:
                pass
    return _Told(
        planned=found.get(TrainingPlanned),
        nothing=found.get(DoNothingScored),
        closed=found.get(TrainingClosed),
        undecided=sum(each not in placebos for each in undecided),
        skips=tuple(skips),
    )


async def _endings(log: EventLog, run: str) -> Counter[str]:
    """Count how questions to the optimizer ended."""
    asked = log.read(Selection(run=run, tags=frozenset({"optimizer.closed"})))
    return Counter([each.event.ending async for each in asked if isinstance(each.event, OptimizerClosed)])


def _skills(results: Sequence[SkillResult]) -> Iterator[FinalSkillRow]:
    before = next((_float(each.test_hard) for each in results if each.which == "initial"), None)
    for each in results:
        hard = _float(each.test_hard)
        known = each.which != "initial" and hard is not None and before is not None
        yield FinalSkillRow(
            which=each.which,
            revision=each.revision,
            believed=_float(each.believed),
            measured=_float(each.measured),
            test_hard=hard,
            test_soft=_float(each.test_soft),
            test_delta=hard - before if known and hard is not None and before is not None else None,
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
        if any(each.test_hard is not None for each in end.skills):
            lines.append(Text("report test of the final skill: its items decided nothing", style="dim"))
        lines.append(Text("believed: by the gate, on the selection set; measured: a fresh pass over it", style="dim"))
    if end.placebos:
        lines += [Text(), PLACEBOS(end.placebos), Text()]
    if end.do_nothing is not None:
        told = f"right if nobody works on them: {end.do_nothing} of {plural(end.selection, 'selection item')}"
        lines.append(Text(f"{told}{'; no gate counts them' if end.do_nothing else ''}", style="dim"))
    return Group(*lines)


def _float(ratio: Ratio | None) -> float | None:
    return None if ratio is None else float(ratio.exact)


def _share(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.1f} %"


def _points(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:+.1f}"


_SKILLS: Final = TableView(
    FinalSkillRow,
    ("skill", lambda row: row.which),
    ">revision",
    (">test", lambda row: _share(row.test_hard)),
    (">reward", lambda row: _share(row.test_soft)),
    (">gain", lambda row: _points(row.test_delta)),
    (">believed", lambda row: _share(row.believed)),
    (">measured", lambda row: _share(row.measured)),
)
