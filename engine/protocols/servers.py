"""Which endpoint side belongs to which protocol."""

from collections.abc import Mapping
from typing import Final

from engine.protocols.base import ProtocolName
from engine.protocols.chat_server import ChatServer
from engine.protocols.embeddings_server import EmbeddingsServer
from engine.protocols.gemini_server import GeminiServer
from engine.protocols.messages_server import MessagesServer
from engine.protocols.responses_server import ResponsesServer
from engine.protocols.server_side import ServerSide

SERVERS: Final[Mapping[ProtocolName, ServerSide]] = {
    "chat": ChatServer(),
    "responses": ResponsesServer(),
    "messages": MessagesServer(),
    "gemini": GeminiServer(),
    "embeddings": EmbeddingsServer(),
}
