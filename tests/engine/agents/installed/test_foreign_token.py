"""Stories of an installed agent that cheats at the gateway."""

from pathlib import Path

import pytest

from events.types.agent import AgentActed, CallRefused
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import EVERYWHERE, live, only
from tests.support.runs import ASIDE, make_base

CHEATING = (
    'name = "cheating"\n'
    + ASIDE
    + """
[[rule]]
name = "tries the token of another attempt"
[[rule.turn]]
command = '''
ls -1 /opt/stillroom/attempt
cat > /tmp/try.mjs <<'JS'
const url = process.env.OPENAI_BASE_URL + "/chat/completions";
const body = JSON.stringify({ model: "teacher", messages: [{ role: "user", content: "spend another's money" }] });
const answer = await fetch(url, { method: "POST", headers: { Authorization: "Bearer of-another-attempt" }, body });
console.log("answered", answer.status);
JS
/opt/stillroom/kit/node_modules/node-linux-*/bin/node /tmp/try.mjs
touch /opt/stillroom/attempt/s /opt/stillroom/kit/x 2>&1 | head -2
cp words.txt answer.txt
'''
[[rule.turn]]
text = "DONE"
"""
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERYWHERE
async def test_an_agent_that_tries_another_attempts_token_is_refused_and_seen(
    where: str, cache: Path, tmp_path: Path
) -> None:
    """It finds no other socket than its own, and what it tries there stands in the log of its own attempt."""
    lived = await live(cache, make_base(tmp_path, CHEATING), "qwen-code", where)
    # Then it was answered with a refusal, and could change nothing that it was started with.
    acted = only(lived.events["attempt/word/1"], AgentActed)[0]
    assert isinstance(acted, AgentActed)
    output = (await lived.log.get(acted.output)).decode()
    assert "answered 401" in output
    assert "Read-only file system" in output
    assert "instruction\nlaunch.json\ns\nskills\n" in output
    # And that it tried is on record, beside its proper calls.
    calls = [events for name, events in lived.events.items() if name.startswith("call/")]
    refused = [each for events in calls for each in events if isinstance(each, CallRefused)]
    assert [each.reason for each in refused] == ["token"]
    assert (await rerun(lived.log, lived.run)).complete
