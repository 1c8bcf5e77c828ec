"""OpenAI's embeddings, as most providers and local servers have them: texts in, one vector for each.

A question is a conversation whose messages are the texts, in order; an answer says the vectors as a JSON list of lists.
So a call is paid for, made again, recorded and replayed as all calls are.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.protocols.base import ProtocolName, RequestFacts, fault_in, not_ended, read_answer, text
from engine.protocols.body import Body, objects
from engine.protocols.chat import Chat
from engine.protocols.chat_usage import stated_in
from engine.protocols.errors import BadRequest, FailedCallFacts, MalformedReply
from engine.protocols.json_text import Json
from engine.protocols.reply import ChatReply, ParsedAnswer
from engine.protocols.request import ChatRequest, checked, in_tables, words_of
from engine.protocols.usage import Stated

EMBEDDINGS_PATH: Final = "/embeddings"
_RESERVED: Final = frozenset({"encoding_format", "input", "model", "stream"})


class EmbeddingsRequests:
    """See ``RequestWriter``."""

    def body(self, request: ChatRequest) -> bytes:
        """See ``RequestWriter``. Order: model, input, then the parameters by name, such as ``dimensions``."""
        if request.tools is not None or request.stream:
            raise BadRequest(
                "embeddings are asked for with tools, or as a stream", remedy="leave out `tools` and `stream`"
            )
        texts = [words_of(msgspec.json.decode(each).get("content")) for each in request.messages]
        if not texts or not all(texts):
            raise BadRequest(
                "one of the texts to embed is empty", remedy="give at least one text, and none without words"
            )
        parameters = checked(request.parameters, _RESERVED)
        return msgspec.json.encode({"model": request.model, "input": texts} | in_tables(parameters))

    def path(self, model: str, *, stream: bool) -> str:
        """See ``RequestWriter``."""
        del model, stream
        return EMBEDDINGS_PATH


class Embeddings:
    """See ``ApiProtocol``."""

    @property
    def name(self) -> ProtocolName:
        """See ``ApiProtocol``."""
        return "embeddings"

    def facts(self, body: Json, path: str) -> RequestFacts:
        """See ``ApiProtocol``. Nothing is written, so nothing is to be bounded."""
        del path
        return RequestFacts(text(body.get("model")) or "", stream=False, most_output=0)

    def bounded(self, body: Json, most: int) -> Json:
        """See ``ApiProtocol``."""
        del most
        return body

    def read(self, raw: bytes, seen: FailedCallFacts) -> ChatReply:
        """See ``ApiProtocol``."""
        return read_answer(self, raw, seen)

    def stated(self, pieces: tuple[Json, ...]) -> Stated:
        """See ``AnswerReader``."""
        return stated_in(pieces)

    def answer(self, body: Body, seen: FailedCallFacts) -> ParsedAnswer:
        """See ``AnswerReader``. Vectors come in the order of the texts, by their ``index`` where they have one."""
        for piece in body.pieces:
            if piece.get("error"):
                raise fault_in(piece, seen)
        held = [each for each in body.pieces if isinstance(each.get("data"), list)]
        if not held:
            raise not_ended(body, seen)
        piece = held[0]
        rows = objects(piece["data"])
        vectors = [_vector(row) for row in sorted(rows, key=lambda row: _index(row, len(rows)))]
        if not vectors or None in vectors or len({len(each or ()) for each in vectors}) != 1:
            raise MalformedReply("the endpoint's answer does not hold vectors of one length", seen=seen)
        said = msgspec.json.encode(vectors).decode()
        return ParsedAnswer(
            text=said,
            reasoning="",
            refusal="",
            calls=(),
            finish=None,
            model=text(piece.get("model")),
            id=text(piece.get("id")),
            kept={},
        )

    def key(self, key: str) -> tuple[str, str]:
        """See ``ApiProtocol``."""
        return Chat().key(key)

    def error(self, status: int, code: str, message: str) -> object:
        """See ``ApiProtocol``."""
        return Chat().error(status, code, message)


def _index(row: Json, default: int) -> int:
    index = row.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else default


def _vector(row: Json) -> list[float] | None:
    """Read a vector. None: it is none."""
    values: Any = row.get("embedding")
    if not isinstance(values, list) or not values:
        return None
    numbers = [float(each) for each in values if isinstance(each, int | float | Decimal) and not isinstance(each, bool)]
    return numbers if len(numbers) == len(values) else None
