"""The command that learns libraries of skills over a suite, freezes them, and measures them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from engine.config.program_registry import EVOLVE
from engine.config.resolve import Flag
from engine.config.spec import RunSpec
from engine.programs.evolve.model_presets import preset_settings
from engine.runtime.run import settled
from events.errors import ExitCode
from views.commands.rows import Rows
from views.commands.run import carry, open_for
from views.commands.run import resume as resume_run
from views.evolution import dry_run as plans
from views.evolution import end
from views.runs import live, rows
from views.runs.left_out import InputOmissionRow
from views.terminal.errors import LogAbsent
from views.terminal.host import Host
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides, StartOptions
from views.training.unfinished import one_to_resume, refuse_second, unfinished_runs

ROWS: Final[Rows] = {
    "evolve, demo evolve": (InputOmissionRow, rows.RunRow, rows.TrialRow, end.EvolutionEndRow),
    "evolve --dry-run": (plans.PlannedLadderRow,),
}


@Parameter(name="*")
@dataclass(frozen=True)
class EvolveOptions(StartOptions):
    """What is evolved, and how, on the command line; these override the spec."""

    arm: tuple[str, ...] = ()
    """An arm, in place of those of the spec; repeatable. See docs/evolve.md."""
    preset: str | None = None
    """Agent, solver's model and prices of a preset, in place of those of the spec; the solver's model writes skills,
    too. See docs/evolve.md."""
    order: str | None = None
    """Order of environments that share a library: A, B or C."""
    repeats: Annotated[int | None, Parameter(name=("--repeats", "-k"))] = None
    """How often each arm is gone through."""
    environment: tuple[str, ...] = ()
    """Only this environment of the suite; repeatable."""
    family: tuple[str, ...] = ()
    """Only this family of the suite; repeatable."""
    resume: bool = False
    """Go on with the latest unfinished run of the same settings."""
    new: bool = False
    """Begin another run, although one of the same settings is not finished."""

    def flags(self) -> Iterator[Flag]:
        """List the settings that they stand for."""
        yield Flag("evolve", ("program",), EVOLVE)
        if self.preset is not None:
            yield from (Flag("--preset", key, value) for key, value in preset_settings(self.preset))
        for name, key, value in (
            ("--arm", "arms", self.arm),
            ("--order", "order", self.order),
            ("--repeats", "repeats", self.repeats),
            ("--environment", "environments", self.environment),
            ("--family", "families", self.family),
        ):
            if value is not None and value != ():
                yield Flag(name, ("evolve", key), value)


AS_SPECIFIED: Final = EvolveOptions()


async def evolve(
    spec: Path,
    /,
    *,
    evolving: EvolveOptions = AS_SPECIFIED,
    wishes: RunOverrides = NOWISH,
    dry_run: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Learn libraries of skills over a suite, freeze them, and measure them on tasks that were held out.

    Args:
        spec: A TOML or YAML file with a table [evolve].
        dry_run: Print trials, critical paths, calls and the range of costs of each arm, and start nothing.
    """
    resolved = wishes.resolve(machine, spec, (*evolving.flags(), *evolving.selection(machine, ()))).spec
    machine = machine._replace(environment=wishes.environment(machine))
    if dry_run:
        async with open_for(machine, options, resolved) as setting:
            await plans.tell(setting, options.screen(machine), resolved, skip_invalid=evolving.skip_invalid)
        return ExitCode.DONE
    found = await _unfinished(machine, options, resolved)
    if evolving.resume:
        return await resume_run(one_to_resume(found), options=options, machine=machine)
    if not evolving.new:
        refuse_second(found)
    return live.code_of(await carry(machine, options, resolved, evolving))


async def _unfinished(machine: Host, options: Options, spec: RunSpec) -> list[str]:
    """Find unfinished runs of the same settings; without a log there is none."""
    try:
        async with options.desk(machine) as desk, open_for(machine, options, spec) as setting:
            return await unfinished_runs(desk, await settled(setting, spec))
    except LogAbsent:
        return []
