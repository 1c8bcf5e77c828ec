"""The port that reads suites."""

from pathlib import Path

from engine.core.ports import EffectAddress
from engine.suites.port import SuitePort
from events.store.memory import MemoryLog
from events.types.suite import SuiteAsked, SuiteMissing, SuiteRead, read_suite_blob
from tests.support.suites import SuiteShape, write_suite

PLACE = EffectAddress("r", "run", 1)


async def test_a_suite_is_kept_with_its_curated_skills(tmp_path: Path) -> None:
    """A replay reads no folder: all of it is in the log."""
    write_suite(tmp_path / "s", SuiteShape(1, 2))
    log = MemoryLog(clock=lambda: 0)
    read = await SuitePort(log, tmp_path, ())(SuiteAsked("s"), PLACE)
    assert isinstance(read, SuiteRead)
    suite = read_suite_blob(await log.get(read.suite))
    assert (suite.digest, suite.release, len(suite.tasks)) == (read.digest, "1.1", 12)
    assert [(await log.get(each))[:15] for each in read.shown] == [b"---\nname: sum-1"] * 2
    assert {each.digest for family in suite.families for each in family.curated} == set(read.shown)


async def test_a_suite_that_cannot_be_read_is_an_outcome(tmp_path: Path) -> None:
    """With all that is wrong, and what to do."""
    missing = await SuitePort(MemoryLog(clock=lambda: 0), tmp_path, ())(SuiteAsked("s"), PLACE)
    assert isinstance(missing, SuiteMissing)
    assert "is not there" in missing.problem
    assert "tasks/ and skills/" in missing.remedy
