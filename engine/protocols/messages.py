"""Anthropic's messages."""

from typing import Any, Final

import msgspec

from engine.protocols.base import (
    REFUSED,
    Json,
    ProtocolName,
    RequestFacts,
    Whole,
    pieces_in,
    reply_from,
    text,
    together,
    tokens,
    within,
    written,
)
from engine.protocols.errors import UNREADABLE, MalformedReply, Seen
from engine.protocols.faults import fault_within
from engine.protocols.reasoning import THOUGHTS, thought_in
from engine.protocols.reply import ChatReply, ReplyCall, Usage

_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Messages:
    """See ``ApiProtocol``."""

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "messages"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``."""
        del path
        return RequestFacts(text(body.get("model")) or "", body.get("stream") is True, tokens(body.get("max_tokens")))

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        return body | {"max_tokens": most}

    def read(self, raw: bytes, seen: Seen) -> ChatReply:
        """See ``ApiProtocol``."""
        pieces = pieces_in(raw, seen)
        for piece in pieces:
            if piece.get("type") == "error":
                raise fault_within(piece.get("error"), seen)
        if len(pieces) == 1 and pieces[0].get("type") == "message":
            return reply_from(_whole(pieces[0]), seen)
        return reply_from(_whole(_joined(pieces, seen)), seen)

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "x-api-key", key

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        told = {"type": _KINDS.get(status, "api_error"), "message": message, "code": REFUSED + code}
        return {"type": "error", "error": told}


def _joined(pieces: list[Json], seen: Seen) -> Json:
    """Put a streamed message together again; the last usage is the whole one."""
    message: Json = {}
    blocks: dict[Any, Json] = {}
    ended = False
    for piece in pieces:
        match piece:
            case {"type": "message_start", "message": dict(begun)}:
                message = dict(begun)
            case {"type": "content_block_start", "index": index, "content_block": dict(block)}:
                blocks[index] = dict(block)
            case {"type": "content_block_delta", "index": index, "delta": dict(delta)} if index in blocks:
                _add(blocks[index], delta)
            case {"type": "message_delta"}:
                message |= _objects(piece.get("delta"))
                message["usage"] = _objects(message.get("usage")) | _objects(piece.get("usage"))
            case {"type": "message_stop"}:
                ended = True
            case _:
                pass
    if not ended:
        raise MalformedReply("the stream ended before the answer did", seen=seen)
    return message | {"content": list(blocks.values())}


def _add(block: Json, delta: Json) -> None:
    if isinstance(delta.get("text"), str):
        block["text"] = block.get("text", "") + delta["text"]
    if isinstance(delta.get("thinking"), str):
        block["thinking"] = block.get("thinking", "") + delta["thinking"]
    if isinstance(delta.get("partial_json"), str):
        block["json"] = block.get("json", "") + delta["partial_json"]


def _whole(message: Json) -> Whole:
    blocks = [block for block in message.get("content") or () if isinstance(block, dict)]
    usage = message.get("usage")
    read, made = (tokens(within(usage, f"cache_{what}_input_tokens")) for what in ("read", "creation"))
    return Whole(
        text="".join(
            block["text"] for block in blocks if block.get("type") == "text" and isinstance(block.get("text"), str)
        ),
        reasoning="".join(thought_in(block) for block in blocks if block.get("type") in THOUGHTS),
        calls=tuple(
            ReplyCall(id=str(block.get("id") or ""), name=str(block.get("name") or ""), arguments=_input(block))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        finish=text(message.get("stop_reason")),
        model=text(message.get("model")),
        usage=Usage(  # Anthropic counts what its cache held, or was given to hold, beside the input
            input_tokens=together(tokens(within(usage, "input_tokens")), read, made),
            output_tokens=tokens(within(usage, "output_tokens")),
            cached_input_tokens=read,
            cache_write_tokens=made,
        ),
        id=text(message.get("id")),
    )


def _input(block: Json) -> str:
    """Write what a tool was given: streamed as text, or whole."""
    said = block.get("json")
    if not said:
        return written(block.get("input") or {})
    try:
        return written(msgspec.json.decode(said))
    except UNREADABLE:
        return str(said)


def _objects(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
