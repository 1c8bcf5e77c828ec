"""The check that no ruling is passed on in disguise: each is changed once, and later inputs must follow.

A rerun feeds actors the recorded rulings, so that it comes out equal whatever they make of them. Here one ruling is
answered otherwise over the same history. What later decisions then see must be what putting the other ruling in place
of the recorded one gives: else what-if and redecide, which do just that, would answer about another actor.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec

from engine.core.decision import Era, Observed, Observer, Policy, Tolerates, flipped
from engine.core.history import RunHistory, load_histories
from engine.runtime.plan import recorded_plan
from engine.runtime.rehearse import rehearse
from events.base import Event, Recorded, Ref
from events.codec import tag_of
from events.digest import Digest, digest_of
from events.store.base import EventLog
from events.values import Outcome
from replay.substitution import BlobAccess, Swap, swapped

SIMPLE: Mapping[Any, Sequence[object]] = {
    bool: (False, True),
    int: (7,),
    float: (0.25, 0.75),
    str: ("something else",),
    Outcome: (Outcome("solved", 1.0, ""), Outcome("failed", 0.0, ""), Outcome("infrastructure", None, "broken")),
}
"""Values by type, of which each is tried that is not the ruling's."""


class DecisionPlace(NamedTuple):
    """A decision, told from all others of its run."""

    at: Ref
    point: str
    shadow: str | None
    ordinal: int
    """Among those of the point at this event, of which only silent ones can be several."""


class Disguised(NamedTuple):
    """What came out otherwise than by putting the changed ruling in place of the recorded one."""

    changed: DecisionPlace
    field: str
    """Of the ruling."""
    seen_by: DecisionPlace | None
    """The later decision whose inputs differ. None: the actor itself did something else."""
    what: str
    """Field of the inputs with both values; or what the actor did."""


class Mutated(NamedTuple):
    """What the check did and found."""

    mutations: int
    compared: int
    """Inputs in which the changed ruling stands, and that came out as they should."""
    found: tuple[Disguised, ...]


class _Change(NamedTuple):
    """A ruling that is answered otherwise."""

    place: DecisionPlace
    field: str
    ruling: Any
    parts: bool
    """Whether the thread leaves its path by it."""


_Met: TypeAlias = dict[DecisionPlace, Observed]


class Live(Protocol):
    """Runs the actors of a run over its history once."""

    async def __call__(self, observer: Observer, tolerates: Tolerates | None) -> object:
        """Run them.

        Raises:
            ReplayDiverged, HistoryUnread, HistoryEnded: The actors went another way.
        """


class _Stage(NamedTuple):
    """What every life of one check shares."""

    log: EventLog
    live: Live
    requests: frozenset[Ref]
    """Events that others answer."""


async def mutate(log: EventLog, run: str, points: Collection[str] = ()) -> Mutated:
    """Answer every decision of a run otherwise, one field at a time, and compare what later ones see.

    Args:
        log: Which holds the run; a few short blobs are put there.
        run: Its id. It is complete.
        points: Only decisions of these are answered otherwise. Empty: all are.
    """
    histories = await load_histories(log, run)
    opened = histories.opened
    assert opened is not None, "an imported run has no actors"
    plan = await recorded_plan(log, opened, histories.lineage)
    plan = plan._replace(eras=tuple(map(unfailing, plan.eras)))

    async def live(observer: Observer, tolerates: Tolerates | None) -> object:
        return await rehearse(log, run, plan, histories, deciding=plan.deciding(observer, tolerates))

    return await mutate_lives(log, histories, live, points)


async def mutate_lives(log: EventLog, histories: RunHistory, live: Live, points: Collection[str] = ()) -> Mutated:
    """Do the same to whatever actors `live` runs over these histories."""
    answered = (each.cause for history in histories.by_stream.values() for each in history)
    stage = _Stage(log, live, frozenset(cause for cause in answered if cause is not None))
    life = _Life(stage, {}, None)
    await life.live()
    found: list[Disguised] = []
    mutations = compared = 0
    for change in [each async for each in _changes(log, life.met)]:
        if points and change.place.point not in points:
            continue
        came = await _mutated(stage, life.met, change)
        mutations += 1
        compared += came.compared
        found += came.found
    return Mutated(mutations, compared, tuple(found))


class _Life:
    """The actors over the history once more, under a change."""

    def __init__(self, stage: _Stage, before: _Met, change: _Change | None) -> None:
        self.met: _Met = {}
        self.parted = ""
        """Where the actor first asked the world for something else, while nothing told it to. Empty: nowhere."""
        self._stage = stage
        self._before = before
        self._change = change
        self._left = change is not None and change.parts
        """Whether a steering ruling would have come out otherwise: a what-if ends there."""
        self._ordinals: Counter[tuple[Ref, str, str | None]] = Counter()

    async def live(self) -> None:
        """Take in what each decision sees, and give it the recorded ruling or the change.

        Raises:
            ReplayDiverged, HistoryUnread, HistoryEnded: The actors went another way.
        """
        await self._stage.live(self._observe, None if self._change is None else self._tolerates)

    def _observe(self, observed: Observed) -> Any:
        key = observed.at, observed.point.name, observed.shadow
        place = DecisionPlace(*key, self._ordinals[key])
        self._ordinals[key] += 1
        self.met[place] = observed
        if self._change is not None and place == self._change.place:
            return self._change.ruling
        known = self._before.get(place)
        if known is None:
            return observed.ruling
        self._left = self._left or _leaves(known, observed)
        return known.ruling

    def _tolerates(self, recorded: Recorded, event: Event) -> bool:
        assert self._change is not None
        if self._change.parts or tag_of(recorded.event) != tag_of(event):
            return False
        if recorded.ref in self._stage.requests and not self._left and not self.parted:
            self.parted = f"it asks for something else at {recorded.stream.name}@{recorded.version}"
        return True

    def went(self, otherwise: Exception) -> None:
        """Take note of an actor that went another way."""
        if not self._left and not self.parted:
            self.parted = f"{type(otherwise).__name__}: {otherwise}"


def _leaves(known: Observed, now: Observed) -> bool:
    """Say whether a steering ruling comes out otherwise from what is seen now."""
    if not known.point.steers or known.shadow is not None or known.computed is None:
        return False
    return now.computed is None or bool(flipped(known.point, known.computed, now.computed))


async def _mutated(stage: _Stage, met: _Met, change: _Change) -> Mutated:
    """Live once under a change, and compare what was met."""
    life = _Life(stage, met, change)
    missing: list[DecisionPlace] = []
    try:
        await life.live()
    except Exception as error:  # noqa: BLE001 - rulings that do not fit together may lead an actor anywhere
        life.went(error)
    else:
        missing = [] if change.parts else [place for place in met if place not in life.met]
    compared, found = await _compare(stage.log, met, life.met, change)
    found += [Disguised(change.place, change.field, place, "it is not asked for") for place in missing]
    if life.parted:
        found.append(Disguised(change.place, change.field, None, life.parted))
    return Mutated(1, compared, tuple(found))


async def _compare(log: EventLog, met: _Met, now: _Met, change: _Change) -> tuple[int, list[Disguised]]:
    laid: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        digest = digest_of(data)
        laid[digest] = data
        return digest

    async def get(digest: Digest) -> bytes:
        return laid[digest] if digest in laid else await log.get(digest)

    swaps = {change.place.at: [Swap(met[change.place].ruling, change.ruling)]}
    chains: dict[Digest, Digest] = {}
    compared, found = 0, list[Disguised]()
    for place, observed in now.items():
        recorded = met.get(place)
        if recorded is None:
            if not change.parts:
                found.append(Disguised(change.place, change.field, place, "it was never made"))
            continue
        expected = await swapped(recorded.saw, swaps, chains, BlobAccess(get, put))
        if observed.inputs != recorded.inputs:
            chains[recorded.inputs] = observed.inputs
        compared += expected is not recorded.saw and expected == observed.saw
        found += [Disguised(change.place, change.field, place, each) for each in _differences(expected, observed.saw)]
    return compared, found


def _differences(expected: Any, found: Any) -> Iterator[str]:
    for name in expected.__struct_fields__:
        wanted, came = getattr(expected, name), getattr(found, name)
        if wanted != came:
            yield f"{name}: {msgspec.json.encode(came).decode()}, not {msgspec.json.encode(wanted).decode()}"


def unfailing(era: Era) -> Era:
    """Give policies that rule somehow on inputs that make no sense: nobody goes by what they say here."""

    def wrapped(policy: Policy) -> Policy:
        def ask(saw: Any, rule: Any, desk: Any) -> Any:
            try:
                return policy(saw, rule, desk)
            except Exception:  # noqa: BLE001 - whatever it is, the observer gives the ruling
                return None

        return ask

    return era._replace(policies={name: wrapped(policy) for name, policy in era.policies.items()})


async def _changes(log: EventLog, met: _Met) -> AsyncIterator[_Change]:
    for place, observed in met.items():
        point, ruling = observed.point, observed.ruling
        hints = get_type_hints(point.ruling)
        for name in point.ruling.__struct_fields__:
            for other in await _others(log, getattr(ruling, name), hints[name]):
                parts = point.steers and name in point.decisive and observed.shadow is None
                yield _Change(place, name, msgspec.structs.replace(ruling, **{name: other}), parts)


async def _others(log: EventLog, value: Any, hint: Any) -> Sequence[Any]:
    """Give other legal values: for a missing one a value, for a value none and another one."""
    origin, parts = get_origin(hint), get_args(hint)
    missing: list[Any] = []
    if origin in {Union, UnionType}:
        missing = [None] if value is not None else []
        (hint,) = [part for part in parts if part is not NoneType]
        origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return missing + [other for other in parts if other != value][:1]
    if origin is tuple:
        return missing + [(*(value or ()), other) for other in await _others(log, None, parts[0])]
    if hint is Digest:
        return missing + [other for other in await _blobs_like(log, value) if other != value]
    return missing + [other for other in SIMPLE.get(hint, ()) if other != value]


async def _blobs_like(log: EventLog, value: Digest | None) -> Sequence[Digest]:
    """Name another blob that can be read as the one that is named: a list is another list, a text another text."""
    data = b"" if value is None else await log.get(value)
    try:
        found = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return [log.put(b"something else")]
    return [log.put(b"[]")] if isinstance(found, list) else []
