"""Figure of a run: its attempts, rewards and cost over the time that processes worked on it."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from projections.timeline import RunTimeline, TimedTrial
from views.figures.charts import BLUE, GREEN, GREY, ORANGE, RED, Caption, FigureFormat, drawn, printable
from views.terminal.format import duration, money, plural, reward, shortened

MOST_NAMED: Final = 30
"""Trials whose names fit beside their rows; of more, rows have none."""
MOST_TOLD: Final = 30
"""Trials that the description tells one by one; of more, it tells counts."""
_WIDTH: Final = 10.0
_ROW, _LEAST, _MOST = 0.26, 1.2, 9.0
"""Heights of a row of attempts, and of all of them at least and at most, in inches."""
_PANEL, _FRAME = 1.9, 1.1
_LONG_NAME: Final = 28

OUTCOMES: Final = {
    "solved": ("solved", GREEN, "o", True),
    "failed": ("failed", GREY, "o", False),
    "no_verdict": ("no verdict", ORANGE, "x", False),
    "infrastructure": ("no verdict", ORANGE, "x", False),
    "abandoned": ("abandoned", ORANGE, "x", False),
    None: ("not ended", BLUE, "", False),
}
"""How attempts are drawn, by outcome: name, colour, mark of the reward, and whether that is filled."""
_TOLD: Final = {"soft": ("told: soft", "v", ORANGE), "strong": ("told: strong", "s", RED)}


class RunFigure(NamedTuple):
    """What is drawn."""

    run: str
    line: RunTimeline
    """Of an imported run, as `in_order` has it."""


class _Clock(NamedTuple):
    """The axis that all panels share."""

    label: str
    of: Callable[[int], float]
    """Gives the place of a moment, in microseconds of work."""


def run_figure(told: RunFigure, form: FigureFormat = "svg") -> bytes:
    """Draw a run: attempts as bars, rewards as marks, and what was spent as a line.

    Args:
        told: The run. It has a trial, a score or a cost.
        form: Of the file.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    rows = min(_MOST, max(_LEAST, _ROW * len(told.line.trials)))
    heights = [*([rows] if told.line.trials else []), _PANEL, _PANEL]

    def paint(figure: Any) -> None:
        figure.suptitle(run_caption(told).title, fontsize=11)
        panels = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
        clock = _clock(told.line)
        if told.line.trials:
            _attempts(panels[0], told.line, clock, rows)
        _rewards(panels[-2], told.line, clock)
        _cost(panels[-1], told.line, clock)
        for panel in panels:
            panel.tick_params(labelsize=8)
            for moment in told.line.resumed:
                panel.axvline(clock.of(moment), color=GREY, linewidth=0.8, linestyle=":")
        panels[-1].set_xlabel(clock.label, fontsize=8)

    return drawn(form, (_WIDTH, sum(heights) + _FRAME), run_caption(told), paint)


def run_caption(told: RunFigure) -> Caption:
    """Say in words what the figure shows."""
    line = told.line
    title = f"Run {printable(told.run)}: attempts, rewards and cost over time"
    return Caption(title, " ".join([*_trials_said(line), *_scores_said(line), _spent_said(line), *_time_said(line)]))


def _trials_said(line: RunTimeline) -> Iterator[str]:
    trials = list(line.trials.values())
    yield from (_trial_said(each) for each in trials[:MOST_TOLD])
    if len(trials) > MOST_TOLD:
        rest = trials[MOST_TOLD:]
        solved = sum(each.outcome == "solved" for each in rest)
        yield f"{plural(len(rest), 'more trial')}, {solved:,} of them solved."


def _trial_said(trial: TimedTrial) -> str:
    attempts = trial.points()
    rewards = ", ".join("none" if each.reward is None else reward(each.reward) for each in attempts)
    told = [f"{each.intervention} at attempt {each.number}" for each in attempts if each.intervention in _TOLD]
    words = f"; told: {', '.join(told)}" if told else ""
    name = printable(trial.name)
    return f"{name}: {plural(len(attempts), 'attempt')}, rewards {rewards or 'none'}{words}; {_ending(trial)}."


def _ending(trial: TimedTrial) -> str:
    """Say how a trial ended."""
    words = {"infrastructure": "no verdict", "budget": "budget reached", None: "not ended"}
    return words.get(trial.outcome, trial.outcome or "")


def _scores_said(line: RunTimeline) -> Iterator[str]:
    if line.scores and not line.trials:
        solved = sum(each.solved for each in line.scores)
        yield f"{plural(len(line.scores), 'item')} scored, {solved:,} solved."


def _spent_said(line: RunTimeline) -> str:
    if not line.spent:
        return "No cost is on record."
    last = line.spent[-1]
    if last.unknown and not last.known:
        return f"The cost of {plural(last.unknown, 'call')} is not known."
    more = f", and {plural(last.unknown, 'call')} of unknown cost" if last.unknown else ""
    return f"Spent: {money(last.known)}{more}."


def _time_said(line: RunTimeline) -> Iterator[str]:
    if line.imported:
        yield "Imported: the log has no times of the source, so attempts stand in order."
        return
    yield f"Took {duration(line.now)}."
    if line.resumed:
        yield f"Resumed {plural(len(line.resumed), 'time')}; {duration(line.idle)} in between are left out."


def _clock(line: RunTimeline) -> _Clock:
    """Choose the unit of time; of an imported run, attempts in order take its place."""
    if line.imported:
        return _Clock("attempts in order: the times of the source are not on record", float)
    for unit, seconds in (("hours", 3600), ("minutes", 60)):
        if line.now >= 3 * seconds * 1_000_000:
            return _Clock(f"{unit} of work", lambda at, one=seconds: at / 1e6 / one)  # type: ignore[misc]
    return _Clock("seconds of work", lambda at: at / 1e6)


def _attempts(axes: Any, line: RunTimeline, clock: _Clock, height: float) -> None:
    trials = list(line.trials.values())
    thick = max(0.6, min(9.0, 72 * height / len(trials) * 0.6))
    for outcome, (label, colour, mark, filled) in OUTCOMES.items():
        bars = [
            (row, clock.of(each.began), clock.of(line.now if each.ended is None else each.ended))
            for row, trial in enumerate(trials)
            for each in trial.attempts.values()
            if each.outcome == outcome
        ]
        if bars:
            rows, starts, ends = zip(*bars, strict=True)
            axes.hlines(rows, starts, ends, colors=colour, linewidth=thick, label=label, alpha=0.85)
            axes.plot(starts, rows, "|", color="white", markersize=thick, markeredgewidth=0.8)
            if mark and len(trials) <= MOST_NAMED:
                face = "white" if filled else "none"
                middles = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
                axes.plot(middles, rows, mark, color="white", markerfacecolor=face, markersize=4, zorder=3)
    for kind, (label, mark, colour) in _TOLD.items():
        told = [
            (clock.of(each.began), row)
            for row, trial in enumerate(trials)
            for each in trial.attempts.values()
            if each.intervention == kind
        ]
        if told and len(trials) <= MOST_NAMED:
            axes.plot(*zip(*told, strict=True), mark, color=colour, markeredgecolor="white", markersize=5, label=label)
    named = trials if len(trials) <= MOST_NAMED else []
    axes.set_yticks(range(len(named)), [_named(each.name) for each in named], fontsize=8)
    axes.set_ylim(len(trials) - 0.4, -0.6)
    axes.set_title(f"attempts of {plural(len(trials), 'trial')}", fontsize=9, loc="left")
    _legend(axes)


def _named(name: str) -> str:
    return shortened(printable(name), _LONG_NAME)


def _rewards(axes: Any, line: RunTimeline, clock: _Clock) -> None:
    ended = [each for trial in line.trials.values() for each in trial.attempts.values() if each.ended is not None]
    most = max([1.0, *(each.reward for each in ended if each.reward is not None)])
    for outcome, (label, colour, mark, filled) in OUTCOMES.items():
        found = [
            (clock.of(each.ended or 0), -0.15 * most if each.reward is None else each.reward)
            for each in ended
            if each.outcome == outcome
        ]
        if found:
            face = colour if filled else "none"
            axes.plot(
                *zip(*found, strict=True), mark, color=colour, markerfacecolor=face, markersize=5, label=label, zorder=3
            )
    shares = line.solved_shares()
    if shares:
        times, values = zip(*shares, strict=True)
        axes.step(list(map(clock.of, times)), values, where="post", color=BLUE, linewidth=1.2, label="share solved")
    axes.set_ylim(-0.25 * most, 1.12 * most)
    axes.set_yticks([0, most / 2, most])
    axes.grid(visible=True, axis="y", linewidth=0.3)
    what = "trials" if line.trials else "items"
    axes.set_title(f"rewards of attempts (none: below 0), and share of {what} solved so far", fontsize=9, loc="left")
    _legend(axes)


def _cost(axes: Any, line: RunTimeline, clock: _Clock) -> None:
    axes.set_title(_spent_title(line), fontsize=9, loc="left")
    axes.set_ylabel("US dollars", fontsize=8)
    axes.grid(visible=True, axis="y", linewidth=0.3)
    if line.imported or not (line.spent and line.spent[-1].known):
        axes.set_yticks([])
        return
    last = line.spent[-1]
    times = [0, *(each.at for each in line.spent), line.now]
    known = [0, *(each.known for each in line.spent), last.known]
    axes.step(
        [clock.of(each) for each in times], [each / 1e9 for each in known], where="post", color=BLUE, linewidth=1.2
    )
    axes.set_ylim(bottom=0)


def _spent_title(line: RunTimeline) -> str:
    if not line.spent:
        return "cost: none is on record"
    last = line.spent[-1]
    if last.unknown and not last.known:
        return f"cost: that of {plural(last.unknown, 'call')} is not known"
    unknown = f"; {plural(last.unknown, 'call')} of unknown cost not included" if last.unknown else ""
    when = "; when it was spent is not on record" if line.imported else ""
    return f"known cost, {money(last.known)} in all{unknown}{when}"


def _legend(axes: Any) -> None:
    """Name each mark once, beside the panel, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    once: dict[str, Any] = dict(zip(reversed(labels), reversed(handles), strict=True))
    if once:
        names = list(reversed(once))
        axes.legend(
            [once[name] for name in names],
            names,
            fontsize=8,
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )
