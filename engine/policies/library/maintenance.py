"""What becomes of a skill once it was measured: it is retired, rolled back, quarantined or narrowed; pure.

Harm is the share of the trials that read a skill and failed. It is no proof: a trial may fail for another reason, which
is why few uses decide nothing.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from events.values import Ratio
from projections.comparison.rows import exact

MaintenanceAction: TypeAlias = Literal["retire", "rollback", "quarantine", "narrow"]
"""retire: it is in force no more. rollback: its revision before is in force again. quarantine: it stays, and is given
to nobody. narrow: it is not given to tasks of some environments."""
NARROWING_FAILURES = 2
"""Failures in one environment from which on a skill is narrowed."""


class SkillUse(msgspec.Struct, frozen=True):
    """A trial whose agent read a skill, and which has a score."""

    task: str
    environment: str
    solved: bool


class MaintenanceRule(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done about a skill, and from when on."""

    retire: bool = False
    rollback: bool = False
    quarantine: bool = False
    narrow: bool = False
    uses: int = 3
    """Below so many nothing is done; 1 or more."""
    retire_at: float = 0.7
    """Harm from which on a skill is retired, from 0 to 1."""
    quarantine_at: float = 0.4
    """Harm from which on a skill is rolled back or quarantined, from 0 to 1."""


class MaintenanceRuling(NamedTuple):
    """What becomes of a skill."""

    skill: str
    action: MaintenanceAction
    reason: str
    exclude: tuple[str, ...]
    """Environments in which it is given no more; of *narrow* only."""
    harm: Ratio
    uses: int


def maintain(
    uses: Mapping[str, Sequence[SkillUse]], revisions: Mapping[str, int], rule: MaintenanceRule
) -> tuple[MaintenanceRuling, ...]:
    """Say what becomes of skills: of each at most one thing, the gravest that its harm reaches and the rule allows.

    Args:
        uses: By skill in force, the trials that read it.
        revisions: By skill, the revision in force, from 1. A first revision is not rolled back.
        rule: What may be done.

    Returns:
        By name of the skill; those that stay as they are, are left out.
    """
    rulings = (_of_skill(name, uses[name], revisions.get(name, 1), rule) for name in sorted(uses))
    return tuple(each for each in rulings if each is not None)


def _of_skill(name: str, uses: Sequence[SkillUse], revision: int, rule: MaintenanceRule) -> MaintenanceRuling | None:
    failed = [each for each in uses if not each.solved]
    if len(uses) < rule.uses or not uses:
        return None
    harm = Fraction(len(failed), len(uses))
    told = f"{len(failed)} of {len(uses)} trials that read it failed"
    exclude: tuple[str, ...] = ()
    action: MaintenanceAction
    if rule.retire and harm >= exact(rule.retire_at):
        action = "retire"
    elif rule.rollback and revision > 1 and harm >= exact(rule.quarantine_at):
        action = "rollback"
    elif rule.quarantine and harm >= exact(rule.quarantine_at):
        action = "quarantine"
    elif rule.narrow and (exclude := _harmed_only(uses, failed)):
        action, told = "narrow", f"{told}, all of them in {exclude[0]}"
    else:
        return None
    return MaintenanceRuling(name, action, told, exclude, Ratio.of(harm), len(uses))


def _harmed_only(uses: Sequence[SkillUse], failed: Sequence[SkillUse]) -> tuple[str, ...]:
    """Name the environment in which alone a skill failed, although it was read in others, too. Empty: there is none."""
    where = {each.environment for each in failed}
    others = {each.environment for each in uses} - where
    return tuple(where) if len(failed) >= NARROWING_FAILURES and len(where) == 1 and others else ()
