"""OpenAI's responses."""

from collections.abc import Iterator
from typing import Any, Final

from engine.protocols.base import (
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
from engine.protocols.chat import Chat
from engine.protocols.chat_usage import costs_of, usage_in
from engine.protocols.errors import FailedCallFacts
from engine.protocols.json_text import Json, text_of
from engine.protocols.reasoning import Content, content_of, thought_in
from engine.protocols.reply import ChatReply, ParsedAnswer
from engine.protocols.tool_calls import CallDraft
from engine.protocols.usage import Stated, cost_in

_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.done"})
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
            text(body.get("model")) or "", body.get("stream") is True, bound_in(body.get("max_output_tokens"))
        )

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        return body | {"max_output_tokens": most}

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """See ``ApiProtocol``."""
        return read_answer(self, raw, seen)

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """See ``AnswerReader``."""
        said = list(_usages(pieces))
        usage = usage_in(said)
        return Stated(usage, cost_in((cost for each in said for cost in costs_of(each)), usage))

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """See ``AnswerReader``."""
        if (error := _error_in(body.pieces)) is not None:
            raise fault_in(error, seen)
        response, items = _response(body, seen)
        said = [content_of({}, item.get("content")) for item in items if item.get("type") == "message"]
        words = Content(*("".join(each) for each in zip(*said, strict=True))) if said else Content("", "", "")
        finish = text(within(response, "incomplete_details", "reason")) or text(response.get("status"))
        refusal = words.refusal if not words.text else ""
        return ParsedAnswer(
            text=words.text or _streamed_text(body, items),
            reasoning="".join(thought_in(item) for item in items if item.get("type") == "reasoning") + words.reasoning,
            refusal=refusal or ("a content filter stopped it" if finish == "content_filter" else ""),
            calls=tuple(_calls(items)),
            finish=finish,
            model=text(response.get("model")),
            id=text(response.get("id")),
            kept={},
        )

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return Chat().key(key)

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        return Chat().error(status, code, message)


def _response(body: Body, seen: FailedCallFacts) -> tuple[Json, list[Json]]:
    """Find the response, and its items: some endpoints leave them out of a stream's last event."""
    done: list[Json] = []
    begun: Json = {}
    for piece in body.pieces:
        match piece:
            case {"type": "response.output_item.done", "item": dict(item)}:
                done.append(item)
            case {"type": str(kind), "response": dict(response)} if kind in _ENDS:
                return response, objects(response.get("output")) or done
            case {"type": str(), "response": dict(response)}:
                begun = response
            case {"output": list(output)} if body.whole or piece.get("object") == "response":
                return piece, objects(output)
            case _:
                pass
    if body.done and done:
        return begun, done
    raise not_ended(body, seen)


def _error_in(pieces: tuple[Json, ...]) -> Any:
    """Find an error, which stands by itself, in an event, or in the response. None: there is none."""
    told = (
        each.get("error") or (each if each.get("type") == "error" else None) or within(each, "response", "error")
        for each in pieces
    )
    return next((error for error in told if error), None)


def _calls(items: list[Json]) -> Iterator[CallDraft]:
    for item in items:
        kind = item.get("type")
        if isinstance(kind, str) and kind in _CALLS:
            given = text(item.get("call_id")) or text(item.get("id"))
            yield CallDraft(given, text(item.get("name")) or kind, text_of(item.get(_CALLS[kind]) or {}), {})


def _streamed_text(body: Body, items: list[Json]) -> str:
    """Join the text that a stream brought where no item holds it."""
    if items:
        return ""
    deltas = (each.get("delta") for each in body.pieces if each.get("type") == "response.output_text.delta")
    return "".join(delta for delta in deltas if isinstance(delta, str))


def _usages(pieces: tuple[Json, ...]) -> Iterator[Json]:
    for piece in pieces:
        for said in (piece.get("usage"), within(piece, "response", "usage")):
            if isinstance(said, dict):
                yield said
