"""Stories of the scripted endpoint's failures, and of what it counts."""

import json
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from engine.scripted.errors import CountsInvalid
from engine.scripted.reader import parse_script
from engine.scripted.script import Rule, Script, ScriptedTurn
from engine.scripted.server import ScriptedEndpoint
from events.digest import digest_of
from tests.engine.scripted.test_server import ask, asked, failing, lines, message, served


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("rate_limit", 429, "rate_limit_exceeded"),
        ("quota", 429, "insufficient_quota"),
        ("server", 500, "internal_error"),
        ("overloaded", 503, "overloaded"),
        ("authentication", 401, "invalid_api_key"),
        ("context_length", 400, "context_length_exceeded"),
        ("bad_request", 400, "invalid_value"),
    ],
)
async def test_each_http_error_looks_as_providers_word_it(error: str, status: int, code: str) -> None:
    """A client is tried with what it will meet."""
    async with served(failing(f'error = "{error}"\nretry_after_s = 0.01')) as (_, client):
        reply = await ask(client, asked("a"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.headers["retry-after"] == "0.01"
    assert reply.headers["x-stillroom-script"] == "story"


async def test_answers_that_are_none_can_be_had_too() -> None:
    """Garbage, refusals and empty answers come with status 200, as they do elsewhere."""
    async with served(failing('error = "garbage"')) as (_, client):
        assert "<html>" in (await ask(client, asked("a"))).text
    async with served(failing('error = "refusal"')) as (_, client):
        refused = await message(client, asked("a"))
        streamed = await ask(client, asked("a", stream=True))
    assert refused["content"] is None
    assert "script" in refused["refusal"]
    assert '"refusal":"' in streamed.text
    async with served(failing('error = "empty"')) as (_, client):
        assert (await message(client, asked("a")))["content"] == ""
    async with served(failing('error = "server"\nstatus = 529')) as (_, client):
        assert (await ask(client, asked("a"))).status_code == 529


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_can_break_off(stream: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest
    """Half an answer is no answer, and is not counted as one."""
    counts = tmp_path / "counts"
    turn = 'error = "half"\ntimes = 1\ntext = "A longer text, so that there is something to break."'
    async with served(failing(turn), counts=counts) as (_, client):
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(client, asked("a", stream=stream))
        assert (await ask(client, asked("a", stream=stream))).is_success
    assert [(each.at, each.error) for each in lines(counts)] == [
        ("received", "half"),
        ("received", None),
        ("answered", None),
    ]


async def test_closing_ends_requests_that_hang_or_wait(tmp_path: Path) -> None:
    """A test that provokes a timeout must not wait for it, nor leave warnings behind."""
    counts = tmp_path / "counts"
    for turn in ('error = "hang"', 'text = "late"\ndelay_s = 3600'):
        endpoint = ScriptedEndpoint(parse_script(failing(turn), "story"), counts=counts)
        with anyio.fail_after(30):
            async with httpx.AsyncClient(timeout=None, trust_env=False) as client, anyio.create_task_group() as tasks:

                async def hang(client: httpx.AsyncClient, url: str) -> None:
                    with pytest.raises(httpx.RemoteProtocolError):
                        await client.post(url, json=asked("a"))

                async with endpoint:
                    tasks.start_soon(hang, client, endpoint.base_url + "/chat/completions")
                    while not endpoint.requests:
                        await checkpoint()
    assert [each.at for each in lines(counts)] == ["received"] * 2


async def test_a_client_that_leaves_is_not_answered(tmp_path: Path) -> None:
    """What nobody read was not answered, whatever the script would have said."""
    counts = tmp_path / "counts"
    async with (
        served(failing('error = "hang"'), counts=counts) as (endpoint, client),
        anyio.create_task_group() as group,
    ):
        group.start_soon(ask, client, asked("a"))
        while not endpoint.requests:
            await checkpoint()
        group.cancel_scope.cancel()
    assert [each.at for each in lines(counts)] == ["received"]


async def test_an_answer_that_nobody_takes_to_the_end_is_not_answered(tmp_path: Path) -> None:
    """A buffer of ours is not the client: only bytes that left it were written."""
    counts, body = tmp_path / "counts", json.dumps(asked("a")).encode()
    rule = Rule(name="long", turns=(ScriptedTurn(text="x" * 32_000_000),))
    script = Script(name="story", rules=(rule,), fingerprint="0" * 16)
    async with ScriptedEndpoint(script, counts=counts) as endpoint:
        port = int(endpoint.base_url.removesuffix("/v1").rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            assert b"200 OK" in await stream.receive()
        assert [each.at for each in lines(counts)] == ["received"]
    assert [each.at for each in lines(counts)] == ["received"]


async def test_failures_are_counted_per_request_and_across_restarts(tmp_path: Path) -> None:
    """A retry after a crash meets the second failure, not the first again."""
    counts, script = tmp_path / "counts", failing('error = "overloaded"\ntimes = 2\ntext = "at last"')
    async with served(script, counts=counts) as (_, client):
        assert (await ask(client, asked("a"))).status_code == 503
        assert (await ask(client, asked("b"))).status_code == 503
    with counts.open("ab") as file:
        file.write(b'{"at":"received","dig')  # what a crash leaves
    async with served(script, counts=counts) as (_, client):
        statuses = [(await ask(client, asked("a"))).status_code for _ in range(3)]
    assert statuses == [503, 200, 200]
    answered = [each for each in lines(counts) if each.at == "answered" and each.error is None]
    body = httpx.Request("POST", "http://x", json=asked("a")).content
    assert {each.digest for each in answered} == {digest_of(body)}
    assert {(each.rule, each.turn, each.status) for each in answered} == {("any", 0, 200)}


async def test_a_count_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Nothing is appended to a file that was named by mistake."""
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes\n")
    for path in (notes, tmp_path):
        with pytest.raises(CountsInvalid):
            async with served(counts=path):
                pass
    assert notes.read_text() == "my notes\n"
