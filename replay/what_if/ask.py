"""What if: recorded decisions made again under other settings, and where each thread would have left its recorded path.

Nothing is asked of a model. Each decision is asked under the settings of its own place, with the change; a ruling that
comes out otherwise is passed on to the decisions that saw it. A thread leaves its path at the first one that its actor
acts on; behind that it needs live calls, and what it recorded says nothing any more.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

import msgspec

from engine.config.changes import Change, change_spec
from engine.config.program_registry import parents_in
from engine.config.spec import RunSpec
from engine.core.decision import Era, Method, Point, flipped
from engine.runtime.plan import era_of_spec
from events.base import Ref
from events.digest import Digest
from events.errors import BlobErased
from events.store.base import EventLog
from events.streams import RUN, trial_of
from replay.errors import PartMissing
from replay.impact import NOTHING, Impact, Timeline, total
from replay.ledger import Ledger, LedgerEntry, read_ledger
from replay.readings import Readings, Watched, spoken_in, summed
from replay.redecide import question
from replay.reevaluation import PolicyQuestion, Reevaluator
from replay.substitution import BlobAccess, Swap, encoded, refs_in_order, swapped


class Flip(NamedTuple):
    """A decision that comes out otherwise."""

    run: str
    trial: str
    """The thread: a trial by its name, any other by its topmost stream."""
    point: str
    at: Ref
    position: int
    field: str
    """The first that differs."""
    recorded: Any
    decided: Any
    """None, too, where there would have been no such decision."""


class Departure(NamedTuple):
    """Where a thread would have left its recorded path: from here on it needs live calls."""

    flip: Flip
    """The decision from which on something else is done."""
    impact: Impact


class TrialAsked(NamedTuple):
    """One thread under other settings."""

    run: str
    trial: str
    decisions: int
    """Those that could be made again."""
    flips: tuple[Flip, ...]
    left: tuple[Departure, ...]
    """None: it goes its recorded path to the end. Several where it ran several streams at once."""
    unanswerable: int
    """Decisions behind a place where it left: their inputs would have been others."""
    missing: int
    """Decisions that nobody can make again."""


class WhatIf(NamedTuple):
    """What came of it, over all runs."""

    changes: tuple[Change, ...]
    trials: tuple[TrialAsked, ...]
    readings: Readings
    silent: int
    """Imported trials, if a change bears on decisions that their source does not record: all but verdicts and PDI."""

    @property
    def flips(self) -> tuple[Flip, ...]:
        """List every decision that flips."""
        return tuple(flip for trial in self.trials for flip in trial.flips)

    @property
    def left(self) -> tuple[Departure, ...]:
        """List every place at which a thread would have left its path."""
        return tuple(left for trial in self.trials for left in trial.left)

    @property
    def impact(self) -> Impact:
        """Count what stands behind those places."""
        return total(each.impact for each in self.left) if self.left else NOTHING


class _Own(NamedTuple):
    """What a decision is compared with in every question."""

    rule: Any
    """Which its era's own settings give. None: they have no such decision."""
    thread: str
    refs: frozenset[Ref]
    """Events that its inputs rest on."""
    earlier: Digest | None
    """The inputs of the decision before it at the same point, where they are a linked list."""


_FamilyKey: TypeAlias = tuple[str, str | None, int, str | None]
"""Point, shadow, era, arm."""


class _Family(NamedTuple):
    """Decisions of one point, shadow, era and arm: they share a rule where it does not look at the inputs."""

    indexes: list[int]
    alike: bool
    """Whether the rule is the same for all of them, whatever the settings."""


class Prepared:
    """A run, read once, to be asked any number of times."""

    def __init__(self, log: EventLog, ledger: Ledger, method: Method | None) -> None:
        self.ledger = ledger
        self.run = ledger.run
        self.method = method
        self.timeline = Timeline(ledger.histories, spoken_in(ledger), parents_in(ledger.program))
        self.evaluator = Reevaluator(log, ledger.eras, ledger.blobs)
        self.watched = Watched(ledger, self.timeline)
        self.own: list[_Own] = [_own(ledger, self.timeline, entry) for entry in ledger.entries]
        self.families: dict[_FamilyKey, _Family] = {}
        self.resting: dict[Ref | Digest, list[int]] = {}
        """Decisions by what they rest on: an event, or the inputs of the decision before."""
        self.by_stream: dict[str, list[int]] = {}
        self.places: dict[int, int] = {}
        """Of each decision among those of its stream."""
        self.counts: dict[str, tuple[int, int]] = {name: (0, 0) for name in self.timeline.threads if name != RUN}
        """By thread: decisions that can be made again, and those that nobody can."""
        self._baselines: dict[int, Any] = {}
        for index, entry in enumerate(ledger.entries):
            self._file(index, entry)
        for key, family in self.families.items():
            self.families[key] = family._replace(alike=self._alike(family.indexes))

    def _file(self, index: int, entry: LedgerEntry) -> None:
        own, asked = self.own[index], not entry.missing and entry.point is not None
        made, missing = self.counts.get(own.thread, (0, 0))
        self.counts[own.thread] = (made + asked, missing + (not asked))
        if not asked:
            return
        decisions = self.by_stream.setdefault(entry.at.stream, [])
        self.places[index] = len(decisions)
        decisions.append(index)
        self.families.setdefault(_key(self.ledger, entry), _Family([], alike=False)).indexes.append(index)
        for ground in (*own.refs, *(() if own.earlier is None else (own.earlier,))):
            self.resting.setdefault(ground, []).append(index)

    def _alike(self, indexes: Sequence[int]) -> bool:
        """Say whether a rule is read without a look at what was seen, by keeping that from it."""
        first = self.ledger.entries[indexes[0]]
        assert first.point is not None
        try:
            rule = rule_of(first.point, self.ledger.era(first).spec, _Hidden(), first.shadow)
        except _Looked:
            return False
        return all(self.own[index].rule == rule for index in indexes)

    async def baseline(self, index: int) -> Any:
        """Give what this version rules from the recorded inputs and rule; not the recorded ruling if it was revised."""
        entry = self.ledger.entries[index]
        if index not in self._baselines:
            policies = self.ledger.era(entry).policies
            asked = question(entry, policies[entry.name])
            self._baselines[index] = asked.point.as_recorded(entry.ruling, await self.evaluator.ask(asked))
        return self._baselines[index]


class _Looked(Exception):
    """Raised where a rule looks at the inputs."""


class _Hidden:
    """Stands for inputs that nothing may be read from."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _Looked(name)


async def prepare(log: EventLog, run: str, *, method: Method | None = None) -> Prepared:
    """Read a run to be asked what if.

    Args:
        log: Which holds it.
        run: Its id.
        method: Whose policies decide. None: those of the method that the run names, or that a change names.

    Raises:
        RunUnknown, NothingDecided, InputsUnrecorded, ReplayDiverged, NameUnknown, BlobMissing: As `read_ledger`.
        PartMissing: Its program or its method is not there.
    """
    ledger = await read_ledger(log, run)
    for era in ledger.eras:
        if era.lacks:
            raise PartMissing(run, era.lacks)
    return Prepared(log, ledger, method)


async def ask(runs: Sequence[Prepared], changes: Sequence[Change]) -> WhatIf:
    """Ask what would have been decided under other settings.

    Raises:
        NameUnknown: A change names a method that no installed package registers.
    """
    trials: list[TrialAsked] = []
    counts: list[Readings] = []
    silent = 0
    changed = _Changed(changes)
    for run in runs:
        asking = _Asking(run, changed)
        await asking.go()
        found = asking.trials()
        trials += found
        silent += len(found) if run.ledger.imported else 0
        counts.append(run.watched.readings(asking.decided))
    beyond = any(each.path[:2] not in _IMPORTED for each in changes)
    return WhatIf(tuple(changes), tuple(trials), summed(counts), silent if beyond else 0)


class _Changed:
    """Settings with the changes, each worked out once."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._known: dict[bytes, RunSpec] = {}

    def era(self, era: Era, method: Method | None) -> Era:
        """Give an era's settings with the changes, and the policies that these name."""
        key = msgspec.json.encode((era.spec.program, era.spec.method, era.spec.own))
        if key not in self._known:
            self._known[key] = change_spec(era.spec, self._changes)
        changed = self._known[key]
        spec = msgspec.structs.replace(era.spec, method=changed.method, own=changed.own)
        if method is None and spec.method.name == era.spec.method.name and not era.arms:
            return Era(spec, era.policies, era.method)
        changed_era = era_of_spec(spec)
        return changed_era if method is None else changed_era.under({**era.policies, **method.policies}, method.name)


_IMPORTED: Final = frozenset({("method", "pdi"), ("method", "solved_at")})
"""Settings that decisions rest on which imported runs record."""


class _Thread:
    """What is found of one thread."""

    def __init__(self) -> None:
        self.flips: list[Flip] = []
        self.left: list[Departure] = []
        self.unanswerable = self.missing = 0


class _Asking:
    """One question put to one run.

    Only decisions are looked at whose rule, policy or inputs are not what they were, in the order of the ledger.
    """

    def __init__(self, run: Prepared, changed: _Changed) -> None:
        self._run = run
        self._entries = run.ledger.entries
        self._eras = [changed.era(era, run.method) for era in run.ledger.eras]
        self._store = BlobAccess(run.evaluator.get, run.evaluator.put)
        self._swaps: dict[Ref, list[Swap]] = {}
        self._chains: dict[Digest, Digest] = {}
        self._inputs: dict[Digest, tuple[Any, Digest]] = {}
        """Inputs with other rulings in them, by the digest of the recorded ones."""
        self._alike: dict[_FamilyKey, tuple[Any, Digest | None]] = {}
        self._rules: set[Digest] = set()
        self._behind: dict[str, float] = {}
        """By stream, the last place before those that cannot be answered."""
        self._kept: dict[str, int] = {}
        """By stream, how many of its decisions stand before them."""
        self._threads: dict[str, _Thread] = {}
        self._waiting: list[int] = []
        self._queued: set[int] = set()
        self.decided: dict[int, Any] = {}
        """Rulings that were asked for, by index of the ledger's entries, also behind a place where a thread has left.
        None: there is none, or nobody can know."""

    async def go(self) -> None:
        for key, family in self._run.families.items():
            if self._changes(key, family):
                self._push(family.indexes)
        while self._waiting:
            await self._take(heappop(self._waiting))
        self._run.evaluator.forget(self._rules)

    def trials(self) -> list[TrialAsked]:
        nothing = _Thread()
        found = []
        for stream, kept in self._kept.items():
            for index in self._run.by_stream.get(stream, [])[kept:]:
                self._thread(self._run.own[index].thread).unanswerable += 1
        for name, (made, missing) in self._run.counts.items():
            each = self._threads.get(name, nothing)
            counts = made - each.unanswerable - each.missing, tuple(each.flips), tuple(each.left), each.unanswerable
            found.append(TrialAsked(self._run.run, _shown(name), *counts, missing + each.missing))
        return found

    def _changes(self, key: _FamilyKey, family: _Family) -> bool:
        """Say whether decisions may come out otherwise although they saw the same."""
        name, shadow = key[:2]
        first = self._entries[family.indexes[0]]
        era, before = self._era(first), self._run.ledger.era(first)
        if era.policies[name] is not before.policies[name] or not family.alike:
            return True
        assert first.point is not None
        rule = rule_of(first.point, era.spec, first.saw, shadow)
        changed: bool = rule != self._run.own[family.indexes[0]].rule
        self._alike[key] = rule, self._digest(rule) if changed and rule is not None else None
        return changed

    def _era(self, entry: LedgerEntry) -> Era:
        return self._eras[entry.era].at(entry.at.stream)

    def _push(self, indexes: Iterable[int]) -> None:
        for index in indexes:
            if index not in self._queued:
                self._queued.add(index)
                heappush(self._waiting, index)

    def _thread(self, name: str) -> _Thread:
        return self._threads.setdefault(name, _Thread())

    def _is_behind(self, index: int, entry: LedgerEntry) -> bool:
        kept = self._kept.get(entry.at.stream)
        return kept is not None and self._run.places[index] >= kept

    async def _take(self, index: int) -> None:
        entry = self._entries[index]
        point, behind = entry.point, self._is_behind(index, entry)
        assert point is not None
        if behind and point.steers:  # an intervention of an imported run steers, and is read behind it as by a shadow
            return
        try:
            decided = await self._decided(index, entry)
        except BlobErased:
            self.decided[index] = None
            self._thread(self._run.own[index].thread).missing += not behind
            return
        self.decided[index] = decided
        if decided == entry.ruling:
            return
        found = None if behind else self._flipped(index, entry, decided)
        if entry.shadow is None and (found is None or not _departs(entry, decided)):
            self._swaps.setdefault(entry.at, []).append(Swap(entry.ruling, decided))
            self._push(each for each in self._run.resting.get(entry.at, ()) if each > index)

    def _flipped(self, index: int, entry: LedgerEntry, decided: Any) -> Flip | None:
        """Note a flip, and where the thread leaves its path by it. None: nothing decisive differs."""
        assert entry.point is not None
        found = _flip(self._run, index, decided)
        if found is not None:
            thread = self._thread(self._run.own[index].thread)
            thread.flips.append(found)
            if entry.shadow is None and _departs(entry, decided):
                thread.left.append(Departure(found, self._leave(index, entry, thread.flips)))
        return found

    def _leave(self, index: int, entry: LedgerEntry, flips: Sequence[Flip]) -> Impact:
        """Mark what a thread takes with it, and count what of that was not counted yet."""
        first = min(each.position for each in flips)
        parts = []
        for stream, after in self._run.timeline.left(entry.at.stream, entry.position):
            until = self._behind.get(stream, float("inf"))
            if after < until:
                parts.append(self._run.timeline.behind(stream, after, until, first))
                self._behind[stream] = after
                decisions = self._run.by_stream.get(stream, [])
                own = stream == entry.at.stream
                kept = bisect_right(decisions, index) if own else bisect_right(decisions, after, key=self._position)
                self._kept[stream] = min(kept, self._kept.get(stream, kept))
        return total(parts)

    def _position(self, index: int) -> int:
        return self._entries[index].position

    def _digest(self, rule: msgspec.Struct) -> Digest:
        digest = self._run.evaluator.digest(rule)
        self._rules.add(digest)
        return digest

    async def _decided(self, index: int, entry: LedgerEntry) -> Any:
        """Give the ruling under the changed settings; the recorded one where nothing that it rests on changed."""
        point, own, era = entry.point, self._run.own[index], self._era(entry)
        assert point is not None
        rule, digest = self._rule(entry, point, own)
        if rule is None:
            return None if own.rule is not None else entry.ruling
        policy = era.policies[entry.name]
        saw, inputs = await self._seen(entry, own)
        evaluator = self._run.evaluator
        ask = evaluator.ask
        if digest is None:
            same = policy is self._run.ledger.era(entry).policies[entry.name]
            if same and inputs == entry.inputs:
                return entry.ruling
            rule, digest = entry.rule, entry.rule_digest
            assert digest is not None
            ask = evaluator.ask_once
        decided = await ask(PolicyQuestion(point, policy, saw, inputs, rule, digest))
        decided = point.as_recorded(entry.ruling, decided)
        revised = entry.revision != point.revision and decided != entry.ruling
        return entry.ruling if revised and decided == await self._run.baseline(index) else decided

    def _rule(self, entry: LedgerEntry, point: Point[Any, Any, Any], own: _Own) -> tuple[Any, Digest | None]:
        """Give the rule under the changed settings, and its digest. None as the digest: it is what it was."""
        known = self._alike.get(_key(self._run.ledger, entry))
        if known is not None:
            return known
        rule = rule_of(point, self._era(entry).spec, entry.saw, entry.shadow)
        return rule, None if rule is None or rule == own.rule else self._digest(rule)

    async def _seen(self, entry: LedgerEntry, own: _Own) -> tuple[Any, Digest]:
        """Give what a decision would have seen."""
        assert entry.inputs is not None
        if self._swaps.keys().isdisjoint(own.refs) and own.earlier not in self._chains:
            return entry.saw, entry.inputs
        if entry.inputs not in self._inputs:
            saw = await swapped(entry.saw, self._swaps, self._chains, self._store)
            if saw is entry.saw:
                return saw, entry.inputs
            self._inputs[entry.inputs] = saw, encoded(saw, self._store)
            self._chains[entry.inputs] = self._inputs[entry.inputs][1]
            self._push(self._run.resting.get(entry.inputs, ()))
        return self._inputs[entry.inputs]


def rule_of(point: Point[Any, Any, Any], spec: Any, saw: Any, shadow: str | None) -> Any:
    """Read the rule of a decision from a spec. None: under these settings there is no such decision."""
    return point.rule(spec, saw) if shadow is None else point.shadows(spec, saw).get(shadow)


def _key(ledger: Ledger, entry: LedgerEntry) -> _FamilyKey:
    return entry.name, entry.shadow, entry.era, ledger.eras[entry.era].arm(entry.at.stream)


def _own(ledger: Ledger, timeline: Timeline, entry: LedgerEntry) -> _Own:
    thread = timeline.thread_of(entry.at.stream)
    if entry.point is None or entry.missing:
        return _Own(None, thread, frozenset(), None)
    rule = rule_of(entry.point, ledger.era(entry).spec, entry.saw, entry.shadow)
    earlier = getattr(entry.saw, "earlier", None)
    return _Own(rule, thread, frozenset(refs_in_order(entry.saw)), None if earlier is None else earlier.earlier)


def _flip(run: Prepared, index: int, decided: Any) -> Flip | None:
    entry = run.ledger.entries[index]
    point = entry.point
    assert point is not None
    names = point.decisive if decided is None else flipped(point, entry.ruling, decided)
    if not names:
        return None
    recorded, now = (
        None if each is None else msgspec.to_builtins(getattr(each, names[0])) for each in (entry.ruling, decided)
    )
    thread = _shown(run.own[index].thread)
    return Flip(run.run, thread, entry.name, entry.at, entry.position, names[0], recorded, now)


def _departs(entry: LedgerEntry, decided: Any) -> bool:
    """Say whether the actor does something else by another ruling; None: there is no such decision."""
    assert entry.point is not None
    return entry.steers and (decided is None or entry.point.departs(entry.saw, entry.ruling, decided))


def _shown(thread: str) -> str:
    return trial_of(thread) or thread
