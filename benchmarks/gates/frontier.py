"""The frontier of gates: gain against harm at equal cost, each gate at several settings, as a figure."""

from collections.abc import Callable, Iterator, Mapping
from statistics import fmean
from typing import Any, Final

import msgspec

from benchmarks.gates.simulation import play
from benchmarks.gates.world import WorldSpec
from engine.policies.gates.adaptive import AdaptiveGate, AdaptiveRule
from engine.policies.gates.base import Gate
from engine.policies.gates.items import ItemsGate, ItemsRule
from engine.policies.gates.level import LevelGate, LevelRule
from engine.policies.gates.strict import StrictGate
from views.figures.charts import BLUE, GREEN, GREY, ORANGE, Caption, FigureFormat, drawn

_BORDERS: Final = (0.4, 0.7, 1.0, 1.5, 2.0)
_HARM: Final = (0.02, 0.06, 0.12, 0.3)
_HARM_UNSURE: Final = (0.1, 0.3, 0.5)
_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "strict": (GREY, "s"),
    "level": (BLUE, "o"),
    "items": (ORANGE, "^"),
    "adaptive": (GREEN, "D"),
}


class FrontierPoint(msgspec.Struct, frozen=True):
    """One gate at one setting in one world."""

    world: str
    n: int
    gate: str
    setting: str
    gain: float
    """In points."""
    harmful: float
    """Harmful candidates that were accepted, in percent."""
    helpful: float
    """Helpful ones: the power."""


def _levels() -> Iterator[tuple[str, Gate]]:
    for border in _BORDERS:
        yield f"{border:g} errors", LevelGate(LevelRule(caution=border, least=min(0.75, border)))


def _items() -> Iterator[tuple[str, Gate]]:
    for harm in _HARM:
        yield f"harm {harm:g}", ItemsGate(ItemsRule(harm=harm))


def _adaptives() -> Iterator[tuple[str, Gate]]:
    for harm in _HARM_UNSURE:
        yield f"harm {harm:g}", AdaptiveGate(AdaptiveRule(harm=harm))


def _stricts() -> Iterator[tuple[str, Gate]]:
    yield "", StrictGate()


_GATES: Final[Mapping[str, Callable[[], Iterator[tuple[str, Gate]]]]] = {
    "strict": _stricts,
    "level": _levels,
    "items": _items,
    "adaptive": _adaptives,
}


def frontier(worlds: Mapping[str, WorldSpec], n: int, runs: int) -> Iterator[FrontierPoint]:
    """Play each gate at each setting in each world."""
    for name, world in worlds.items():
        for gate, settings in _GATES.items():
            for setting, made in settings():
                played = [play(world, made, n, number) for number in range(runs)]
                shares = {
                    kind: 100
                    * sum(each.accepted[kind] for each in played)
                    / max(1, sum(each.tried[kind] for each in played))
                    for kind in ("harmful", "helpful")
                }
                gain = 100 * fmean(each.gain for each in played)
                yield FrontierPoint(
                    name, n, gate, setting, round(gain, 2), round(shares["harmful"], 2), round(shares["helpful"], 1)
                )


def frontier_figure(points: list[FrontierPoint], form: FigureFormat) -> bytes:
    """Draw a panel for each world."""
    worlds = list(dict.fromkeys(point.world for point in points))

    def paint(figure: Any) -> None:
        axes = figure.subplots(1, len(worlds), sharey=True, squeeze=False)[0]
        for each, world in zip(axes, worlds, strict=True):
            _panel(each, world, [point for point in points if point.world == world])
        axes[0].set_ylabel("true gain of a run, points")
        axes[-1].legend(fontsize=8, frameon=False)

    said = "; ".join(
        f"{point.world}, {point.gate} {point.setting}: gain {point.gain:+.1f} points, harmful {point.harmful:.1f} %, "
        f"helpful {point.helpful:.0f} %"
        for point in points
    )
    caption = Caption("Gain against harm at equal cost", f"One mark for each gate at each setting. {said}.")
    return drawn(form, (3.6 * len(worlds), 3.6), caption, paint)


def _panel(axes: Any, world: str, points: list[FrontierPoint]) -> None:
    for gate, (colour, marker) in _STYLES.items():
        line = sorted((point.harmful, point.gain) for point in points if point.gate == gate)
        axes.plot(
            [harm for harm, _ in line],
            [gain for _, gain in line],
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1,
            label=gate,
        )
    axes.set_title(world, fontsize=9, loc="left")
    axes.set_xlabel("harmful candidates accepted, %")
    axes.grid(visible=True, linewidth=0.3)
