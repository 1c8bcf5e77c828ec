"""Reading one run of a log that holds others: the same events however they lie, at the cost of the run."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from events.base import Draft, StreamId
from events.codec import tag_of
from events.store.base import Append, EventLog, Selection
from events.store.sqlite.reader import PAGE, SPARSE
from events.store.sqlite.store import SqliteLog
from events.types.sandbox import SandboxFailed
from tests.events.samples import said, ticking

FAILED = SandboxFailed(kind="lost", detail="gone")


def turn(run: str, number: int, *, streams: int = 3) -> Append:
    """Make an append of one event to one of a run's streams: every seventh tells of something else."""
    event = FAILED if number % 7 == 0 else said(f"{run} {number}")
    return Append(StreamId(run, f"trial/{number % streams}"), [Draft(event, None)], number // streams)


def solid(runs: Sequence[str], turns: int) -> list[Append]:
    """One run after another."""
    return [turn(run, number) for run in runs for number in range(turns)]


def mixed(runs: Sequence[str], turns: int) -> list[Append]:
    """All runs side by side, and so are the ids of their streams."""
    return [turn(run, number) for number in range(turns) for run in runs]


def opened_first(runs: Sequence[str], turns: int) -> list[Append]:
    """Each run makes its streams before the next one begins, and then they go on side by side."""
    begun = [turn(run, number) for run in runs for number in range(3)]
    return [*begun, *(turn(run, number) for number in range(3, turns) for run in runs)]


SHAPES = {"one after another": solid, "side by side": mixed, "streams first": opened_first}


async def asked(log: EventLog, selection: Selection) -> list[tuple[int, int]]:
    """Read, and see that no page is empty."""
    found: list[tuple[int, int]] = []
    async for page in log.rows(selection):
        assert page
        found += [(row.position, row.version) for row in page]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("others", [0, 1, SPARSE - 1, SPARSE, SPARSE + 3])
async def test_a_run_is_read_whole_and_alone_however_it_lies(log: EventLog, shape: str, others: int) -> None:
    """Few strangers among its events are read over, many are not looked at: nobody who reads can tell."""
    runs = [f"r{number}" for number in range(others + 1)]
    await log.append_all(SHAPES[shape](runs, PAGE + 120))
    every = [row async for page in log.rows() for row in page]
    tags: list[tuple[str, ...] | None] = [None, (tag_of(FAILED),)]
    head = len(every)
    ends = [
        (0, None),
        (PAGE // 2, None),
        (0, head - 3),
        (head // 2, head // 2 + PAGE),
        (head // 2, head // 2 + PAGE + 1),
    ]
    for run in {runs[0], runs[-1], runs[len(runs) // 2]}:
        for after, until in ends:
            for tag in tags:
                selection = Selection(run=run, tags=tag, after=after, until=until)
                wanted = [(row.position, row.version) for row in every if selection.takes(row)]
                assert await asked(log, selection) == wanted


async def test_a_run_that_is_not_there_has_no_events(log: EventLog) -> None:
    """Not even those that lie where it might have been."""
    await log.append_all(solid(["r"], PAGE + 1))
    assert await asked(log, Selection(run="s")) == []


@pytest.mark.parametrize("others", [20, 60])
async def test_reading_a_run_costs_as_the_run_does(others: int, tmp_path: Path) -> None:
    """Its events lie among those of twenty others, or sixty: SQLite's machine takes about as many steps."""
    steps: list[int] = []
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log.append_all(mixed([f"r{number}" for number in range(others)], 60))
        await log._reader.connection._driver.set_progress_handler(lambda: steps.append(1), 1)
        assert len(await asked(log, Selection(run="r7"))) == 60
    assert len(steps) < 60 * 60


async def test_the_runs_that_went_on_behind_a_position_are_known(log: EventLog) -> None:
    """Who keeps what was seen of runs looks only at those that have changed."""
    await log.append_all(solid(["a", "b", "c"], 4))
    assert await log.runs() == await log.runs(after=0) == ["a", "b", "c"]
    assert await log.runs(after=4) == ["b", "c"]
    assert await log.runs(after=11) == ["c"]
    assert await log.runs(after=12) == []
    await log.append_all([Append(StreamId("a", "run"), [Draft(FAILED, None)], 0)])
    assert await log.runs(after=12) == ["a"]
    assert await log.runs(after=11) == ["a", "c"]


@pytest.mark.parametrize("shape", list(SHAPES))
async def test_some_streams_of_a_run_are_read_in_the_order_of_the_log(log: EventLog, shape: str) -> None:
    """And no stream of another run that is called the same."""
    await log.append_all(SHAPES[shape](["a", "b"], PAGE + 50))
    every = [row async for page in log.rows() for row in page]
    for names in (set[str](), {"trial/1"}, {"trial/0", "trial/2", "trial/none"}):
        for after, until in ((0, None), (7, PAGE)):
            selection = Selection(run="b", streams=names, after=after, until=until)
            wanted = [(row.position, row.version) for row in every if row.run == "b" and selection.takes(row)]
            assert await asked(log, selection) == wanted
            assert {each.stream.name async for each in log.read(selection)} <= names
