"""Names that people gave to runs, so that commands find these by them."""

from typing import Any

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.types.session import RunNamed
from projections.base import Blobs


class RunNamesState(msgspec.Struct):
    """All names of a log."""

    runs: dict[str, list[str]] = {}
    """Ids of the runs by their name, the oldest first: logs that were put together may hold a name twice."""


class RunNames:
    """The projection."""

    name = "run_names"
    revision = 1
    tags: frozenset[str] | None = frozenset({"session.run_named"})

    def initial(self) -> RunNamesState:
        """Give the state before any event."""
        return RunNamesState({})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: RunNamesState, recorded: Recorded, blobs: Blobs) -> RunNamesState:
        """Fold one event in."""
        del blobs
        if isinstance(recorded.event, RunNamed):
            runs = state.runs.setdefault(recorded.event.name, [])
            if recorded.stream.run not in runs:
                runs.append(recorded.stream.run)
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return RunNamesState
