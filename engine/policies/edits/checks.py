"""What a text must hold after an edit, or the edit is refused."""

import re
from typing import Final

from engine.policies.edits.edit import APPEND, INSERT_AFTER, Edit, EditRefusal, EditRule
from engine.policies.edits.markers import strip_markers
from engine.policies.edits.paths import suffix_of
from engine.policies.edits.regions import markers_in, protected_blocks
from engine.policies.edits.splices import Splice
from engine.policies.fences import unclosed_fence

_BULLET: Final = re.compile(r"^(?:[-*+]|\d+[.)])\s+")
_PROSE: Final = (".md", ".txt")


def refused_after(text: str, splice: Splice, edit: Edit, rule: EditRule) -> EditRefusal | None:
    """Say why what an edit would leave may not be. None: it may.

    Args:
        text: Of the file, before.
        splice: What the edit changes.
        edit: The edit.
        rule: With the budget.
    """
    after = splice.applied_to(text)
    if after == text:
        return EditRefusal("refused_no_change", "The text would stay as it is.")
    prose = suffix_of(edit.file) in _PROSE
    return (
        _protected(text, after)
        or (_standing(text, splice, edit) if prose and edit.op in (APPEND, INSERT_AFTER) else None)
        or (open_fence(text, after) if prose else None)
        or too_long(len(text), len(after), rule)
    )


def too_long(before: int, after: int, rule: EditRule) -> EditRefusal | None:
    """Say that a file would grow beyond its budget. None: it would not, or does not grow.

    Args:
        before: Characters of the file.
        after: Characters that it would have.
        rule: With the budget.
    """
    if rule.max_chars is None or after <= rule.max_chars or after <= before:
        return None
    return EditRefusal(
        "refused_too_long",
        f"The file would have {after} characters, and {rule.max_chars} is the most: it has {before}. "
        "Replace or delete text first, or say it shorter.",
    )


def open_fence(text: str, after: str) -> EditRefusal | None:
    """Refuse to leave fenced code open, which makes code of all text below. None: it is closed, or was open before."""
    line = unclosed_fence(after.replace("\r\n", "\n"))
    if line is None or unclosed_fence(text.replace("\r\n", "\n")) is not None:
        return None
    return EditRefusal("refused_open_fence", f"The fenced code in line {line} would not be closed. Close it.")


def _protected(text: str, after: str) -> EditRefusal | None:
    """Refuse what joins or takes apart markers: two harmless halves may make one."""
    if _guarded(text) == _guarded(after) and len(markers_in(after)) <= len(markers_in(text)):
        return None
    return EditRefusal(
        "refused_protected", "The edit would make or change a protected block. Change text outside of it."
    )


def _guarded(text: str) -> list[str]:
    return [text[block.start : block.end] for block in protected_blocks(text)]


def _standing(text: str, splice: Splice, edit: Edit) -> EditRefusal | None:
    """Refuse lines that stand in the text already, one below the other; code may repeat itself."""
    if unclosed_fence(text[: splice.start].replace("\r\n", "\n")) is not None:
        return None
    wanted = [line for _, line in _said_lines(strip_markers(edit.content))]
    numbered = _said_lines(text)
    there = [line for _, line in numbered]
    for at in range(len(there) - len(wanted) + 1):
        if there[at : at + len(wanted)] == wanted:
            return EditRefusal(
                "refused_duplicate",
                f"This stands in line {numbered[at][0]} already. Replace that text if it should say more.",
            )
    return None


def _said_lines(text: str) -> list[tuple[int, str]]:
    """Number the lines that say something, without bullets and with white space as one space."""
    lines = ((number, _BULLET.sub("", line.strip())) for number, line in enumerate(text.split("\n"), start=1))
    return [(number, " ".join(line.split())) for number, line in lines if line]
