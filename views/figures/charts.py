"""Pictures from matplotlib: the one door to it, and optional: the extra ``figures``.

It is loaded when a picture is asked for, since loading it takes a second that no other command should pay. The same
figures give the same bytes: no date, no random ids, letters of an SVG as text. What a picture shows is also said in
words, which are in the file: its title, and a description for those who cannot see it.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias
from xml.sax.saxutils import escape

from events.errors import ExitCode
from views.terminal.errors import UsageWrong, ViewError

FigureFormat: TypeAlias = Literal["svg", "png", "pdf"]

_SETTINGS: Final = {
    "svg.hashsalt": "stillroom",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a command's dollar is no formula
}
_DOTS_PER_INCH: Final = 150

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#767676"
"""Colours that people with any colour vision tell apart (Okabe and Ito); a shape or a word repeats what each says."""


class ChartsAbsent(ViewError):
    """Raised when a picture needs matplotlib, and it is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "drawing needs matplotlib, which is not installed",
            remedy="run `pip install matplotlib`, or install this package with its extra `figures`",
        )


class Caption(NamedTuple):
    """What a picture says, in words; both are in the file."""

    title: str
    description: str
    """Text alternative: what can be seen, for those who cannot."""


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


def format_of(path: Path) -> FigureFormat:
    """Say in which format a picture is written, by the suffix of its file.

    Raises:
        UsageWrong: It is none of those that can be written.
    """
    suffix = path.suffix.removeprefix(".").lower()
    match suffix:
        case "svg" | "png" | "pdf":
            return suffix
        case _:
            pass
    raise UsageWrong(f"{path} names no format of a figure", remedy="end the name in .svg, .png or .pdf")


def drawn(form: FigureFormat, size: tuple[float, float], caption: Caption, paint: Callable[[Any], None]) -> bytes:
    """Draw a picture.

    Args:
        form: Of the file.
        size: Width and height, in inches.
        caption: What it says.
        paint: Draws on a `matplotlib.figure.Figure` with a constrained layout.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    matplotlib, figure_module = _load("matplotlib"), _load("matplotlib.figure")
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of letters that the font lacks: a box is drawn in their place
        figure = figure_module.Figure(figsize=size, layout="constrained")
        paint(figure)
        written = BytesIO()
        figure.savefig(written, format=form, dpi=_DOTS_PER_INCH, metadata=_METADATA[form](caption))
    return _described(written.getvalue(), caption) if form == "svg" else written.getvalue()


_METADATA: Final[dict[FigureFormat, Callable[[Caption], dict[str, str | None]]]] = {
    "svg": lambda caption: {"Date": None, "Creator": None, "Title": caption.title},
    "png": lambda caption: {"Software": None, "Title": caption.title, "Description": caption.description},
    "pdf": lambda caption: {"CreationDate": None, "Title": caption.title, "Subject": caption.description},
}


def _described(svg: bytes, caption: Caption) -> bytes:
    """Give an SVG a description where screen readers look for one, and keep the spaces that a line begins with."""
    words = f"<desc>{escape(printable(caption.description))}</desc>\n <metadata>"
    for before, after in (
        (b"<svg ", b'<svg role="img" '),
        (b"<metadata>", words.encode()),
        (b"</style>", b"text{white-space: pre}</style>"),
    ):
        svg = svg.replace(before, after, 1)
    return _numbered(svg)


_NAMES: Final = re.compile(rb"""(?:(?<= id=")|(?<=\(#)|(?<=href="#))[a-zA-Z][0-9a-f]{10}(?=[")])""")


def _numbered(svg: bytes) -> bytes:
    """Name the parts of an SVG by their order: matplotlib hashes places, whose last bits a layout may change."""
    numbers: dict[bytes, bytes] = {}

    def name(found: re.Match[bytes]) -> bytes:
        return numbers.setdefault(found[0], found[0][:1] + b"%d" % (len(numbers) + 1))

    return _NAMES.sub(name, svg)


def printable(text: str) -> str:
    """Replace what cannot be drawn, such as control characters; XML could not hold them either."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


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

    def paint(figure: Any) -> None:
        figure.suptitle(title, fontsize=11)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for each, panel in zip(axes, panels, strict=True):
            _draw(each, places, panel)
        axes[-1].set_xlabel(axis)

    said = "; ".join(f"{panel.title}: {', '.join(line.label for line in panel.lines)}" for panel in panels)
    caption = Caption(title, f"{len(panels)} panels of lines over {axis}: {said}.")
    return drawn("svg", (7, 0.6 + 2.2 * len(panels)), caption, paint)


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
