"""The ledger of a run: every decision with what it saw, its rule and its ruling, in the order of the log.

A run that recorded the inputs of all its decisions is read; nothing is run. One of an earlier version is run again over
its history, and an observer takes the inputs: the whole run, never a part of it. So is one that an earlier version
imported: it is imported again, in memory, from the files that the log keeps.

Who looks at each decision once visits them, and needs memory for the largest attempt; who asks about them again reads
them all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from engine.config.program_registry import known_points
from engine.config.spec import read_spec
from engine.core.decision import FIRST_REVISION, SHAPE, Era, Observed, Point, encode_value
from engine.core.errors import EngineError, NameUnknown
from engine.core.history import RunHistory, load_histories
from engine.core.lineage import APART, Lineage, era_of, pages_along
from engine.core.plugins import PluginBroken
from engine.core.trial_histories import HistoryParts, TrialHistories, load_by_trial
from engine.importers.again import import_again
from engine.runtime.plan import era_of_spec, recorded_plan, recorded_specs
from engine.runtime.rehearse import rehearse
from events.base import Recorded, Ref
from events.catalog import AnyEvent
from events.codec import tag_of
from events.digest import Digest, digest_of
from events.errors import BlobErased
from events.store.base import EventLog, Selection
from events.types.decision import Decided, DecisionMade, inputs_of, seen_in
from events.types.run import RunImported, RunOpened
from replay.errors import InputsUnrecorded, NothingDecided

UNTOLD: Final = "what it rested on is not in the source"
DECIDED_TAGS: Final = frozenset(
    str(kind.__struct_config__.tag) for kind in get_args(AnyEvent) if issubclass(kind, Decided)
)
"""Of all events that record decisions."""


class LedgerEntry(NamedTuple):
    """One decision."""

    name: str
    """Of the point."""
    point: Point[Any, Any, Any] | None
    """None: no installed package has a point of this name; the decision is listed, and not made again."""
    shadow: str | None
    """Name of the shadow rule or policy. None: the ruling counted."""
    at: Ref
    """The event that records it; the event before it, if it is silent."""
    silent: bool
    """Whether no event records it: runs of earlier versions decided some things so."""
    position: int
    """Of that event in the log."""
    era: int
    """Index into `Ledger.eras`."""
    revision: int
    """Under which the ruling was made."""
    inputs: Digest | None
    """None: the record has none."""
    saw: Any
    """As the point types it; as JSON has it without the point. None where `missing` says why."""
    rule_digest: Digest | None
    rule: Any
    """The settings as they counted; typed like `saw`."""
    ruling: Any
    """As the point types it; by field without the point."""
    unrecorded: tuple[str, ...]
    """Fields of the ruling that its event could not record; they are worked out."""
    missing: str
    """Why it cannot be made again; empty if it can."""
    steers: bool
    """Whether what was done next follows from it: as its point says, unless the record says it of this one."""
    erased: bool
    """Whether it cannot since its inputs or its rule were removed on purpose."""


class DecidedUnder(NamedTuple):
    """What bears on all decisions of a run."""

    eras: tuple[Era, ...]
    """As in `Ledger`, like those below."""
    source: Literal["recorded", "rerun"]
    blobs: dict[Digest, bytes]
    """Where it is run again, more of them come as it goes on."""

    def era(self, entry: LedgerEntry) -> Era:
        """Give the settings and policies that counted for a decision: those of its arm, if it has one."""
        return self.eras[entry.era].at(entry.at.stream)


Visit = Callable[[DecidedUnder, Sequence[LedgerEntry]], Awaitable[None]]
"""Looks at some decisions of a run. Those of a trial come in their order; trials come one after the other, or not."""


class Ledger(NamedTuple):
    """All decisions of a run."""

    run: str
    entries: tuple[LedgerEntry, ...]
    eras: tuple[Era, ...]
    """Settings and policies; one for each run of the line, oldest first."""
    histories: RunHistory
    source: Literal["recorded", "rerun"]
    """Whether the inputs were recorded, or taken by an observer."""
    imported: bool
    blobs: dict[Digest, bytes]
    """Bytes that inputs name and the log lacks: inputs that a rerun made."""

    @property
    def program(self) -> str | None:
        """Name what the run does. None: it explores, or was imported."""
        opened = opening_of(self.histories)
        return opened.program if isinstance(opened, RunOpened) else None

    def era(self, entry: LedgerEntry) -> Era:
        """Give the settings and policies that counted for a decision: those of its arm, if it has one."""
        return self.eras[entry.era].at(entry.at.stream)


async def read_ledger(log: EventLog, run: str, trial: str | None = None) -> Ledger:
    """List every decision of a run.

    Args:
        log: Which holds the run.
        run: Its id.
        trial: Only its decisions are wanted, and no other trial is read; a run that has to be run again is listed whole
            all the same. None: of all.

    Raises:
        RunUnknown: There is no such run.
        NothingDecided: It was cut off before it began.
        InputsUnrecorded: An earlier version imported it, and its files cannot be imported again.
        ReplayDiverged, HistoryUnread: An earlier version recorded it, and it does not rerun.
        NameUnknown: An earlier version recorded it, and it names a method or an agent that nobody registers.
        BlobMissing: Bytes are gone that every decision rests on, such as its spec.
    """
    histories = await load_histories(log, run, trial)
    opened = opening_of(histories)
    decided = _decided(histories)
    points = known_points()
    whole = all(inputs_of(each.event) is not None or _point_of(points, each.event) is None for each in decided)
    if opened is None:
        raise NothingDecided(run)
    if isinstance(opened, RunImported):
        if not whole or opened.assumed is None:
            return await _imported_again(log, run, histories, opened)
    # Of the others, an event without inputs takes note of something that nobody decided.
    elif (opened.shape or 1) < SHAPE:
        return await _observed(log, run, histories if trial is None else await load_histories(log, run), opened)
    eras = await _eras(log, opened, histories.lineage)
    reader = _Reader(log, points, eras, histories.lineage)
    entries = await reader.entries(decided)
    imported = isinstance(opened, RunImported)
    return Ledger(run, tuple(entries), eras, histories, "recorded", imported=imported, blobs={})


async def visit_ledger(log: EventLog, run: str, visit: Visit) -> None:
    """Look at every decision of a run, without holding all of them.

    Args:
        log: Which holds the run.
        run: Its id.
        visit: Looks at them.

    Raises:
        RunUnknown, NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread, NameUnknown, BlobMissing: As
            `read_ledger`, and what `visit` raises.
    """
    histories, trials = await load_by_trial(log, run)
    opened = opening_of(histories)
    if opened is None:
        raise NothingDecided(run)
    if isinstance(opened, RunImported):  # its files are held whole, and they are what it is made of
        ledger = await read_ledger(log, run)
        await visit(DecidedUnder(ledger.eras, ledger.source, ledger.blobs), ledger.entries)
    elif (opened.shape or 1) < SHAPE:
        await _visit_observed(log, (run, opened), (histories, trials), visit)
    else:
        under = DecidedUnder(await _eras(log, opened, histories.lineage), "recorded", {})
        reader = _Reader(log, known_points(), under.eras, histories.lineage)
        async for decided in _decided_by_batch(log, trials.parts):
            await visit(under, await reader.entries(decided))
            reader.forget()


async def _decided_by_batch(log: EventLog, parts: HistoryParts) -> AsyncIterator[Sequence["_Noted"]]:
    """Give the events that record decisions: those of a trial in their order, small trials together."""
    for batch in parts.batches():
        names = [name for name in parts.names(batch) if name not in APART]
        selection = Selection(run=parts.lineage[-1].run, streams=names, tags=DECIDED_TAGS)
        async for page in pages_along(log, parts.lineage, selection):
            found = [_Noted(each.event, each) for each in page if isinstance(each.event, Decided)]
            # What was appended meanwhile is for another reading.
            yield [each for each in found if each.recorded.version <= parts.versions[each.recorded.stream.name]]


def opening_of(histories: RunHistory) -> RunOpened | RunImported | None:
    """Give what a run began with. None: it was cut off before that."""
    history = histories.by_stream.get("run", ())
    first = history[0].event if history else None
    return first if isinstance(first, RunOpened | RunImported) else None


async def _eras(log: EventLog, opened: RunOpened | RunImported, lineage: Lineage) -> tuple[Era, ...]:
    """Give what decides in each stretch of a run; nothing where its program or method is not there."""
    try:
        if isinstance(opened, RunImported):
            assert opened.assumed is not None
            return (era_of_spec(read_spec(await log.get(opened.assumed))),)
        return tuple(era_of_spec(spec) for spec in await recorded_specs(log, opened, lineage))
    except NameUnknown as error:
        return _nothing(f"no installed package registers the {error.kind} {error.name!r}", lineage)
    except PluginBroken as error:
        return _nothing(error.problem, lineage)


def _nothing(why: str, lineage: Lineage) -> tuple[Era, ...]:
    return tuple(Era(None, {}, "", lacks=why) for _ in lineage or (None,))


class _Noted(NamedTuple):
    """An event that records a decision, with its place."""

    event: Decided
    recorded: Recorded


def _decided(histories: RunHistory) -> list[_Noted]:
    """List the events that record decisions, in the order of the log."""
    found = [
        _Noted(each.event, each)
        for name, history in histories.by_stream.items()
        if name not in APART
        for each in history
        if isinstance(each.event, Decided)
    ]
    return sorted(found, key=lambda each: each.recorded.position)


def _point_of(points: Mapping[str, Point[Any, Any, Any]], event: Decided) -> Point[Any, Any, Any] | None:
    """Find the point whose ruling an event records. None: no installed package has one."""
    if isinstance(event, DecisionMade):
        return points.get(event.point)
    return next((each for each in points.values() if each.ruling_in(event) is not None), None)


class _Reader:
    """Reads entries from events that carry their inputs."""

    def __init__(
        self,
        log: EventLog,
        points: Mapping[str, Point[Any, Any, Any]],
        eras: Sequence[Era],
        lineage: Lineage,
    ) -> None:
        self._log = log
        self._points = points
        self._eras = eras
        self._lineage = lineage
        self._read: dict[tuple[Digest, object], Any] = {}
        """Rules, and inputs that several decisions share, by digest and type."""

    async def entries(self, decided: Iterable[_Noted], untold: str = "") -> list[LedgerEntry]:
        """Read several; events that record no decision are left out."""
        return [entry for each in decided if (entry := await self.entry(each, untold)) is not None]

    def forget(self) -> None:
        """Let go of what was read."""
        self._read.clear()

    async def entry(self, noted: _Noted, untold: str = "") -> LedgerEntry | None:
        """Read one.

        Args:
            noted: The event.
            untold: Why it carries no inputs, if that is so. Empty: then it takes note of what nobody decided.

        Returns:
            None if the event records no decision.
        """
        event, recorded = noted
        point, inputs = _point_of(self._points, event), inputs_of(event)
        if inputs is None and (point is None or not untold):
            return None
        stream = recorded.stream.name
        era = era_of(self._lineage, stream, recorded.version - 1)
        name = event.point if isinstance(event, DecisionMade) else tag_of(event) if point is None else point.name
        entry = LedgerEntry(
            name=name,
            point=point,
            shadow=_shadow_of(point, event),
            at=recorded.ref,
            silent=False,
            position=recorded.position,
            era=era,
            revision=event.point_revision or FIRST_REVISION,
            inputs=inputs,
            saw=None,
            rule_digest=event.rule,
            rule=None,
            ruling=_plain_ruling(event) if point is None else point.ruling_in(event),
            unrecorded=point.later if point is not None and event.point_revision is None else (),
            missing=_unmade(point, name, self._eras[era].at(stream)) or ("" if inputs is not None else untold),
            steers=_steers(point, event),
            erased=False,
        )
        return await self._with_inputs(entry, seen_in(event))

    async def _with_inputs(self, entry: LedgerEntry, seen: bytes | None) -> LedgerEntry:
        kind, settings = (Any, Any) if entry.point is None else (entry.point.saw, entry.point.settings)
        try:
            saw = await self._value(entry.inputs, kind) if seen is None else msgspec.json.decode(seen, type=kind)
            return entry._replace(saw=saw, rule=await self._value(entry.rule_digest, settings))
        except BlobErased as error:
            return entry._replace(missing=error.problem, erased=True)
        except msgspec.MsgspecError as error:
            return entry._replace(missing=f"its inputs do not read as this version has them: {error}")

    async def _value(self, digest: Digest | None, kind: Any) -> Any:
        if digest is None:
            return None
        if (digest, kind) not in self._read:
            self._read[digest, kind] = msgspec.json.decode(await self._log.get(digest), type=kind)
        return self._read[digest, kind]


def _shadow_of(point: Point[Any, Any, Any] | None, event: Decided) -> str | None:
    if point is None:
        return event.shadow if isinstance(event, DecisionMade) else None
    return point.shadow_of(event)


def _plain_ruling(event: Decided) -> dict[str, Any]:
    if isinstance(event, DecisionMade):
        return event.ruling
    fields: dict[str, Any] = msgspec.to_builtins(event)
    return fields


def _unmade(point: Point[Any, Any, Any] | None, name: str, era: Era) -> str:
    """Say why a decision cannot be made again, as far as that is seen without its inputs."""
    if era.lacks:
        return era.lacks
    if point is None:
        return f"no installed package has a point of decision named {name}"
    if name not in era.policies:
        return f"the method {era.method!r} has no policy for {name}"
    return ""


def _steers(point: Point[Any, Any, Any] | None, event: Decided) -> bool:
    said = event.steers if isinstance(event, DecisionMade) else None
    return said if said is not None else point is not None and point.steers


async def _imported_again(log: EventLog, run: str, histories: RunHistory, opened: RunImported) -> Ledger:
    """Import a run again, and take what each decision saw."""
    try:
        again = await import_again(log, opened, histories.by_stream)
    except EngineError as error:
        raise InputsUnrecorded(run, error.problem) from error
    eras = (era_of_spec(again.spec),)
    entries = [_met(each, histories.by_stream) for each in again.decisions]
    known = {each.at for each in entries}
    reader = _Reader(log, known_points(), eras, histories.lineage)
    entries += await reader.entries((each for each in _decided(histories) if each.recorded.ref not in known), UNTOLD)
    entries.sort(key=lambda each: each.position)
    return Ledger(run, tuple(entries), eras, histories, "rerun", imported=True, blobs=dict(again.blobs))


async def _observed(log: EventLog, run: str, histories: RunHistory, opened: RunOpened) -> Ledger:
    """Run the actors over the history, and take what each decision sees."""
    plan = await recorded_plan(log, opened, histories.lineage)
    entries: list[LedgerEntry] = []

    def observe(met: Observed) -> Any:
        entries.append(_met(met, histories.by_stream))
        return met.ruling

    rehearsed = await rehearse(log, run, plan, histories, deciding=plan.deciding(observe))
    entries.sort(key=lambda each: each.position)
    blobs = dict(rehearsed.deciding.chains)
    return Ledger(run, tuple(entries), plan.eras, histories, "rerun", imported=False, blobs=blobs)


async def _visit_observed(
    log: EventLog, of: tuple[str, RunOpened], read: tuple[RunHistory, TrialHistories], visit: Visit
) -> None:
    """Run the actors over the history, one after the other, and look at the decisions of each when it has ended."""
    (run, opened), (histories, trials) = of, read
    plan = await recorded_plan(log, opened, histories.lineage)
    entries: list[LedgerEntry] = []

    def observe(met: Observed) -> Any:
        entries.append(_met(met, histories.by_stream))
        return met.ruling

    deciding = plan.deciding(observe)
    under = DecidedUnder(plan.eras, "rerun", deciding.chains)

    async def look() -> None:
        await visit(under, entries)
        entries.clear()

    await rehearse(log, run, plan, histories, deciding=deciding, keeper=_LookingReader(trials, look))
    await look()


class _LookingReader:
    """Holds histories as another does, and has what came of an actor looked at before its history is let go."""

    def __init__(self, histories: TrialHistories, look: Callable[[], Awaitable[None]]) -> None:
        self._histories = histories
        self._look = look

    @asynccontextmanager
    async def hold(self, stream: str) -> AsyncIterator[None]:
        """Hold the history of a stream."""
        async with self._histories.hold(stream):
            yield
            await self._look()


def _met(met: Observed, by_stream: Mapping[str, Sequence[Recorded]]) -> LedgerEntry:
    event = None if met.silent else by_stream[met.at.stream][met.at.version - 1].event
    recorded = event.point_revision if isinstance(event, Decided) else None
    return LedgerEntry(
        name=met.point.name,
        point=met.point,
        shadow=met.shadow,
        at=met.at,
        silent=met.silent,
        position=met.position,
        era=met.era,
        revision=recorded or FIRST_REVISION,
        inputs=met.inputs,
        saw=met.saw,
        rule_digest=digest_of(encode_value(met.rule)),
        rule=met.rule,
        ruling=met.ruling,
        unrecorded=met.point.later if recorded is None else (),
        missing="",
        steers=met.point.steers if met.steers is None else met.steers,
        erased=False,
    )
