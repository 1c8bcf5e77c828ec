"""Ordering a run that is alive: what other processes append to its stream ``control``, and how its owner meets it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

import anyio
import msgspec

from engine.concurrency.limiter import AdaptiveLimiter
from engine.concurrency.pools import Pools, fixed
from engine.concurrency.run_controls import RunControls
from engine.config.spec import RunSpec
from engine.core.errors import RunNotAlive, RunUnknown
from engine.core.history import RunHistory
from engine.core.lineage import CONTROL, SESSION
from engine.core.system import process_ended
from engine.runtime.session import Session
from events.base import Draft, Event, Recorded, Ref, StreamId
from events.errors import VersionConflict
from events.store.base import EventLog, Selection
from events.streams import RUN
from events.types.control import CancelOrdered, DrainOrdered, OrderMet, PauseOrdered, TuneOrdered, UnpauseOrdered
from events.types.run import RunClosed
from events.types.session import SettingChange

LOOK_S: Final = 0.25
"""Seconds between two looks at the stream. `EventLog.follow` would look at each append of the run's own: a thousand
trials make hundreds a second."""
_TRIES: Final = 20
"""How often an order is appended anew because another one came first."""

Order: TypeAlias = PauseOrdered | UnpauseOrdered | DrainOrdered | CancelOrdered | TuneOrdered


async def give(log: EventLog, run: str, order: Order, *, now_us: int) -> Ref:
    """Order something of a run that is alive; give the place of the order.

    Args:
        log: Which holds it.
        run: Its id.
        order: What is to be done.
        now_us: UTC microseconds since 1970, against which leases run out.

    Raises:
        RunUnknown: There is no such run.
        RunNotAlive: No living process owns it.
    """
    await check_alive(log, run, now_us)
    for _ in range(_TRIES):
        version = (await log.streams(run)).get(CONTROL, 0)
        try:
            await log.append(StreamId(run, CONTROL), [Draft(order, None)], expected_version=version)
        except VersionConflict:
            continue
        return Ref(CONTROL, version + 1)
    raise RunNotAlive(run, "others order too much at the same moment")


async def check_alive(log: EventLog, run: str, now_us: int) -> None:
    """See that somebody is there to meet an order.

    Raises:
        RunUnknown: There is no such run.
        RunNotAlive: No living process owns it.
    """
    if run not in await log.runs():
        raise RunUnknown(run)
    async for recorded in log.read(Selection(stream=StreamId(run, RUN), tags=("run.closed",))):
        if isinstance(recorded.event, RunClosed):
            raise RunNotAlive(run, "it has ended", over=True)
    owner = next((lease for lease in await log.leases() if lease.run == run), None)
    if owner is None or owner.expires_at <= now_us or process_ended(owner.owner):
        raise RunNotAlive(run, "no process owns it")


async def outcome_of(log: EventLog, run: str, order: Ref, *, within_s: float) -> OrderMet | None:
    """Wait for the owner's word. None: it did not come in time."""
    with anyio.move_on_after(within_s):
        async for recorded in log.follow(Selection(stream=StreamId(run, SESSION), tags=("control.order_met",))):
            if recorded.cause == order and isinstance(recorded.event, OrderMet):
                return recorded.event
    return None


def ordered(history: Sequence[Recorded]) -> list[tuple[Ref, Order]]:
    """Read the orders of a stream ``control``, oldest first."""
    found = [(each.ref, each.event) for each in history]
    return [(ref, event) for ref, event in found if isinstance(event, Order)]


def paused(history: Sequence[Recorded]) -> bool:
    """Whether the last word about pausing was to pause."""
    words = [event for _, event in ordered(history) if isinstance(event, PauseOrdered | UnpauseOrdered)]
    return bool(words) and isinstance(words[-1], PauseOrdered)


def tuned(spec: RunSpec, orders: Sequence[tuple[Ref, Order]]) -> RunSpec:
    """Give the spec under which a run goes on after what was ordered."""
    tree = msgspec.to_builtins(spec)
    for _, order in orders:
        for change in order.changes if isinstance(order, TuneOrdered) else ():
            _put(tree, change)
    return msgspec.convert(tree, RunSpec)


def _put(tree: dict[str, Any], change: SettingChange) -> None:
    *before, last = change.key.split(".")
    for part in before:
        tree = tree[part]
    tree[last] = msgspec.json.decode(change.now)


class SignalTargets(NamedTuple):
    """What orders act upon."""

    run: str
    orders: RunControls
    pools: Pools
    trials: AdaptiveLimiter
    """One place for each trial that goes on."""
    known: frozenset[str]
    """Names of all trials."""

    def begun(self, families: Mapping[str, str]) -> dict[str, AdaptiveLimiter]:
        """Give where actors wait to begin, by family of streams.

        Raises:
            KeyError: A program names a pool that is none; a mistake in it.
        """
        rooms = {"trials": self.trials}
        return {family: rooms[pool] for family, pool in families.items()}


class SignalHandler:
    """Meets orders as they come. One per run and process."""

    def __init__(self, log: EventLog, session: Session, board: SignalTargets, spec: RunSpec) -> None:
        self._log = log
        self._session = session
        self._board = board
        self._spec = spec
        self._after = 0

    def take_up(self, histories: RunHistory) -> None:
        """Go on under what was ordered of an earlier process: limits and cancellations hold, all else ended with it."""
        history = histories.by_stream.get(CONTROL, ())
        orders = ordered(history)
        self._tune(tuned(self._spec, orders))
        for _, order in orders:
            if isinstance(order, CancelOrdered):
                self._board.orders.cancel(order.trial, _words(order))
        self._after = history[-1].position if history else 0

    async def steer(self) -> None:
        """Meet orders; ends only by being cancelled."""
        stream = StreamId(self._session.fence.run, CONTROL)
        while True:
            async for recorded in self._log.read(Selection(stream=stream, after=self._after)):
                self._after = recorded.position
                try:
                    met = self.meet(recorded.event)
                except Exception as error:
                    # Whoever gave the order waits for an answer; the supervisor records the rest, and begins behind it.
                    await self._session.note(OrderMet(False, f"it failed: {type(error).__name__}"), recorded.ref)
                    raise
                if met is not None:
                    await self._session.note(met, recorded.ref)
            await anyio.sleep(LOOK_S)

    def meet(self, order: Event) -> OrderMet | None:
        """Do what is ordered, and say what came of it. None: it is no order."""
        if not isinstance(order, Order):
            return None
        orders = self._board.orders
        match order:
            case PauseOrdered():
                return OrderMet(orders.pause(), "paused; no new calls start")
            case UnpauseOrdered():
                return OrderMet(orders.unpause(), "running")
            case DrainOrdered():
                return OrderMet(orders.drain(), "draining; no new trials start")
            case CancelOrdered():
                return self._cancel(order)
            case TuneOrdered():
                self._tune(tuned(self._spec, [(Ref(CONTROL, 0), order)]))
                return OrderMet(True, ", ".join(f"{each.key} = {each.now}" for each in order.changes))
            case _:
                assert_never(order)

    def _cancel(self, order: CancelOrdered) -> OrderMet:
        if order.trial is not None and order.trial not in self._board.known:
            return OrderMet(False, f"no trial {order.trial} in this run")
        self._board.orders.cancel(order.trial, _words(order))
        return OrderMet(True, "all trials stop" if order.trial is None else f"trial {order.trial} stops")

    def _tune(self, spec: RunSpec) -> None:
        if spec == self._spec:
            return
        self._spec = spec
        self._board.pools.tune(spec.pools)
        if fixed(spec.concurrency) != self._board.trials.bounds:
            self._board.trials.tune(fixed(spec.concurrency))


def _words(order: CancelOrdered) -> str:
    return f"cancelled by {order.author}" + (f": {order.reason}" if order.reason else "")
