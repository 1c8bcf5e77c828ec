"""Runs over two suites, or over two releases of one, are never put together."""

import pytest

from engine.suites.errors import SuitesDiffer
from events.base import Draft, StreamId
from events.digest import Digest, Fingerprint, digest_of
from events.store.memory import MemoryLog
from events.types.suite import SuiteRead
from tests.support.orders import CountingClock
from views.evaluations.pairs import RunArm, read_pair
from views.suites.recorded import require_one_suite, suite_of_run


async def _log(**digests: str) -> MemoryLog:
    """Write a log of runs that read suites of the same name."""
    log = MemoryLog(clock=CountingClock())
    for run, digest in digests.items():
        read = SuiteRead("bench", "1.0", Fingerprint(digest_of(digest.encode())), Digest(log.put(b"{}")), ())
        await log.append(StreamId(run, "run"), [Draft(read, None)], expected_version=0)
    return log


async def test_two_releases_are_refused_by_name() -> None:
    """Where they stand, with release and digest; their mean would be of nothing."""
    log = await _log(old="a", new="b")
    with pytest.raises(SuitesDiffer) as caught:
        await read_pair(log, RunArm("old", None), RunArm("new", None))
    assert "old over bench release 1.0 (" in caught.value.problem
    assert "new over bench release 1.0 (" in caught.value.problem
    assert "never averaged" in caught.value.remedy


async def test_runs_over_one_suite_and_over_none_are_not() -> None:
    """The digest counts; a run without a suite is compared as ever."""
    log = await _log(one="a", two="a")
    await require_one_suite(log, ("one", "two", "none"))
    assert await suite_of_run(log, "none") is None
