"""Stories of streams: put together again they are the answer that would have come in one piece."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs

from engine.protocols.body import events_in
from engine.protocols.chat import Chat
from engine.protocols.errors import ContextLength, FailedCallFacts, MalformedReply, Refused, ServerFault
from engine.protocols.reply import ChatReply
from engine.protocols.usage import ReportedUsage
from tests.engine.providers.support_server import delta, events

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def read(raw: bytes, echo: tuple[str, ...] = ()) -> ChatReply:
    """Read a streamed answer."""
    seen = FailedCallFacts(status=200, raw=raw)
    return Chat(echo).read(raw, seen)


def pieces(text: str, cuts: list[int]) -> list[str]:
    """Cut a text at these places."""
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(places)]


CUTS = st.lists(st.integers(0, 30), max_size=6)


@given(TEXT.filter(bool), TEXT, CUTS, CUTS)
def test_a_streamed_answer_equals_one_in_one_piece(
    text: str, arguments: str, cuts: list[int], others: list[int]
) -> None:
    """Wherever it is cut, through any letter and any argument."""
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": arguments}}
    message = {"role": "assistant", "content": text, "tool_calls": [call, call | {"id": "c2"}]}
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "cost": 0.25}
    whole = json.encode(
        {"id": "c", "model": "stub-1", "usage": usage, "choices": [{"message": message, "finish_reason": "stop"}]}
    )
    chunks = [delta({"role": "assistant", "content": ""})]
    chunks += [delta({"content": piece}) for piece in pieces(text, cuts)]
    for index, name in enumerate(("c1", "c2")):
        head = {"index": index, "id": name, "type": "function", "function": {"name": "run", "arguments": ""}}
        chunks.append(delta({"tool_calls": [head]}))
        for piece in pieces(arguments, others):
            chunks.append(delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    raw = events(*chunks, delta({}, "stop"), {"choices": [], "usage": usage}, "[DONE]")
    seen = FailedCallFacts(status=200, raw=whole)
    expected = Chat().read(whole, seen)
    assert structs.replace(read(raw), raw=b"") == structs.replace(expected, raw=b"")


def test_events_are_split_as_the_standard_says() -> None:
    """Any line end, comments between, several data lines in one event, a last one without its empty line."""
    raw = b"\xef\xbb\xbf: OPENROUTER PROCESSING\r\n\r\nevent: x\r\ndata: a\r\ndata:b\r\n\r\ndata: c\r\rid: 1\n\ndata: d"
    assert [each.data for each in events_in(raw)] == [b"a\nb", b"c", b"d"]


@given(
    st.lists(st.binary(max_size=20).filter(lambda data: not set(data) & {10, 13}), max_size=5),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_every_datum_comes_back(data: list[bytes], end: bytes) -> None:
    """Byte for byte, empty ones too."""
    sent = b"".join(b"data: " + each + end + end for each in data)
    assert [each.data for each in events_in(sent)] == data


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    """Only if the user asked for it; otherwise nothing was said."""
    assert read(events(delta({"content": "x"}, "stop"), "[DONE]")).usage == ReportedUsage()
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    told = read(events(delta({"content": "x"}, "stop"), {"choices": [], "usage": usage}, {"choices": []}, "[DONE]"))
    assert told.usage == ReportedUsage(input_tokens=1, output_tokens=2)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": only a comment\n\n",
        events(delta({"content": "half a sent"})),
        events(delta({"content": "x"}))[:-9],
        events(delta({"content": "x"}), "{oops"),
        events("[DONE]"),
        events(delta({}, "stop"), "[DONE]"),
    ],
)
def test_half_a_stream_is_not_an_answer(raw: bytes) -> None:
    """It looks like a short answer, and would have been scored as one."""
    with pytest.raises(MalformedReply) as raised:
        read(raw)
    assert (raised.value.raw, raised.value.retryable) == (raw, True)


@pytest.mark.parametrize("last", [(delta({}, "stop"),), ("[DONE]",)])
def test_either_end_will_do(last: tuple[Any, ...]) -> None:
    """Some servers give no reason, some no ``[DONE]``."""
    assert read(events(delta({"content": "whole"}), *last)).text == "whole"


def test_an_error_in_the_middle_is_the_outcome() -> None:
    """The status was 200 long before."""
    error = {"error": {"message": "overloaded", "type": "server_error"}}
    with pytest.raises(ServerFault, match="overloaded"):
        read(events(delta({"content": "half"}), error))
    with pytest.raises(ContextLength):
        read(events({"error": {"code": 400, "message": "maximum context length"}}))


def test_a_streamed_refusal_is_a_refusal() -> None:
    """Its pieces are joined as those of a text."""
    with pytest.raises(Refused, match="I cannot"):
        read(events(delta({"refusal": "I can"}), delta({"refusal": "not"}, "stop"), "[DONE]"))


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    """Gemini numbers every call 0, others none."""
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    unnumbered = [{key: value for key, value in call.items() if key != "index"} for call in calls]
    for sent in (calls, unnumbered):
        reply = read(events(delta({"tool_calls": sent}, "tool_calls"), "[DONE]"))
        assert [call.id for call in reply.tool_calls] == ["a", "b"]


def test_a_name_sent_again_with_every_piece_is_one_name() -> None:
    """And an argument goes on with the latest call where no index says otherwise."""
    first = {"id": "a", "function": {"name": "run", "arguments": "{"}}
    reply = read(
        events(
            delta({"tool_calls": [first]}),
            delta({"tool_calls": [{"function": {"name": "run", "arguments": "}"}}]}, "stop"),
        )
    )
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("run", "{}")]


def test_reasoning_to_send_back_is_joined_too() -> None:
    """Text grows, lists grow."""
    deltas = [delta({"reasoning": "a", "reasoning_details": [1]}), delta({"reasoning": "b", "reasoning_details": [2]})]
    reply = read(events(*deltas, delta({"content": "x"}, "stop")), ("reasoning", "reasoning_details"))
    message = json.decode(reply.message)
    assert (message["reasoning"], message["reasoning_details"]) == ("ab", [1, 2])


def test_further_choices_are_left_in_the_bytes() -> None:
    """As in an answer in one piece."""
    other = {"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"}]}
    assert read(events(delta({"content": "mine"}), other, delta({}, "stop"))).text == "mine"
