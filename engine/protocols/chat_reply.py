"""Reading an answer of the chat completions protocol.

Lenient where providers differ (content in parts, missing ids, arguments as objects), strict where leniency
would invent something: an answer without text and without tool calls is an error, not an empty text.
"""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, json

from engine.protocols.errors import UNREADABLE, MalformedReply, Refused, Seen
from engine.protocols.faults import fault_within
from engine.protocols.reasoning import THOUGHTS, reasoning_in, thought_in
from engine.protocols.reply import ChatReply, ReplyCall, Usage, spent
from events.digest import digest_of

NOT_GIVEN = Raw(b"null")
Tokens = Annotated[int, Meta(ge=0)] | None


class Choice(Struct, frozen=True):
    """One of the answers asked for; in a stream, one more piece of it."""

    index: int = 0
    message: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None
    error: Any = None


class Envelope(Struct, frozen=True):
    """The outside of an answer, or of one event of a stream."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Raw = NOT_GIVEN
    error: Any = None


class Said(Struct, frozen=True, kw_only=True):
    """What one answer said, however it came."""

    message: dict[str, Any]
    reasoning: str
    finish: str | None
    model: str | None
    id: str | None
    usage: Raw


class _InputDetails(Struct, frozen=True):
    cached_tokens: Tokens = None


class _OutputDetails(Struct, frozen=True):
    reasoning_tokens: Tokens = None


class _Usage(Struct, frozen=True):
    prompt_tokens: Tokens = None
    completion_tokens: Tokens = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: Tokens = None  # DeepSeek's word


class _Cost(Struct, frozen=True):
    cost: Decimal | None = None


ENVELOPE = json.Decoder(Envelope)


def read_envelope(raw: bytes, seen: Seen) -> Envelope:
    """Read an answer or an event of a stream, and find the error that some providers put into a 200.

    Raises:
        MalformedReply: It is not this protocol.
        ProviderError: It holds an error object.
    """
    try:
        envelope = ENVELOPE.decode(raw)
    except UNREADABLE as error:
        raise MalformedReply(f"the endpoint's answer is not a chat completion: {error}", seen=seen) from error
    for error_object in (envelope.error, *(choice.error for choice in envelope.choices or ())):
        if error_object:
            raise fault_within(error_object, seen)
    return envelope


def said_in(raw: bytes, seen: Seen) -> Said:
    """Read an answer that came in one piece. Of several choices the first is taken; the rest stay in the bytes."""
    envelope = read_envelope(raw, seen)
    choices = sorted(envelope.choices or (), key=lambda choice: choice.index)
    if not choices or choices[0].message is None:
        raise MalformedReply("the endpoint's answer holds no message", seen=seen)
    return Said(
        message=choices[0].message,
        reasoning=reasoning_of(choices[0].message),
        finish=choices[0].finish_reason,
        model=_text(envelope.model),
        id=_text(envelope.id),
        usage=envelope.usage,
    )


def reply_of(said: Said, seen: Seen, echo: tuple[str, ...] = ()) -> ChatReply:
    """Turn what was said into a reply.

    Args:
        said: The message and what came with it.
        seen: The answer's status and bytes.
        echo: Further fields of the message to keep in the conversation, such as ``reasoning_details``.

    Raises:
        Refused: The model or a filter declined.
        MalformedReply: There is neither text nor a tool call.
    """
    assert seen.raw is not None
    assert seen.status is not None
    refusal = said.message.get("refusal")
    if refusal or (said.finish or "").startswith("content_filter"):
        raise Refused(f"the model did not answer: {refusal or 'a content filter stopped it'}", seen=seen)
    text = text_in(said.message.get("content"), seen) or None
    calls = [_whole_call(call, n, seen) for n, call in enumerate(calls_in(said.message, seen))]
    usage = _usage_in(said.usage)
    reasoning = said.reasoning or None
    if text is None and not calls and reasoning is None and not spent(usage, said.finish):
        raise MalformedReply("the model answered with neither text nor a tool call", seen=seen)
    kept = {name: said.message[name] for name in echo if name in said.message}
    # Without calls a content of null is refused by many servers when the conversation comes back to them.
    content = text if text is not None or calls else ""
    message = {**kept, "role": "assistant", "content": content} | ({"tool_calls": calls} if calls else {})
    return ChatReply(
        raw=seen.raw,
        status=seen.status,
        message=json.encode(message, order="sorted"),
        text=text,
        reasoning=reasoning,
        tool_calls=tuple(
            ReplyCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in calls
        ),
        finish=said.finish,
        model=said.model,
        usage=usage,
        cost_usd=_cost_in(said.usage),
        request_id=seen.request_id or said.id,
        left=seen.left,
    )


def text_in(content: Any, seen: Seen) -> str:
    """Join the text of a message's content, which is a string or a list of parts; nothing reads as no text."""
    match content:
        case None:
            return ""
        case str():
            return content
        case list():
            return "".join(_part_text(part, seen) for part in content)
        case _:
            raise MalformedReply(f"the message's content is a {type(content).__name__}, not text", seen=seen)


def reasoning_of(message: dict[str, Any]) -> str:
    """Give what a message, or a delta, shows of the model's reasoning: in a field, else in parts of its content."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return reasoning_in(message) or "".join(thought_in(part) for part in parts if _is_thought(part))


def calls_in(message: dict[str, Any], seen: Seen) -> list[dict[str, Any]]:
    """Give a message's tool calls, or the pieces of them that a delta brings."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise MalformedReply("the message's tool calls are not a list of objects", seen=seen)
    return calls


def _part_text(part: Any, seen: Seen) -> str:
    match part:
        case dict() if _is_thought(part):
            return ""
        case {"text": str(text)}:
            return text
        case _:
            raise MalformedReply("the message holds a part that is not text", seen=seen)


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in THOUGHTS


def _whole_call(call: dict[str, Any], place: int, seen: Seen) -> dict[str, Any]:
    """Complete a tool call: keep what the provider needs back (Gemini signs its calls), give a missing id.

    A derived id names the answer's bytes and the place in it, so it is the same in every replay and two
    answers of one conversation never share one.
    """
    assert seen.raw is not None
    match call:
        case {"function": {"name": str(name), **rest}} if name:
            arguments = rest.get("arguments")
        case _:
            raise MalformedReply("the message holds a tool call without a name", seen=seen)
    if not isinstance(arguments, str):  # some local servers send the object itself
        arguments = "{}" if arguments is None else json.encode(arguments).decode()
    given = {key: value for key, value in call.items() if key != "index"}
    return given | {
        "id": str(call.get("id") or f"call_{digest_of(seen.raw)[:16]}_{place}"),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _usage_in(raw: Raw) -> Usage:
    """Read the counts; counts that make no sense were not said."""
    try:
        said = json.decode(raw, type=_Usage | None) or _Usage()
    except UNREADABLE:
        said = _Usage()
    cached = said.prompt_tokens_details.cached_tokens if said.prompt_tokens_details else None
    return Usage(
        input_tokens=said.prompt_tokens,
        output_tokens=said.completion_tokens,
        cached_input_tokens=said.prompt_cache_hit_tokens if cached is None else cached,
        reasoning_tokens=said.completion_tokens_details.reasoning_tokens if said.completion_tokens_details else None,
    )


_FINEST = -30
"""Decimal places beyond which a cost is nonsense."""


def _cost_in(raw: Raw) -> Decimal | None:
    """Read the provider's own figure (OpenRouter's ``usage.cost``), exactly as it is written."""
    try:
        said = json.decode(raw, type=_Cost | None)
    except UNREADABLE:
        return None
    cost = said.cost if said else None
    if cost is None or not cost.is_finite() or not 0 <= cost < 10**6:
        return None
    # Turning 1e-99999999 into whole nano-USD would take gigabytes; no bill is written that finely.
    return cost if cost == 0 or cost.adjusted() > _FINEST else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
