"""Figure of a training run: what is believed beside what was measured, step by step, and the items that moved."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from views.figures.charts import BLUE, GREEN, GREY, ORANGE, RED, Caption, FigureFormat, drawn, printable
from views.runs.train_rows import TrainStepRow, percent, place
from views.terminal.format import plural

_WIDTH: Final = 10.0
_HEIGHT: Final = 6.4
_ROOM: Final = 1.35
"""Height of the lower panel beside its tallest bar: the number of items stands above and below bars."""
_MOST_NAMES: Final = 20
"""Steps that are named on the axis; of more, every second or third is."""


class ItemMoves(NamedTuple):
    """How many items a candidate won and lost."""

    won: int
    lost: int


class TrainingFigure(NamedTuple):
    """What is drawn."""

    run: str
    skill: str
    rows: Sequence[TrainStepRow]
    """The initial skill first."""
    moves: Sequence[ItemMoves | None]
    """One for each row. None: it has no candidate that was measured."""
    nothing: float | None
    """Share of items that are solved without anything being done. None: it was not measured."""


def training_caption(told: TrainingFigure) -> Caption:
    """Say in words what the figure shows."""
    said = "; ".join(_words(row, moves) for row, moves in zip(told.rows, told.moves, strict=True))
    idle = "" if told.nothing is None else f" Doing nothing scores {percent(told.nothing)}."
    return Caption(printable(f"Training of {told.skill}, run {told.run}"), printable(f"{said}.{idle}"))


def _words(row: TrainStepRow, moves: ItemMoves | None) -> str:
    parts = [f"{place(row)} {row.outcome}"]
    if row.score is not None:
        parts.append(f"score {percent(row.score)}")
    parts += [f"believed {percent(row.believed)}", f"raw {percent(row.raw)}", f"filtered level {percent(row.level)}"]
    if row.measured is not None:
        parts.append(f"measured since {percent(row.measured)}")
    if moves is not None:
        parts.append(f"{plural(moves.won, 'item')} won and {moves.lost} lost")
    return ", ".join(parts)


def training_figure(told: TrainingFigure, form: FigureFormat = "svg") -> bytes:
    """Draw a training run.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """

    def paint(figure: Any) -> None:
        figure.suptitle(training_caption(told).title, fontsize=11)
        scores, items = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.3))
        _scores(scores, told)
        _moves(items, told)
        shown = -(-len(told.rows) // _MOST_NAMES)
        items.set_xticks(range(0, len(told.rows), shown))
        items.set_xticklabels([printable(place(row)) for row in told.rows[::shown]], fontsize=8)
        items.set_xlim(-0.5, len(told.rows) - 0.5)

    return drawn(form, (_WIDTH, _HEIGHT), training_caption(told), paint)


def _scores(axes: Any, told: TrainingFigure) -> None:
    rows = told.rows
    axes.set_ylabel("score on selection items", fontsize=8)
    axes.set_ylim(-0.03, 1.03)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, axis="y", linewidth=0.3)
    if told.nothing is not None:
        axes.axhline(told.nothing, color=GREY, linewidth=0.8, linestyle=":", label="nothing done")
    raw, level, own = [[getattr(row, name) for row in rows] for name in ("raw", "level", "believed")]
    _steps(axes, raw, color=RED, linestyle="--", linewidth=1.2, label="raw: the pass that was accepted")
    _steps(axes, level, color=ORANGE, linestyle=":", linewidth=1.6, label="filtered level")
    _steps(axes, own, color=BLUE, linewidth=1.8, label="believed by the gate")
    _band(axes, rows)
    for outcome, colour, filled in (("accepted", GREEN, True), ("rejected", RED, False), ("undecided", GREY, False)):
        points = [(index, row.score) for index, row in enumerate(rows) if row.outcome == outcome]
        _marks(axes, points, marker="o", colour=colour, filled=filled, label=f"candidate, {outcome}")
    fresh = [(index, row.measured) for index, row in enumerate(rows) if row.outcome in {"accepted", "initial"}]
    _marks(axes, fresh, marker="D", colour="black", filled=True, label="measured since it came into force")
    axes.legend(fontsize=7.5, frameon=False, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _steps(axes: Any, values: Sequence[float | None], **style: Any) -> None:
    """Draw values that hold from their step to the next one."""
    points = [(float(index), value) for index, value in enumerate(values) if value is not None]
    if points:
        points.append((len(values) - 0.5, points[-1][1]))
        axes.step([index for index, _ in points], [found for _, found in points], where="post", zorder=1, **style)


def _band(axes: Any, rows: Sequence[TrainStepRow]) -> None:
    known = [
        (float(index), row.believed, row.deviation)
        for index, row in enumerate(rows)
        if row.believed is not None and row.deviation is not None
    ]
    if len(known) > 1:
        known.append((len(rows) - 0.5, *known[-1][1:]))
        places = [index for index, _, _ in known]
        low = [max(0.0, mean - deviation) for _, mean, deviation in known]
        high = [min(1.0, mean + deviation) for _, mean, deviation in known]
        axes.fill_between(places, low, high, step="post", color=BLUE, alpha=0.12, linewidth=0, label="± one deviation")


def _marks(
    axes: Any, points: Sequence[tuple[int, float | None]], *, marker: str, colour: str, filled: bool, label: str
) -> None:
    known = [(index, value) for index, value in points if value is not None]
    if known:
        axes.plot(
            [index for index, _ in known],
            [value for _, value in known],
            linestyle="none",
            marker=marker,
            markersize=6.5,
            markeredgecolor=colour,
            markerfacecolor=colour if filled else "white",
            label=label,
            clip_on=False,
        )


def _moves(axes: Any, told: TrainingFigure) -> None:
    """Draw how many items each candidate won, upwards, and lost, downwards."""
    axes.set_ylabel("items moved", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.axhline(0, color=GREY, linewidth=0.8)
    known = [(index, moves) for index, moves in enumerate(told.moves) if moves is not None]
    most = max([1, *(max(moves.won, moves.lost) for _, moves in known)])
    axes.set_ylim(-_ROOM * most, _ROOM * most)
    axes.set_yticks([-most, 0, most], labels=[str(most), "0", str(most)])
    places = [index for index, _ in known]
    axes.bar(places, [moves.won for _, moves in known], width=0.5, color=GREEN)
    axes.bar(places, [-moves.lost for _, moves in known], width=0.5, color=RED, hatch="//", edgecolor="white")
    words = (" won", " lost") if len(told.rows) <= _MOST_NAMES else ("", "")
    for index, moves in known:
        for number, word, way in zip((moves.won, moves.lost), words, (1, -1), strict=True):
            side = "bottom" if way > 0 else "top"
            if number:
                axes.text(index, way * number, f"{number}{word}", ha="center", va=side, fontsize=7)
