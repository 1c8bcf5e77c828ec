"""A story of a real agent whose gateway fails under it: nobody's score, and not the end of the run."""

from pathlib import Path

import pytest

from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from engine.testing.fault_injection import FaultyLog
from events.store.memory import MemoryLog
from events.types.session import BackgroundFailed, SessionEnded
from replay.rerun import rerun
from tests.engine.agents.installed.test_outages import script
from tests.support.isolation import backend_here
from tests.support.runs import make_base, spec


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_gateway_that_fails_gives_no_score_and_ends_no_run(cache: Path, tmp_path: Path) -> None:
    """Each answer of the provider cannot be kept, for a reason of ours: the attempts have no verdict."""
    base = make_base(tmp_path, script('text = "DONE"'))

    def fault(operation: str, about: object) -> None:
        if operation == "put" and isinstance(about, bytes) and b"data: " in about:
            raise ValueError("it cannot be kept")

    memory = MemoryLog(clock=clock)
    backend = await backend_here(base / "sandboxes")
    if backend.describe().level == "none":
        pytest.skip(backend.describe().reason)
    setting = RunContext(FaultyLog(memory, fault), backend, load_prompts(), "test", {}, base, cache=cache)
    asked = spec(agent={"name": "codex"}, method={"attempts": 1})
    report = await start_run(setting, asked)
    assert report.outcomes == {"word": "infrastructure"}
    session = [each.event for each in (await load_histories(memory, report.run)).by_stream["session"]]
    failures = [each for each in session if isinstance(each, BackgroundFailed)]
    assert {(each.part, each.error) for each in failures} == {("gateway", "ValueError")}
    assert session[-1] == SessionEnded("completed")
    assert (await rerun(memory, report.run)).complete
