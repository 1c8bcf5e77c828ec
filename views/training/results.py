"""What training came to: the skill it began with and those it ended with, believed beside measured, and by type."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.store.base import EventLog
from projections.training.measures import by_type, fresh_score, passes_of
from projections.training.state import RevisionRecord, TrainedRun
from views.runs.show import text_of
from views.runs.train_rows import TrainStepRow, believed, measured, number, percent, revision_beliefs
from views.terminal.format import count
from views.terminal.tables import TableView
from views.training.trained_log import TrainedLog

CHARACTERS_PER_TOKEN: Final = 4
"""By which tokens of a skill are estimated: nobody tells how its model counts them before it is asked."""


class TrainedSkillRow(msgspec.Struct, frozen=True, tag_field="row", tag="trained_skill"):
    """A skill at the beginning or the end of training."""

    run: str
    which: str
    """``initial``, ``best``, ``final``; ``in force`` while training goes on."""
    revision: int
    step: int
    """That brought it; 0: training began with it."""
    believed: float | None
    """By the gate, last while it was in force, in [0, 1]. None: nothing."""
    deviation: float | None
    raw: float | None
    """Mean of the pass by which it was accepted. None: there was none."""
    level: float | None
    """Filtered level, last while it was in force. None: it was not kept."""
    measured: float | None
    """Mean of the passes since it came into force. None: there was none."""
    measured_cells: int
    measured_items: int
    """Items behind ``measured``: of those that count at the gate."""
    test_hard: float | None
    """Share of solved test items. None: it was not tested."""
    test_soft: float | None
    """Mean reward over the test items. None: it was not tested."""
    test_items: int
    """Test items."""
    test_scored: int
    """Those of them that have a score."""
    characters: int
    """Of all of its files."""
    tokens: int
    """Estimated: a quarter of its characters."""


class TypeRow(msgspec.Struct, frozen=True, tag_field="row", tag="type_result"):
    """Results of items of one type in one pass."""

    run: str
    cells: str
    """Label of the cells, such as ``test.best``."""
    task_type: str
    """Empty: the items have no type."""
    items: int
    scored: int
    """Cells with a score."""
    hard: float | None
    """Share of them that are solved, in [0, 1]. None: none is scored."""
    soft: float | None
    """Mean reward. None: none has one."""


async def result_rows(log: EventLog, run: TrainedRun, steps: Sequence[TrainStepRow]) -> list[TrainedSkillRow]:
    """List what training began with and what it came to."""
    closed = () if run.closed is None else run.closed.skills
    by_number = {each.revision: each for each in run.revisions}
    chosen: list[tuple[str, RevisionRecord]] = [("initial", run.revisions[0])]
    chosen += [(each.which, by_number[each.revision]) for each in closed if each.which != "initial"]
    if not closed:
        chosen.append(("in force", run.in_force))
    return [await _row(log, run, steps, which, record) for which, record in chosen]


async def _row(
    log: EventLog, run: TrainedRun, steps: Sequence[TrainStepRow], which: str, record: RevisionRecord
) -> TrainedSkillRow:
    told = next((each for each in (run.closed.skills if run.closed else ()) if each.which == which), None)
    fresh = fresh_score(run, record)
    at = next((row for row in steps if row.revision == record.revision), None)
    texts = [await text_of(log, each.digest) for each in record.files]
    characters = sum(map(len, texts))
    beliefs = revision_beliefs(run).get(record.revision)
    tested = next((each for each in passes_of(run, record.digest, purpose="test")), None)
    return TrainedSkillRow(
        run=run.run,
        which=which,
        revision=record.revision,
        step=record.step,
        believed=None if beliefs is None else beliefs.believed,
        deviation=None if beliefs is None else beliefs.deviation,
        raw=None if at is None else at.raw,
        level=None if beliefs is None else beliefs.level,
        measured=None if fresh is None else float(fresh.mean),
        measured_cells=0 if fresh is None else fresh.cells,
        measured_items=0 if fresh is None else fresh.items,
        test_hard=None if told is None else number(told.test_hard),
        test_soft=None if told is None else number(told.test_soft),
        test_items=0 if tested is None else tested.planned,
        test_scored=0 if tested is None else tested.scored,
        characters=characters,
        tokens=-(-characters // CHARACTERS_PER_TOKEN),
    )


def type_rows(trained: TrainedLog) -> list[TypeRow]:
    """List results by type, of passes over whole sets: the first one, the last one, and the tests."""
    run = trained.run
    whole = [each.label for each in run.passes if each.label in {"start", "final.selection"} or each.purpose == "test"]
    rows: list[TypeRow] = []
    for label in dict.fromkeys(whole):
        for each in by_type(run, trained.types, [label]):
            counts = (each.items, each.scored)
            rows.append(TypeRow(run.run, label, each.task_type, *counts, _float(each.hard), _float(each.soft)))
    return rows


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _notes(rows: Sequence[TrainedSkillRow]) -> Iterator[RenderableType]:
    del rows
    yield Text(
        f"raw: chosen for being high; measured: passes since; tokens: characters / {CHARACTERS_PER_TOKEN}", style="dim"
    )


RESULTS: Final = TableView(
    TrainedSkillRow,
    "which >revision",
    (">believed", lambda row: believed(row.believed, row.deviation)),
    (">raw", lambda row: percent(row.raw)),
    (">level", lambda row: percent(row.level)),
    (">measured", lambda row: measured(row.measured, row.measured_items)),
    (">test", lambda row: percent(row.test_hard)),
    (">test reward", lambda row: percent(row.test_soft)),
    (">tokens", lambda row: f"~{count(row.tokens)}"),
    notes=_notes,
)
TYPES: Final = TableView(
    TypeRow,
    ("pass", lambda row: row.cells),
    ("type", lambda row: row.task_type or "none"),
    ">items >scored",
    (">solved", lambda row: percent(row.hard)),
    (">reward", lambda row: percent(row.soft)),
    empty=Text("no pass over a whole set", style="dim"),
)
