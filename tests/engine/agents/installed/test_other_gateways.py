"""Stories of two real agents at a time: what the one can reach of the other."""

from pathlib import Path
from typing import Final, TypeVar

import pytest

from events.base import Event
from events.types.agent import AgentActed, CallReceived, CallRefused
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import EVERYWHERE, live, only
from tests.support.runs import ASIDE, make_base

E = TypeVar("E", bound=Event)
THIEF: Final = (
    'name = "thief"\n'
    + ASIDE
    + """
[[rule]]
name = "thief"
contains = ["thief.txt"]
[[rule.turn]]
command = '''
find / -name proc -prune -o -type s -print 2>/dev/null
cat > /tmp/try.mjs <<'JS'
import { readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
const mine = process.env.OPENAI_API_KEY;
const held = new Set();
for (const pid of readdirSync("/proc").filter((each) => /^[0-9]+$/.test(each))) {
  try {
    for (const each of readFileSync(`/proc/${pid}/environ`, "utf8").split("\\0")) {
      if (each.startsWith("OPENAI_API_KEY=")) held.add(each.slice(15));
    }
  } catch {}
}
held.delete(mine);
console.log("tokens of others:", held.size);
const mineAt = readFileSync("/proc/net/unix", "utf8").match(/\\/\\S+\\/\\d+\\/s$/m);
for (const number of mineAt === null ? [] : [1, 2, 3]) {
  const path = mineAt[0].replace(/\\d+\\/s$/, number + "/s");
  await new Promise((done) => {
    const socket = connect(path, () => { console.log("reached", path); done(); });
    socket.on("error", (error) => { console.log("door", number, error.code); done(); });
  });
}
const body = JSON.stringify({ model: "teacher", messages: [{ role: "user", content: "spend another's money" }] });
for (const token of [...held, "of-another-attempt", mine.split("").reverse().join("")]) {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(process.env.OPENAI_BASE_URL + "/chat/completions", { method: "POST", headers, body });
  console.log("answered", answer.status);
}
JS
/opt/stillroom/kit/node_modules/node-linux-*/bin/node /tmp/try.mjs
'''
[[rule.turn]]
text = "DONE"

[[rule]]
name = "honest"
contains = ["words.txt names"]
[[rule.turn]]
command = "cp words.txt answer.txt"
[[rule.turn]]
text = "DONE"
"""
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERYWHERE
async def test_the_gateway_of_another_attempt_is_out_of_reach(where: str, cache: Path, tmp_path: Path) -> None:
    """Two real agents, each with a gateway of its own: the one finds neither the other's socket nor its token.

    What it tries at its own is refused, and on record in streams of its own; the other's calls are all its own.
    """
    base = make_base(tmp_path, THIEF, "honest", "thief")
    (base / "tasks/thief/instruction.md").write_text("Write the word that thief.txt names into /app/answer.txt.\n")
    lived = await live(cache, base, "qwen-code", where)
    assert lived.outcomes == {"honest": "solved", "thief": "unsolved"}
    acted = one(lived.events["attempt/thief/1"], AgentActed)
    output = (await lived.log.get(acted.output)).decode()
    assert output.count("/opt/stillroom/attempt/s\n") == 1
    # The kernel tells it where its door is on the host, and so where the other's must be: no way leads there.
    assert "reached" not in output
    assert output.count("ENOENT") == 3
    assert "tokens of others: 0" in output
    assert output.count("answered 401") == 2
    calls = {name: events for name, events in lived.events.items() if name.startswith("call/")}
    refused = {name for name, events in calls.items() for each in events if isinstance(each, CallRefused)}
    assert len(refused) == 2
    assert all(name.startswith("call/thief/1/") for name in refused)
    for name in refused:
        assert one(calls[name], CallReceived).barred == "token"
        assert one(calls[name], CallRefused).reason == "token"
    assert (await rerun(lived.log, lived.run)).complete


def one(events: list[Event], kind: type[E]) -> E:
    """Give the only one of a kind."""
    (found,) = only(events, kind)
    assert isinstance(found, kind)
    return found
