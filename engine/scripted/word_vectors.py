"""A stand-in for an embedding model: a script function that makes vectors of the words of texts, and of nothing else.

Texts that share words are near each other; that one word means what another does is not known to it.
"""

import re
from hashlib import sha256
from typing import Final

import msgspec

from engine.protocols.server_side import ServerRequest
from engine.scripted.script import ScriptedTurn

DIMENSIONS: Final = 64
_WORD: Final = re.compile(r"[^\W_]{2,}")


def embed_words(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer a request for embeddings; others have no answer."""
    try:
        texts = msgspec.json.decode(asked.opening, type=list[str])
    except msgspec.DecodeError:
        return None
    return ScriptedTurn(text=msgspec.json.encode([_vector(each) for each in texts]).decode())


def _vector(text: str) -> list[float]:
    """Count words and their first four letters, each at a place that its digest names."""
    vector = [0.0] * DIMENSIONS
    for word in _WORD.findall(text.casefold()):
        for part in {word, word[:4]}:
            vector[sha256(part.encode()).digest()[0] % DIMENSIONS] += 1.0
    return vector
