"""What each operation changes: one stretch of a text, put in place of another or of nothing."""

import re
from typing import Final, NamedTuple

from engine.policies.edits.anchors import Anchor, find_anchor
from engine.policies.edits.edit import APPEND, INSERT_AFTER, OPERATIONS, REPLACE, Edit, EditRefusal
from engine.policies.edits.markers import strip_markers
from engine.policies.edits.nearby import line_at
from engine.policies.edits.regions import newline_of, protected_blocks
from engine.policies.fences import unclosed_fence

_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


class Splice(NamedTuple):
    """A stretch of a text and what takes its place."""

    start: int
    end: int
    """Behind the stretch; equal to `start` for an insertion."""
    text: str
    note: str = ""
    """What is special about how the place was found; empty: nothing is."""

    def applied_to(self, text: str) -> str:
        """Give the text with the stretch replaced."""
        return text[: self.start] + self.text + text[self.end :]


def splice_for(text: str, edit: Edit, *, prose: bool) -> Splice | EditRefusal:
    """Say what an edit changes.

    Args:
        text: Of the file.
        edit: What is asked for.
        prose: Whether blank lines may be put around what is written, as between paragraphs of Markdown.
    """
    newline = newline_of(text)
    content = newline.join(strip_markers(edit.content).replace("\r\n", "\n").split("\n"))
    if edit.op not in OPERATIONS:
        return EditRefusal(
            "refused_unknown_op", f"There is no operation {edit.op!r}: use one of {', '.join(OPERATIONS)}."
        )
    if edit.op in (APPEND, INSERT_AFTER) and not content.strip():
        return EditRefusal("refused_no_content", "Say as 'content' what is to be written.")
    if edit.op == APPEND:
        return _appended(text, _block(content), newline)
    anchor = find_anchor(text, edit.target)
    if isinstance(anchor, EditRefusal):
        return anchor
    if edit.op == INSERT_AFTER:
        return _inserted(text, anchor, _block(content), prose=prose)
    return _put(text, anchor, edit, content)


def _block(content: str) -> str:
    """Take blank lines before a content off, and white space behind it; its first line keeps its indentation."""
    lines = content.rstrip().split("\n")
    first = next(at for at, line in enumerate(lines) if line.strip())
    return "\n".join(lines[first:])


def _appended(text: str, content: str, newline: str) -> Splice:
    """Write at the end of the text, before protected blocks that stand there."""
    end = len(text)
    for block in reversed(protected_blocks(text)):
        if text[block.end : end].strip():
            break
        end = block.start
    at = len(text[:end].rstrip())
    rest = text[at:]
    wanted = 2 if rest.strip() else 1
    there = len(rest) - len(rest.lstrip("\r\n"))
    before = newline * 2 if at else ""
    return Splice(at, at, f"{before}{content}{newline * max(0, wanted - there // len(newline))}")


def _inserted(text: str, anchor: Anchor, content: str, *, prose: bool) -> Splice | EditRefusal:
    """Write below the line in which the anchor ends."""
    newline = newline_of(text)
    line_end = text.find("\n", anchor.end - 1)
    at = len(text) if line_end < 0 else line_end + 1
    if any(block.start < at < block.end for block in protected_blocks(text)):
        hint = f"A protected block begins in line {line_at(text, anchor.end - 1)}, below which nothing can be written."
        return EditRefusal("refused_protected", hint)
    before = "" if text[at - 1] == "\n" else newline
    spaced = prose and unclosed_fence(text[:at].replace("\r\n", "\n")) is None
    above, below = text[:at].rstrip("\r\n").rpartition("\n")[2], text[at:].partition("\n")[0]
    if spaced and not before and not text[:at].endswith(newline * 2):
        before = "" if _belong(above, content.partition("\n")[0]) else newline
    after = newline if spaced and below.strip() and not _belong(content.rpartition("\n")[2], below) else ""
    return Splice(at, at, f"{before}{content}{newline}{after}", _said(text, anchor))


def _belong(above: str, below: str) -> bool:
    """Say whether no blank line is due between two lines: items of a list, rows of a table, quotations."""
    if below[:1].isspace() or (_ITEM.match(above) and _ITEM.match(below)):
        return True
    return above.lstrip()[:1] == below[:1] and below[:1] in ("|", ">")


def _put(text: str, anchor: Anchor, edit: Edit, content: str) -> Splice:
    """Replace the anchor, or delete it with the line that it leaves empty."""
    start, end, note = anchor.start, anchor.end, _said(text, anchor)
    if edit.op == REPLACE and content.strip():
        return Splice(start, end, _fitted(text[start:end], anchor, edit.target, content), note)
    first = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end - 1 if text[end - 1] == "\n" else end)
    last = len(text) if line_end < 0 else line_end + 1
    if not text[first:start].strip() and not text[end:last].strip():
        start, end = first, last
    return Splice(start, end, "", note)


def _fitted(matched: str, anchor: Anchor, target: str, content: str) -> str:
    """Give a content the white space that stands around what it replaces, where it has none of its own.

    A content is often written without the line break that its target ends with; taken as it is, two lines would become
    one.
    """
    core = content.strip()
    trailing = matched[len(matched.rstrip()) :]
    leading = matched[: len(matched) - len(matched.lstrip())]
    indent = content[: len(content) - len(content.lstrip())].rpartition("\n")[2]
    if not indent or (not anchor.exact and target[:1].isspace()):
        return f"{leading}{core}{trailing}"
    return f"{leading[: leading.rfind(chr(10)) + 1]}{indent}{core}{trailing}"


def _said(text: str, anchor: Anchor) -> str:
    if anchor.exact:
        return ""
    return f"The target stands in line {line_at(text, anchor.start)} with other white space; it was taken to be meant."
