"""SkillOpt's gate: strictly better, with no tolerance; and the control arm, which takes everything."""

from fractions import Fraction
from itertools import product
from math import inf, nan

import pytest

from engine.policies.gates.base import CandidateRows
from engine.policies.gates.strict import ForceGate, StrictGate
from engine.policies.training.acceptance import Accepted, Standing, accept_any, accept_better


@pytest.mark.parametrize(
    ("current", "best", "score", "action"),
    [
        (0.5, 0.5, 0.5, "reject"),
        (0.5, 0.5, 0.5000001, "accept_new_best"),
        (0.5, 0.5, 0.49, "reject"),
        (0.4, 0.6, 0.5, "accept"),
        (0.4, 0.6, 0.6, "accept"),
        (0.4, 0.6, 0.61, "accept_new_best"),
        (0.6, 0.4, 0.5, "reject"),
        (0.3, 0.3, nan, "reject"),
        (nan, 0.3, 0.9, "reject"),
        (0.3, nan, 0.9, "accept"),
        (0.3, 0.3, inf, "accept_new_best"),
    ],
)
def test_a_candidate_has_to_be_better(current: float, best: float, score: float, action: str) -> None:
    """Than the current skill to be taken, than the best one to be that. What is no number is not better."""
    accepted = accept_better(Standing(current, best, 3), score, 7)
    assert accepted.action == action
    expected = {"reject": (current, best, 3), "accept": (score, best, 3), "accept_new_best": (score, score, 7)}
    assert repr(tuple(accepted.standing)) == repr(expected[action])


def test_a_score_of_nothing_is_a_score() -> None:
    """SkillOpt takes it for none when it resumes, and measures the initial skill again (W1)."""
    assert accept_better(Standing(0.0, 0.0, 0), 0.0, 1) == Accepted("reject", Standing(0.0, 0.0, 0))
    assert accept_better(Standing(None, None, 0), 0.0, 1) == Accepted("accept_new_best", Standing(0.0, 0.0, 1))


def test_the_control_arm_takes_every_candidate() -> None:
    """The best one measured is still the best."""
    assert accept_any(Standing(0.5, 0.5, 1), 0.25, 2) == Accepted("force_accept", Standing(0.25, 0.5, 1))
    assert accept_any(Standing(0.25, 0.5, 1), 0.5, 3) == Accepted("force_accept", Standing(0.5, 0.5, 1))
    assert accept_any(Standing(0.5, 0.5, 1), 0.75, 4) == Accepted("force_accept", Standing(0.75, 0.75, 4))


def test_the_gates_of_a_run_rule_as_these_do() -> None:
    """They see rows, and know no score that is no number; over whole rows they come to the same."""
    scores = (Fraction(0), Fraction(1, 2), Fraction(1))
    for before, now in product(product(scores, repeat=3), repeat=2):
        rows = CandidateRows(tuple((each,) for each in now))
        standing = Standing(float(sum(before) / 3), float(sum(before) / 3), 0)
        strict = StrictGate()
        action = accept_better(standing, float(sum(now) / 3), 1).action
        assert strict.rule(strict.start(before), rows).outcome == ("reject" if action == "reject" else "accept")
        force = ForceGate()
        assert force.rule(force.start(before), rows).outcome == "accept"
