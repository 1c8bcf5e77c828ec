"""OpenAI's embeddings, as an endpoint has them that answers from a script."""

from typing import Any

import msgspec
from msgspec import Struct

from engine.protocols.chat import error_body
from engine.protocols.server_side import ClaimedUsage, ErrorReply, ServerRequest, Wording, encode


class _Request(Struct, frozen=True):
    model: str
    input: str | list[str]


class EmbeddingsServer:
    """See ``ServerSide``. The opening is a JSON list of texts; a script says their vectors as a JSON list of lists."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """See ``ServerSide``."""
        del path
        request = msgspec.json.decode(body, type=_Request)
        texts = [request.input] if isinstance(request.input, str) else request.input
        if not texts:
            raise msgspec.ValidationError("no texts")
        return ServerRequest(model=request.model, opening=msgspec.json.encode(texts).decode(), turn=0)

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """See ``ServerSide``. What is no list of lists goes out as a single vector, for the client to stumble over."""
        said = str(message.get("content") or "")
        try:
            vectors = msgspec.json.decode(said)
        except msgspec.DecodeError:
            vectors = said
        rows = vectors if isinstance(vectors, list) else [vectors]
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
        usage: dict[str, object] = {"prompt_tokens": spent.entered, "total_tokens": spent.entered}
        told = usage if spent.cost is None else usage | {"cost": spent.cost}
        return [encode({"object": "list", "model": by.model, "data": data, "usage": told})]

    def error(self, fault: ErrorReply) -> object:
        """See ``ServerSide``."""
        return error_body(fault.kind, fault.code, fault.message)
