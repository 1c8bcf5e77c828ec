"""Known secrets, in every spelling, and nothing else."""

import base64
import json
import textwrap

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from events import codec
from events.base import Draft, Ref
from events.digest import digest_of
from events.errors import EventRefused, SecretUnusable
from events.redaction.redactor import NOTHING_SECRET, IgnoredSecret, Redactor
from events.store.draft import Ready, hold_secrets, prepare, redact
from events.types.decision import DecisionMade
from events.types.model import ModelAsked
from events.types.sandbox import VerifierRewarded
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


@pytest.mark.parametrize("value", ['a"b/cd', "a\\b'cé"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_short_value_is_found_in_json_in_json(value: str, *, ascii_only: bool) -> None:
    """In the text, and in the payload that escapes it once more; of a longer one the rest without backslashes is."""
    text = value
    for _ in range(2):
        text = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        ((_, _, payload),) = written([Draft(said(f"<{text}>"), None)], Redactor({"KEY": value}))
        assert codec.decode(payload) == said("<[secret:KEY]>")


def test_base64_of_a_value_is_found_wherever_it_begins_and_ends() -> None:
    """Whatever stands before it and behind it in the bytes that are written so."""
    for value in ("uvwxyz", "uvwxyz_", "uvwxyz_-"):
        for before in (b"", b"x", b"xy", b"xyz"):
            for behind in (b"", b"\xff", b"\xff\xff"):
                coded = base64.b64encode(before + value.encode() + behind)
                assert Redactor({"KEY": value}).hits(coded), coded


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


PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *textwrap.wrap(json.dumps(list(range(90)), separators=(",", "+")), 64),
        "-----END PRIVATE KEY-----",
    ]
)
"""The form of a key, and none."""


def wrapped_forms(value: str, end: str, indent: str) -> list[bytes]:
    """Write a value as programs do that break lines, among other bytes."""
    around = b"first line of a file\n" + value.encode() + b"\nlast line of a file\n"
    coded = base64.encodebytes(around).decode().splitlines()
    digits = textwrap.wrap(around.hex(), 60)
    return [(end + indent).join(lines).encode() for lines in (coded, digits)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\\r\\n", "\\\\n"], ids=repr)
@pytest.mark.parametrize("indent", ["", "    ", "\t"], ids=repr)
def test_line_ends_within_a_form_hide_nothing(end: str, indent: str) -> None:
    """``base64`` breaks at 76, ``xxd -p`` at 60; in JSON the line ends are escapes; in YAML the lines are indented."""
    redactor = Redactor({"KEY": "long-enough-to-lie-across-two-lines-0123456789", "PEM": PEM})
    for data in wrapped_forms("long-enough-to-lie-across-two-lines-0123456789", end, indent):
        kept = redactor.replace(data)
        assert b"[secret:KEY]" in kept
        assert not redactor.hits(kept)
    lines = (end + indent).join(PEM.splitlines()).encode()
    assert redactor.replace(b"key: |" + lines) == b"key: |[secret:PEM]"


def test_a_line_of_a_value_of_several_lines_is_one() -> None:
    """``grep`` and ``head`` print single lines. The first says only what kind of key it is, and the same for all."""
    redactor = Redactor({"PEM": PEM})
    first, line, *_, last = PEM.splitlines()
    assert redactor.replace(f"2:{line}\r\n".encode()) == b"2:[secret:PEM]\r\n"
    assert redactor.replace(base64.b64encode(line.encode())).startswith(b"[secret:PEM]")
    assert not redactor.hits(f"{first}\n{last}".encode())
    exactly, shorter = "x" * 15 + "y", "x" * 14 + "y"
    assert Redactor({"KEY": f"{exactly}\n{shorter}"}).text(f"{exactly} {shorter}") == f"[secret:KEY] {shorter}"


def test_blanks_around_a_value_need_not_be_there() -> None:
    """A variable that was read from a file may end in a line end."""
    assert Redactor({"KEY": "made-up-value\n"}).text("Bearer made-up-value") == "Bearer [secret:KEY]"


def test_a_short_value_is_not_looked_for_across_lines() -> None:
    """Innocent words would be found where one line ends in the first half, and the next begins with the other."""
    shorter, exactly = Redactor({"KEY": "abcdefghijk"}), Redactor({"KEY": "abcdefghijkl"})
    assert shorter.text("abcdef\nghijk") == "abcdef\nghijk"
    assert exactly.text("abcdef\nghijkl") == "[secret:KEY]"
    assert exactly.text("abcdef ghijkl") == "abcdef ghijkl"


@pytest.mark.parametrize("around", ["", "\n", "a line\nanother\\n\r\n"], ids=repr)
@pytest.mark.parametrize("value", ["abcdefghijk", "abcdefghijkl", "a b\tc\\d\ne f g", "r\\n n\nr\tn rn n", "n r n \\"])
def test_line_ends_beside_a_value_hide_nothing(value: str, around: str) -> None:
    """Text with line ends is searched without them; short values and those of mere breaks are found as well."""
    redactor = Redactor({"KEY": value, "OTHER": "something-else"})
    data = (around + value + around).encode()
    assert redactor.hits(data)
    assert not redactor.hits(around.encode() * 3)
    assert b"[secret:KEY]" in redactor.replace(data)
    assert redactor.hits(json.dumps(around + value + around).encode())


@pytest.mark.parametrize(
    "objects",
    [
        [
            {"choices": [{"index": 0, "delta": {"content": piece}}]}
            for piece in ("my key: tok-01", "23456", "789abcdef.")
        ],
        [
            {"type": "content_block_delta", "index": 1, "delta": {"text": piece}}
            for piece in ("tok-0123456789a", "bcdef")
        ],
        [{"type": "response.output_text.delta", "delta": piece} for piece in "tok-0123456789abcdef"],
        [
            {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}]}
            for piece in ('{"command":"echo tok-', "0123456789abc", 'def"}')
        ],
    ],
    ids=["chat", "messages", "responses", "arguments"],
)
def test_a_value_that_a_stream_brings_in_pieces_is_replaced(objects: list[object]) -> None:
    """No line holds it, and whoever joins the texts has it. What it has no part in stays byte for byte."""
    other = b': a comment\n\ndata: {"choices":[{"index":0,"delta":{"role":"assistant"}}],  "id": "x"}\n\n'
    raw = other + b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in objects) + b"data: [DONE]\n\n"
    redactor = Redactor({"TOKEN": SECRETS["TOKEN"]})
    assert redactor.replace(raw) == raw
    kept = redactor.replace_streamed(raw)
    assert kept.startswith(other)
    assert kept.endswith(b"data: [DONE]\n\n")
    assert kept.count(b"[secret:TOKEN]") == 1
    assert len(kept.splitlines()) == len(raw.splitlines())
    assert redactor.replace_streamed(kept) == kept
    joined = "".join(map(_text_in, kept.decode().splitlines()))
    assert "tok-" not in joined
    assert not any(piece in joined for piece in ("23456", "bcdef"))


def _text_in(line: str) -> str:
    """Give what a line of a stream says, keys and values together."""
    return line.removeprefix("data: ") if line.startswith("data: {") else ""


def test_a_stream_without_a_value_stays_as_it_is() -> None:
    """Also where it is no JSON, or nested deeper than anything that is read."""
    for raw in (
        b"data: {",
        b"data: nothing\n",
        b"[" * 100_000,
        b'data: {"a": "tok-"}\ndata: {"b": "0123456789abcdef"}\n',
    ):
        assert REDACTOR.replace_streamed(raw) == raw


@pytest.mark.parametrize("odd", [b"[" * 5000 + b'"x"' + b"]" * 5000, b"{", b"[1]", b"data: [DONE]", b""], ids=len)
def test_a_line_of_another_kind_hides_nothing_of_those_behind_it(odd: bytes) -> None:
    """However deep it is nested: the text goes on after it."""
    pieces = [json.dumps({"delta": piece}).encode() for piece in ("my tok-01234", "56789abcdef.")]
    kept = REDACTOR.replace_streamed(b"\n".join([odd, pieces[0], odd, pieces[1], odd]))
    first, last = kept.splitlines()[1], kept.splitlines()[3]
    assert (json.loads(first)["delta"], json.loads(last)["delta"]) == ("my [secret:TOKEN]", ".")
    assert kept.splitlines()[::2] == [odd] * (3 if odd else 2)


def test_pieces_of_several_texts_are_told_apart_by_their_numbers() -> None:
    """Two answers that come in turn: the value lies in one of them, and in the other there is none."""
    rows = [(0, "tok-01234"), (1, "tok-0123"), (0, "56789abcdef"), (1, "x")]
    lines = [json.dumps({"choices": [{"index": index, "delta": piece}]}).encode() for index, piece in rows]
    told = [
        json.loads(line)["choices"][0]["delta"] for line in REDACTOR.replace_streamed(b"\n".join(lines)).splitlines()
    ]
    assert told == ["[secret:TOKEN]", "tok-0123", "", "x"]


def test_a_value_that_comes_twice_in_one_text_is_replaced_twice() -> None:
    """Side by side, in pieces that begin and end just at its borders, and in one that holds both."""
    token = SECRETS["TOKEN"]
    for pieces, expected in (
        ((token[:5], token[5:] + token[:5], token[5:]), ["[secret:TOKEN]", "[secret:TOKEN]", ""]),
        ((token[:5], token[5:], token[:5], token[5:]), ["[secret:TOKEN]", "", "[secret:TOKEN]", ""]),
        (("a" + token[:5], token[5:] + "b"), ["a[secret:TOKEN]", "b"]),
    ):
        raw = b"\n".join(json.dumps({"delta": piece}).encode() for piece in pieces)
        assert [json.loads(line)["delta"] for line in REDACTOR.replace_streamed(raw).splitlines()] == expected


def test_two_values_in_one_text_are_both_replaced() -> None:
    """Whichever comes first, and however they are told: the longer of two is looked for first."""
    redactor = Redactor({"A": "short-value", "B": "a-longer-value"})
    for first, second in (("short-value", "a-longer-value"), ("a-longer-value", "short-value")):
        pieces = (first[:3], first[3:] + " " + second[:4], second[4:])
        raw = b"\n".join(json.dumps({"delta": piece}).encode() for piece in pieces)
        told = "".join(json.loads(line)["delta"] for line in redactor.replace_streamed(raw).splitlines())
        names = {"short-value": "[secret:A]", "a-longer-value": "[secret:B]"}
        assert told == f"{names[first]} {names[second]}"


def test_a_value_has_to_have_six_characters() -> None:
    """Blanks around it do not count."""
    assert Redactor({"KEY": "zyxwvu"}).text("zyxwvu") == "[secret:KEY]"
    for short in ("zyxwv", " zyxwv "):
        with pytest.raises(SecretUnusable, match="fewer than 6"):
            Redactor({"KEY": short})


@given(some.lists(some.integers(1, 8), min_size=2, max_size=30), some.integers(0, 40))
def test_wherever_a_stream_is_cut_nothing_is_left(sizes: list[int], before: int) -> None:
    """Each cut of a text into pieces, with the value anywhere in it."""
    text = "x" * before + SECRETS["TOKEN"] + "y" * 100
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    lines = [json.dumps({"delta": piece}) for piece in [*pieces, text[at:]]]
    kept = REDACTOR.replace_streamed("\n".join(lines).encode())
    joined = "".join(json.loads(line)["delta"] for line in kept.splitlines())
    assert joined == text.replace(SECRETS["TOKEN"], "[secret:TOKEN]")


def test_a_guess_that_stands_in_what_must_not_change_is_let_go() -> None:
    """Else a spec would be recorded that is none. What was named as a key is refused instead, by name."""
    secrets = {"A_TOKEN": "sandbox", "B_TOKEN": "made-up-value"}
    fixed = {"a prompt": b"innocent", "the spec": b'{"sandbox":"local"}'}
    redactor = Redactor(secrets, guessed=secrets)
    assert redactor.protect(fixed) == (IgnoredSecret("A_TOKEN", "the spec"),)
    assert redactor.text("sandbox made-up-value") == "sandbox [secret:B_TOKEN]"
    assert redactor.protect(fixed) == ()
    with pytest.raises(SecretUnusable, match=r"A_TOKEN.*the spec"):
        Redactor(secrets, guessed={"B_TOKEN"}).protect(fixed)


def test_hexadecimal_digits_that_digests_hold_by_chance_are_no_secret_that_can_be_kept() -> None:
    """Each event names blobs by their digests: to replace six digits in one loses what it names."""
    with pytest.raises(SecretUnusable, match="hexadecimal"):
        Redactor({"KEY": "0123456789abcde"})
    assert Redactor({"KEY": "0123456789abcdef"}).text("0123456789abcdef") == "[secret:KEY]"
    assert Redactor({"KEY": "0123456789ABCDE"}).text("0123456789ABCDE") == "[secret:KEY]"


@pytest.mark.slow
def test_a_body_of_32_mb_that_nearly_matches_everywhere_is_searched_to_its_end() -> None:
    """Elsewhere it took 45 and killed the service; here the text is made to come close to matching all the time."""
    near = b"".join(spelling[:-1] for value in SECRETS.values() for spelling in spellings(value))
    body = (near * (32_000_000 // len(near) + 1))[:32_000_000] + SECRETS["TOKEN"].encode()
    kept = REDACTOR.replace(body)
    assert kept.endswith(b"[secret:TOKEN]")


def test_a_value_that_comes_later_is_looked_for_from_then_on() -> None:
    """A token that a command prints is known only when a run goes on; one more of the same name has a number."""
    redactor = Redactor({"KEY": "sk-0123456789"})
    redactor.add("TOKEN", "first-of-the-day")
    redactor.add("TOKEN", "first-of-the-day")
    redactor.add("TOKEN", "second-of-the-day")
    assert redactor.names == {"KEY", "TOKEN", "TOKEN.2"}
    told = redactor.replace(b"sk-0123456789 first-of-the-day second-of-the-day")
    assert told == b"[secret:KEY] [secret:TOKEN] [secret:TOKEN.2]"


def test_a_value_that_comes_later_and_cannot_be_looked_for_is_refused() -> None:
    """And those that were known stay known."""
    redactor = Redactor({"KEY": "sk-0123456789"})
    with pytest.raises(SecretUnusable, match="TOKEN"):
        redactor.add("TOKEN", "short")
    assert redactor.names == {"KEY"}
    assert redactor.replace(b"sk-0123456789") == b"[secret:KEY]"


@given(
    some.dictionaries(
        JUST_TEXT.filter(lambda name: name not in {"wording", "at"}),
        some.lists(JUST_TEXT | some.integers() | some.just("say wording of it")),
    )
)
def test_names_in_json_stay_and_texts_do_not_hold_a_secret(fields: dict[str, list[str | int]]) -> None:
    """A secret may be a word of our own: with the name of a member replaced, nobody could read it back."""
    redactor = Redactor({"WORD": "wording"})
    data = json.dumps({**fields, "wording": 7, "at": {"wording": None}}, ensure_ascii=False).encode()
    kept = json.loads(redactor.json(data))
    assert kept["wording"] == 7
    assert kept["at"] == {"wording": None}
    assert [[redactor.text(each) if isinstance(each, str) else each for each in fields[name]] for name in fields] == [
        kept[name] for name in fields
    ]
    assert "say wording" not in str(kept)


def test_json_without_a_secret_is_the_same_object() -> None:
    """Looking for one is all that it costs."""
    data = b'{ "a" : 1 }'
    assert Redactor({"WORD": "wording"}).json(data) is data


def test_keys_that_came_from_outside_are_no_names() -> None:
    """A verifier may say anything as the name of a reward; the fields of a ruling are words of ours."""
    redactor = Redactor({"WORD": "wording"})
    rewards = redactor.event(VerifierRewarded({"wording": 0.5}, 0.5, 0, digest_of(b""), digest_of(b""), ()))
    made = redactor.event(DecisionMade(point="retry", ruling={"wording": {"wording": "wording"}}))
    assert rewards.rewards == {"[secret:WORD]": 0.5}  # type: ignore[attr-defined]
    assert made.ruling == {"wording": {"wording": "[secret:WORD]"}}  # type: ignore[attr-defined]
