"""The agent's noise and the verifier's, by hand and over everything that can happen."""

from fractions import Fraction
from itertools import product

import pytest

from projections.comparison.noise import VerifiedRun, split_noise
from projections.comparison.rows import RowsUnusable


def run(*verdicts: int, item: str = "a", arm: str = "none") -> VerifiedRun:
    """One run and its verdicts."""
    return VerifiedRun(arm, item, tuple(map(Fraction, verdicts)))


def test_a_steady_verifier_leaves_all_noise_to_the_agent() -> None:
    """Two runs, one solved: variance 1/2, as of two values 0 and 1."""
    found = split_noise([run(1, 1), run(0, 0)])
    assert (found.agent, found.flake, found.flaky) == (Fraction(1, 2), Fraction(0), ())
    assert (found.runs, found.verifications) == (2, 4)


def test_a_verifier_that_flips_leaves_none() -> None:
    """Runs that are alike on average: what remains to the agent would be negative, and is 0."""
    found = split_noise([run(1, 0), run(0, 1), run(1, 1, item="b")])
    assert (found.agent, found.flake, found.flaky) == (Fraction(0), Fraction(1, 3), ("a",))


def test_what_was_not_measured_is_not_known() -> None:
    """One verification a run cannot tell the two apart; one run an item knows nothing of the agent."""
    once = split_noise([run(1), run(0)])
    assert (once.agent, once.flake) == (Fraction(1, 2), None)
    alone = split_noise([run(1, 0), run(0, 0, item="b")])
    assert (alone.agent, alone.flake) == (None, Fraction(1, 4))
    nothing = split_noise([])
    assert (nothing.agent, nothing.flake, nothing.runs) == (None, None, 0)


def test_arms_are_not_mixed() -> None:
    """That a skill solves what was unsolved is its effect, and no noise."""
    found = split_noise([run(0), run(0), run(1, arm="skill"), run(1, arm="skill")])
    assert found.agent == 0


def test_unequal_numbers_of_verifications_are_weighed() -> None:
    """By hand: runs (1, 1, 1) and (0): within 0; between 3/4; weight 4 - 10/4."""
    assert split_noise([run(1, 1, 1), run(0)]).agent == Fraction(3, 4) / Fraction(3, 2)


def test_both_are_right_on_average() -> None:
    """Over all that can happen to two runs that end good or bad by a coin, each verified twice with errors of 1/4.

    The verifier passes good ends with 3/4 and bad ones with 1/4: flake 3/16, agent's variance 1/16. Before 0 is the
    least, the average over all outcomes is exact; so the truncated one is not under it, and the flake is exact.
    """
    agent = flake = weight = Fraction(0)
    for good in product((False, True), repeat=2):
        for verdicts in product((0, 1), repeat=4):
            chance = Fraction(1, 4)
            for place, verdict in enumerate(verdicts):
                passes = Fraction(3, 4) if good[place // 2] else Fraction(1, 4)
                chance *= passes if verdict else 1 - passes
            found = split_noise([run(*verdicts[:2]), run(*verdicts[2:])])
            assert found.agent is not None
            assert found.flake is not None
            agent, flake, weight = agent + chance * found.agent, flake + chance * found.flake, weight + chance
    assert weight == 1
    assert flake == Fraction(3, 16)
    assert Fraction(1, 16) <= agent < Fraction(1, 8)


def test_a_run_without_a_verdict_is_refused() -> None:
    """It has no score, so it cannot say anything about scores."""
    with pytest.raises(RowsUnusable, match="a run of a has no verdict"):
        split_noise([run()])
