"""The six blocks of evidence from which a skill is distilled; source: SPARK, 4.1.

Fixes W23 and W24; see ``evidence_chain.py`` and ``evidence_lessons.py``. Counts of checks come from the rows that are
shown, so that "0 of 0 passed" never stands beside passed rows (W24).
"""

import re

from engine.policies.evidence_block import BlockName, Entry, EvidenceBlock, assemble, one_line
from engine.policies.evidence_chain import execution_chain
from engine.policies.evidence_environment import environment
from engine.policies.evidence_facts import EvidenceCaps, SolvedTrial
from engine.policies.evidence_lessons import lessons

_TASK = BlockName("task_pattern", "Task Pattern")
_VERIFICATION = BlockName("verification", "Success Verification Signals")
_RAW = BlockName("raw_tail", "Raw Support Tail")
_DEFAULT_CAPS = EvidenceCaps()


def gather_evidence(solved: SolvedTrial, caps: EvidenceCaps = _DEFAULT_CAPS) -> tuple[EvidenceBlock, ...]:
    """Gather all six blocks, in the order of the prompt."""
    instruction = re.sub(r"\n{3,}", "\n\n", solved.instruction.strip())
    return (
        assemble(_TASK, [Entry(instruction)], cap=caps.task_pattern),
        execution_chain(solved, caps),
        _verification(solved, caps),
        lessons(solved, caps),
        environment(solved.dockerfile, caps),
        _raw_tail(solved, caps),
    )


def _verification(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    passed = [row for row in solved.rows if row.passed]
    failed = [row for row in solved.rows if not row.passed]
    entries = [Entry(f"- Reward: {solved.reward:.4f}", solved.verdict_references)]
    if solved.rows:
        count = f"- Checks: {len(passed)} of {len(solved.rows)} passed"
        entries.append(Entry(count, solved.verdict_references))
    if solved.exception is not None:
        warning = f"- The attempt also raised: {one_line(solved.exception, caps.row)}"
        entries.append(Entry(warning, solved.verdict_references))
    for word, rows in (("passed", passed), ("failed", failed)):
        entries += [Entry(f"- {word}: {one_line(row.name, caps.row)}", row.references) for row in rows[: caps.rows]]
    entries.append(Entry(f"- Trial: {solved.trial}"))
    return assemble(_VERIFICATION, entries, cap=caps.verification)


def _raw_tail(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    raw = solved.raw_output.strip()
    if raw.lower() in {"", "done"}:
        return assemble(_RAW, [Entry("(none)")], cap=caps.raw_tail)
    tail = raw[-caps.raw_tail :]
    return assemble(_RAW, [Entry(tail, solved.raw_references)], cap=caps.raw_tail, total_chars=len(raw))
