"""Somebody with `sqlite3` and bad intentions: what `log verify` sees of it, and what it says that it cannot see."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from events.base import Draft, Ref, StreamId
from events.store.base import Snapshot
from events.store.chain import GENESIS, link, stream_part
from events.store.sqlite.store import SqliteLog
from events.types.sandbox import ActionAsked, ActionObserved, SandboxFailed
from tests.cli.terminal import CommandOutcome, ticking, type_in

TRIAL = StreamId("run-1", "trial/greet")
ATTEMPT = StreamId("run-1", "attempt/greet/1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a short log in it: a trial, an action and what it printed, a lease and a snapshot."""
    (tmp_path / ".stillroom").mkdir()
    anyio.run(_tell, tmp_path / ".stillroom/log.db")
    return tmp_path


async def _tell(path: Path) -> None:
    def said(*texts: str) -> list[Draft]:
        return [Draft(SandboxFailed("lost", text), None) for text in texts]

    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, said("one", "two"), expected_version=0)
        await log.append(ATTEMPT, [Draft(ActionAsked(log.put(b"ls -la"), None), None)], expected_version=0)
        output = log.put(b"a file\n" * 300)
        observed = ActionObserved(0, "exited", output, output)
        await log.append(ATTEMPT, [Draft(observed, Ref(ATTEMPT.name, 1))], expected_version=1)
        await log.append(TRIAL, said("three"), expected_version=2)
        await log.acquire("run-1", "somebody", ttl_s=60)
        await log.save_snapshot(Snapshot("trials", 1, 5, b"state"))


@contextmanager
def hand(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the file with every trigger dropped, and keep what was done."""
    with closing(sqlite3.connect(folder / ".stillroom/log.db", isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


def verify(folder: Path, *words: str) -> tuple[int, list[str], dict[str, Any]]:
    """Type it; give the exit code, the kinds of findings with their places, and the row."""
    outcome = type_in(folder, "log", "verify", *words, "--json")
    (row,) = outcome.rows
    return outcome.code, [_short(finding) for finding in row["findings"]], row


def _short(finding: dict[str, Any]) -> str:
    return f"{finding['finding']}@{finding.get('position', finding.get('first', finding.get('count')))}"


def edit(connection: sqlite3.Connection) -> None:
    """Make something else of what was said."""
    connection.execute("UPDATE events SET payload = replace(payload, 'two', 'too') WHERE position = 2")


def delete_middle(connection: sqlite3.Connection) -> None:
    """Make an event unhappen."""
    connection.execute("DELETE FROM events WHERE position = 2")


def delete_and_close_ranks(connection: sqlite3.Connection) -> None:
    """Make it unhappen, and number the others as if it had not."""
    connection.execute("DELETE FROM events WHERE position = 2")
    for position in (3, 4, 5):
        connection.execute("UPDATE events SET position = position - 1 WHERE position = ?", (position,))
    connection.execute("UPDATE events SET version = 2 WHERE position = 4")


def reorder(connection: sqlite3.Connection) -> None:
    """Let the second be the first."""
    for before, after in ((1, 99), (2, 1), (99, 2)):
        connection.execute("UPDATE events SET position = ?, version = ? WHERE position = ?", (after, after, before))


def insert(connection: sqlite3.Connection) -> None:
    """Put words into the log's mouth, in the middle, with a digest that fits all that came before."""
    for position in (5, 4, 3):
        connection.execute("UPDATE events SET position = position + 1 WHERE position = ?", (position,))
    connection.execute("UPDATE events SET version = 4 WHERE position = 6")
    (before,) = connection.execute("SELECT digest FROM events WHERE position = 2").fetchone()
    payload = '{"tag":"sandbox.failed","kind":"lost","detail":"two and a half"}'
    digest = link(before, (3, 3, 1), stream_part(TRIAL), None, payload.encode())
    row = (3, 1, 3, "sandbox.failed", None, 1, payload, digest)
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def change_a_blob(connection: sqlite3.Connection) -> None:
    """Let the command have been another."""
    connection.execute("UPDATE blobs SET data = CAST('rm -rf' AS BLOB) WHERE size = 6")


def remove_a_blob(connection: sqlite3.Connection) -> None:
    """Let nobody know what the command was."""
    connection.execute("DELETE FROM blobs WHERE size = 6")


FOUND: dict[Callable[[sqlite3.Connection], None], list[str]] = {
    edit: ["chain_broken@2"],
    delete_middle: ["positions_missing@2", "chain_broken@3", "version_unexpected@5"],
    delete_and_close_ranks: ["chain_broken@2", "chain_broken@3", "chain_broken@4"],
    reorder: ["chain_broken@1", "chain_broken@2", "chain_broken@3"],
    insert: ["chain_broken@4", "chain_broken@5", "chain_broken@6"],
    change_a_blob: ["blob_damaged@3"],
    remove_a_blob: ["blob_lost@3"],
}


@pytest.mark.parametrize("tamper", FOUND, ids=lambda tamper: tamper.__name__)
def test_what_one_changes_by_hand_is_found_without_any_seal(
    folder: Path, tamper: Callable[[sqlite3.Connection], None]
) -> None:
    """Each with its place; nothing is said to be proved, and the shell is told."""
    assert verify(folder)[:2] == (0, [])
    with hand(folder) as connection:
        tamper(connection)
    code, findings, row = verify(folder)
    assert findings[: len(FOUND[tamper])] == FOUND[tamper]
    assert (code, row["sound"], row["proved"]) == (5, False, [])


def test_leases_and_snapshots_are_no_part_of_the_history(folder: Path) -> None:
    """Who owns a run now, and what was folded already, can be lost or made up: nothing that happened changes by it."""
    with hand(folder) as connection:
        connection.execute("UPDATE leases SET owner = 'somebody else', token = 99")
        connection.execute("UPDATE snapshots SET state = CAST('made up' AS BLOB), position = 99")
    assert verify(folder)[:2] == (0, [])


def cut_tail(connection: sqlite3.Connection) -> None:
    """Let the end not have happened."""
    connection.execute("DELETE FROM events WHERE position > 3")


def write_anew(connection: sqlite3.Connection) -> None:
    """Tell another story from the first event on, with digests that fit."""
    connection.execute("UPDATE events SET payload = replace(payload, 'one', 'not one') WHERE position = 1")
    sql = """SELECT position, version, at, run, name, cause, payload
        FROM events JOIN streams ON id = stream ORDER BY position"""
    digest = GENESIS
    for position, version, at, run, name, cause, payload in connection.execute(sql).fetchall():
        reason = None if cause is None else cause.encode()
        digest = link(digest, (position, version, at), stream_part(StreamId(run, name)), reason, payload.encode())
        connection.execute("UPDATE events SET digest = ? WHERE position = ?", (digest, position))


@pytest.mark.parametrize(("tamper", "finding"), [(cut_tail, "tail_cut@3"), (write_anew, "history_rewritten@5")])
def test_what_only_a_seal_shows_is_said_not_to_be_proved_without_one(
    folder: Path, tamper: Callable[[sqlite3.Connection], None], finding: str
) -> None:
    """The file alone fits together perfectly: that is the limit of any chain."""
    seal = type_in(folder, "log", "seal").out.strip()
    with hand(folder) as connection:
        tamper(connection)
    code, findings, row = verify(folder)
    assert (code, findings) == (0, [])
    assert "not truncated" in row["not_proved"][0]
    assert "no seal given" in row["not_proved"][0]
    assert verify(folder, "--seal", seal)[:2] == (5, [finding])


def test_a_seal_without_a_signature_can_be_made_up_and_a_signed_one_cannot(folder: Path) -> None:
    """Whoever writes the log anew takes a new seal of it; the owner's key is what they do not have."""
    assert type_in(folder, "log", "keygen", "mine").code == 0
    assert type_in(folder, "log", "keygen", "theirs").code == 0
    kept = type_in(folder, "log", "seal", "--key", "mine").out.strip()
    with hand(folder) as connection:
        write_anew(connection)
    made_up = type_in(folder, "log", "seal").out.strip()
    code, findings, row = verify(folder, "--seal", made_up)
    assert (code, findings) == (0, [])
    assert any("not signed" in claim for claim in row["not_proved"])
    assert verify(folder, "--seal", made_up, "--trust", "mine.pub")[:2] == (5, ["seal_untrusted@None"])
    theirs = type_in(folder, "log", "seal", "--key", "theirs").out.strip()
    assert verify(folder, "--seal", theirs, "--trust", "mine.pub")[:2] == (5, ["seal_untrusted@None"])
    assert verify(folder, "--seal", theirs, "--trust", "mine.pub", "--trust", "theirs.pub")[:2] == (0, [])
    assert verify(folder, "--seal", kept, "--trust", "mine.pub")[:2] == (5, ["history_rewritten@5"])


def test_a_signed_seal_that_was_changed_says_nothing(folder: Path) -> None:
    """Not even something bad about the log; that its seal is false is what is found."""
    assert type_in(folder, "log", "keygen", "key").code == 0
    _, count, *rest = type_in(folder, "log", "seal", "--key", "key").out.strip().split(":")
    changed = ":".join(["1", str(int(count) - 1), *rest])
    code, findings, row = verify(folder, "--seal", changed)
    assert (code, findings) == (5, ["seal_forged@None"])
    assert len(row["proved"]) == 1
    assert any("worth nothing" in claim for claim in row["not_proved"])


def test_seals_are_kept_in_a_file_and_the_last_counts(folder: Path) -> None:
    """One line each, plain or as JSON, so that `>>` is all it takes; a trusted key may be typed as well as its file."""
    key = type_in(folder, "log", "keygen", "key", "--json").rows[0]["key"]
    with (folder / "seals").open("w") as kept:
        for words in ((), ("--json",), ("--key", "key", "--json"), ("--key", "key")):
            kept.write(type_in(folder, "log", "seal", *words).out)
            kept.flush()
            trusted = ("--trust", key) if "--key" in words else ()
            code, findings, row = verify(folder, "--seal", "seals", *trusted)
            assert (code, findings) == (0, [])
            assert any("those that were sealed" in claim for claim in row["proved"])
            assert any("was signed with the key" in claim for claim in row["proved"]) == bool(trusted)


def test_a_key_is_made_for_one_reader_and_never_written_over(folder: Path) -> None:
    """A key others can read proves nothing; the file's rights are right from its first moment."""
    assert type_in(folder, "log", "keygen", "key").code == 0
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    before = (folder / "key").read_bytes()
    assert _refusal(type_in(folder, "log", "keygen", "key")) == 2
    assert (folder / "key").read_bytes() == before
    (folder / "key").chmod(0o640)
    outcome = type_in(folder, "log", "seal", "--key", "key")
    assert _refusal(outcome) == 2
    assert "chmod 600" in outcome.err


@pytest.mark.parametrize(
    "words",
    [
        ("seal", "--key", "gone"),
        ("seal", "--key", "key.pub"),
        ("verify", "--trust", "key.pub"),
        ("verify", "--seal", "1:0:" + "0" * 64, "--trust", "nonsense"),
        ("verify", "--seal", "1:0:" + "0" * 64, "--trust", "key"),
        ("verify", "--seal", "1:x:" + "0" * 64),
        ("verify", "--seal", "1:0:" + "0" * 64 + ":5"),
        ("verify", "--seal", '{"format":1,"count":1,"head":"x","at":5}'),
        ("keygen", "no/such/folder/key"),
    ],
    ids=" ".join,
)
def test_what_is_no_key_or_no_seal_is_refused_before_anything_is_read(folder: Path, words: tuple[str, ...]) -> None:
    """With what is wrong and what to do; never a traceback."""
    assert type_in(folder, "log", "keygen", "key").code == 0
    assert _refusal(type_in(folder, "log", *words)) == 2


def _refusal(outcome: CommandOutcome) -> int:
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    return outcome.code


@pytest.mark.parametrize(
    "statement", ["DELETE FROM meta", "DROP TABLE meta", "DROP TABLE leases", "UPDATE blobs SET size = size + 1"]
)
def test_what_is_said_and_the_exit_code_agree(statement: str, folder: Path) -> None:
    """Once *sound* was printed, and closing the log then failed for what nobody had looked at."""
    with hand(folder) as file:
        file.execute(statement)
    code, found, row = verify(folder)
    assert (code, row["sound"]) == (5, False)
    shown = type_in(folder, "log", "verify")
    assert shown.code == 5
    assert shown.out.startswith("broken")
    assert len([line for line in shown.out.split("\n\n")[0].splitlines() if line.startswith("  ")]) == len(found)
    assert not shown.err


def test_looking_changes_nothing(folder: Path) -> None:
    """What is evidence is left as it is, even if it could be repaired."""
    path = folder / ".stillroom/log.db"
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert verify(folder)[0] == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
