"""Commands that show PDI, ask what it is worth, and fit a reference for it."""

from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import App, Parameter

from projections.pdi.calibrate import CalibrationOptions
from projections.pdi.likeness import Likeness
from views.commands.rows import Rows
from views.pdi import audit as pdi_audit
from views.pdi import fit as pdi_fit
from views.pdi import readings
from views.pdi import retrospective as pdi_retrospective
from views.pdi import validate as pdi_validate
from views.pdi.audit import AuditOptions, Fit
from views.pdi.audit_rows import AuditedRow, ForesightRow, RateRow, SpreadRow
from views.runs.refusals import RefusalRow
from views.terminal.errors import UsageWrong
from views.terminal.ids import LATEST
from views.terminal.options import ASIS, ASKED, Given, Options, PdiOptions, Repeats, Seed

ROWS: Final[Rows] = {
    "pdi": (readings.PdiRow, RefusalRow),
    "pdi --retrospective": (pdi_retrospective.RetrospectiveRow,),
    "pdi audit": (AuditedRow, RateRow, SpreadRow, ForesightRow),
    "pdi calibrate": (pdi_fit.CalibrationRow,),
    "pdi validate": (pdi_validate.WorthRow, pdi_validate.SkillEffectRow, pdi_validate.ValidationRow),
}


@Parameter(name="*")
@dataclass(frozen=True)
class Fitting:
    """Options of fitting a reference and drawing noise."""

    false_alarm: float = 0.1
    """Accepted false alarm rate on noise, above 0 and below 1."""
    seed: Seed = 0
    """Seed of the random splits and of the noise."""
    rounds: Repeats = 20
    """Number of noise samples per step."""
    likeness: Likeness = "token_overlap"
    """Text similarity measure."""

    def wish(self) -> CalibrationOptions:
        """Give it as the fit takes it.

        Raises:
            UsageWrong: A figure is out of its range.
        """
        if not 0 < self.false_alarm < 1:
            raise UsageWrong(
                f"--false-alarm {self.false_alarm} is out of range",
                remedy="choose one above 0 and below 1, such as 0.1",
            )
        if self.rounds < 1:
            raise UsageWrong(f"--rounds {self.rounds} draws nothing", remedy="name 1 or more")
        return CalibrationOptions(self.false_alarm, self.seed, self.rounds, self.likeness)


FITTING: Final = Fitting()


async def audit(
    *runs: str,
    fit: Fit = "half",
    splits: Repeats = 100,
    fitting: Fitting = FITTING,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Compare how often PDI triggers on recorded steps and on noise derived from them, for each method.

    The calibrated method is fitted on one half of the tasks and evaluated on the other.

    Args:
        runs: Run ids. Default: all runs of the log.
        fit: Reference of the calibrated method: a fit on half of the tasks, or the shipped reference on all of them.
        splits: Number of random splits of the tasks; details are shown for the first.
    """
    ask = AuditOptions(fitting.wish(), fit, splits)
    async with options.desk(machine) as desk:
        await pdi_audit.tell(desk, runs, ask)


async def calibrate(*runs: str, fitting: Fitting = FITTING, options: Options = ASIS, machine: Given) -> None:
    """Fit a reference for the calibrated method, and print it in spec format.

    Args:
        runs: Run ids. Default: all runs of the log.
    """
    wish = fitting.wish()
    async with options.desk(machine) as desk:
        await pdi_fit.tell(desk, runs, wish)


async def show_pdi(
    *runs: str,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    retrospective: bool = False,
    asked: PdiOptions = ASKED,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Show how far each memo of a run is grounded in executed evidence, as recorded or under other settings.

    Args:
        runs: Run ids. Default: the latest run; with --retrospective all runs of the log.
        all_: Show every run of the log that has a reflect step, or a memo that was refused, oldest first.
        retrospective: Show the measure of the paper instead: of each trial that left a skill, scored among the others.
    """
    if retrospective and asked.settings is not None:
        raise UsageWrong(
            "--retrospective has a measure of its own", remedy="leave out --method, --threshold and --warmup"
        )
    if all_ and runs:
        raise UsageWrong("--all and runs were both given", remedy="choose one of them")
    async with options.desk(machine) as desk:
        if retrospective:
            await pdi_retrospective.tell(desk, runs)
            return
        if all_:
            await readings.tell_all(desk, asked)
        for run in runs or (() if all_ else (LATEST,)):
            await readings.tell(desk, run, asked)


async def validate(*runs: str, options: Options = ASIS, machine: Given) -> None:
    """Relate PDI, the divergence of attempts and the share of evidence to what the skills did for students.

    Effects are those of stored evaluations (`stillroom evaluate`): with a skill less without any.

    Args:
        runs: Runs whose skills count. Default: all runs of the log.
    """
    async with options.desk(machine) as desk:
        await pdi_validate.tell(desk, runs)


app: Final = App(
    name="pdi",
    help="Show how far each memo of a run is grounded in executed evidence, as recorded or under other settings.",
)
app.default(show_pdi)
app.command(audit)
app.command(calibrate)
app.command(validate)
