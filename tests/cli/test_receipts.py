"""One decision, proved to somebody who holds a seal and nothing else; and what makes such a proof worthless."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from events.integrity.receipts import ProvedEvent
from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import CommandOutcome, ticking, type_in
from tests.views.histories import record, whole

PAGE = (Path(__file__).parents[2] / "docs/handover.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with two runs, the seal that was taken between them, and the one of now."""

    async def write(run: str) -> None:
        async with await SqliteLog.open(tmp_path / ".stillroom/log.db", clock=ticking()) as log:
            await record(log, run, whole(log))

    (tmp_path / ".stillroom").mkdir()
    anyio.run(write, "r1")
    (tmp_path / "early.seal").write_text(type_in(tmp_path, "log", "seal").out)
    anyio.run(write, "r2")
    (tmp_path / "seal").write_text(type_in(tmp_path, "log", "seal").out)
    return tmp_path


def write(folder: Path, *words: str) -> dict[str, Any]:
    """Write a receipt of the acceptance of a skill."""
    outcome = type_in(folder, "receipt", "write", *(words or ("r1:greet",)), "-o", "receipt.json", "--json")
    assert outcome.code == 0, outcome.err
    return outcome.rows[0]


def verify(folder: Path, *words: str) -> CommandOutcome:
    """Verify it in a folder without a log."""
    there = folder / "there"
    there.mkdir(exist_ok=True)
    (there / "receipt.json").write_bytes((folder / "receipt.json").read_bytes())
    return type_in(there, "receipt", "verify", "receipt.json", *words)


def kinds(outcome: CommandOutcome) -> list[str]:
    """Name the findings."""
    return [each["finding"] for each in outcome.rows[0]["findings"]]


def test_a_decision_is_proved_with_everything_else_withheld(folder: Path) -> None:
    """By a seal that the verifier holds; nothing of another event is in the file but hashes."""
    row = write(folder)
    assert (row["tag"], row["event"]) == ("skill.revised", "r1:trial/greet@6")
    outcome = verify(folder, "--seal", "../seal")
    assert outcome.code == 0
    assert "is event 16 of the log whose first" in " ".join(outcome.out.split())
    held = json.loads((folder / "receipt.json").read_bytes())
    with closing(sqlite3.connect(folder / ".stillroom/log.db")) as log:
        others = {bytes(each).hex() for (each,) in log.execute("SELECT digest FROM events WHERE position <> 16")}
        (total,) = log.execute("SELECT count(*) FROM events").fetchone()
    assert len(held["path"]) == (total - 1).bit_length()
    assert others & {each for _, each in held["path"]} == set()
    assert held["event"]["before"] in others
    assert set(re.findall("r2", (folder / "receipt.json").read_text())) == set()


def test_without_a_seal_of_ones_own_the_report_says_what_that_is_worth(folder: Path) -> None:
    """Whoever makes up a receipt makes up its seal."""
    write(folder)
    outcome = verify(folder, "--json")
    assert outcome.code == 0
    assert "it came with the receipt" in outcome.rows[0]["not_proved"][0]
    held = verify(folder, "--seal", "../seal", "--json")
    assert all("it came with the receipt" not in each for each in held.rows[0]["not_proved"])


def test_an_earlier_seal_proves_what_it_covers(folder: Path) -> None:
    """If the receipt was made for it; and what came after it is refused by name."""
    write(folder, "r1:greet", "--seal", "early.seal")
    assert verify(folder, "--seal", "../early.seal").code == 0
    other = verify(folder, "--seal", "../seal", "--json")
    assert (other.code, kinds(other)) == (5, ["seal_differs"])
    late = type_in(folder, "receipt", "write", "r2:greet", "--seal", "early.seal", "-o", "late.json")
    assert late.code == 2
    assert "came after the seal" in late.err


@pytest.mark.parametrize("position", [1, 27])
def test_the_first_and_the_last_sealed_event_are_proved_and_the_next_one_is_not(position: int, folder: Path) -> None:
    """The earlier seal covers 27 events, the first of which follows on none."""
    assert (folder / "early.seal").read_text().startswith("2:27:")
    write(folder, str(position), "--seal", "early.seal")
    assert verify(folder, "--seal", "../early.seal").code == 0
    done = _script(folder, 0, "receipt.json", (folder / "early.seal").read_text().strip().split(":")[3])
    assert (done.returncode, done.stderr) == (0, "")
    assert type_in(folder, "receipt", "write", "28", "--seal", "early.seal", "-o", "late.json").code == 2


def test_texts_are_disclosed_if_that_is_asked_for(folder: Path) -> None:
    """Those that the event names; each is held to its digest."""
    assert write(folder)["disclosed"] == []
    (folder / "receipt.json").unlink()
    row = write(folder, "r1:greet", "--disclose")
    assert len(row["disclosed"]) == 3
    assert verify(folder, "--seal", "../seal").code == 0
    assert "Greets." in (folder / "receipt.json").read_text()


def _payload(receipt: dict[str, Any]) -> None:
    receipt["event"]["payload"] = receipt["event"]["payload"].replace('"revision":1', '"revision":2')


def _payload_and_digest(receipt: dict[str, Any]) -> None:
    _payload(receipt)
    receipt["event"]["digest"] = _computed(receipt["event"])


def _computed(event: dict[str, Any]) -> str:
    return ProvedEvent(**event).computed


def _time(receipt: dict[str, Any]) -> None:
    receipt["event"]["at"] += 1


def _tag(receipt: dict[str, Any]) -> None:
    receipt["event"]["tag"] = "skill.accepted"


def _path(receipt: dict[str, Any]) -> None:
    receipt["path"][1][1] = "0" * 64


def _shorter(receipt: dict[str, Any]) -> None:
    del receipt["path"][-1]


def _mirrored(receipt: dict[str, Any]) -> None:
    receipt["path"][0][0] = {"left": "right", "right": "left"}[receipt["path"][0][0]]


def _root(receipt: dict[str, Any]) -> None:
    receipt["seal"]["root"] = "0" * 64


def _text(receipt: dict[str, Any]) -> None:
    receipt["disclosed"] = {each: text + " " for each, text in receipt["disclosed"].items()}


def _deep(receipt: dict[str, Any]) -> None:
    receipt["event"]["payload"] = '{"tag":"skill.revised","more":' + "[" * 50_000 + "]" * 50_000 + "}"


def _strange_text(receipt: dict[str, Any]) -> None:
    receipt["disclosed"] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": ""}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_payload, {"chain_broken", "event_not_sealed"}),
        (_payload_and_digest, {"event_not_sealed"}),
        (_time, {"chain_broken", "event_not_sealed"}),
        (_tag, {"tag_mismatch"}),
        (_path, {"event_not_sealed"}),
        (_shorter, {"event_not_sealed"}),
        (_mirrored, {"event_not_sealed"}),
        (_text, {"disclosed_changed"}),
        (_strange_text, {"disclosed_changed"}),
        (_deep, {"chain_broken", "undecodable", "disclosed_changed", "event_not_sealed"}),
    ],
)
def test_a_changed_receipt_is_refused_by_the_name_of_what_differs(
    change: Callable[[dict[str, Any]], None], found: set[str], folder: Path
) -> None:
    """With a seal of the verifier's own, and without."""
    write(folder, "r1:greet", "--disclose")
    receipt = json.loads((folder / "receipt.json").read_bytes())
    change(receipt)
    (folder / "receipt.json").write_text(json.dumps(receipt))
    for words in ((), ("--seal", "../seal")):
        outcome = verify(folder, *words, "--json")
        assert (outcome.code, set(kinds(outcome))) == (5, found)
        assert outcome.rows[0]["proved"] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("path", 0, 1), "zz"),
        (("path", 0, 1), "0" * 62),
        (("event", "before"), "é" * 64),
        (("event", "position"), 2**70),
        (("event", "version"), -1),
        (("event", "at"), 2**63),
    ],
)
def test_a_receipt_of_impossible_values_is_damaged(place: tuple[Any, ...], value: object, folder: Path) -> None:
    """A stranger's file may say anything, and is never an error of ours."""
    write(folder)
    receipt = json.loads((folder / "receipt.json").read_bytes())
    held = receipt
    for key in place[:-1]:
        held = held[key]
    held[place[-1]] = value
    (folder / "receipt.json").write_text(json.dumps(receipt))
    outcome = verify(folder, "--seal", "../seal")
    assert (outcome.code, "the receipt was damaged" in outcome.err) == (5, True)


@pytest.mark.parametrize("at", [2**63 - 1, -(2**63)])
def test_a_time_that_no_calendar_has_is_told_as_it_is(at: int, folder: Path) -> None:
    """The receipt was changed, and that is what its reader has to learn."""
    write(folder)
    receipt = json.loads((folder / "receipt.json").read_bytes())
    receipt["event"]["at"] = at
    (folder / "receipt.json").write_text(json.dumps(receipt))
    outcome = verify(folder, "--seal", "../seal")
    assert (outcome.code, f"{at} us" in outcome.out, "chain broken" in outcome.out) == (5, True, True)


def test_a_receipt_with_a_seal_that_somebody_made_up_is_refused_by_ones_own(folder: Path) -> None:
    """It may be sound by itself: the log of another, of as many events."""
    write(folder)
    receipt = json.loads((folder / "receipt.json").read_bytes())
    _root(receipt)
    (folder / "receipt.json").write_text(json.dumps(receipt))
    outcome = verify(folder, "--json")
    assert kinds(outcome) == ["event_not_sealed"]
    other = folder / "other"
    (other / ".stillroom").mkdir(parents=True)

    async def forge() -> None:
        async with await SqliteLog.open(other / ".stillroom/log.db", clock=lambda: 1) as log:
            await record(log, "r1", whole(log))
            await record(log, "r2", whole(log))

    anyio.run(forge)
    write(other, "r1:greet")
    (folder / "receipt.json").write_bytes((other / "receipt.json").read_bytes())
    assert verify(folder).code == 0
    refused = verify(folder, "--seal", "../seal", "--json")
    assert (refused.code, kinds(refused)) == (5, ["event_not_sealed"])


def test_a_signed_seal_is_trusted_by_its_key(folder: Path) -> None:
    """And one that was signed by another, or changed, is refused."""
    for name in ("ours", "theirs"):
        assert type_in(folder, "log", "keygen", name).code == 0
    write(folder, "r1:greet", "--key", "ours")
    assert verify(folder, "--trust", "../ours.pub").code == 0
    refused = verify(folder, "--trust", "../theirs.pub", "--json")
    assert (refused.code, kinds(refused)) == (5, ["seal_untrusted"])
    receipt = json.loads((folder / "receipt.json").read_bytes())
    receipt["signed"]["at"] += 1
    (folder / "receipt.json").write_text(json.dumps(receipt))
    assert kinds(verify(folder, "--json")) == ["seal_forged"]


def test_what_is_no_receipt_is_a_usage_error(folder: Path) -> None:
    """And so is a file that is there already, a bundle for a log, and a seal of another log."""
    (folder / "receipt.json").write_text("{}")
    assert verify(folder).code == 2
    assert type_in(folder, "receipt", "write", "r1:greet", "-o", "receipt.json").code == 2
    assert type_in(folder, "receipt", "verify", "nothing.json").code == 2
    assert type_in(folder, "bundle", "write", "r1", "-o", "r1.bundle").code == 0
    assert type_in(folder, "receipt", "write", "r1:greet", "--log", "r1.bundle").code == 2
    wrong = "2:10:" + "0" * 64 + ":" + "1" * 64
    outcome = type_in(folder, "receipt", "write", "1", "--seal", wrong, "-o", "new.json")
    assert (outcome.code, "not one of this log" in outcome.err) == (2, True)
    old = type_in(folder, "receipt", "write", "1", "--seal", "1:10:" + "0" * 64, "-o", "new.json")
    assert (old.code, "has no root" in old.err) == (2, True)


def _script(folder: Path, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the page, with nothing of ours: no package beside the standard library is found."""
    script = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[number]
    assert len([line for line in script.splitlines() if line.strip()]) <= (10, 16)[number]
    assert set(re.findall(r"^import (.*)$", script, re.MULTILINE)) <= {"hashlib, json, sys", "hashlib, sqlite3, sys"}
    command = [sys.executable, "-I", "-S", "-c", script, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_verifier_of_the_page_checks_a_receipt(folder: Path) -> None:
    """With the standard library alone; and it refuses one that was changed, and another root."""
    row = write(folder)
    done = _script(folder, 0, "receipt.json", row["root"])
    assert (done.returncode, done.stderr) == (0, "")
    assert _script(folder, 0, "receipt.json", "0" * 64).returncode == 1
    for change in (_payload, _time, _path, _mirrored):
        receipt = json.loads((folder / "receipt.json").read_bytes())
        change(receipt)
        (folder / "changed.json").write_text(json.dumps(receipt))
        assert _script(folder, 0, "changed.json", row["root"]).returncode == 1


def test_the_verifier_of_the_page_checks_a_seal_against_a_log(folder: Path) -> None:
    """Whoever holds the log computes every digest and the root from its rows, with `sqlite3` and `hashlib`."""
    row = write(folder)
    words = (".stillroom/log.db", str(row["count"]), row["root"])
    done = _script(folder, 1, *words)
    assert (done.returncode, done.stdout) == (0, f"{row['count']} events make the sealed root\n"), done.stderr
    with closing(sqlite3.connect(folder / ".stillroom/log.db")) as log:
        for (name,) in log.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            log.execute(f"DROP TRIGGER {name}")
        log.execute("UPDATE events SET at = at + 1 WHERE position = 3")
        log.commit()
    assert _script(folder, 1, *words).returncode == 1


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda data: data[: len(data) // 2], 5, "was damaged"),
        (lambda data: data.replace(b'"position":', b'"position": 1, "position":', 1), 5, "the key position twice"),
        (lambda data: data.replace(b'"count":', b'"count": NaN, "count":', 1), 5, "was damaged"),
        (lambda data: data.replace(b'"count":', b'"count": 1e400, "count":', 1), 5, "was damaged"),
        (lambda data: data.replace(b'"path":', b'"path": ' + b"[" * 100_000 + b', "path":', 1), 5, "was damaged"),
        (lambda data: data.replace(b'"format": 1', b'"format": 2', 1), 2, "format 2"),
        (lambda _: b"", 2, "not a receipt"),
        (lambda _: b"hello", 2, "not a receipt"),
        (lambda _: b'{"name": "a package"}', 2, "not a receipt"),
        (lambda _: b"\x1f\x8b\x08\x00cut", 2, "not a receipt"),
    ],
    ids=["cut", "double", "NaN", "huge", "deep", "newer", "empty", "text", "json", "gzip"],
)
def test_a_damaged_receipt_is_told_from_what_is_none(
    change: Callable[[bytes], bytes], code: int, said: str, folder: Path
) -> None:
    """What was tampered with is exit code 5; a file that is something else is wrong usage."""
    write(folder)
    path = folder / "receipt.json"
    path.write_bytes(change(path.read_bytes()))
    outcome = verify(folder)
    assert (outcome.code, said in outcome.err) == (code, True), outcome.err


def test_a_folder_is_no_receipt(folder: Path) -> None:
    """Nor is a seal that is one."""
    write(folder)
    (folder / "there").mkdir()
    assert type_in(folder, "receipt", "verify", "there").code == 2
    assert verify(folder, "--seal", "there").code == 2
