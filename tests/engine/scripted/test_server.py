"""Stories of the scripted endpoint, told over real HTTP on loopback."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from engine.policies.turn import Command, read_calls, read_text
from engine.scripted.counts import CountLine
from engine.scripted.errors import PortTaken
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint

_ROOT = Path(__file__).parents[3]
_TOOLS = [{"type": "function", "function": {"name": "run", "parameters": {}}}]
_SCRIPT = """
name = "story"
[[rule]]
name = "greet"
model = "teacher"
contains = ["Task: greet", "Attempt: 1 of"]
absent = ["Role: reflector"]
[[rule.turn]]
text = "I look around."
command = "ls -l"
usage = { input = 100, output = 20, cached = 7 }
cost_usd = "0.0001"
[[rule.turn]]
text = "DONE"
repeat = true
[[rule]]
name = "reflect"
contains = ["Role: reflector"]
[[rule.turn]]
text = "The memo, with ünïcode and more than forty characters of it."
"""


def failing(turn: str) -> str:
    """Write a script of one turn for every request."""
    return f'name = "story"\n[[rule]]\nname = "any"\n[[rule.turn]]\n{turn}\n'


def asked(*texts: str, **more: object) -> dict[str, Any]:
    """Word a request whose messages are the user's and the assistant's by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": text} for index, text in enumerate(texts)]
    return {"model": "teacher", "messages": messages, **more}


GREET = "Task: greet\nAttempt: 1 of 3\n\nGreet."


@asynccontextmanager
async def served(
    text: str = _SCRIPT, *, counts: Path | None = None, port: int = 0
) -> AsyncIterator[tuple[ScriptedEndpoint, httpx.AsyncClient]]:
    """Serve a script, and give a client for it."""
    limits = httpx.Limits(max_connections=None)
    async with (
        ScriptedEndpoint(parse_script(text, "story"), port, counts) as endpoint,
        httpx.AsyncClient(base_url=endpoint.base_url, timeout=30, limits=limits, trust_env=False) as client,
    ):
        yield endpoint, client


async def ask(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    """Send a request."""
    return await client.post("/chat/completions", json=body)


async def message(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request and give the message that answers it."""
    answer: dict[str, Any] = (await ask(client, body)).raise_for_status().json()["choices"][0]["message"]
    return answer


def lines(path: Path) -> list[CountLine]:
    """Read a count file."""
    return [CountLine(**json.loads(line)) for line in path.read_text().splitlines()]


async def test_an_answer_says_that_it_comes_from_a_script() -> None:
    """Nobody may take a scripted run for a model's."""
    async with served() as (endpoint, client):
        reply = await ask(client, asked(GREET))
        about = await client.get(endpoint.base_url.removesuffix("/v1") + "/")
        models = await client.get("/models")
    body = reply.json()
    assert reply.headers["x-stillroom-script"] == "story"
    assert body["model"] == "script/story"
    assert body["system_fingerprint"].startswith("script-")
    assert body["usage"]["prompt_tokens"] == 100
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 7}
    assert body["usage"]["cost"] == 0.0001
    assert "not a model" in about.json()["about"]
    assert [each["id"] for each in models.json()["data"]] == ["teacher"]


async def test_a_command_is_a_tool_call_where_tools_are_offered_and_a_fence_elsewhere() -> None:
    """The same script drives both ways in which the shell agent reads commands."""
    async with served() as (_, client):
        fenced = await message(client, asked(GREET))
        called = await message(client, asked(GREET, tools=_TOOLS))
    call = called["tool_calls"][0]
    assert read_text(fenced["content"]) == Command("ls -l", None)
    read = read_calls(((call["id"], call["function"]["name"], call["function"]["arguments"]),))
    assert read == Command("ls -l", call["id"])
    assert called["content"] == "I look around."


async def test_the_turn_follows_from_the_conversation_alone() -> None:
    """After kill -9 and a new server the same request gets the same bytes."""
    second = asked(GREET, "```sh\nls -l\n```", "exit code: 0\nRole: reflector")
    async with served() as (endpoint, client):
        first = await ask(client, second)
        later = await message(client, asked(GREET, "a", "b", "c", "d"))
        assert json.loads(endpoint.requests[0]) == second
    async with served() as (_, client):
        again = await ask(client, second)
    assert first.json()["choices"][0]["message"]["content"] == "DONE" == later["content"]
    assert first.content == again.content


async def test_system_messages_and_text_parts_belong_to_the_opening() -> None:
    """A role may be told in either, and clients send texts in parts too."""
    parts = [{"type": "text", "text": "Role: "}, {"type": "text", "text": "x"}]
    body = {
        "model": "m",
        "messages": [{"role": "system", "content": "Role: reflector"}, {"role": "user", "content": parts}],
    }
    async with served() as (_, client):
        assert "memo" in (await message(client, body))["content"]


async def test_what_no_rule_covers_is_refused_with_the_nearest_rule() -> None:
    """A made-up answer would hide that the script and the prompts have drifted apart."""
    async with served() as (_, client):
        unmatched = await ask(client, asked("Task: greet\nAttempt: 2 of 3"))
        other = await ask(client, asked(GREET) | {"model": "student"})
        ended = await ask(client, asked("Role: reflector", "memo", "again"))
        broken = await client.post("/chat/completions", content=b"{")
        empty = await ask(client, {"model": "m", "messages": []})
    assert unmatched.status_code == HTTPStatus.BAD_REQUEST
    assert unmatched.json()["error"]["code"] == "script_no_rule"
    assert "nearest is rule 'greet': it wants the text 'Attempt: 1 of'" in unmatched.json()["error"]["message"]
    assert "it wants model 'teacher'" in other.json()["error"]["message"]
    assert (ended.status_code, ended.json()["error"]["code"]) == (400, "script_ended")
    assert "asks for turn 1" in ended.json()["error"]["message"]
    assert [each.json()["error"]["code"] for each in (broken, empty)] == ["script_request_unread"] * 2


async def test_a_command_that_would_break_its_fence_is_refused() -> None:
    """Half a command is not what the script says."""
    async with served(failing("command = '''cat <<E\n```\nE'''")) as (_, client):
        fenced = await ask(client, asked("a"))
        called = await ask(client, asked("a", tools=_TOOLS))
    assert fenced.json()["error"]["code"] == "script_command_fenced"
    assert called.is_success


def joined(stream: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Put a streamed message together, and give the chunks too."""
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    whole: dict[str, Any] = {"content": "", "arguments": ""}
    for delta in (each["choices"][0]["delta"] for each in chunks if each["choices"]):
        whole["content"] += delta.get("content", "")
        for call in delta.get("tool_calls", ()):
            whole["arguments"] += call["function"]["arguments"]
            whole["id"] = call.get("id", whole.get("id"))
    return whole, chunks


async def test_a_streamed_answer_says_the_same_as_a_whole_one() -> None:
    """Server-sent events, tool calls in pieces, usage only when it is asked for."""
    body = asked(GREET, tools=_TOOLS)
    async with served() as (_, client):
        streamed = await ask(client, body | {"stream": True})
        counted = await ask(client, body | {"stream": True, "stream_options": {"include_usage": True}})
        memo = await ask(client, asked("Role: reflector", stream=True))
    whole, chunks = joined(streamed.text)
    assert streamed.headers["content-type"] == "text/event-stream"
    assert whole["content"] == "I look around."
    assert json.loads(whole["arguments"]) == {"command": "ls -l"}
    assert whole["id"].startswith("call_")
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert not any("usage" in chunk for chunk in chunks)
    assert joined(counted.text)[1][-1]["usage"]["total_tokens"] == 120
    assert joined(memo.text)[0]["content"] == "The memo, with ünïcode and more than forty characters of it."


async def test_a_taken_port_is_said_to_be_taken() -> None:
    """Two servers on one port would share the requests."""
    async with served() as (endpoint, _):
        port = int(endpoint.base_url.removesuffix("/v1").rpartition(":")[2])
        with pytest.raises(PortTaken, match=str(port)):
            async with served(port=port):
                pass
    with pytest.raises(PortTaken, match="0-65535"):
        async with served(port=70_000):
            pass


@pytest.mark.slow
async def test_a_thousand_requests_wait_together() -> None:
    """Waiting costs nothing: the whole crowd is answered in little more than one delay."""
    body = json.dumps(asked("a")).encode()
    head = f"POST /chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    answers: list[bytes] = []

    async def one(port: int) -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(head.encode() + body)
            answers.append(await stream.receive())

    async with served(failing('text = "late"\ndelay_s = 2')) as (endpoint, _):
        port = int(endpoint.base_url.removesuffix("/v1").rpartition(":")[2])
        with anyio.fail_after(50):
            async with anyio.create_task_group() as tasks:
                for _each in range(1000):
                    tasks.start_soon(one, port)
    assert len(answers) == 1000
    assert all(b"200 OK" in answer for answer in answers)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_the_command_serves_until_it_is_killed(ending: signal.Signals, tmp_path: Path) -> None:
    """The demo starts it so; whoever starts it reads one line to know where it is."""
    script, counts = tmp_path / "s.toml", tmp_path / "counts"
    script.write_text(_SCRIPT)
    command = [sys.executable, "-m", "engine.scripted", str(script), "--counts", str(counts)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["base_url"]
        with httpx.Client(trust_env=False) as client:
            replies = [client.post(f"{url}/chat/completions", json=asked(GREET)) for _ in range(2)]
        process.send_signal(ending)
        said = process.communicate(timeout=40)
    assert all(reply.is_success for reply in replies)
    # The second request on one connection is read only when the first has been counted to its end.
    assert [each.at for each in lines(counts)][:3] == ["received", "answered", "received"]
    assert process.returncode == (0 if ending is signal.SIGTERM else -signal.SIGKILL)
    assert said == ("", "")


def test_the_command_refuses_a_script_that_cannot_be_played(tmp_path: Path) -> None:
    """A person reads what is wrong and what to do; a program reads the exit code."""
    script = tmp_path / "s.toml"
    script.write_text(_SCRIPT.replace("command", "comand"))
    command = [sys.executable, "-m", "engine.scripted", str(script)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "did you mean `command`?" in done.stderr
    assert "Traceback" not in done.stderr
