"""Commands that draw runs from the log alone."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from views.commands.rows import Rows
from views.figures import files
from views.terminal.ids import LATEST
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "figure run": (files.FigureRow,),
    "figure dynamics": (files.FigureRow,),
    "figure before-after": (files.FigureRow,),
    "figure training": (files.FigureRow,),
    "figure evolution": (files.FigureRow,),
}


async def of_run(run: str = LATEST, /, *, to: Path = Path("run.svg"), options: Options = ASIS, machine: Given) -> None:
    """Draw a run over time: its attempts trial by trial, their rewards, and what was spent.

    Time counts while processes worked on the run. Of an imported run the order is drawn: its times are not on record.

    Args:
        run: Run id. Default: the latest run.
        to: File to write; its suffix is the format: .svg, .png or .pdf.
    """
    async with options.desk(machine) as desk:
        await files.write_run(desk, run, to)


async def dynamics(
    *targets: str,
    task: Annotated[str | None, Parameter(name="--task")] = None,
    to: Path = Path("dynamics.svg"),
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Draw rewards, PDI and interventions attempt by attempt, one row for each trial.

    Args:
        targets: Runs, of which every trial is drawn, or trials: RUN or RUN:TRIAL. Default: the latest run.
        task: Draw only trials of this task.
        to: File to write; its suffix is the format: .svg, .png or .pdf.
    """
    async with options.desk(machine) as desk:
        await files.write_dynamics(desk, targets or (LATEST,), task, to)


async def before_after(
    before: str, after: str, /, *, to: Path = Path("before-after.svg"), options: Options = ASIS, machine: Given
) -> None:
    """Draw two attempts side by side: verdicts, tests, commands, what they were told, and what differs.

    Args:
        before: RUN:TRIAL/1, or TRIAL/1 of the latest run.
        after: The same, such as RUN:TRIAL/2.
        to: File to write; its suffix is the format: .svg, .png or .pdf.
    """
    async with options.desk(machine) as desk:
        await files.write_before_after(desk, before, after, to)


async def training(
    run: str = LATEST, /, *, to: Path = Path("training.svg"), options: Options = ASIS, machine: Given
) -> None:
    """Draw a training run: what is believed beside what was measured, step by step, and the items that moved.

    Args:
        run: Run id. Default: the latest run.
        to: File to write; its suffix is the format: .svg, .png or .pdf.
    """
    async with options.desk(machine) as desk:
        await files.write_training(desk, run, to)


async def evolution(
    run: str = LATEST, /, *, to: Path = Path("evolution.svg"), options: Options = ASIS, machine: Given
) -> None:
    """Draw a run over a suite: the share of solved tasks by role, arm by arm.

    Args:
        run: Run id. Default: the latest run.
        to: File to write; its suffix is the format: .svg, .png or .pdf.
    """
    async with options.desk(machine) as desk:
        await files.write_evolution(desk, run, to)


app: Final = App(name="figure", help="Draw runs from the log alone, as SVG, PNG or PDF.")
app.command(of_run, name="run")
app.command(dynamics, name="dynamics")
app.command(before_after, name="before-after")
app.command(training, name="training")
app.command(evolution, name="evolution")
