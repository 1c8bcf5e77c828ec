"""The list of runs is kept and brought up to date: nobody can tell it from one that was folded from the first event."""

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec
import pytest
from anyio import Path as AsyncPath
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from engine.core import snapshots
from engine.core.fold import fold_many
from events.base import Draft, Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import Settings, SqliteLog
from events.types.session import RunForked
from projections.cost import Cost
from projections.trials.view import Trials
from tests.cli.terminal import machine, ticking
from tests.projections.histories import histories
from tests.support.worlds import Ticking
from tests.views.drawing import run_rows, seen
from tests.views.histories import SOLVED, PlacedEvent, opened, record, trial_opened, tried, whole
from views.runs.rows import RunRow, held, kept_row
from views.runs.run_list import MANY, MOST, NAME, compare_rows, keep_rows, list_rows, revision
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen


def desk(log: EventLog, folder: Path) -> OpenedLog:
    """Sit down before a log."""
    on = machine(folder)
    return OpenedLog(log, folder / "log.db", Screen(on, json=True), on)


async def fresh(log: EventLog) -> list[RunRow]:
    """Fold all runs from their first events."""
    return run_rows(await seen(log))


async def kept(log: EventLog) -> int | None:
    """Say up to where the rows are kept. None: they are not."""
    found = await snapshots.find(log, NAME, revision())
    return None if found is None else found.position


def forked(log: EventLog, parent: str) -> list[PlacedEvent]:
    """A fork of a run's first attempt begins."""
    cuts = log.put(msgspec.json.encode({"run": 1, "trial/greet": 1, "attempt/greet/1": 4}))
    return [PlacedEvent("session", RunForked(parent, cuts, log.put(b"{}"), ()))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), looks=st.sets(st.integers(0, 25)))
def test_rows_that_were_kept_and_the_tail_make_the_rows(history: list[Recorded], looks: set[int]) -> None:
    """Whatever happened, however often somebody looked meanwhile, and wherever a run stood then."""

    async def story() -> None:
        log = MemoryLog(clock=Ticking())
        with TemporaryDirectory() as folder:
            at = desk(log, Path(folder))
            for number, each in enumerate(history):
                if not isinstance(each.event, RunForked):
                    place = (await log.streams(each.stream.run)).get(each.stream.name, 0)
                    await log.append(each.stream, [Draft(each.event, None)], expected_version=place)
                if number in looks:
                    assert await list_rows(at, worth=1) == await fresh(log)
            assert await list_rows(at, worth=1) == await fresh(log)
            assert await kept(log) == ((await log.head()).position or None)
            compared = await compare_rows(log)
            assert compared is None or compared.agrees

    anyio.run(story)


async def test_a_run_that_went_on_is_folded_again_and_no_other_is(log: SqliteLog, tmp_path: Path) -> None:
    """The rows of the others are taken as they were kept: here they were made to say something else."""
    await record(log, "r1", whole(log))
    await record(log, "r2", [*opened(log, "greet"), trial_opened("greet")])
    at = desk(log, tmp_path)
    first, second = await list_rows(at, worth=1)
    marked = {row.run: msgspec.structs.replace(row, tasks=77) for row in (first, second)}
    await snapshots.keep(log, NAME, revision(), await log.head(), marked)
    await record(log, "r2", tried(log, "greet", 1, SOLVED))
    await record(log, "r3", opened(log, "greet"))
    compared = await compare_rows(log)
    assert compared is not None
    assert not compared.agrees
    rows = await list_rows(at, worth=1)
    assert [(row.run, row.tasks, row.attempts) for row in rows] == [("r1", 77, 3), ("r2", 1, 1), ("r3", 1, 0)]


async def test_who_holds_a_run_is_said_as_it_is_now(tmp_path: Path) -> None:
    """A row that was kept while nobody held it is shown with who does; and kept while held, without."""
    on = machine(tmp_path)
    log = MemoryLog(clock=on.clock)
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet")])
    at = OpenedLog(log, tmp_path, Screen(on, json=True), on)
    (before,) = await list_rows(at, worth=1)
    fence = await log.acquire("r1", "elsewhere:1:1", ttl_s=1e6)
    (during,) = await list_rows(at, worth=1)
    await log.release(fence)
    (after,) = await list_rows(at, worth=1)
    assert (before.state, before.owner, before.owned_since, before.silent_s) == ("cut off", None, None, None)
    assert (during.state, during.owner) == ("running", "elsewhere:1:1")
    assert during.owned_since is not None
    assert during.silent_s is not None
    assert after == before


@pytest.mark.parametrize("others", [0, MANY])
async def test_what_a_fork_shares_is_counted_on_its_row(log: SqliteLog, tmp_path: Path, others: int) -> None:
    """However its row comes about: alone, with many, or behind rows that are kept."""
    at = desk(log, tmp_path)
    await record(log, "r1", whole(log))
    for number in range(others):
        await record(log, f"o{number}", opened(log, "greet"))
    for fork in ("f1", "f2"):
        await record(log, fork, [*forked(log, "r1"), *tried(log, "greet", 2, SOLVED)])
        rows = {row.run: row for row in await list_rows(at, worth=1)}
        trials, cost = await fold_many(log, [Trials(), Cost()], Selection(run=fork))
        assert rows[fork] == held(kept_row(cost, trials.runs[fork]), None)
        assert (rows[fork].parent, rows[fork].shared, rows[fork].attempts) == ("r1", 6, 2)
        assert len(rows) == 2 + others + (fork == "f2")


async def test_rows_kept_before_a_run_was_forked_are_what_the_events_said_then(log: SqliteLog, tmp_path: Path) -> None:
    """The fork shares events that are older than the rows, but had no row: it is no difference that it has one now."""
    await record(log, "r1", whole(log))
    await list_rows(desk(log, tmp_path), worth=1)
    before = await kept(log)
    await record(log, "f1", [*forked(log, "r1"), *tried(log, "greet", 2, SOLVED)])
    compared = await compare_rows(log)
    assert compared is not None
    assert (compared.position, compared.agrees) == (before, True)
    assert [row.run for row in await list_rows(desk(log, tmp_path), worth=1)] == ["r1", "f1"]
    compared = await compare_rows(log)
    assert compared is not None
    assert (compared.position, compared.agrees) == ((await log.head()).position, True)


class ForkedMeanwhile(MemoryLog):
    """A log in which another process forks a run while somebody lists the runs: after the head was looked at."""

    @override
    async def runs(self, *, after: int = 0) -> list[str]:
        """List the ids of runs."""
        if not await self.streams("f1"):
            await record(self, "f1", forked(self, "r1"))
        return await super().runs(after=after)


async def test_a_fork_that_begins_while_runs_are_listed_is_left_to_the_next_list(tmp_path: Path) -> None:
    """A row of what it shares alone would be kept as that of a run without a parent, and differ when it is rebuilt."""
    log = ForkedMeanwhile(clock=Ticking())
    await record(log, "r1", whole(log))
    at = desk(log, tmp_path)
    assert [row.run for row in await list_rows(at, worth=1)] == ["r1"]
    compared = await compare_rows(log)
    assert compared is not None
    assert compared.agrees
    assert [(row.run, row.parent) for row in await list_rows(at, worth=1)] == [("r1", None), ("f1", "r1")]


@pytest.mark.parametrize(("worth", "keeps"), [(17, False), (16, True)])
async def test_a_few_events_are_not_worth_a_write(log: SqliteLog, tmp_path: Path, worth: int, *, keeps: bool) -> None:
    """Looking at a small log leaves it as it is."""
    await record(log, "r1", (whole(log) * 2)[:16])
    await list_rows(desk(log, tmp_path), worth=worth)
    assert (await kept(log) == 16) is keeps


@pytest.mark.parametrize(("of_others", "keeps"), [(MOST, False), (MOST - 1, True)])
async def test_a_run_that_ends_keeps_the_rows_unless_much_of_others_is_not_in_them(
    log: SqliteLog, tmp_path: Path, of_others: int, *, keeps: bool
) -> None:
    """It should not have to read what others did for years."""
    await record(log, "r1", whole(log))
    events = (await log.head()).position
    await keep_rows(log, events - of_others, worth=1)
    assert (await kept(log) == events) is keeps
    assert await list_rows(desk(log, tmp_path)) == await fresh(log)


async def test_what_cannot_be_kept_is_shown_all_the_same(tmp_path: Path) -> None:
    """Another program holds the log: nobody can write, and everybody can read."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking(), settings=Settings(patience_s=0.05)) as log:
        await record(log, "r1", whole(log))
        async with await SqliteLog.open(path, clock=ticking()) as other:
            driver = other._writer.connection
            await driver.run(lambda file: file.execute("BEGIN IMMEDIATE"))
            assert await list_rows(desk(log, tmp_path), worth=1) == await fresh(log)
            await driver.run(lambda file: file.rollback())
        assert await kept(log) is None


async def test_a_snapshot_is_nothing_that_could_be_lost(tmp_path: Path) -> None:
    """Whoever only looked has written nothing that must be saved, if the log is deleted meanwhile."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await record(log, "r1", whole(log))
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert len(await list_rows(desk(log, tmp_path), worth=1)) == 1
        assert await kept(log) is not None
        path.unlink()
        assert len(await list_rows(desk(log, tmp_path), worth=1)) == 1
    assert [each.name async for each in AsyncPath(tmp_path).glob("*saved*")] == []
