"""A scope: an actor's hold on its stream, and all an actor ever sees of the world.

The same actor lives four lives through it: live (no history), resumed (a prefix, then the world), rerun
(a whole history and no ports), forked. While history remains, what the actor records is compared with it
and effects are answered from it; after that, events are appended and effects go through ports.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Final, Generic, NamedTuple, NoReturn, Protocol, TypeVar

from anyio.abc import TaskGroup

from engine.core.decision import I, Point, R, S, Says
from engine.core.divergence import diverged, same
from engine.core.effect_times import EffectTimes, EventTime
from engine.core.errors import HistoryEnded, HistoryUnread
from engine.core.gathering import Gathered, gather
from engine.core.lineage import era_of
from engine.core.open_decision import Decision, ShadowRaised, made_event
from engine.core.ports import EffectAddress
from engine.core.world import AppendedRange, RecordedAt, ReplayContext, StreamIndex
from events.base import Draft, Event, LookupAsked, Recorded, Ref, StreamId
from events.codec import tag_of
from events.digest import Digest
from events.errors import BlobErased
from events.store.draft import as_kept
from events.types.condition import Condition
from events.types.decision import Earlier, Seen
from events.types.session import ScopeStopped

T = TypeVar("T")

NOTHING: Final = Event()
"""What is asked where there is nothing to ask, only an order to be met. It is never recorded."""


class Stopped(Exception):
    """The actor is stopped before its next effect. Actors catch it to say in their own words how they ended."""

    def __init__(self, event: ScopeStopped) -> None:
        super().__init__(event.detail)
        self.event = event


class Child(NamedTuple, Generic[T]):
    """An actor to be run below another."""

    name: str
    """Its stream: what it is, never in which order it was started."""
    actor: Callable[["Scope"], Coroutine[Any, Any, T]]


class CallActor(Protocol):
    """An actor that begins with something that came from outside."""

    async def __call__(self, scope: "Scope", came: Event) -> None:
        """Go through it."""


class Scope:
    """One actor's hold on one stream."""

    def __init__(self, world: ReplayContext, name: str) -> None:
        self.name = name
        self._stream = StreamId(world.run, name)
        self._world = world
        self._history = world.histories.get(name, ())
        self._read = 0
        self._version = 0
        self._crossed = not self._history
        self._times = EffectTimes(world.sessions)
        self._base = world.lineage[-1].cuts.get(name, 0) if world.lineage else 0
        self._deferred: list[Draft] = []
        """Decisions and noted facts, which are recorded together with what comes next."""
        self._noted = False
        """Whether a noted fact is among them."""
        self.decided: Earlier | None = None
        """The inputs of the last decision, for the next one at the same point. None: there was none."""
        world.visited.add(name)

    @property
    def at(self) -> Ref:
        """The last event of the stream: recorded, or read from history."""
        return Ref(self.name, self._version + len(self._deferred))

    @property
    def shape(self) -> int:
        """Which decisions this run records, as its opening says; 1 for runs of earlier versions."""
        return 1 if self._world.deciding is None else self._world.deciding.shape

    @property
    def busy_s(self) -> float:
        """Seconds spent in effects so far, from the recorded times; a fold, not a timer."""
        return self._times.busy_s

    @property
    def idle_s(self) -> float:
        """Seconds spent waiting for leave to ask so far, from the recorded times; a fold, not a timer."""
        return self._times.idle_s

    @property
    def _where(self) -> str:
        """The event that the actor stands at, in words."""
        return f"{self.name}@{self._version} of run {self._world.run}"

    @property
    def era(self) -> int:
        """Whose settings count for what is decided next: 0 for the oldest run of the line.

        Ask it anew for each decision; a fork may lie between any two events of a stream.
        """
        lineage = self._world.lineage
        # Asked for at each decision, and most runs are no forks.
        return 0 if len(lineage) <= 1 else era_of(lineage, self.name, self.at.version)

    @property
    def condition(self) -> Condition | None:
        """What whoever acts here is told and given. None: an earlier version began the run, and recorded none."""
        return self.conditions[self.era] if self.conditions else None

    @property
    def conditions(self) -> tuple[Condition | None, ...]:
        """The same for each run of the line, oldest first. Empty: nothing is decided here."""
        deciding = self._world.deciding
        return () if deciding is None else tuple(each.condition_at(self.name) for each in deciding.eras)

    def put(self, data: bytes) -> Digest:
        """Keep bytes; they are durable before the next event that is recorded."""
        return self._world.blobs.put(data)

    def put_json(self, data: bytes) -> Digest:
        """Keep JSON of ours; known secrets are replaced in its texts, and never in names of members."""
        return self._world.blobs.put_json(data)

    async def get(self, digest: Digest) -> bytes:
        """Read bytes back, as they are kept.

        Raises:
            BlobErased: They were removed on purpose; it names this place.
        """
        try:
            return await self._world.blobs.get(digest)
        except BlobErased as error:
            raise error.needed_by(self._where) from error

    async def record(self, *events: Event, cause: Ref | None = None) -> Ref:
        """Record facts side by side; give the place of the last.

        Raises:
            ReplayDiverged: History remains, and it says otherwise.
            HistoryEnded: History has ended, and no ports are open.
        """
        return (await self._record(events, cause)).ref

    async def note(self, event: Event) -> Ref:
        """Record a fact together with what comes next, for which one commit is enough; give its place.

        For what nobody needs to see before: it is durable before the world is touched, and before the actor has ended.

        Raises:
            ReplayDiverged: History remains, and it says otherwise.
            HistoryEnded: History has ended, and no ports are open.
        """
        if self._read < len(self._history):
            return (await self._record((event,), None)).ref
        if self._world.ports is None:
            self._ended(tag_of(event))
        self._deferred.append(Draft(event, None))
        self._noted = True
        return self.at

    async def decide(self, point: Point[I, S, R], saw: I, says: Says | None = None) -> Seen[R]:
        """Have the method's policy decide, and record the ruling with what it saw.

        Over history the recorded ruling is the one that counts; what the policy says now is compared with it. Live, the
        ruling is durable before the next effect.

        Args:
            point: What is decided.
            saw: From what. It holds no setting: those are read by the point's rule.
            says: Makes the event that records it. None: `DecisionMade`.

        Raises:
            ReplayDiverged: The record says otherwise, and the point's revision is the recorded one; or nothing says
                that this was decided here.
            HistoryEnded: History has ended, and no ports are open.
            EventRefused: The inputs or the ruling would not read back as they are.
        """
        deciding = self._world.deciding
        assert deciding is not None, "an actor that decides runs in a world with a method"
        era = deciding.eras[self.era].at(self.name)
        rule = point.rule(era.spec, saw)
        assert rule is not None, "an actor asks only for what its settings have"
        rules: dict[str | None, S] = {None: rule}
        if shadows := point.shadows(era.spec, saw):
            rules.update(sorted(shadows.items()))  # as typed they stand in no order that a log keeps
        decision = Decision.prepare(self._world, point, saw, rules)
        says = says or partial(made_event, point)
        seen = await self._ruled(decision, None, partial(decision.ask, era.policies, None), says)
        self.decided = Earlier(decision.inputs, seen.seen)
        for shadow in decision.rules:
            if shadow is not None:
                await self._shadowed(decision, shadow, partial(decision.ask, era.policies, shadow), says)
        return seen

    async def flush(self) -> None:
        """Record what waits for what comes next; for places before other actors read it."""
        if self._deferred:
            await self._append(())

    async def effect(self, asked: Event, *, after: Sequence[Event] = ()) -> Event:
        """Ask the world for something, and give the outcome: an event, good or bad.

        The request is durable before the world is touched; a lookup, which touches nothing, is recorded together with
        its answer. If history holds the outcome, the world is not touched at all. Facts given in `after` are recorded
        just before the request, together with it.

        Raises:
            Stopped: The actor is stopped before this effect, or before it was answered.
        """
        if not self._crossed:
            await self._meet_stop()
        kept: RecordedAt | None = None
        if self._read < len(self._history):
            kept = await self._record_asked(asked, after)
            if not self._crossed:
                await self._meet_stop()
        if kept is not None and self._read < len(self._history):
            answer = self._take()
            if answer.cause != kept.ref:
                diverged(answer, asked, kept.ref)
            self._times.count_busy(EventTime(kept.position, kept.at), EventTime(answer.position, answer.at))
            return answer.event
        return await self._ask(asked, kept, after)

    async def checkpoint(self) -> None:
        """Go no further, by raising `Stopped`, if the actor is stopped; for places before another actor's effects."""
        if not self._crossed:
            await self._meet_stop()
        if self._read == len(self._history) and self._world.ports is not None:
            async with self._world.ports.admit(
                NOTHING, EffectAddress(self._world.run, self.name, self.at.version + 1)
            ) as leave:
                stop = leave.stop
            if stop is not None:
                raise await self._stopped(stop)

    async def serve_calls(self, asked: Event, below: str, visitor: "CallActor") -> Event:
        """Ask the world for something that asks back while it lasts.

        Each visit has a stream of its own, named `below` and a number, whose first event is what came. Live, whoever
        answers the request runs the visitors; over history they are run again here, whatever becomes of it.
        """
        try:
            return await self.effect(asked)
        finally:
            histories = self._world.histories
            names = (self._world.names or StreamIndex(histories)).below(below)
            await self.gather([Child(name, partial(visitor, came=histories[name][0].event)) for name in names])

    async def gather(self, children: Sequence[Child[T]]) -> list[T]:
        """Run actors below this one, each on its own stream; give their results in the order given.

        All of them end before it returns. How many run at a time is for the ports to say, and changes no result: one
        that waits for its place has no task yet, and costs nothing.

        Raises:
            ActorsHeldBack: Some were not to begin in this process; the others have ended.
        """
        await self.flush()
        actors = [Gathered(each.name, partial(self._start, each.name), partial(self._below, each)) for each in children]
        return await gather(actors, self._begin)

    async def _begin(self, group: TaskGroup, actor: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start an actor below; where histories are read one after the other, run it: over history none waits."""
        if self._world.keeper is None:
            group.start_soon(actor)
        else:
            await actor()

    async def _below(self, child: Child[T]) -> T:
        """Run an actor below to its end."""
        keeper = self._world.keeper
        async with nullcontext() if keeper is None else keeper.hold(child.name):
            scope = Scope(self._world, child.name)
            result = await child.actor(scope)
            await scope.finish()
        return result

    async def stop(self, stop: ScopeStopped) -> None:
        """Record that the actor ends here, for a reason that is not its own."""
        await self._append((Draft(stop, None),))

    async def finish(self) -> None:
        """Say that the actor is done.

        Raises:
            HistoryUnread: Its history goes on.
        """
        if self._read < len(self._history):
            raise HistoryUnread(self.name, read=self._read, recorded=len(self._history))
        await self.flush()

    async def _ask(self, asked: Event, kept: RecordedAt | None, after: Sequence[Event]) -> Event:
        """Ask the world. `kept` is the request if history holds it; else it is recorded when there is leave."""
        ports = self._world.ports
        if ports is None:
            self._ended(tag_of(asked) if kept is None else f"the outcome of {tag_of(asked)}")
        place = EffectAddress(self._world.run, self.name, self.at.version + (len(after) + 1 if kept is None else 0))
        async with ports.admit(asked, place) as leave:
            if kept is None and leave.stop is None and not isinstance(asked, LookupAsked):
                kept = await self._record_asked(asked, after)
            try:
                outcome = await leave.during(partial(ports.handler_for(asked), asked, place))
            except BlobErased as error:
                raise error.needed_by(self._where) from error
        if outcome is None:
            assert leave.stop is not None
            raise await self._stopped(leave.stop)
        if kept is None:
            return await self._record_lookup(asked, after, outcome)
        appended = await self._append((Draft(outcome, kept.ref),))
        self._times.count_busy(EventTime(kept.position, kept.at), EventTime(appended.position, appended.at))
        # The actor goes on with what a replay will read: known secrets are replaced in that.
        return outcome if appended.kept is None else appended.kept[-1]

    async def _stopped(self, stop: ScopeStopped) -> Stopped:
        await self.stop(stop)
        return Stopped(stop)

    @asynccontextmanager
    async def _start(self, child: str) -> AsyncIterator[bool]:
        """Wait for a place for an actor below; one that has begun before goes on, whatever is ordered."""
        ports = self._world.ports
        if ports is None:
            yield True
            return
        async with ports.admit_child(child) as may:
            yield may or child in self._world.histories

    async def _record_asked(self, asked: Event, after: Sequence[Event]) -> RecordedAt:
        """Record a request, and count the time since the event before."""
        since, noted = self._times.idle_since, self._noted
        kept = await self._record((*after, asked), None)
        if not noted:  # else the event before has the same time
            self._times.count_idle(since, EventTime(kept.position, kept.at))
        return kept

    async def _record_lookup(self, asked: Event, after: Sequence[Event], outcome: Event) -> Event:
        """Record a request together with its answer, and count the time since the event before; give the answer."""
        since, noted = self._times.idle_since, self._noted
        cause = Ref(self.name, self.at.version + len(after) + 1)
        drafts = [Draft(event, None) for event in (*after, asked)]
        appended = await self._append([*drafts, Draft(outcome, cause)])
        if not noted:
            self._times.count_idle(since, EventTime(appended.position + len(after), appended.at))
        return outcome if appended.kept is None else appended.kept[-1]

    async def _record(self, events: Sequence[Event], cause: Ref | None) -> RecordedAt:
        if self._read == len(self._history):
            return await self._record_live(events, cause)
        last = RecordedAt(Ref(self.name, self._version), 0, 0)
        for index, event in enumerate(events):
            if self._read == len(self._history):
                return await self._record_live(events[index:], cause)
            recorded = self._take()
            if recorded.cause != cause or not same(recorded, event):
                self._part(recorded, event, cause)
            last = RecordedAt(recorded.ref, recorded.position, recorded.at)
        return last

    def _part(self, recorded: Recorded, event: Event, cause: Ref | None) -> None:
        """Part from the record, unless this life tolerates that."""
        tolerates = None if self._world.deciding is None else self._world.deciding.tolerates
        if recorded.cause != cause or tolerates is None or not tolerates(recorded, event):
            diverged(recorded, event, cause)

    async def _ruled(
        self, decision: Decision[R], shadow: str | None, ask: Callable[[], Awaitable[R | None]], says: Says
    ) -> Seen[R]:
        """Give the ruling on record, or have the policy rule and record that."""
        if self._read == len(self._history):
            return self._say(decision, shadow, await self._asked(ask), says)
        computed = await decision.computed(ask, self.at)
        recorded = self._history[self._read]
        if not decision.records(recorded.event, shadow):
            beside = decision.beside(recorded, computed)
            computed = computed if beside is None else beside
            ruling = await self._asked(ask) if computed is None else computed
            event = decision.event(shadow, ruling, says)
            if event is not None:
                diverged(recorded, event, None)
            return Seen(self.at, decision.observed(shadow, (self.at, self._times.last.position, self.era), ruling))
        era, idle_since = self.era, self._times.idle_since
        self._take()
        self._times.idle_since = idle_since
        ruling = await decision.compare(recorded, (shadow, says), computed)
        return Seen(recorded.ref, decision.observed(shadow, (recorded.ref, recorded.position, era), computed, ruling))

    def _say(self, decision: Decision[R], shadow: str | None, ruling: R, says: Says) -> Seen[R]:
        """Have a ruling recorded with what comes next, if runs of this shape record it."""
        event = decision.event(shadow, ruling, says)
        if event is None:
            return Seen(self.at, ruling)
        if self._world.ports is None:
            self._ended(tag_of(event))
        kept = decision.kept(event, ruling)  # as a replay will read it: without known secrets
        self._deferred.append(Draft(kept, None))
        return Seen(self.at, decision.read(kept, ruling))

    async def _shadowed(
        self, decision: Decision[R], shadow: str, ask: Callable[[], Awaitable[R | None]], says: Says
    ) -> None:
        """Have a shadow rule. It only looks on: that it failed is recorded, and ends nothing."""
        history = self._read < len(self._history)
        if history and decision.records_failure(self._history[self._read].event, shadow):
            idle_since = self._times.idle_since
            self._take()
            self._times.idle_since = idle_since
            return
        try:
            await self._ruled(decision, shadow, partial(decision.guarded, shadow, ask, says), says)
        except ShadowRaised as raised:
            failed = decision.failure(shadow, raised.error)
            if history:
                diverged(self._history[self._read], failed, None)
            if self._world.ports is None:
                self._ended(tag_of(failed))
            self._deferred.append(Draft(as_kept(failed, self._world.log.redactor), None))

    async def _asked(self, ask: Callable[[], Awaitable[R | None]]) -> R:
        """Have a policy rule where nothing else says how it ruled.

        Raises:
            BlobErased: Bytes that it needs were removed on purpose; it names this place.
        """
        try:
            ruling = await ask()
        except BlobErased as error:
            raise error.needed_by(self._where) from error
        assert ruling is not None
        return ruling

    async def _record_live(self, events: Sequence[Event], cause: Ref | None) -> RecordedAt:
        if self._world.ports is None:
            self._ended(tag_of(events[0]))
        appended = await self._append([Draft(event, cause) for event in events])
        return RecordedAt(Ref(self.name, appended.version), appended.position + len(events) - 1, appended.at)

    async def _append(self, drafts: Sequence[Draft]) -> AppendedRange:
        """Append, behind what was waiting for it; give where the drafts themselves stand."""
        before = len(self._deferred)
        if before:
            deferred, self._deferred, self._noted = self._deferred, [], False
            drafts = [*deferred, *drafts]
        appended = await self._world.log.append(
            self._stream,
            drafts,
            expected_version=self._version - self._base,
            fence=self._world.fence,
        )
        self._version = appended.version + self._base
        self._times.recorded(appended.position + len(drafts) - 1, appended.at)
        return AppendedRange(appended.position + before, self._version, appended.at, appended.kept)

    def _take(self) -> Recorded:
        recorded = self._history[self._read]
        self._read += 1
        self._version = recorded.version
        self._times.recorded(recorded.position, recorded.at)
        return recorded

    async def _meet_stop(self) -> None:
        """Meet a stop where the history holds one, or where this life finds its ground gone."""
        if self._read < len(self._history):
            event = self._history[self._read].event
            if isinstance(event, ScopeStopped):
                self._take()
                raise Stopped(event)
            return
        if self._crossed or self._world.ports is None:
            return
        self._crossed = True
        place = EffectAddress(self._world.run, self.name, self._version)
        lost = await self._world.ports.recover(self._history, place)
        if lost is not None:
            raise await self._stopped(lost)

    def _ended(self, wanted: str) -> NoReturn:
        raise HistoryEnded(self.name, self._version, wanted)
