"""Pictures from matplotlib: the one door to it, and optional: the extra ``figures``.

It is loaded when a picture is asked for, since loading it takes a second that no other command should pay. The same
figures give the same bytes: no date, no random ids, letters as text.
"""

from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from typing import Any, ClassVar, Final, NamedTuple

from events.errors import ExitCode
from views.terminal.errors import ViewError

_SETTINGS: Final = {
    "svg.hashsalt": "stillroom",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class ChartsAbsent(ViewError):
    """Raised when a picture needs matplotlib, and it is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "drawing needs matplotlib, which is not installed",
            remedy="run `pip install matplotlib`, or install this package with its extra `figures`",
        )


class ChartLine(NamedTuple):
    """One line of a panel."""

    label: str
    values: Sequence[float]
    """One for each place on the shared axis; NaN leaves a gap."""


class Panel(NamedTuple):
    """Lines over the shared axis."""

    title: str
    lines: Sequence[ChartLine]
    share: bool
    """Whether the values are shares, so that the axis goes from 0 to 1."""


def panels_svg(title: str, axis: str, places: Sequence[float], panels: Sequence[Panel]) -> bytes:
    """Draw panels below each other, as SVG.

    Args:
        title: Above all.
        axis: What the shared axis means.
        places: On the shared axis, in order.
        panels: From the top.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    matplotlib, figure_module = _load("matplotlib"), _load("matplotlib.figure")
    with matplotlib.rc_context(_SETTINGS):
        figure = figure_module.Figure(figsize=(7, 0.6 + 2.2 * len(panels)), layout="constrained")
        figure.suptitle(title, fontsize=11)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for each, panel in zip(axes, panels, strict=True):
            _draw(each, places, panel)
        axes[-1].set_xlabel(axis)
        written = BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _draw(axes: Any, places: Sequence[float], panel: Panel) -> None:
    for line in panel.lines:
        axes.plot(places, line.values, marker="o", markersize=2.5, linewidth=1.2, label=line.label)
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.grid(visible=True, linewidth=0.3)
    if panel.share:
        axes.set_ylim(-0.02, 1.02)
    else:
        axes.set_ylim(bottom=0)
    if len(panel.lines) > 1:
        axes.legend(fontsize=8, frameon=False)


def _load(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ChartsAbsent from error
