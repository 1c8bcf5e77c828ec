"""Figure of two attempts side by side: what they were told, ran and were judged, and what differs (SPARK's case 1)."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, groupby, zip_longest
from typing import Any, Final, Literal, NamedTuple
from unicodedata import east_asian_width

from views.figures.charts import BLUE, GREY, ORANGE, Caption, FigureFormat, drawn, printable

_COLUMN: Final = 64
"""Characters of a column."""
_MOST: Final = 24
"""Lines that a part shows; how many more there are is said."""
_SIZE: Final = 7.0
"""Of letters, in points; a letter of the typeface is 0.602 of it wide, a little more where it is drawn in pixels."""
_LINE: Final = _SIZE * 1.45 / 72
_CHARACTER: Final = _SIZE * 0.62 / 72
"""In inches."""
_MARGIN: Final = 0.25
_GAP: Final = 3
"""Characters between the columns."""
_HEAD: Final = 4
"""Lines above the first part."""


class AttemptTexts(NamedTuple):
    """One attempt, with what its texts say."""

    run: str
    trial: str
    attempt: int
    verdict: str
    """In a few words."""
    tests: tuple[str, ...]
    """Rows of the verifier."""
    commands: tuple[str, ...]
    told: tuple[str, ...]
    """Lines that were added to its instruction: the memo, and the intervention; none if there were none."""

    @property
    def name(self) -> str:
        """As a person names it."""
        return printable(f"{self.run}:{self.trial}/{self.attempt}")


Side = Literal["both", "before", "after"]


class ComparedLine(NamedTuple):
    """A line of one or both attempts."""

    side: Side
    """Which has it."""
    text: str


def compared(before: Sequence[str], after: Sequence[str]) -> list[ComparedLine]:
    """Compare two lists of lines, in their order: what only one has stands before what follows in both."""
    lines: list[ComparedLine] = []
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for kind, first, first_end, second, second_end in blocks:
        if kind == "equal":
            lines += [ComparedLine("both", text) for text in before[first:first_end]]
            continue
        lines += [ComparedLine("before", text) for text in before[first:first_end]]
        lines += [ComparedLine("after", text) for text in after[second:second_end]]
    return lines


class _Part(NamedTuple):
    """A heading, and lines below it."""

    heading: str
    lines: list[ComparedLine]

    @property
    def differing(self) -> int:
        return sum(line.side != "both" for line in self.lines)


def _parts(before: AttemptTexts, after: AttemptTexts) -> list[_Part]:
    return [
        _Part("Tests", compared(before.tests, after.tests)),
        _Part("Commands", compared(before.commands, after.commands)),
        _Part("What it was told besides its task", compared(before.told, after.told)),
    ]


def before_after_caption(before: AttemptTexts, after: AttemptTexts) -> Caption:
    """Say in words what the figure shows."""
    said = "; ".join(
        f"{part.heading.lower()}: {_count(part, 'both')} in both, {_count(part, 'before')} only in the first, "
        f"{_count(part, 'after')} only in the second"
        for part in _parts(before, after)
    )
    return Caption(
        f"{before.name} and {after.name}",
        f"{before.name}: {before.verdict}. {after.name}: {after.verdict}. Lines of {said}.",
    )


def _count(part: _Part, side: Side) -> int:
    return sum(line.side == side for line in part.lines)


class _Drawn(NamedTuple):
    """One line of the figure."""

    left: str
    right: str
    kind: Literal["heading", "both", "differs", "note"]


def before_after_figure(before: AttemptTexts, after: AttemptTexts, form: FigureFormat = "svg") -> bytes:
    """Draw two attempts beside each other.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    rows = [row for part in _parts(before, after) for row in _rows(part)]
    width = 2 * _MARGIN + (2 * (_COLUMN + 2) + _GAP) * _CHARACTER
    height = 2 * _MARGIN + (len(rows) + _HEAD + 2) * _LINE

    def paint(figure: Any) -> None:
        page = _Page(figure, width, height)
        for column, attempt in enumerate((before, after)):
            page.write(column, 0, _fitted(f"attempt {attempt.attempt} of {attempt.trial}"), weight="bold")
            page.write(column, 1, _fitted(f"run {attempt.run}"), color=GREY)
            page.write(column, 2, _fitted(attempt.verdict))
        for number, row in enumerate(rows, start=_HEAD):
            _draw(page, number, row)
        sign = "- only in the first attempt    + only in the second    others in both"
        page.write(0, len(rows) + _HEAD, sign, color=GREY)

    return drawn(form, (width, height), before_after_caption(before, after), paint)


def _rows(part: _Part) -> Iterator[_Drawn]:
    """Lay a part out: what differs stands beside what takes its place."""
    yield _Drawn(f"{part.heading} ({part.differing} of {len(part.lines)} lines differ)", "", "heading")
    laid = list(_beside(part.lines))
    shown = _shown(laid)
    yield from shown
    if not laid:
        yield _Drawn("(none)", "(none)", "note")
    if len(shown) < len(laid):
        yield _Drawn(f"({len(laid) - len(shown)} more lines)", "", "note")
    yield _Drawn("", "", "note")


def _shown(laid: Sequence[_Drawn]) -> list[_Drawn]:
    """Choose the lines that fit: what differs first, in its order."""
    first = [number for number, row in enumerate(laid) if row.kind == "differs"]
    others = [number for number, row in enumerate(laid) if row.kind != "differs"]
    return [laid[number] for number in sorted([*first, *others][:_MOST])]


def _beside(lines: Sequence[ComparedLine]) -> Iterator[_Drawn]:
    for same, group in groupby(lines, key=lambda line: line.side == "both"):
        if same:
            yield from (_Drawn(f"  {_fitted(line.text)}", f"  {_fitted(line.text)}", "both") for line in group)
            continue
        differing = list(group)
        left = [f"- {_fitted(line.text)}" for line in differing if line.side == "before"]
        right = [f"+ {_fitted(line.text)}" for line in differing if line.side == "after"]
        yield from (_Drawn(first, second, "differs") for first, second in zip_longest(left, right, fillvalue=""))


def _fitted(text: str) -> str:
    """Keep a text on its line, and say how many lines of it are not shown."""
    first, *more = text.strip("\n").split("\n")
    tail = f" (+{len(more)} lines)" if more else ""
    return _cut(printable(first.expandtabs(4).rstrip()) or "(blank)", _COLUMN - len(tail)) + tail


def _cut(text: str, room: int) -> str:
    """Cut a text to so many columns; a letter of East Asian scripts takes two."""
    widths = list(accumulate(2 if east_asian_width(letter) in "WF" else 1 for letter in text))
    if not widths or widths[-1] <= room:
        return text
    return text[: sum(width < room for width in widths)] + "…"


class _Page:
    """Text on a grid of letters."""

    def __init__(self, figure: Any, width: float, height: float) -> None:
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)

    def write(self, column: int, line: int, text: str, **style: str) -> None:
        x, y = _MARGIN + self._offset(column), _MARGIN + (line + 0.5) * _LINE
        self._axes.text(x, y, text, fontsize=_SIZE, family="DejaVu Sans Mono", va="center", **style)

    def shade(self, column: int, line: int, colour: str) -> None:
        x, y = _MARGIN + self._offset(column), _MARGIN + line * _LINE
        width = (_COLUMN + 2) * _CHARACTER
        self._axes.fill([x, x + width, x + width, x], [y, y, y + _LINE, y + _LINE], color=colour, alpha=0.18, lw=0)

    def _offset(self, column: int) -> float:
        return column * (_COLUMN + 2 + _GAP) * _CHARACTER


def _draw(page: _Page, number: int, row: _Drawn) -> None:
    texts = (row.left, row.right)
    for column, (text, colour) in enumerate(zip(texts, (ORANGE, BLUE), strict=True)):
        if not text:
            continue
        match row.kind:
            case "heading":
                page.write(column, number, text, weight="bold")
            case "differs":
                page.shade(column, number, colour)
                page.write(column, number, text)
            case "both" | "note":
                page.write(column, number, text, color=GREY)
