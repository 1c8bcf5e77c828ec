"""Commands that evaluate arms, compare them, and list stored evaluations."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from engine.config.resolve import Flag
from engine.runtime import run as runtime
from events.errors import ExitCode
from views.commands.rows import Rows
from views.commands.run import open_for
from views.evaluations import comparison, end, stored
from views.evaluations import dry_run as plans
from views.evaluations import matrix as transfer
from views.runs import live, rows
from views.runs.left_out import InputOmissionRow, teller
from views.terminal.ids import LATEST, find_run
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides

ROWS: Final[Rows] = {
    "evaluate, demo evaluate": (InputOmissionRow, rows.RunRow, rows.TrialRow, comparison.ArmRow),
    "evaluate --dry-run": (plans.PlannedArmRow,),
    "compare": (comparison.ArmRow,),
    "compare --matrix": (transfer.TransferRow,),
    "evaluations list, evaluations show": (stored.EvaluationRow,),
    "evaluations why": (stored.EvaluationKeyRow,),
}


@Parameter(name="*")
@dataclass(frozen=True)
class ArmOptions:
    """What is compared, on the command line; these override the spec."""

    skill: str | None = None
    """Folder of a skill, compared with none."""
    reuse: str | None = None
    """Stored evaluations that count: all (the default), own (of this run and its ancestors) or never."""
    repeats: int | None = None
    """Runs of each item under each arm."""
    skip_invalid: bool = False
    """Skip tasks that cannot be read, built or run in the sandbox. Each is reported."""

    def flags(self) -> Iterator[Flag]:
        """List the settings that they stand for."""
        if self.skill is not None:
            yield Flag("--skill", ("evaluate", "arms", "none", "skills"), "")
            yield Flag("--skill", ("evaluate", "arms", "skill", "skills"), self.skill)
        if self.reuse is not None:
            yield Flag("--reuse", ("evaluate", "reuse"), self.reuse)
        if self.repeats is not None:
            yield Flag("--repeats", ("repeats",), self.repeats)


ONCE: Final = (Flag("evaluate", ("method", "attempts"), "1"),)
"""Without a spec, a student has one attempt, unless --attempts says otherwise: so nothing is learnt on the way."""
AS_SPECIFIED: Final = ArmOptions()


async def evaluate(
    spec: Path | None = None,
    /,
    *,
    arms: ArmOptions = AS_SPECIFIED,
    wishes: RunOverrides = NOWISH,
    dry_run: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Score the arms of an evaluation on the same items, and compare them; stored scores are reused.

    Args:
        spec: A TOML or YAML file with a table [evaluate]. Without one, name --skill and --tasks.
        dry_run: Print what would be rolled out and the smallest effect that can be seen, and start nothing.
    """
    flags = [Flag("evaluate", ("program",), "evaluate"), *(ONCE if spec is None else ()), *arms.flags()]
    resolved = wishes.resolve(machine, spec, flags).spec
    machine = machine._replace(environment=wishes.environment(machine))
    screen = options.screen(machine)
    async with open_for(machine, options, resolved) as setting:
        if dry_run:
            await plans.tell(setting, screen, resolved, skip_invalid=arms.skip_invalid)
            return ExitCode.DONE
        work = partial(runtime.start_run, setting, resolved, skip_invalid=arms.skip_invalid, left_out=teller(screen))
        report = await end.carry(setting.log, screen, work, resolved)
    return live.code_of(report)


async def compare(run: str = LATEST, /, *, matrix: bool = False, options: Options = ASIS, machine: Given) -> None:
    """Compare the arms of an evaluation: scores with coverage, paired differences with intervals, costs, verdicts.

    Args:
        run: Run id of an evaluation.
        matrix: Print the transfer matrix: skills by students, each beside the student's own baseline.
    """
    async with options.desk(machine) as desk:
        tell = transfer.tell if matrix else comparison.tell
        await tell(desk.log, desk.screen, await find_run(desk.log, run))


app: Final = App(name="evaluations", help="List and explain stored evaluations.")


@app.command(name="list")
async def list_evaluations(
    *, item: Annotated[str | None, Parameter(name="--item")] = None, options: Options = ASIS, machine: Given
) -> None:
    """List stored evaluations, oldest first.

    Args:
        item: List only evaluations of this item.
    """
    async with options.desk(machine) as desk:
        await stored.tell(desk, item)


@app.command(name="show")
async def show(key: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show the evaluations that are stored under a key.

    Args:
        key: Key, or a unique prefix.
    """
    async with options.desk(machine) as desk:
        await stored.tell_one(desk, key)


@app.command(name="why")
async def why(key: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show what an evaluation is stored under: everything that reached the model or the verifier.

    Args:
        key: Key, or a unique prefix.
    """
    async with options.desk(machine) as desk:
        await stored.tell_key(desk, key)
