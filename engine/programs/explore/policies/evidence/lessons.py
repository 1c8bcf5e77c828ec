"""What the failed attempts taught; source: SPARK, 4.1 block 4.

Fixes W24: cautions come from ``Verified Facts`` and ``Current Error Pattern`` only, never from a plan nobody has
carried out; "tried ..." quotes the command that was recorded first, not the rest of a cut text. The breakthrough
is the checks which turned, where SPARK has two fixed sentences.
"""

import re
from collections import Counter
from collections.abc import Iterator

from engine.policies.fences import fenced_lines
from engine.programs.explore.policies.evidence.block import (
    BlockName,
    ClaimDraft,
    EvidenceBlock,
    assemble,
    distinct,
    one_line,
)
from engine.programs.explore.policies.evidence.facts import CheckRow, EvidenceCaps, FailedAttempt, SolvedTrial
from events.base import Ref

_LESSONS = BlockName("lessons", "Lessons From All Attempts")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?P<text>.+)$")
_CAUTION = re.compile(
    r"\b(not|never|failed|wrong|incorrect|must|need to|required|exact|recalculate|validate|null)\b",
    re.IGNORECASE,
)


def lessons(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    """Gather what earlier attempts ran into."""
    if not solved.failed:
        return assemble(_LESSONS, [ClaimDraft("The first attempt solved the task.")], cap=caps.lessons)
    entries = [ClaimDraft("Timeline:"), *(_attempt(each, caps) for each in solved.failed)]
    for heading, found in (
        ("Checks that failed more than once:", _repeated(solved, caps)),
        ("Cautions:", _cautions(solved, caps)),
        ("Checks that failed last time and pass now:", _turned(solved, caps)),
    ):
        if found:
            entries += [ClaimDraft(heading), *found]
    return assemble(_LESSONS, entries, cap=caps.lessons)


def _attempt(failed: FailedAttempt, caps: EvidenceCaps) -> ClaimDraft:
    command = (failed.first_command or "").strip()
    tried = f"began with `{one_line(command, caps.row)}`" if command else "ran nothing"
    row = next((row for row in failed.rows if not row.passed), None)
    ended = failed.status if row is None else f"first failing check: {_row(row, caps)}"
    references = failed.references if row is None else (*failed.references, *row.references)
    return ClaimDraft(f"- Attempt {failed.attempt} {tried}; {ended}", tuple(dict.fromkeys(references)))


def _row(row: CheckRow, caps: EvidenceCaps) -> str:
    return one_line(f"{row.name} - {row.message}" if row.message else row.name, caps.row)


def _repeated(solved: SolvedTrial, caps: EvidenceCaps) -> list[ClaimDraft]:
    rows = [row for failed in solved.failed for row in failed.rows if not row.passed]
    counts = Counter(row.name for row in rows)
    often = [name for name, count in counts.most_common() if count > 1][: caps.rows]
    return [ClaimDraft(f"- {one_line(name, caps.row)} ({counts[name]} times)", _of(rows, name)) for name in often]


def _of(rows: list[CheckRow], name: str) -> tuple[Ref, ...]:
    return tuple(dict.fromkeys(reference for row in rows if row.name == name for reference in row.references))


def _cautions(solved: SolvedTrial, caps: EvidenceCaps) -> list[ClaimDraft]:
    """The newest memo speaks first: it has settled contradictions of older ones."""
    found = distinct(
        (one_line(text, caps.caution), failed.memo_references)
        for failed in reversed(solved.failed)
        if failed.memo is not None
        for section in (failed.memo.verified_facts, failed.memo.current_error)
        for text in _bullets(section)
        if _CAUTION.search(text)
    )
    return [ClaimDraft(f"- {text}", references) for text, references in found[: caps.cautions]]


def _bullets(section: str) -> Iterator[str]:
    """Items of a list; every line of a section that has none."""
    lines = [line.text for line in fenced_lines(section) if not line.fenced and line.text.strip()]
    bullets = [match["text"] for line in lines if (match := _BULLET.match(line))]
    yield from bullets or lines


def _turned(solved: SolvedTrial, caps: EvidenceCaps) -> list[ClaimDraft]:
    before = {row.name: row for row in solved.failed[-1].rows if not row.passed}
    now = [row for row in solved.rows if row.passed and row.name in before]
    return [
        ClaimDraft(f"- {one_line(row.name, caps.row)}", (*before[row.name].references, *row.references))
        for row in now[: caps.rows]
    ]
