"""Google's generateContent."""

import re
from collections.abc import Iterator
from typing import Final

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
from engine.protocols.json_text import Json, text_of
from engine.protocols.reasoning import is_thought, thought_in
from engine.protocols.reply import ChatReply, ParsedAnswer
from engine.protocols.tool_calls import CallDraft
from engine.protocols.usage import ReportedUsage, Stated, count_of, later, together

_PATH: Final = re.compile(r"/models/([^/:]+):(\w+)")
STREAMED: Final = "streamGenerateContent"
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
"""Google's words by HTTP status; all others are ``INTERNAL``."""
_COUNTS: Final = ("prompt", "toolUsePrompt", "candidates", "thoughts", "cachedContent")
_BLOCKED: Final = frozenset({"BLOCKLIST", "PROHIBITED_CONTENT", "RECITATION", "SAFETY", "SPII"})
"""Reasons to stop that are a filter's."""


class Gemini:
    """See ``ApiProtocol``."""

    def __init__(self, *, keep_thoughts: bool = False) -> None:
        """Say what is kept in a conversation.

        Args:
            keep_thoughts: Whether a call keeps the signature of the thoughts that led to it, where Google's own chat
                completions have it: the model wants it back with the call's result.
        """
        self._keep_thoughts = keep_thoughts

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "gemini"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``. The model and whether a stream is wanted stand in the path."""
        model, verb = called(path)
        return RequestFacts(model, verb == STREAMED, bound_in(within(body, "generationConfig", "maxOutputTokens")))

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        settings = body.get("generationConfig")
        return body | {"generationConfig": (settings if isinstance(settings, dict) else {}) | {"maxOutputTokens": most}}

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """See ``ApiProtocol``."""
        return read_answer(self, raw, seen)

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """See ``AnswerReader``. What a tool of Google's read is input, and thoughts are output: so they are charged."""
        counts: dict[str, int | None] = {}
        for said in (each.get("usageMetadata") for each in map(_inner, pieces)):
            for name in _COUNTS:
                counts[name] = later(counts.get(name), count_of(within(said, f"{name}TokenCount")))
        entered = counts.get("prompt")
        return Stated(
            ReportedUsage(
                input_tokens=None if entered is None else together(entered, counts.get("toolUsePrompt")),
                output_tokens=together(counts.get("candidates"), counts.get("thoughts")),
                cached_input_tokens=counts.get("cachedContent"),
                reasoning_tokens=counts.get("thoughts"),
            )
        )

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """See ``AnswerReader``. Of several candidates the first is taken."""
        pieces = [_inner(piece) for piece in body.pieces]
        for piece in pieces:
            if piece.get("error"):
                raise fault_in(piece["error"], seen)
        candidates = [found[0] for piece in pieces if (found := objects(piece.get("candidates")))]
        blocked = _last(text(within(piece, "promptFeedback", "blockReason")) for piece in pieces)
        finish = _last(text(each.get("finishReason")) for each in candidates) or blocked
        if finish is None:
            raise not_ended(body, seen)
        parts = [part for each in candidates for part in objects(within(each, "content", "parts"))]
        return ParsedAnswer(
            text="".join(text(part.get("text")) or "" for part in parts if not is_thought(part)),
            reasoning="".join(thought_in(part) for part in parts if is_thought(part)),
            refusal=f"it was blocked: {finish}" if blocked or finish in _BLOCKED else "",
            calls=tuple(_calls(parts, keep_thoughts=self._keep_thoughts)),
            finish=finish,
            model=_last(text(piece.get("modelVersion")) for piece in pieces),
            id=_last(text(piece.get("responseId")) for piece in pieces),
            kept={},
        )

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "x-goog-api-key", key

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        reason = [{"reason": REFUSED + code}]
        return error_body(status, message, details=reason)


def called(path: str) -> tuple[str, str]:
    """Read the model and the verb in a path; both are empty where it has none."""
    found = _PATH.search(path)
    return (found[1], found[2]) if found else ("", "")


def error_body(status: int, message: str, **more: object) -> Json:
    """Write an error as Google does, and perhaps more than that in it."""
    told = {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL"), **more}
    return {"error": told}


def _inner(piece: Json) -> Json:
    """Take an answer out of the frame that Code Assist puts around it."""
    inner = piece.get("response")
    return inner if isinstance(inner, dict) else piece


def _calls(parts: list[Json], *, keep_thoughts: bool) -> Iterator[CallDraft]:
    for part in parts:
        call = part.get("functionCall")
        if isinstance(call, dict):
            signature = text(part.get("thoughtSignature")) if keep_thoughts else None
            extra: Json = {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}
            yield CallDraft(text(call.get("id")), text(call.get("name")) or "", text_of(call.get("args") or {}), extra)


def _last(values: Iterator[str | None]) -> str | None:
    return next((value for value in reversed(list(values)) if value is not None), None)
