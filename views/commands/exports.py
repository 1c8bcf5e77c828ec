"""Commands that export runs to other formats."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from views.commands.rows import Rows
from views.evaluations import export_spark
from views.evolution import full_report
from views.log import export_atif, export_harbor
from views.parquet import export as export_parquet
from views.terminal.ids import LATEST, find_run
from views.terminal.options import ASIS, Count, Given, Options
from views.training import export_skillopt

ROWS: Final[Rows] = {
    "export atif": (export_atif.AtifRow,),
    "export spark-summary": (export_spark.SparkSummaryRow,),
    "export full-report": (full_report.FullReportRow,),
    "export skillopt": (export_skillopt.SkillOptExportRow,),
    "export parquet": (export_parquet.ParquetFileRow,),
    "export harbor": (export_harbor.HarborTrialRow, export_harbor.HarborJobRow),
}


async def to_atif(target: str = LATEST, /, *, to: Path = Path("atif"), options: Options = ASIS, machine: Given) -> None:
    """Export attempts as ATIF 1.7, Harbor's trajectory format, and report what the format cannot represent.

    Args:
        target: RUN, RUN:TRIAL or RUN:TRIAL/2; TRIAL or TRIAL/2 of the latest run.
        to: Output folder; each attempt becomes a file TRIAL/attempt-N.json.
    """
    async with options.desk(machine) as desk:
        rows = await export_atif.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_atif.ATTEMPTS)


async def to_harbor(
    target: str = LATEST, /, *, to: Path = Path("jobs"), options: Options = ASIS, machine: Given
) -> None:
    """Export a run as a Harbor job folder, one trial per attempt, and report what the format cannot represent.

    `harbor view` displays it. Data missing from the log is null. Never overwrites an existing folder.

    Args:
        target: Run id.
        to: Parent folder; the job folder is created in it, named after the run.
    """
    async with options.desk(machine) as desk:
        rows = await export_harbor.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_harbor.render)


@Parameter(name="*")
@dataclass(frozen=True)
class SparkArms:
    """Which arms stand for SPARK's phases."""

    baseline: str | None = None
    """Arm without skills. Default: baseline, none, or the baseline of the evaluation."""
    generated: str | None = None
    """Arm with generated skills. Default: with-generated-skills, generated or skill."""
    human: str | None = None
    """Arm with human-written skills. Default: with-human-skills or human."""
    reference: str | None = None
    """RUN or RUN:ARM without PDI: write a summary of SPARK's PDI mode, in which its generated arm is the baseline."""
    repeat: Count = 1
    """Run of each task that is told of: SPARK has one."""


BY_NAME: Final = SparkArms()


async def to_spark_summary(
    run: str = LATEST,
    /,
    *,
    to: Path = Path("spark"),
    arms: SparkArms = BY_NAME,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Export an evaluation as SPARK's summary.json and summary.md, and report what the format cannot represent.

    Phases that were not run and results without a verdict are null and in no figure. Never overwrites a summary.

    Args:
        run: Run id.
        to: Output folder.
    """
    async with options.desk(machine) as desk:
        choice = export_spark.SparkChoice(arms.baseline, arms.generated, arms.human, arms.reference, arms.repeat)
        found = await find_run(desk.log, run)
        desk.screen.draw(await export_spark.write(desk, found, machine.folder / to, choice), export_spark.render)


async def to_full_report(
    run: str = LATEST,
    /,
    *,
    to: Path = Path("full_report.json"),
    arm: str | None = None,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Export an arm of a run over a suite as SkillEvolBench's full_report.json, and report what it does not hold.

    Trials without a score are in no share. Never overwrites a file.

    Args:
        run: Run id.
        to: File to write.
        arm: Name of the arm. Default: the only one.
    """
    at = datetime.fromtimestamp(machine.clock() / 1e6, tz=UTC).isoformat()
    async with options.desk(machine) as desk:
        written = await full_report.write(desk, run, machine.folder / to, arm, at)
        desk.screen.draw(written, full_report.render)


async def to_skillopt(
    run: str = LATEST, /, *, to: Path = Path("skillopt"), options: Options = ASIS, machine: Given
) -> None:
    """Export a training run as SkillOpt's output folder, and report what the format cannot represent.

    Scores that nobody knows are null. Never overwrites an existing folder.

    Args:
        run: Run id.
        to: Parent folder; the output folder is created in it, named after the run.
    """
    async with options.desk(machine) as desk:
        desk.screen.draw(await export_skillopt.write(desk, run, machine.folder / to), export_skillopt.render)


async def to_parquet(
    *runs: str,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    to: Path = Path("parquet"),
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Export runs as Parquet: runs, trials, attempts, calls, decisions and evaluations, one file each.

    Columns have types and units; what nobody knows is null. Needs the extra `parquet`. Never overwrites a file.

    Args:
        runs: Run ids. Default: the latest run.
        every: Export all runs of the log.
        to: Output folder.
    """
    async with options.desk(machine) as desk:
        named = await desk.log.runs() if every else [await find_run(desk.log, each) for each in runs or (LATEST,)]
        desk.screen.show(
            await export_parquet.write(desk, list(dict.fromkeys(named)), machine.folder / to), export_parquet.WRITTEN
        )


app: Final = App(name="export", help="Export runs to other formats.")
app.command(to_parquet, name="parquet")
app.command(to_atif, name="atif")
app.command(to_harbor, name="harbor")
app.command(to_spark_summary, name="spark-summary")
app.command(to_full_report, name="full-report")
app.command(to_skillopt, name="skillopt")
