"""The pools of a process: builds, sandboxes, verifiers, and calls to each model of each provider."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from engine.concurrency.adaptive_limit import Bounds
from engine.concurrency.limiter import AdaptiveLimiter, Told, nobody
from engine.config.spec import CallsSpec, PoolsSpec
from engine.core.system import HostCapacity
from events.types.pool import PoolLimited, PoolSize


class Pools:
    """Rooms for all kinds of work. Runs of one event loop may share them, and then get equal parts."""

    def __init__(self, spec: PoolsSpec, machine: HostCapacity, sandbox_bytes: int = 4 << 20) -> None:
        """Open the rooms; those for calls are opened as models are named.

        Args:
            spec: How many places. Where it says None, as many as suit the machine: a build keeps a processor or two
                busy; a sandbox mostly waits for a model, and costs memory; a verifier computes.
            machine: What there is.
            sandbox_bytes: Memory set aside for a sandbox, above 0.
        """
        cores = machine.processors
        most = max(4, machine.memory // sandbox_bytes)
        self.builds = AdaptiveLimiter("builds", fixed(spec.builds or max(1, cores // 2)), self._tell)
        self.sandboxes = AdaptiveLimiter("sandboxes", fixed(spec.sandboxes or most), self._tell)
        self.verifiers = AdaptiveLimiter("verifiers", fixed(spec.verifiers or 2 * cores), self._tell)
        self._calls_spec = spec.calls
        self._calls: dict[tuple[str, str], AdaptiveLimiter] = {}
        self._told: list[Told] = []

    def calls(self, base_url: str, model: str) -> AdaptiveLimiter:
        """Give the room for calls to one model at one address."""
        key = (base_url.rstrip("/"), model)
        if key not in self._calls:
            self._calls[key] = AdaptiveLimiter(f"calls {key[0]} {model}", bounds_of(self._calls_spec), self._tell)
        return self._calls[key]

    def building(self) -> AbstractAsyncContextManager[object]:
        """Wait for a place to build an image in, and have it."""
        return self.builds.turn("", "").place()

    @property
    def rooms(self) -> tuple[AdaptiveLimiter, ...]:
        """All rooms."""
        return (self.builds, self.sandboxes, self.verifiers, *self._calls.values())

    def tune(self, spec: PoolsSpec) -> None:
        """Change how many places there are; a None leaves that room as it is."""
        pairs = ((self.builds, spec.builds), (self.sandboxes, spec.sandboxes), (self.verifiers, spec.verifiers))
        for room, places in pairs:
            if places is not None and fixed(places) != room.bounds:
                room.tune(fixed(places))
        self._calls_spec = spec.calls
        for room in self._calls.values():
            if room.bounds != bounds_of(spec.calls):
                room.tune(bounds_of(spec.calls))

    def tell(self, told: Told) -> Callable[[], None]:
        """Tell somebody of every change of a limit, until what is given back is called."""
        self._told.append(told)
        return lambda: self._told.remove(told)

    def forget(self, run: str) -> None:
        """Keep nothing of a run that has ended."""
        for room in self.rooms:
            room.forget(run)

    def _tell(self, change: PoolLimited) -> None:
        for told in self._told:
            told(change)


def fixed(places: int) -> Bounds:
    """Say that there are so many places, whatever happens."""
    return Bounds(places, places, places)


def bounds_of(calls: CallsSpec) -> Bounds:
    """Read bounds from a spec."""
    return Bounds(calls.start, calls.least, max(calls.least, calls.most))


def room_of(places: int, name: str = "trials") -> AdaptiveLimiter:
    """Open a room that belongs to one run alone."""
    return AdaptiveLimiter(name, fixed(places), nobody)


def sizes(rooms: tuple[AdaptiveLimiter, ...]) -> tuple[PoolSize, ...]:
    """Write down how many places there are."""
    return tuple(PoolSize(room.name, room.limit, room.bounds.least, room.bounds.most) for room in rooms)
