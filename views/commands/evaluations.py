"""Commands that evaluate arms, compare them, and list stored evaluations."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from engine.config.program_registry import EVALUATE
from engine.config.resolve import Flag
from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.items.formats.skill_evals import SKILL_EVALS
from engine.items.formats.trigger_queries import CASES, TRIGGER_QUERIES
from engine.items.splits import read_split
from engine.programs.evaluate.arms import own
from events.errors import ExitCode
from events.store.base import EventLog
from projections.comparison.rows import Measure
from projections.trials.view import Trials
from views.commands.rows import Rows
from views.commands.run import carry, open_for
from views.evaluations import comparison, items, pairs, scans, stored
from views.evaluations import dry_run as plans
from views.evaluations import matrix as transfer
from views.evaluations import report as reports
from views.evaluations.items import ItemFilter
from views.evolution.evolved_log import evolution_of_run
from views.evolution.pair_rows import EvolvedPairRow, EvolvedTaskRow
from views.evolution.report import EvolutionStamp, evolution_page, evolution_tables, read_evolution_report
from views.evolution.shown import tell_comparison
from views.runs import live, rows
from views.runs import report as run_report
from views.runs.left_out import InputOmissionRow
from views.setup.settings import WrittenFile
from views.terminal.errors import UsageWrong
from views.terminal.files import write_file
from views.terminal.host import Host
from views.terminal.ids import LATEST, find_run
from views.terminal.log_access import OpenedLog
from views.terminal.options import AS_TABLES, ASIS, NOWISH, Given, Options, RunOverrides, StartOptions, TableOptions
from views.terminal.table_formats import TableFormat, print_table
from views.terminal.versions import package_version
from views.training.report import ReportTime, read_training_report, training_page, training_tables
from views.training.trained_log import skill_of_run

ROWS: Final[Rows] = {
    "evaluate, demo evaluate": (InputOmissionRow, rows.RunRow, rows.TrialRow, comparison.ArmRow, scans.ArmScanRow),
    "evaluate --dry-run": (plans.PlannedArmRow, scans.ArmScanRow),
    "compare": (comparison.ArmRow, scans.ArmScanRow, EvolvedPairRow),
    "compare --items": (items.ComparedItemRow, EvolvedTaskRow),
    "compare --matrix": (transfer.TransferRow,),
    "report": (WrittenFile,),
    "evaluations list, evaluations show": (stored.EvaluationRow,),
    "evaluations why": (stored.EvaluationKeyRow,),
}


@Parameter(name="*")
@dataclass(frozen=True)
class ArmOptions(StartOptions):
    """What is compared, and on what, on the command line; these override the spec."""

    skill: str | None = None
    """Folder of a skill, or one Markdown file, compared with none."""
    items: str | None = None
    """Folder of a set of questions, with a file or a folder for each split."""
    split: str | None = None
    """Which part of the set: train, val, test or all (the default). Also read: valid, validation, selection, valid_seen
    (val) and valid_unseen (test)."""
    reuse: str | None = None
    """Stored evaluations that count: all (the default), own (of this run and its ancestors) or never."""
    repeats: Annotated[int | None, Parameter(name=("--repeats", "-k"))] = None
    """Runs of each item under each arm."""
    verifier_repeats: int | None = None
    """Verifications of the final state of each trial: tells noise of the agent and of the verifier apart."""

    def flags(self) -> Iterator[Flag]:
        """List the settings that they stand for, but for the selection of tasks or items.

        Raises:
            SplitUnknown: The split is none.
        """
        if self.items is not None:
            yield Flag("--items", (*ITEMS, "folder"), self.items)
        if self.split is not None:
            yield Flag("--split", (*ITEMS, "split"), read_split(self.split))
        if self.skill is not None:
            yield Flag("--skill", ("evaluate", "arms", "none", "skills"), "")
            yield Flag("--skill", ("evaluate", "arms", "skill", "skills"), self.skill)
        if self.reuse is not None:
            yield Flag("--reuse", ("evaluate", "reuse"), self.reuse)
        if self.repeats is not None:
            yield Flag("--repeats", ("repeats",), self.repeats)
        if self.verifier_repeats is not None:
            yield Flag("--verifier-repeats", ("evaluate", "verifier_repeats"), self.verifier_repeats)


ITEMS: Final = ("evaluate", "items")
ONCE: Final = (Flag("evaluate", ("method", "attempts"), "1"),)
"""Without a spec, a student has one attempt, unless --attempts says otherwise: so nothing is learnt on the way."""
AS_SPECIFIED: Final = ArmOptions()
EVALS: Final = "evals"
"""Folder of a skill's own evaluations."""


def evals_of(folder: Path, skill: str) -> Iterator[Flag]:
    """Give the settings by which a skill is evaluated on its own cases, or its trigger queries, if it brings any.

    Args:
        folder: Against which the skill's path is read.
        skill: Its folder.
    """
    evals = folder / skill / EVALS
    queries = evals.is_dir() and not all(SKILL_EVALS.picks(each.name) for each in evals.iterdir())
    form = SKILL_EVALS.name if (evals / CASES).is_file() else TRIGGER_QUERIES.name if queries else None
    if form is not None:
        yield Flag("--skill", ("evaluate", "items", "folder"), f"{skill}/{EVALS}")
        yield Flag("--skill", ("evaluate", "items", "format"), form)
        yield Flag("--skill", ("evaluate", "rollout", "way"), "agent")


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
        spec: A TOML or YAML file with a table [evaluate]. Without one, name --skill, and --items or --tasks. Where
            neither is named, a skill is evaluated on its own evals/evals.json, or else on its trigger queries.
        dry_run: Print what would be rolled out and the smallest effect that can be seen, and start nothing.
    """
    resolved = resolve_evaluation(machine, spec, arms, wishes)
    machine = machine._replace(environment=wishes.environment(machine))
    if dry_run:
        async with open_for(machine, options, resolved) as setting:
            await plans.tell(setting, options.screen(machine), resolved, skip_invalid=arms.skip_invalid)
        return ExitCode.DONE
    return live.code_of(await carry(machine, options, resolved, arms))


def resolve_evaluation(machine: Host, spec: Path | None, arms: ArmOptions, wishes: RunOverrides) -> RunSpec:
    """Resolve the spec of an evaluation. What chooses tasks or items goes where there are some.

    Raises:
        ConfigError: The settings are invalid.
        UsageWrong: It is not clear from what something is to be left out.
    """
    flags = [Flag("evaluate", ("program",), "evaluate"), *(ONCE if spec is None else ()), *arms.flags()]
    resolved = wishes.resolve(machine, spec, flags).spec
    if spec is None and arms.skill is not None and not resolved.tasks and not own(resolved).items.folder:
        flags += evals_of(machine.folder, arms.skill)
        resolved = wishes.resolve(machine, spec, flags).spec
    tables = [*([()] if resolved.tasks else []), *([ITEMS] if own(resolved).items.folder else [])]
    chooses = (arms.split, arms.limit, arms.shuffle, arms.exclude or None, arms.exclude_from)
    if own(resolved).sets and not tables and any(each is not None for each in chooses):
        raise UsageWrong(
            "there is nothing but [evaluate.sets], from which --split, --limit, --shuffle and --exclude do not choose",
            remedy="set split, limit, shuffle or exclude of each set, in the spec or with --set",
        )
    if len(tables) > 1 and (arms.exclude or arms.exclude_from):
        raise UsageWrong(
            "--exclude names a task or a question, and there are both",
            remedy="set exclude, or evaluate.items.exclude, in the spec or with --set",
        )
    chosen = tuple(arms.selection(machine, *tables))
    return wishes.resolve(machine, spec, [*flags, *chosen]).spec if chosen else resolved


@Parameter(name="*")
@dataclass(frozen=True)
class ComparisonOptions:
    """What is shown of a comparison, and how."""

    items: bool = False
    """Show the items one by one in place of the arms."""
    arm: str | None = None
    """Show only the items of this arm; this and the following imply --items."""
    change: str | None = None
    """Show only items that were won, lost or kept, have no score, or are not compared: only here, only there, contents
    differ."""
    item: str | None = None
    """Show only items of this name, which may be a pattern, such as "greet-*"."""
    unit: str | None = None
    """Show only items of this family, which may be a pattern."""
    matrix: bool = False
    """Show the transfer matrix: skills by students, each beside the student's own baseline."""
    format: TableFormat | None = None
    """Write the table as markdown, latex (needs the package booktabs) or csv (all fields, with figures as they are)."""

    @property
    def wanted(self) -> ItemFilter | None:
        """Which items are to be shown. None: the arms are."""
        chosen = ItemFilter(self.arm, self.change, self.item, self.unit)
        return chosen if self.items or any(chosen) else None

    def refuse(self, other: str | None) -> None:
        """Refuse what cannot be shown together.

        Raises:
            UsageWrong: A matrix is of one evaluation, and is drawn alone.
        """
        if self.matrix and (other is not None or self.wanted is not None or self.format is not None):
            problem = "--matrix was given with a second run, items or --format"
            raise UsageWrong(problem, remedy="name one evaluation, and nothing but --matrix")


@Parameter(name="*")
@dataclass(frozen=True)
class PairOptions:
    """How two runs are compared."""

    measure: Measure | None = None
    """Score by which two runs are compared: hard (solved or not) or soft (rewards). Default: that of an evaluation
    among them, else hard."""


@Parameter(name="*")
@dataclass(frozen=True)
class ReportOptions:
    """What a report is written as."""

    out: Annotated[Path | None, Parameter(name=("--to", "--out"))] = None
    """File to write. Default: report.html, report.md or report.tex."""
    format: TableFormat | None = None
    """Write markdown, or latex (needs the package booktabs). Default: a page of HTML."""


ARMS: Final = ComparisonOptions()
AS_A_PAGE: Final = ReportOptions()
AS_THEY_SAY: Final = PairOptions()


async def compare(
    run: str = LATEST,
    other: str | None = None,
    /,
    *,
    shown: ComparisonOptions = ARMS,
    pair: PairOptions = AS_THEY_SAY,
    options: TableOptions = AS_TABLES,
    machine: Given,
) -> None:
    """Compare the arms of an evaluation, or any two runs: scores with coverage, differences, costs, verdicts.

    Two runs, of whatever program and also imported ones, are paired item by item; what only one has is said.

    Args:
        run: Run id of an evaluation; with a second run, of any run: the baseline. RUN:ARM is one arm of it.
        other: Run that is compared with the first, or RUN:ARM.
    """
    shown.refuse(other)
    async with options.desk(machine) as desk:
        if shown.matrix:
            await transfer.tell(desk.log, desk.screen, await find_run(desk.log, run))
            return
        evolved = await evolution_of_run(desk.log, await find_run(desk.log, run)) if other is None else None
        if evolved is not None:
            tell_comparison(desk.screen, evolved, tasks=shown.wanted is not None, form=shown.format)
            return
        found = await _compared(desk.log, run, other, pair)
        if shown.wanted is not None:
            rows = shown.wanted.of(items.item_rows(found))
            view = items.ITEMS if other is None else items.ITEMS_OF_TWO
            print_table(desk.screen, rows, view, shown.format)
        else:
            arms = comparison.ARMS if other is None else comparison.TWO_RUNS
            print_table(desk.screen, comparison.arm_rows(found), arms, shown.format)
            if other is None and shown.format is None:
                scans.show(desk.screen, await scans.recorded(desk.log, await find_run(desk.log, run)))


async def report(
    run: str = LATEST,
    other: str | None = None,
    /,
    *,
    written: ReportOptions = AS_A_PAGE,
    pair: PairOptions = AS_THEY_SAY,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Write a run, or a comparison of two, as one page of HTML, down to its events.

    Of an evaluation the page holds its comparison, of a training run its steps and gates, of a run over a suite its
    arms and libraries; of any other run, imported ones too, its trials over time, attempts, skills, costs and failures.
    With --format, write its tables for a paper instead.

    Args:
        run: Run id; with a second run, the baseline, as for `compare`.
        other: Run that is compared with the first, or RUN:ARM.
    """
    form = written.format
    file = machine.folder / (written.out or f"report.{reports.suffix_of(form)}")
    async with options.desk(machine) as desk:
        stamp = reports.ReportStamp(machine.clock(), package_version(), await desk.log.head())
        page = await _page_of_run(desk, run, stamp, form) if other is None else None
        if page is None:
            told = await reports.read_report(desk.log, await _compared(desk.log, run, other, pair), stamp)
            page = reports.report_page(told) if form is None else reports.report_tables(told, form)
        await write_file(file, page.encode())
        desk.screen.draw(WrittenFile(str(file)), reports.render_written)


async def _page_of_run(desk: OpenedLog, run: str, stamp: reports.ReportStamp, form: TableFormat | None) -> str | None:
    """Write what is told of a run that is no evaluation. None: it is one."""
    log, name = desk.log, await find_run(desk.log, run)
    trained = await skill_of_run(log, name)
    if trained is not None:
        training = await read_training_report(log, trained, ReportTime(*stamp))
        return training_page(training) if form is None else training_tables(training, form)
    evolved = await evolution_of_run(log, name)
    if evolved is not None:
        evolution = await read_evolution_report(log, evolved, EvolutionStamp(*stamp))
        return evolution_page(evolution) if form is None else evolution_tables(evolution, form)
    (opened,) = await fold_run(log, [Trials()], name)
    if opened.runs[name].program == EVALUATE:
        return None
    told = await run_report.read_run_report(desk, name, stamp.version)
    return run_report.run_page(told) if form is None else run_report.run_tables(told, form)


async def _compared(log: EventLog, run: str, other: str | None, pair: PairOptions) -> comparison.ComparedRun:
    if other is None:
        return await comparison.read_comparison(log, await find_run(log, run))
    first, second = [await pairs.find_arm(log, each) for each in (run, other)]
    return await pairs.read_pair(log, first, second, pair.measure)


app: Final = App(name="evaluations", help="List and explain stored evaluations.")


@app.command(name="list")
async def list_evaluations(
    *, item: Annotated[str | None, Parameter(name="--item")] = None, options: TableOptions = AS_TABLES, machine: Given
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
