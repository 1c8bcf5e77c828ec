"""Effects of a task of several steps: each is prepared and judged in the attempt's sandbox during the attempt."""

from events.base import Event
from events.digest import Digest
from events.values import NamedDigest


class StepAsked(Event, frozen=True, tag="step.asked"):
    """The next step was requested to be prepared."""

    task: str
    step: str


class StepBegun(Event, frozen=True, tag="step.begun"):
    """The step was prepared: its files are in the sandbox, and the log folders of the previous step are empty."""


class StepVerifyAsked(Event, frozen=True, tag="step.verify_asked"):
    """The step's own tests were requested to judge the state that the agent left."""

    task: str
    step: str


class StepJudged(Event, frozen=True, tag="step.judged"):
    """The step's tests ended. The attempt is judged by the verifier, which runs after the last step."""

    reward: float | None
    """None: the tests left no usable reward, and `detail` says why. That is not a reward of 0."""
    rewards: dict[str, float]
    """By the tests' own names; finite numbers."""
    detail: str
    goes_on: bool
    """Whether the step reached its minimum reward, so that the next one follows."""
    exit_code: int | None
    """Of the tests; it does not affect the reward. None: they were killed, or did not start."""
    stdout: Digest
    """Blob: what they printed."""
    stderr: Digest
    files: tuple[NamedDigest, ...]
    """Blobs: every file in their log folder."""
