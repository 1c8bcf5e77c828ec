"""Histories to ask projections with: any event in any stream in any order, whether or not it could ever happen."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from events.base import Event, Recorded, Ref, StreamId
from events.catalog import AnyEvent
from events.codec import encode
from events.digest import Digest, Fingerprint, digest_of
from events.types.training import CandidateMade, StepOpened, TrainingPlanned
from events.types.trial import TrialOpened
from projections.base import Blobs, Projection

S = TypeVar("S")

CLASSES: Final[tuple[type[Event], ...]] = get_args(AnyEvent)

_TEXTS: Final = (
    b"",
    b"\xff\xfe no text at all",
    b"[LLM ERROR] the provider is gone",
    b"echo one\ncat words.txt\npython solve.py",
    "PASSED (1):\n  ✓ tests::a\nFAILED (1):\n  ✗ tests::b - not equal".encode(),
    b"### Verified Facts\n- cat prints words.txt\n\n### Next Strategy\n- read words.txt first",
    b"### Verified Facts\n- python is there\n\n### Next Strategy\n- write solve.py",
)
BLOBS: Final[Mapping[Digest, bytes]] = {digest_of(text): text for text in _TEXTS}
"""Every blob that a drawn event may name."""

_STREAMS: Final = st.builds(
    StreamId,
    st.sampled_from(["r1", "r1", "r2"]),
    st.sampled_from(
        [
            *("run", "session", "trial/a", "trial/b", "attempt/a/1", "attempt/a/2", "attempt/b/1"),
            *("train", "train", "cell/s1.gate/a/1", "reflect/1.0.fail.0"),
            # Names nobody gives today.
            *("trial", "attempt", "attempt//1", "attempt/a/²", "attempt/a/" + "9" * 5000, "other/x"),
        ]
    ),
)


_PRELUDE: Final = tuple(
    (StreamId("r1", f"trial/{trial}"), TrialOpened(task=f"task {trial}", condition="default", max_attempts=3))
    for trial in ("a", "b")
)
"""Without it, nearly all that is drawn would be about trials that nobody opened."""
_TRAINING: Final = (
    (StreamId("r1", "train"), TrainingPlanned("a", (), ())),
    (StreamId("r1", "train"), StepOpened(1, 1, 1, None)),
    (
        StreamId("r1", "train"),
        CandidateMade("a", "step", 1, 1, (), None, digest_of(b""), 0, 0, changed=False),
    ),
)
"""The same, of training: `Ref` to the candidate is ``train@3``."""


def histories() -> st.SearchStrategy[list[Recorded]]:
    """Draw a history."""
    events = st.one_of([_value(kind) for kind in CLASSES])
    rest = st.lists(st.tuples(_STREAMS, events), max_size=25)
    return st.tuples(st.sampled_from([(), _PRELUDE, _TRAINING]), rest).map(
        lambda drawn: recorded([*drawn[0], *drawn[1]])
    )


def recorded(told: Iterable[tuple[StreamId, Event]]) -> list[Recorded]:
    """Give events their places. Each names the one before it in its stream as its cause."""
    versions: Counter[StreamId] = Counter()
    history = []
    for position, (stream, event) in enumerate(told, start=1):
        versions[stream] += 1
        version = versions[stream]
        cause = Ref(stream.name, version - 1) if version > 1 else None
        payload = encode(event)
        history.append(Recorded(position, stream, version, cause, position, event, payload, digest_of(payload)))
    return history


def folded(projection: Projection[S], history: Iterable[Recorded], state: S | None = None) -> S:
    """Fold a history, giving for each event the blobs it asked for and no others."""
    state = projection.initial() if state is None else state
    for each in history:
        blobs: Blobs = {digest: BLOBS[digest] for digest in projection.needs(each)}
        state = projection.apply(state, each, blobs)
    return state


_PLAIN: Final[Mapping[Any, st.SearchStrategy[Any]]] = {
    Digest: st.sampled_from(sorted(BLOBS)),
    Fingerprint: st.just(digest_of(b"a request")),
    str: st.sampled_from(["", "a", "b", "timeout", "text é\n"]),
    Any: st.sampled_from(["", 1, True, None, "text é"]),
    int: st.integers(-2, 10**12),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Ref: st.builds(Ref, st.sampled_from(["train", "train", "run", "é"]), st.integers(-2, 5)),
    msgspec.Raw: st.sampled_from([msgspec.Raw(b"null"), msgspec.Raw(b'{"a":1}')]),
}


_NAMED: Final[Mapping[str, st.SearchStrategy[Any]]] = {"role": st.sampled_from(["teacher", "reflector", "distiller"])}
"""Values of fields that take only some texts."""


def _value(hint: Any) -> st.SearchStrategy[Any]:
    """Draw a value of a type."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in {Union, UnionType}:
        return st.one_of([st.none() if part is NoneType else _value(part) for part in parts])
    if origin is tuple:
        return st.lists(_value(parts[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(_value(parts[0]), _value(parts[1]), max_size=2)
    hints = get_type_hints(hint)
    return st.builds(
        hint, **{name: _NAMED[name] if name in _NAMED else _value(hints[name]) for name in hint.__struct_fields__}
    )
