"""Whether a call of a model that failed is made again, and how long to wait first; pure.

It rests on what is recorded: how the physical calls before ended, what the provider asked for, and the times of the
events. So a call that was cut off between two tries goes on where it stopped, and a replay decides the same.
"""

from types import SimpleNamespace
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct
from tenacity.wait import wait_exponential

from events.base import Ref
from events.digest import digest_of
from events.types.model import ModelFailed

_MOST_DOUBLED: Final = 60


class RetryLimits(Struct, frozen=True, kw_only=True):
    """How often one question may be asked, and at what distance.

    Attributes:
        tries: Physical calls at most for one logical one, 1 or more, the first included. Refusals because of too many
            calls (429) are not counted: the pool slows down until the provider bears it, and the time budget bounds
            them. Where there is no such budget, or nothing is to be repeated (1), they are counted like the others.
        first_wait_s: Seconds before the second call, 0 or more; each further wait is twice the one before.
        longest_wait_s: Seconds that doubling stops at. A wait the provider asks for is honoured beyond it.
        budget_s: Seconds from the first call after which no further one is begun; a wait that would pass it is
            not begun either. None: no such limit.
    """

    tries: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    budget_s: float | None = 900.0


class FailedCall(Protocol):
    """What counts of a call that failed; `ModelFailed` is one."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may be answered at another time."""

    @property
    def retry_after_s(self) -> float | None:
        """Seconds the provider asked to wait. None: it did not ask."""


UNNOTICED_S: Final = 60.0
"""Seconds that are no reason to give up yet. No decision sees less: measured times tell two lives apart that decide the
same."""


class CallTries(NamedTuple):
    """The physical calls that were made for one question, and failed."""

    made: int
    refused: int
    """Those of them that were refused because of too many (429)."""
    elapsed_s: float
    """Seconds from the first of them to the end of the last, by the recorded times. What no process lived through does
    not count, and of each time spent waiting for a place, in a pool or while the run was paused, at most a minute."""

    def plus(self, failed: ModelFailed, busy_s: float, idle_s: float) -> "CallTries":
        """Count one more.

        Args:
            failed: How it ended.
            busy_s: Seconds that it took, and the wait before it.
            idle_s: Seconds that passed besides, since the one before had ended. 0 for the first.
        """
        refused = self.refused + (failed.kind == "rate_limit")
        return CallTries(self.made + 1, refused, self.elapsed_s + busy_s + min(idle_s, LONGEST_IDLE_S))

    def noticed(self, retry_after_s: float | None) -> "CallTries":
        """Leave the time out as long as it, and the wait that the provider asks for, cannot be a reason to give up."""
        short = self.elapsed_s + (retry_after_s or 0.0) < UNNOTICED_S
        return self._replace(elapsed_s=0.0) if short else self


NOT_TRIED: Final = CallTries(0, 0, 0.0)
LONGEST_IDLE_S: Final = 60.0
"""How much of one wait for a place counts as patience: a run that was paused for an hour has not been patient."""


class RetryCall(NamedTuple):
    """The call is made again."""

    wait_s: float
    """Seconds to wait first."""


class GiveUp(NamedTuple):
    """It is not."""

    reason: str


def judge_failure(failed: FailedCall, tried: CallTries, retry: RetryLimits, spread: float) -> RetryCall | GiveUp:
    """Say whether a call that failed is made again.

    Args:
        failed: How the last physical call ended.
        tried: All of them, the last included.
        retry: The settings.
        spread: Where in the spread this call lies, in [0, 1).
    """
    if not failed.retryable:
        return GiveUp("asking again cannot help")
    patient = retry.budget_s is not None and retry.tries > 1
    counted = tried.made - tried.refused if patient else tried.made
    if counted >= retry.tries:
        return GiveUp(f"{tried.made} calls were made")
    wait_s = wait_before(retry, tried.made, failed.retry_after_s, spread)
    if retry.budget_s is not None and tried.elapsed_s + wait_s > retry.budget_s:
        return GiveUp(f"no further call is begun after {retry.budget_s:g} s")
    return RetryCall(wait_s)


def wait_before(retry: RetryLimits, tries_made: int, retry_after_s: float | None, spread: float) -> float:
    """Say how many seconds to wait before the next call, in whole microseconds.

    What the provider asks for is waited at least. The spread keeps a thousand callers that were refused
    together from coming back together.

    Args:
        retry: The settings.
        tries_made: Physical calls so far, 1 or more.
        retry_after_s: Seconds the provider asked to wait; None when it did not ask.
        spread: Where in the spread this call lies, in [0, 1).
    """
    if retry_after_s is not None:
        return round(retry_after_s + retry.first_wait_s * spread, 6)
    state: Any = SimpleNamespace(attempt_number=min(tries_made, _MOST_DOUBLED))
    doubled = wait_exponential(multiplier=retry.first_wait_s, max=retry.longest_wait_s)(state)
    return round(doubled * (1.0 + spread) / 2.0, 6)


def spread_of(failed: Ref) -> float:
    """Derive a spread in [0, 1) from the place of a failure: differing between callers, the same in every rerun."""
    return int(digest_of(f"{failed.stream}@{failed.version}".encode())[:13], 16) / 16**13
