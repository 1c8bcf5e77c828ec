"""Stories of models that did not answer: whose doing the end of an attempt is."""

from typing import get_args, get_type_hints

import pytest
from msgspec.structs import replace

from engine.policies.ending import CallFailure, Ending, Reason, RunFacts, ending_of, has_verdict, unanswered
from events.types.attempt import AgentEnded

OUTAGE = CallFailure("server", "the endpoint answered 500: no reason given")
FULL = CallFailure("context_length", "the endpoint answered 400: prompt is too long")
WORKED = RunFacts(
    stopped=None, ended="exited", exit_code=0, calls=3, answered=3, unanswered=(), cut=0, acted=True, stderr="it broke"
)
PROVIDERS = [
    "authentication",
    "bad_request",
    "endpoint",
    "malformed",
    "network",
    "rate_limit",
    "refusal",
    "server",
    "timeout",
]


def test_the_words_for_an_ending_are_those_of_the_log() -> None:
    """A reason that the log does not know could not be recorded."""
    assert set(get_args(Reason)) == set(get_args(get_type_hints(AgentEnded)["reason"]))


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("acted", [True, False])
def test_only_a_missing_model_and_a_cap_before_any_action_leave_nothing_to_judge(
    reason: Reason, *, acted: bool
) -> None:
    """Every other limit was the agent's to meet."""
    assert has_verdict(reason, acted=acted) is (reason != "failed" and (reason, acted) != ("budget", False))


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("acted", [True, False])
def test_what_the_provider_did_is_never_the_agents(kind: str, *, acted: bool) -> None:
    """Whatever was done before: nothing is verified then, and no reward comes of it."""
    failure = CallFailure(kind, "so it is")
    assert unanswered(failure, acted=acted) == Ending("failed", f"{kind}: so it is")
    run = replace(WORKED, acted=acted, unanswered=(failure,), exit_code=1)
    assert ending_of(run) == unanswered(failure, acted=acted)


def test_a_conversation_that_grew_too_long_is_the_agents() -> None:
    """Who made it: what it did until then is judged."""
    assert unanswered(FULL, acted=True).reason == "context_limit"
    assert ending_of(replace(WORKED, unanswered=(FULL,), exit_code=1)).reason == "context_limit"


def test_before_the_first_action_it_is_what_the_agent_was_given() -> None:
    """The task as it is asked does not fit; the message says what helps."""
    ending = unanswered(FULL, acted=False)
    assert ending.reason == "failed"
    assert ending.detail.startswith("context_length: the endpoint answered 400: prompt is too long")
    assert "larger window" in ending.detail
    assert "max_tokens" in ending.detail
    assert ending_of(replace(WORKED, unanswered=(FULL,), acted=False)) == ending


def test_the_last_failure_says_why_it_ended() -> None:
    """An agent that asks again thirty times ends at the last of them."""
    assert ending_of(replace(WORKED, unanswered=(FULL, *[OUTAGE] * 30))).reason == "failed"
    assert ending_of(replace(WORKED, unanswered=(OUTAGE, FULL))).reason == "context_limit"


@pytest.mark.parametrize("exit_code", [0, 1, 2, None])
@pytest.mark.parametrize("ended", ["exited", "timed_out", "output_limit", "memory"])
def test_no_exit_code_makes_an_outage_the_agents(exit_code: int | None, ended: str) -> None:
    """Some agents exit with 0 after their model was gone, and others wait for it until their time is over."""
    run = replace(WORKED, unanswered=(OUTAGE,), exit_code=exit_code, ended=ended)
    assert ending_of(run) == Ending("failed", "server: the endpoint answered 500: no reason given")


def test_a_failure_that_an_answer_followed_is_none() -> None:
    """It recovered, and ended by itself: what it did is judged, whatever its exit code."""
    assert ending_of(WORKED) == Ending("done", "exit code 0")
    assert ending_of(replace(WORKED, calls=9, exit_code=1)) == Ending("done", "exit code 1")


@pytest.mark.parametrize("stopped", ["turn_limit", "token_limit", "cost_limit"])
def test_a_limit_of_the_attempt_goes_first(stopped: str) -> None:
    """The gateway turned further calls away; what failed before that ended nothing."""
    assert ending_of(replace(WORKED, stopped=stopped, unanswered=(OUTAGE,))).reason == stopped


def test_money_that_failed_calls_used_up_is_no_end_of_the_agents() -> None:
    """As with the shell agent: what is left after an outage does not pay for asking again."""
    spent = replace(WORKED, stopped="budget")
    assert ending_of(spent).reason == "budget"
    assert ending_of(replace(spent, unanswered=(FULL,))).reason == "budget"
    assert ending_of(replace(spent, unanswered=(OUTAGE,))).reason == "failed"


def test_what_it_wrote_is_its_own_doing() -> None:
    """Its sandbox was full, whatever its model did."""
    assert ending_of(replace(WORKED, ended="disk", unanswered=(OUTAGE,))).reason == "disk_limit"


def test_time_that_is_over_is_its_own_where_its_model_answered() -> None:
    """A call that was under way then says nothing: agents wait for their models most of the time."""
    assert ending_of(replace(WORKED, ended="timed_out", exit_code=None, cut=1)).reason == "time_limit"
    never = replace(WORKED, ended="timed_out", exit_code=None, calls=1, answered=0, cut=1, acted=False)
    assert ending_of(never).reason == "failed"
    assert ending_of(replace(WORKED, ended="timed_out", exit_code=None, unanswered=(FULL,))).reason == "time_limit"


def test_without_any_answer_nothing_can_be_judged() -> None:
    """It never called, or was never answered: its last words tell more."""
    silent = replace(WORKED, calls=0, answered=0, exit_code=1)
    assert ending_of(silent) == Ending("failed", "it never called its model (exit code 1): it broke")
    assert ending_of(replace(silent, calls=2)).detail.startswith("none of its 2 calls was answered (exit code 1)")
    assert ending_of(replace(WORKED, answered=1)).reason == "done"


def test_who_gives_up_while_a_call_is_not_answered_was_left_waiting() -> None:
    """Its own patience was shorter than ours; with exit code 0 it had what it needed."""
    waiting = replace(WORKED, cut=1, exit_code=1)
    assert ending_of(waiting).reason == "failed"
    assert "gave up while a call was not answered" in ending_of(waiting).detail
    assert ending_of(replace(waiting, exit_code=0)).reason == "done"
    assert ending_of(replace(waiting, exit_code=None, ended="memory")).reason == "done"
    assert ending_of(replace(waiting, cut=0)).reason == "done"


def test_the_last_words_of_an_agent_are_shown_and_not_all_of_them() -> None:
    """The whole is a blob beside it."""
    detail = ending_of(replace(WORKED, calls=0, answered=0, stderr="x" * 9000)).detail
    assert detail.count("x") < 510
