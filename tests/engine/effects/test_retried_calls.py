"""Stories of a call that fails: each try is granted, made, recorded and counted by itself; the cap holds over all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.concurrency.run_controls import RunControls
from engine.core.decision import Deciding, Era
from engine.core.history import RunHistory, load_histories
from engine.core.ports import EffectAddress, Permit
from engine.core.scope import Scope, Stopped
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import Caller, CallResult, CapReached, Reserve, ask_model, problem_of
from engine.effects.points import rule_on_failed_call
from engine.providers.prices import price_from
from events.base import Event, Recorded, Ref
from events.codec import tag_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.budget import BudgetAsked
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, RetryAsked, RetryDue
from events.values import Usage
from projections.charges import BELIEVED
from projections.cost import Cost, RunCost
from tests.projections.histories import folded
from tests.support.outcomes import answered, failed
from tests.support.runs import spec
from tests.support.worlds import Ticking, closed_world, live_world, payloads

STREAM = "attempt/a/1"
Outcome = ModelAnswered | ModelFailed
BROKEN = failed("server", 500, retryable=True)
CUT = failed("malformed", 200, retryable=True)
REFUSED = failed("rate_limit", 429, retryable=True, retry_after_s=2.0)


class Tries:
    """A world of three doors: the budget's, the clock's, and a model that ends its calls as a script says."""

    def __init__(self, outcomes: Sequence[Outcome], cap: int | None = None, *, stop_at: int | None = None) -> None:
        self.keeper = BudgetKeeper(Caps(cap, None))
        self.waited: list[float] = []
        self.made = 0
        self._outcomes = outcomes
        self._orders = RunControls()
        self._stop_at = stop_at
        """Before which wait a stop is ordered, counted by the tries made. None: before none."""

    def handler_for(self, asked: Event) -> "Tries | BudgetKeeper":
        """The keeper's, or this."""
        return self.keeper if isinstance(asked, BudgetAsked) else self

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> None:
        """Nothing is lost."""
        del history, place

    @asynccontextmanager
    async def admit(self, asked: Event, place: EffectAddress) -> AsyncIterator[Permit]:
        """Let everything be asked, as long as nobody orders a stop."""
        del asked
        with self._orders.asking(place.stream) as leave:
            yield leave

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Wait at once, or end a call."""
        if isinstance(asked, RetryAsked):
            if asked.tries == self._stop_at:
                self._orders.cancel(None, "by hand")
                await anyio.sleep_forever()
            self.waited.append(asked.wait_s)
            return RetryDue()
        assert isinstance(asked, ModelAsked)
        outcome = self._outcomes[self.made]
        self.made += 1
        self.keeper.settle(place.stream, outcome)
        return outcome


class AskedAgain(NamedTuple):
    """What came of asking."""

    log: MemoryLog
    asked: CallResult
    world: Tries


def caller(*, capped: bool = True) -> Caller:
    """Say whom to ask: a model that costs a dollar a million tokens."""
    reserve = (price_from("1", "1"), 100) if capped else None
    return Caller("a", "teacher", "m", {}, False, 60.0, None if reserve is None else Reserve(*reserve, sent=True))


def deciding(tries: int = 5, **settings: float | None) -> Deciding:
    """Say what decides whether a call is made again: the policy of every run, under settings of the model."""
    teacher = {"model": "m", "base_url": "script:script.toml", "tries": tries, **settings}
    return Deciding((Era(spec(models={"teacher": teacher}), {"call_retry": rule_on_failed_call}, "own"),))


async def ask(scope: Scope, whom: Caller) -> CallResult:
    """Ask one thing."""
    return await ask_model(scope, lambda: whom, extend(scope, EMPTY, [message("user", "go on")]))


async def lived(
    outcomes: Sequence[Outcome], cap: int | None = None, by: Deciding | None = None, *, every_s: int = 1
) -> AskedAgain:
    """Ask in a new world, whose clock moves by some seconds at each look."""
    log, world = MemoryLog(clock=Ticking(every_s)), Tries(outcomes, cap)
    here = live_world(log, world)._replace(deciding=by or deciding())
    asked = await ask(Scope(here, STREAM), caller(capped=cap is not None))
    return AskedAgain(log, asked, world)


async def tags(log: EventLog) -> list[str]:
    """Say what was recorded."""
    return [tag_of(each.event) async for each in log.read()]


async def bound() -> int:
    """Say what one call is granted."""
    log = (await lived([answered(0)], 10**9)).log
    return next(each.event.amount for each in await everything(log) if isinstance(each.event, BudgetAsked))


async def everything(log: EventLog) -> list[Recorded]:
    """Read it all."""
    return [each async for each in log.read(Selection())]


async def books(log: EventLog) -> RunCost:
    """Fold what it came to."""
    return folded(Cost(), await everything(log)).runs["r1"]


async def test_each_try_is_granted_asked_and_recorded_by_itself() -> None:
    """With its status, its usage, and the wait before it; the same question each time."""
    told = await lived([BROKEN, REFUSED, answered(7)], 10**9)
    once = ["budget.asked", "budget.granted", "model.asked"]
    again = ["decision.made", "model.retry_asked", "model.retry_due", *once]
    assert await tags(told.log) == [
        *once,
        "model.call_failed",
        *again,
        "model.call_failed",
        *again,
        "model.call_answered",
    ]
    assert told.asked == CallResult(answered(7), (BROKEN, REFUSED), Ref(STREAM, 18))
    assert (
        len({each.event.conversation for each in await everything(told.log) if isinstance(each.event, ModelAsked)}) == 1
    )
    assert 0.25 <= told.world.waited[0] <= 0.5
    assert 2.0 <= told.world.waited[1] <= 2.5


async def test_without_a_cap_nothing_is_reserved_and_all_is_counted() -> None:
    """A failed call that stated what it took counts, and one that may have cost is told as unknown."""
    stated = failed("malformed", 200, cost=11, usage=Usage(10, 1, None, None), retryable=True)
    told = await lived([stated, CUT, answered(5, Usage(20, 2, None, None))])
    line = (await books(told.log)).lines["a"]["teacher"]["m"]
    assert (line.calls, line.answered, line.failed, line.tries) == (3, 1, 2, 3)
    assert (line.input_tokens, line.output_tokens, line.cost) == (30, 3, 16)
    assert (line.unknown_cost, line.unbounded, line.bound) == (1, 1, 0)


async def test_a_try_that_just_fits_is_granted_and_one_nano_more_is_not() -> None:
    """A cut answer counts at its bound, so two calls need twice the bound; without it the cap is what ends the call."""
    one = await bound()
    assert isinstance((await lived([CUT, answered(one)], 2 * one)).asked.outcome, ModelAnswered)
    stopped = await lived([CUT, answered(one)], 2 * one - 1)
    assert stopped.world.made == 1
    assert isinstance(stopped.asked.outcome, CapReached)
    assert problem_of(stopped.asked.outcome) == "malformed:  (not asked again: the budget of the run is used up)"
    assert stopped.world.keeper.committed == one


async def test_a_try_that_was_turned_away_costs_nothing() -> None:
    """Twenty refusals for too many calls leave the cap as it was; the bound of one call is enough for all."""
    one = await bound()
    told = await lived([*[REFUSED] * 20, answered(3)], one)
    assert (told.world.made, told.world.keeper.committed) == (21, 3)


async def test_twenty_five_cut_calls_do_not_pass_under_a_small_cap() -> None:
    """They were booked as nothing once; each may have cost its bound."""
    one = await bound()
    told = await lived([CUT] * 25, 4 * one, deciding(25))
    assert (told.world.made, told.world.keeper.committed) == (4, 4 * one)


_SCRIPTS = st.lists(
    st.tuples(
        st.sampled_from([("answered", 200), ("malformed", 200), ("timeout", None), ("network", None), ("server", 500)]),
        st.booleans(),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(script=_SCRIPTS, calls=st.integers(1, 4), cap=st.floats(0, 6))
async def test_what_a_provider_charged_never_passes_the_cap(
    script: list[tuple[tuple[str, int | None], bool, float]], calls: int, cap: float
) -> None:
    """For any tries, answered or failed, whose cost is stated or not: the books hold all that the endpoint charged."""
    one = await bound()
    charged = [int(share * one) for _, _, share in script]
    outcomes: list[Outcome] = [
        answered(cost if stated else None)
        if kind == "answered"
        else failed(kind, status, cost=cost if stated else None, retryable=True)
        for ((kind, status), stated, _), cost in zip(script, charged, strict=True)
    ]
    most = int(cap * one)
    log, world = MemoryLog(clock=Ticking()), Tries([*outcomes, *[answered(0)] * 4], most)
    scope = Scope(live_world(log, world)._replace(deciding=deciding(4)), STREAM)
    for _ in range(calls):
        await ask(scope, caller())
        assert sum(charged[: world.made]) <= world.keeper.committed <= most
    assert (await books(log)).committed == world.keeper.committed
    again = BudgetKeeper(Caps(most, None))
    again.fold((await load_histories(log, "r1")).by_stream if world.made else {})
    assert again.committed == world.keeper.committed


@pytest.mark.parametrize("figure", [999_999 * 10**9, -1, BELIEVED * 10**9 + 1])
async def test_a_stated_cost_that_cannot_be_counts_as_the_bound(figure: int) -> None:
    """A provider's slip neither ends a run at its cap nor gives money back."""
    told = await lived([answered(figure)], 10**9)
    one = await bound()
    assert told.world.keeper.committed == one
    assert (await books(told.log)).committed == one
    line = (await books(told.log)).lines["a"]["teacher"]["m"]
    assert (line.cost, line.unknown_cost, line.bound) == (0, 1, one)


async def test_a_stated_cost_above_the_bound_that_can_be_is_believed() -> None:
    """Some count thoughts beyond the limit of tokens; what was charged was charged."""
    one = await bound()
    assert (await lived([answered(BELIEVED * one)], 10**9)).world.keeper.committed == BELIEVED * one
    assert (await lived([answered(BELIEVED * one + 1)], 10**9)).world.keeper.committed == one


async def test_a_call_that_is_cut_off_between_any_two_events_goes_on_where_it_stopped() -> None:
    """Whatever its process had recorded: the same events come of it, and no try is made twice or left out."""
    outcomes: list[Outcome] = [BROKEN, REFUSED, CUT, answered(7)]
    whole = await lived(outcomes, 10**9)
    rows = [row async for page in whole.log.rows() for row in page]
    for kept in range(1, len(rows)):
        log = MemoryLog(clock=Ticking())
        for each in await everything(whole.log):
            if isinstance(each.event, ModelAsked):
                log.put(await whole.log.get(each.event.conversation))
        await log.adopt(rows[:kept])
        histories = await load_histories(log, "r1")
        before = [each for each in histories.by_stream[STREAM] if isinstance(each.event, ModelAnswered | ModelFailed)]
        world = Tries(outcomes[len(before) :], 10**9)
        world.keeper.fold(histories.by_stream)
        here = live_world(log, world, _alive(histories))._replace(deciding=deciding())
        asked = await ask(Scope(here, STREAM), caller())
        assert asked == whole.asked
        assert len(before) + world.made == len(outcomes)
        assert await payloads(log) == await payloads(whole.log)


def _alive(histories: RunHistory) -> RunHistory:
    return histories._replace(sessions=())


@pytest.mark.parametrize(("budget_s", "calls"), [(99.0, 1), (100.0, 2), (359.0, 2), (360.0, 3)])
@pytest.mark.parametrize("cap", [None, 10**9])
async def test_patience_is_read_from_the_recorded_times(budget_s: float, calls: int, cap: int | None) -> None:
    """From the first call on: calls, waits, the time for a place between them; not how long the first grant took."""
    # Given a clock that moves a hundred seconds with each commit: the first call takes that, and a further try twice
    # that with its wait, and a minute for its place; a grant has no commit of its own, and takes no time
    hasty = deciding(retry_wait_initial_s=0.0, retry_timeout_s=budget_s)
    told = await lived([BROKEN, BROKEN, answered(7)], cap, hasty, every_s=100)
    assert told.world.made == calls


async def test_without_a_time_limit_refusals_are_counted() -> None:
    """Something has to end them."""
    refused = [REFUSED] * 3
    assert (await lived([*refused, answered(7)], by=deciding(tries=3))).world.made == 4
    assert (await lived([*refused, answered(7)], by=deciding(tries=3, retry_timeout_s=None))).world.made == 3
    patient = deciding(retry_wait_initial_s=0.0, retry_timeout_s=None)
    assert (await lived([BROKEN] * 4 + [answered(7)], by=patient, every_s=1000)).world.made == 5


async def test_waits_begin_and_end_where_the_model_s_settings_say() -> None:
    """Each is twice the one before, less up to a half; none is longer than the longest."""
    waiting = deciding(retry_wait_initial_s=4.0, retry_wait_max_s=10.0)
    waited = (await lived([BROKEN] * 4 + [answered(7)], by=waiting)).world.waited
    for each, whole in zip(waited, (4.0, 8.0, 10.0, 10.0), strict=True):
        assert whole / 2 <= each <= whole


async def test_it_is_the_same_again_without_a_world() -> None:
    """A rerun answers each try from the log, and waits for nothing."""
    told = await lived([BROKEN, REFUSED, answered(7)], 10**9)
    scope = Scope((await closed_world(told.log))._replace(deciding=deciding()), STREAM)
    assert await ask(scope, caller()) == told.asked
    await scope.finish()


async def test_a_stop_interrupts_a_wait() -> None:
    """Nobody waits a minute to be cancelled; no further try is made."""
    log, world = MemoryLog(clock=Ticking()), Tries([BROKEN, answered(7)], 10**9, stop_at=1)
    with pytest.raises(Stopped):
        await ask(Scope(live_world(log, world)._replace(deciding=deciding()), STREAM), caller())
    assert (world.made, world.waited) == (1, [])
    assert (await tags(log))[-2:] == ["model.retry_asked", "scope.stopped"]
