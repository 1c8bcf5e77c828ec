"""What a model answered, whichever protocol it came in."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from engine.protocols.allowance import SILENT, Allowance
from engine.protocols.errors import Try

_LIMITS: Final = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"})
"""How protocols say that an answer was cut at its limit."""


class ReplyCall(Struct, frozen=True, kw_only=True):
    """One action the model asks for.

    Attributes:
        id: What the tool's answer must refer to. Derived from the reply's bytes when the provider gave none.
        name: The tool's name, as the model wrote it.
        arguments: The arguments as the model wrote them: JSON text as a rule, but models err.
    """

    id: str
    name: str
    arguments: str


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens as the provider counted them, each 0 or more; None means that it did not say.

    ``cached_input_tokens`` (read from the provider's cache) and ``cache_write_tokens`` (put into it) are parts of
    ``input_tokens``, ``reasoning_tokens`` part of ``output_tokens``.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


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
        cost_usd: What the provider says this call cost, in USD; None when it did not say.
        request_id: The provider's name for this call, for its support; None when it gave none.
        tries: Every physical call, the answered one last.
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
    usage: Usage
    cost_usd: Decimal | None
    request_id: str | None
    tries: tuple[Try, ...] = ()
    left: Allowance = SILENT


def spent(usage: Usage, finish: str | None) -> bool:
    """Say whether the model wrote something, be it nothing that is shown: tokens were counted, or a limit was reached.

    Such an answer is the model's own turn, and asking again would cost as much again.
    """
    return bool(usage.output_tokens or usage.reasoning_tokens) or finish in _LIMITS
