"""What an append and a follower cost must not grow with how many streams a run has: a run of 5,000 trials has 10,000.

Work is counted, not timed: how often a stream's name is hashed, and how many steps SQLite's machine takes.
"""

from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from events.base import Draft, StreamId
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from tests.events.samples import said, ticking


class CountedName(StreamId):
    """A name that knows how often it was looked at."""

    looks: ClassVar[list[int]] = []

    @override
    def __hash__(self) -> int:
        self.looks.append(1)
        return super().__hash__()


async def filled(folder: Path, streams: int) -> SqliteLog:
    """Make a log whose one run has so many streams."""
    log = await SqliteLog.open(folder / "log.db", clock=ticking())
    for number in range(streams):
        await log.append(CountedName("r", f"trial/{number}"), [Draft(said("x"), None)], expected_version=0)
    return log


@pytest.mark.slow
@pytest.mark.parametrize("streams", [10, 300])
async def test_an_append_looks_at_its_own_stream(streams: int, tmp_path: Path) -> None:
    """Each batch once walked all streams there ever were."""
    async with await filled(tmp_path, streams) as log:
        CountedName.looks.clear()
        await log.append(CountedName("r", "trial/1"), [Draft(said("x"), None)], expected_version=1)
        assert 0 < len(CountedName.looks) <= 10


@pytest.mark.parametrize("streams", [10, 300])
async def test_a_follower_reads_what_is_new(streams: int, tmp_path: Path) -> None:
    """Each look once listed all streams of the run twice, and all names of the log whenever a stream was new."""
    async with await filled(tmp_path, streams) as log:
        steps: list[int] = []
        whole = [each async for each in log.read(Selection(run="r"))]
        assert len(whole) == streams
        driver = log._reader.connection._driver
        await driver.set_progress_handler(lambda: steps.append(1), 1)
        await log.append(StreamId("r", "trial/new"), [Draft(said("x"), None)], expected_version=0)
        news = [each async for each in log.read(Selection(run="r", after=streams))]
        assert [each.stream.name for each in news] == ["trial/new"]
        assert 0 < len(steps) <= 250
