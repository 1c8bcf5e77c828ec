"""The point of decision of calls of models, the same for every program: whether one that failed is made again."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.config.program_registry import roles_of
from engine.config.spec import RunSpec, model_for
from engine.core.decision import ENDINGS_RECORDED, Point, Policy, PolicyContext
from engine.policies.call_retry import CallTries, GiveUp, RetryLimits, judge_failure, spread_of
from events.types.decision import Seen


class FailureSeen(msgspec.Struct, frozen=True):
    """Of `ModelFailed`."""

    kind: str
    retryable: bool
    retry_after_s: float | None


class CallRetrySaw(msgspec.Struct, frozen=True):
    """A call that failed, and those before it for the same question."""

    role: str
    """Whose model was asked."""
    failed: Seen[FailureSeen]
    made: int
    """Physical calls so far, this one included."""
    refused: int
    """Those of them that were refused because of too many."""
    elapsed_s: float
    """Seconds since the first of them began, as `CallTries` counts them; 0 while that is too short to count."""


class CallRetry(msgspec.Struct, frozen=True):
    """Whether it is made again."""

    wait_s: float | None
    """Seconds to wait first. None: it is not."""
    reason: str
    """Why not; empty if it is."""


def _retry_rule(spec: RunSpec, saw: CallRetrySaw) -> RetryLimits:
    model = model_for(spec, saw.role, roles_of(spec).get(saw.role))
    if model is None:
        return RetryLimits()
    return RetryLimits(
        tries=model.tries,
        first_wait_s=model.retry_wait_initial_s,
        longest_wait_s=model.retry_wait_max_s,
        budget_s=model.retry_timeout_s,
    )


CALL_RETRY: Final = Point(
    name="call_retry",
    revision=1,
    saw=CallRetrySaw,
    settings=RetryLimits,
    ruling=CallRetry,
    decisive=("wait_s",),
    steers=True,
    rule=_retry_rule,
    since=ENDINGS_RECORDED,
)


def rule_on_failed_call(saw: CallRetrySaw, rule: RetryLimits, desk: PolicyContext) -> CallRetry:
    """Say whether a call that failed is made again, and after which wait."""
    del desk
    tried = CallTries(saw.made, saw.refused, saw.elapsed_s)
    ruling = judge_failure(saw.failed.value, tried, rule, spread_of(saw.failed.seen))
    return CallRetry(None, ruling.reason) if isinstance(ruling, GiveUp) else CallRetry(ruling.wait_s, "")


POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (CALL_RETRY,)
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({CALL_RETRY.name: rule_on_failed_call})
"""What rules where neither a program nor a method names a policy."""
