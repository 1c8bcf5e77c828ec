"""Who writes the requests of which protocol."""

from collections.abc import Mapping
from typing import Final

from engine.protocols.chat_request import ChatRequests
from engine.protocols.embeddings import EmbeddingsRequests
from engine.protocols.gemini_request import GeminiRequests
from engine.protocols.messages_request import MessagesRequests
from engine.protocols.request import RequestProtocol, RequestWriter
from engine.protocols.responses_request import ResponsesRequests

_CHAT: Final = ChatRequests()
_WRITERS: Final[Mapping[RequestProtocol, RequestWriter]] = {
    "chat": _CHAT,
    "responses": ResponsesRequests(),
    "messages": MessagesRequests(),
    "gemini": GeminiRequests(),
    "embeddings": EmbeddingsRequests(),
}


def writer_for(protocol: RequestProtocol | None) -> RequestWriter:
    """Give the writer of a protocol. None: as it was before others were written, chat completions."""
    return _CHAT if protocol is None else _WRITERS[protocol]
