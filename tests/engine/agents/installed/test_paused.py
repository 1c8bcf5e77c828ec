"""The story of a run that is paused under an agent of another make: its next call waits, and nobody is asked."""

from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime import control
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.agent import AgentRunAsked, CallReceived
from events.types.control import PauseOrdered, UnpauseOrdered
from replay.rerun import rerun
from tests.support.isolation import backend_here
from tests.support.runs import ASIDE, make_base, spec

SCRIPT = (
    'name = "agents"\n'
    + ASIDE
    + """
[[rule]]
name = "works"
[[rule.turn]]
command = "cat words.txt | tee answer.txt"
[[rule.turn]]
text = "DONE"
"""
)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_paused_run_holds_the_calls_of_its_agent(cache: Path, tmp_path: Path) -> None:
    """It comes, and is not asked before the run goes on; then the agent never knows."""
    codex = agent_named("codex")
    assert isinstance(codex, InstalledAgent)
    try:
        await AgentPackages(cache).ready(codex.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    base = make_base(tmp_path, SCRIPT)
    log = MemoryLog(clock=clock)
    runs: list[str] = []
    outcomes: dict[str, str] = {}
    backend = await backend_here(base / "sandboxes")
    if backend.describe().level == "none":
        pytest.skip(backend.describe().reason)
    setting = RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache)

    async def play() -> None:
        asked = spec(agent={"name": "codex"}, method={"attempts": 1})
        outcomes.update((await start_run(setting, asked, told=lambda session: runs.append(session.run))).outcomes)

    async with anyio.create_task_group() as group:
        # Given a run whose agent has started, and that a person pauses
        group.start_soon(play)
        async for each in log.follow(Selection()):
            if isinstance(each.event, AgentRunAsked):
                break
        place = await control.give(log, runs[0], PauseOrdered("ada", "to look at it"), now_us=0)
        met = await control.outcome_of(log, runs[0], place, within_s=30)
        assert met is not None
        # When the agent calls its model, then the call has come and nobody is asked
        with anyio.fail_after(60):
            while not await waiting(log, runs[0]):
                await checkpoint()
        # And when the run goes on, so does the agent
        await control.give(log, runs[0], UnpauseOrdered("ada", "seen"), now_us=0)
    assert outcomes == {"word": "solved"}
    assert not await waiting(log, runs[0])
    assert (await rerun(log, runs[0])).complete


async def waiting(log: MemoryLog, run: str) -> list[str]:
    """Name the calls that came and were not asked. One that need not wait is asked in the same breath."""
    histories = (await load_histories(log, run)).by_stream
    return [name for name, events in histories.items() if isinstance(events[-1].event, CallReceived)]
