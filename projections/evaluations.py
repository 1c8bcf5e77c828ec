"""Evaluations: which scores are kept, under which keys, and from which cell of which run."""

from typing import Any

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.streams import CELL, family_of
from events.types.evaluation import CellOpened, EvaluationScored, VerifierVerdict
from projections.base import Blobs


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The stored score of one item under one condition, in one environment, at one repeat."""

    key: Digest
    """Blob: JSON; everything that reached the model or the verifier."""
    condition: Digest
    """Blob: JSON; the condition."""
    run: str
    stream: str
    version: int
    """Of `EvaluationScored` in its stream."""
    position: int
    """Of that event in the log."""
    at: int
    """When: microseconds since 1970, UTC."""
    arm: str
    item: str
    repeat: int
    """From 1."""
    solved: bool
    reward: float | None
    """In the verifier's own unit, usually [0, 1]. None: it gives none."""
    verdicts: tuple[VerifierVerdict, ...] = ()
    """As in `EvaluationScored`."""
    rolled: str
    """Stream of what was scored, such as ``trial/skill/greet/1``."""


class EvaluationsState(msgspec.Struct):
    """All evaluations of a log."""

    stored: dict[Digest, list[Evaluation]] = {}
    """By key, the oldest first: a run that reuses nothing stores further ones under the same key."""
    open: dict[str, CellOpened] = {}
    """Cells without a score so far, by run and stream."""


class Evaluations:
    """The projection."""

    name = "evaluations"
    revision = 1
    tags: frozenset[str] | None = frozenset({"cell.opened", "evaluation.scored", "evaluation.found", "cell.unscored"})

    def initial(self) -> EvaluationsState:
        """Give the state before any event."""
        return EvaluationsState({}, {})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: EvaluationsState, recorded: Recorded, blobs: Blobs) -> EvaluationsState:
        """Fold one event in."""
        del blobs
        cell = f"{recorded.stream.run}/{recorded.stream.name}"
        event = recorded.event
        if isinstance(event, CellOpened):
            state.open[cell] = event
            return state
        opened = state.open.pop(cell, None) if family_of(recorded.ref.stream) == CELL else None
        if isinstance(event, EvaluationScored) and opened is not None:
            state.stored.setdefault(event.key, []).append(_stored(opened, event, recorded))
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return EvaluationsState


def _stored(opened: CellOpened, event: EvaluationScored, recorded: Recorded) -> Evaluation:
    return Evaluation(
        key=event.key,
        condition=opened.condition,
        run=recorded.stream.run,
        stream=recorded.stream.name,
        version=recorded.version,
        position=recorded.position,
        at=recorded.at,
        arm=opened.arm,
        item=opened.item,
        repeat=opened.repeat,
        solved=event.solved,
        reward=event.reward,
        rolled=event.rolled.stream,
        verdicts=event.verdicts,
    )
