"""Figures of runs as files: what is drawn is folded from the log, and nothing else is asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold
from events.digest import Digest, digest_of
from events.store.base import Selection
from projections.attempt_records import AttemptRecords, RecordedAttempt
from projections.cells import Cells
from projections.evolution.measures import measure_arm
from projections.evolution.pairs import arms_of
from projections.pdi.dynamics import Dynamics, TrialDynamics
from projections.timeline import RunTimeline, Timelines, in_order
from projections.training.measures import changes_of
from projections.training.state import TrainedRun
from views.evolution.evolved_log import read_evolution
from views.figures.before_after import AttemptTexts, before_after_caption, before_after_figure
from views.figures.charts import Caption, format_of
from views.figures.dynamics import MOST_ROWS, dynamics_caption, dynamics_figure
from views.figures.evolution import EvolutionFigure, evolution_caption, evolution_figure
from views.figures.timeline import RunFigure, run_caption, run_figure
from views.figures.training import ItemMoves, TrainingFigure, training_caption, training_figure
from views.runs.train_rows import TrainStepRow, step_rows, training_row
from views.terminal.errors import UsageWrong
from views.terminal.files import write_file
from views.terminal.format import reward
from views.terminal.ids import AttemptTarget, RunTarget, TrialTarget, find_run, find_target
from views.terminal.log_access import OpenedLog
from views.training.trained_log import read_training

_ENDS: Final = {
    "solved": "solved",
    "failed": "failed",
    "no_verdict": "no verdict",
    "infrastructure": "no verdict: infrastructure",
}


class FigureRow(msgspec.Struct, frozen=True):
    """A figure that was written."""

    path: str
    """Of the file, as it was named."""
    digest: Digest
    """Of its bytes: equal for equal logs and equal versions of matplotlib."""
    title: str
    description: str
    """What can be seen, in words; the file holds it too."""


async def write_dynamics(desk: OpenedLog, targets: Sequence[str], task: str | None, to: Path) -> None:
    """Draw the dynamics of runs and trials.

    Args:
        desk: Where they are.
        targets: Runs, of which every trial is drawn, or trials.
        task: Only trials of this task. None: all.
        to: The file.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run or trial, or several.
        UsageWrong: There is nothing to draw, or too much; or the file cannot be written.
        ChartsAbsent: matplotlib is not installed.
    """
    form = format_of(to)
    found = [trial for target in targets for trial in await read_dynamics(desk, target)]
    trials = [trial for trial in found if task is None or trial.task == task]
    if not trials:
        known = ", ".join(sorted({trial.task for trial in found}))
        remedy = f"tasks: {known}" if known else "name a run that explores; `stillroom runs` lists them"
        raise UsageWrong("there is no trial to draw", remedy=remedy)
    if len(trials) > MOST_ROWS:
        problem = f"{len(trials)} trials do not fit one figure of {MOST_ROWS} rows"
        raise UsageWrong(problem, remedy="name trials, as RUN:TRIAL, or one task: --task NAME")
    await _write(desk, to, dynamics_figure(trials, form), dynamics_caption(trials))


async def read_dynamics(desk: OpenedLog, target: str) -> list[TrialDynamics]:
    """Read the trials of a run, those whose scores it found in the log included, or one trial.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run or trial, or several.
        UsageWrong: It is neither.
    """
    match await find_target(desk.log, target):
        case RunTarget(run):
            return [*(await _dynamics(desk, run)).values(), *(await _found(desk, run))]
        case TrialTarget(run, trial):
            return [(await _dynamics(desk, run))[trial]]
        case _:
            raise UsageWrong(f"{target} is neither a run nor a trial", remedy="name RUN or RUN:TRIAL")


async def _found(desk: OpenedLog, run: str) -> list[TrialDynamics]:
    """Read the trials of other runs whose scores an evaluation found in the log."""
    cells = (await fold(desk.log, Cells(), Selection(run=run))).runs.get(run, {})
    places: dict[str, list[str]] = {each.run: [] for each in cells.values() if each.run not in {"", run}}
    for each in cells.values():
        if each.run in places:
            places[each.run].append(each.rolled.partition("/")[2])
    trials = {each: await _dynamics(desk, each) for each in places}
    return [trials[other][name] for other, names in places.items() for name in names if name in trials[other]]


async def _dynamics(desk: OpenedLog, run: str) -> dict[str, TrialDynamics]:
    return (await fold(desk.log, Dynamics(), Selection(run=run))).runs.get(run, {})


async def write_before_after(desk: OpenedLog, before: str, after: str, to: Path) -> None:
    """Draw two attempts side by side.

    Raises:
        IdUnknown, IdAmbiguous: There is no such attempt, or several.
        UsageWrong: One is no attempt, or the file cannot be written.
        BlobMissing: A text is gone.
        ChartsAbsent: matplotlib is not installed.
    """
    form = format_of(to)
    first, second = await read_attempt(desk, before), await read_attempt(desk, after)
    await _write(desk, to, before_after_figure(first, second, form), before_after_caption(first, second))


async def write_run(desk: OpenedLog, run: str, to: Path) -> None:
    """Draw a run over time: attempts, rewards and cost.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        UsageWrong: Nothing happened in it so far, or the file cannot be written.
        ChartsAbsent: matplotlib is not installed.
    """
    form = format_of(to)
    name, line = await read_timeline(desk, run)
    told = RunFigure(name, in_order(line) if line.imported else line)
    if not (told.line.trials or told.line.scores or told.line.spent):
        problem = f"run {told.run} has no trial, no score and no cost so far"
        raise UsageWrong(problem, remedy="name another run; `stillroom runs` lists them")
    await _write(desk, to, run_figure(told, form), run_caption(told))


async def read_timeline(desk: OpenedLog, run: str) -> tuple[str, RunTimeline]:
    """Read when what happened in a run, and its whole id.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
    """
    name = await find_run(desk.log, run)
    return name, (await fold(desk.log, Timelines(), Selection(run=name))).runs.get(name, RunTimeline(began=0, last=0))


async def write_training(desk: OpenedLog, run: str, to: Path) -> None:
    """Draw a training run.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        UsageWrong: It trains nothing, or the file cannot be written.
        ChartsAbsent: matplotlib is not installed.
    """
    form = format_of(to)
    trained = (await read_training(desk.log, run)).run
    rows, row = step_rows(trained), training_row(trained)
    told = TrainingFigure(trained.run, trained.skill, rows, [_moves(trained, each) for each in rows], row.do_nothing)
    await _write(desk, to, training_figure(told, form), training_caption(told))


async def write_evolution(desk: OpenedLog, run: str, to: Path) -> None:
    """Draw a run over a suite.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        UsageWrong: It evolves no library, or the file cannot be written.
        ChartsAbsent: matplotlib is not installed.
    """
    form = format_of(to)
    evolved = await read_evolution(desk.log, run)
    arms = [measure_arm(evolved.run, arm) for arm in arms_of(evolved.run)]
    suite = next((each.suite for each in evolved.run.libraries.values()), "a suite")
    told = EvolutionFigure(evolved.name, suite, arms)
    await _write(desk, to, evolution_figure(told, form), evolution_caption(told))


def _moves(run: TrainedRun, row: TrainStepRow) -> ItemMoves | None:
    candidate = None if row.candidate is None else run.candidate(row.candidate)
    found = [] if candidate is None else [each.move for each in changes_of(run, candidate)]
    return ItemMoves(found.count("won"), found.count("lost")) if found else None


async def read_attempt(desk: OpenedLog, target: str) -> AttemptTexts:
    """Read one attempt with its texts.

    Raises:
        IdUnknown, IdAmbiguous: There is no such attempt, or several.
        UsageWrong: It is no attempt.
        BlobMissing: A text is gone.
    """
    found = await find_target(desk.log, target)
    if not isinstance(found, AttemptTarget):
        raise UsageWrong(f"{target} is no attempt", remedy="name one as RUN:TRIAL/2; `stillroom show RUN` lists them")
    state = await fold(desk.log, AttemptRecords(), Selection(run=found.run))
    trial = state.runs[found.run][found.trial]
    attempt = trial.attempts.get(str(found.attempt), RecordedAttempt(number=found.attempt))
    return AttemptTexts(
        run=found.run,
        trial=found.trial,
        attempt=found.attempt,
        verdict=_verdict(attempt),
        tests=_lines(await _text(desk, attempt.tests)),
        commands=await _commands(desk, attempt),
        told=_lines(await _text(desk, attempt.told or trial.memo_at(attempt.number))),
    )


def _verdict(attempt: RecordedAttempt) -> str:
    """Say in a few words how an attempt ended."""
    said = [_ENDS[attempt.outcome] if attempt.outcome else "not ended"]
    if attempt.reward is not None:
        said.append(f"reward {reward(attempt.reward)}")
    if attempt.total:
        said.append(f"{attempt.passed} of {attempt.total} tests passed")
    if attempt.intervention in {"soft", "strong"}:
        said.append(f"told: {attempt.intervention}")
    return ", ".join(said)


async def _commands(desk: OpenedLog, attempt: RecordedAttempt) -> tuple[str, ...]:
    if not attempt.ran:
        return _lines(await _text(desk, attempt.commands))
    return tuple([await _text(desk, each.command) + _exit(each.exit_code) for each in attempt.ran])


def _exit(code: int | None) -> str:
    return f"  [exit {code}]" if code else ""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.split("\n") if line.strip())


async def _text(desk: OpenedLog, digest: Digest | None) -> str:
    return "" if digest is None else (await desk.log.get(digest)).decode("utf-8", "replace")


async def _write(desk: OpenedLog, to: Path, drawn: bytes, caption: Caption) -> None:
    await write_file(desk.machine.folder / to, drawn)
    desk.screen.draw(FigureRow(str(to), digest_of(drawn), caption.title, caption.description), render)


def render(row: FigureRow) -> RenderableType:
    """Say what was written, and where it is told in words."""
    told = Text("what it shows in words: in the file, and printed with --json", style="dim")
    return Group(Text(f"wrote {row.path}: {row.title}"), told)
