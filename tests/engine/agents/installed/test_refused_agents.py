"""Stories of real agents whose provider refuses their calls for what only a person can mend: the run stops, open."""

from pathlib import Path

import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.errors import CallsRefused, EngineError, ProviderUnreachable
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import resume_run, start_run
from events.store.memory import MemoryLog
from events.types.agent import AgentRunAsked, AgentRunFinished, CallAsked
from events.types.attempt import AttemptAbandoned, AttemptJudged
from events.types.run import RunClosed
from events.types.session import CallLeftOpen
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import SCRIPT, backend_named
from tests.engine.gateway.test_refused_calls import closed_port
from tests.engine.runtime.test_refusals import events_of, only_run, refusing
from tests.support.runs import make_base, spec

SOLVES = SCRIPT.replace("~/answer.txt", "answer.txt")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("agent", "refused", "stop"),
    [
        ("codex", "authentication", CallsRefused),
        ("codex", "unreachable", ProviderUnreachable),
        ("claude-code", "quota", CallsRefused),
        ("qwen-code", "unknown_model", CallsRefused),
        ("opencode", "permission", CallsRefused),
        ("gemini-cli", "not_found", CallsRefused),
    ],
)
async def test_an_agent_is_told_of_no_refusal_and_runs_again_once_it_is_mended(
    agent: str, refused: str, stop: type[EngineError], cache: Path, tmp_path: Path
) -> None:
    """Its run is open, as if the process had died: a resume begins the attempt again, and none counts that did not end.

    It would give up by itself at the refusal, and so would the agent of every other task.
    """
    found = agent_named(agent)
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    base = make_base(tmp_path, refusing(refused if stop is CallsRefused else "server"))
    url = "script:script.toml" if stop is CallsRefused else closed_port()
    asked = spec(
        agent={"name": agent}, method={"attempts": 1}, models={"teacher": {"model": "teacher", "base_url": url}}
    )
    log = MemoryLog(clock=clock)
    async with backend_named("local", base) as backend:
        setting = RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache)
        with pytest.raises(stop) as caught:
            await start_run(setting, asked)
        run = await only_run(log)
        assert f"asked by {agent} for /" in caught.value.problem
        assert f"stillroom resume {run}" in caught.value.remedy
        (left,) = await events_of(log, CallLeftOpen)
        assert left.asked.stream.startswith("call/word/1/")
        assert await events_of(log, AgentRunAsked)
        assert not [*await events_of(log, AgentRunFinished), *await events_of(log, AttemptJudged)]
        if stop is ProviderUnreachable:
            return

        (base / "script.toml").write_text(SOLVES)
        calls = len(await events_of(log, CallAsked))
        await resume_run(setting, run, accept_changes=True)
    (closed,) = await events_of(log, RunClosed)
    assert (closed.solved, closed.no_verdict) == (1, 0)
    (given_up,) = await events_of(log, AttemptAbandoned)
    assert given_up.reason == "sandbox_lost"
    assert len(await events_of(log, AgentRunFinished)) == 1
    assert len(await events_of(log, CallAsked)) > calls
    assert (await rerun(log, run)).complete
