"""The six blocks of evidence from which a skill is distilled; source: SPARK, 4.1.

Fixes W23 and W24; see ``evidence_chain.py`` and ``evidence_lessons.py``. Counts of checks come from the rows that are
shown, so that "0 of 0 passed" never stands beside passed rows (W24).
"""

import re

from engine.programs.explore.policies.evidence.block import BlockName, ClaimDraft, EvidenceBlock, assemble, one_line
from engine.programs.explore.policies.evidence.chain import execution_chain
from engine.programs.explore.policies.evidence.facts import EvidenceCaps, SolvedTrial
from engine.programs.explore.policies.evidence.lessons import lessons

_ENVIRONMENT = BlockName("environment", "Environment Affordances")
_FROM = re.compile(r"^[^\S\n]*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)
_PINNED = re.compile(r"(?<![\w.-])[A-Za-z0-9][\w.-]*(?:\[[\w,-]+\])?==[\w.!+*-]+")
_APT = re.compile(r"\bapt(?:-get)?\b[^&;|\n]*?\binstall\b([^&;|\n#]*)")
_SDK = re.compile(r"\bsdk install\s+(\w+(?:\s+[\w.-]+)?)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*(?::[a-z0-9]+)?(?:=\S+)?")


def environment(dockerfile: str | None, caps: EvidenceCaps) -> EvidenceBlock:
    """Gather base image, pinned Python packages, system packages and SDKs; the file itself if none is found."""
    if dockerfile is None or not dockerfile.strip():
        return assemble(_ENVIRONMENT, [ClaimDraft("The task brings no Dockerfile.")], cap=caps.environment)
    joined = re.sub(r"\\\s*\n(?:\s*#.*\n)*", " ", dockerfile)
    joined = re.sub(r"^[^\S\n]*#.*$", "", joined, flags=re.MULTILINE)
    apt = [word for group in _APT.findall(joined) for word in group.split() if _PACKAGE.fullmatch(word)]
    images = _FROM.findall(joined)
    found = [
        _listed("Base image", images[-1:], caps),
        _listed("Python packages", _PINNED.findall(joined), caps),
        _listed("System packages", apt, caps),
        _listed("SDKs", _SDK.findall(joined), caps),
    ]
    entries = [entry for entry in found if entry is not None]
    return assemble(_ENVIRONMENT, entries or [ClaimDraft(dockerfile.strip())], cap=caps.environment)


def _listed(what: str, names: list[str], caps: EvidenceCaps) -> ClaimDraft | None:
    distinct = list(dict.fromkeys(names))
    if not distinct:
        return None
    more = f" and {len(distinct) - caps.packages} more" if len(distinct) > caps.packages else ""
    return ClaimDraft(f"- {what}: {', '.join(distinct[: caps.packages])}{more}")


_TASK = BlockName("task_pattern", "Task Pattern")
_VERIFICATION = BlockName("verification", "Success Verification Signals")
_RAW = BlockName("raw_tail", "Raw Support Tail")
_DEFAULT_CAPS = EvidenceCaps()


def gather_evidence(solved: SolvedTrial, caps: EvidenceCaps = _DEFAULT_CAPS) -> tuple[EvidenceBlock, ...]:
    """Gather all six blocks, in the order of the prompt."""
    instruction = re.sub(r"\n{3,}", "\n\n", solved.instruction.strip())
    return (
        assemble(_TASK, [ClaimDraft(instruction)], cap=caps.task_pattern),
        execution_chain(solved, caps),
        _verification(solved, caps),
        lessons(solved, caps),
        environment(solved.dockerfile, caps),
        _raw_tail(solved, caps),
    )


def _verification(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    passed = [row for row in solved.rows if row.passed]
    failed = [row for row in solved.rows if not row.passed]
    entries = [ClaimDraft(f"- Reward: {solved.reward:.4f}", solved.verdict_references)]
    if solved.rows:
        count = f"- Checks: {len(passed)} of {len(solved.rows)} passed"
        entries.append(ClaimDraft(count, solved.verdict_references))
    if solved.exception is not None:
        warning = f"- The attempt also raised: {one_line(solved.exception, caps.row)}"
        entries.append(ClaimDraft(warning, solved.verdict_references))
    for word, rows in (("passed", passed), ("failed", failed)):
        entries += [
            ClaimDraft(f"- {word}: {one_line(row.name, caps.row)}", row.references) for row in rows[: caps.rows]
        ]
    entries.append(ClaimDraft(f"- Trial: {solved.trial}"))
    return assemble(_VERIFICATION, entries, cap=caps.verification)


def _raw_tail(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    raw = solved.raw_output.strip()
    if raw.lower() in {"", "done"}:
        return assemble(_RAW, [ClaimDraft("(none)")], cap=caps.raw_tail)
    tail = raw[-caps.raw_tail :]
    return assemble(_RAW, [ClaimDraft(tail, solved.raw_references)], cap=caps.raw_tail, total_chars=len(raw))
