"""The store of evaluations, as a port: whether a cell was scored before, by whom, and as of which place in the log."""

from collections.abc import Collection, Sequence
from typing import Final

import anyio

from engine.core.fold import fold_kept
from engine.core.ports import EffectAddress
from events.base import Event
from events.store.base import EventLog
from events.types.evaluation import EvaluationAsked, EvaluationFound, EvaluationMissing
from projections.evaluations import Evaluation, Evaluations, EvaluationsState

_NOTHING: Final[Sequence[Evaluation]] = ()


class EvaluationStore:
    """Answers `EvaluationAsked` from the log, as it was when this process first asked.

    So every cell of a run is looked up as of one place, and what another run stores meanwhile is found by the next.
    """

    def __init__(self, log: EventLog, line: Collection[str]) -> None:
        """Prepare.

        Args:
            log: Which holds the evaluations.
            line: The run's ancestors: what they stored is its own, too.
        """
        self._log = log
        self._line = frozenset(line)
        self._found: tuple[int, EvaluationsState] | None = None
        self._reading = anyio.Lock(fast_acquire=True)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Look for an evaluation; the oldest counts, so that further ones change no answer."""
        assert isinstance(asked, EvaluationAsked)
        as_of, state = await self._state()
        found = _NOTHING if asked.reuse == "never" else state.stored.get(asked.key, _NOTHING)
        for each in found:
            if asked.reuse == "all" or each.run == place.run or each.run in self._line:
                return _told(each, as_of)
        return EvaluationMissing(as_of)

    async def _state(self) -> tuple[int, EvaluationsState]:
        if self._found is None:
            async with self._reading:  # all cells may ask at once
                if self._found is None:
                    head = await self._log.head()
                    self._found = head.position, await fold_kept(self._log, Evaluations(), head)
        return self._found


def _told(found: Evaluation, as_of: int) -> EvaluationFound:
    return EvaluationFound(
        run=found.run,
        stream=found.stream,
        version=found.version,
        position=found.position,
        as_of=as_of,
        solved=found.solved,
        reward=found.reward,
        verdicts=found.verdicts,
    )
