"""Protected blocks of a skill: the slow update and the appendix, which edits of a step neither see changed nor change.

A block is a begin and an end of one kind with no marker between them. So a marker that stands alone never makes a block
of the text behind it, and what is between two begins stays where it is (W40): a block is written where it stands, the
first one at the end of the text, and not a character outside it changes, blank lines and fenced code included. Markers
count wherever they stand, in fenced code, too: an edit that opens a fence must not undo the protection behind it.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from engine.policies.edits.compatible import BULLET, CompatibleRegions
from engine.policies.edits.edit import EditRule
from engine.policies.edits.markers import (
    APPENDIX,
    APPENDIX_HEADING,
    MARKERS,
    SLOW_UPDATE,
    BlockMarkers,
    new_notes,
    strip_markers,
)

_ANY: Final = "|".join(map(re.escape, MARKERS))
_BLOCKS: Final = {
    kind: re.compile(f"{re.escape(kind.start)}((?:(?!{_ANY}).)*){re.escape(kind.end)}", re.DOTALL)
    for kind in (SLOW_UPDATE, APPENDIX)
}
_MARKER: Final = re.compile(_ANY)


class ProtectedBlock(NamedTuple):
    """A protected block in a text."""

    start: int
    end: int
    """Behind its end marker."""
    body: str
    """What stands between the markers."""


class Regions(Protocol):
    """How protected blocks are read and written; a text is the document of a skill."""

    def has_slow_update(self, text: str) -> bool:
        """Say whether there is a block for slow updates, an empty one included."""
        ...

    def slow_update(self, text: str) -> str:
        """Read the guidance, without white space at its ends; empty where there is none."""
        ...

    def with_slow_update(self, text: str, guidance: str) -> str:
        """Write guidance in place of what there was."""
        ...

    def with_slow_placeholder(self, text: str) -> str:
        """Do what is done at the end of the first epoch, when there is no guidance yet."""
        ...

    def appendix_notes(self, text: str) -> tuple[str, ...]:
        """Read the notes, each without its bullet."""
        ...

    def with_appendix_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Add those notes that say something new."""
        ...

    def with_only_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Write notes in place of those there were."""
        ...


def regions_for(rule: EditRule) -> Regions:
    """Choose how protected blocks are read and written."""
    return CompatibleRegions() if rule.compatible else SpanSafeRegions()


def blocks_of(text: str, kind: BlockMarkers) -> tuple[ProtectedBlock, ...]:
    """Find the blocks of a kind, in order."""
    return tuple(ProtectedBlock(match.start(), match.end(), match[1]) for match in _BLOCKS[kind].finditer(text))


def protected_blocks(text: str) -> tuple[ProtectedBlock, ...]:
    """Find all blocks, in order; no two overlap."""
    return tuple(sorted(block for kind in _BLOCKS for block in blocks_of(text, kind)))


def markers_in(text: str) -> tuple[str, ...]:
    """Give all markers, in order, those that stand alone included."""
    return tuple(_MARKER.findall(text))


def without_blocks(text: str) -> str:
    """Give what stands outside protected blocks, without markers that stand alone."""
    kept, at = [], 0
    for block in protected_blocks(text):
        kept.append(text[at : block.start])
        at = block.end
    return strip_markers("".join((*kept, text[at:])))


class SpanSafeRegions:
    """The default: blocks are written in place, and nothing outside them changes."""

    def has_slow_update(self, text: str) -> bool:
        """Say whether there is a block for slow updates, an empty one included."""
        return bool(blocks_of(text, SLOW_UPDATE))

    def slow_update(self, text: str) -> str:
        """Read the guidance of all blocks: whoever is given the skill reads all of it."""
        bodies = (block.body.strip() for block in blocks_of(text, SLOW_UPDATE))
        return "\n\n".join(body for body in bodies if body)

    def with_slow_update(self, text: str, guidance: str) -> str:
        """Write guidance into the first block and remove others of its kind; without one, at the end of the text."""
        body = strip_markers(guidance).strip()
        return _written(text, SLOW_UPDATE, body.split("\n") if body else ())

    def with_slow_placeholder(self, text: str) -> str:
        """Leave the text as it is: an empty block says nothing, and a skill that says the same is the same (W11)."""
        return text

    def appendix_notes(self, text: str) -> tuple[str, ...]:
        """Read the notes of all blocks, one a line."""
        lines = (line.strip() for block in blocks_of(text, APPENDIX) for line in block.body.split("\n"))
        notes = (BULLET.sub("", line).strip() for line in lines if line != APPENDIX_HEADING)
        return tuple(note for note in notes if note)

    def with_appendix_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Add those notes that say something new; without any, the text stays as it is."""
        known = self.appendix_notes(text)
        kept = new_notes(known, tuple(map(strip_markers, notes)))
        return text if kept == known else self.with_only_notes(text, kept)

    def with_only_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Write notes into the first block and remove others of its kind; without one, at the end of the text."""
        kept = new_notes((), tuple(map(strip_markers, notes)))
        return _written(text, APPENDIX, (APPENDIX_HEADING, *(f"- {note}" for note in kept)))


def newline_of(text: str) -> str:
    """Say how lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def _written(text: str, kind: BlockMarkers, lines: Iterable[str]) -> str:
    newline = newline_of(text)
    block = newline.join((kind.start, *(line.rstrip("\r") for line in lines), kind.end))
    found = blocks_of(text, kind)
    if not found:
        return f"{text}{_gap(text, newline)}{block}{newline}"
    for other in reversed(found[1:]):
        text = text[: other.start] + text[other.end :]
    return text[: found[0].start] + block + text[found[0].end :]


def _gap(text: str, newline: str) -> str:
    """Give what makes a blank line at the end of a text."""
    if not text or text.endswith(newline * 2):
        return ""
    return newline if text.endswith(newline) else newline * 2
