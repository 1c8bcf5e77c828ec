"""Runs as Parquet files, for pandas, DuckDB and whatever reads tables: one file for each kind of row."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.core.fold import fold_run
from engine.core.lineage import FORKED, SESSION, pages_of
from events.base import Recorded, StreamId
from events.codec import tag_of
from events.store.base import EventLog, Selection
from events.types.agent import CallAsked
from events.types.attempt import UsageImported
from events.types.decision import Decided, DecisionMade
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported
from events.types.trajectory import StepImported
from events.values import Usage
from projections.charges import known_cost
from projections.timeline import RunTimeline, Timelines
from views.parquet.files import ParquetTable
from views.parquet.rows import (
    ParquetAttempt,
    ParquetCall,
    ParquetDecision,
    ParquetEvaluation,
    ParquetRun,
    ParquetTrial,
)
from views.runs.rows import attempt_rows, look, run_row, trial_rows
from views.terminal.errors import UsageWrong
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "runs": ParquetRun,
    "trials": ParquetTrial,
    "attempts": ParquetAttempt,
    "calls": ParquetCall,
    "decisions": ParquetDecision,
    "evaluations": ParquetEvaluation,
}
"""By the name of the file."""
_NOBODY: Final = Usage(None, None, None, None)


class ParquetFileRow(msgspec.Struct, frozen=True):
    """A file that was written."""

    path: str
    rows: int


WRITTEN: Final = TableView(ParquetFileRow, "path >rows")


class _Place(NamedTuple):
    """Of which run rows are, and from where on its events are its own."""

    run: str
    own: int
    """Position of its first own event; 0 for a run that was started."""

    def shares(self, recorded: Recorded) -> bool:
        return recorded.position < self.own


async def write(desk: OpenedLog, runs: Sequence[str], to: Path) -> list[ParquetFileRow]:
    """Write the tables of runs.

    Args:
        desk: Where they are.
        runs: Whole ids.
        to: The folder, which is made.

    Raises:
        ParquetAbsent: pyarrow is not installed.
        UsageWrong: A file is there already, or cannot be written.
    """
    files = {name: to / f"{name}.parquet" for name in TABLES}
    _refuse(files.values())
    try:
        to.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - files are written by pyarrow, which knows no async
        with ExitStack() as stack:
            tables = {name: stack.enter_context(ParquetTable(files[name], kind)) for name, kind in TABLES.items()}
            for run in runs:
                await _write_run(desk, run, tables)
    except OSError as error:
        problem = f"{to} cannot be written: {error.strerror or error}"
        raise UsageWrong(problem, remedy="choose a writable folder") from error
    return [ParquetFileRow(str(files[name]), table.count) for name, table in tables.items()]


def _refuse(files: Iterable[Path]) -> None:
    there = [str(each) for each in files if each.exists()]
    if there:
        raise UsageWrong(f"{there[0]} exists, and is not overwritten", remedy="choose another folder with --to")


async def _write_run(desk: OpenedLog, run: str, tables: dict[str, ParquetTable]) -> None:
    seen = await look(desk, run)
    (times,) = await fold_run(desk.log, [Timelines()], run)
    found, line = seen.trials.runs[run], times.runs.get(run, RunTimeline(began=0, last=0))
    row = run_row(seen, found)
    tables["runs"].add(_like(ParquetRun, row, started_at=_at(row.started_at), incomplete=row.at_least))
    for trial in trial_rows(seen, found):
        tables["trials"].add(_like(ParquetTrial, trial, incomplete=trial.at_least))
        for attempt in attempt_rows(found, found.trials[trial.trial]):
            began, took = _times(line, trial.trial, attempt.attempt)
            told = _like(ParquetAttempt, attempt, incomplete=attempt.at_least, began_s=began, took_s=took)
            tables["attempts"].add(told)
    await _write_events(desk.log, _Place(run, await _first_own(desk.log, run)), tables)


async def _write_events(log: EventLog, place: _Place, tables: dict[str, ParquetTable]) -> None:
    calls, cells = _Calls(place), _Cells(place)
    async for recorded in _events(log, place.run):
        tables["calls"].add_all(calls.rows(recorded))
        tables["evaluations"].add_all(cells.rows(recorded))
        if isinstance(recorded.event, Decided):
            tables["decisions"].add(_decision(place, recorded, recorded.event))
    tables["calls"].add_all(calls.left())
    tables["evaluations"].add_all(cells.left())


async def _events(log: EventLog, run: str) -> AsyncIterator[Recorded]:
    async for page in pages_of(log, Selection(run=run)):
        for recorded in page:
            yield recorded


async def _first_own(log: EventLog, run: str) -> int:
    async for recorded in log.read(Selection(stream=StreamId(run, SESSION), tags=(FORKED,))):
        return recorded.position
    return 0


def _like(kind: type[Any], row: Any, **more: Any) -> Any:
    """Take over the fields that a row has of the same name."""
    names = [name for name in kind.__struct_fields__ if name not in more]
    return kind(**{name: getattr(row, name) for name in names}, **more)


def _at(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _times(line: RunTimeline, trial: str, number: int) -> tuple[float | None, float | None]:
    found = None if line.imported or trial not in line.trials else line.trials[trial].attempts.get(str(number))
    if found is None:
        return None, None
    return found.began / 1e6, None if found.ended is None else (found.ended - found.began) / 1e6


class _Calls:
    """Calls of a run, each told when its outcome is; what is in flight is held, one for each stream."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._asked: dict[str, Recorded] = {}

    def rows(self, recorded: Recorded) -> Iterator[ParquetCall]:
        name = recorded.stream.name
        match recorded.event:
            case ModelAsked() | CallAsked():
                if name in self._asked:  # its process died: it was asked again
                    yield self._row(self._asked[name], None)
                self._asked[name] = recorded
            case ModelAnswered() | ModelFailed():
                yield self._row(self._asked.pop(name, None), recorded)
            case ModelImported(model=model, role=role, usage=usage):
                yield self._imported(recorded, role, model, usage, None)
            case StepImported(answers=answers, copied=False) as step if answers:
                yield self._imported(recorded, None, step.model, step.usage or _NOBODY, step.cost)
            case UsageImported(model, usage, cost):
                yield self._imported(recorded, None, model, usage, cost)
            case _:
                pass

    def left(self) -> Iterator[ParquetCall]:
        for each in self._asked.values():
            yield self._row(each, None)

    def _row(self, asked: Recorded | None, ended: Recorded | None) -> ParquetCall:
        at = ended or asked
        assert at is not None
        request = asked.event if asked is not None and isinstance(asked.event, ModelAsked | CallAsked) else None
        outcome = ended.event if ended is not None and isinstance(ended.event, ModelAnswered | ModelFailed) else None
        usage = _NOBODY if outcome is None else outcome.usage
        return ParquetCall(
            run=self._place.run,
            position=at.position,
            stream=at.stream.name,
            shared=self._place.shares(at),
            role=None if request is None else request.role,
            model=None if request is None else request.model,
            asked_at=None if asked is None else _at(asked.at),
            ended_at=None if ended is None else _at(ended.at),
            outcome="in flight" if outcome is None else "failed" if isinstance(outcome, ModelFailed) else "answered",
            error=outcome.kind if isinstance(outcome, ModelFailed) else None,
            status=None if outcome is None else outcome.status,
            finish=outcome.finish if isinstance(outcome, ModelAnswered) else None,
            **msgspec.structs.asdict(usage),
            cost_nano_usd=None if outcome is None else known_cost(outcome.cost),
            earlier_tries=0 if outcome is None else len(outcome.earlier),
        )

    def _imported(
        self, recorded: Recorded, role: str | None, model: str | None, usage: Usage, cost: int | None
    ) -> ParquetCall:
        return ParquetCall(
            run=self._place.run,
            position=recorded.position,
            stream=recorded.stream.name,
            shared=self._place.shares(recorded),
            role=role,
            model=model,
            asked_at=None,
            ended_at=None,
            outcome="imported",
            error=None,
            status=None,
            finish=None,
            **msgspec.structs.asdict(usage),
            cost_nano_usd=known_cost(cost),
            earlier_tries=0,
        )


class _CellEnd(NamedTuple):
    outcome: str
    solved: bool | None = None
    reward: float | None = None
    reason: str | None = None
    found_in: str | None = None


class _Cells:
    """Cells of a run, each told when it has ended; those that are open are held."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._open: dict[str, Recorded] = {}

    def rows(self, recorded: Recorded) -> Iterator[ParquetEvaluation]:
        match recorded.event:
            case CellOpened():
                self._open[recorded.stream.name] = recorded
            case EvaluationScored(solved=solved, reward=reward):
                yield from self._ended(recorded, _CellEnd("scored", solved, reward))
            case EvaluationFound(run=run, solved=solved, reward=reward):
                yield from self._ended(recorded, _CellEnd("found", solved, reward, found_in=run))
            case CellUnscored(reason=reason):
                yield from self._ended(recorded, _CellEnd("unscored", reason=reason))
            case _:
                pass

    def left(self) -> Iterator[ParquetEvaluation]:
        for opened in self._open.values():
            yield from self._row(opened, None, _CellEnd("running"))

    def _ended(self, ended: Recorded, end: "_CellEnd") -> Iterator[ParquetEvaluation]:
        opened = self._open.pop(ended.stream.name, None)
        if opened is not None:
            yield from self._row(opened, ended, end)

    def _row(self, opened: Recorded, ended: Recorded | None, end: "_CellEnd") -> Iterator[ParquetEvaluation]:
        cell, at = opened.event, ended or opened
        assert isinstance(cell, CellOpened)
        yield ParquetEvaluation(
            run=self._place.run,
            position=at.position,
            shared=self._place.shares(at),
            arm=cell.arm,
            item=cell.item,
            unit=cell.unit,
            repeat=cell.repeat,
            key=cell.key,
            condition=cell.condition,
            outcome=end.outcome,
            solved=end.solved,
            reward=end.reward,
            reason=end.reason,
            found_in=end.found_in,
            opened_at=_at(opened.at),
            ended_at=None if ended is None else _at(ended.at),
        )


def _decision(place: _Place, recorded: Recorded, event: Decided) -> ParquetDecision:
    made = event if isinstance(event, DecisionMade) else None
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    for name in ("tag", "inputs", "rule", "point_revision", "point", "shadow", "saw"):
        fields.pop(name, None)
    ruling = fields if made is None else made.ruling
    return ParquetDecision(
        run=place.run,
        position=recorded.position,
        stream=recorded.stream.name,
        version=recorded.version,
        shared=place.shares(recorded),
        at=_at(recorded.at),
        tag=tag_of(event),
        point=None if made is None else made.point,
        shadow=None if made is None else made.shadow,
        point_revision=event.point_revision,
        inputs=event.inputs,
        rule=event.rule,
        ruling=msgspec.json.encode(ruling).decode(),
    )
