"""What a model answered, whichever protocol it came in."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct

from engine.protocols.allowance import SILENT, RateLimitHeaders
from engine.protocols.errors import FailedCallFacts, MalformedReply, Refused
from engine.protocols.json_text import Json, encode, mended
from engine.protocols.tool_calls import CallDraft
from engine.protocols.usage import ReportedUsage
from events.digest import digest_of

_LIMITS: Final = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"})
"""How protocols say that an answer was cut at its limit."""


class ReplyCall(Struct, frozen=True, kw_only=True):
    """One action the model asks for.

    Attributes:
        id: What the tool's answer must refer to; no two calls of an answer share one. Derived from the reply's bytes
            when the provider gave none, or gave it twice.
        name: The tool's name, as the model wrote it.
        arguments: The arguments as the model wrote them: JSON text as a rule, but models err. ``{}`` if it wrote none.
    """

    id: str
    name: str
    arguments: str


class ChatReply(Struct, frozen=True, kw_only=True):
    """A complete answer, with everything the provider said.

    Attributes:
        raw: The response body; for a stream the complete server-sent events.
        status: The HTTP status.
        message: The assistant message as canonical JSON bytes, ready to be appended to the conversation.
        text: What the model said; None when it said nothing. Never empty, and never its reasoning.
        reasoning: What the model thought, as far as the provider shows it; None when it shows nothing. Never empty.
        tool_calls: What the model wants done, in its order. An answer with neither text nor calls, only reasoning or
            output tokens that were counted, is the model's own turn; an answer of nothing at all is no reply.
        finish: Why it stopped, in the provider's words; None when it did not say.
        model: The concrete model behind an alias; None when the provider did not say.
        usage: The tokens counted.
        cost_usd: What the provider says this call cost, in USD; None when it did not say, or cannot be believed.
        request_id: The provider's name for this call, for its support; None when it gave none.
        left: What the provider says is left of its limits.
    """

    raw: bytes
    status: int
    message: bytes
    text: str | None
    reasoning: str | None = None
    tool_calls: tuple[ReplyCall, ...]
    finish: str | None
    model: str | None
    usage: ReportedUsage
    cost_usd: Decimal | None
    request_id: str | None
    left: RateLimitHeaders = SILENT


class ParsedAnswer(NamedTuple):
    """What an answer says, as a protocol's reader found it."""

    text: str
    reasoning: str
    refusal: str
    """Why the model or a filter declined. Empty: neither did."""
    calls: tuple[CallDraft, ...]
    finish: str | None
    model: str | None
    id: str | None
    kept: Json
    """Further fields of the message that go back into the conversation."""


def reply_of(answer: ParsedAnswer, seen: FailedCallFacts) -> ChatReply:
    """Turn an answer into a reply, with the message as chat completions have it.

    Raises:
        Refused: The model or a filter declined.
        MalformedReply: There is nothing in it: no text, no call, no reasoning, no output counted; or a nameless call.
    """
    assert seen.raw is not None
    assert seen.status is not None
    if answer.refusal:
        raise Refused(f"the model did not answer: {mended(answer.refusal)}", seen=seen)
    calls = tuple(_named(answer.calls, seen))
    text, reasoning = mended(answer.text) or None, mended(answer.reasoning) or None
    if not (text or calls or reasoning or _wrote(seen.usage, answer.finish)):
        raise MalformedReply("the model answered with neither text nor a tool call", seen=seen)
    return ChatReply(
        raw=seen.raw,
        status=seen.status,
        message=_message(text, calls, answer),
        text=text,
        reasoning=reasoning,
        tool_calls=calls,
        finish=answer.finish and mended(answer.finish),
        model=answer.model and mended(answer.model),
        usage=seen.usage,
        cost_usd=seen.cost_usd,
        request_id=seen.request_id or (answer.id and mended(answer.id)),
        left=seen.left,
    )


def _message(text: str | None, calls: tuple[ReplyCall, ...], answer: ParsedAnswer) -> bytes:
    """Write the message. Without calls its content is a text: many servers refuse null when it comes back to them."""
    message: Json = {**answer.kept, "role": "assistant", "content": text if text or calls else ""}
    if calls:
        message["tool_calls"] = [
            {
                **draft.extra,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for draft, call in zip(answer.calls, calls, strict=True)
        ]
    return encode(message)


def _named(drafts: tuple[CallDraft, ...], seen: FailedCallFacts) -> Iterator[ReplyCall]:
    """Complete the calls.

    A derived id names the answer's bytes and the place in it, so it is the same in every replay and two
    answers of one conversation never share one.
    """
    assert seen.raw is not None
    given, derived = set[str](), ""
    for place, draft in enumerate(drafts):
        if not draft.name:
            raise MalformedReply("the message holds a tool call without a name", seen=seen)
        name = mended(draft.id or "")
        if not name or name in given:
            derived = derived or digest_of(seen.raw)[:16]
            name = f"call_{derived}_{place}"
        given.add(name)
        arguments = mended(draft.arguments) if draft.arguments.strip() else "{}"
        yield ReplyCall(id=name, name=mended(draft.name), arguments=arguments)


def _wrote(usage: ReportedUsage, finish: str | None) -> bool:
    """Say whether the model wrote something, be it nothing that is shown: tokens were counted, or a limit was reached.

    Such an answer is the model's own turn, and asking again would cost as much again.
    """
    return bool(usage.output_tokens or usage.reasoning_tokens) or finish in _LIMITS
