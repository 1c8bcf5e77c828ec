"""Stories of tasks of several steps: which are done, and what they come to. Whole ones are in tests/harbor_corners."""

import pytest

from sandbox.harbor.schema import TaskStep
from sandbox.verification.steps import JudgedStep, falls_short, summed
from sandbox.verification.verifier import Rewarded, VerdictMissing, VerifierEvidence

NOTHING = VerifierEvidence(0, b"", b"", ())


def rewarded(**rewards: float) -> Rewarded:
    """A verdict with these rewards."""
    return Rewarded(rewards, rewards["reward"], NOTHING)


def done(*verdicts: Rewarded | VerdictMissing) -> list[JudgedStep]:
    """Steps that were done, with their verdicts."""
    return [JudgedStep(TaskStep(name=f"s{number}"), None, verdict) for number, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("least", "short"),
    [(None, False), (0.5, False), (0.6, True), ({"reward": 0.5}, False), ({"speed": 0.9}, True), ({"no": 0.0}, True)],
)
def test_a_step_below_its_least_reward_is_the_last(least: float | dict[str, float] | None, *, short: bool) -> None:
    """A number is about the reward that counts, a table about each by name."""
    assert falls_short(TaskStep(name="one", min_reward=least), rewarded(reward=0.5, speed=0.8)) is short


def test_without_a_verdict_there_is_nothing_to_go_on_from() -> None:
    """Whatever the step asks for."""
    assert falls_short(TaskStep(name="one"), VerdictMissing("no_reward_file", "", NOTHING))


def test_only_steps_that_were_done_count() -> None:
    """One and nothing of three steps is a half, and not a third; the last one alone may be what counts."""
    steps = done(rewarded(reward=1, speed=4), rewarded(reward=0, speed=2))
    mean, final = summed(steps, "mean"), summed(steps, "final")
    assert isinstance(mean, Rewarded)
    assert isinstance(final, Rewarded)
    assert (mean.reward, mean.rewards) == (0.5, {"reward": 0.5, "speed": 3.0})
    assert final.rewards == {"reward": 0, "speed": 2}


def test_a_step_without_a_verdict_leaves_the_whole_without_one() -> None:
    """It is named; a mean over the others would look like a fact."""
    found = summed(done(rewarded(reward=1), VerdictMissing("timed_out", "too slow", NOTHING)), "mean")
    assert isinstance(found, VerdictMissing)
    assert (found.reason, found.detail) == ("timed_out", "step s1: too slow")
