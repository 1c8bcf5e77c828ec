"""Where the text stands that an edit names: it must stand there once, outside protected blocks."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.policies.edits.edit import EditRefusal
from engine.policies.edits.nearby import line_at, nearest, quoted
from engine.policies.edits.regions import ProtectedBlock, protected_blocks


class Anchor(NamedTuple):
    """A place in a text."""

    start: int
    end: int
    exact: bool
    """Whether it is the target character by character; else white space differs."""


def find_anchor(text: str, target: str) -> Anchor | EditRefusal:
    """Find the one place at which a target stands.

    Only where it stands nowhere as it is, another amount or kind of white space between its words is let pass, at one
    place as well. A place within a protected block, or one that touches it, is never taken.
    """
    if not target.strip():
        return EditRefusal("refused_missing_target", "Name the text to change as 'target', as it stands in the file.")
    blocks = protected_blocks(text)
    exact = list(_exact(text, target))
    loose = [] if exact else list(_loose(text, target))
    places = exact or loose
    free = [place for place in places if not any(overlaps(place.start, place.end, block) for block in blocks)]
    if len(free) == 1:
        return free[0]
    if free:
        return _ambiguous(text, free)
    return _protected(text, places) if places else _missing(text, target)


def overlaps(start: int, end: int, block: ProtectedBlock) -> bool:
    """Say whether characters from `start` to before `end` belong to a block, one of them at least."""
    return start < block.end and block.start < end


def _exact(text: str, target: str) -> Iterator[Anchor]:
    at = text.find(target)
    while at >= 0:
        yield Anchor(at, at + len(target), exact=True)
        at = text.find(target, at + 1)


def _loose(text: str, target: str) -> Iterator[Anchor]:
    words = re.compile(r"\s+".join(map(re.escape, target.split())))
    match = words.search(text)
    while match:
        yield Anchor(match.start(), match.end(), exact=False)
        match = words.search(text, match.start() + 1)


def _ambiguous(text: str, places: Sequence[Anchor]) -> EditRefusal:
    lines = ", ".join(str(line_at(text, place.start)) for place in places)
    return EditRefusal(
        "refused_target_ambiguous",
        f"The target stands at {len(places)} places, in lines {lines}. Name more of the text around the one you mean.",
    )


def _protected(text: str, places: Sequence[Anchor]) -> EditRefusal:
    return EditRefusal(
        "refused_protected",
        f"The target reaches into a protected block, in line {line_at(text, places[0].start)}. "
        "Change text outside the block.",
    )


def _missing(text: str, target: str) -> EditRefusal:
    near = nearest(text, target)
    if near is None:
        return EditRefusal(
            "refused_target_not_found", "The target does not stand in the file, and nothing near to it does."
        )
    return EditRefusal(
        "refused_target_not_found",
        f"The target does not stand in the file. Nearest is line {near.line}: {quoted(near.text)}.",
    )
