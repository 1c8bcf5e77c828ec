"""A run over time, as a drawing on a page: its attempts trial by trial, what was solved, and what was spent."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from projections.timeline import RunTimeline, TimedAttempt, in_order
from views.terminal.format import duration, money, reward, shortened

WIDTH: Final = 600
LEFT: Final = 150
"""Room for the names of trials."""
_ROW, _THIN, _PANEL, _GAP = 18, 4, 90, 34
MOST_NAMED: Final = 60
"""Trials that have names beside their rows; of more, rows are thin and have none."""
_LONG_NAME: Final = 20


class ChartBar(NamedTuple):
    """An attempt."""

    x: float
    y: float
    width: float
    outcome: str
    """``solved``, ``failed``, ``none`` or ``running``; a sign at its end repeats it."""
    told: str
    """``soft`` or ``strong``; empty: nothing, or nothing says."""
    text: str
    """What it says, for those who cannot see it."""


class ChartPanel(NamedTuple):
    """A line below the attempts; y grows downwards, from the top of the drawing."""

    title: str
    top: float
    bottom: float
    ticks: Sequence[tuple[float, str]]
    path: str


class TimelineChart(NamedTuple):
    """The drawing, in its own units."""

    height: float
    row: int
    bars: Sequence[ChartBar]
    names: Sequence[tuple[float, str]]
    times: Sequence[tuple[float, str]]
    """Places on the axis, with their times."""
    resumed: Sequence[float]
    rows_bottom: float
    panels: Sequence[ChartPanel]


def timeline_chart(line: RunTimeline) -> TimelineChart | None:
    """Lay a run out, an imported one by the order of its attempts. None: nothing happened in it so far."""
    line = in_order(line) if line.imported else line
    if not line.now or not (line.trials or line.scores or line.spent):
        return None

    def across(at: int) -> float:
        return round(WIDTH * at / line.now, 1)

    named = len(line.trials) <= MOST_NAMED
    row = _ROW if named else _THIN
    bottom = row * len(line.trials)
    panels = list(_panels(line, across, bottom + _GAP))
    return TimelineChart(
        height=panels[-1].bottom if panels else bottom,
        row=row,
        bars=[_bar(each, line, across, row * index) for index, each in _attempts(line)],
        names=[(row * (index + 0.7), shortened(name, _LONG_NAME)) for index, name in enumerate(line.trials)]
        if named
        else [],
        times=_times(line),
        resumed=[across(at) for at in line.resumed],
        rows_bottom=bottom,
        panels=panels,
    )


def _times(line: RunTimeline) -> list[tuple[float, str]]:
    if line.imported:
        return [(0.0, "first attempt"), (float(WIDTH), f"after {line.now}")]
    return [(WIDTH * part / 4, duration(line.now * part // 4)) for part in range(5)]


def _attempts(line: RunTimeline) -> Iterator[tuple[int, TimedAttempt]]:
    for index, trial in enumerate(line.trials.values()):
        for each in trial.points():
            yield index, each


def _names(line: RunTimeline, row: float) -> Iterator[tuple[float, str]]:
    """Place the names of trials beside their rows."""
    for index, name in enumerate(line.trials):
        yield row * (index + 0.7), shortened(name, _LONG_NAME)


_BARS: Final = {"solved": "solved", "failed": "failed", None: "running"}


def _bar(each: TimedAttempt, line: RunTimeline, across: Callable[[int], float], y: float) -> ChartBar:
    end = line.now if each.ended is None else each.ended
    words = "not ended" if each.outcome is None else each.outcome.replace("_", " ")
    told = each.intervention if each.intervention in {"soft", "strong"} else ""
    said = [f"attempt {each.number}: {words}", f"reward {reward(each.reward)}"]
    said += [] if line.imported else [duration(end - each.began)]
    return ChartBar(
        x=across(each.began),
        y=y,
        width=max(1.0, round(across(end) - across(each.began), 1)),
        outcome=_BARS.get(each.outcome, "none"),
        told=told or "",
        text=", ".join([*said, *([f"told: {told}"] if told else [])]),
    )


def _panels(line: RunTimeline, across: Callable[[int], float], top: float) -> Iterator[ChartPanel]:
    shares = line.solved_shares()
    if shares:
        what = "trials" if line.trials else "scored items"
        ticks = [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")]
        yield _panel(f"share of {what} solved so far", top, ticks, [(across(at), share) for at, share in shares])
        top += _PANEL + _GAP
    if line.spent and line.spent[-1].known and not line.imported:
        last = line.spent[-1]
        most = last.known
        steps = [(0, 0), *((each.at, each.known) for each in line.spent), (line.now, last.known)]
        ticks = [(part, money(round(most * part))) for part in (0.0, 0.5, 1.0)]
        places = [(across(at), known / most) for at, known in steps]
        yield _panel("known cost so far, in US dollars", top, ticks, places)


def _panel(
    title: str, top: float, ticks: Sequence[tuple[float, str]], places: Sequence[tuple[float, float]]
) -> ChartPanel:
    """Draw steps: a value holds from its place to the next one."""

    def down(part: float) -> float:
        return round(top + _PANEL * (1 - part), 1)

    (x, part), *rest = places
    path = " ".join([f"M {x} {down(part)}", *(f"H {x} V {down(part)}" for x, part in rest)])
    return ChartPanel(title, top, top + _PANEL, [(down(part), text) for part, text in ticks], path)
