"""One decision in progress: its inputs as they are stored, its context, and its comparison with the record."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from itertools import repeat
from types import FunctionType, NoneType
from typing import Any, Final, Generic, Literal, get_args, get_origin, get_type_hints

import msgspec

from engine.core.decision import (
    FIRST_REVISION,
    Deciding,
    Made,
    MemoKey,
    Observed,
    Point,
    Policy,
    PolicyContext,
    R,
    Reruled,
    Says,
    StoredRule,
    Unanswered,
    encode_value,
    fields_of,
)
from engine.core.divergence import diverged, same
from engine.core.errors import PolicyFailed
from engine.core.plugins import package_of_module
from engine.core.world import ReplayContext
from events.base import Event, Recorded, Ref
from events.codec import as_bytes
from events.digest import Digest, digest_of
from events.errors import BlobErased, StillroomError
from events.store.blob_refs import named_blobs
from events.types.decision import (
    Decided,
    DecisionMade,
    Earlier,
    InlineDecisionMade,
    Seen,
    ShadowFailed,
    blob_of,
    inputs_of,
    parts_of,
    seen_in,
)

_LOOKED_THROUGH: Final = msgspec.Raw(b"null")
"""Stands for inputs in which no known secret is left."""
_CARRIED: Final[Sequence[str]] = ("inputs", "rule", "point_revision", "saw")
"""Fields of an event that say from what it was ruled, and how."""


def made_event(point: Point[Any, Any, Any], ruling: msgspec.Struct, made: Made) -> DecisionMade:
    """Record a ruling whose point has no event of its own."""
    return DecisionMade(
        point=point.name, ruling=fields_of(ruling), shadow=made.shadow, named=tuple(named_blobs(ruling))
    )


def _inline(event: Decided, kept: Mapping[str, Any]) -> InlineDecisionMade:
    """Give the event that records the same ruling, and holds its inputs."""
    assert isinstance(event, DecisionMade)
    return InlineDecisionMade(
        point=event.point, ruling=event.ruling, shadow=event.shadow, named=event.named, steers=event.steers, **kept
    )


def holds_texts(event: Decided, ruling: msgspec.Struct) -> bool:
    """Say whether an event holds texts of a ruling, in which a secret might stand, and not only digests and words."""
    return not isinstance(event, DecisionMade) or any(map(getattr, repeat(ruling), _texts_of(type(ruling))))


@cache
def _texts_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _may_be_text(hints[name]))


def _may_be_text(hint: Any) -> bool:
    if hint in _NO_TEXT or get_origin(hint) is Literal:
        return False
    return not get_args(hint) or any(map(_may_be_text, get_args(hint)))


_NO_TEXT = frozenset({bool, int, float, NoneType, Digest, ...})


def _stored(world: ReplayContext, point: Point[Any, Any, Any], rule: Any) -> StoredRule:
    """Store a rule, once in a life."""
    assert world.deciding is not None
    known = world.deciding.rules
    if (stored := known.get((point.name, rule))) is None:
        stored = known[point.name, rule] = StoredRule(rule, world.blobs.put_json(encode_value(rule)))
    return stored


_OURS: Final = frozenset({"engine", "projections", "events", "sandbox", "replay", "views"})
"""Top-level modules whose errors are ours, and no other package's."""


def ruled(point: Point[Any, Any, R], policy: Policy, saw: Any, rule: Any, context: PolicyContext) -> R:
    """Ask a policy.

    Raises:
        PolicyFailed: It is another package's, and raised an error, or ruled what its point does not take.
    """
    named = _definition_of(policy)
    module = str(named.__module__)
    if module.partition(".")[0] in _OURS:
        ours: R = policy(saw, rule, context)
        return ours
    name = f"{module}.{named.__qualname__}"
    try:
        ruling = policy(saw, rule, context)
    except StillroomError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise PolicyFailed(point.name, name, package_of_module(module), why) from error
    if not isinstance(ruling, point.ruling):
        why = f"it returned a value of type {type(ruling).__name__}, not {point.ruling.__name__}"
        raise PolicyFailed(point.name, name, package_of_module(module), why)
    return ruling


def _definition_of(policy: Any) -> Any:
    """Give the function or the class that a policy is an instance of."""
    if type(policy) is FunctionType:  # as nearly all are: an attribute that is not there takes long to look for
        return policy
    while hasattr(policy, "func"):
        policy = policy.func
    return policy if hasattr(policy, "__qualname__") else type(policy)


class ShadowRaised(Exception):
    """A shadow could not rule; nobody but the scope meets it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Decision(Generic[R]):
    """One decision, under the rule that counts and under those that only look on."""

    def __init__(
        self,
        world: ReplayContext,
        point: Point[Any, Any, R],
        saw: Any,
        inputs: tuple[Digest, bytes],
        rules: Mapping[str | None, StoredRule],
    ) -> None:
        assert world.deciding is not None
        self.point = point
        self.rules = rules
        self._world = world
        self._deciding: Deciding = world.deciding
        self._saw = saw
        self._revision = FIRST_REVISION
        """Under which the ruling is on record."""
        self.inputs, self._data = inputs
        """Over history: as they are on record, if they are."""

    @staticmethod
    def prepare(
        world: ReplayContext, point: Point[Any, Any, R], saw: Any, rules: Mapping[str | None, Any]
    ) -> "Decision[R]":
        """Store inputs and rules.

        Raises:
            EventRefused: The inputs would not read back as they are.
        """
        data = encode_value(saw)
        if world.ports is not None and world.log.redactor.hits(data):
            data = encode_value(saw := world.log.redactor.value(saw))
        stored = {name: _stored(world, point, rule) for name, rule in rules.items()}
        if point.inline:
            return Decision(world, point, saw, (digest_of(data), data), stored)
        assert world.deciding is not None
        inputs = world.blobs.put_json(data)
        if "earlier" in saw.__struct_fields__:
            world.deciding.chains[inputs] = data
        return Decision(world, point, saw, (inputs, data), stored)

    async def ask(self, policies: Mapping[str, Policy], shadow: str | None) -> R:
        """Have the policy rule.

        Raises:
            BlobErased: Bytes that the inputs name were removed on purpose.
            PolicyFailed: The policy is another package's, and failed.
        """
        rule = self.rules[shadow]
        asked: MemoKey = self.point.name, self.inputs, rule.digest
        blobs = await load_named(self.point, self._saw, rule.digest, self._deciding, self._world.blobs.get)
        context = PolicyContext(blobs, self._world.blobs.put, self._deciding.memo, asked)
        return ruled(self.point, policies[self.point.name], self._saw, rule.rule, context)

    async def computed(self, ask: Callable[[], Awaitable[R | None]], at: Ref) -> R | None:
        """Say what the policy rules now. None: bytes that it would need were erased, which is noted."""
        try:
            return await ask()
        except BlobErased as error:
            self._deciding.notes.append(Unanswered(self.point.name, at, Digest(error.digest)))
            return None

    def event(self, shadow: str | None, ruling: R, says: Says) -> Decided | None:
        """Make the event that records a ruling. None: runs of this shape have none for it."""
        event = says(ruling, Made(shadow, self.rules[shadow].digest))
        if event is None or (isinstance(event, DecisionMade) and self._deciding.shape < self.point.since):
            return None
        rule, revision = self.rules[shadow].digest, self.point.revision
        if self.point.inline and isinstance(event, DecisionMade):
            return _inline(event, {"rule": rule, "point_revision": revision, "saw": msgspec.Raw(self._data)})
        return msgspec.structs.replace(event, inputs=self.inputs, rule=rule, point_revision=revision)

    def kept(self, event: Decided, ruling: R) -> Decided:
        """Give the event as the log keeps it: known secrets are replaced.

        Inputs that it holds were looked through before the policy saw them, and the actor goes on with the ruling
        alone: only beside them is looked again. A log looks through all of it once more.

        Raises:
            EventRefused: It cannot be encoded, or a secret has the value of a word of the log itself.
        """
        if not holds_texts(event, ruling):
            return event
        redactor, looked_through = self._world.log.redactor, event
        if isinstance(event, InlineDecisionMade):
            looked_through = msgspec.structs.replace(event, saw=_LOOKED_THROUGH)
        kept = redactor.event(event) if redactor.hits(as_bytes(looked_through)) else event
        assert isinstance(kept, Decided)
        return kept

    async def guarded(self, shadow: str, ask: Callable[[], Awaitable[R | None]], says: Says) -> R | None:
        """Ask a shadow, and see that what it rules can be recorded.

        Raises:
            ShadowRaised: It failed, whatever by.
            BlobErased: Bytes that the inputs name were removed on purpose: nobody can say now what it would rule.
        """
        try:
            ruling = await ask()
            assert ruling is not None
            self.event(shadow, ruling, says)
        except BlobErased:
            raise
        except Exception as error:
            raise ShadowRaised(error) from error
        return ruling

    def failure(self, shadow: str, error: Exception) -> ShadowFailed:
        """Make the event that says why a shadow did not rule."""
        why = f"{type(error).__name__}: {error}"
        return ShadowFailed(self.point.name, shadow, self.rules[shadow].digest, self.point.revision, why)

    def records_failure(self, event: Event, shadow: str) -> bool:
        """Say whether an event records that this shadow did not rule."""
        return isinstance(event, ShadowFailed) and (event.point, event.shadow) == (self.point.name, shadow)

    def records(self, event: Event, shadow: str | None) -> bool:
        """Say whether an event records this decision."""
        return self.point.ruling_in(event) is not None and self.point.shadow_of(event) == shadow

    def read(self, event: Event, computed: R | None) -> R:
        """Read the ruling from the event that records it."""
        ruling = self.point.ruling_in(event)
        assert ruling is not None
        if isinstance(event, Decided) and event.point_revision is None and computed is not None and self.point.later:
            later = {name: getattr(computed, name) for name in self.point.later}
            return msgspec.structs.replace(ruling, **later)
        return ruling

    def beside(self, recorded: Recorded, computed: R | None) -> R | None:
        """Give the ruling that the next event records beside its own decision. None: it records none."""
        point = self.point
        ruling = None if point.beside is None or point.revision == FIRST_REVISION else point.beside(recorded.event)
        if ruling is None:
            return None
        self._deciding.revisions[point.name] = FIRST_REVISION, point.revision
        if computed is not None and computed != ruling:
            both = fields_of(ruling), fields_of(computed)
            self._deciding.notes.append(Reruled(point.name, recorded.ref, FIRST_REVISION, point.revision, *both))
        return ruling

    async def compare(self, recorded: Recorded, how: tuple[str | None, Says], computed: R | None) -> R:
        """Compare the record with what would be recorded now, and give the recorded ruling.

        Raises:
            ReplayDiverged: They differ where the revision is the same, or in more than the ruling.
        """
        shadow, says = how
        event = recorded.event
        assert isinstance(event, Decided)
        ruling, as_recorded = self.read(event, computed), self.point.ruling_in(event)
        assert as_recorded is not None
        kept = {name: getattr(event, name) for name in _CARRIED if name in event.__struct_fields__}
        made = Made(shadow, event.rule or self.rules[shadow].digest)
        self._require_same(recorded, says(as_recorded, made), kept)
        await self._compare_inputs(recorded, event)
        before = self._revision = event.point_revision or FIRST_REVISION
        if before != self.point.revision:
            lowest, _ = self._deciding.revisions.get(self.point.name, (before, 0))
            self._deciding.revisions[self.point.name] = min(lowest, before), self.point.revision
        if computed is None:
            return ruling
        if event.point_revision is None:
            computed = self._without_later(computed, as_recorded)
        if before == self.point.revision:
            if self._deciding.observer is None:  # one who observes is told both, and compares them
                self._require_same(recorded, says(computed, made), kept)
        elif computed != as_recorded:
            both = fields_of(as_recorded), fields_of(computed)
            self._deciding.notes.append(Reruled(self.point.name, recorded.ref, before, self.point.revision, *both))
        return ruling

    def _without_later(self, computed: R, recorded: R) -> R:
        """Give a ruling as an event could record it that lacks the later fields."""
        return msgspec.structs.replace(computed, **{name: getattr(recorded, name) for name in self.point.later})

    def observed(
        self, shadow: str | None, place: tuple[Ref, int, int], computed: R | None, recorded: R | None = None
    ) -> R:
        """Tell the observer, if there is one, and give the ruling that the actor goes on with."""
        ruling = computed if recorded is None else recorded
        assert ruling is not None
        observer = self._deciding.observer
        if observer is None:
            return ruling
        at, position, era = place
        told: R = observer(
            Observed(
                self.point, shadow, at, recorded is None, position, era, self._revision,
                self._saw, self.inputs, self.rules[shadow].rule, ruling, computed,
            )
        )  # fmt: skip
        return told

    def _require_same(self, recorded: Recorded, event: Decided | None, kept: Mapping[str, Any]) -> None:
        if event is None:  # runs of this shape do not record it; this one did
            diverged(recorded, DecisionMade(point=self.point.name, ruling={}), None)
        event = _inline(event, kept) if "saw" in kept else msgspec.structs.replace(event, **kept)
        if recorded.cause is not None or not same(recorded, event):
            tolerates = self._deciding.tolerates
            if recorded.cause is not None or tolerates is None or not tolerates(recorded, event):
                diverged(recorded, event, None)

    async def _compare_inputs(self, recorded: Recorded, event: Decided) -> None:
        """Compare what the record says was seen with what is seen now: by value, since classes of inputs may grow."""
        inputs, seen = inputs_of(event), seen_in(event)
        if inputs is None or inputs == self.inputs or self._deciding.tolerates is not None:
            return
        computed, self.inputs = self.inputs, inputs
        try:
            before = msgspec.json.decode(
                await self._world.blobs.get(inputs) if seen is None else seen, type=self.point.saw
            )
        except BlobErased:
            return
        except msgspec.MsgspecError:
            before = None
        if before != self._saw:
            now = {"inputs": computed} if seen is None else {"saw": msgspec.Raw(self._data)}
            diverged(recorded, msgspec.structs.replace(event, **now), recorded.cause)


async def load_named(
    point: Point[Any, Any, Any], saw: Any, rule: Digest, deciding: Deciding, get: Callable[[Digest], Awaitable[bytes]]
) -> dict[Digest, bytes]:
    """Fetch every blob that inputs name; those of earlier inputs as far as nothing is remembered of them.

    Raises:
        BlobErased: One of them was removed on purpose.
    """
    blobs: dict[Digest, bytes] = {}
    waiting = [saw]
    while waiting:
        for part in parts_of(waiting.pop()):
            if isinstance(part, Seen):
                for named in named_blobs(part.value):
                    blobs[named] = await get(named)
                continue
            digest = blob_of(part)
            if digest in blobs:
                continue
            if isinstance(part, Earlier):
                if (point.name, digest, rule) not in deciding.memo:
                    chained = deciding.chains.get(digest)
                    blobs[digest] = await get(digest) if chained is None else chained
                    waiting.append(msgspec.json.decode(blobs[digest], type=point.saw))
            else:
                blobs[digest] = await get(digest)
    return blobs
