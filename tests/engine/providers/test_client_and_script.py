"""Stories of the client and the scripted endpoint together: whatever a script can do, the engine is told truly."""

import time
from pathlib import Path

import anyio
import pytest
from msgspec import json

from engine.protocols.errors import BadRequest, ProviderError, TimedOut
from engine.providers.base import ChatRequest
from engine.providers.openai_chat import OpenAIChat, Sleep
from engine.providers.retry import Retry
from engine.providers.scripted.reading import parse_script
from engine.providers.scripted.script import Script
from engine.providers.scripted.server import ScriptedEndpoint
from engine.providers.transport import open_client
from tests.engine.providers.support_server import answer, never, serving

HELLO = b'{"role":"user","content":"Task: greet"}'
TOOLS = json.encode([{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}])


def script(turns: str) -> Script:
    """One rule for everything, with these turns."""
    return parse_script(f'name = "story"\n[[rule]]\nname = "all"\n{turns}', "story")


async def no_wait(seconds: float) -> None:
    """Let the others run, and no time pass."""
    assert seconds >= 0
    await anyio.lowlevel.checkpoint()


def clock() -> int:
    """Any clock will do: nothing here reads a date."""
    return time.monotonic_ns() // 1000


ANSWERED = """
[[rule.turn]]
text = "I look around: café."
command = "ls"
usage = {{ input = 100, output = 20, cached = 5 }}
cost_usd = "0.0001"
{more}
"""


@pytest.mark.parametrize(
    ("error", "kind", "calls"),
    [
        ("authentication", "authentication", 1),
        ("bad_request", "bad_request", 1),
        ("context_length", "context_length", 1),
        ("quota", "rate_limit", 1),
        ("refusal", "refusal", 1),
        ("rate_limit", "rate_limit", 3),
        ("server", "server", 3),
        ("overloaded", "server", 3),
        ("half", "malformed", 3),
        ("garbage", "malformed", 3),
        ("empty", "malformed", 3),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_each_failure_of_a_script_has_its_kind(error: str, kind: str, calls: int, *, stream: bool) -> None:
    """Tests of the engine lean on scripts, so both sides must mean the same by a word."""
    request = ChatRequest(model="m", messages=(HELLO,), stream=stream)
    async with ScriptedEndpoint(script(f'[[rule.turn]]\nerror = "{error}"')) as endpoint, open_client() as client:
        provider = OpenAIChat(
            endpoint.base_url, client=client, clock=clock, retry=Retry(tries=3, budget_s=None), sleep=no_wait
        )
        with pytest.raises(ProviderError) as raised:
            await provider.complete(request)
    assert (raised.value.kind, raised.value.calls_made) == (kind, calls)
    assert raised.value.raw
    assert [each.error for each in raised.value.tries] == [kind] * calls


async def test_an_endpoint_that_hangs_times_out() -> None:
    """A call has an end even where the endpoint has none."""
    async with ScriptedEndpoint(script('[[rule.turn]]\nerror = "hang"')) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock, retry=Retry(tries=1))
        with pytest.raises(TimedOut):
            await provider.complete(ChatRequest(model="m", messages=(HELLO,), timeout_s=0.05))


@pytest.mark.parametrize("sleep", [no_wait, anyio.sleep], ids=["without waiting", "waiting a little"])
async def test_what_is_refused_twice_is_answered_the_third_time(sleep: Sleep, tmp_path: Path) -> None:
    """Three physical calls for one logical one, each of them told; the count file saw the same three."""
    played = script(ANSWERED.format(more='error = "rate_limit"\ntimes = 2\nretry_after_s = 0.002'))
    async with ScriptedEndpoint(played, counts=tmp_path / "counts") as endpoint, open_client() as client:
        retry = Retry(first_wait_s=0.001)
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock, retry=retry, sleep=sleep)
        reply = await provider.complete(ChatRequest(model="m", messages=(HELLO,)))
    assert [(each.status, each.error) for each in reply.tries] == [
        (429, "rate_limit"),
        (429, "rate_limit"),
        (200, None),
    ]
    assert all(0.002 <= each.waited_s <= 0.003 for each in reply.tries[:2])
    assert reply.tries[2].waited_s == 0
    written = [json.decode(line) for line in (tmp_path / "counts").read_bytes().splitlines()]
    assert [each["error"] for each in written if each.get("at") == "received"] == ["rate_limit", "rate_limit", None]


async def test_a_streamed_answer_is_the_same_answer() -> None:
    """Text, command, counts and cost; only the bytes differ, and both are kept."""
    options = {"stream_options": {"include_usage": True}}
    async with ScriptedEndpoint(script(ANSWERED.format(more=""))) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock)
        whole = await provider.complete(ChatRequest(model="m", messages=(HELLO,), tools=TOOLS))
        streamed = await provider.complete(
            ChatRequest(model="m", messages=(HELLO,), tools=TOOLS, stream=True, parameters=options)
        )
    assert streamed.raw.startswith(b"data:")
    assert streamed.raw != whole.raw
    assert (streamed.text, streamed.usage, streamed.cost_usd) == (whole.text, whole.usage, whole.cost_usd)
    assert [(call.name, call.arguments) for call in streamed.tool_calls] == [
        (call.name, call.arguments) for call in whole.tool_calls
    ]
    assert whole.text == "I look around: café."
    assert whole.usage.cached_input_tokens == 5
    assert whole.model == "script/story"


async def test_a_conversation_goes_on_with_the_models_own_message() -> None:
    """The reply's message is appended byte for byte, and the script sees one more turn."""
    turns = ANSWERED.format(more="") + '[[rule.turn]]\ntext = "DONE"'
    async with ScriptedEndpoint(script(turns)) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock)
        first = await provider.complete(ChatRequest(model="m", messages=(HELLO,), tools=TOOLS))
        heard = json.encode({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "README"})
        request = ChatRequest(model="m", messages=(HELLO, first.message, heard), tools=TOOLS)
        second = await provider.complete(request)
        assert first.message in endpoint.requests[-1]
    assert second.text == "DONE"


async def test_what_no_rule_covers_is_a_bad_request_that_names_the_nearest() -> None:
    """A demo whose prompt changed fails at once, and says which line of the script no longer fits."""
    played = parse_script('name = "s"\n[[rule]]\nname = "a"\ncontains = ["Task: sing"]\n[[rule.turn]]\ntext = "x"', "s")
    async with ScriptedEndpoint(played) as endpoint, open_client() as client:
        with pytest.raises(BadRequest, match="Task: sing"):
            await OpenAIChat(endpoint.base_url, client=client, clock=clock).complete(
                ChatRequest(model="m", messages=(HELLO,))
            )


async def test_a_cancellation_while_waiting_is_one_and_not_repeated() -> None:
    """The retry loop catches everything in order to look at it; a cancellation has to come out again."""
    with anyio.CancelScope() as scope:

        async def cancelled(seconds: float) -> None:
            scope.cancel()
            await anyio.sleep(seconds)

        async with ScriptedEndpoint(script('[[rule.turn]]\nerror = "server"')) as endpoint, open_client() as client:
            provider = OpenAIChat(endpoint.base_url, client=client, clock=clock, sleep=cancelled)
            try:
                await provider.complete(ChatRequest(model="m", messages=(HELLO,)))
            finally:
                assert len(endpoint.requests) == 1
    assert scope.cancelled_caught


async def test_a_cancellation_of_a_second_call_is_one_too() -> None:
    """The first failed and was kept in the loop; the second is cut off in the middle."""
    begun = anyio.Event()

    async with serving(answer(b"", status=500), never(begun)) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.url, client=client, clock=clock, sleep=no_wait)
        async with anyio.create_task_group() as group:
            group.start_soon(provider.complete, ChatRequest(model="m", messages=(HELLO,)))
            await begun.wait()
            group.cancel_scope.cancel()
        assert group.cancel_scope.cancelled_caught
        assert len(endpoint.asked) == 2
