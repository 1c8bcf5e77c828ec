"""Commands that start, resume and fork runs."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

from cyclopts import App

from engine.config.amend import amend
from engine.config.program_registry import CONSTRUCT, EVOLVE, TRAIN
from engine.config.spec import RunSpec
from engine.runtime import run as runtime
from engine.runtime.context import RunContext
from engine.runtime.fork import FIXED, Fork, fork_run, look_at
from engine.runtime.open_context import open_setting
from engine.runtime.run import RunReport
from events.errors import ExitCode
from events.store.base import EventLog
from events.types.control import UnpauseOrdered
from views.commands.rows import Rows
from views.construction import end as constructed
from views.evaluations import end
from views.evolution import end as evolved
from views.runs import control, forks, live, rows
from views.runs.left_out import InputOmissionRow, teller
from views.setup import settings
from views.terminal.host import Host
from views.terminal.ids import LATEST, find_run
from views.terminal.options import (
    ANYWHERE,
    ASIS,
    GO_ON,
    NOWISH,
    ONCE,
    START,
    ExploreOptions,
    ForkPlace,
    Given,
    Options,
    ResumeOptions,
    RunOverrides,
    StartOptions,
)
from views.terminal.screen import Screen
from views.training import end as trained
from views.why.target import find_place

ROWS: Final[Rows] = {
    "run, run explore": (InputOmissionRow,),
    "demo, run, run explore, resume, fork": (rows.RunRow, rows.TrialRow),
    "fork --dry-run": (forks.ForkRow,),
}


async def run(
    spec: Path,
    /,
    *,
    wishes: RunOverrides = NOWISH,
    exploring: ExploreOptions = ONCE,
    starting: StartOptions = START,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Start a run from a spec, or from flags alone.

    Args:
        spec: A TOML or YAML file; `stillroom init` writes one.
    """
    return await _run(machine, options, wishes, (starting, exploring), spec)


async def explore(
    *,
    wishes: RunOverrides = NOWISH,
    exploring: ExploreOptions = ONCE,
    starting: StartOptions = START,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Explore tasks without a spec file, configured by flags, the environment and the config files."""
    return await _run(machine, options, wishes, (starting, exploring), None)


async def resume(
    run: str = LATEST,
    /,
    *,
    take_over: bool = False,
    going: ResumeOptions = GO_ON,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Resume a run that was interrupted, drained or paused; recorded answers are never asked for again.

    Args:
        run: Run id, a unique prefix, or the name of a run.
        take_over: Take over a run whose owner is gone. If the owner is still alive, its writes are fenced off and it
            exits.
    """
    machine = going.on(machine)
    async with options.desk(machine) as desk:
        full = await find_run(desk.log, run)
        if await control.is_paused(desk, full):
            return await control.tell(desk, full, UnpauseOrdered(control.login(machine), ""))
        spec = await settings.spec_of(desk.log, full)
    async with open_for(machine, options, spec) as setting:
        work = partial(runtime.resume_run, setting, full, accept_changes=going.accept_changes, take_over=take_over)
        report = await _carried(setting.log, options.screen(machine), work, spec)
    return live.code_of(report)


async def fork(
    run: str = LATEST,
    /,
    *,
    place: ForkPlace = ANYWHERE,
    dry_run: bool = False,
    going: ResumeOptions = GO_ON,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Fork a past run: share its beginning by reference, then continue live under other settings.

    Args:
        run: Run id.
        dry_run: Print what would be shared, and start nothing.
    """
    machine = going.on(machine)
    async with options.desk(machine) as desk:
        full = await find_run(desk.log, run)
        before = await settings.spec_of(desk.log, full)
        amended = amend(before, place.flags, machine.folder, fixed=FIXED, environment=machine.environment)
        position = await forks.position_of(desk.log, full, place.at, place.attempt, find_place)
        wanted = Fork(full, position, amended.spec, amended.changes, place.name)
        if dry_run:
            desk.screen.draw(forks.fork_row(wanted, await look_at(desk.log, wanted)), forks.FORK)
            return ExitCode.DONE
        for change in wanted.changes:
            desk.screen.say(f"changed  {change.key}: was {change.before}, is {change.now}")
    async with open_for(machine, options, wanted.spec) as setting:
        work = partial(fork_run, setting, wanted, accept_changes=going.accept_changes)
        report = await _carried(setting.log, options.screen(machine), work, wanted.spec)
    return live.code_of(report)


async def _run(
    machine: Host,
    options: Options,
    wishes: RunOverrides,
    chosen: tuple[StartOptions, ExploreOptions],
    file: Path | None,
) -> ExitCode:
    starting, exploring = chosen
    spec = wishes.resolve(machine, file, (*starting.selection(machine, ()), *exploring.flags)).spec
    machine = machine._replace(environment=wishes.environment(machine))
    return live.code_of(await carry(machine, options, spec, starting))


async def carry(machine: Host, options: Options, spec: RunSpec, starting: StartOptions = START) -> RunReport:
    """Start a run, carry it to its end, and show it.

    Raises:
        StillroomError: The spec cannot work, or something of ours broke.
    """
    screen = options.screen(machine)
    async with open_for(machine, options, spec) as setting:
        work = partial(
            runtime.start_run,
            setting,
            spec,
            skip_invalid=starting.skip_invalid,
            left_out=teller(screen),
            name=starting.name,
        )
        return await _carried(setting.log, screen, work, spec)


async def _carried(log: EventLog, screen: Screen, work: live.Work, spec: RunSpec) -> RunReport:
    """Carry a run to its end, and show it as runs of its program are shown."""
    if spec.program == TRAIN:
        return await trained.carry(log, screen, work)
    if spec.program == EVOLVE:
        return await evolved.carry(log, screen, work)
    if spec.program == CONSTRUCT:
        return await constructed.carry(log, screen, work)
    return await end.carry(log, screen, work, spec)


def open_for(machine: Host, options: Options, spec: RunSpec) -> AbstractAsyncContextManager[RunContext]:
    """Open the dependencies of a run, and print warnings."""
    return open_setting(options.means(machine), spec, warn=options.screen(machine).warn)


app: Final = App(name="run", help="Start a run from a spec, or from flags alone.")
app.default(run)
app.command(explore)
