"""What is written reads back as it was, for life."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from events import codec
from events.base import Event, Ref
from events.digest import digest_of
from events.errors import EventRefused
from events.types.sandbox import ActionAsked, VerifierRewarded
from events.types.trial import TrialClosed
from events.upcast import TODAY
from events.values import Outcome
from tests.events.samples import CLASSES, bare, said, sample

GOLDEN = Path(__file__).parents[1] / "golden" / "events.json"


def test_every_event_is_written_as_it_always_was() -> None:
    """Logs outlive versions. A changed shape is a new tag; a new class needs a line in the golden file.

    One that was given fields later has a line for each time; the last of them holds every field.
    """
    golden = {name: payload for name, payload in _golden().items() if name not in TODAY}
    written = {codec.tag_of(bare(kind)): codec.encode(bare(kind)) for kind in CLASSES}
    assert {name: payload for name, payload in golden.items() if ", " not in name} == written
    grown = {name.partition(", ")[0]: payload for name, payload in golden.items() if ", " in name}
    assert grown == {codec.tag_of(sample(kind)): codec.encode(sample(kind)) for kind in CLASSES if _has_grown(kind)}
    assert {name: codec.encode(codec.decode(payload)) for name, payload in golden.items()} == golden


def _has_grown(kind: type[Event]) -> bool:
    """Whether fields were added to it, which are left out of the bytes where they are None."""
    return bare(kind) != sample(kind)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_event_reads_back_as_it_was(kind: type[Event]) -> None:
    """From its bytes, without losing a field."""
    payload = codec.encode(sample(kind))
    assert codec.decode(payload) == sample(kind)
    assert codec.encode(codec.decode(payload)) == payload
    with pytest.raises(msgspec.ValidationError):
        codec.decode(payload[:-1] + b',"stranger":1}')


@given(some.text())
def test_any_text_reads_back_or_is_refused(text: str) -> None:
    """Lone surrogates do not encode: they come from output that was decoded carelessly."""
    try:
        payload = codec.encode(said(text))
    except EventRefused:
        assert any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert codec.decode(payload) == said(text)


@given(
    some.dictionaries(some.text(some.characters(codec="utf-8")), some.floats()),
    some.floats(),
    some.none() | some.floats(),
)
def test_any_number_reads_back_or_is_refused(rewards: dict[str, float], reward: float, limit: float | None) -> None:
    """NaN and infinity become null in JSON, which some fields take for a missing fact."""
    empty = digest_of(b"")
    for event in (
        replace(sample(VerifierRewarded), rewards=rewards, reward=reward),
        ActionAsked(command=empty, timeout_s=limit),
    ):
        try:
            payload = codec.encode(event)
        except EventRefused:
            assert not all(map(_finite, [*rewards.values(), reward, limit or 0]))
        else:
            assert codec.decode(payload) == event
            assert codec.encode(codec.decode(payload)) == payload


def test_a_whole_number_in_a_field_for_fractions_is_written_one_way() -> None:
    """``30`` and ``30.0`` are equal in Python and would be two histories in the log."""
    whole, fraction = ActionAsked(digest_of(b""), 30), ActionAsked(digest_of(b""), 30.0)
    assert codec.encode(whole) == codec.encode(fraction)


@pytest.mark.parametrize(
    "event",
    [
        TrialClosed(outcome="won", attempts=1, reward=None),  # type: ignore[arg-type]
        TrialClosed(outcome="solved", attempts="1", reward=None),  # type: ignore[arg-type]
        TrialClosed(outcome="solved", attempts=1, reward=float("nan")),
        Outcome(kind="solved", reward=1.0, reason=""),
    ],
    ids=["unknown word", "wrong type", "no number", "no event"],
)
def test_what_would_not_read_back_is_refused(event: Event) -> None:
    """The constructors of msgspec check nothing, so the writing does."""
    with pytest.raises(EventRefused):
        codec.encode(event)


def test_a_cause_reads_back() -> None:
    """As a pair of stream and version; None stays None."""
    assert codec.encode_ref(Ref("trial/é", 2)) == '["trial/é",2]'.encode()
    assert codec.decode_ref(codec.encode_ref(Ref("trial/é", 2))) == Ref("trial/é", 2)
    assert codec.encode_ref(None) is None
    for broken in (Ref("\udc80", 1), Ref("x", 1.5), Ref("x", "2")):  # type: ignore[arg-type]
        with pytest.raises(EventRefused):
            codec.encode_ref(broken)


def _finite(number: float) -> bool:
    """Say whether JSON can hold it."""
    return number - number == 0


def _golden() -> dict[str, bytes]:
    """Read the golden file: payloads by their tags."""
    golden: dict[str, object] = json.loads(GOLDEN.read_text())
    return {tag: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() for tag, value in golden.items()}
