"""Stories of facts that share a commit with what follows them, and of lookups, which share one with their answers."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from typing_extensions import override

from engine.core.errors import HistoryEnded, ReplayDiverged
from engine.core.gathering import ActorsHeldBack
from engine.core.history import load_histories
from engine.core.ports import EffectAddress, Permit
from engine.core.scope import Child, Scope, Stopped
from events.base import Event, LookupAsked
from events.codec import tag_of
from events.store.base import EventLog, Selection
from events.types.attempt import AgentEnded
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.evaluation import EvaluationAsked
from events.types.optimizing import TrajectoryAsked
from events.types.proving import InspectionAsked
from events.types.sandbox import ActionAsked
from events.types.session import ScopeStopped
from tests.support.worlds import Echo, closed_world, live_world, memory_log, payloads

STREAM = "attempt/a/1"
ENDED = AgentEnded("done", "", 1)
LOOKUP = BudgetAsked("a", 7)


class Looking(Echo):
    """Answers lookups with a grant, and notes what stood in the log whenever anything was asked."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.stood: list[list[str]] = []

    @override
    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Look, and answer."""
        self.stood.append([tag_of(each.event) async for each in self._log.read(Selection(run="r1"))])
        return BudgetGranted() if isinstance(asked, LookupAsked) else await super().__call__(asked, place)


async def commits(log: EventLog) -> list[list[str]]:
    """Give tags of events, those of one commit together: the clock of the log moves with each."""
    together: dict[int, list[str]] = {}
    async for each in log.read(Selection(run="r1")):
        together.setdefault(each.at, []).append(tag_of(each.event))
    return list(together.values())


async def life(scope: Scope) -> None:
    """Note, look up, act, note, act, note and end."""
    await scope.note(ENDED)
    await scope.effect(LOOKUP)
    await scope.effect(ActionAsked(scope.put(b"one"), None))
    await scope.note(ENDED)
    await scope.effect(ActionAsked(scope.put(b"two"), None), after=(ENDED,))
    await scope.effect(LOOKUP, after=(ENDED,))
    await scope.note(ENDED)


async def test_a_noted_fact_a_lookup_and_its_answer_are_one_commit() -> None:
    """A disk is waited for once where three waits would say nothing more."""
    log = memory_log()
    scope = Scope(live_world(log, Looking(log)), STREAM)
    await life(scope)
    await scope.finish()
    assert await commits(log) == [
        ["attempt.agent_ended", "budget.asked", "budget.granted"],
        ["action.asked"],
        ["action.observed"],
        ["attempt.agent_ended", "attempt.agent_ended", "action.asked"],
        ["action.observed"],
        ["attempt.agent_ended", "budget.asked", "budget.granted"],
        ["attempt.agent_ended"],
    ]


async def test_all_that_was_noted_is_durable_before_the_world_is_touched() -> None:
    """Whoever dies in an effect is found with all that led to it; a lookup touches nothing, and waits for nothing."""
    log = memory_log()
    ports = Looking(log)
    scope = Scope(live_world(log, ports), STREAM)
    at = await scope.note(ENDED)
    await scope.effect(ActionAsked(scope.put(b"one"), None))
    await scope.note(ENDED)
    await scope.effect(LOOKUP)
    asked = ["attempt.agent_ended", "action.asked"]
    assert at.version == 1
    assert ports.stood == [asked, [*asked, "action.observed"]]
    # And the answer names its request
    history = (await load_histories(log, "r1")).by_stream[STREAM]
    assert [each.cause for each in history] == [None, None, history[1].ref, None, None, history[4].ref]


async def test_a_rerun_folds_the_same_times_from_noted_facts_and_lookups() -> None:
    """Decisions go by these times: what a life counted, its rerun counts again."""
    log = memory_log()
    scope = Scope(live_world(log, Looking(log)), STREAM)
    await life(scope)
    times = scope.busy_s, scope.idle_s
    await scope.finish()
    before = await payloads(log)
    again = Scope(await closed_world(log), STREAM)
    await life(again)
    await again.finish()
    assert (again.busy_s, again.idle_s) == times == (2.0, 2.0)
    assert await payloads(log) == before


async def test_a_history_in_which_the_fact_had_a_commit_of_its_own_is_lived_again() -> None:
    """Logs of earlier versions hold each by itself, and some end between a lookup and its answer."""
    log = memory_log()
    scope = Scope(live_world(log, Looking(log)), STREAM)
    await scope.record(ENDED)
    await scope.record(LOOKUP)  # and here the process died
    ports = Looking(log)
    again = Scope(live_world(log, ports, await load_histories(log, "r1")), STREAM)
    assert (await again.note(ENDED)).version == 1
    assert await again.effect(LOOKUP) == BudgetGranted()
    assert again.idle_s == 1.0
    history = (await load_histories(log, "r1")).by_stream[STREAM]
    assert [tag_of(each.event) for each in history] == ["attempt.agent_ended", "budget.asked", "budget.granted"]
    assert history[2].cause == history[1].ref


async def test_a_noted_fact_is_compared_with_the_record() -> None:
    """It is an event like any other: another one is a divergence, and none is the end of the history."""
    log = memory_log()
    scope = Scope(live_world(log, Looking(log)), STREAM)
    await scope.note(ENDED)
    await scope.finish()
    other = Scope(await closed_world(log), STREAM)
    with pytest.raises(ReplayDiverged):
        await other.note(AgentEnded("done", "", 2))
    longer = Scope(await closed_world(log), STREAM)
    await longer.note(ENDED)
    with pytest.raises(HistoryEnded):
        await longer.note(ENDED)


class Stopping(Looking):
    """Orders a stop while anything is looked up."""

    @override
    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Give leave, and keep it at hand."""
        return self._admitted()

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[Permit]:
        self.leave = Permit()
        yield self.leave

    @override
    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Order it."""
        self.leave.order(ScopeStopped("cancelled", "enough"))
        return await super().__call__(asked, place)


async def test_a_lookup_that_is_stopped_leaves_the_stop_alone_on_record() -> None:
    """Nothing was asked, so nothing is in flight; what was noted before is kept."""
    log = memory_log()
    scope = Scope(live_world(log, Stopping(log)), STREAM)
    await scope.note(ENDED)
    with pytest.raises(Stopped):
        await scope.effect(LOOKUP)
    assert await commits(log) == [["attempt.agent_ended", "scope.stopped"]]

    # And its rerun stops there, too
    again = Scope(await closed_world(log), STREAM)
    await again.note(ENDED)
    with pytest.raises(Stopped):
        await again.effect(LOOKUP)
    await again.finish()


def test_only_what_the_log_itself_answers_is_a_lookup() -> None:
    """A request that touches the world must be durable before; these four touch nothing."""
    kinds = set(LookupAsked.__subclasses__())
    assert kinds == {BudgetAsked, EvaluationAsked, InspectionAsked, TrajectoryAsked}


class HoldingBack(Looking):
    """Lets nobody begin."""

    @override
    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Refuse."""
        return self._refused()

    @asynccontextmanager
    async def _refused(self) -> AsyncIterator[bool]:
        yield False


async def test_an_only_child_is_held_back_and_fails_as_several_do() -> None:
    """It runs in the task of whoever waits for it; nobody can tell."""

    async def child(scope: Scope) -> None:
        await scope.record(ENDED)
        message = "broken"
        raise LookupError(message)

    log = memory_log()
    with pytest.raises(ActorsHeldBack) as held:
        await Scope(live_world(log, HoldingBack(log)), "trial/a").gather([Child(STREAM, child)])
    assert (held.value.names, held.value.ended) == ((STREAM,), {})
    assert await commits(log) == []
    with pytest.raises(LookupError, match="broken"):
        await Scope(live_world(log, Looking(log)), "trial/a").gather([Child(STREAM, child)])
    assert await commits(log) == [["attempt.agent_ended"]]
