"""The past of one run, read a trial at a time: a chain of causes never needs the whole log."""

from collections.abc import Sequence
from typing import Final

from engine.core.history import RunHistory, load_histories
from engine.core.lineage import SESSION, era_of, streams_of
from events.base import Recorded, Ref
from events.store.base import EventLog
from events.streams import RUN, is_trial, trial_of
from events.types.session import RunForked

MOST_TRIALS: Final = 4
"""Trials held at a time: it bounds memory."""


class Past:
    """What a run has recorded, as far as it was asked for."""

    def __init__(self, log: EventLog, run: str) -> None:
        self.log = log
        self.run = run
        self._parts: dict[str | None, RunHistory] = {}

    async def stream(self, name: str) -> Sequence[Recorded]:
        """Give a stream; nothing if there is none.

        Raises:
            RunUnknown: There is no such run.
        """
        return (await self._of(part_of(name))).by_stream.get(name, ())

    async def at(self, ref: Ref) -> Recorded | None:
        """Give an event. None: there is none."""
        history = await self.stream(ref.stream)
        return history[ref.version - 1] if 0 < ref.version <= len(history) else None

    async def opening(self) -> Recorded | None:
        """Give the first event of the run itself. None: it was cut off before that."""
        return await self.at(Ref("run", 1))

    async def fork_at(self, decided: Recorded) -> RunForked | None:
        """Say which fork's settings decided something. None: those that the oldest run began with."""
        lineage = (await self._of(part_of(decided.stream.name))).lineage
        return lineage[era_of(lineage, decided.stream.name, decided.version - 1)].forked

    async def trials(self) -> list[str]:
        """Name the streams of the trials."""
        return [name for name in await streams_of(self.log, self.run) if is_trial(name)]

    async def _of(self, part: str | None) -> RunHistory:
        known = self._parts.get(part)
        if known is None:
            known = self._parts[part] = await load_histories(self.log, self.run, part)
            if len(self._parts) > MOST_TRIALS:
                del self._parts[next(iter(self._parts))]
        return known


def part_of(stream: str) -> str | None:
    """Say which part of a run has to be read for a stream: a trial; empty for the run's own stream; None for all."""
    return "" if stream in {RUN, SESSION} else trial_of(stream)
