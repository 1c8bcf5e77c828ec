"""Runs of the same spec that are not finished: what is paid for already is gone on with, not begun again."""

from collections.abc import Sequence

import msgspec

from engine.config.spec import RunSpec
from engine.core.errors import NothingToResume, SpecUnreadable
from views.runs.rows import HELD
from views.runs.run_list import list_rows
from views.setup.settings import spec_of
from views.terminal.errors import UsageWrong
from views.terminal.log_access import OpenedLog

_OPEN = HELD | {"running"}


async def unfinished_runs(desk: OpenedLog, spec: RunSpec) -> list[str]:
    """Find runs that were started with exactly these settings and are not done, oldest first.

    Args:
        desk: The log.
        spec: As it was resolved.
    """
    rows = [row for row in await list_rows(desk) if row.state in _OPEN and row.parent is None]
    return [row.run for row in rows if await _is_of(desk, row.run, spec)]


async def _is_of(desk: OpenedLog, run: str, spec: RunSpec) -> bool:
    try:
        return _written(await spec_of(desk.log, run)) == _written(spec)
    except (NothingToResume, SpecUnreadable):
        return False


def _written(spec: RunSpec) -> bytes:
    """Write a spec down: one that was read back holds lists where one from files may hold other sequences."""
    return msgspec.json.encode(spec, order="deterministic")


def one_to_resume(found: Sequence[str]) -> str:
    """Give the run that is gone on with: the latest.

    Raises:
        UsageWrong: There is none.
    """
    if not found:
        raise UsageWrong(
            "no unfinished run was started with these settings",
            remedy="leave --resume out to start one; `stillroom resume RUN` resumes any run of `stillroom runs`",
        )
    return found[-1]


def refuse_second(found: Sequence[str]) -> None:
    """Refuse to pay a second time for what an unfinished run holds.

    Raises:
        UsageWrong: There is such a run.
    """
    if found:
        raise UsageWrong(
            f"run {found[-1]} of the same settings is not finished",
            remedy="go on with it by --resume, or start another by --new",
        )
