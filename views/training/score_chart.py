"""Scores by step, as a drawing on a page: what is believed beside what was measured."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from views.runs.train_rows import TrainStepRow, percent, place

WIDTH: Final = 660
HEIGHT: Final = 220


class ChartPoint(NamedTuple):
    """A mark."""

    x: float
    y: float
    kind: str
    """``accepted``, ``rejected``, ``undecided`` or ``measured``."""
    text: str
    """What it says, for those who cannot see it."""


class ScoreChart(NamedTuple):
    """The drawing, in its own units; y grows downwards."""

    width: int
    height: int
    ticks: Sequence[tuple[float, str]]
    """Places on the scale of scores."""
    names: Sequence[tuple[float, str]]
    """Places of steps."""
    lines: Sequence[tuple[str, str]]
    """Kind (``believed``, ``raw`` or ``level``) and path."""
    band: str | None
    """Path around what is believed, one standard deviation wide. None: the gate states none."""
    points: Sequence[ChartPoint]


def score_chart(rows: Sequence[TrainStepRow]) -> ScoreChart | None:
    """Lay a chart out. None: there is nothing to draw."""
    if len(rows) < 2 or all(row.believed is None for row in rows):
        return None
    step = WIDTH / (len(rows) - 1)

    def across(index: int) -> float:
        return round(index * step, 1)

    shown = max(1, -(-len(rows) // 14))
    lines = [
        (kind, _path(rows, value, across)) for kind, value in _LINES if any(value(row) is not None for row in rows)
    ]
    return ScoreChart(
        WIDTH,
        HEIGHT,
        [(_down(share), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        [(across(index), place(row)) for index, row in enumerate(rows) if index % shown == 0],
        lines,
        _band(rows, across),
        [point for index, row in enumerate(rows) for point in _points(row, across(index))],
    )


_LINES: Final[Sequence[tuple[str, Callable[[TrainStepRow], float | None]]]] = (
    ("raw", lambda row: row.raw),
    ("level", lambda row: row.level),
    ("believed", lambda row: row.believed),
)


def _down(share: float) -> float:
    return round(HEIGHT * (1 - share), 1)


def _path(
    rows: Sequence[TrainStepRow], value: Callable[[TrainStepRow], float | None], across: Callable[[int], float]
) -> str:
    """Draw steps: a value holds from its step to the next one."""
    parts: list[str] = []
    for index, row in enumerate(rows):
        found = value(row)
        if found is not None:
            at = f"{across(index)} {_down(found)}"
            parts.append(f"H {across(index)} V {_down(found)}" if parts else f"M {at}")
    return " ".join(parts)


def _band(rows: Sequence[TrainStepRow], across: Callable[[int], float]) -> str | None:
    ends = [
        (across(index), row.believed, row.deviation)
        for index, row in enumerate(rows)
        if row.believed is not None and row.deviation is not None
    ]
    if len(ends) < 2:
        return None
    upper = [f"{x} {_down(min(1.0, mean + deviation))}" for x, mean, deviation in ends]
    lower = [f"{x} {_down(max(0.0, mean - deviation))}" for x, mean, deviation in reversed(ends)]
    return f"M {' L '.join([*upper, *lower])} Z"


def _points(row: TrainStepRow, x: float) -> list[ChartPoint]:
    found: list[ChartPoint] = []
    if row.score is not None:
        found.append(ChartPoint(x, _down(row.score), row.outcome, f"{place(row)}: {percent(row.score)}, {row.outcome}"))
    if row.measured is not None and row.outcome in {"accepted", "initial"}:
        words = f"revision {row.revision}, measured since: {percent(row.measured)}"
        found.append(ChartPoint(x, _down(row.measured), "measured", words))
    return found
