"""The short story of evolving: one environment of the demo, with its skills as they are, and revised after each trial.

The whole ladder is told in `test_evolve.py`.
"""

from pathlib import Path

import pytest

from engine.runtime.run import start_run
from events.store.memory import MemoryLog
from replay.rerun import rerun
from tests.demo.test_evolve import demo_spec, roles_of, scores
from tests.support.orders import CountingClock
from tests.support.runs import setting


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_revised_skill_resists_the_trap_that_the_curated_one_falls_into(tmp_path: Path) -> None:
    """Given both arms, when all has ended: transfer and composition are alike, the trap is not; a rerun is the same."""
    arms = ("curated_static", "curated_with_revision_always")
    log = MemoryLog(clock=CountingClock())
    run = (await start_run(await setting(log, tmp_path), demo_spec(tmp_path, arms, environments=["E2"]))).run
    found = await scores(log, run)
    assert {arm: roles_of(found, arm) for arm in arms} == {arms[0]: "T1 T4 T6", arms[1]: "T1 T4 T5 T6"}
    assert (await rerun(log, run)).complete
