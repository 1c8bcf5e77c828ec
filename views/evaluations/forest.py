"""Geometry of a forest plot: the difference of each arm with its interval, on one scale; pure."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor
from typing import Final, NamedTuple

from views.evaluations.comparison import ArmRow

WIDTH: Final = 340
"""Of the scale, in units of the drawing."""
ROW: Final = 34
"""Height of an arm."""
HEAD: Final = 24
"""Height of the labels of the scale."""
_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS: Final = 7


class ForestTick(NamedTuple):
    """A mark of the scale."""

    x: float
    text: str


class ForestArm(NamedTuple):
    """One arm."""

    row: ArmRow
    y: float
    """Of its middle."""
    x: float
    """Of its difference."""
    ends: tuple[float, float] | None
    """Of its interval. None: there is none."""


class ForestPlot(NamedTuple):
    """What is drawn."""

    width: int
    height: int
    zero: float
    band: tuple[float, float] | None
    """Where differences are too small to matter. None: nobody says from which size on they do."""
    ticks: tuple[ForestTick, ...]
    arms: tuple[ForestArm, ...]


def forest(rows: Sequence[ArmRow], effect: float | None = None) -> ForestPlot | None:
    """Place the arms that have a difference on one scale, which holds 0 and all intervals.

    Args:
        rows: Of the arms.
        effect: The smallest difference that matters; in ]0, 1]. None: nobody says.

    Returns:
        None where no arm has a difference.
    """
    shown = [(row, row.difference) for row in rows if row.difference is not None]
    if not shown:
        return None
    values = [
        0.0,
        *(value for _, value in shown),
        *(each for row, _ in shown for each in (row.low, row.high) if each is not None),
        *(() if effect is None else (-effect, effect)),
    ]
    step = next((each for each in _STEPS if (max(values) - min(values)) / each < _MOST_TICKS), _STEPS[-1])
    low, high = floor(min(values) / step), ceil(max(values) / step)
    high = max(high, low + 1)

    def place(value: float) -> float:
        return float(round(WIDTH * (value / step - low) / (high - low), 2))

    return ForestPlot(
        width=WIDTH,
        height=HEAD + ROW * len(shown),
        zero=place(0),
        band=None if effect is None else (place(-effect), place(effect)),
        ticks=tuple(ForestTick(place(each * step), f"{100 * each * step:+.0f}") for each in range(low, high + 1)),
        arms=tuple(_arms(shown, place)),
    )


def _arms(shown: Sequence[tuple[ArmRow, float]], place: Callable[[float], float]) -> Iterator[ForestArm]:
    for index, (row, value) in enumerate(shown):
        ends = None if row.low is None or row.high is None else (place(row.low), place(row.high))
        yield ForestArm(row, HEAD + ROW * (index + 0.5), place(value), ends)
