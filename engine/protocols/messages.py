"""Anthropic's messages."""

from collections.abc import Iterator
from typing import Any, Final

from engine.protocols.base import (
    REFUSED,
    ProtocolName,
    RequestFacts,
    bound_in,
    fault_in,
    not_ended,
    read_answer,
    text,
    within,
)
from engine.protocols.body import Body, objects
from engine.protocols.errors import FailedCallFacts
from engine.protocols.json_text import Json, decode, mended, text_of
from engine.protocols.reasoning import is_thought, thought_in
from engine.protocols.reply import ChatReply, ParsedAnswer
from engine.protocols.tool_calls import CallDraft
from engine.protocols.usage import ReportedUsage, Stated, cost_in, count_of, first_count, later, together

_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
"""Anthropic's words by HTTP status; all others are ``api_error``."""
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
"""Types of the blocks that are given back."""


class Messages:
    """See ``ApiProtocol``."""

    def __init__(self, *, keep_thoughts: bool = False) -> None:
        """Say what is kept in a conversation.

        Args:
            keep_thoughts: Whether a reply's message keeps its blocks of thoughts, with their signatures, as
                ``thinking_blocks``: Anthropic wants them back with the results of the tools that were called.
        """
        self._keep_thoughts = keep_thoughts

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "messages"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``."""
        del path
        return RequestFacts(text(body.get("model")) or "", body.get("stream") is True, bound_in(body.get("max_tokens")))

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        return body | {"max_tokens": most}

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """See ``ApiProtocol``."""
        return read_answer(self, raw, seen)

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """See ``AnswerReader``. Anthropic counts what its cache held, or was given to hold, beside the input."""
        entered = left = read = made = thought = None
        for said in _usages(pieces):
            entered = later(entered, first_count(said.get("input_tokens"), said.get("prompt_tokens")))
            left = later(left, first_count(said.get("output_tokens"), said.get("completion_tokens")))
            read = later(read, count_of(said.get("cache_read_input_tokens")))
            made = later(made, _made(said))
            thought = later(thought, count_of(within(said, "output_tokens_details", "thinking_tokens")))
        usage = ReportedUsage(
            input_tokens=None if entered is None else together(entered, read, made),
            output_tokens=left,
            cached_input_tokens=read,
            cache_write_tokens=made,
            reasoning_tokens=thought,
        )
        return Stated(usage, cost_in((said.get("cost") for said in _usages(pieces)), usage))

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """See ``AnswerReader``."""
        message = _Message()
        for piece in body.pieces:
            if piece.get("type") == "error" or piece.get("error"):
                raise fault_in(piece.get("error") or piece, seen)
            message.add(piece, whole=body.whole)
        fields, blocks = message.fields, message.blocks()
        if not (message.ended or (body.done and blocks)):
            raise not_ended(body, seen)
        finish = text(fields.get("stop_reason"))
        thoughts = [block for block in blocks if self._keep_thoughts and block.get("type") in _THOUGHTS]
        return ParsedAnswer(
            text="".join(_text(block.get("text")) for block in blocks if block.get("type") == "text"),
            reasoning="".join(thought_in(block) for block in blocks if is_thought(block)),
            refusal="it stopped with a refusal" if finish == "refusal" else "",
            calls=tuple(_calls(blocks)),
            finish=finish,
            model=text(fields.get("model")),
            id=text(fields.get("id")),
            kept={"thinking_blocks": thoughts} if thoughts else {},
        )

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "x-api-key", key

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        return error_body(status, message, code=REFUSED + code)


def error_body(status: int, message: str, **more: str) -> Json:
    """Write an error as Anthropic does, and perhaps more than that in it."""
    return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message, **more}}


class _Block:
    """A block of a content, and the pieces in which more of it came."""

    def __init__(self, fields: Json) -> None:
        self.fields = fields
        self._pieces: dict[str, list[str]] = {}

    def add(self, delta: Json) -> None:
        """Take in more of it."""
        for name in ("text", "thinking", "signature", "partial_json"):
            piece = delta.get(name)
            if isinstance(piece, str):
                self._pieces.setdefault(name, []).append(piece)
            elif piece is not None and name == "partial_json":
                self.fields["input"] = piece

    def whole(self) -> Json:
        """Give the block as it would have come in one piece; what a tool is given, as it was streamed, is a text."""
        joined = {name: "".join([_text(self.fields.get(name)), *pieces]) for name, pieces in self._pieces.items()}
        return self.fields | joined


class _Message:
    """A message that is put together from its events, or came in one piece."""

    def __init__(self) -> None:
        self.fields: Json = {}
        self.ended = False
        self._blocks: list[_Block] = []
        self._at: dict[int | str, _Block] = {}

    def add(self, piece: Json, *, whole: bool) -> None:
        """Take in an event, or a message."""
        match piece:
            case {"type": "message_start", "message": dict(begun)}:
                self._take(begun)
            case {"type": "content_block_start", "content_block": dict(block)}:
                self._begin(piece, dict(block))
            case {"type": "content_block_delta", "delta": dict(delta)}:
                self._block(piece).add(delta)
            case {"type": "message_delta"}:
                self.fields |= {name: value for name, value in _object(piece.get("delta")).items() if value is not None}
                self.ended = self.ended or bool(self.fields.get("stop_reason"))
            case {"type": "message_stop"}:
                self.ended = True
            case {"content": _} if whole or piece.get("type") == "message":
                self._take(piece)
                self.ended = self.ended or whole
            case _:
                pass

    def blocks(self) -> list[Json]:
        """Give the blocks of its content."""
        return [block.whole() for block in self._blocks]

    def _take(self, message: Json) -> None:
        self.fields |= message
        self.ended = self.ended or bool(message.get("stop_reason"))
        content = message.get("content")
        given = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
        self._blocks += [_Block(dict(each)) for each in given]

    def _begin(self, piece: Json, fields: Json) -> _Block:
        self._at[_index(piece)] = block = _Block(fields)
        self._blocks.append(block)
        return block

    def _block(self, piece: Json) -> _Block:
        """Find the block that a delta belongs to: that of its index, else the latest."""
        index = _index(piece)
        if index in self._at:
            return self._at[index]
        return self._blocks[-1] if self._blocks else self._begin(piece, {"type": "text"})


def _index(piece: Json) -> int | str:
    index = piece.get("index")
    return index if isinstance(index, int | str) else ""


def _calls(blocks: list[Json]) -> Iterator[CallDraft]:
    for block in blocks:
        if block.get("type") == "tool_use":
            yield CallDraft(text(block.get("id")), _text(block.get("name")), _input(block), {})


def _input(block: Json) -> str:
    """Write what a tool was given: streamed as text, or whole."""
    said = _text(block.get("partial_json"))
    if not said.strip():
        return text_of(block.get("input") or {})
    try:
        return text_of(decode(mended(said).encode()))
    except ValueError:
        return said


def _usages(pieces: tuple[Json, ...]) -> Iterator[Json]:
    """Give every place where usage is said, in order: the message as it begins, each later event, Bedrock's own."""
    for piece in pieces:
        for said in (within(piece, "message", "usage"), piece.get("usage")):
            if isinstance(said, dict):
                yield said
        bedrock = piece.get("amazon-bedrock-invocationMetrics")
        if isinstance(bedrock, dict):
            yield {
                "input_tokens": bedrock.get("inputTokenCount"),
                "output_tokens": bedrock.get("outputTokenCount"),
                "cache_read_input_tokens": bedrock.get("cacheReadInputTokenCount"),
                "cache_creation_input_tokens": bedrock.get("cacheWriteInputTokenCount"),
            }


def _made(said: Json) -> int | None:
    """Count what was put into the cache: as one figure, else by how long it is kept."""
    kinds = _object(said.get("cache_creation"))
    split = together(*(count_of(kinds.get(f"ephemeral_{each}_input_tokens")) for each in ("5m", "1h")))
    return first_count(said.get("cache_creation_input_tokens"), split)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
