"""The exploration memo: five sections which a model rewrites whole after each failed attempt.

Source: SPARK, 3. On purpose otherwise than SPARK:

* the answer is parsed and checked before it becomes the memo (SPARK stores whatever returns);
* a section may be the first of the text and may end in blank lines (the parser brittleness of section 10,
  "PDI validity", where a component silently becomes 0);
* W3, W18: an error text or an empty answer never replaces a memo. See ``reflection.py``.

A number in the title or in the log which does not fit is a *warning*: facts are worth more than bookkeeping,
and a repaired answer that fails again would cost the whole rewrite.
"""

import re

from msgspec import Struct
from msgspec.structs import replace

from engine.policies.error_dump import error_dump
from engine.policies.fences import closes, fenced_lines, opening_fence, unclosed_fence

SECTIONS = (
    "Attempts Log",
    "Commands From Last Attempt",
    "Verified Facts",
    "Current Error Pattern",
    "Next Strategy",
)
"""The level-3 titles, in order; exact."""

MEMO_MAX_CHARS = 32_000
"""Characters. Healthy recorded memos have at most 6,729; the memo goes whole into the next attempt (W19)."""

_TITLE = re.compile(r"^##\s+\**\s*[^#\s].*?(\d{1,6})\s+failed\s+attempts?\b", re.IGNORECASE)
_HEADER = re.compile(r"^(?:#{2,3}\s+\**|\*\*(?:###\s+)?)\s*(?P<name>.+?)\s*:?\s*\**\s*:?\s*#*$")


class MemoSections(Struct, frozen=True):
    """What is known after some failed attempts. Sections are stripped of blank lines around them."""

    failed_attempts: int
    """How many attempts have failed, as the title says; from 0."""
    attempts_log: str
    """One line for each attempt: approach and result."""
    commands: str
    """Key commands of the last attempt, without output."""
    verified_facts: str
    """What works and what does not; kept across rewrites."""
    current_error: str
    """A concise diagnosis as of now."""
    next_strategy: str
    """A plan which differs from all before. Empty only in a copy made by ``without_next_strategy``."""


class MemoFault(Struct, frozen=True):
    """An answer which is no memo."""

    problems: tuple[str, ...]
    """Each one sentence which a model can act upon."""


def parse_memo(text: str) -> MemoSections | MemoFault:
    """Read a memo, tolerant in form (line ends, bold titles, a fence around all, words before) only.

    Args:
        text: The answer as the model gave it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    if why := error_dump(text):
        return MemoFault((f"The answer is no memo: {why}.",))
    if len(text) > MEMO_MAX_CHARS:
        return MemoFault((f"The memo has {len(text)} characters; at most {MEMO_MAX_CHARS} are allowed.",))
    lines = _unwrapped(text.split("\n"))
    counted = _TITLE.match(lines[0])
    problems = [] if counted else ["The level-2 title with the number of failed attempts is missing."]
    if line := unclosed_fence("\n".join(lines)):
        problems.append(f"The code fence on line {line} of the memo is never closed.")
    found, strangers = _sections(lines[1:] if counted else lines)
    problems += [f"The heading {name!r} is not one of the five sections." for name in strangers]
    problems += _disorder(found)
    if problems or counted is None:
        return MemoFault(tuple(problems))
    return MemoSections(int(counted[1]), *(body for _, body in found))


def render_memo(memo: MemoSections) -> str:
    """Write a memo in the form which every reader of memos knows, SPARK's included."""
    plural = "" if memo.failed_attempts == 1 else "s"
    parts = [f"## Exploration Memo ({memo.failed_attempts} failed attempt{plural})"]
    bodies = (
        memo.attempts_log,
        memo.commands,
        memo.verified_facts,
        memo.current_error,
        memo.next_strategy,
    )
    parts += [f"### {name}\n{body}" for name, body in zip(SECTIONS, bodies, strict=True) if body]
    return "\n\n".join(parts) + "\n"


def without_next_strategy(memo: MemoSections) -> MemoSections:
    """Make the copy a strong intervention shows; the stored memo stays as it is (SPARK, 1.7)."""
    return replace(memo, next_strategy="")


def _unwrapped(lines: list[str]) -> list[str]:
    """The memo's own lines: without words before the title and without a fence around all of it."""
    start = next((i for i, line in enumerate(lines) if _TITLE.match(line)), None)
    if start is None:
        return lines
    before = next((i for i in range(start - 1, -1, -1) if lines[i].strip()), None)
    marks = opening_fence(lines[before]) if before is not None else None
    memo = lines[start:]
    if marks is None or before is None or unclosed_fence("\n".join(lines[: before + 1])) is None:
        return memo
    end = next((i for i in range(len(memo) - 1, 0, -1) if closes(memo[i], marks)), None)
    return memo[:end] if end is not None else [*memo, marks]


def _sections(lines: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Sections in the order found, and headings which do not belong."""
    found: list[tuple[str, list[str]]] = []
    strangers: list[str] = []
    for line in fenced_lines("\n".join(lines)):
        header = None if line.fenced else _HEADER.match(line.text.rstrip())
        if header and header["name"] in SECTIONS:
            found.append((header["name"], []))
        elif header and line.text.startswith("#"):
            strangers.append(header["name"])
        elif found:
            found[-1][1].append(line.text)
    return [(name, _trimmed(body)) for name, body in found], strangers


def _trimmed(lines: list[str]) -> str:
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return "\n".join(lines)


def _disorder(found: list[tuple[str, str]]) -> list[str]:
    names = [name for name, _ in found]
    problems = [f"The section '### {name}' is missing." for name in SECTIONS if name not in names]
    problems += [f"The section '### {name}' appears more than once." for name in SECTIONS if names.count(name) > 1]
    problems += [f"The section '### {name}' is empty." for name, body in found if not body]
    if not problems and names != list(SECTIONS):
        problems.append(f"The sections stand in the wrong order; it is: {', '.join(SECTIONS)}.")
    return problems
