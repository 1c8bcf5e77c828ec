"""Arms of one condition: the second would find, in the next run, what the first stored."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.errors import ConfigRefused
from events.store.memory import MemoryLog
from tests.engine.programs.evaluate.test_evaluate import evaluated, evaluation
from tests.engine.programs.evaluate.test_skills_of_arms import base_of
from tests.support.orders import CountingClock

NONE: Final[dict[str, Any]] = {"skills": ""}


async def test_two_ways_to_write_one_condition_are_refused_before_anything_is_paid(tmp_path: Path) -> None:
    """One attempt is one attempt, whether the run says so or the arm does."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    twins = {"none": NONE, "twin": {**NONE, "set": {"method.attempts": 1}}}
    with pytest.raises(ConfigRefused, match="the arms none and twin are one condition") as refused:
        await evaluated(log, base, evaluation(twins, method={"attempts": 1}))
    assert refused.value.remedy is not None
    assert 'again = "none"' in refused.value.remedy
    assert (await log.head()).position == 0


@pytest.mark.slow
async def test_fresh_repeats_of_one_condition_are_an_arm(tmp_path: Path) -> None:
    """They have a series of their own, so nothing of the one is found as the other's."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    twins = {"none": NONE, "twin": {"again": "none"}, "more": {**NONE, "set": {"method.attempts": 2}}}
    report = await evaluated(log, base, evaluation(twins, method={"attempts": 1}))
    assert {name.partition("/")[0] for name in report.outcomes} == {"none", "twin", "more"}
