"""Stories of the budget keeper: nothing is spent that was not reserved first."""

from contextlib import AbstractAsyncContextManager

from engine.core.history import load_histories
from engine.core.ports import EffectAddress, Permit, granted
from engine.core.scope import Scope
from engine.effects.budget import BudgetKeeper, Caps
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest
from events.types.agent import CallAsked
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.model import ModelAsked
from events.types.session import CallLeftOpen, InFlightFound, ScopeStopped
from events.values import Usage
from tests.support.outcomes import answered, failed
from tests.support.worlds import live_world, memory_log

NOTHING = Digest("0" * 64)
UNKNOWN = Usage(None, None, None, None)


def place(stream: str = "attempt/a/1") -> EffectAddress:
    """Where a request comes from."""
    return EffectAddress("r1", stream, 1)


def asked() -> ModelAsked:
    """A request of which nothing matters here."""
    return ModelAsked("teacher", "m", NOTHING, None, {}, stream=False, timeout_s=None)


async def test_a_request_beyond_the_cap_of_the_run_is_refused() -> None:
    """The cap holds before the money is spent, not after."""
    keeper = BudgetKeeper(Caps(run=100, trial=None))
    assert await keeper(BudgetAsked("a", 60), place()) == BudgetGranted()
    assert await keeper(BudgetAsked("b", 60), place("attempt/b/1")) == BudgetRefused("run", 100)


async def test_one_trial_at_its_cap_does_not_stop_another() -> None:
    """A cap per trial is there so that one task cannot eat the run."""
    keeper = BudgetKeeper(Caps(run=None, trial=100))
    assert await keeper(BudgetAsked("a", 80), place()) == BudgetGranted()
    assert await keeper(BudgetAsked("a", 80), place("attempt/a/2")) == BudgetRefused("trial", 100)
    assert await keeper(BudgetAsked("b", 80), place("attempt/b/1")) == BudgetGranted()


async def test_a_call_that_fits_a_cap_exactly_is_granted_and_one_more_is_not() -> None:
    """The cap is what may be spent: of 100, 40 and 60 are granted, and not a billionth of a dollar beyond."""
    for caps, refused in (
        (Caps(run=100, trial=None), BudgetRefused("run", 100)),
        (Caps(run=None, trial=100), BudgetRefused("trial", 100)),
    ):
        keeper = BudgetKeeper(caps)
        assert await keeper(BudgetAsked("a", 40), place()) == BudgetGranted()
        assert await keeper(BudgetAsked("a", 60), place("attempt/a/2")) == BudgetGranted()
        assert await keeper(BudgetAsked("a", 1), place("attempt/a/3")) == refused
        assert await keeper(BudgetAsked("a", 0), place("attempt/a/3")) == BudgetGranted()


async def test_what_a_call_really_cost_takes_the_place_of_its_reservation() -> None:
    """Upper bounds are generous; the rest comes back."""
    keeper = BudgetKeeper(Caps(run=100, trial=None))
    await keeper(BudgetAsked("a", 90), place())
    keeper.settle("attempt/a/1", answered(10))
    assert keeper.committed == 10


async def test_an_unknown_cost_counts_at_its_bound_and_a_refused_call_at_nothing() -> None:
    """What nobody knows is never taken for nothing; what cannot have cost is."""
    keeper = BudgetKeeper(Caps(run=1000, trial=None))
    await keeper(BudgetAsked("a", 90), place())
    keeper.settle("attempt/a/1", answered(None))
    await keeper(BudgetAsked("a", 90), place())
    keeper.settle("attempt/a/1", failed("authentication", 401))
    await keeper(BudgetAsked("a", 90), place())
    keeper.settle("attempt/a/1", failed("timeout"))
    assert keeper.committed == 180


async def test_a_keeper_that_starts_after_a_crash_knows_all_that_was_spent() -> None:
    """A keeper that starts empty overspends; the call in flight may have cost its bound."""
    log = memory_log()
    keeper = BudgetKeeper(Caps(run=1000, trial=None))

    class BudgetPorts:
        """Answers with the keeper, and with an answer that costs 10."""

        def handler_for(self, request: Event) -> "BudgetPorts | BudgetKeeper":
            return keeper if isinstance(request, BudgetAsked) else self

        async def recover(self, history: object, place: EffectAddress) -> None:
            del history, place

        def admit(self, request: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
            del request, place
            return granted()

        async def __call__(self, request: Event, place: EffectAddress) -> Event:
            keeper.settle(place.stream, answered(10))
            return answered(10)

    scope = Scope(live_world(log, BudgetPorts()), "attempt/a/1")
    await scope.effect(BudgetAsked("a", 90))
    await scope.effect(asked())
    await scope.effect(BudgetAsked("a", 95))
    await scope.record(asked())  # and here the process died
    again = BudgetKeeper(Caps(run=1000, trial=None))
    again.fold((await load_histories(log, "r1")).by_stream)
    assert keeper.committed == 10 + 95
    assert again.committed == 10 + 95 + 95


async def test_a_call_that_was_lost_is_counted_for_good() -> None:
    """A second crash must not forget what the first one may have cost."""
    log = memory_log()
    stream = StreamId("r1", "attempt/a/1")
    events: list[Event] = [BudgetAsked("a", 90), BudgetGranted(), asked()]
    await log.append(stream, [Draft(each, None) for each in events], expected_version=0)
    found = InFlightFound((Ref("attempt/a/1", 3),))
    await log.append(StreamId("r1", "session"), [Draft(found, None)], expected_version=0)
    await log.append(stream, [Draft(answered(10), Ref("attempt/a/1", 3))], expected_version=3)
    keeper = BudgetKeeper(Caps(run=1000, trial=None))
    keeper.fold((await load_histories(log, "r1")).by_stream)
    assert keeper.committed == 90 + 10


async def test_a_lost_call_whose_actor_was_stopped_is_counted_once() -> None:
    """Its grant was never settled, and nobody asks it again."""
    log = memory_log()
    stream = StreamId("r1", "attempt/a/1")
    stopped = ScopeStopped("sandbox_lost", "it died")
    events: list[Event] = [BudgetAsked("a", 90), BudgetGranted(), asked(), stopped]
    await log.append(stream, [Draft(each, None) for each in events], expected_version=0)
    found = InFlightFound((Ref("attempt/a/1", 3),))
    await log.append(StreamId("r1", "session"), [Draft(found, None)], expected_version=0)
    keeper = BudgetKeeper(Caps(run=1000, trial=None))
    keeper.fold((await load_histories(log, "r1")).by_stream)
    assert keeper.committed == 90


async def test_a_stream_that_asks_again_has_one_grant() -> None:
    """What was granted for a call that was never made is no longer kept: only the difference has to fit."""
    keeper = BudgetKeeper(Caps(run=100, trial=100))
    assert await keeper(BudgetAsked("a", 60), place()) == BudgetGranted()
    assert await keeper(BudgetAsked("a", 101), place()) == BudgetRefused("run", 100)
    assert await keeper(BudgetAsked("a", 100), place()) == BudgetGranted()
    assert (keeper.committed, keeper.of_trial("a"), keeper.bound("attempt/a/1")) == (100, 100, 100)
    assert await keeper(BudgetAsked("a", 30), place()) == BudgetGranted()
    assert (keeper.committed, keeper.of_trial("a"), keeper.bound("attempt/a/1")) == (30, 30, 30)


async def test_what_is_given_back_or_settled_is_so_once() -> None:
    """A second word of the same call, or one of a call that nothing was granted for, changes nothing."""
    keeper = BudgetKeeper(Caps(run=100, trial=None))
    await keeper(BudgetAsked("a", 60), place())
    keeper.give_back("attempt/a/1")
    keeper.give_back("attempt/a/1")
    assert (keeper.committed, keeper.of_trial("a"), keeper.bound("attempt/a/1")) == (0, 0, None)
    await keeper(BudgetAsked("a", 60), place())
    keeper.settle("attempt/a/1", answered(10))
    keeper.settle("attempt/a/1", answered(10))
    keeper.settle("attempt/b/1", answered(10))
    assert (keeper.committed, keeper.of_trial("a"), keeper.of_trial("b")) == (10, 10, 0)


async def folded_keeper(*told: Event, session: Event | None = None, then: Event | None = None) -> BudgetKeeper:
    """A keeper that begins where one stream has told this, and perhaps the session that, and then something more."""
    log = memory_log()
    await log.append(StreamId("r1", "attempt/a/1"), [Draft(each, None) for each in told], expected_version=0)
    notes = [Draft(each, None) for each in (session, then) if each is not None]
    if notes:
        await log.append(StreamId("r1", "session"), notes, expected_version=0)
    keeper = BudgetKeeper(Caps(run=1000, trial=None))
    keeper.fold((await load_histories(log, "r1")).by_stream)
    return keeper


async def test_a_grant_that_was_never_used_is_free_again_after_a_stop() -> None:
    """The actor will not make the call; one that made it may have paid for it."""
    stopped = ScopeStopped("sandbox_lost", "it died")
    unused = await folded_keeper(BudgetAsked("a", 90), BudgetGranted(), stopped)
    assert (unused.committed, unused.bound("attempt/a/1")) == (0, None)
    waiting = await folded_keeper(BudgetAsked("a", 90), BudgetGranted())
    assert (waiting.committed, waiting.bound("attempt/a/1")) == (90, 90)
    refused = await folded_keeper(BudgetAsked("a", 90), BudgetRefused("run", 50), stopped)
    assert refused.committed == 0


async def test_a_call_that_was_lost_by_two_processes_is_counted_for_each_and_once_more() -> None:
    """The second said that it had found it, asked again and died; the third is about to ask a third time."""
    found = InFlightFound((Ref("attempt/a/1", 3),))
    keeper = await folded_keeper(BudgetAsked("a", 90), BudgetGranted(), asked(), session=found)
    assert (keeper.committed, keeper.of_trial("a"), keeper.bound("attempt/a/1")) == (270, 270, 90)


async def test_a_lost_call_that_no_budget_was_asked_for_costs_nothing() -> None:
    """Where there is no cap, nothing is set aside; and other things than calls are found in flight, too."""
    found = InFlightFound((Ref("attempt/a/1", 1),))
    keeper = await folded_keeper(asked(), session=found)
    assert keeper.committed == 0


async def test_a_call_that_was_refused_and_is_not_asked_again_gives_its_grant_back() -> None:
    """It cost nothing. One that another process asked again, and died at, may have cost its bound."""
    ref = Ref("attempt/a/1", 3)
    left = CallLeftOpen(ref, "teacher", "m", "authentication", 401, "no key", None)
    told = BudgetAsked("a", 90), BudgetGranted()
    called = CallAsked("teacher", "m", NOTHING)
    stopped = ScopeStopped("sandbox_lost", "it died")
    for events, kept in (
        ((*told, called), 0),
        ((*told, called, stopped), 0),
        ((*told, asked(), stopped), 0),
        ((*told, asked()), 90),
    ):
        keeper = await folded_keeper(*events, session=left)
        assert (keeper.committed, keeper.of_trial("a")) == (kept, kept), events
    died = await folded_keeper(*told, asked(), stopped, session=left, then=InFlightFound((ref,)))
    assert died.committed == 90
