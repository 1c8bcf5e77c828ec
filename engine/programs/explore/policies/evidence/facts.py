"""What is recorded of a solved trial, as the evidence for its skill is gathered from it."""

from msgspec import Struct

from engine.programs.explore.policies.memo import MemoSections
from events.base import Ref


class EvidenceAction(Struct, frozen=True):
    """One command the agent ran in the attempt that solved the task."""

    command: str
    """Whole, with all its lines."""
    exit_code: int | None
    """None when it was stopped before it ended."""
    stdout: str
    stderr: str
    references: tuple[Ref, ...]


class EvidenceNote(Struct, frozen=True):
    """What the agent said beside a command."""

    text: str
    references: tuple[Ref, ...]


class CheckRow(Struct, frozen=True):
    """One check of the verifier."""

    name: str
    passed: bool
    message: str
    """Empty when it passed, or when the verifier gave none."""
    references: tuple[Ref, ...]


class FailedAttempt(Struct, frozen=True):
    """One attempt before."""

    attempt: int
    """From 1."""
    status: str
    """How it ended, in a word or two; shown when no check is known to have failed."""
    first_command: str | None
    """As recorded, never the rest of a cut text (W24). None when nothing was run."""
    rows: tuple[CheckRow, ...]
    memo: MemoSections | None
    """As rewritten after it; None when the old one was kept, or none was written."""
    references: tuple[Ref, ...]
    memo_references: tuple[Ref, ...]


class SolvedTrial(Struct, frozen=True):
    """All of it."""

    trial: str
    instruction: str
    """The task's own, without anything that was appended for retries."""
    actions: tuple[EvidenceAction, ...]
    notes: tuple[EvidenceNote, ...]
    rows: tuple[CheckRow, ...]
    reward: float
    exception: str | None
    """What the attempt raised although it solved the task; None when nothing."""
    verdict_references: tuple[Ref, ...]
    failed: tuple[FailedAttempt, ...]
    dockerfile: str | None
    """None when the environment has none."""
    raw_output: str
    raw_references: tuple[Ref, ...]


class EvidenceCaps(Struct, frozen=True, omit_defaults=True):
    """How much is shown; characters unless a field says otherwise. The numbers are SPARK's (2.7, 4.1).

    It is the rule of a decision: what is at its default is not written, as rules were before there were settings.
    """

    task_pattern: int = 16_000
    execution_chain: int = 24_000
    verification: int = 4_000
    lessons: int = 8_000
    environment: int = 8_000
    raw_tail: int = 4_000
    notes: int = 12
    """How many."""
    note: int = 240
    command: int = 8_000
    """Ours: a program is kept whole up to here, then its middle is left out."""
    output: int = 600
    """Ours: of each stream of each action."""
    rows: int = 8
    """How many."""
    row: int = 180
    cautions: int = 8
    """How many."""
    caution: int = 220
    packages: int = 10
    """How many."""
