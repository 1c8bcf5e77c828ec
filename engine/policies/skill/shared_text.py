"""Text that a skill has word for word from elsewhere: runs of characters that stand in another text, too; pure.

White space and case do not count. A skill is short and what it rests on is long, so the skill is indexed by each run of
`LEAST` characters, and another text is read once: the time is linear in both, whatever they hold. A paraphrase, and
what is shorter than `LEAST`, is not found.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

LEAST: Final = 24
"""Characters of a run, one for each stretch of white space; at least half of them are letters or digits."""
_WORDY: Final = LEAST // 2


class LineSpan(NamedTuple):
    """Where a line stands in the normalised text."""

    start: int
    end: int
    """Behind its last character; of an empty line, its start."""


class IndexedText(NamedTuple):
    """A file of a skill, with white space and case normalised."""

    text: str
    lines: tuple[LineSpan, ...]
    """Of each line of the file, in order."""
    runs: frozenset[str]
    """Each run of `LEAST` characters."""


class SharedRun(NamedTuple):
    """Characters of the normalised text that stand elsewhere, too."""

    start: int
    end: int
    """Behind the last."""


class SharedPart(NamedTuple):
    """How much of some lines stands elsewhere, too."""

    share: float
    """Of their characters, in (0, 1]."""
    longest: int
    """Characters of the longest run that touches them, of which some may stand on other lines."""


def normalised(text: str) -> str:
    """Give a text in lower case with each stretch of white space as one space; each character stays one character."""
    return " ".join(text.replace("\u0130", "i").lower().replace("\u03c2", "\u03c3").split())


def indexed(text: str) -> IndexedText:
    """Index a file of a skill."""
    spans: list[LineSpan] = []
    kept: list[str] = []
    at = 0
    for line in map(normalised, text.split("\n")):
        spans.append(LineSpan(at, at + len(line)))
        if line:
            kept.append(line)
            at += len(line) + 1
    whole = " ".join(kept)
    return IndexedText(whole, tuple(spans), frozenset(_runs(whole)))


def _runs(text: str) -> Iterator[str]:
    return (text[at : at + LEAST] for at in range(len(text) - LEAST + 1))


def runs_in(known: frozenset[str], text: str) -> frozenset[str]:
    """Say which runs of `LEAST` characters stand in a text.

    Args:
        known: Of all files of a skill, as `IndexedText.runs`.
        text: Any text, as it is.
    """
    return known.intersection(_runs(normalised(text))) if known else known


def shared(indexed_text: IndexedText, found: frozenset[str]) -> tuple[SharedRun, ...]:
    """Join runs of `LEAST` characters that follow upon each other to the longest ones, in order.

    Args:
        indexed_text: A file of a skill.
        found: Runs that stand in another text, as `runs_in` gives them.
    """
    joined: list[SharedRun] = []
    text = indexed_text.text
    for at in range(len(text) - LEAST + 1) if found else ():
        if text[at : at + LEAST] not in found:
            continue
        if joined and at + LEAST == joined[-1].end + 1:
            joined[-1] = SharedRun(joined[-1].start, at + LEAST)
        else:
            joined.append(SharedRun(at, at + LEAST))
    return tuple(run for run in joined if _words(text[run.start : run.end]) >= _WORDY)


def part_of_line(indexed_text: IndexedText, runs: Sequence[SharedRun], number: int) -> SharedPart | None:
    """Say how much of a line stands elsewhere, too.

    None: not all of it, and fewer than half of `LEAST` letters and digits, such as the first word of a line that a run
    from the line before ends in.

    Args:
        indexed_text: The file.
        runs: As `shared` gives them.
        number: Of the line, from 1.
    """
    span = indexed_text.lines[number - 1]
    covered = _within(runs, span)
    size = sum(each.end - each.start for each in covered)
    words = sum(_words(indexed_text.text[each.start : each.end]) for each in covered)
    if not words or (words < _WORDY and size < span.end - span.start):
        return None
    return SharedPart(size / (span.end - span.start), _longest(runs, span))


def part_of_lines(indexed_text: IndexedText, runs: Sequence[SharedRun], first: int, last: int) -> SharedPart | None:
    """Say how much of some lines stands elsewhere, too. None: none of them is one of which `part_of_line` says so.

    Args:
        indexed_text: The file.
        runs: As `shared` gives them.
        first: Number of the first line, from 1.
        last: Of the last one.
    """
    if not any(part_of_line(indexed_text, runs, number) for number in range(first, last + 1)):
        return None
    spans = indexed_text.lines[first - 1 : last]
    covered = sum(each.end - each.start for span in spans for each in _within(runs, span))
    return SharedPart(
        covered / sum(span.end - span.start for span in spans), max(_longest(runs, span) for span in spans)
    )


def _touching(runs: Sequence[SharedRun], span: LineSpan) -> Sequence[SharedRun]:
    """Give those that have characters of a span: both their starts and their ends grow."""
    first = bisect_right(runs, span.start, key=attrgetter("end"))
    return runs[first : bisect_left(runs, span.end, lo=first, key=attrgetter("start"))]


def _within(runs: Sequence[SharedRun], span: LineSpan) -> list[SharedRun]:
    """Cut runs to a span, each character once: runs may overlap."""
    cut: list[SharedRun] = []
    done = span.start
    for run in _touching(runs, span):
        start, end = max(run.start, done), min(run.end, span.end)
        if start < end:
            cut.append(SharedRun(start, end))
            done = end
    return cut


def _longest(runs: Sequence[SharedRun], span: LineSpan) -> int:
    return max((run.end - run.start for run in _touching(runs, span)), default=0)


def _words(text: str) -> int:
    return sum(map(str.isalnum, text))
