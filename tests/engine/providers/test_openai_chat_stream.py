"""Stories of streamed answers: the same message as in one piece, or an error."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, ProviderError
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client
from tests.engine.providers.support_server import answer, completion, delta, events, in_pieces, serving

ASK = ChatRequest(model="m", messages=(b'{"role":"user","content":"Hi"}',), stream=True)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client, and close it before the loop ends."""
    async with open_client() as opened:
        yield opened


async def streamed(client: httpx.AsyncClient, *pieces: bytes) -> ChatReply:
    """Ask once for a stream that comes in these pieces."""
    async with serving(in_pieces(*pieces)) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=lambda: 0)
        reply = await chat.complete(ASK)
    assert msgspec.json.decode(endpoint.asked[0].body)["stream"] is True
    return reply


def read(raw: bytes) -> ChatReply:
    """Read a stream from its bytes."""
    seen = FailedCallFacts(status=200, raw=raw)
    return Chat().read(raw, seen)


def piece(index: int, arguments: str, **others: Any) -> dict[str, Any]:
    """Write a chunk with a piece of a tool call."""
    name = {"name": others.pop("name")} if "name" in others else {}
    return delta({"tool_calls": [{"index": index, "function": name | {"arguments": arguments}} | others]})


async def test_a_stream_becomes_the_message_it_would_have_been(client: httpx.AsyncClient) -> None:
    """Text and two interleaved calls; every byte is kept, cut wherever the network cuts."""
    raw = events(
        delta({"role": "assistant", "content": ""}),
        delta({"content": "Sn"}),
        delta({"content": "ö ☃"}),
        piece(0, "", id="a", type="function", name="bash"),
        piece(1, "", id="b", type="function", name="read"),
        piece(0, '{"c":'),
        piece(1, "{}"),
        piece(0, '"☃"}'),
        delta({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}},
        "[DONE]",
    )
    reply = await streamed(client, *(raw[at : at + 7] for at in range(0, len(raw), 7)))
    call = {"type": "function"}
    whole = completion(
        {
            "role": "assistant",
            "content": "Snö ☃",
            "tool_calls": [
                call | {"id": "a", "function": {"name": "bash", "arguments": '{"c":"☃"}'}},
                call | {"id": "b", "function": {"name": "read", "arguments": "{}"}},
            ],
        }
    )
    seen = FailedCallFacts(status=200, raw=whole)
    in_one = Chat().read(whole, seen)
    assert reply.raw == raw
    assert (reply.message, reply.text, reply.tool_calls) == (in_one.message, in_one.text, in_one.tool_calls)
    assert (reply.finish, reply.model) == ("tool_calls", "stub-1")
    assert reply.usage == ReportedUsage(input_tokens=5, output_tokens=6)


async def test_an_endpoint_that_does_not_stream_is_read_all_the_same(client: httpx.AsyncClient) -> None:
    """Some ignore the wish."""
    async with serving(answer(completion(), headers={"Content-Type": "application/json"})) as endpoint:
        reply = await OpenAIChat(endpoint.url, client=client, clock=lambda: 0).complete(ASK)
    assert reply.text == "Hello"


@pytest.mark.parametrize(
    ("raw", "kind", "retryable"),
    [
        (b"", "malformed", True),
        (events(delta({"content": "Hel"})), "malformed", True),
        (events(delta({"content": "Hel"}))[:-9], "malformed", True),
        (events(delta({}, "stop"), "[DONE]"), "malformed", True),
        (events("[DONE]"), "malformed", True),
        (events(delta({"content": "H"}), {"error": {"message": "Overloaded", "code": 503}}), "server", True),
        (events(delta({"content": "H"}), {"error": {"message": "No", "code": 401}}), "authentication", False),
        (events(delta({"content": "H"}), delta({}, "content_filter"), "[DONE]"), "refusal", False),
        (events(delta({"refusal": "I will"}), delta({"refusal": " not."}, "stop"), "[DONE]"), "refusal", False),
    ],
)
async def test_a_stream_that_breaks_is_no_answer(
    client: httpx.AsyncClient, raw: bytes, kind: str, *, retryable: bool
) -> None:
    """Half a text looks like a text; it must not be taken for one."""
    with pytest.raises(ProviderError) as caught:
        await streamed(client, raw)
    assert (caught.value.kind, caught.value.retryable, caught.value.raw) == (kind, retryable, raw)


def test_a_stream_may_end_with_a_finish_and_without_done() -> None:
    """Several servers forget the last line; the model said that it was done."""
    assert read(events(delta({"content": "Hi"}, "stop"))).text == "Hi"


def test_comments_other_fields_and_line_ends_are_as_the_standard_has_them() -> None:
    """Keep-alives, event names, CRLF, no blank after the colon, a byte order mark."""
    chunk = msgspec.json.encode(delta({"content": "Hi"}, "stop"))
    raw = b"\xef\xbb\xbf: PROCESSING\r\n\r\nevent: x\r\nid: 1\r\ndata:" + chunk + b"\r\n\r\ndata: [DONE]\r\n\r\n"
    assert read(raw).text == "Hi"


def test_line_separators_within_a_text_are_part_of_it() -> None:
    """Only CR and LF end a line; Python's text methods know many more."""
    text = "a\u2028b\u0085c\x0bd\x1ce"
    assert read(events(delta({"content": text}, "stop"))).text == text


NO_JSON = st.text(st.characters(codec="utf-8", exclude_characters='{}[]"'))
"""What goes on after JSON that is whole is refused (`StreamedCalls`), and is another story."""


@given(st.lists(st.text(min_size=1), min_size=1), st.lists(NO_JSON, min_size=1))
def test_pieces_are_put_together_exactly(texts: list[str], arguments: list[str]) -> None:
    """Whatever the text is and wherever it was cut."""
    chunks = [delta({"content": text}) for text in texts]
    calls = [piece(0, part, **({"id": "a", "name": "f"} if n == 0 else {})) for n, part in enumerate(arguments)]
    reply = read(events(*chunks, *calls, delta({}, "tool_calls"), "[DONE]"))
    assert reply.text == "".join(texts)
    assert reply.tool_calls[0].arguments == ("".join(arguments) if "".join(arguments).strip() else "{}")
