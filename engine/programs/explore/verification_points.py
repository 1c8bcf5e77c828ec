"""Points of decision of programs that verify a final state more than once: how often, and what it comes to."""

from typing import Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import COURSE_RECORDED, Point
from engine.programs.explore.points import Judged, JudgingRule, JudgingSaw


class VerificationsSaw(msgspec.Struct, frozen=True):
    """A final state that is about to be verified."""

    steps: int
    """Steps of the task: each is judged before the next is begun, so none can be judged again."""


class VerificationsRule(msgspec.Struct, frozen=True):
    """How often a final state is verified."""

    repeats: int


class Verifications(msgspec.Struct, frozen=True):
    """How often this one is."""

    number: int
    """1 or more."""


def _verifications_rule(spec: RunSpec, saw: VerificationsSaw) -> VerificationsRule:
    del saw
    return VerificationsRule(spec.own.get("verifier_repeats", 1))


VERIFICATIONS: Final = Point(
    name="verifications",
    revision=1,
    saw=VerificationsSaw,
    settings=VerificationsRule,
    ruling=Verifications,
    decisive=("number",),
    steers=True,
    rule=_verifications_rule,
    since=COURSE_RECORDED,
)
"""Of programs that verify a final state more than once."""

VERIFICATION: Final = Point(
    name="verification",
    revision=1,
    saw=JudgingSaw,
    settings=JudgingRule,
    ruling=Judged,
    decisive=("outcome",),
    steers=False,
    rule=lambda spec, _: JudgingRule(spec.method.solved_at),
    since=COURSE_RECORDED,
)
"""What a further verification of a final state comes to."""
