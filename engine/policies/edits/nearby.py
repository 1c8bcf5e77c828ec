"""What an optimizer may have meant where the text that it named does not stand."""

from collections import Counter
from difflib import SequenceMatcher
from typing import Final, NamedTuple

LEAST: Final = 0.6
"""Share of the pairs of characters of a text that a near one has."""
_CANDIDATES: Final = 3
_QUOTED: Final = 160


class NearMatch(NamedTuple):
    """Lines that are nearest to a text."""

    line: int
    """The first of them, from 1."""
    text: str


def nearest(text: str, target: str) -> NearMatch | None:
    """Find as many lines as a text has that have most in common with it. None: nothing is near.

    Pairs of neighbouring characters are counted, so that a part of a line is near to its line; among the best the order
    of words decides.
    """
    wanted = _pairs(target)
    total = wanted.total()
    if not total:
        return None
    lines = text.split("\n")
    size = len(target.strip().split("\n"))
    windows = ["\n".join(lines[at : at + size]) for at in range(max(1, len(lines) - size + 1))]
    shares = [(wanted & _pairs(window)).total() / total for window in windows]
    best = sorted(range(len(windows)), key=lambda at: (-shares[at], at))[:_CANDIDATES]
    close = [at for at in best if shares[at] >= LEAST]
    if not close:
        return None
    at = max(close, key=lambda each: (_in_order(windows[each], target), shares[each]))
    return NearMatch(at + 1, windows[at].strip())


def quoted(text: str) -> str:
    """Write a text on one line between quotes, shortened in its middle."""
    flat = text.replace("\r", "").replace("\n", "\\n")
    if len(flat) > _QUOTED:
        flat = f"{flat[: _QUOTED - 40]} … {flat[-37:]}"
    return f"“{flat}”"


def line_at(text: str, at: int) -> int:
    """Say in which line a place is, from 1."""
    return text.count("\n", 0, at) + 1


def _pairs(text: str) -> Counter[str]:
    flat = " ".join(text.split()).lower()
    return Counter(flat[at : at + 2] for at in range(len(flat) - 1))


def _in_order(one: str, other: str) -> float:
    return SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()
