"""Names of runs: which there are, and whether one may be given."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from engine.core.errors import EngineError
from engine.core.fold import fold_kept
from events.errors import ExitCode
from events.store.base import EventLog
from projections.run_names import RunNames, RunNamesState

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RunNameUnusable(EngineError):
    """Raised when a run cannot be given a name, before it starts."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, why: str, *, remedy: str) -> None:
        super().__init__(f"a run cannot be named {name!r}: {why}", remedy=remedy)
        self.name = name


async def named_runs(log: EventLog) -> Mapping[str, Sequence[str]]:
    """Give the ids of runs by the names that they were given, the oldest first."""
    state: RunNamesState = await fold_kept(log, RunNames(), await log.head())
    return state.runs


async def require_free(log: EventLog, name: str | None) -> None:
    """See that a run may be given a name. None: it is given none.

    Raises:
        RunNameUnusable: It could mean something else, or another run has it.
    """
    if name is None:
        return
    if not _NAME.fullmatch(name) or name.isdigit():
        raise RunNameUnusable(
            name,
            "commands could not tell it from something else",
            remedy="use letters, digits, points, underscores and hyphens, and not digits alone",
        )
    taken = [*(await named_runs(log)).get(name, ()), *(run for run in await log.runs() if run.startswith(name))]
    if taken:
        raise RunNameUnusable(name, f"run {taken[0]} goes by it", remedy="choose another name")
