"""Stories of calls that wait: nobody is asked yet, and the log says so."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from engine.core.history import load_histories
from engine.core.scope import CallActor, Child, Scope
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.model_calls import Reserve
from engine.gateway.call import CallTerms, ReplayedCall
from engine.gateway.session import ProxySession
from engine.testing.fault_injection import FaultyLog
from events.base import Event, StreamId
from events.store.base import EventLog, Selection
from events.types.agent import CallAnswered, CallAsked, CallReceived
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.session import ScopeStopped
from tests.support.visits import PRICE, Behind, House, house
from tests.support.worlds import closed_world, memory_log

BODY: dict[str, Any] = {"model": "teacher", "messages": [{"role": "user", "content": "Work"}]}


async def kinds(log: EventLog) -> list[type[Event]]:
    """List what stands in the log."""
    return [type(each.event) async for each in log.read(Selection(run="r1"))]


async def until(log: EventLog, wanted: list[type[Event]]) -> None:
    """Wait until the log holds this and nothing else."""
    with anyio.fail_after(30):
        while await kinds(log) != wanted:
            await checkpoint()
    await anyio.wait_all_tasks_blocked()
    assert await kinds(log) == wanted


async def ask(here: House, answers: list[httpx.Response]) -> None:
    """Ask as an agent does, which may be gone before it is answered."""
    try:
        answers.append(await here.ask("/v1/chat/completions", BODY))
    except httpx.HTTPError:
        return


async def pause(behind: Behind) -> Callable[[], Awaitable[None]]:
    """Have people pause the run; give what lets it go on."""
    behind.orders.pause()

    async def go_on() -> None:
        behind.orders.unpause()

    return go_on


async def fill(behind: Behind) -> Callable[[], Awaitable[None]]:
    """Take every place there is; give what frees one."""
    turns = [behind.room.turn("r1", f"other/{number}") for number in range(behind.room.limit)]
    for turn in turns:
        await turn.wait()

    async def free() -> None:
        turns[0].release()

    return free


@pytest.mark.parametrize("hold", [pause, fill])
async def test_a_call_that_waits_has_come_and_is_not_asked(
    hold: Callable[[Behind], Awaitable[Callable[[], Awaitable[None]]]], tmp_path: Path
) -> None:
    """Whether people hold the run or the places are taken: were we to die now, nothing would have to be paid for."""
    log, behind = memory_log(), Behind()
    async with house(log, tmp_path, behind=behind) as here:
        # Given a run that may not ask
        go_on = await hold(behind)
        answers: list[httpx.Response] = []
        async with anyio.create_task_group() as tasks:
            # When an agent asks
            tasks.start_soon(ask, here, answers)
            # Then it is on record that it came, and the provider has heard nothing
            await until(log, [CallReceived])
            assert not here.endpoint.requests
            # And when it may go on, it is asked, and answered
            await go_on()
        assert [each.status_code for each in answers] == [200]
        assert [type(each) for each in await here.recorded()] == [CallReceived, CallAsked, CallAnswered]
    # And that it waited makes no difference to whoever goes through it again
    await again(log, CallTerms("t", None))


async def test_a_call_whose_agent_ends_while_it_waits_is_never_made_and_costs_nothing(tmp_path: Path) -> None:
    """What was granted for it is free again at once, and after a crash as well."""
    log, behind = memory_log(), Behind()
    caps = Caps(None, 8_000_000)
    async with house(log, tmp_path, caps=caps, behind=behind) as here, anyio.create_task_group() as tasks:
        # Given a paused run with a cap, and a call that waits with its grant
        behind.orders.pause()
        tasks.start_soon(ask, here, [])
        await until(log, [CallReceived, BudgetAsked, BudgetGranted])
        assert here.budget.of_trial("t") > 0
        # When its agent ends
        await here.gateway.close(here.door)
        # Then it is stopped, nobody was asked, and nothing is reserved any more
        *_, stopped = await here.recorded()
        assert isinstance(stopped, ScopeStopped)
        assert await kinds(log) == [CallReceived, BudgetAsked, BudgetGranted, ScopeStopped]
        assert not here.endpoint.requests
        assert here.budget.of_trial("t") == 0
    # And so says another process that takes the run up
    keeper = BudgetKeeper(caps)
    keeper.fold((await load_histories(log, "r1")).by_stream)
    assert keeper.committed == 0
    await again(log, CallTerms("t", Reserve(PRICE, 1000, sent=True)))


async def again(log: EventLog, terms: CallTerms) -> None:
    """Go through the call once more, with every door closed."""
    world = await closed_world(log)
    visitor: CallActor = ReplayedCall(terms)
    came = world.histories["call/t/1/1"][0].event
    await Scope(world, "attempt/t/1").gather([Child("call/t/1/1", partial(visitor, came=came))])
    assert "call/t/1/1" in world.visited


async def test_a_call_that_is_broken_off_while_money_is_asked_for_waits_for_nobody(
    tmp_path: Path,
) -> None:
    """The agent has ended by the time the call would wait: its door once closed only when people let the run go on."""
    doors: list[ProxySession] = []
    closing = anyio.Event()

    def end(operation: str, about: object) -> None:
        if operation == "append" and isinstance(about, StreamId) and about.name.startswith("call/") and doors:
            closing.set()

    log, behind = memory_log(), Behind()
    behind.orders.pause()
    async with (
        house(FaultyLog(log, end), tmp_path, caps=Caps(None, 8_000_000), behind=behind) as here,
        anyio.create_task_group() as group,
    ):
        doors.append(here.door)
        group.start_soon(ask, here, [])
        await closing.wait()
        for each in here.door._under_way:
            each.cut()
        with anyio.fail_after(30):
            await here.gateway.close(here.door)
    assert (await kinds(log))[-1] is ScopeStopped
    assert here.budget.committed == 0
