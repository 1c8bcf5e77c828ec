"""Stories of one reader: the same bytes mean the same, whether a call of ours or an agent's brought them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.system import clock
from engine.effects.models import CallPricing, answered, failed
from engine.protocols.errors import ProviderError
from engine.protocols.request import ChatRequest
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client
from events.digest import Fingerprint
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered, ModelFailed
from tests.engine.providers.support_server import completion, delta, events
from tests.support.knocking import BODY, PATH
from tests.support.provider import Provider, serving
from tests.support.visits import KEY, PRICE, Behind, house
from tests.support.worlds import memory_log

USED = {"prompt_tokens": 40, "completion_tokens": 7, "cost": 0.001}
CALL = {"function": {"name": "run", "arguments": '{"command":"ls"}'}}
MORE = {"function": {"arguments": '{"command":"pwd"}'}}
BODIES = {
    "whole": completion(),
    "whole-with-an-end": completion() + b"data: [DONE]\n\n",
    "stream": events(delta({"content": "Hel"}), "null", delta({"content": "lo"}, "stop"), {"usage": USED}, "[DONE] "),
    "no-blank-lines": events(delta({"content": "Hel"}), delta({"content": "lo"}, "stop")).replace(b"\n\n", b"\n"),
    "lines-of-json": msgspec.json.encode(delta({"content": "x"})) + b"\n" + msgspec.json.encode(delta({}, "stop")),
    "mark": b"\xef\xbb\xbf" + completion(),
    "reasoning": completion({"content": None, "reasoning_content": "hm"}),
    "parts": completion({"content": [{"type": "reference", "ids": [1]}, {"type": "text", "text": "x"}]}),
    "calls": events(delta({"tool_calls": [CALL, CALL]}), delta({}, "tool_calls"), {"choices": [], "usage": USED}),
    "unclear-calls": events(delta({"tool_calls": [CALL]}), delta({"tool_calls": [MORE]}, "stop")),
    "usage-in-a-choice": events({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": USED}]}),
    "absurd-usage": completion(usage={"prompt_tokens": 10**400, "completion_tokens": -1, "cost": 999_999}),
    "half-a-pair": completion().replace(b"Hello", rb"\ud83d"),
    "refusal": completion({"content": None, "refusal": "no"}, usage=USED),
    "filtered": completion(choices=[{"message": {"content": "x"}, "finish_reason": "content_filter"}], usage=USED),
    "error": completion(error={"message": "busy", "code": 500}),
    "empty": completion({"content": ""}, usage={}),
    "cut": events(delta({"content": "Hel"}) | {"usage": USED}),
    "nothing": b"",
    "page": b"<html>It works!</html>",
    "brackets": b"[" * 5000,
}
TYPES = ["application/json", "text/event-stream; charset=utf-8", "text/html", None]


def said(body: bytes, kind: str | None, status: int) -> bytes:
    """Write an answer that calls its body this, or nothing."""
    head = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *([f"Content-Type: {kind}"] if kind else [])]
    return "\r\n".join([*head, "\r\n"]).encode() + body


async def by_provider(log: MemoryLog, base_url: str) -> ModelAnswered | ModelFailed:
    """Ask as a run does."""
    terms = CallPricing(PRICE, None)
    async with open_client() as client:
        try:
            reply = await OpenAIChat(base_url, client=client, clock=clock, api_key=KEY).complete(
                ChatRequest(model="m", messages=(b'{"role":"user","content":"Hi"}',))
            )
        except ProviderError as error:
            return failed(log, error, terms)
    return answered(log, Fingerprint("0" * 64), reply, terms)


def comparable(event: Any) -> dict[str, Any]:
    """Leave out which request was answered, and what an agent was told of it."""
    return {name: getattr(event, name) for name in event.__struct_fields__ if name not in {"request", "told"}}


@pytest.mark.slow
@pytest.mark.parametrize(("status", "kind"), [*((200, kind) for kind in TYPES), (203, TYPES[0]), (400, TYPES[0])])
async def test_provider_and_gateway_read_the_same_bytes_alike(kind: str | None, status: int, tmp_path: Path) -> None:
    """Text, calls, counts, cost, or why there is none; whatever the body is called."""
    log, answers = memory_log(), [said(body, kind, status) for body in BODIES.values()]
    ours = []
    async with serving(Provider(*answers)) as provider:
        for _ in answers:
            ours.append(comparable(await by_provider(log, provider.base_url)))  # noqa: PERF401 - one after the other
    async with (
        serving(Provider(*answers)) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        for number, name in enumerate(BODIES, 1):
            await here.ask(PATH, msgspec.json.decode(BODY))
            theirs = (await here.recorded(f"call/t/1/{number}"))[-1]
            assert comparable(theirs) == ours[number - 1], name


STREAM = events(
    delta({"role": "assistant", "content": ""}),
    delta({"content": "Snö ☃", "reasoning": "hm"}),
    delta({"tool_calls": [CALL | {"index": 0, "id": "c1"}]}),
    delta({}, "tool_calls"),
    {"choices": [], "usage": USED},
    "[DONE]",
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_wherever_the_network_cuts_a_stream_it_is_the_same_answer(cuts: list[int]) -> None:
    """Between events, within a letter, within a line end."""
    places = sorted({0, len(STREAM), *cuts})

    async def pieces() -> Any:
        for start, end in pairwise(places):
            yield STREAM[start:end]

    async def asked() -> Any:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces()))
        async with httpx.AsyncClient(transport=transport) as client:
            chat = OpenAIChat("http://here", client=client, clock=lambda: 0)
            return await chat.complete(ChatRequest(model="m", messages=()))

    reply = anyio.run(asked)
    assert (reply.raw, reply.text, reply.reasoning) == (STREAM, "Snö ☃", "hm")
    assert [(call.id, call.name) for call in reply.tool_calls] == [("c1", "run")]
    assert reply.usage.input_tokens == 40
