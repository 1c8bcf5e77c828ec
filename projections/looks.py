"""Looks: comparisons of arms over items that a log holds, so that a later one knows that it looks again."""

from typing import Any

import msgspec

from events.base import Recorded
from events.digest import Digest, Fingerprint
from events.types.evaluation import ArmsCompared, EarlierLook
from projections.base import Blobs


class LooksState(msgspec.Struct):
    """All looks of a log."""

    pairs: dict[Fingerprint, list[EarlierLook]] = {}
    """By the plan of the arm, the oldest first."""


class Looks:
    """The projection."""

    name = "looks"
    revision = 1
    tags: frozenset[str] | None = frozenset({"evaluation.compared"})

    def initial(self) -> LooksState:
        """Give the state before any event."""
        return LooksState({})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: LooksState, recorded: Recorded, blobs: Blobs) -> LooksState:
        """Fold one event in."""
        del blobs
        if isinstance(recorded.event, ArmsCompared):
            for each in recorded.event.looks:
                look = EarlierLook(
                    arm=each.plan,
                    baseline=each.baseline,
                    rows=each.rows,
                    repeats=each.repeats,
                    run=recorded.stream.run,
                    position=recorded.position,
                )
                state.pairs.setdefault(each.plan, []).append(look)
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return LooksState
