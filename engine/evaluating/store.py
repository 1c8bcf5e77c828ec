"""The store of evaluations, as a port: whether a cell was scored before, by whom, and as of which place in the log."""

from collections.abc import Collection, Sequence
from typing import Final

import anyio

from engine.core.fold import fold_further, fold_kept
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

    def __init__(self, log: EventLog, line: Collection[str], before: "EvaluationStore | None" = None) -> None:
        """Prepare.

        Args:
            log: Which holds the evaluations.
            line: The run's ancestors: what they stored is its own, too.
            before: One that nobody asks any more, whose state this one goes on with. None: there is none.
        """
        self._log = log
        self._before = before
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
                    self._found = await self._folded()
        return self._found

    async def _folded(self) -> tuple[int, EvaluationsState]:
        begun = None if self._before is None else self._before.handed_on()
        head = await self._log.head()
        if begun is None:
            return head.position, await fold_kept(self._log, Evaluations(), head)
        return head.position, await fold_further(self._log, Evaluations(), begun, head)

    def handed_on(self) -> tuple[int, EvaluationsState] | None:
        """Give what was found away: whoever asks here again has it folded anew. None: nothing was found so far."""
        found, self._found, self._before = self._found, None, None
        return found


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
