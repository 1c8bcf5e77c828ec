"""Logs that are copied, and blobs that are erased, by somebody at a terminal."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import type_in
from tests.support.runs import make_base

LOG = ".stillroom/log.db"
EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a run in its log."""
    make_base(tmp_path)
    assert type_in(tmp_path, *EXPLORE).code == 0
    return tmp_path


def blob_named(folder: Path, tag: str, field: str) -> str:
    """Find the digest that the first event of a kind names."""
    (row, *_) = [row for row in type_in(folder, "log", "tail", "-n", "1000", "--json").rows if row["tag"] == tag]
    return str(row["event"][field])


@pytest.mark.slow
def test_a_copy_verifies_as_the_log_does_and_replays(folder: Path) -> None:
    """The same head under the same seal; and it can be copied again, when it is older."""
    outcome = type_in(folder, "log", "copy", LOG, "copy.db")
    assert outcome.code == 0, outcome.err
    assert "copied the whole log: " in outcome.out
    assert "positions and digests kept" in outcome.out
    seal = type_in(folder, "log", "seal").out.strip()
    assert type_in(folder, "log", "verify", "--seal", seal, "--log", "copy.db").code == 0
    assert type_in(folder, "replay", "--log", "copy.db").code == 0
    assert type_in(folder, *EXPLORE).code == 0
    (row,) = type_in(folder, "log", "copy", LOG, "copy.db", "--json").rows
    assert (row["positions_kept"], row["before"] > 0, row["events"] > 0) == (True, True, True)


@pytest.mark.slow
def test_a_fork_is_copied_with_what_it_was_forked_from(folder: Path) -> None:
    """By reference it would lean on nothing: it is replayed where the rest of the log is not."""
    assert type_in(folder, *EXPLORE).code == 0
    assert type_in(folder, "fork", "@latest~1", "--attempt", "word/2").code == 0
    (row,) = type_in(folder, "log", "copy", LOG, "fork.db", "@latest", "--json").rows
    assert len(row["runs"]) == 2
    assert row["positions_kept"] is False
    listed = [each["run"] for each in type_in(folder, "runs", "--log", "fork.db", "--json").rows]
    assert listed == row["runs"]
    assert type_in(folder, "replay", "--all", "--log", "fork.db").code == 0
    assert type_in(folder, "log", "verify", "--log", "fork.db").code == 0


def test_what_cannot_be_copied_is_said(folder: Path) -> None:
    """Onto itself, from nowhere, from something else, and a run that is not there."""
    (folder / "notes.txt").write_text("not a log" * 100)
    for words, said in (
        ((LOG, LOG), "onto itself"),
        (("nowhere.db", "copy.db"), "the file does not exist"),
        (("notes.txt", "copy.db"), "not a stillroom log"),
        ((LOG, "copy.db", "nobody"), "no run nobody"),
    ):
        outcome = type_in(folder, "log", "copy", *words)
        assert (outcome.code, said in outcome.err) == (2, True), outcome.err
    assert not (folder / "copy.db").exists()


def test_an_erased_blob_is_named_wherever_it_is_missed(folder: Path) -> None:
    """The log is sound and says why; whoever needs the bytes is told the reason; so is whoever has a copy."""
    digest = blob_named(folder, "trial.attempt_concluded", "commands")
    outcome = type_in(folder, "log", "erase", digest[:12], "--reason", "a name in it; asked by Ann")
    assert outcome.code == 0, outcome.err
    assert f"erased {digest}: a name in it; asked by Ann" in outcome.out
    assert type_in(folder, "log", "copy", LOG, "copy.db").code == 0
    for log in (LOG, "copy.db"):
        verified = type_in(folder, "log", "verify", "--log", log)
        assert verified.code == 0
        assert "1 blob erased on purpose" in verified.out
        assert "a name in it; asked by Ann" in verified.out
        replayed = type_in(folder, "replay", "--redecide", "--log", log)
        assert (replayed.code, "asked by Ann" in replayed.out) == (5, True), replayed.out
    again = type_in(folder, "log", "erase", digest, "--reason", "once more")
    assert (again.code, "was erased: a name in it; asked by Ann" in again.err) == (5, True)


@pytest.mark.parametrize(
    ("blob", "reason", "said"),
    [("abc", "why", "too short"), ("0" * 64, "why", "no blob"), ("0" * 64, " ", "--reason is missing")],
)
def test_nothing_is_erased_by_mistake(folder: Path, blob: str, reason: str, said: str) -> None:
    """A blob is named without doubt, and a reason given."""
    outcome = type_in(folder, "log", "erase", blob, "--reason", reason, "--json")
    assert outcome.code == 2
    assert said in json.loads(outcome.err)["problem"]
    assert json.loads(type_in(folder, "log", "verify", "--json").out)["erased"] == []
