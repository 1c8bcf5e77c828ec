"""Figure of dynamics: rewards, PDI and interventions by attempt, one row for each trial (SPARK's case 2)."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

from projections.pdi.dynamics import AttemptPoint, TrialDynamics
from views.figures.charts import BLUE, GREEN, GREY, ORANGE, RED, Caption, FigureFormat, drawn, printable
from views.terminal.format import plural

MOST_ROWS: Final = 12
"""Rows of one figure; more cannot be read."""
_WIDTH: Final = 10.0
_ROW, _LEGEND, _TITLE = 2.1, 0.55, 0.45
"""Heights, in inches."""


class _Mark(NamedTuple):
    """How something is drawn: a shape of its own, and a colour that repeats it."""

    label: str
    shape: str
    colour: str
    filled: bool = True


_OUTCOMES: Final = {
    "solved": _Mark("solved", "o", GREEN),
    "failed": _Mark("failed", "o", GREY, filled=False),
    "no_verdict": _Mark("no verdict", "x", GREY),
    "infrastructure": _Mark("no verdict", "x", GREY),
}
_TOLD: Final = {"soft": _Mark("told: soft", "v", ORANGE), "strong": _Mark("told: strong", "s", RED)}
_READ: Final = {
    None: _Mark("PDI", "o", BLUE),
    "soft": _Mark("PDI triggers: soft", "^", ORANGE),
    "strong": _Mark("PDI triggers: strong", "D", RED),
}
_SHAPES: Final = ("o", "x", "v", "s", "^", "D", "--")
"""In the order of the legend."""


def dynamics_figure(trials: Sequence[TrialDynamics], form: FigureFormat = "svg") -> bytes:
    """Draw trials, one row for each: rewards at the left, PDI after each attempt at the right.

    Args:
        trials: From the top; at least one, and at most `MOST_ROWS`.
        form: Of the file.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    rows = len(trials)
    height = _TITLE + _ROW * rows + _LEGEND
    limits = _limits(trials)

    def paint(figure: Any) -> None:
        figure.suptitle(dynamics_caption(trials).title, fontsize=11)
        parts = figure.subfigures(rows + 1, 1, height_ratios=[*[_ROW] * rows, _LEGEND])
        used: dict[str, _Mark] = {}
        for part, trial in zip(parts, trials, strict=False):
            used |= {mark.label: mark for mark in _row(part, trial, limits)}
        _legend(parts[-1], list(used.values()))

    return drawn(form, (_WIDTH, height), dynamics_caption(trials), paint)


def dynamics_caption(trials: Sequence[TrialDynamics]) -> Caption:
    """Say in words what the figure shows."""
    return Caption("Rewards, PDI and interventions by attempt", " ".join(_words(each) for each in trials))


def _words(trial: TrialDynamics) -> str:
    points = trial.points()
    rewards = ", ".join("none" if each.reward is None else f"{each.reward:g}" for each in points)
    told = [f"{each.intervention} at attempt {each.number}" for each in points if each.intervention in _TOLD]
    triggers = [f"{each.reading.level} after {each.number}" for each in points if each.reading and each.reading.level]
    return (
        f"{_name(trial)}: {plural(len(points), 'attempt')}, rewards {rewards or 'none'}; "
        f"PDI triggers: {', '.join(triggers) or 'none'}; told: {', '.join(told) or 'nothing'}; {_ending(trial)}."
    )


def _name(trial: TrialDynamics) -> str:
    return printable(f"{trial.run}:{trial.trial}")


def _ending(trial: TrialDynamics) -> str:
    solved = next((each.number for each in trial.points() if each.outcome == "solved"), None)
    ending = f"solved at attempt {solved}" if solved is not None else trial.outcome or "not ended"
    mode = "" if trial.mode is None else f"PDI {trial.mode}, "
    return f"{mode}{ending}"


class _Limits(NamedTuple):
    """Axes that all rows share, so that they compare."""

    attempts: tuple[int, int]
    reward: float
    """The highest one, at least 1."""
    pdi: tuple[float, float]


def _limits(trials: Sequence[TrialDynamics]) -> _Limits:
    points = [point for trial in trials for point in trial.points()]
    numbers = [point.number for point in points] or [1]
    readings = [point.reading for point in points if point.reading is not None]
    values = [each.pdi for each in readings if each.pdi is not None and isfinite(each.pdi)]
    values += [each.threshold for each in readings if each.threshold is not None] + [0.0]
    rewards = [point.reward for point in points if point.reward is not None]
    room = 0.12 * (max(values) - min(values)) or 0.5
    return _Limits((min(numbers), max(numbers)), max([1.0, *rewards]), (min(values) - room, max(values) + room))


def _row(part: Any, trial: TrialDynamics, limits: _Limits) -> Iterator[_Mark]:
    """Draw a row, and give the marks that it uses."""
    part.suptitle(f"{_name(trial)}   {_ending(trial)}", fontsize=9, x=0.01, ha="left", fontweight="bold")
    left, right = part.subplots(1, 2)
    for axes, label in ((left, "attempt"), (right, "after attempt")):
        low, high = limits.attempts
        axes.set_xlim(low - 0.5, high + 0.5)
        axes.set_xticks(_ticks(low, high))
        axes.set_xlabel(label, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(visible=True, axis="y", linewidth=0.3)
    points = trial.points()
    yield from _rewards(left, points, limits.reward)
    yield from _readings(right, points, limits.pdi)


def _ticks(low: int, high: int) -> list[int]:
    step = max(1, -(-(high - low + 1) // 12))
    return list(range(low, high + 1, step))


def _rewards(axes: Any, points: Sequence[AttemptPoint], most: float) -> Iterator[_Mark]:
    axes.set_ylabel("reward", fontsize=8)
    axes.set_ylim(-0.1 * most, 1.35 * most)
    axes.set_yticks([0, most / 2, most])
    for point in points:
        if point.outcome is not None:
            mark, height = _OUTCOMES[point.outcome], point.reward or 0.0
            axes.vlines(point.number, 0, height, color=mark.colour, linewidth=1.5)
            yield _put(axes, mark, point.number, height)
        told = _TOLD.get(point.intervention or "none")
        if told is not None:
            yield _put(axes, told, point.number, 1.2 * most)


def _readings(axes: Any, points: Sequence[AttemptPoint], limits: tuple[float, float]) -> Iterator[_Mark]:
    axes.set_ylabel("PDI (weighted)", fontsize=8)
    axes.set_ylim(*limits)
    read = [(point.number, point.reading) for point in points if point.reading is not None]
    if not read:
        axes.text(0.5, 0.5, "no reading: nothing was reflected upon", transform=axes.transAxes, ha="center", fontsize=8)
        return
    measured = [(number, each, each.pdi) for number, each in read if each.pdi is not None]
    axes.plot([number for number, *_ in measured], [pdi for *_, pdi in measured], color=BLUE, linewidth=1.0, zorder=1)
    for threshold in sorted({each.threshold for _, each in read if each.threshold is not None}):
        axes.axhline(threshold, color=GREY, linewidth=1.0, linestyle="--")
        yield _Mark("threshold", "--", GREY)
    for number, each, pdi in measured:
        mark = _READ[each.level]
        yield _put(
            axes,
            mark._replace(filled=False, label=f"{mark.label} (not valid)") if each.valid is False else mark,
            number,
            pdi,
        )


def _put(axes: Any, mark: _Mark, x: float, y: float) -> _Mark:
    axes.plot([x], [y], clip_on=False, **_style(mark))
    return mark


def _style(mark: _Mark) -> dict[str, Any]:
    if mark.shape == "--":
        return {"linestyle": "--", "color": mark.colour, "linewidth": 1.0}
    return {
        "marker": mark.shape,
        "markersize": 6.5,
        "markeredgecolor": mark.colour,
        "markeredgewidth": 1.4,
        "markerfacecolor": mark.colour if mark.filled else "white",
        "linestyle": "none",
    }


def _legend(part: Any, marks: Sequence[_Mark]) -> None:
    axes = part.subplots()
    axes.set_axis_off()
    for mark in sorted(marks, key=lambda each: (_SHAPES.index(each.shape), each.label)):
        axes.plot([], [], label=mark.label, **_style(mark))
    axes.legend(loc="center", ncols=min(5, max(1, len(marks))), fontsize=8, frameon=False)
