"""Stories of a scope: one stream, four lives."""

import pytest
from typing_extensions import override

from engine.core.errors import HistoryEnded, HistoryUnread, ReplayDiverged
from engine.core.history import load_histories
from engine.core.ports import EffectAddress
from engine.core.scope import Child, Scope, Stopped
from events.base import Event
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded, AttemptAbandoned
from events.types.run import RunClosed
from events.types.sandbox import ActionAsked, ActionObserved
from tests.support.worlds import Echo, Ticking, closed_world, live_world, memory_log, payloads


async def work(scope: Scope, command: bytes = b"ls") -> ActionObserved:
    """Do one thing, and say so."""
    seen = await scope.effect(ActionAsked(scope.put(command), None))
    assert isinstance(seen, ActionObserved)
    await scope.record(AgentEnded("done", "", 1))
    return seen


async def test_an_effect_is_two_facts_and_the_second_names_the_first() -> None:
    """A reader of the log can tell what was asked from what came of it, whatever lies between them."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "attempt/a/1"))
    asked, answered, _ = (await load_histories(log, "r1")).by_stream["attempt/a/1"]
    assert isinstance(asked.event, ActionAsked)
    assert answered.cause == asked.ref


async def test_a_complete_history_is_lived_again_without_touching_the_world() -> None:
    """That is what makes every past run explainable for free."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "attempt/a/1"))
    before = await payloads(log)
    scope = Scope(await closed_world(log), "attempt/a/1")
    await work(scope)
    await scope.finish()
    assert await payloads(log) == before


async def test_time_between_effects_is_idle_unless_no_process_lived_through_it() -> None:
    """What is waited for leave counts as patience; a run that lay there for a week was not patient."""
    log = memory_log()
    scope = Scope(live_world(log, Echo(log)), "attempt/a/1")
    # Given three effects, each a second long, a second apart, by a clock that moves with each look
    for command in (b"one", b"two", b"three"):
        await scope.effect(ActionAsked(scope.put(command), None))
    assert (scope.busy_s, scope.idle_s) == (3.0, 2.0)
    # When another process takes the stream up after the second
    again = Scope((await closed_world(log))._replace(sessions=(4.5,)), "attempt/a/1")  # type: ignore[arg-type]
    for command in (b"one", b"two", b"three"):
        await again.effect(ActionAsked(again.put(command), None))
    # Then the time between the two does not count
    assert (again.busy_s, again.idle_s) == (3.0, 1.0)


async def test_an_answered_effect_is_never_asked_again_after_a_stop() -> None:
    """An answer on record was paid for; the one that was in flight is asked again."""
    log, first = memory_log(), None
    scope = Scope(live_world(log, Echo(log)), "attempt/a/1")
    await scope.effect(ActionAsked(scope.put(b"one"), None))
    await scope.record(ActionAsked(scope.put(b"two"), None))  # and here the process died
    second = Echo(log)

    async def both(scope: Scope) -> None:
        for command in (b"one", b"two"):
            await scope.effect(ActionAsked(scope.put(command), None))

    histories = await load_histories(log, "r1")
    assert [ref.version for ref in histories.in_flight] == [3]
    await both(Scope(live_world(log, second, histories), "attempt/a/1"))
    assert second.asked == ["attempt/a/1@3"]
    assert first is None


async def test_another_decision_than_the_recorded_one_is_named_by_field() -> None:
    """Whoever changed a prompt by a byte learns where it first mattered."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "attempt/a/1"))
    with pytest.raises(ReplayDiverged) as caught:
        await work(Scope(await closed_world(log), "attempt/a/1"), b"ls -l")
    assert (caught.value.stream, caught.value.version, caught.value.field) == ("attempt/a/1", 1, "command")


async def test_another_kind_of_event_is_named_by_its_tag() -> None:
    """The first thing to know of a divergence is that something else happened."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "attempt/a/1"))
    with pytest.raises(ReplayDiverged) as caught:
        await Scope(await closed_world(log), "attempt/a/1").record(RunClosed(1, 0, 0))
    assert (caught.value.field, caught.value.decided) == ("tag", "run.closed")


async def test_where_history_ends_a_closed_life_ends_and_calls_nothing() -> None:
    """A miss in a replay never becomes a paid call."""
    log = memory_log()
    scope = Scope(live_world(log, Echo(log)), "attempt/a/1")
    await scope.record(ActionAsked(scope.put(b"ls"), None))
    with pytest.raises(HistoryEnded):
        await work(Scope(await closed_world(log), "attempt/a/1"))


async def test_history_that_nobody_reads_is_a_difference() -> None:
    """An actor that stops early did not do what was recorded."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "attempt/a/1"))
    scope = Scope(await closed_world(log), "attempt/a/1")
    with pytest.raises(HistoryUnread):
        await scope.finish()


async def test_children_give_results_in_the_order_they_were_named() -> None:
    """The order in which they end is chance, and chance must not decide."""
    log = memory_log()

    async def parent(scope: Scope) -> list[bytes]:
        def child(name: str) -> Child[bytes]:
            async def actor(scope: Scope) -> bytes:
                return await scope.get((await work(scope, name.encode())).stdout)

            return Child(name, actor)

        return await scope.gather([child(name) for name in ("c", "a", "b")])

    assert await parent(Scope(live_world(log, Echo(log)), "run")) == [b"c", b"a", b"b"]
    assert await parent(Scope(await closed_world(log), "run")) == [b"c", b"a", b"b"]


async def test_one_child_at_the_end_of_its_history_does_not_keep_others_from_reading_theirs() -> None:
    """A rehearsal compares every stream as far as it goes, or a late divergence is found after the money is spent."""
    log = memory_log()
    await work(Scope(live_world(log, Echo(log)), "short"))
    await work(Scope(live_world(log, Echo(log)), "long"), b"as it was")

    async def longer(scope: Scope) -> None:
        await work(scope)
        await work(scope)

    async def changed(scope: Scope) -> None:
        await work(scope, b"changed")

    with pytest.raises(ReplayDiverged):
        await Scope(await closed_world(log), "run").gather([Child("short", longer), Child("long", changed)])


async def test_an_actor_whose_sandbox_is_gone_is_stopped_before_its_next_effect() -> None:
    """The attempt is abandoned, on record, and lived again the same way."""
    log = memory_log()
    before = Scope(live_world(log, Echo(log)), "attempt/a/1")
    await before.effect(ActionAsked(before.put(b"one"), None))

    async def attempt(scope: Scope) -> str:
        try:
            for command in (b"one", b"two"):
                await scope.effect(ActionAsked(scope.put(command), None))
        except Stopped as stop:
            await scope.record(AttemptAbandoned("sandbox_lost", stop.event.detail))
            return "abandoned"
        return "done"

    ports = Echo(log, lost="it died")
    resumed = Scope(live_world(log, ports, await load_histories(log, "r1")), "attempt/a/1")
    assert await attempt(resumed) == "abandoned"
    assert ports.asked == []
    again = Scope(await closed_world(log), "attempt/a/1")
    assert await attempt(again) == "abandoned"
    await again.finish()


async def test_time_in_effects_is_read_from_the_record_and_leaves_out_downtime() -> None:
    """A limit on time must fall at the same place in every life, and nobody waited while the process was dead."""
    log = memory_log()
    scope = Scope(live_world(log, Echo(log)), "attempt/a/1")
    await work(scope)
    again = Scope(await closed_world(log), "attempt/a/1")
    await work(again)
    assert scope.busy_s == again.busy_s == 1.0


async def test_a_clock_that_is_set_back_in_an_effect_gives_no_time_back() -> None:
    """Else an agent at its limit would be given an hour more; and a rerun must find the same."""
    clock = Ticking()
    log = MemoryLog(clock=clock)

    class SettingBack(Echo):
        @override
        async def __call__(self, asked: Event, place: EffectAddress) -> Event:
            clock.now -= 3_600_000_000 if len(self.asked) == 1 else 0
            return await super().__call__(asked, place)

    async def three(scope: Scope) -> None:
        for command in (b"one", b"two", b"three"):
            await scope.effect(ActionAsked(scope.put(command), None))

    scope = Scope(live_world(log, SettingBack(log)), "attempt/a/1")
    await three(scope)
    again = Scope(await closed_world(log), "attempt/a/1")
    await three(again)
    assert scope.busy_s == again.busy_s == 2.0


async def test_a_checkpoint_is_where_an_actor_meets_a_stop_between_its_effects() -> None:
    """On record, or since its ground is gone; with neither it goes on, and writes nothing."""
    log = memory_log()
    scope = Scope(live_world(log, Echo(log)), "attempt/a/1")
    await scope.effect(ActionAsked(scope.put(b"one"), None))
    await scope.checkpoint()
    assert len((await payloads(log))["attempt/a/1"]) == 2

    async def passes(scope: Scope) -> bool:
        await scope.effect(ActionAsked(scope.put(b"one"), None))
        try:
            await scope.checkpoint()
        except Stopped:
            return False
        return True

    assert await passes(Scope(await closed_world(log), "attempt/a/1"))
    resumed = Scope(live_world(log, Echo(log, lost="it died"), await load_histories(log, "r1")), "attempt/a/1")
    assert not await passes(resumed)
    again = Scope(await closed_world(log), "attempt/a/1")
    assert not await passes(again)
    await again.finish()
