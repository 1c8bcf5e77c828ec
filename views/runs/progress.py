"""A run as it goes on: one picture drawn over itself on a terminal, or a line for each thing worth saying."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import anyio
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from engine.core.lineage import pages_of
from events.base import Event, Recorded
from events.store.base import EventLog, Selection
from events.streams import TRAIN
from events.types.attempt import AttemptAbandoned
from events.types.evolution import EvolutionPlanned
from events.types.model import ModelAnswered, ModelFailed
from events.types.pdi import InterventionChosen
from events.types.run import RunOpened
from events.types.sandbox import SandboxFailed
from events.types.session import BackgroundFailed, InFlightFound, SessionEnded
from events.types.skill import SkillRefused, SkillRevised
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.cost import Cost, account_of
from projections.training.state import TrainedRun
from projections.training.view import Training
from projections.trials.state import Run, Trial
from projections.trials.view import Trials
from views.runs.attempt_counts import attempts_told, broken_of
from views.runs.construct_lines import line_of_construction
from views.runs.phases import phase_of, planned_epochs, planned_parts
from views.runs.picture import AlignedRows, PackedParts
from views.runs.rows import WORDS
from views.runs.show import spending, tokens
from views.runs.spending import Total, beside_of, total_of
from views.runs.stages import LibraryCounts, TaskCounts, TrainingStage
from views.runs.train_lines import line_of_training
from views.runs.train_rows import believed, counted, training_row
from views.terminal.format import count, duration, plural, reward
from views.terminal.screen import OutputStyle, Screen

EVERY_ANSWERS: Final = 50
"""How many model answers, or failures that may be tried again, pass before totals are said for the first time; then
twice as many, and so on."""
MANY: Final = 12
"""Trials, or cells, from which on not each is told of: totals are said as they end."""
PARTS: Final = 20
"""How often totals are said as they end."""
FRAMES: Final = 8
"""Pictures a second, at most."""
_HEADS: Final = ("trial", "attempt", "does", "tokens")
MOST_ROWS: Final = 12
"""Trials in a picture; the others are counted."""


class Sums(NamedTuple):
    """What `tokens` and `spending` word."""

    tokens: int | None
    cost_nano_usd: int | None
    unknown_cost_calls: int
    unknown_cost_most_nano_usd: int | None
    at_least: tuple[str, ...]


class TrialProgress(NamedTuple):
    """What one trial adds to the totals."""

    trials: int
    done: int
    scored: int
    solved: int
    attempts: int
    failed_calls: int
    tokens: int
    untold_tokens: int
    """Attempts, and trials, of whose calls some were not counted."""
    untold_cost: int
    """Attempts of which nothing is known to have cost anything, or nothing."""
    cost: int
    unknown_cost: int
    ended_calls: int
    bound: int
    unbounded: int

    @property
    def sums(self) -> Sums:
        """The sums, as far as anybody counted. What nobody counted is no zero."""
        known, unknown, most = Total(*self[-5:]).spent
        found = None if self.untold_tokens and not self.tokens else self.tokens
        lacking = {"tokens": self.untold_tokens > 0, "cost_nano_usd": self.untold_cost > 0 or unknown > 0}
        sums = {"tokens": found, "cost_nano_usd": known}
        at_least = tuple(key for key, lacks in lacking.items() if lacks and sums[key] is not None)
        return Sums(found, known, unknown, most, at_least)

    def changed(self, before: "TrialProgress", after: "TrialProgress") -> "TrialProgress":
        """Give the totals once a part is another one."""
        return TrialProgress(*(total - old + new for total, old, new in zip(self, before, after, strict=True)))


_NOTHING: Final = TrialProgress(*[0] * 14)


class Progress:
    """What was seen of a run so far. A fold: it depends on events alone, not on when they are looked at.

    An event costs the same however many trials there are: totals are kept, and so is which trials go on.
    """

    def __init__(self, run: str) -> None:
        self.name = run
        self.planned: int | None = None
        """Trials of the run, or cells, begun or not. None: nobody knows; then those that have begun are counted."""
        self._libraries = LibraryCounts(0, 0, 0)
        self._trials, self._cost = Trials(), Cost()
        self._seen = self._trials.initial()
        self._spent = self._cost.initial()
        self._parts: dict[str, TrialProgress] = {}
        self._totals = _NOTHING
        self._running: dict[str, None] = {}
        """Names of trials that go on, in the order in which they were opened."""
        self._tasks = TaskCounts()
        self.training = TrainingStage()
        self._training = Training()
        self._trained = self._training.initial()
        self._answers = 0
        self._failures = 0
        """Failed calls that may be made again: not worth a line each in a storm of them."""
        self._told: set[str] = set()
        """Kinds of such failures of which one had a line, so that nobody waits for an endpoint without knowing."""
        self._reasons: set[str] = set()
        """What went wrong, as it was told once in full."""
        self._parts_told = 0
        """Twentieths of trials or cells at whose end totals were said."""

    @property
    def run(self) -> Run | None:
        """The run, once anything of it was seen."""
        return self._seen.runs.get(self.name)

    def see(self, recorded: Recorded) -> str | None:
        """Take an event in; give the line worth saying about it, if there is one."""
        self._seen = self._trials.apply(self._seen, recorded, {})
        self._spent = self._cost.apply(self._spent, recorded, {})
        self.training.see(recorded)
        if recorded.stream.name == TRAIN:
            self._trained = self._training.apply(self._trained, recorded, {})
        if isinstance(recorded.event, InFlightFound):
            names = {account_of(ref.stream) for ref in recorded.event.asked}
        else:
            names = {account_of(recorded.stream.name)}
        for name in names:
            self._renew(name)
        self._libraries = self._libraries.after(recorded)
        self._tasks = self._tasks.after(recorded)
        if isinstance(recorded.event, EvolutionPlanned):
            self.planned = planned_trials(recorded.event)
        match recorded.event:
            case ModelAnswered():
                self._answers += 1
                return self._totals_at(self._answers)
            case ModelFailed(retryable=True):
                self._failures += 1
                if recorded.event.kind not in self._told:
                    self._told.add(recorded.event.kind)
                    return f"{line_of(recorded)} (more of this kind are only counted)"
                return self._totals_at(self._failures)
            case _:
                return self._part_ended() or self._worth_saying(recorded)

    @property
    def many(self) -> bool:
        """Whether there are too many trials, or cells, to tell of each, or they are only how something else is done."""
        return self._tasks.makes or self._all > MANY

    @property
    def _all(self) -> int:
        """How many trials, or cells, there are, begun or not, as far as anybody knows."""
        cells = None if self.run is None else self.run.cells
        return max(self.planned or 0, self._totals.trials if cells is None else cells.opened)

    def _totals_at(self, number: int) -> str | None:
        """Give the totals at a number of calls, unless they are said as trials end."""
        return self.totals() if _is_next(number) and not self._parts_told else None

    def _part_ended(self) -> str | None:
        """Give the totals, where as many have ended as are worth a line.

        A training, and whoever makes tasks, begins trials as it goes on: what came of those so far is no part of all.
        """
        if self._tasks.makes or self._trained.runs:
            return None
        part = self._done * PARTS // self._all if self.many else 0
        if part <= self._parts_told:
            return None
        self._parts_told = part
        return self.totals()

    @property
    def _done(self) -> int:
        cells = None if self.run is None else self.run.cells
        return self._totals.done if cells is None else cells.solved + cells.unsolved + cells.unscored

    def _worth_saying(self, recorded: Recorded) -> str | None:
        """Give the line about an event: of many trials only what is wrong, and each reason in full once."""
        event = recorded.event
        line, reason = line_of(recorded), reason_of(event)
        if self.many and reason is None and isinstance(event, _OF_ONE_TRIAL):
            return None
        if line is None or reason is None:
            return line
        if any(reason.endswith(known) for known in self._reasons):
            return None if self.many else line.replace(reason, "as above")
        self._reasons.add(reason)
        return line

    def totals(self) -> str:
        """Write where the run stands."""
        return " · ".join(self._told_of_all())

    def _told_of_all(self) -> Sequence[str]:
        run, totals = self.run, self._totals
        if run is None:
            return ("starting",)
        trained = self._trained.runs.get(self.name)
        return (
            *self._steps(trained),
            *self._libraries.told,
            *self._tasks.told,
            *(self._parts_done(run) if trained is None or totals.trials else ()),
            *([plural(totals.attempts, "attempt")] if totals.attempts or run.cells is None else ()),
            plural(self._answers, "turn"),
            tokens(totals.sums),
            spending(totals.sums),
            plural(totals.failed_calls, "failed call"),
            duration(run.took),
        )

    def _steps(self, trained: TrainedRun | None) -> Sequence[str]:
        """Say how far a training is, and what it does."""
        if trained is None:
            return ()
        row = training_row(trained)
        epochs = max(row.epoch, self.training.epochs or 0)
        course = f"epoch {row.epoch} of {epochs}, step {row.step} of {self.training.steps(row.steps_planned)}"
        waits = () if row.waits_for is None else (f"waits to begin {row.waits_for} again",)
        begun = (course,) if row.epoch else (plural(epochs, "epoch"),)
        return (*begun, *self.training.told, *waits, counted(row), f"believed {believed(row.believed, row.deviation)}")

    def _parts_done(self, run: Run) -> Sequence[str]:
        """Say how far the trials are, or the cells, begun or not, and how many of those with a score are solved."""
        totals, cells = self._totals, run.cells
        scored, solved = totals.scored, totals.solved
        found = ""
        if cells is not None:
            scored, solved = cells.solved + cells.unsolved, cells.solved
            found = f" ({cells.found} found)" if cells.found else ""
        score = f", {solved} of {scored} solved" if scored and not self._tasks.planned else ""
        what = "trial" if cells is None else "cell"
        return (f"{self._done} of {plural(self._all, what)} done{found}{score}",)

    def picture(self) -> RenderableType:
        """Draw where the run stands: trials that go on, then what has come of the others."""
        run = self.run
        if run is None:
            return Text("starting", style="dim")
        rows = [self._row(run, run.trials[name]) for name in islice(self._running, MOST_ROWS)]
        parts: list[RenderableType] = [AlignedRows(_HEADS, rows)] if rows else []
        if len(self._running) > MOST_ROWS:
            parts.append(Text(f"and {len(self._running) - MOST_ROWS} more", style="dim"))
        return Group(*parts, PackedParts(self._told_of_all()))

    def _renew(self, name: str) -> None:
        """Count a trial anew, and only this one."""
        run = self.run
        trial = None if run is None else run.trials.get(name)
        before, after = self._parts.get(name, _NOTHING), self._part(trial, name)
        if before != after:
            self._parts[name] = after
            self._totals = self._totals.changed(before, after)
        if trial is not None and trial.state == "running":
            self._running[name] = None
        else:
            self._running.pop(name, None)

    def _part(self, trial: Trial | None, name: str) -> TrialProgress:
        spent = total_of(self._spent.runs.get(self.name), name)
        if trial is None:
            other = beside_of(self._spent.runs.get(self.name), name)
            return TrialProgress(0, 0, 0, 0, 0, other.failed, other.tokens, 0, 0, *spent)
        attempts = trial.attempts.values()
        return TrialProgress(
            1,
            int(trial.state != "running"),
            int(trial.state in _SCORED),
            int(trial.state == "solved"),
            len(attempts),
            trial.failed_calls,
            trial.tokens,
            sum(each.tokens is None for each in attempts) + int(trial.unknown_tokens > 0),
            sum(each.cost is None for each in attempts),
            *spent,
        )

    def _row(self, run: Run, trial: Trial) -> Sequence[str]:
        finished = sum(each.abandoned is None for each in trial.attempts.values())
        level = next((each.intervention for each in reversed(trial.attempts.values())), None)
        told = "" if level in {None, "none"} else f", {level}"
        made = attempts_told(finished, broken_of(trial), trial.max_attempts)
        at = "" if trial.max_attempts == 1 >= finished else f"{made}{told}"
        return trial.name, at, phase_of(run, trial), count(trial.tokens, lacks=trial.unknown_tokens > 0)


_SCORED: Final = frozenset({"solved", "unsolved"})
_OF_ONE_TRIAL: Final = (AttemptConcluded, TrialOpened, InterventionChosen, TrialClosed, SkillRevised)
"""What is told of each trial of a few. What goes wrong is told of many, too."""


def _is_next(number: int) -> bool:
    """Say whether totals are said at this number: at the first few dozen, and each time that is doubled."""
    times, rest = divmod(number, EVERY_ANSWERS)
    return rest == 0 and times > 0 and times & (times - 1) == 0


def reason_of(event: Event) -> str | None:
    """Give what went wrong, as the world said it. None: nothing did."""
    match event:
        case AttemptConcluded(outcome=outcome):
            return outcome.reason or None
        case SandboxFailed(detail=detail) | AttemptAbandoned(detail=detail) | ModelFailed(detail=detail):
            return detail or None
        case SkillRefused(problems=problems):
            return "; ".join(problems) or None
        case _:
            return None


def planned_trials(planned: EvolutionPlanned) -> int:
    """Count the trials that are scheduled over a suite."""
    return sum(each.learning + each.evaluation + each.replay + each.oracle for each in planned.libraries)


def line_of(recorded: Recorded) -> str | None:
    """Say what happened, if people want to hear of it."""
    place = recorded.stream.name.partition("/")[2]
    match recorded.event:
        case TrialOpened():
            return f"{place}: opened"
        case AttemptConcluded() as ended:
            tests = f", {ended.passed} of {plural(ended.total, 'test')}" if ended.total else ""
            why = f" ({ended.outcome.reason})" if ended.outcome.reason else ""
            return f"{place}: attempt {ended.attempt} {ended.outcome.kind.replace('_', ' ')}{tests}{why}"
        case InterventionChosen() as chosen if chosen.level != "none":
            return f"{place}: {chosen.level} intervention for attempt {chosen.attempt}"
        case TrialClosed() as closed:
            tries = plural(closed.attempts, "attempt")
            return f"{place}: {WORDS[closed.outcome]} after {tries}, reward {reward(closed.reward)}"
        case SkillRevised() as skill:
            how = "distilled skill" if skill.origin in {None, "distilled"} else f"{skill.origin} skill"
            return f"{place}: {how} {skill.skill}, revision {skill.revision}"
        case _:
            told = line_of_training(recorded.event) or line_of_construction(recorded.event, place)
            return told or _line_of_trouble(recorded, place)


def _line_of_trouble(recorded: Recorded, place: str) -> str | None:
    match recorded.event:
        case SandboxFailed() as failed:
            return f"{place}: no sandbox ({failed.kind}): {failed.detail}"
        case ModelFailed() as failed:
            return f"{place}: a model call failed ({failed.kind}): {failed.detail}"
        case AttemptAbandoned() as gone:
            return f"{place}: abandoned ({gone.reason}): {gone.detail}"
        case SkillRefused() as refused:
            return f"{place}: no skill: {'; '.join(refused.problems)}"
        case BackgroundFailed() as failed:
            then = "disabled" if failed.retry_in_s is None else f"restarts in {failed.retry_in_s:g} s"
            return f"{failed.part} failed in the background: {failed.error}: {failed.detail} ({then})"
        case _:
            return None


async def watch(log: EventLog, run: str, screen: Screen, *, after: int = 0, over: anyio.Event | None = None) -> None:
    """Show a run until its process lets go of it.

    Args:
        log: It is looked at as often as there are pictures, so what other processes append is seen too.
        run: Full id.
        screen: Progress goes to its stderr; ``--json`` says nothing.
        after: Position behind which events are news; what stands before is taken in without a word.
        over: Set when nothing more is recorded, so that nobody waits for the next look. None: nobody knows.
    """
    if screen.manner is OutputStyle.JSON:
        return
    progress = Progress(run)
    follower = Follower(log, progress, after, over or anyio.Event())
    await follower.catch_up()
    if screen.live:
        with Live(console=screen.err, auto_refresh=False, transient=True) as live:
            await follower.follow(lambda lines: _draw(live, progress, lines))
    else:
        said: list[str] = []

        def say(lines: list[str]) -> None:
            if lines:
                said[:] = lines[-1:]
                screen.say("\n".join(lines))

        await follower.follow(say)
        if said != [progress.totals()]:
            screen.say(progress.totals())


class Follower:
    """Takes in what is recorded of a run, a frame at a time: however much that is, one picture is drawn of it."""

    def __init__(self, log: EventLog, progress: Progress, after: int, over: anyio.Event) -> None:
        """See `watch`."""
        self._log = log
        self._progress = progress
        self._after = after
        self._over = over

    async def catch_up(self) -> None:
        """Take in what is no news."""
        async for page in pages_of(self._log, Selection(run=self._progress.name, until=self._after)):
            for recorded in page:
                await self._see(recorded)

    async def _see(self, recorded: Recorded) -> str | None:
        """Take an event in; of a run that begins, read how much it is to do."""
        if isinstance(recorded.event, RunOpened):
            self._progress.planned = await planned_parts(self._log, recorded.event, self._progress.name)
            self._progress.training.epochs = await planned_epochs(self._log, recorded.event, self._progress.name)
        return self._progress.see(recorded)

    async def follow(self, draw: Callable[[list[str]], None]) -> None:
        """Draw each frame in which anything was recorded, until the process lets go of the run.

        Args:
            draw: Given the lines worth saying about the frame.
        """
        ended = False
        while not ended:
            last = self._over.is_set()
            lines, ended = await self._frame()
            if lines is not None:
                draw(lines)
            if last:
                return
            with anyio.move_on_after(1 / FRAMES):
                await self._over.wait()

    async def _frame(self) -> tuple[list[str] | None, bool]:
        """Take in what is new; give the lines about it, None if nothing is, and whether the process has let go."""
        lines: list[str] | None = None
        head = (await self._log.head()).position
        if head <= self._after:
            return None, False
        async for page in pages_of(self._log, Selection(run=self._progress.name, after=self._after, until=head)):
            lines = [] if lines is None else lines
            for recorded in page:
                line = await self._see(recorded)
                if line:
                    lines.append(line)
                # A process's last word about a run. (The run's own end comes before it, and a run may be cut off.)
                if isinstance(recorded.event, SessionEnded):
                    return lines, True
        self._after = head
        return lines, False


def _draw(live: Live, progress: Progress, lines: list[str]) -> None:
    """Say the lines above the picture, and draw it."""
    if lines:
        live.console.print("\n".join(lines))
    live.update(progress.picture(), refresh=True)
