"""Reports that verifiers leave beside their reward are in the log, and are read as outcome and process groups."""

import shutil
from pathlib import Path

import pytest

from engine.config.spec import AgentSpec
from engine.programs.explore.spec import SparkSpec
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.sandbox import VerifierRewarded
from projections.verifier_groups import GroupReading, read_groups
from tests.support.orders import CountingClock
from tests.support.runs import setting, spec
from tests.support.suites import KINDS, SuiteShape, VerifierKind, write_suite

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


async def _verified(base: Path, agent: str) -> tuple[VerifierRewarded, GroupReading]:
    log = MemoryLog(clock=CountingClock())
    on = await setting(log, base)
    if on.backend.describe().level == "none":
        pytest.skip("tasks without a network are refused where nothing keeps them from it: install bubblewrap")
    told = {"models": {}, "only": ("sum-1-1-canonical",), "agent": AgentSpec(name=agent)}
    await start_run(on, spec(method=SparkSpec(attempts=1), **told))
    events = [each.event async for each in log.read(Selection())]
    (rewarded,) = [each for each in events if isinstance(each, VerifierRewarded)]
    return rewarded, read_groups({each.name: await log.get(each.digest) for each in rewarded.files})


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, pytest.param("javascript", marks=needs_node)])
async def test_reports_of_each_kind_are_kept_and_read(tmp_path: Path, kind: VerifierKind) -> None:
    """As blobs that the verification names: the oracle passes every group, and nobody passes none."""
    write_suite(tmp_path, SuiteShape(1, 1, kinds=(kind,)))
    for agent, passed in (("oracle", True), ("nop", False)):
        rewarded, reading = await _verified(tmp_path, agent)
        assert {"score_report.json", "outcome_report.json", "process_report.json"} <= {
            each.name for each in rewarded.files
        }
        assert (reading.outcome, reading.process, reading.passed, reading.problems) == (passed, passed, passed, ())
        assert reading.score == rewarded.reward == (1.0 if passed else 0.0)
        assert all(row.matched for row in reading.rubric)
        assert (reading.outcome_hidden is None) == (kind == "count")
