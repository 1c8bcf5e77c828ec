"""The crash test of `stillroom doctor`: a small run, killed at a handful of places, and what became of it."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from anyio import to_thread

from engine.runtime.environment import ProcessEnvironment
from engine.runtime.open_context import isolation_here
from events.errors import ExitCode
from replay.crash.matrix import Crash, crash_test
from sandbox.local.kind import NO_ISOLATION
from views.terminal.screen import Screen
from views.terminal.tables import TableView


class CrashRow(msgspec.Struct, frozen=True):
    """One run whose process was killed, and then resumed."""

    place: str
    """Where it was killed: before or after an append or an effect, and of which event."""
    killed: bool
    resumed: bool
    """Whether the resumed run completed."""
    lost: int
    """Trials whose sandbox died with the process; they continue with another attempt."""
    differences: tuple[str, ...]
    """Differences from the run that was not killed; empty if there are none."""
    seconds: float


async def tell(screen: Screen, means: ProcessEnvironment, workspace: Path, sandbox: str) -> ExitCode:
    """Try it in a folder of the workspace, say how it goes, and give the exit code: 0 only if all is well."""
    await to_thread.run_sync(lambda: workspace.mkdir(parents=True, exist_ok=True))
    rows: list[CrashRow] = []

    def told(crash: Crash) -> None:
        rows.append(_row(crash))
        if screen.live:
            screen.say(f"killed {crash.place}: {_state(rows[-1])}")

    if (await isolation_here(means, sandbox)).lacking:
        sandbox = NO_ISOLATION.name  # what it runs is the demo, whose scripts are ours
    with TemporaryDirectory(dir=workspace, prefix="crash-test-") as folder:
        await crash_test(means, Path(folder), sandbox, told=told)
    screen.show(rows, CRASHES)
    return code_of(rows)


def code_of(rows: Sequence[CrashRow]) -> ExitCode:
    """Say whether all is well; where nothing was tried, nothing is known to be."""
    return ExitCode.DONE if rows and not any(row.differences for row in rows) else ExitCode.NEGATIVE


def _notes(rows: Sequence[CrashRow]) -> list[str]:
    wrong = [f"{row.place}: {each}" for row in rows for each in row.differences]
    killed, resumed = sum(row.killed for row in rows), sum(row.resumed for row in rows)
    return [*wrong, f"{killed} kills, {resumed} resumes, {len(wrong)} differences"]


def _row(crash: Crash) -> CrashRow:
    return CrashRow(crash.place, crash.killed, crash.resumed, crash.lost, crash.wrong, round(crash.seconds, 2))


def _state(row: CrashRow) -> str:
    return "broken" if row.differences else "ok"


CRASHES: Final = TableView(
    CrashRow,
    ("killed…", lambda row: row.place),
    "resumed",
    (">lost a sandbox", lambda row: row.lost),
    ("state", _state),
    (">s", lambda row: f"{row.seconds:.1f}"),
    notes=_notes,
)
