"""Stories of limits: each ends an attempt in its own name."""

from decimal import Decimal

from engine.config.spec import AgentSpec
from engine.policies.limits import AttemptUsage, limit_reached, time_left
from events.values import Usage
from tests.support.outcomes import answered, failed


def test_each_limit_has_a_name_of_its_own() -> None:
    """Whoever reads the log can tell a slow agent from a chatty one."""
    settings = AgentSpec(max_turns=3, max_tokens=100, max_cost_usd=Decimal("0.5"))
    cases = {
        "turn_limit": (AttemptUsage(3, 0, 0), 0.0),
        "token_limit": (AttemptUsage(1, 100, 0), 0.0),
        "cost_limit": (AttemptUsage(1, 0, 500_000_000), 0.0),
        "time_limit": (AttemptUsage(1, 0, 0), 60.0),
    }
    for name, (spent, busy_s) in cases.items():
        limit = limit_reached(spent, busy_s, settings, 60.0)
        assert limit is not None
        assert limit.reason == name


def test_below_every_limit_the_attempt_goes_on() -> None:
    """None is the usual answer."""
    assert limit_reached(AttemptUsage(2, 99, 1), 59.9, AgentSpec(max_turns=3, max_tokens=100), 60.0) is None


def test_a_command_gets_its_own_limit_until_less_than_that_is_left() -> None:
    """While there is time, a command's limit does not depend on measured time: equal decisions, equal events."""
    assert time_left(10.0, 3.21, None) == 10.0
    assert time_left(10.0, 3.21, 60.0) == 10.0
    assert time_left(10.0, 55.5, 60.0) == 5.0
    assert time_left(10.0, 61.0, 60.0) == 1.0


def test_failed_calls_use_an_attempt_up_as_far_as_they_say_what_they_took() -> None:
    """They are no turns; what nobody counted adds nothing."""
    refused = failed("malformed", 200, cost=6, usage=Usage(1000, 500, None, None))
    spent = AttemptUsage.nothing().plus(answered(4, Usage(10, 5, None, None))).with_failed([refused, failed("timeout")])
    assert spent == AttemptUsage(1, 1515, 10)
