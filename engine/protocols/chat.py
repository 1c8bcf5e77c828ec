"""OpenAI's chat completions."""

from engine.protocols.base import REFUSED, Json, ProtocolName, RequestFacts, text, tokens
from engine.protocols.chat_reply import reply_of, said_in
from engine.protocols.chat_stream import said_in_stream
from engine.protocols.errors import Seen
from engine.protocols.reply import ChatReply


class Chat:
    """See ``ApiProtocol``."""

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "chat"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``."""
        del path
        most = tokens(body.get("max_completion_tokens"))
        most = tokens(body.get("max_tokens")) if most is None else most
        return RequestFacts(text(body.get("model")) or "", body.get("stream") is True, most)

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``. Some models know only one of the two words, so the one that is there is kept."""
        word = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        return body | {word: most}

    def read(self, raw: bytes, seen: Seen) -> ChatReply:
        """See ``ApiProtocol``."""
        said = said_in(raw, seen) if raw.lstrip()[:1] == b"{" else said_in_stream(raw, seen, ())
        return reply_of(said, seen)

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return "Authorization", f"Bearer {key}"

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": REFUSED + code}}
