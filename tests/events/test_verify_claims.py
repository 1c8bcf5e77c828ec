"""What a look through a log proves, and what it leaves open, in each case."""

from collections.abc import Sequence

import pytest

from events.digest import digest_of
from events.findings import SealForged, SealUntrusted
from events.integrity.seals import AnySeal, Looked, SignedSeal, claims, findings_on, sign
from events.integrity.signing import PublicKey, make_key
from events.store.chain import Seal

OURS, THEIRS = make_key(), make_key()
HEAD = digest_of(b"head")
UNSIGNED = Seal(1, 7, HEAD)
SIGNED = sign(UNSIGNED, 5, OURS)
FORGED = SignedSeal(SIGNED.seal, 6, SIGNED.key, SIGNED.signature)


def looked(position: int = 7, *, erased: int = 0, spare: int = 0, damaged: bool = False) -> Looked:
    """A look through a log."""
    return Looked(position, erased, spare, damaged, ("what was not looked at",))


def said(found: Sequence[str], words: str) -> bool:
    """Whether a claim holds some words."""
    return any(words in each for each in found)


def test_a_sound_log_is_proved_to_be_one_chain_and_no_more() -> None:
    """Without a seal nobody can say that it was not cut short; and never that what it says is true."""
    proved, not_proved = claims(looked(), None, ())
    assert len(proved) == 1
    assert said(proved, "events 1 to 7 ")
    assert not said(proved, "erased")
    assert said(not_proved, "no seal given")
    assert said(not_proved, "was true when it was recorded")
    assert "what was not looked at" in not_proved
    assert not said(not_proved, "blobs were written for")
    assert not said(not_proved, "who erased")


@pytest.mark.parametrize("count", [1, 2])
def test_what_was_erased_and_what_nothing_names_is_said_with_its_number(count: int) -> None:
    """Who erased it, no digest covers."""
    proved, not_proved = claims(looked(erased=count, spare=count), None, ())
    assert said(proved, f"{count} erased")
    assert said(not_proved, "who erased")
    assert said(not_proved, f"{count} blobs")


def test_of_a_damaged_log_nothing_is_proved() -> None:
    """Not even that a trusted key signed its seal: the seal may be of another log."""
    for seal in (None, UNSIGNED, SIGNED):
        proved, not_proved = claims(looked(damaged=True), seal, {OURS.public})
        assert proved == ()
        assert said(not_proved, "was true when it was recorded")


def test_a_seal_proves_up_to_its_event_and_nothing_behind_it() -> None:
    """At its own count nothing is behind it; one event further something is."""
    at_its_count, further = claims(looked(7), SIGNED, {OURS.public}), claims(looked(8), SIGNED, {OURS.public})
    for proved, not_proved in (at_its_count, further):
        assert said(proved, "events 1 to 7 are those that were sealed")
        assert said(proved, str(OURS.public))
        assert not said(not_proved, "not truncated")
    assert not said(at_its_count[1], "after event 7")
    assert said(further[1], "after event 7")


@pytest.mark.parametrize(
    ("seal", "trusted", "open_question", "findings"),
    [
        (None, (), "no seal given", ()),
        (UNSIGNED, (), "not signed", ()),
        (SIGNED, (), "whose key", ()),
        (SIGNED, {OURS.public}, "when the seal was signed", ()),
        (SIGNED, {THEIRS.public}, "worth nothing", (SealUntrusted(OURS.public),)),
        (UNSIGNED, {OURS.public}, "worth nothing", (SealUntrusted(None),)),
        (FORGED, (), "worth nothing", (SealForged(str(OURS.public)),)),
        (FORGED, {OURS.public}, "worth nothing", (SealForged(str(OURS.public)),)),
    ],
)  # fmt: skip
def test_each_kind_of_seal_leaves_its_own_question_and_no_other(
    seal: AnySeal | None, trusted: set[PublicKey], open_question: str, findings: tuple[object, ...]
) -> None:
    """One that is forged, or signed by a stranger where keys were named, proves nothing and accuses only itself."""
    proved, not_proved = claims(looked(), seal, trusted)
    questions = ("no seal given", "not signed", "whose key", "when the seal was signed", "worth nothing")
    assert [each for each in questions if said(not_proved, each)] == [open_question]
    compared = open_question not in {"no seal given", "worth nothing"}
    assert said(proved, "those that were sealed") == compared
    assert said(proved, "signed with the key") == (compared and isinstance(seal, SignedSeal))
    assert findings_on(seal, trusted) == findings


@pytest.mark.parametrize("part", ["count", "head", "root", "format", "at", "key"])
def test_a_signature_is_of_every_part_of_a_seal(part: str) -> None:
    """Change one, and it is another seal."""
    rooted = sign(Seal(2, 7, HEAD, HEAD), 5, OURS)
    changed = {
        "count": SignedSeal(Seal(2, 8, HEAD, HEAD), 5, rooted.key, rooted.signature),
        "head": SignedSeal(Seal(2, 7, digest_of(b"other"), HEAD), 5, rooted.key, rooted.signature),
        "root": SignedSeal(Seal(2, 7, HEAD), 5, rooted.key, rooted.signature),
        "format": SignedSeal(Seal(3, 7, HEAD, HEAD), 5, rooted.key, rooted.signature),
        "at": SignedSeal(rooted.seal, 6, rooted.key, rooted.signature),
        "key": SignedSeal(rooted.seal, 5, THEIRS.public, rooted.signature),
    }
    assert rooted.genuine
    assert not changed[part].genuine
