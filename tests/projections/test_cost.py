"""Stories of what calls cost: known, unknown, set aside, lost; and that it never falls below what was spent."""

from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.effects.budget import BudgetKeeper, Caps
from engine.protocols.errors import ErrorKind
from events.base import Event, Recorded, Ref, StreamId
from events.digest import Digest
from events.types.agent import CallAsked
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported, TryMade
from events.types.session import InFlightFound, SessionStarted
from events.types.trajectory import StepImported
from events.values import NanoUsd, Role, Usage
from projections.base import encode_state
from projections.cost import Cost, RunCost, Spending
from tests.projections.histories import folded, recorded
from tests.support.outcomes import answered, failed

NOTHING = Digest("0" * 64)
ATTEMPT = "attempt/a/1"
UNKNOWN = Usage(None, None, None, None)
KINDS: tuple[str, ...] = get_args(ErrorKind)


def asked(role: Role = "teacher", model: str = "p/m") -> ModelAsked:
    """A request of which only the asker matters."""
    return ModelAsked(role, model, NOTHING, None, {}, stream=False, timeout_s=None)


def answer(cost: NanoUsd | None, usage: Usage = UNKNOWN, tries: int = 1) -> ModelAnswered:
    """An answer, after tries that older versions recorded with it."""
    return answered(cost, usage, earlier=[TryMade(429, "rate_limit", 1.0)] * (tries - 1))


def failure(kind: str) -> ModelFailed:
    """A call that came to nothing."""
    return failed(kind)


def step_imported(*, answers: int, usage: Usage | None, cost: NanoUsd | None) -> StepImported:
    """A step of another system's trajectory."""
    return StepImported(1, "agent", NOTHING, (), None, "p/m", (), usage, cost, answers, None, None, None)


def cost_of(*told: tuple[str, Event]) -> RunCost:
    """Fold a run whose events stand in the streams named beside them."""
    return folded(Cost(), _history(told)).runs["r1"]


def in_stream(stream: str, *events: Event) -> list[tuple[str, Event]]:
    """Put events into one stream."""
    return [(stream, event) for event in events]


def test_calls_are_counted_by_who_asked_whom() -> None:
    """A distiller on a dear model should not hide in the teacher's sum. Retries are tries, not calls."""
    run = cost_of(
        *in_stream(ATTEMPT, asked(), answer(5, Usage(10, 2, 4, None), tries=3)),
        *in_stream("trial/a", asked("reflector", "p/other"), answer(7, Usage(1, 1, None, None))),
        *in_stream("attempt/b/1", asked(), answer(11, Usage(100, 20, 0, 8))),
    )
    assert run.lines["a"]["teacher"]["p/m"] == Spending(
        calls=1, answered=1, failed=2, tries=3, input_tokens=10, output_tokens=2, cached_input_tokens=4, cost=5
    )
    assert run.lines["a"]["reflector"]["p/other"].cost == 7
    other = run.lines["b"]["teacher"]["p/m"]
    assert (other.input_tokens, other.output_tokens, other.reasoning_tokens) == (100, 20, 8)


def test_what_nobody_counted_is_counted_as_that() -> None:
    """A sum of tokens or money is only as good as the number of answers that are missing from it."""
    run = cost_of(*in_stream(ATTEMPT, asked(), answer(None), asked(), answer(3, Usage(9, None, None, None))))
    line = run.lines["a"]["teacher"]["p/m"]
    assert (line.input_tokens, line.unknown_usage) == (9, 2)
    assert (line.cost, line.unknown_cost) == (3, 1)


def test_a_failed_call_may_have_cost() -> None:
    """A time-out may have been billed; a wrong key cannot have been."""
    run = cost_of(*in_stream(ATTEMPT, asked(), failure("timeout"), asked(), failure("authentication")))
    line = run.lines["a"]["teacher"]["p/m"]
    assert (line.calls, line.answered, line.failed, line.unknown_cost) == (2, 0, 2, 1)


def test_a_failed_call_that_says_what_it_took_counts_with_it() -> None:
    """A refused answer of status 200 was dropped once, with 1,500 tokens in it; the charge was not."""
    refused = failed("malformed", 200, cost=6, usage=Usage(1000, 500, 100, 20), retryable=True)
    run = cost_of(*in_stream(ATTEMPT, asked(), refused, asked(), answer(6, Usage(1000, 500, None, None))))
    line = run.lines["a"]["teacher"]["p/m"]
    assert (line.calls, line.answered, line.failed, line.tries) == (2, 1, 1, 2)
    assert (line.input_tokens, line.output_tokens, line.cached_input_tokens, line.reasoning_tokens) == (
        *(2000, 1000),
        *(100, 20),
    )
    assert (line.cost, line.unknown_cost, line.unknown_usage) == (12, 0, 0)


def test_what_calls_of_unknown_cost_may_have_cost_is_added_up_where_it_was_granted() -> None:
    """With a cap, the bound of each; without one nobody knows, and that is told."""
    grant = in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetGranted())
    run = cost_of(
        *grant, *in_stream(ATTEMPT, asked(), failure("timeout")), *grant, *in_stream(ATTEMPT, asked(), answer(None))
    )
    line = run.lines["a"]["teacher"]["p/m"]
    assert (line.unknown_cost, line.bound, line.unbounded, run.committed) == (2, 180, 0, 180)
    free = cost_of(*in_stream(ATTEMPT, asked(), failure("timeout"))).lines["a"]["teacher"]["p/m"]
    assert (free.unknown_cost, free.bound, free.unbounded) == (1, 0, 1)


def test_tries_that_older_versions_recorded_with_an_outcome_are_charged() -> None:
    """25 physical calls under a cap were booked as five cents, and may have cost dollars."""
    cut = [TryMade(200, "malformed", 1.0)] * 4
    grant = in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetGranted(), asked())
    run = cost_of(*grant, (ATTEMPT, answered(10, earlier=cut)))
    line = run.lines["a"]["teacher"]["p/m"]
    assert (line.tries, line.failed, line.unknown_cost, line.bound) == (5, 4, 4, 360)
    assert run.committed == 10 + 4 * 90 == _kept(_history([*grant, (ATTEMPT, answered(10, earlier=cut))]))


def test_no_count_of_tokens_and_no_cost_breaks_a_snapshot() -> None:
    """Figures of four hundred digits in an old log: told as unknown, and the state can be kept."""
    huge = 10**400
    history = _history(
        in_stream(ATTEMPT, asked(), answer(huge, Usage(huge, huge, huge, huge)), asked(), failure("server"))
    )
    state = folded(Cost(), history)
    line = state.runs["r1"].lines["a"]["teacher"]["p/m"]
    assert (line.input_tokens, line.cost, line.unknown_usage, line.unknown_cost) == (0, 0, 2, 2)
    assert encode_state(state)


def test_imported_calls_count_without_a_price() -> None:
    """Another system's tokens are told as it told them; what they cost, nobody knows."""
    told = ModelImported("reflector", 0, None, None, None, None, Usage(40, 8, None, None), 1.5)
    line = cost_of(("trial/a", told)).lines["a"]["reflector"][""]
    assert (line.calls, line.tries, line.input_tokens, line.cost, line.unknown_cost) == (1, 0, 40, 0, 1)


def test_money_is_set_aside_until_the_call_is_settled() -> None:
    """The bound stands in the books from the grant on, and the cost in its place after the answer."""
    grant = in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetGranted(), asked())
    assert (cost_of(*grant).reserved, cost_of(*grant).committed) == (90, 90)
    settled = cost_of(*grant, (ATTEMPT, answer(10)))
    assert (settled.reserved, settled.committed, settled.committed_by_trial) == (0, 10, {"a": 10})
    assert settled.streams == {}


def test_what_was_only_asked_for_is_not_set_aside() -> None:
    """Neither a request without an answer nor one that was refused."""
    run = cost_of(*in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetRefused("run", 100), BudgetAsked("a", 5)))
    assert run.committed == 0


def test_each_crash_may_have_cost_the_call_it_cut_off() -> None:
    """A call in flight at a crash is asked again on its grant; each time the provider may have done the work."""
    crash = in_stream("session", InFlightFound((Ref(ATTEMPT, 3),)))
    grant = in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetGranted(), asked())
    run = cost_of(*grant, *crash, *crash, (ATTEMPT, answer(10)))
    assert (run.lost, run.committed) == (180, 190)
    assert run.lines["a"]["teacher"]["p/m"].unknown_cost == 2


def test_a_command_in_flight_costs_nothing() -> None:
    """Only calls of models are paid for."""
    crash = ("session", InFlightFound((Ref(ATTEMPT, 1), Ref("attempt/nobody/1", 1))))
    assert cost_of((ATTEMPT, BudgetAsked("a", 90)), crash).committed == 0


def test_every_call_of_those_in_flight_is_counted_whatever_stands_between_them() -> None:
    """Commands and streams that nobody knows are passed over, and not what comes behind them."""
    first, second = ATTEMPT, "attempt/a/2"
    grants = [
        event
        for stream in (first, second)
        for event in in_stream(stream, BudgetAsked("a", 90), BudgetGranted(), asked())
    ]
    found = InFlightFound((Ref("attempt/nobody/1", 1), Ref(first, 3), Ref("trial/a", 1), Ref(second, 3)))
    run = cost_of(*grants, ("session", found))
    assert (run.lost, run.committed, run.committed_by_trial) == (180, 360, {"a": 360})


def test_a_call_that_an_agent_of_another_make_had_in_flight_is_not_asked_again() -> None:
    """It ended with its sandbox: the grant stays, and is not doubled."""
    call = "call/a/1/1"
    grant = in_stream(call, BudgetAsked("a", 90), BudgetGranted(), CallAsked("teacher", "p/m", NOTHING))
    run = cost_of(*grant, ("session", InFlightFound((Ref(call, 3),))))
    line = run.lines["a"]["teacher"]["p/m"]
    assert (run.lost, run.committed, line.calls, line.unknown_cost, line.bound) == (0, 90, 1, 1, 90)


def test_what_another_system_counted_is_told_as_it_counted() -> None:
    """A step may stand for several answers or for none; a sum of calls is no answer at all."""
    usage = Usage(40, 8, None, None)
    several = cost_of(("attempt/a/1", step_imported(answers=3, usage=usage, cost=7)))
    line = several.lines["a"]["teacher"]["p/m"]
    assert (line.calls, line.answered, line.input_tokens, line.cost, line.unknown_cost) == (3, 3, 40, 7, 0)
    assert cost_of(("attempt/a/1", step_imported(answers=0, usage=usage, cost=7))).lines == {}
    uncounted = cost_of(("attempt/a/1", step_imported(answers=1, usage=None, cost=None)))
    line = uncounted.lines["a"]["teacher"]["p/m"]
    assert (line.answered, line.unknown_usage, line.unknown_cost, line.unbounded) == (1, 1, 1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_keeper_settles_every_failure_alike(kind: str) -> None:
    """The books and the keeper must not drift apart: what one forgives, the other would overspend."""
    history = _history(in_stream(ATTEMPT, BudgetAsked("a", 90), BudgetGranted(), asked(), failure(kind)))
    assert folded(Cost(), history).runs["r1"].committed == _kept(history)


_CALLS = st.lists(
    st.tuples(
        st.sampled_from([ATTEMPT, "attempt/a/2", "trial/a", "attempt/b/1"]),
        st.integers(0, 1000),
        st.one_of(st.none().map(answer), st.integers(0, 1000).map(answer), st.sampled_from(KINDS).map(failure)),
        st.integers(2, 4),
    ),
    max_size=12,
)


@given(_CALLS)
def test_a_keeper_that_starts_from_the_books_knows_what_one_that_was_there_knew(
    calls: list[tuple[str, NanoUsd, Event, int]],
) -> None:
    """For any calls, each of which may be the last of its stream at any step, as long as no process has died."""
    told: list[tuple[str, Event]] = []
    ended: set[str] = set()
    for stream, amount, outcome, steps in calls:
        if stream not in ended:
            trial = stream.split("/")[1]
            told += in_stream(stream, BudgetAsked(trial, amount), BudgetGranted(), asked(), outcome)[:steps]
            # A grant whose call is never made is a stream that ends there; a call in flight is the keeper's to double.
            if steps < 4:
                ended.add(stream)
    history = _history(told)
    run = folded(Cost(), history).runs.get("r1", RunCost())
    in_flight = sum(
        stream.open.amount for stream in run.streams.values() if stream.open is not None and stream.calling is not None
    )
    assert run.committed + in_flight == _kept(history)


def test_an_answer_to_nothing_is_counted_all_the_same() -> None:
    """A fold that begins in the middle must not lose money; it only cannot say who asked."""
    assert cost_of((ATTEMPT, answer(5))).lines["a"][""][""].cost == 5


def test_processes_cost_nothing() -> None:
    """A run of which only a process is on record has no books."""
    history = _history([("session", SessionStarted("live", 1, "host", "0"))])
    assert folded(Cost(), history).runs == {}


def _history(told: Iterable[tuple[str, Event]]) -> list[Recorded]:
    return recorded((StreamId("r1", stream), event) for stream, event in told)


def _kept(history: Iterable[Recorded]) -> NanoUsd:
    """Ask the budget keeper."""
    by_stream: dict[str, list[Recorded]] = {}
    for each in history:
        by_stream.setdefault(each.stream.name, []).append(each)
    keeper = BudgetKeeper(Caps(None, None))
    keeper.fold(by_stream)
    return keeper.committed
