"""What a check of a skill finds."""

from msgspec import Struct

from engine.policies.skill.literals import VerifierLiterals

NO_LITERALS = VerifierLiterals()
"""For tasks whose verifier is not Python."""


class SkillFinding(Struct, frozen=True):
    """One thing wrong with a skill."""

    rule: str
    """Its stable name, such as ``fence-open``."""
    problem: str
    remedy: str
    line: int | None = None
    """Of the file, from 1; None when it is about the whole."""


class SkillVerdict(Struct, frozen=True):
    """All that was found."""

    errors: tuple[SkillFinding, ...]
    """A skill with any of these is not saved."""
    warnings: tuple[SkillFinding, ...]
    """A skill with these is saved, and they are recorded."""


class SkillContext(Struct, frozen=True):
    """What a skill is checked against."""

    folder: str
    """Name of the folder it will lie in."""
    instruction: str
    """Of the task it was distilled from: what it says may be repeated."""
    literals: VerifierLiterals = NO_LITERALS
