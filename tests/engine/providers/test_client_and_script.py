"""Stories of the client and the scripted endpoint together: whatever a script can do, the engine is told truly."""

import time

import anyio
import pytest
from msgspec import json

from engine.protocols.errors import BadRequest, ProviderError, TimedOut
from engine.protocols.request import ChatRequest
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client
from engine.scripted.reader import parse_script
from engine.scripted.script import Script
from engine.scripted.server import ScriptedEndpoint
from tests.engine.providers.support_server import never, serving

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
    ("error", "kind", "again"),
    [
        ("authentication", "authentication", False),
        ("bad_request", "bad_request", False),
        ("context_length", "context_length", False),
        ("quota", "rate_limit", False),
        ("refusal", "refusal", False),
        ("rate_limit", "rate_limit", True),
        ("server", "server", True),
        ("overloaded", "server", True),
        ("half", "malformed", True),
        ("garbage", "malformed", True),
        ("empty", "malformed", True),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_each_failure_of_a_script_has_its_kind(error: str, kind: str, *, again: bool, stream: bool) -> None:
    """Tests of the engine lean on scripts, so both sides must mean the same by a word."""
    request = ChatRequest(model="m", messages=(HELLO,), stream=stream)
    async with ScriptedEndpoint(script(f'[[rule.turn]]\nerror = "{error}"')) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock)
        with pytest.raises(ProviderError) as raised:
            await provider.complete(request)
        assert len(endpoint.requests) == 1
    assert (raised.value.kind, raised.value.retryable) == (kind, again)
    assert raised.value.raw


async def test_an_endpoint_that_hangs_times_out() -> None:
    """A call has an end even where the endpoint has none."""
    async with ScriptedEndpoint(script('[[rule.turn]]\nerror = "hang"')) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.base_url, client=client, clock=clock)
        with pytest.raises(TimedOut):
            await provider.complete(ChatRequest(model="m", messages=(HELLO,), timeout_s=0.05))


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


async def test_a_cancellation_of_a_call_is_one() -> None:
    """Whoever looks at every failure must let this one pass."""
    begun = anyio.Event()
    async with serving(never(begun)) as endpoint, open_client() as client:
        provider = OpenAIChat(endpoint.url, client=client, clock=clock)
        async with anyio.create_task_group() as group:
            group.start_soon(provider.complete, ChatRequest(model="m", messages=(HELLO,)))
            await begun.wait()
            group.cancel_scope.cancel()
        assert group.cancel_scope.cancelled_caught
        assert len(endpoint.asked) == 1
