"""Stories of counts and costs: read wherever they are said, a good one never lost, an absurd one never believed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.base import ApiProtocol
from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, MalformedReply, ProviderError, Refused, ServerFault
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.reply import ChatReply
from engine.protocols.responses import Responses
from engine.protocols.usage import MOST_TOKENS, ReportedUsage
from tests.engine.providers.support_server import delta, events

SAID = {"prompt_tokens": 40, "completion_tokens": 7}
COUNTED = ReportedUsage(input_tokens=40, output_tokens=7)


def read(protocol: ApiProtocol, *pieces: dict[str, Any]) -> ChatReply:
    """Read a stream of these."""
    raw = events(*pieces)
    return protocol.read(raw, FailedCallFacts(status=200, raw=raw))


def whole(usage: Any, **others: Any) -> ChatReply:
    """Read an answer in one piece that says this of its usage."""
    raw = json.encode({"choices": [{"message": {"content": "x"}}], "usage": usage, **others})
    return Chat().read(raw, FailedCallFacts(status=200, raw=raw))


def chunk(choice: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """Write a chunk that ends an answer."""
    return {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop", **(choice or {})}], **others}


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk(usage=SAID)],
        [chunk({"usage": SAID})],
        [chunk({"delta": {"content": "x", "usage": SAID}})],
        [chunk(x_groq={"id": "r", "usage": SAID})],
        [chunk(), {"choices": [], "usage": SAID}],
        [chunk(), {"usage": SAID}],
        [chunk(), {"choices": None, "usage": SAID}],
        [chunk(timings={"prompt_n": 30, "cache_n": 10, "predicted_n": 7})],
        [chunk(prompt_eval_count=40, eval_count=7)],
        [chunk(meta={"billed_units": {"input_tokens": 40, "output_tokens": 7}})],
        [chunk(usage={"billed_units": {"input_tokens": 9}, "tokens": {"input_tokens": 40, "output_tokens": 7}})],
        [chunk(usage={"input_tokens": 40, "output_tokens": 7})],
        [chunk(usage={"prompt_tokens": 40.0, "completion_tokens": "7"})],
        [chunk(usage=SAID | {"prompt_tokens_details": [], "completion_tokens_details": "none", "cost": {}})],
    ],
)
def test_chat_counts_are_found_wherever_they_stand(pieces: list[dict[str, Any]]) -> None:
    """Moonshot, Groq, llama.cpp, Ollama, Cohere, and those who write a number as they like."""
    usage = read(Chat(), *pieces).usage
    assert (usage.input_tokens, usage.output_tokens) == (40, 7)


@pytest.mark.parametrize(
    "later", [{}, None, 0, [], {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": None}]
)
def test_a_good_count_is_not_replaced_by_nothing(later: Any) -> None:
    """Some servers end their streams with an empty usage."""
    assert read(Chat(), chunk(usage=SAID), {"choices": [], "usage": later}).usage == COUNTED
    assert read(Chat(), chunk({"usage": SAID}, usage=later)).usage == COUNTED


def test_of_several_places_the_answers_own_count_stands() -> None:
    """Before a choice's, which stands before what a server counts aside; each says what the others do not."""
    aside = {"timings": {"prompt_n": 1, "predicted_n": 1, "cache_n": 2}}
    inside = {"usage": {"prompt_tokens": 40, "completion_tokens": 9}}
    top = {"usage": {"completion_tokens": 7}}
    stated = read(Chat(), chunk(inside, **top, **aside)).usage
    assert stated == ReportedUsage(input_tokens=40, output_tokens=7, cached_input_tokens=2)


def test_a_later_count_stands() -> None:
    """Counts that grow are cumulative."""
    assert (
        read(Chat(), delta({"content": "a"}) | {"usage": {"completion_tokens": 3}}, chunk(usage=SAID)).usage == COUNTED
    )
    assert whole({"prompt_tokens": 0, "completion_tokens": 0}).usage == ReportedUsage(input_tokens=0, output_tokens=0)


@pytest.mark.parametrize(
    "odd",
    [-1, "many", "-3", True, 1.5, "1.5", [1], {"a": 1}, "", "nan", "1e99999999", 10**400, MOST_TOKENS + 1, "9" * 5000],
)
def test_an_absurd_count_drops_only_itself(odd: Any) -> None:
    """The answer is good, and what else it says of itself too; nothing later has to add 400 digits."""
    usage = whole({"prompt_tokens": odd, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": odd}}).usage
    assert usage == ReportedUsage(output_tokens=7)
    assert whole({"prompt_tokens": MOST_TOKENS, "completion_tokens": 7}).usage.input_tokens == MOST_TOKENS


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (SAID | {"prompt_tokens_details": {"cached_tokens": 30}}, (40, 7, 30, None, None)),
        (SAID | {"prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 10}, (40, 7, 30, None, None)),
        (SAID | {"cached_tokens": 30}, (40, 7, 30, None, None)),
        (SAID | {"prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5}}, (40, 7, 20, 5, None)),
        (SAID | {"cache_read_input_tokens": 20, "cache_creation_input_tokens": 5}, (40, 7, 20, 5, None)),
        (
            {"input_tokens": 15, "output_tokens": 7, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 5},
            (40, 7, 20, 5, None),
        ),
        (
            {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 87, "cache_read_input_tokens": 30},
            (80, 7, 30, None, None),
        ),
        (SAID | {"completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 47}, (40, 7, None, None, 5)),
        (SAID | {"completion_tokens_details": {"reasoning_tokens": 90}, "total_tokens": 137}, (40, 97, None, None, 90)),
        (SAID | {"completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 52}, (40, 12, None, None, 5)),
        (SAID | {"total_tokens": 147}, (40, 107, None, None, None)),
        (SAID | {"total_tokens": 3}, (40, 7, None, None, None)),
        (SAID | {"cached_tokens": 40}, (40, 7, 40, None, None)),
        (SAID | {"cached_tokens": 41}, (81, 7, 41, None, None)),
        (SAID | {"reasoning_tokens": 7}, (40, 7, None, None, 7)),
        (SAID | {"reasoning_tokens": 8}, (40, 15, None, None, 8)),
        ({"prompt_tokens": 0, "input_tokens": 40, "completion_tokens": "0"}, (40, 0, None, None, None)),
    ],
)
def test_parts_are_counted_in_the_whole_they_belong_to(said: dict[str, Any], usage: tuple[int | None, ...]) -> None:
    """Anthropic counts its cache beside the input, xAI its reasoning beside the output, Gemini in the total alone."""
    assert whole(said).usage == ReportedUsage(**dict(zip(ReportedUsage.__struct_fields__, usage, strict=True)))


def test_messages_count_from_their_beginning_to_their_end() -> None:
    """The end says 0 of what the beginning counted; the cache is beside the input."""
    begun = {"input_tokens": 40, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 2, "output_tokens": 1}
    usage = read(
        Messages(),
        {"type": "message_start", "message": {"type": "message", "content": [], "usage": begun}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 7},
        },
        {"type": "message_stop"},
    ).usage
    assert usage == ReportedUsage(input_tokens=50, output_tokens=7, cached_input_tokens=8, cache_write_tokens=2)


def test_what_was_put_into_a_cache_may_be_counted_by_its_kinds() -> None:
    """For five minutes, and for an hour."""
    made = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}
    raw = json.encode(
        {
            "type": "message",
            "content": [{"type": "text", "text": "x"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 4, "cache_creation": made},
        }
    )
    assert Messages().read(raw, FailedCallFacts(status=200, raw=raw)).usage == ReportedUsage(
        input_tokens=6, output_tokens=4, cache_write_tokens=5
    )


def test_gemini_counts_in_every_chunk() -> None:
    """A later one may leave out what an earlier one said; thoughts are output, what its tools read is input."""
    parts = [{"text": "x"}]
    first = {"promptTokenCount": 30, "toolUsePromptTokenCount": 10, "cachedContentTokenCount": 5, "totalTokenCount": 40}
    usage = read(
        Gemini(),
        {"candidates": [{"content": {"parts": parts}}], "usageMetadata": first},
        {"candidates": [{"content": {}, "finishReason": "STOP"}], "usageMetadata": {"thoughtsTokenCount": 7}},
        {"usageMetadata": {}},
    ).usage
    assert usage == ReportedUsage(input_tokens=40, output_tokens=7, cached_input_tokens=5, reasoning_tokens=7)


def test_responses_count_in_their_last_event() -> None:
    """And keep what an event before it said."""
    counts = {"input_tokens": 40, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}}
    item = {"type": "message", "content": [{"type": "output_text", "text": "x"}]}
    usage = read(
        Responses(),
        {"type": "response.in_progress", "response": {"usage": counts}},
        {"type": "response.completed", "response": {"output": [item], "usage": None}},
    ).usage
    assert usage == ReportedUsage(input_tokens=40, output_tokens=7, reasoning_tokens=2)


@pytest.mark.parametrize(
    ("usage", "others", "cost"),
    [
        ({"cost": 0.25}, {}, "0.25"),
        ({"cost": "0.250"}, {}, "0.250"),
        ({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.25}}, {}, "0.25"),
        ({"estimated_cost": 0.25}, {}, "0.25"),
        ({"cost": 0}, {"cost": "0.25"}, "0.25"),
        (SAID | {"cost": 1.47}, {}, "1.47"),
        ({"cost": 1000}, {}, "1000"),
        ({"cost": 0}, {}, "0"),
        ({"cost": "1e-29"}, {}, "1e-29"),
    ],
)
def test_a_cost_is_read_wherever_it_stands(usage: dict[str, Any], others: dict[str, Any], cost: str) -> None:
    """OpenRouter, Perplexity, DeepInfra; exactly as it is written."""
    assert whole(usage, **others).cost_usd == Decimal(cost)


@pytest.mark.parametrize(
    "usage",
    [
        {"cost": 999_999},
        {"cost": "1000.000001"},
        {"cost": 1e300},
        {"cost": "1e-99999999"},
        {"cost": "1e-30"},
        {"cost": -0.01},
        {"cost": "NaN"},
        {"cost": "Infinity"},
        {"cost": "sNaN"},
        {"cost": True},
        SAID | {"cost": 1.48},
    ],
)
def test_a_cost_that_no_call_has_is_not_believed(usage: dict[str, Any]) -> None:
    """It would end a run at its cap. What was said stays in the bytes, and the call counts at its bound."""
    reply = whole(usage)
    assert reply.cost_usd is None
    assert json.encode(usage["cost"]) in reply.raw


REFUSED_ALL_THE_SAME = [
    (Chat(), [chunk({"delta": {"refusal": "no"}}, usage=SAID)], Refused),
    (Chat(), [chunk({"finish_reason": "content_filter"}, usage=SAID)], Refused),
    (Chat(), [delta({"content": "half"}) | {"usage": SAID}], MalformedReply),
    (Chat(), [chunk(usage=SAID), {"error": {"message": "broke"}}], ServerFault),
    (Chat(), [chunk({"delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}}, usage=SAID)], MalformedReply),
    (
        Messages(),
        [
            {"type": "message_start", "message": {"usage": {"input_tokens": 40, "output_tokens": 7}}},
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
        ],
        ProviderError,
    ),
    (
        Responses(),
        [
            {
                "type": "response.failed",
                "response": {"error": {"code": "server_error"}, "usage": {"input_tokens": 40, "output_tokens": 7}},
            }
        ],
        ServerFault,
    ),
    (
        Gemini(),
        [
            {
                "candidates": [{"finishReason": "SAFETY"}],
                "usageMetadata": {"promptTokenCount": 40, "candidatesTokenCount": 7},
            }
        ],
        Refused,
    ),
]


@pytest.mark.parametrize(("protocol", "pieces", "kind"), REFUSED_ALL_THE_SAME)
def test_an_answer_that_is_refused_has_stated_its_usage(
    protocol: ApiProtocol, pieces: list[dict[str, Any]], kind: type[ProviderError]
) -> None:
    """It was paid for all the same."""
    with pytest.raises(kind) as raised:
        read(protocol, *pieces)
    assert raised.value.usage == COUNTED


def test_a_refused_answer_has_stated_its_cost() -> None:
    """The provider's own figure too."""
    with pytest.raises(Refused) as raised:
        whole({"cost": 0.02}, choices=[{"message": {"refusal": "no"}}])
    assert raised.value.cost_usd == Decimal("0.02")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
WORDS = st.sampled_from([*SAID, "total_tokens", "cost", "cached_tokens", "prompt_tokens_details", "reasoning_tokens"])


@given(st.dictionaries(WORDS, ANYTHING | st.integers(0, 99), max_size=6))
def test_whatever_is_said_every_count_is_one(said: dict[str, Any]) -> None:
    """A whole number that a log, a budget and a sum can hold."""
    reply = whole(json.decode(json.encode(said)))
    counts = [getattr(reply.usage, name) for name in ReportedUsage.__struct_fields__]
    assert all(count is None or (type(count) is int and 0 <= count <= 4 * MOST_TOKENS) for count in counts)
    assert reply.cost_usd is None or 0 <= reply.cost_usd <= 1000
