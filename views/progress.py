"""A run as it goes on: one picture drawn over itself on a terminal, or a line for each thing worth saying."""

from collections.abc import Callable
from typing import Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from engine.lineage import pages_of
from engine.owners import Holder
from engine.system import process_name
from events.attempt import AttemptAbandoned
from events.base import Recorded
from events.log import EventLog, Selection
from events.model import ModelAnswered, ModelFailed
from events.pdi import InterventionChosen
from events.sandbox import SandboxFailed
from events.session import SessionEnded
from events.skill import SkillRefused, SkillRevised
from events.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.cost import Cost
from projections.trials import Trials
from projections.trials_state import Run
from views.figures import count, duration, plural, reward
from views.runs import WORDS, Seen, run_row, trial_rows
from views.screen import Manner, Screen
from views.show import spending, tokens
from views.tables import table

EVERY_ANSWERS: Final = 50
"""Without a terminal, how many model answers, or failures that may be tried again, pass before totals are said."""
FRAMES: Final = 8
"""Pictures a second, at most."""


class Progress:
    """What was seen of a run so far. A fold: it depends on events alone, not on when they are looked at."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._seen = Seen(Trials().initial(), Cost().initial(), owned={run: Holder(process_name(), 0.0)})
        self._answers = 0
        self._failures = 0
        """Failed calls that may be made again: not worth a line each in a storm of them."""

    @property
    def run(self) -> Run | None:
        """The run, once anything of it was seen."""
        return self._seen.trials.runs.get(self._run)

    def see(self, recorded: Recorded) -> str | None:
        """Take an event in; give the line worth saying about it, if there is one."""
        trials, cost = Trials().apply(self._seen.trials, recorded, {}), Cost().apply(self._seen.cost, recorded, {})
        self._seen = self._seen._replace(trials=trials, cost=cost)
        match recorded.event:
            case ModelAnswered():
                self._answers += 1
                return self.totals() if self._answers % EVERY_ANSWERS == 0 else None
            case ModelFailed(retryable=True):
                self._failures += 1
                return self.totals() if self._failures % EVERY_ANSWERS == 0 else None
            case _:
                return line_of(recorded)

    def totals(self) -> str:
        """Write where the run stands."""
        run = self.run
        if run is None:
            return "starting"
        row = run_row(self._seen, run)
        done = row.solved + row.unsolved + row.no_verdict
        parts = [
            f"{done} of {plural(row.trials, 'trial')} done",
            plural(row.attempts, "attempt"),
            plural(self._answers, "turn"),
            tokens(row),
            spending(row),
            plural(row.failed_calls or 0, "failed call"),
            duration(run.last_at - run.started_at),
        ]
        return " · ".join(parts)

    def picture(self) -> RenderableType:
        """Draw where the run stands: trials that go on, then what has come of the others."""
        run = self.run
        if run is None:
            return Text("starting", style="dim")
        rows = [row for row in trial_rows(self._seen, run) if row.outcome == "running"]
        cells = [
            (
                row.trial,
                f"attempt {row.attempts} of {row.max_attempts}",
                ", ".join(row.interventions),
                count(row.tokens, lacks="tokens" in row.at_least),
            )
            for row in rows[:12]
        ]
        parts: list[RenderableType] = (
            [table(["trial…", "at", "interventions", "tokens"], cells, right=["tokens"])] if cells else []
        )
        if rows[12:]:
            parts.append(Text(f"and {len(rows) - 12} more", style="dim"))
        return Group(*parts, Text(self.totals(), style="cyan"))


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
            return f"{place}: distilled skill {skill.skill}, revision {skill.revision}"
        case _:
            return _line_of_trouble(recorded, place)


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
        case _:
            return None


async def watch(log: EventLog, run: str, screen: Screen, *, after: int = 0) -> None:
    """Show a run until its process lets go of it.

    Args:
        log: It is followed, so what other processes append is seen too.
        run: Full id.
        screen: Progress goes to its stderr; ``--json`` says nothing.
        after: Position behind which events are news; what stands before is taken in without a word.
    """
    progress = Progress(run)
    if screen.live:
        with Live(progress.picture(), console=screen.err, refresh_per_second=FRAMES, transient=True) as live:
            await _follow(log, progress, lambda line: _draw(live, progress, line), run, after)
    else:
        say = screen.say if screen.manner is not Manner.JSON else _silently
        await _follow(log, progress, lambda line: say(line) if line else None, run, after)
        say(progress.totals())


async def _follow(log: EventLog, progress: Progress, tell: Callable[[str | None], None], run: str, after: int) -> None:
    async for page in pages_of(log, Selection(run=run, until=after)):
        for recorded in page:
            progress.see(recorded)
    async for recorded in log.follow(Selection(run=run, after=after)):
        tell(progress.see(recorded))
        # A process's last word about a run. (The run's own end comes before it, and a run may be cut off.)
        if isinstance(recorded.event, SessionEnded):
            return


def _draw(live: Live, progress: Progress, line: str | None) -> None:
    """Say the line above the picture, and let the picture be drawn when it is time."""
    if line:
        live.console.print(line)
    live.update(progress.picture())


def _silently(words: RenderableType) -> None:
    del words
