"""OpenAI's chat completions, as OpenAI and all who follow it write them.

Lenient where providers differ (content in parts, missing ids, arguments as objects), strict where leniency would invent
something: half of an answer, or nothing at all, is an error and not a text.
"""

from itertools import chain
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
)
from engine.protocols.body import Body, objects
from engine.protocols.chat_usage import stated_in
from engine.protocols.errors import FailedCallFacts, MalformedReply
from engine.protocols.json_text import Json
from engine.protocols.reasoning import Content, content_of, reasoning_in
from engine.protocols.reply import ChatReply, ParsedAnswer
from engine.protocols.tool_calls import CallDraft, StreamedCalls, whole_calls
from engine.protocols.usage import Stated

_FILTERED: Final = "content_filter"
_BARE: Final = frozenset({"code", "detail", "error_code", "error_msg", "errors", "message", "msg"})
"""Fields of an error that does not stand under ``error``."""


class Chat:
    """Chat completions; see ``ApiProtocol``."""

    def __init__(self, echo: tuple[str, ...] = ()) -> None:
        """Say what is kept in a conversation.

        Args:
            echo: Fields of the model's message that the provider wants back, such as ``reasoning_details``.
        """
        self._echo = echo

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "chat"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``."""
        del path
        most = bound_in(body.get("max_completion_tokens"))
        most = bound_in(body.get("max_tokens")) if most is None else most
        return RequestFacts(text(body.get("model")) or "", body.get("stream") is True, most)

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``. Some models know only one of the two words, so the one that is there is kept."""
        word = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        return body | {word: most}

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """See ``ApiProtocol``."""
        return read_answer(self, raw, seen)

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """See ``AnswerReader``."""
        return stated_in(pieces)

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """See ``AnswerReader``. Of several choices the first is taken; the others stay in the bytes."""
        choices = [choice for piece in body.pieces for choice in objects(piece.get("choices"))]
        for place in (*body.pieces, *choices):
            if place.get("error"):
                raise fault_in(place, seen)  # its status may stand beside it
        message, finish = _Message(self._echo), None
        first = _first_index(choices)
        for choice in choices:
            if _index(choice, first) == first:
                message.add(choice, whole=body.whole)
                finish = choice.get("finish_reason") or finish
        if not message.begun and (bare := next(filter(_is_error, body.pieces), None)) is not None:
            raise fault_in(bare, seen)
        if not (finish or body.done or message.ended):
            raise not_ended(body, seen)
        if not message.begun:
            raise MalformedReply("the endpoint's answer holds no message", seen=seen)
        return message.answer(
            finish=text(finish),
            model=_first_text(body.pieces, "model"),
            given_id=_first_text(body.pieces, "id"),
        )

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "Authorization", f"Bearer {key}"

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
        return error_body(kind, REFUSED + code, message)


def error_body(kind: str, code: str, message: str) -> Json:
    """Write an error as OpenAI does."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class _Message:
    """A message that grows by deltas, or comes in one piece."""

    def __init__(self, echo: tuple[str, ...]) -> None:
        self.begun = False
        """Whether anything came that is part of a message."""
        self.ended = False
        """Whether it came in one piece, and so is whole."""
        self._held: list[Content] = []
        self._length = 0
        """Characters of text so far."""
        self._reasoning: list[str] = []
        self._refusals: list[str] = []
        self._kept: dict[str, list[Any]] = {name: [] for name in echo}
        self._calls: list[CallDraft] = []
        self._streamed = StreamedCalls()
        self._function = StreamedCalls()

    def add(self, choice: Json, *, whole: bool) -> None:
        """Take in what a choice brings.

        Args:
            choice: With a delta, or a message.
            whole: Whether the body is one JSON text: a message in it is not followed by more of it.
        """
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(message, dict) and not delta:
            if whole:
                self.ended = True
                self._calls += whole_calls(message.get("tool_calls"))
                self._add(message)
            elif not self._says(message):
                self._streamed.add(message.get("tool_calls"))
                self._add(message)
        elif isinstance(delta, dict):
            if delta.get("tool_calls"):
                self._streamed.add(delta["tool_calls"])
            self._add(delta)
        elif isinstance(choice.get("text"), str):  # as before there was chat
            self._add({"content": choice["text"]})

    def answer(self, *, finish: str | None, model: str | None, given_id: str | None) -> ParsedAnswer:
        """Give the answer."""
        said = Content(*("".join(each) for each in zip(*self._held, strict=True)))
        refusal = "".join(self._refusals) or (said.refusal if not said.text else "")
        if not refusal and (finish or "").startswith(_FILTERED):
            refusal = "a content filter stopped it"
        return ParsedAnswer(
            text=said.text,
            reasoning="".join(self._reasoning),
            refusal=refusal,
            calls=tuple(self._calls or self._streamed.whole() or self._function.whole()),
            finish=finish,
            model=model,
            id=given_id,
            kept={name: _whole(pieces) for name, pieces in self._kept.items() if pieces},
        )

    def _says(self, message: Json) -> bool:
        """Say whether a message repeats what its deltas brought: some servers end a stream so."""
        words = content_of(message, message.get("content")).text
        if len(words) != self._length:
            return False
        calls = [(call.name, call.arguments) for call in self._streamed.whole()]
        again = [(call.name, call.arguments) for call in whole_calls(message.get("tool_calls"))]
        return bool(words or calls) and again == calls and words == "".join(each.text for each in self._held)

    def _add(self, delta: Json) -> None:
        self.begun = True
        held = content_of(delta, delta.get("content"))
        self._held.append(held)
        self._length += len(held.text)
        self._reasoning.append(reasoning_in(delta) or held.reasoning)
        if delta.get("refusal"):
            self._refusals.append("".join(content_of({}, delta["refusal"])))
        for name, pieces in self._kept.items():
            if delta.get(name) is not None:
                pieces.append(delta[name])
        if isinstance(delta.get("function_call"), dict):  # the one call of the protocol's first years
            self._function.add([{"function": delta["function_call"]}])


def _is_error(piece: Json) -> bool:
    """Say whether a piece of an answer without choices is an error that stands bare: vLLM and MiniMax do so."""
    return ("choices" not in piece and not _BARE.isdisjoint(piece)) or isinstance(piece.get("base_resp"), dict)


def _index(choice: Json, default: int) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else default


def _first_index(choices: list[Json]) -> int:
    """Give the index of the first choice, whatever the server counts from."""
    given = [_index(choice, -1) for choice in choices]
    return min((index for index in given if index >= 0), default=0)


def _first_text(pieces: tuple[Json, ...], name: str) -> str | None:
    return next((found for piece in pieces if (found := text(piece.get(name)))), None)


def _whole(pieces: list[Any]) -> Any:
    """Put the pieces of one field together: text and lists grow, of anything else the last stands."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if all(isinstance(piece, list) for piece in pieces):
        return list(chain.from_iterable(pieces))
    return pieces[-1]
