"""Google's generateContent."""

import re
from typing import Any, Final

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
from engine.protocols.errors import MalformedReply, Seen
from engine.protocols.faults import fault_within
from engine.protocols.reasoning import thought_in
from engine.protocols.reply import ChatReply, ReplyCall, Usage

_PATH: Final = re.compile(r"/models/([^/:]+):(\w+)")
_STATUSES: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class Gemini:
    """See ``ApiProtocol``."""

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "gemini"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``. The model and whether a stream is wanted stand in the path."""
        found = _PATH.search(path)
        model, verb = found.groups() if found else ("", "")
        return RequestFacts(
            model, verb == "streamGenerateContent", tokens(within(body, "generationConfig", "maxOutputTokens"))
        )

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        settings = body.get("generationConfig")
        return body | {"generationConfig": (settings if isinstance(settings, dict) else {}) | {"maxOutputTokens": most}}

    def read(self, raw: bytes, seen: Seen) -> ChatReply:
        """See ``ApiProtocol``."""
        pieces = pieces_in(raw, seen)
        for piece in pieces:
            if piece.get("error"):
                raise fault_within(piece["error"], seen)
        whole = _whole(pieces)
        if whole.finish is None:
            raise MalformedReply("the stream ended before the answer did", seen=seen)
        return reply_from(whole, seen)

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "x-goog-api-key", key

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        reason = [{"reason": REFUSED + code}]
        told = {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL"), "details": reason}
        return {"error": told}


def _whole(pieces: list[Json]) -> Whole:
    """Join the pieces: parts one after the other, and of counts the last that were said."""
    candidates = [each["candidates"][0] for each in pieces if isinstance(each.get("candidates"), list)]
    parts = [part for each in candidates for part in within(each, "content", "parts") or () if isinstance(part, dict)]
    blocked = [within(each, "promptFeedback", "blockReason") for each in pieces]
    finishes = [text(within(each, "finishReason")) for each in candidates] + [text(each) for each in blocked]
    return Whole(
        text="".join(part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought")),
        reasoning="".join(thought_in(part) for part in parts if part.get("thought")),
        calls=tuple(
            ReplyCall(
                id=str(call.get("id") or f"call_{place}"),
                name=str(call.get("name") or ""),
                arguments=written(call.get("args") or {}),
            )
            for place, call in enumerate(_calls(parts))
        ),
        finish=_last(finishes),
        model=_last([text(each.get("modelVersion")) for each in pieces]),
        usage=_usage(_last([each.get("usageMetadata") for each in pieces])),
        id=_last([text(each.get("responseId")) for each in pieces]),
    )


def _calls(parts: list[Json]) -> list[Json]:
    return [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]


def _usage(said: Any) -> Usage:
    """Count thoughts as output, which is how they are charged."""
    thoughts = tokens(within(said, "thoughtsTokenCount"))
    return Usage(
        input_tokens=tokens(within(said, "promptTokenCount")),
        output_tokens=together(tokens(within(said, "candidatesTokenCount")), thoughts),
        cached_input_tokens=tokens(within(said, "cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )


def _last(values: list[Any]) -> Any:
    return next((value for value in reversed(values) if value is not None), None)
