"""Signals to a running run, in any process: pause, unpause, drain, cancel, tune."""

from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Parameter

from engine.config.amend import amend
from engine.core.history import load_histories
from engine.runtime import control
from engine.runtime.control import Order
from events.errors import ExitCode
from events.types.control import CancelOrdered, DrainOrdered, PauseOrdered, TuneOrdered, UnpauseOrdered
from views.commands.rows import Rows
from views.runs import control as orders
from views.setup import settings
from views.terminal.errors import UsageWrong
from views.terminal.host import Host
from views.terminal.ids import find_run
from views.terminal.options import ASIS, UNCHANGED, Given, Options, SettingOverrides

ROWS: Final[Rows] = {"pause, unpause, drain, cancel, tune": (orders.OrderRow,)}
TUNABLE: Final = ("pools", "concurrency")
"""Keys that do not affect any decision of a run."""


@Parameter(name="*")
@dataclass(frozen=True)
class Words:
    """What is recorded with a signal."""

    reason: Annotated[str, Parameter(name=("--reason", "-r"))] = ""
    """Reason to record."""
    author: str | None = None
    """Author to record. Default: the login name."""

    def author_on(self, machine: Host) -> str:
        """Return the author to record."""
        return self.author or orders.login(machine)


SILENT: Final = Words()


async def pause(run: str, /, *, words: Words = SILENT, options: Options = ASIS, machine: Given) -> ExitCode:
    """Pause a run: finish in-flight calls, start no new ones.

    Args:
        run: Run id.
    """
    return await _give(machine, options, run, PauseOrdered(words.author_on(machine), words.reason))


async def unpause(run: str, /, *, words: Words = SILENT, options: Options = ASIS, machine: Given) -> ExitCode:
    """Continue a paused run.

    Args:
        run: Run id.
    """
    return await _give(machine, options, run, UnpauseOrdered(words.author_on(machine), words.reason))


async def drain(run: str, /, *, words: Words = SILENT, options: Options = ASIS, machine: Given) -> ExitCode:
    """Let running trials finish, start no new ones, then exit; `resume` runs the rest.

    Args:
        run: Run id.
    """
    return await _give(machine, options, run, DrainOrdered(words.author_on(machine), words.reason))


async def cancel(
    run: str, trial: str | None = None, /, *, words: Words = SILENT, options: Options = ASIS, machine: Given
) -> ExitCode:
    """Cancel a run or one of its trials; recorded verdicts are kept.

    Args:
        run: Run id.
        trial: Trial name. Default: all trials.
    """
    return await _give(machine, options, run, CancelOrdered(words.author_on(machine), words.reason, trial))


async def tune(
    run: str,
    /,
    *,
    changes: SettingOverrides = UNCHANGED,
    words: Words = SILENT,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Change the concurrency and the pools of a running run.

    Args:
        run: Run id.
    """
    wrong = [flag.name for flag in changes.flags if flag.key[0] not in TUNABLE]
    if wrong or not changes.flags:
        said = f"{wrong[0]} cannot be changed in a running run" if wrong else "no changes given"
        raise UsageWrong(said, remedy="write for example --set pools.calls.most=8; `stillroom fork` changes the rest")
    async with options.desk(machine) as desk:
        full = await find_run(desk.log, run)
        history = (await load_histories(desk.log, full)).by_stream.get("control", ())
        spec = control.tuned(await settings.spec_of(desk.log, full), control.ordered(history))
    told = amend(spec, changes.flags, machine.folder).changes
    if not told:
        raise UsageWrong("the run already has these values", remedy="`stillroom log tail` shows earlier changes")
    return await _give(machine, options, run, TuneOrdered(words.author_on(machine), words.reason, told))


async def _give(machine: Host, options: Options, run: str, order: Order) -> ExitCode:
    async with options.desk(machine) as desk:
        return await orders.tell(desk, await find_run(desk.log, run), order)
