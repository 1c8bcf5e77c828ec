"""Known secrets, in every spelling, and nothing else."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from events import codec
from events.base import Draft, Ref
from events.digest import digest_of
from events.draft import Ready, hold_secrets, prepare, redact
from events.log_errors import EventRefused, SecretUnusable
from events.model import ModelAsked
from events.redact import NOTHING_SECRET, Redactor
from tests.events.samples import CLASSES, SECRETS, said, sample, spellings

REDACTOR = Redactor(SECRETS)
JUST_TEXT = some.text(some.characters(codec="utf-8"), max_size=20)


def written(drafts: list[Draft], redactor: Redactor) -> list[Ready]:
    """Make events ready to be written, as a log does."""
    ready = prepare(drafts)
    return redact(drafts, redactor) if hold_secrets([ready], redactor) else ready


@pytest.mark.parametrize("name", SECRETS)
def test_no_spelling_of_a_secret_is_left(name: str) -> None:
    """Base64 at all three places, URL, JSON, JSON in JSON, hexadecimal."""
    for spelling in spellings(SECRETS[name]):
        assert REDACTOR.hits(spelling), spelling
        kept = REDACTOR.replace(b"before " + spelling + b" after")
        assert f"[secret:{name}]".encode() in kept, spelling
        assert not REDACTOR.hits(kept)


@given(JUST_TEXT, some.sampled_from(sorted(SECRETS.values())), JUST_TEXT)
def test_a_redacted_event_still_reads_back(before: str, secret: str, after: str) -> None:
    """Quotes and backslashes of the value are escaped in the payload; what is left must be whole JSON."""
    for text in (before + secret + after, before + json.dumps(secret) + after, secret * 2):
        ((_, _, payload),) = written([Draft(said(text), None)], REDACTOR)
        kept = codec.decode(payload)
        assert kept == said(REDACTOR.text(text))
        assert not any(spelling in payload for spelling in spellings(secret))


@given(JUST_TEXT)
def test_innocent_text_stays_as_it_is(text: str) -> None:
    """Others destroyed model names by guessing."""
    assert REDACTOR.replace(text.encode()) == text.encode()


def test_a_value_that_only_escaping_makes_is_not_there() -> None:
    r"""In the JSON of "a<LF>bcdef" stands ``\nbcdef``: replacing ``nbcdef`` in it would break the escape."""
    ((_, _, payload),) = written([Draft(said("a\nbcdef"), None)], Redactor({"KEY": "nbcdef"}))
    assert codec.decode(payload) == said("a\nbcdef")


def test_the_longer_of_two_secrets_wins() -> None:
    """Else its end would stay behind."""
    assert REDACTOR.text(SECRETS["LONGER"]) == "[secret:LONGER]"
    assert REDACTOR.text(SECRETS["TOKEN"]) == "[secret:TOKEN]"


def test_keys_and_nested_values_are_searched_too() -> None:
    """Wherever an event has text."""
    secret = SECRETS["TOKEN"]
    event = ModelAsked("teacher", secret, digest_of(b""), None, {secret: secret}, stream=False, timeout_s=None)
    ((_, _, payload),) = written([Draft(event, Ref("trial/greet", 1))], REDACTOR)
    assert msgspec.json.decode(payload)["parameters"] == {"[secret:TOKEN]": "[secret:TOKEN]"}


def test_a_secret_that_is_a_word_of_the_log_refuses_the_event() -> None:
    """Better no event than a leaked secret or one that does not read back."""
    with pytest.raises(EventRefused):
        written([Draft(sample(kind), None) for kind in CLASSES], Redactor({"KEY": "solved"}))


@pytest.mark.parametrize(
    "secrets", [{"KEY": "short"}, {"KEY": ""}, {"a b": "long enough"}, {"KEY": "secret:KEY"}], ids=str
)
def test_a_secret_that_cannot_be_replaced_is_reported_by_name(secrets: dict[str, str]) -> None:
    """And never by value."""
    with pytest.raises(SecretUnusable) as caught:
        Redactor(secrets)
    assert "KEY" in str(caught.value) or "a b" in str(caught.value)
    assert "short" not in str(caught.value)


def test_without_secrets_nothing_is_touched() -> None:
    """Not even copied."""
    body = b"x" * 100
    assert NOTHING_SECRET.replace(body) is body
    assert REDACTOR.replace(body) is body


@pytest.mark.slow
def test_a_body_of_32_mb_that_nearly_matches_everywhere_is_searched_to_its_end() -> None:
    """Elsewhere it took 45 and killed the service; here the text is made to come close to matching all the time."""
    near = b"".join(spelling[:-1] for value in SECRETS.values() for spelling in spellings(value))
    body = (near * (32_000_000 // len(near) + 1))[:32_000_000] + SECRETS["TOKEN"].encode()
    kept = REDACTOR.replace(body)
    assert kept.endswith(b"[secret:TOKEN]")
