"""Figure of a run over a suite: the share of solved tasks by role, arm by arm, with what has no score."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from events.types.suite import ROLES, TaskRole
from projections.evolution.measures import ArmMeasures, Share
from views.figures.charts import BLUE, GREEN, GREY, ORANGE, RED, Caption, FigureFormat, drawn, printable

_WIDTH: Final = 10.0
_ROW: Final = 0.55
"""Height of an arm."""
_GROUPS: Final[Sequence[tuple[str, tuple[TaskRole, ...], str]]] = (
    ("learning T1-T3", ROLES[:3], GREY),
    ("context shift T4", ROLES[3:4], BLUE),
    ("adversarial T5", ROLES[4:5], ORANGE),
    ("composition T6", ROLES[5:], GREEN),
)


class EvolutionFigure(NamedTuple):
    """What is drawn."""

    run: str
    suite: str
    arms: Sequence[ArmMeasures]


def evolution_caption(told: EvolutionFigure) -> Caption:
    """Say in words what the figure shows."""
    said = "; ".join(f"{arm.arm}: {', '.join(_words(arm))}" for arm in told.arms)
    return Caption(printable(f"Arms over {told.suite}, run {told.run}"), printable(f"{said}."))


def _words(arm: ArmMeasures) -> Sequence[str]:
    return [f"{name} {share.solved} of {share.scored}" for name, share, _ in _bars(arm)]


def _bars(arm: ArmMeasures) -> Sequence[tuple[str, Share, str]]:
    return [(name, _joined([arm.roles[role] for role in roles]), colour) for name, roles, colour in _GROUPS]


def _joined(shares: Sequence[Share]) -> Share:
    return Share(
        sum(each.solved for each in shares), sum(each.scored for each in shares), sum(each.scheduled for each in shares)
    )


def evolution_figure(told: EvolutionFigure, form: FigureFormat = "svg") -> bytes:
    """Draw the arms of a run.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """

    def paint(figure: Any) -> None:
        figure.suptitle(evolution_caption(told).title, fontsize=11)
        panels = figure.subplots(1, len(_GROUPS), sharey=True)
        for number, axes in enumerate(panels):
            _panel(axes, [_bars(arm)[number] for arm in told.arms])
        panels[0].set_yticks(range(len(told.arms)))
        panels[0].set_yticklabels([printable(arm.arm) for arm in told.arms], fontsize=8)
        panels[0].invert_yaxis()

    return drawn(form, (_WIDTH, 1.5 + _ROW * len(told.arms)), evolution_caption(told), paint)


def _panel(axes: Any, bars: Sequence[tuple[str, Share, str]]) -> None:
    """Draw one group of roles; the hatched part of a bar is what trials without a score could add."""
    axes.set_title(bars[0][0] if bars else "", fontsize=9)
    axes.set_xlim(0, 1.28)
    axes.set_xticks([0, 0.5, 1], ["0", "50", "100 %"], fontsize=7.5)
    axes.grid(visible=True, axis="x", linewidth=0.3)
    for place, (_, share, colour) in enumerate(bars):
        bounds = share.bounds
        if bounds is None:
            axes.text(0.02, place, "none scheduled", va="center", fontsize=7, color=GREY)
            continue
        low, high = bounds
        axes.barh(place, low, color=colour, height=0.62)
        if high > low:
            axes.barh(place, high - low, left=low, color="white", edgecolor=RED, hatch="///", height=0.62)
        axes.text(high + 0.03, place, f"{share.solved}/{share.scheduled}", va="center", fontsize=7.5)
