"""Edits and protected blocks as SkillOpt has them, its defects included; source: SkillOpt, 1.8, 4.1, 4.3.

Kept on purpose, since the compatible value reproduces its numbers: an anchor is its first occurrence; only its first
character is asked whether it is protected, so that an edit can run into a block; one stray marker undoes the protection
(W18); an insertion whose anchor is missing becomes an append (W19); writing a block collapses blank lines everywhere.
"""

import re
from typing import Final, NamedTuple

from engine.policies.edits.edit import APPEND, DELETE, INSERT_AFTER, REPLACE, Edit
from engine.policies.edits.markers import (
    APPENDIX,
    APPENDIX_HEADING,
    KINDS,
    SLOW_UPDATE,
    BlockMarkers,
    new_notes,
    strip_markers_once,
)

BULLET: Final = re.compile(r"^[-*]\s*")
"""Before a note."""
_BLANK_LINES: Final = re.compile(r"\n{3,}")


class CompatibleEdit(NamedTuple):
    """A text after an edit."""

    text: str
    status: str
    """As SkillOpt names it; ``applied_…`` if the edit was applied."""


def apply_compatible(text: str, edit: Edit) -> CompatibleEdit:
    """Apply one edit to one text."""
    content = strip_markers_once(edit.content.strip())
    if in_protected_region(text, edit.target):
        return CompatibleEdit(text, "skipped_protected_region")
    if edit.op == APPEND:
        return _append(text, content, "applied_append")
    if edit.op == INSERT_AFTER:
        return _insert_after(text, edit.target, content)
    if edit.op == REPLACE:
        return _put(text, edit.target, content, REPLACE)
    if edit.op == DELETE:
        return _put(text, edit.target, "", DELETE)
    return CompatibleEdit(text, "skipped_unknown_op")


def in_protected_region(text: str, target: str) -> bool:
    """Say whether the first occurrence of a target begins between the first markers of a kind."""
    at = text.find(target) if target else -1
    return at >= 0 and any(_covers(text, kind, at) for kind in KINDS)


def earliest_protected_start(text: str) -> int:
    """Find the first marker that begins a block. -1: there is none."""
    return min((at for kind in KINDS if (at := text.find(kind.start)) >= 0), default=-1)


def _covers(text: str, kind: BlockMarkers, at: int) -> bool:
    start, end = text.find(kind.start), text.find(kind.end)
    return start >= 0 and end >= 0 and start <= at < end + len(kind.end)


def _append(text: str, content: str, status: str) -> CompatibleEdit:
    start = earliest_protected_start(text)
    if start < 0:
        return CompatibleEdit(f"{text.rstrip()}\n\n{content}\n", status)
    written = f"{text[:start].rstrip()}\n\n{content}\n\n{text[start:]}"
    return CompatibleEdit(written, f"{status.removesuffix('_append')}{_BEFORE[status]}")


_BEFORE: Final = {
    "applied_append": "_append_before_protected_region",
    "applied_insert_after_fallback_append": "_before_protected_region",
}


def _insert_after(text: str, target: str, content: str) -> CompatibleEdit:
    at = text.find(target) if target else -1
    if at < 0:
        return _append(text, content, "applied_insert_after_fallback_append")
    line_end = text.find("\n", at + len(target))
    cut = len(text) if line_end < 0 else line_end + 1
    return CompatibleEdit(f"{text[:cut]}\n{content}\n{text[cut:]}", "applied_insert_after")


def _put(text: str, target: str, content: str, op: str) -> CompatibleEdit:
    if not target:
        return CompatibleEdit(text, f"skipped_{op}_missing_target")
    if target not in text:
        return CompatibleEdit(text, f"skipped_{op}_target_not_found")
    return CompatibleEdit(text.replace(target, content, 1), f"applied_{op}")


class CompatibleRegions:
    """Slow update and appendix as SkillOpt writes them."""

    def has_slow_update(self, text: str) -> bool:
        """Say whether both markers stand in a text, in any order."""
        return SLOW_UPDATE.start in text and SLOW_UPDATE.end in text

    def slow_update(self, text: str) -> str:
        """Read the guidance of the first block; empty where there is none."""
        return _between(text, SLOW_UPDATE)

    def with_slow_update(self, text: str, guidance: str) -> str:
        """Take all blocks away, and every marker of the kind, and write one at the end."""
        return f"{_without(text, SLOW_UPDATE)}\n\n{SLOW_UPDATE.start}\n{guidance.strip()}\n{SLOW_UPDATE.end}\n"

    def with_slow_placeholder(self, text: str) -> str:
        """Write an empty block at the end where there is none."""
        if self.has_slow_update(text):
            return text
        return f"{text.rstrip()}\n\n{SLOW_UPDATE.start}\n{SLOW_UPDATE.end}\n"

    def appendix_notes(self, text: str) -> tuple[str, ...]:
        """Read the notes of the first block, one a line."""
        lines = (line.strip() for line in _between(text, APPENDIX).split("\n"))
        notes = (BULLET.sub("", line).strip() for line in lines if line != APPENDIX_HEADING)
        return tuple(note for note in notes if note)

    def with_appendix_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Add notes that say something new to those of the first block, and write one block at the end."""
        return self.with_only_notes(text, (*self.appendix_notes(text), *notes))

    def with_only_notes(self, text: str, notes: tuple[str, ...]) -> str:
        """Write one block with these notes at the end, each once."""
        return f"{_without(text, APPENDIX)}\n\n{_appendix(new_notes((), notes))}\n"

    def with_appendix_placeholder(self, text: str) -> str:
        """Write an empty block at the end where there is none."""
        if APPENDIX.start in text and APPENDIX.end in text:
            return text
        return f"{text.rstrip()}\n\n{_appendix(())}\n"


def _between(text: str, kind: BlockMarkers) -> str:
    start, end = text.find(kind.start), text.find(kind.end)
    return text[start + len(kind.start) : end].strip() if 0 <= start < end else ""


def _without(text: str, kind: BlockMarkers) -> str:
    """Take blocks away, then the first marker that begins one and has no end, then the ends that are left.

    Where a block begins within another one, a slow update is taken from the outer begin, an appendix from the inner.
    """
    start, end = map(re.escape, kind)
    within = ".*?" if kind is SLOW_UPDATE else f"(?:(?!{start}).)*?"
    block = re.compile(f"{start}{within}{end}", re.DOTALL)
    while (left := block.sub("", text, count=1)) != text:
        text = left
    text = text.replace(kind.start, "", 1).replace(kind.end, "")
    return _BLANK_LINES.sub("\n\n", text).rstrip()


def _appendix(notes: tuple[str, ...]) -> str:
    return "\n".join((APPENDIX.start, APPENDIX_HEADING, *(f"- {note}" for note in notes), APPENDIX.end))
