"""What a scan of a skill finds, and what it is scanned against."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

Severity: TypeAlias = Literal["low", "medium", "high"]
"""low: worth a look. medium: a reader who follows it may do harm. high: no honest skill needs it."""

SEVERITIES: Final[Sequence[Severity]] = ("low", "medium", "high")
"""From the least."""

LONGEST_TEXT: Final = 300
"""Characters of a line that a finding shows; the file has the rest."""


class ScanFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a scan found."""

    kind: str
    """``injection``, ``hidden``, ``exfiltration``, ``execution``, ``secret``, ``destructive``, ``answer``, ``grader``,
    ``fence``, ``binary``; other scanners may have kinds of their own."""
    severity: Severity
    file: str
    """Path below the folder of the skill, or of skills."""
    line: int
    """From 1; where it begins."""
    text: str
    """The line; of a long one, what was found in it. Values that look like secrets are masked, and invisible characters
    are written out."""
    why: str
    """What is wrong with it."""


class KnownAnswers(msgspec.Struct, frozen=True):
    """What a task or an item expects, and what it says itself."""

    told: str = ""
    """Its instruction or question: what stands there may be repeated."""
    numbers: tuple[str, ...] = ()
    """As written; at least three significant digits."""
    texts: tuple[str, ...] = ()
    """At least six characters each."""
    often: bool = False
    """Whether an example in an honest skill may well repeat them: a short answer to a question."""
    question: str = ""
    """What is asked, without what it is to be answered from. Empty: nothing is."""
    beside: tuple[str, ...] = ()
    """Answers of any length, which count where they stand beside the question."""


class ScanContext(NamedTuple):
    """What skills are scanned against."""

    answers: tuple[KnownAnswers, ...] = ()
    """Of each task or item that they are to help with."""


NO_CONTEXT: Final = ScanContext()
"""Nothing is known of the tasks."""


class Scanner(Protocol):
    """Looks through files of skills; registered under the entry points ``stillroom.scanners``.

    It is asked again in a replay, so it must be pure: no clock, no chance, no network.
    """

    @property
    def name(self) -> str:
        """As a spec and the entry point have it."""

    def scan(self, files: Mapping[str, bytes], context: ScanContext) -> Sequence[ScanFinding]:
        """Find what is wrong.

        Args:
            files: By path, such as ``SKILL.md``.
            context: What they are scanned against.
        """


def at_least(findings: Sequence[ScanFinding], severity: Severity) -> Iterator[ScanFinding]:
    """Give the findings of a severity, and of those above it."""
    least = SEVERITIES.index(severity)
    yield from (each for each in findings if SEVERITIES.index(each.severity) >= least)
