"""Effects of a task of several steps: each is begun and judged in the attempt's sandbox, while the attempt goes on."""

from events.base import Event
from events.digest import Digest
from events.values import NamedDigest


class StepAsked(Event, frozen=True, tag="step.asked"):
    """The next step was asked to be made ready."""

    task: str
    step: str


class StepBegun(Event, frozen=True, tag="step.begun"):
    """Its material lies in the sandbox, and what the step before left in the log folders is gone."""


class StepVerifyAsked(Event, frozen=True, tag="step.verify_asked"):
    """The step's own tests were asked to judge what the agent left behind."""

    task: str
    step: str


class StepJudged(Event, frozen=True, tag="step.judged"):
    """They have ended. What counts is the verdict on the whole, which is asked for after the last step."""

    reward: float | None
    """None: the tests left no usable reward, and `detail` says why. That is not a reward of 0."""
    rewards: dict[str, float]
    """By the tests' own names; finite numbers."""
    detail: str
    goes_on: bool
    """Whether the step reached its least reward, so that the next one is done."""
    exit_code: int | None
    """Of the tests; it has no say in the reward. None: they were killed, or did not start."""
    stdout: Digest
    """Blob: what they printed."""
    stderr: Digest
    files: tuple[NamedDigest, ...]
    """Blobs: every file they left in their log folder."""
