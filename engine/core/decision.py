"""Points of decision: what is decided, from what, under which settings; and how a scope has a policy decide."""

from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, get_args, get_type_hints

import msgspec

from events.base import Event, Recorded, Ref
from events.digest import Digest
from events.errors import EventRefused
from events.types.condition import Condition
from events.types.decision import Decided, DecisionMade, Earlier, Held, Text, repeats_events

I = TypeVar("I", bound=msgspec.Struct)  # noqa: E741 - the inputs of a point
S = TypeVar("S", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)
K = TypeVar("K", bound=msgspec.Struct)
T = TypeVar("T")

FIRST_REVISION: Final = 1
"""What a ruling counts as that was recorded without a revision."""
DECISIONS_RECORDED: Final = 2
"""Shape of a run (`RunOpened.shape`) from which on decisions without an event of their own are recorded."""
ENDINGS_RECORDED: Final = 3
"""Shape from which on limits, endings, retries of calls and counts of checks are."""
SCANS_RECORDED: Final = 4
"""Shape from which on scans of skills are."""
COURSE_RECORDED: Final = 4
"""Shape from which on it is how evaluations go: which sets they open, which cells they begin next, how often they
verify, and which comparisons there were before."""
SHAPE: Final = max(SCANS_RECORDED, COURSE_RECORDED)
"""Of the runs that this version starts. Runs of another shape lack some decisions, which a rerun takes again."""
_encoder = msgspec.json.Encoder(order="deterministic")


MemoKey: TypeAlias = tuple[str, Digest, Hashable]
"""Name of a point, digest of inputs, digest of a rule (or what else something depends on)."""


class PolicyContext:
    """What a policy reads recorded bytes from, and lays down bytes of its own on. It touches nothing else."""

    def __init__(
        self,
        blobs: Mapping[Digest, bytes],
        put: Callable[[bytes], Digest],
        memo: MutableMapping[MemoKey, Any],
        asked: MemoKey,
    ) -> None:
        """Prepare.

        Args:
            blobs: Every blob that the inputs name, those of earlier decisions included as far as `memo` lacks them.
            put: Takes bytes in, or only names them.
            memo: What was folded before, by point, inputs and rule: shared by all decisions of a life.
            asked: Point, inputs and rule of the decision that is made.
        """
        self._blobs = blobs
        self.put = put
        self._memo = memo
        self._asked = asked

    def read(self, part: Text | Held) -> bytes:
        """Give the bytes that a part of the inputs names."""
        return self._blobs[part.text if isinstance(part, Text) else part.held]

    def text(self, part: Text | None) -> str:
        """Give the text that a part names; None reads as no text at all."""
        return "" if part is None else self.read(part).decode("utf-8", "replace")

    def named(self, digest: Digest) -> str:
        """Give a text that a ruling among the inputs names."""
        return self._blobs[digest].decode("utf-8", "replace")

    @property
    def inputs(self) -> Digest:
        """The inputs of this decision."""
        return self._asked[1]

    def once(self, inputs: Digest, key: Hashable, make: Callable[[], T]) -> T:
        """Work something out from some inputs once; `key` holds what it depends on of the rule."""
        found: T | None = self._memo.get((self._asked[0], inputs, key))
        if found is None:
            found = self._memo[self._asked[0], inputs, key] = make()
        return found

    def fold(self, part: Earlier | None, kind: type[K], initial: T, step: Callable[[T, K, Digest], T]) -> T:
        """Fold the inputs of all earlier decisions, the oldest first, under the rule of this one.

        Args:
            part: The decision before. None: this is the first.
            kind: Class of the inputs; its field `earlier` names those before.
            initial: Before the first.
            step: Takes one in, with the digest of its inputs.
        """
        point, _, rule = self._asked
        waiting: list[tuple[Digest, K]] = []
        state = initial
        while part is not None:
            if (point, part.earlier, rule) in self._memo:
                state = self._memo[point, part.earlier, rule]
                break
            saw = msgspec.json.decode(self._blobs[part.earlier], type=kind)
            waiting.append((part.earlier, saw))
            part = saw.earlier  # type: ignore[attr-defined]  # every class that is folded has it
        for digest, saw in reversed(waiting):
            state = self._memo[point, digest, rule] = step(state, saw, digest)
        return state

    def keep(self, state: object) -> None:
        """Remember what the inputs of this decision and all before it fold to, for the next one."""
        self._memo[self._asked] = state


Policy: TypeAlias = Callable[[Any, Any, PolicyContext], Any]
"""Rules from inputs, a rule (the settings as they count) and what it may read and write bytes with; pure."""


@dataclass(frozen=True)
class Method:
    """A frozen value that names a policy for every point of decision. An ablation is one changed policy."""

    name: str
    policies: Mapping[str, Policy]
    """By the name of the point. Each is pure; scopes ask them, and record what they say."""
    settings: type[msgspec.Struct]
    """Its settings, in a spec the table ``method``: each with a default, ``name`` among them."""

    def but(self, name: str, **policies: Policy) -> "Method":
        """Give a method that differs in some policies, each named by its point."""
        return Method(name, MappingProxyType({**self.policies, **policies}), self.settings)


def _no_shadows(spec: Any, saw: Any) -> Mapping[str, Any]:
    del spec, saw
    return {}


def _no_shadow(event: Event) -> str | None:
    return event.shadow if isinstance(event, DecisionMade) else None


def _as_it_is(recorded: Any, decided: Any) -> Any:
    del recorded
    return decided


def _always(saw: Any, recorded: Any, decided: Any) -> bool:
    del saw, recorded, decided
    return True


_MADE: Final = (DecisionMade,)


@dataclass(frozen=True, kw_only=True)
class Point(Generic[I, S, R]):
    """A point of decision. All that is generic over decisions goes by these fields, and knows no point by name."""

    name: str
    """In the log, and the name under which a method has its policy."""
    revision: int
    """From 1; grows whenever a policy of ours rules otherwise from the same inputs."""
    saw: type[I]
    settings: type[S]
    ruling: type[R]
    decisive: tuple[str, ...]
    """Fields of the ruling whose change is a flip; the others explain."""
    steers: bool
    """Whether the actor acts on it, other than by passing it to later decisions."""
    departs: Callable[[I, R, R], bool] = _always
    """Says of a point that steers whether the actor does anything else by the second of two rulings that differ, given
    what was seen."""
    rule: Callable[[Any, I], S | None]
    """Reads the settings that count from a spec; nothing else reads them. None: there is no such decision."""
    shadows: Callable[[Any, I], Mapping[str, S]] = _no_shadows
    """Reads further rules that only look on, by name."""
    events: tuple[type[Decided], ...] = _MADE
    """Classes of the events that record it."""
    since: int = DECISIONS_RECORDED
    """Shape of the runs that record it in `DecisionMade`; those before had no event for it."""
    beside: Callable[[Event], R | None] | None = None
    """Reads a ruling that runs of an earlier shape recorded within the event of the next decision: over their history
    it counts, if the revision is another one. None: they recorded it nowhere."""
    heard: Callable[[Any], R | None] | None = None
    """Reads a ruling back from one of `events`; gives None if that holds none of this point. None: by its fields."""
    later: tuple[str, ...] = ()
    """Fields of the ruling that events recorded without a revision lack; over history they are worked out."""
    shadow_of: Callable[[Any], str | None] = _no_shadow
    """Says of which shadow an event records the ruling. None: of the one that counts."""
    as_recorded: Callable[[Any, Any], Any] = _as_it_is
    """Takes the recorded ruling and what a policy rules, and gives the second as the first could hold it: another
    system rounds its rulings and leaves fields out. What differs from the recorded one then, differs."""

    @cached_property
    def inline(self) -> bool:
        """Whether its events hold the inputs themselves: `DecisionMade` does where they only repeat other events."""
        return self.events == _MADE and repeats_events(self.saw)

    def ruling_in(self, event: Event) -> R | None:
        """Read the ruling that an event records. None: it records none of this point."""
        if not isinstance(event, self.events):
            return None
        if isinstance(event, DecisionMade):
            return msgspec.convert(event.ruling, self.ruling) if event.point == self.name else None
        if self.heard is not None:
            return self.heard(event)
        return self.ruling(**{name: getattr(event, name) for name in self.ruling.__struct_fields__})


class Made(NamedTuple):
    """How a ruling came about, for the event that records it."""

    shadow: str | None
    rule: Digest


Says: TypeAlias = Callable[[Any, Made], "Decided | None"]
"""Makes the event that records a ruling. None: runs of this shape record it in no event."""


def _no_arm(stream: str) -> str | None:
    del stream
    return None


class Era(NamedTuple):
    """What decides in a stretch of a run."""

    spec: Any
    policies: Mapping[str, Policy]
    """By point."""
    method: str
    """Which names them."""
    condition: Condition | None = None
    """What trials are told, and by whom. None: an earlier version recorded none."""
    arms: "Mapping[str, Era]" = MappingProxyType({})
    """By arm, what decides in its streams instead."""
    arm_of: Callable[[str], str | None] = _no_arm
    """Names the arm that a stream belongs to. None: it belongs to none."""
    items: Mapping[str, Condition] = MappingProxyType({})
    """By item, the condition of those to which an arm gives skills of their own."""
    item_of: Callable[[str], str | None] = _no_arm
    """Names the item that a stream is about. None: it is about none that could have skills of its own."""
    lacks: str = ""
    """Why nobody can decide under it: a part that the spec names is not there. Empty: nothing is missing."""

    def arm(self, stream: str) -> str | None:
        """Name the arm whose settings count in a stream. None: those of the run do."""
        name = self.arm_of(stream) if self.arms else None
        return name if name in self.arms else None

    def at(self, stream: str) -> "Era":
        """Give what decides in a stream: its arm's settings and policies, or those of the run."""
        if not self.arms:  # asked for at each decision, and most runs have none
            return self
        name = self.arm(stream)
        return self if name is None else self.arms[name]

    def condition_at(self, stream: str) -> Condition | None:
        """Give the condition of a stream: that of its item in its arm, of its arm, or of the run."""
        era, item = self.at(stream), self.item_of(stream)
        return era.condition if item is None else era.items.get(item, era.condition)

    def under(self, policies: Mapping[str, Policy], method: str) -> "Era":
        """Give the same settings with other policies, in every arm."""
        arms = {name: arm.under(policies, method) for name, arm in self.arms.items()}
        return self._replace(policies=policies, method=method, arms=arms)


class Observed(NamedTuple):
    """One decision as a life over history met it."""

    point: Point[Any, Any, Any]
    shadow: str | None
    at: Ref
    """The event that records it; the event before it, where none does."""
    silent: bool
    """Whether no event records it."""
    position: int
    """Of that event in the log; 0 if it is not known."""
    era: int
    revision: int
    """Of the point, as it is on record."""
    saw: Any
    inputs: Digest
    rule: Any
    ruling: Any
    """What is on record."""
    computed: Any
    """What the policy says now. None: a blob that the inputs name was erased, or nobody was asked."""
    steers: bool | None = None
    """As in `DecisionMade`."""


Observer: TypeAlias = Callable[[Observed], Any]
"""Is told of each decision over history, and gives the ruling that the actor goes on with."""


Tolerates: TypeAlias = Callable[[Recorded, Event], bool]
"""Says whether a life goes on though an event comes out otherwise than recorded, since an observer changed a ruling."""


class Reruled(NamedTuple):
    """A ruling that this version would make otherwise, at a point whose revision has changed."""

    point: str
    at: Ref
    recorded_revision: int
    revision: int
    recorded: Mapping[str, Any]
    decided: Mapping[str, Any]


class Unanswered(NamedTuple):
    """A ruling that cannot be made again, since bytes that it rests on were erased."""

    point: str
    at: Ref
    digest: Digest


class StoredRule(NamedTuple):
    """The settings that count at a point, and the blob that they are kept as."""

    rule: Any
    digest: Digest


@dataclass
class Deciding:
    """What the scopes of a life share about decisions."""

    eras: Sequence[Era]
    """One for each run of the line, oldest first."""
    shape: int = SHAPE
    """Which decisions runs of this kind record (`RunOpened.shape`)."""
    observer: Observer | None = None
    tolerates: Tolerates | None = None
    """None: an event that comes out otherwise than recorded ends this life."""
    notes: list[Reruled | Unanswered] = field(default_factory=list)
    revisions: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By point: the lowest recorded revision and the one of this version, where they differ."""
    memo: dict[MemoKey, Any] = field(default_factory=dict)
    chains: dict[Digest, bytes] = field(default_factory=dict)
    """Inputs of this life that later ones name as those before them."""
    rules: dict[tuple[str, Any], StoredRule] = field(default_factory=dict)
    """Rules that this life has stored, by point."""


def encode_value(value: msgspec.Struct) -> bytes:
    """Write inputs, a rule or a ruling as they are kept: canonical JSON.

    Raises:
        EventRefused: The bytes would not read back as the same value (NaN or infinity).
    """
    try:
        data = _encoder.encode(value)
        if not _may_be_fractional(type(value)):
            return data
        decoded = msgspec.json.decode(data, type=type(value))
        if decoded == value:
            return _encoder.encode(decoded)  # 30 and 30.0 are equal, but not as JSON
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError) as error:
        raise EventRefused(type(value).__name__, str(error)) from error
    raise EventRefused(type(value).__name__, "it does not read back as it was written (NaN or infinity?)")


@cache
def _may_be_fractional(kind: Any) -> bool:
    """Say whether a value of a type can hold a float: only those can be written otherwise than they read back."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(map(_may_be_fractional, get_type_hints(kind).values()))
    return kind in {float, Any} or isinstance(kind, TypeVar) or any(map(_may_be_fractional, get_args(kind)))


def fields_of(ruling: msgspec.Struct) -> dict[str, Any]:
    """Give a ruling as JSON can hold it, by its fields.

    Raises:
        EventRefused: It would not read back as the same ruling (NaN or infinity).
    """
    fields: dict[str, Any] = msgspec.json.decode(encode_value(ruling))
    return fields


def flipped(point: Point[Any, Any, Any], recorded: Any, decided: Any) -> tuple[str, ...]:
    """Name the decisive fields in which two rulings differ."""
    return tuple(name for name in point.decisive if getattr(recorded, name) != getattr(decided, name))


class NoSettings(msgspec.Struct, frozen=True):
    """The rule of a point that no setting bears on."""


def no_settings(spec: object, saw: object) -> NoSettings:
    """Read the rule of such a point."""
    del spec, saw
    return NoSettings()
