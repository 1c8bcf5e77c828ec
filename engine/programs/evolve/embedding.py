"""Asking an embedder for vectors."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import Caller, ask_model, problem_of
from events.base import Ref
from events.digest import Digest
from events.types.decision import Text
from events.types.model import ModelAnswered


class EmbeddingBrief(NamedTuple):
    """What is to be embedded, and by whom."""

    texts: tuple[str, ...]
    """None of them empty."""
    callers: Sequence[Caller]
    """One for each run of the line, oldest first."""


class Embedded(NamedTuple):
    """What came of it."""

    vectors: Text | None
    """JSON list: one vector for each text, all of one length. None: there are none."""
    problem: str
    """Why not. Empty: there are."""


async def embed(scope: Scope, brief: EmbeddingBrief) -> Embedded:
    """Ask once, again where that may help; what fails is an outcome, and what it cost is counted.

    Raises:
        Stopped: The actor is stopped.
    """
    talk = extend(scope, EMPTY, [message("user", each) for each in brief.texts])
    came = await ask_model(scope, lambda: brief.callers[scope.era], talk)
    if not isinstance(came.outcome, ModelAnswered):
        return Embedded(None, f"the embedder did not answer: {problem_of(came.outcome)}")
    return await _read(scope, came.outcome.text, came.at, len(brief.texts))


async def _read(scope: Scope, said: Digest | None, at: Ref, wanted: int) -> Embedded:
    try:
        found = msgspec.json.decode(b"[]" if said is None else await scope.get(said), type=list[list[float]])
    except msgspec.MsgspecError:
        found = []
    if said is None or len(found) != wanted or len(set(map(len, found))) != 1:
        return Embedded(None, f"the embedder gave {len(found)} vectors for {wanted} texts, or not of one length")
    return Embedded(Text(said, at), "")
