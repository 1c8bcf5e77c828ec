"""What must be known of a protocol: what was asked, what was answered, how a key and an error are written."""

from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from engine.protocols.body import Body, body_of
from engine.protocols.errors import UNREADABLE, FailedCallFacts, MalformedReply, ProviderError
from engine.protocols.faults import fault_within
from engine.protocols.json_text import Json, NestedTooDeeply, encode
from engine.protocols.reply import ChatReply, ParsedAnswer, reply_of
from engine.protocols.tool_calls import CallsUnclear
from engine.protocols.usage import Stated

ProtocolName = Literal["chat", "responses", "messages", "gemini", "embeddings"]
"""OpenAI's chat completions and responses, Anthropic's messages, Google's generateContent, OpenAI's embeddings."""

REFUSED: Final = "stillroom_"
"""What the codes of the gateway's own errors begin with, so that nobody takes them for a provider's."""


STUMBLES: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a fault in a reader would raise; a test over any bytes sees to it that none does."""


class RequestFacts(NamedTuple):
    """A request, as far as the gateway looks at it."""

    model: str
    """Empty: it names none."""
    stream: bool
    most_output: int | None
    """Tokens the answer may have. None: the request sets no bound."""


class AnswerReader(Protocol):
    """How one protocol's answers are read, once their bodies are taken apart."""

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """Say what an answer states of its usage and cost, be it whole, cut or refused. Never fails."""
        ...

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """Read an answer, in one piece or streamed.

        Raises:
            ProviderError: It is cut, or holds an error, or is not this protocol.
            CallsUnclear: It cannot be told which call something belongs to.
            NestedTooDeeply: It holds JSON that cannot be written again.
        """
        ...


class ApiProtocol(AnswerReader, Protocol):
    """One protocol."""

    @property
    def name(self) -> ProtocolName:
        """As events have it."""
        ...

    def facts(self, body: Json, path: str) -> RequestFacts:
        """Look at a request."""
        ...

    def bounded(self, body: Json, most: int) -> Json:
        """Give a request with the length of its answer bounded, in tokens."""
        ...

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """Read an answer of status 200, see `read_answer`."""
        ...

    def key(self, key: str) -> tuple[str, str]:
        """Name the header that carries a key, and write it."""
        ...

    def error(self, status: int, code: str, message: str) -> object:
        """Word an error of the gateway's own."""
        ...


def read_answer(reader: AnswerReader, raw: bytes, seen: FailedCallFacts) -> ChatReply:
    """Read an answer of status 200, whatever its bytes.

    Raises:
        ProviderError: It is cut, or holds an error or a refusal, or is not this protocol. It carries the usage and the
            cost that the answer states all the same.
    """
    body = body_of(raw)
    seen = _stating(reader, body, seen)
    try:
        return reply_of(reader.answer(body, seen), seen)
    except (CallsUnclear, NestedTooDeeply) as error:
        raise MalformedReply(f"the answer cannot be read: {error}", seen=seen) from error
    except STUMBLES as error:  # providers vary without end, and one answer must not end a run
        raise MalformedReply(f"a reader of ours stumbled over the answer: {error!r}", seen=seen) from error


def with_stated(reader: AnswerReader, seen: FailedCallFacts) -> FailedCallFacts:
    """Add what an answer that failed states of its usage and cost: what was paid is counted."""
    return seen if seen.raw is None else _stating(reader, body_of(seen.raw), seen)


def _stating(reader: AnswerReader, body: Body, seen: FailedCallFacts) -> FailedCallFacts:
    stated = reader.stated(body.pieces)
    return replace(seen, usage=stated.usage, cost_usd=stated.cost_usd)


def not_ended(body: Body, seen: FailedCallFacts) -> MalformedReply:
    """Say why an answer does not count: half of one looks like a short one."""
    if body.broken is not None:
        return MalformedReply(f"the endpoint's answer cannot be read: {body.broken}", seen=seen)
    if not body.pieces:
        return MalformedReply("the endpoint's answer holds no JSON object", seen=seen)
    what = "the endpoint's answer holds no message" if body.whole else "the stream ended before the answer did"
    return MalformedReply(what, seen=seen)


def fault_in(error: Any, seen: FailedCallFacts) -> ProviderError:
    """Judge an error that stands inside an answer, by its own codes and words.

    Raises:
        NestedTooDeeply: It cannot be read.
    """
    return fault_within(msgspec.json.decode(encode(error)), seen)


def body_in(raw: bytes) -> Json | None:
    """Read a request's body, strictly: what is changed in it is written again. None: it is not a JSON object."""
    try:
        body = msgspec.json.decode(raw)
    except UNREADABLE:
        return None
    return body if isinstance(body, dict) else None


def bound_in(value: Any) -> int | None:
    """Read the bound that a request sets to its answer, in tokens. None: it is no whole number, 0 or more."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text(value: Any) -> str | None:
    """Take a text. None: it is none, or empty."""
    return value if isinstance(value, str) and value else None


def within(value: Any, *keys: str) -> Any:
    """Follow keys into JSON. None: they lead nowhere."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
