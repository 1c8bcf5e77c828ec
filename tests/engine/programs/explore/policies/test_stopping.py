"""When a trial goes on, and why it ends."""

from hypothesis import given
from hypothesis import strategies as st

from engine.policies.judging import Failed, Infrastructure, NoVerdict, Outcome, Solved
from engine.programs.explore.policies.stopping import (
    BudgetReached,
    Cancelled,
    Continue,
    Counting,
    Exhausted,
    GiveUpInfrastructure,
    StoppingSettings,
    TrialSolved,
    decide_next,
)

RULE = StoppingSettings(max_attempts=3)
FAILED = Failed(0.0)
BROKEN = Infrastructure("docker went away")

outcomes = st.lists(st.sampled_from([FAILED, BROKEN, NoVerdict("none")]), max_size=12)


def test_the_first_attempt_is_a_decision_too() -> None:
    """The same function opens the trial."""
    assert decide_next([], RULE) == Continue(1, 1, "nothing was tried yet")


def test_failures_use_up_attempts() -> None:
    """Three in all, the first included (SPARK's max_retries is a total, too)."""
    assert decide_next([FAILED, FAILED], RULE) == Continue(3, 3, "2 of 3 attempts are used up")
    assert isinstance(decide_next([FAILED] * 3, RULE), Exhausted)


def test_w18_broken_infrastructure_uses_up_no_attempt() -> None:
    """In SPARK a provider's 502 is an ordinary attempt (W18); here the agent keeps its three tries."""
    decision = decide_next([FAILED, BROKEN, FAILED, BROKEN], RULE)
    assert isinstance(decision, Continue)
    assert (decision.attempt, decision.counted) == (5, 3)


def test_consecutive_means_consecutive() -> None:
    """SPARK's "consecutive" count is a total (spark.md 10); two breaks with a verdict between go on."""
    rule = StoppingSettings(max_attempts=9)
    assert isinstance(decide_next([BROKEN, FAILED, BROKEN], rule), Continue)
    assert isinstance(decide_next([FAILED, BROKEN, NoVerdict("x")], rule), GiveUpInfrastructure)


def test_breaking_has_a_limit_in_all() -> None:
    """A trial that breaks every other time would pay for ever."""
    rule = StoppingSettings(max_attempts=99, max_scoreless=3)
    assert isinstance(decide_next([BROKEN, FAILED, BROKEN, FAILED, BROKEN], rule), GiveUpInfrastructure)


def test_the_total_of_attempts_without_a_score_counts_both_kinds_and_no_other() -> None:
    """Broken surroundings and verifiers that said nothing; what failed is no part of it."""
    rule = StoppingSettings(max_attempts=99, max_scoreless=4)
    below: list[Outcome] = [BROKEN, FAILED, NoVerdict("none"), FAILED, FAILED, BROKEN, FAILED]
    assert isinstance(decide_next(below, rule), Continue)
    assert decide_next([*below, NoVerdict("none")], rule) == GiveUpInfrastructure("4 attempts ended without a score")


def test_six_attempts_without_a_score_end_a_trial_unless_told_otherwise() -> None:
    """And two in a row: the words say which of the two it was."""
    rule = StoppingSettings(max_attempts=99)
    five: list[Outcome] = [BROKEN, FAILED] * 5
    assert isinstance(decide_next(five, rule), Continue)
    total = decide_next([*five, BROKEN], rule)
    assert total == GiveUpInfrastructure("6 attempts ended without a score")
    in_a_row = decide_next([FAILED, BROKEN, BROKEN], rule)
    assert in_a_row == GiveUpInfrastructure("2 attempts in a row ended without a score")


def test_spark_counting_is_kept() -> None:
    """Every attempt counts, and two infrastructure failures in all end it."""
    rule = StoppingSettings(max_attempts=3, counting=Counting.SPARK)
    assert isinstance(decide_next([FAILED, NoVerdict("x"), FAILED], rule), Exhausted)
    assert isinstance(decide_next([BROKEN, FAILED, BROKEN], rule), GiveUpInfrastructure)


def test_a_success_that_has_arrived_wins() -> None:
    """Neither a cancellation nor an empty purse undoes it."""
    assert isinstance(decide_next([Solved(1.0)], RULE, budget="spent", cancelled="ann: stop"), TrialSolved)


def test_stops_say_who_and_what() -> None:
    """In SPARK a cancelled task leaves no word behind."""
    assert decide_next([FAILED], RULE, cancelled="ann: stop") == Cancelled("ann: stop")
    assert decide_next([FAILED], RULE, budget="5 USD spent") == BudgetReached("5 USD spent")


@given(outcomes, st.integers(1, 4))
def test_every_trial_ends(tail: list[Outcome], attempts: int) -> None:
    """Whatever happens, a trial has at most as many attempts as both allowances together."""
    rule = StoppingSettings(max_attempts=attempts)
    past: list[Outcome] = []
    for outcome in tail:
        if not isinstance(decide_next(past, rule), Continue):
            break
        past.append(outcome)
    assert len(past) <= attempts + rule.max_scoreless
