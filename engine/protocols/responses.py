"""OpenAI's responses."""

from typing import Any, Final

from engine.protocols.base import (
    Json,
    ProtocolName,
    RequestFacts,
    Whole,
    pieces_in,
    reply_from,
    text,
    tokens,
    within,
    written,
)
from engine.protocols.chat import Chat
from engine.protocols.errors import MalformedReply, Seen
from engine.protocols.faults import fault_within
from engine.protocols.reasoning import thought_in
from engine.protocols.reply import ChatReply, ReplyCall, Usage

_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input", "local_shell_call": "action"}
"""Where each kind of call has what is asked of the tool."""


class Responses:
    """See ``ApiProtocol``."""

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "responses"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``."""
        del path
        return RequestFacts(
            text(body.get("model")) or "", body.get("stream") is True, tokens(body.get("max_output_tokens"))
        )

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        return body | {"max_output_tokens": most}

    def read(self, raw: bytes, seen: Seen) -> ChatReply:
        """See ``ApiProtocol``."""
        response, items = _response(pieces_in(raw, seen), seen)
        if response.get("error"):
            raise fault_within(response["error"], seen)
        return reply_from(_whole(response, items), seen)

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return Chat().key(key)

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        return Chat().error(status, code, message)


def _response(pieces: list[Json], seen: Seen) -> tuple[Json, list[Json]]:
    """Find the response, and its items: some endpoints leave them out of a stream's last event."""
    done: list[Json] = []
    for piece in pieces:
        match piece:
            case {"object": "response"}:
                return piece, _objects(piece.get("output"))
            case {"type": "response.output_item.done", "item": dict(item)}:
                done.append(item)
            case {"type": "error"}:
                raise fault_within(piece.get("error") or piece, seen)
            case {"type": str(kind), "response": dict(response)} if kind in _ENDS:
                return response, _objects(response.get("output")) or done
            case _:
                pass
    raise MalformedReply("the stream ended before the answer did", seen=seen)


def _whole(response: Json, items: list[Json]) -> Whole:
    parts = [part for item in items if item.get("type") == "message" for part in _objects(item.get("content"))]
    calls = [(item, _CALLS[item["type"]]) for item in items if item.get("type") in _CALLS]
    usage = response.get("usage")
    return Whole(
        text="".join(str(part.get("text") or part.get("refusal") or "") for part in parts),
        reasoning="".join(thought_in(item) for item in items if item.get("type") == "reasoning"),
        calls=tuple(
            ReplyCall(
                id=str(item.get("call_id") or item.get("id") or ""),
                name=str(item.get("name") or item["type"]),
                arguments=written(item.get(key) or {}),
            )
            for item, key in calls
        ),
        finish=text(within(response, "incomplete_details", "reason")) or text(response.get("status")),
        model=text(response.get("model")),
        usage=Usage(
            input_tokens=tokens(within(usage, "input_tokens")),
            output_tokens=tokens(within(usage, "output_tokens")),
            cached_input_tokens=tokens(within(usage, "input_tokens_details", "cached_tokens")),
            reasoning_tokens=tokens(within(usage, "output_tokens_details", "reasoning_tokens")),
        ),
        id=text(response.get("id")),
    )


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
