"""Stories of bodies: taken apart by what they are, whatever they are called, and what says nothing is passed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.allowance import RateLimit, RateLimitHeaders
from engine.protocols.body import ServerSentEvent, body_of, events_in
from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, MalformedReply, ServerFault
from engine.protocols.reply import ChatReply
from tests.engine.providers.support_server import completion, delta

HALF, REST = delta({"content": "good "}), delta({"content": "morning"}, "stop")
TWO = [b"data: " + json.encode(each) for each in (HALF, REST)]
DONE = b"data: [DONE]"


def read(raw: bytes) -> ChatReply:
    """Read a body."""
    return Chat().read(raw, FailedCallFacts(status=200, raw=raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"\n\n".join([*TWO, DONE]),
        b"\r\n\r\n".join([*TWO, DONE, b""]),
        b"\xef\xbb\xbf" + b"\n\n".join([*TWO, DONE]),
        b"\n".join([*TWO, DONE]),
        b"\n\n".join([TWO[0], b"data: null", b"data:", b"data: ping", b"data: 5", b": here still", TWO[1], DONE]),
        b"\n\n".join([TWO[0], b"event: ping", b"data: {}", b'data: "waiting"', b"retry: 500", TWO[1], DONE + b"  "]),
        b"\n\n".join([*TWO, b'data: "[DONE]"']),
        b"\n\n".join([*TWO, b"data:[done]\t"]),
        b"\n".join([json.encode(HALF), json.encode(REST)]),
        json.encode(HALF) + json.encode(REST) + b"data: [DONE]\n\n",
        b"[" + json.encode(HALF) + b",\r\n" + json.encode(REST) + b"]",
        b"data: " + json.encode([HALF, REST]) + b"\n\n",
        b"\n\n".join([TWO[0], *(b"data: " + line for line in [b"", b"null"]), TWO[1]]),
        TWO[0] + TWO[1] + DONE,
        b"event: chunk\n" + TWO[0] + b"\nevent: chunk\n" + TWO[1] + b"\nid: 7\n",
        b"\n\n".join([b": keep-alive", b":", *TWO, DONE]),
        json.format(json.encode(HALF)).replace(b"\n", b"\ndata: ").join([b"data: ", b"\n\n"]) + TWO[1] + b"\n\n",
    ],
)
def test_a_stream_is_read_however_its_events_are_written(raw: bytes) -> None:
    """No type, a mark, other line ends, none between events, comments and pings, one JSON text a line."""
    assert read(raw).text == "good morning"


@pytest.mark.parametrize(
    "raw",
    [
        completion(),
        b"\xef\xbb\xbf \r\n" + completion() + b"\n",
        b": OPENROUTER PROCESSING\n\n\n" + completion(),
        completion() + b"data: [DONE]\n\n",
        json.format(completion()) + b"\ndata: [DONE]\n\n",
        b"data: " + completion() + b"\n\n" + DONE,
        b"[" + completion() + b"]",
    ],
)
def test_an_answer_in_one_piece_is_read_wherever_it_stands(raw: bytes) -> None:
    """Servers call it a stream, put the end of a stream behind it, or wait before it with comments."""
    reply = read(raw)
    assert (reply.text, reply.usage.input_tokens, reply.usage.output_tokens) == ("Hello", 7, 2)


@pytest.mark.parametrize(
    "raw",
    [
        TWO[0] + b'\n\ndata: {"choices": [{"index": 0, "del\n\n' + TWO[1] + b"\n\n" + DONE,
        TWO[0] + b"\n\n" + TWO[1][:-4],
        json.encode(HALF) + b"\n" + json.encode(REST)[:-4],
        b"[" + json.encode(HALF) + b"," + json.encode(REST),
        completion()[:-1],
        b"<html><body>busy</body></html>",
        b"data: <html>\n\n",
        b"",
        b"null",
        DONE,
    ],
)
def test_a_body_that_loses_something_is_no_answer(raw: bytes) -> None:
    """The rest of it would look like a shorter answer."""
    with pytest.raises(MalformedReply) as raised:
        read(raw)
    assert (raised.value.retryable, raised.value.raw) == (True, raw)


def test_what_is_cut_behind_the_end_of_an_answer_takes_nothing_from_it() -> None:
    """Only the count is lost."""
    assert read(b"\n\n".join([*TWO, b'data: {"choices": [], "usa'])).text == "good morning"


def test_an_emoji_in_two_halves_is_one_emoji() -> None:
    """A server cut a surrogate pair in two; a half that stays alone is replaced, and the bytes have it as it came."""
    parts = [rb'{"content":"so \ud83d"}', rb'{"content":"\ude00, \ud83d"}']
    frames = [b'data: {"choices":[{"index":0,"delta":' + part + b"}]}\n\n" for part in parts]
    reply = read(b"".join(frames) + DONE)
    assert reply.text == "so \N{GRINNING FACE}, \N{REPLACEMENT CHARACTER}"
    assert json.decode(reply.message)["content"] == reply.text
    assert rb"\ude00, \ud83d" in reply.raw


def test_half_an_emoji_in_a_call_does_not_lose_the_call() -> None:
    """In its name, its id, its arguments, and in what the provider wants back."""
    call = rb'{"id":"\ud83d","x":{"s":"\udc00"},"function":{"name":"r\ud83d","arguments":"{\"a\":\"\ud83d'
    rest = rb'\ude00\"}"}}'
    reply = read(b'{"choices":[{"message":{"tool_calls":[' + call + rest + b"]}}]}")
    assert reply.tool_calls[0].arguments == '{"a":"\N{GRINNING FACE}"}'
    assert json.decode(reply.message)["tool_calls"][0]["x"] == {"s": "\N{REPLACEMENT CHARACTER}"}


def test_bytes_that_are_no_utf_8_lose_only_themselves() -> None:
    """They are replaced in the text, and kept in the bytes."""
    assert read(b'{"choices":[{"message":{"content":"caf\xe9"}}]}').text == "caf\N{REPLACEMENT CHARACTER}"


@given(st.binary(max_size=200) | st.text('{}[]":,data \n\r\\u1e-ntrulfsev', max_size=200).map(str.encode))
def test_taking_a_body_apart_never_fails(raw: bytes) -> None:
    """It says what it found, and whether something could not be read."""
    body = body_of(raw)
    assert all(isinstance(piece, dict) for piece in body.pieces)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b'data: {"a":"' + b'{"' * 100_000])
def test_brackets_without_end_are_no_answer(raw: bytes) -> None:
    """They would have been a stack overflow."""
    with pytest.raises(MalformedReply):
        read(raw)


def test_a_character_that_json_forbids_in_a_text_is_let_pass() -> None:
    """Some servers write control characters as they are."""
    assert read(b'{"choices":[{"message":{"content":"a\x01\tb"}}]}').text == "a\x01\tb"


def test_an_event_is_over_where_the_next_is_named() -> None:
    """Some servers leave the blank line between them out."""
    events = list(events_in(b"event: a\ndata: 1\nevent: b\ndata: 2\ndata: 3\n"))
    assert events == [ServerSentEvent("a", b"1"), ServerSentEvent("b", b"2\n3")]


@pytest.mark.parametrize("data", [b'{"message": "too much to do"}', b"too much to do", b'{"error": "too much to do"}'])
def test_an_event_called_error_is_one(data: bytes) -> None:
    """Whatever its data looks like."""
    with pytest.raises(ServerFault, match="too much to do"):
        read(TWO[0] + b"\n\nevent: error\ndata: " + data + b"\n\n" + DONE)


def test_a_message_at_the_end_of_a_stream_repeats_it() -> None:
    """Some servers send the whole message once more; with another text, or with calls, it is more of it."""
    whole = {"choices": [{"index": 0, "message": {"content": "good morning"}, "finish_reason": "stop"}]}
    assert read(b"\n\n".join([*TWO, b"data: " + json.encode(whole), DONE])).text == "good morning"
    assert read(b"\n\n".join([TWO[0], b"data: " + json.encode(whole), DONE])).text == "good good morning"


def test_messages_in_a_stream_need_its_end_like_deltas() -> None:
    """Some servers call their deltas messages."""
    parts = [b'data: {"choices":[{"message":{"content":"' + each + b'"}}]}\n\n' for each in (b"good ", b"morning")]
    assert read(b"".join([*parts, DONE])).text == "good morning"
    with pytest.raises(MalformedReply):
        read(parts[0])


def test_what_is_left_of_the_limits_comes_with_the_answer() -> None:
    """The room learns of it from answers too."""
    left = RateLimitHeaders(requests=RateLimit(3.0))
    raw = completion()
    assert Chat().read(raw, FailedCallFacts(status=200, raw=raw, left=left)).left == left
