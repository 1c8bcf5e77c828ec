"""A run in a file, on its way to another machine."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.errors import KeyUnusable
from tests.cli.terminal import type_in
from tests.events.samples import stranger
from tests.support.edits import edit_events
from tests.support.runs import make_base
from views.log.seals import read_secret, read_trusted

LOG = ".stillroom/log.db"
EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")
EVENTS, MANIFEST = "events.jsonl", "manifest.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose log holds two runs, the second of which lies between others."""
    make_base(tmp_path / "here")
    assert type_in(tmp_path / "here", *EXPLORE).code == 0
    assert type_in(tmp_path / "here", *EXPLORE).code == 0
    (tmp_path / "there").mkdir()
    return tmp_path


def written(folder: Path, *words: str) -> dict[str, object]:
    """Write a bundle into the folder beside."""
    (row,) = type_in(folder / "here", "bundle", "write", *words, "-o", "../there/run.bundle", "--json").rows
    return row


@pytest.mark.slow
def test_a_run_is_replayed_from_its_file_alone(folder: Path) -> None:
    """No task folder, no log, no key: all three strengths, and every view of it."""
    row = written(folder)
    there = folder / "there"
    verified = type_in(there, "bundle", "verify", "run.bundle", "--digest", str(row["digest"])[:16])
    assert verified.code == 0, verified.out
    assert "sound  run " in verified.out
    replayed = type_in(there, "replay", "run.bundle")
    assert replayed.code == 0, replayed.out
    assert "reproduced as recorded, 0 model calls" in replayed.out
    shown = type_in(there, "show", "@latest", "--log", "run.bundle")
    assert shown.code == 0
    assert "word" in shown.out
    assert [each.name for each in there.iterdir()] == ["run.bundle"]


@pytest.mark.slow
def test_a_run_is_brought_into_another_log_once(folder: Path) -> None:
    """Behind what is there; reading it again adds nothing; and out of there comes the same run."""
    written(folder)
    there = folder / "there"
    told = [type_in(there, "bundle", "read", "run.bundle", "--json").rows[0] for _ in range(2)]
    assert [(row["events"] > 0, row["before"] > 0) for row in told] == [(True, False), (False, True)]
    assert len(type_in(there, "runs", "--json").rows) == 1
    assert type_in(there, "log", "verify").code == 0
    assert type_in(there, "replay").code == 0


@pytest.mark.slow
def test_equal_runs_make_equal_files(folder: Path) -> None:
    """Whenever and from wherever: so one can be compared with another by its digest."""
    first = written(folder)
    once = (folder / "there/run.bundle").read_bytes()
    assert type_in(folder / "here", "log", "copy", LOG, "copy.db").code == 0
    again = type_in(folder / "here", "bundle", "write", "--log", "copy.db", "-o", "again.bundle", "--json").rows[0]
    assert again["digest"] == first["digest"]
    assert (folder / "here/again.bundle").read_bytes() == once


@pytest.mark.slow
def test_a_fork_brings_along_what_it_was_forked_from(folder: Path) -> None:
    """By reference it would lean on nothing."""
    assert type_in(folder / "here", "fork", "@latest", "--attempt", "word/2").code == 0
    row = written(folder)
    assert len(list(row["runs"])) == 2  # type: ignore[call-overload]
    assert type_in(folder / "there", "bundle", "verify", "run.bundle").code == 0
    replayed = type_in(folder / "there", "replay", "run.bundle")
    assert replayed.code == 0, replayed.out


def rewrite(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write a bundle again with other content, as somebody with `zip` could."""
    with zipfile.ZipFile(path) as before:
        entries = [(each, before.read(each)) for each in before.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in entries:
            if (changed := change(name, data)) is not None:
                after.writestr(name, changed)


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[str, bytes], bytes]:
    """Change the lines of the events."""
    return lambda name, data: b"".join(change(data.splitlines(keepends=True))) if name == EVENTS else data


def manifest(before: bytes, after: bytes) -> Callable[[str, bytes], bytes]:
    """Change the manifest."""
    return lambda name, data: data.replace(before, after) if name == MANIFEST else data


def whole(change: Callable[[str, bytes], bytes | None]) -> Callable[[Path], None]:
    """Change a bundle."""
    return lambda path: rewrite(path, change)


def forge(path: Path) -> None:
    """Cut off the last event, and make the manifest fit."""
    with zipfile.ZipFile(path) as bundle:
        events = bundle.read(EVENTS).splitlines(keepends=True)[:-1]
        said = json.loads(bundle.read(MANIFEST))
    last = json.loads(events[-1])
    said["streams"][last["run"]][last["stream"]] = last["version"]
    rewrite(path, lambda name, data: json.dumps(said).encode() if name == MANIFEST else data)
    rewrite(path, lines(lambda _: events))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (whole(lines(lambda them: [each.replace(b'"counted":2', b'"counted":3') for each in them])), "chain_broken"),
        (whole(lines(lambda them: them[:-1])), "stream_cut"),
        (whole(lines(lambda them: them[:5] + them[6:])), "positions_missing"),
        (whole(lines(lambda them: [*them[:5], them[6], them[5], *them[7:]])), "version_unexpected"),
        (whole(lines(lambda them: [*them[:5], b"{}\n", *them[6:]])), "unreadable"),
        (whole(lambda name, data: data + b" " if name.startswith("blobs/") else data), "blob_damaged"),
        (whole(lambda name, data: None if name.startswith("blobs/0") else data), "blob_lost"),
        (
            whole(manifest(b'"count": ', b'"count": 1')),
            "manifest_wrong",
        ),
        (forge, "manifest_wrong"),
    ],
    ids=["edited", "cut", "left out", "moved", "nonsense", "blobs", "no blobs", "manifest", "forged"],
)
def test_what_somebody_changed_is_named_and_nothing_of_it_is_used(
    folder: Path, change: Callable[[Path], None], found: str
) -> None:
    """Exit code 5, by verifying, reading and replaying alike."""
    written(folder)
    there = folder / "there"
    change(there / "run.bundle")
    outcome = type_in(there, "bundle", "verify", "run.bundle", "--json")
    assert outcome.code == 5
    assert found in [each["finding"] for each in outcome.rows[0]["findings"]], outcome.out
    for words in (("bundle", "read", "run.bundle"), ("replay", "run.bundle")):
        used = type_in(there, *words)
        assert (used.code, "was changed after it was written" in used.err) == (5, True), used.err
    assert [each.name for each in there.iterdir()] == ["run.bundle"]


@pytest.mark.slow
def test_a_bundle_that_was_made_up_whole_needs_the_digest_to_be_told(folder: Path) -> None:
    """As a log needs a seal: verify says that it cannot see it."""
    row = written(folder)
    there = folder / "there"
    outcome = type_in(there, "bundle", "verify", "run.bundle")
    assert "that it was not made up as a whole" in outcome.out
    rewrite(there / "run.bundle", manifest(b'"package": "', b'"package": "9'))
    assert type_in(there, "bundle", "verify", "run.bundle").code == 0
    assert type_in(there, "bundle", "verify", "run.bundle", "--digest", str(row["digest"])).code == 5


@pytest.mark.slow
def test_files_that_are_no_bundles_are_told_from_damaged_ones(folder: Path) -> None:
    """Nothing, a folder, text, somebody's zip, a later version's are usage; a cut or changed one is damaged."""
    written(folder)
    there = folder / "there"
    whole_file = (there / "run.bundle").read_bytes()
    (there / "cut.bundle").write_bytes(whole_file[: len(whole_file) // 2])
    (there / "text.bundle").write_text("hello " * 100)
    with zipfile.ZipFile(there / "holiday.zip", "w") as holiday:
        holiday.writestr("beach.jpg", b"sand")
    (there / "later.bundle").write_bytes(whole_file)
    rewrite(there / "later.bundle", manifest(b'"format": 2', b'"format": 3'))
    (there / "odd.bundle").write_bytes(whole_file)
    rewrite(there / "odd.bundle", manifest(b'"format": 2', b'"format": []'))
    (there / "empty.bundle").write_bytes(b"")
    (there / "folder.bundle").mkdir()
    for name, code, said in (
        ("gone.bundle", 2, "the file does not exist"),
        ("empty.bundle", 2, "it is empty"),
        ("folder.bundle", 2, "it is a folder"),
        ("text.bundle", 2, "cannot be read as a bundle"),
        ("cut.bundle", 5, "was damaged"),
        ("odd.bundle", 5, "was damaged"),
        ("holiday.zip", 2, "a zip file without manifest.json"),
        ("later.bundle", 2, "upgrade stillroom"),
    ):
        for words in (("bundle", "verify"), ("bundle", "read"), ("replay",)):
            outcome = type_in(there, *words, name)
            assert (outcome.code, said in outcome.err) == (code, True), (words, name, outcome.err)
    assert type_in(there, "bundle", "verify", "run.bundle", "--digest", "").code == 2


@pytest.mark.slow
def test_a_bundle_is_never_changed(folder: Path) -> None:
    """Neither written over, nor written to by commands that take it for a log."""
    written(folder)
    there = folder / "there"
    before = (there / "run.bundle").read_bytes()
    again = type_in(folder / "here", "bundle", "write", "-o", "../there/run.bundle")
    assert (again.code, "already exists" in again.err) == (2, True)
    with zipfile.ZipFile(there / "run.bundle") as bundle:
        blob = next(name for name in bundle.namelist() if name.startswith("blobs/")).removeprefix("blobs/")
    erased = type_in(there, "log", "erase", blob, "--reason", "no", "--log", "run.bundle")
    assert (erased.code, "bundles are read-only" in erased.err) == (2, True)
    assert (there / "run.bundle").read_bytes() == before


@pytest.mark.slow
def test_what_was_erased_arrives_as_erased(folder: Path) -> None:
    """With its reason; the bundle is sound, and whoever misses the bytes is told."""
    (row, *_) = [
        row
        for row in type_in(folder / "here", "log", "tail", "@latest", "-n", "1000", "--json").rows
        if row["tag"] == "trial.attempt_concluded"
    ]
    erased = type_in(folder / "here", "log", "erase", row["event"]["commands"], "--reason", "asked by Ann")
    assert erased.code == 0
    assert written(folder)["erased"] == 1
    verified = type_in(folder / "there", "bundle", "verify", "run.bundle")
    assert (verified.code, "asked by Ann" in verified.out) == (0, True)
    replayed = type_in(folder / "there", "replay", "run.bundle", "--redecide")
    assert (replayed.code, "asked by Ann" in replayed.out) == (5, True)


@pytest.mark.slow
def test_a_damaged_log_makes_no_bundle(folder: Path) -> None:
    """The event is named, and no half-written file is left."""
    edit_events(folder / "here" / LOG, "trial.next_chosen", '"counted":2', '"counted":3')
    outcome = type_in(folder / "here", "bundle", "write", "-o", "run.bundle")
    assert (outcome.code, "does not fit its digest" in outcome.err) == (5, True)
    assert not [each for each in (folder / "here").iterdir() if "bundle" in each.name]


def sealed(folder: Path) -> str:
    """Take a seal of the log."""
    return type_in(folder / "here", "log", "seal").out.strip()


def judged(folder: Path, seal: str, *words: str) -> tuple[int, dict[str, Any]]:
    """Look at a bundle with a seal of the log it is from."""
    outcome = type_in(folder / "there", "bundle", "verify", "run.bundle", "--seal", seal, *words, "--json")
    (row,) = outcome.rows
    assert outcome.code == (0 if row["sound"] else 5)
    return outcome.code, row


@pytest.mark.slow
def test_a_run_out_of_several_is_proved_against_the_seal_of_its_log(folder: Path) -> None:
    """Each of its events, at its place; the others are withheld, and that is said."""
    row = written(folder, "@latest~1")
    code, found = judged(folder, sealed(folder))
    assert (code, found["sealed"]) == (0, row["events"])
    assert any("all its events stand at their positions" in claim for claim in found["proved"])
    assert any("withheld" in claim for claim in found["not_proved"])
    # The same where a bundle is named in place of a log.
    there = folder / "there"
    assert type_in(there, "log", "verify", "--log", "run.bundle", "--seal", sealed(folder)).code == 0
    # And nothing of the other run is in the file, but for hashes.
    runs = [each["run"] for each in type_in(folder / "here", "runs", "--json").rows]
    (other,) = [run for run in runs if run != row["run"]]
    with zipfile.ZipFile(there / "run.bundle") as bundle:
        assert not [name for name in bundle.namelist() if other.encode() in bundle.read(name)]


@pytest.mark.slow
def test_a_seal_that_was_taken_between_runs_is_enough(folder: Path) -> None:
    """The log went on since; a seal from before the run says nothing of it."""
    early = sealed(folder)
    assert type_in(folder / "here", *EXPLORE).code == 0
    middle = sealed(folder)
    assert type_in(folder / "here", *EXPLORE).code == 0
    row = written(folder, "@latest~1")
    for seal in (middle, sealed(folder)):
        assert judged(folder, seal)[1]["sealed"] == row["events"]
    code, found = judged(folder, early)
    assert (code, found["sealed"]) == (0, 0)
    assert any("came after the seal" in claim for claim in found["not_proved"])


@pytest.mark.slow
def test_a_seal_in_the_middle_of_a_run_covers_what_came_before_it(folder: Path) -> None:
    """And the bundle says so of the events behind it."""
    here = folder / "here"
    written(folder)
    with zipfile.ZipFile(folder / "there/run.bundle") as bundle:
        positions = [json.loads(line)["position"] for line in bundle.read(EVENTS).splitlines()]
    middle = positions[len(positions) // 2]
    assert type_in(here, "log", "copy", LOG, "part.db").code == 0
    with stranger(here / "part.db") as file:
        file.execute("DROP TRIGGER events_stay")
        file.execute("DELETE FROM events WHERE position > ?", (middle,))
    seal = type_in(here, "log", "seal", "--log", "part.db").out.strip()
    code, found = judged(folder, seal)
    assert (code, found["sealed"]) == (0, len(positions) // 2 + 1)
    assert any("after the seal" in claim for claim in found["not_proved"])


@pytest.mark.slow
def test_a_bundle_cannot_be_written_for_a_seal_of_more_than_there_is(folder: Path) -> None:
    """It is a seal of another log, or this one was cut."""
    outcome = type_in(folder / "here", "bundle", "write", "--seal", f"2:9999:{'0' * 64}:{'0' * 64}")
    assert (outcome.code, "fewer" in outcome.err) == (2, True)
    assert not list((folder / "here").glob("*.bundle"))


@pytest.mark.slow
def test_a_run_of_another_log_is_not_the_one_that_was_sealed(folder: Path) -> None:
    """Whatever it says of itself: its events make another root, with any proof."""
    written(folder)
    make_base(folder / "other")
    for _ in range(2):
        assert type_in(folder / "other", *EXPLORE).code == 0
    seal = type_in(folder / "other", "log", "seal").out.strip()
    code, found = judged(folder, seal)
    assert (code, [each["finding"] for each in found["findings"]], found["sealed"]) == (5, ["history_rewritten"], None)
    # And one whose head is right, but which was never taken
    form, count, head, _ = sealed(folder).split(":")
    code, found = judged(folder, ":".join([form, count, head, "0" * 64]))
    assert [each["finding"] for each in found["findings"]] == ["seal_refuted"]
    assert type_in(folder / "here", "log", "verify", "--seal", ":".join([form, count, head, "0" * 64])).code == 5


@pytest.mark.slow
def test_a_proof_that_was_changed_proves_nothing(folder: Path) -> None:
    """It is refuted by the seal, or cannot be read; without one, nothing is said to be proved."""
    written(folder)
    seal, path = sealed(folder), folder / "there/run.bundle"
    before = path.read_bytes()

    def changed(change: Callable[[bytes], bytes | None]) -> tuple[int, dict[str, Any]]:
        path.write_bytes(before)
        rewrite(path, lambda name, data: change(data) if name == "proof.json" else data)
        return judged(folder, seal)

    hash_ = re.compile(rb'"[0-9a-f]{64}"')
    assert changed(lambda data: hash_.sub(b'"' + b"0" * 64 + b'"', data, count=1))[0] == 5
    assert changed(lambda data: hash_.sub(b'"zz"', data, count=1))[0] == 5
    assert changed(lambda _: b"{}")[0] == 5
    code, found = changed(lambda _: None)
    assert (code, found["sealed"], found["proved"][-1:]) == (0, 0, found["proved"][-1:])
    assert not any("sealed" in claim for claim in found["proved"])


@pytest.mark.slow
def test_a_seal_of_the_first_format_proves_what_leads_up_to_its_last_event(folder: Path) -> None:
    """It has no root: the last event's digest covers only those that stand next to each other before it."""
    written(folder)
    _, count, head, _ = sealed(folder).split(":")
    code, found = judged(folder, f"1:{count}:{head}")
    assert code == 0
    assert 0 < found["sealed"] <= found["events"]
    assert judged(folder, f"1:{count}:{'0' * 64}")[0] == 5


@pytest.mark.slow
def test_bytes_that_belong_to_no_entry_are_found(folder: Path) -> None:
    """In front, behind, in a comment: a zip file holds them, and no digest covers them."""
    written(folder)
    path = folder / "there/run.bundle"
    before = path.read_bytes()
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.comment = b"see elsewhere"
    commented = path.read_bytes()
    for spoilt in (before + b"hidden", b"hidden" + before, commented):
        path.write_bytes(spoilt)
        outcome = type_in(folder / "there", "bundle", "verify", "run.bundle", "--json")
        (row,) = outcome.rows
        assert (outcome.code, [each["finding"] for each in row["findings"]]) == (5, ["bytes_loose"])


@pytest.mark.slow
def test_a_bundle_that_is_written_again_later_is_the_same_with_another_proof(folder: Path) -> None:
    """Its digest names the run, not the log around it."""
    first = written(folder, "@latest~1")
    (folder / "there/run.bundle").unlink()
    assert type_in(folder / "here", *EXPLORE).code == 0
    run = str(first["run"])
    assert written(folder, run)["digest"] == first["digest"]
    assert judged(folder, sealed(folder))[1]["sealed"] == first["events"]


def test_a_key_that_is_not_there_is_told_as_a_missing_file(tmp_path: Path) -> None:
    """A mistyped path, and not a file that holds something else."""
    for text, why in (("key.pub", f"no such file: {tmp_path / 'key.pub'}"), ("a" * 63, "no such file")):
        with pytest.raises(KeyUnusable, match=re.escape(why)):
            read_trusted([text], tmp_path)
    assert read_trusted(["A" * 64], tmp_path) == ("a" * 64,)
    (tmp_path / "key.pub").write_text("no key")
    with pytest.raises(KeyUnusable, match="it holds no public Ed25519 key"):
        read_trusted(["key.pub"], tmp_path)
    with pytest.raises(KeyUnusable, match="No such file"):
        read_secret(tmp_path / "key")


@pytest.mark.slow
def test_a_bundle_is_judged_by_a_signed_seal(folder: Path) -> None:
    """By a key that is trusted, or it says nothing."""
    here, there = folder / "here", folder / "there"
    written(folder)
    for name in ("key", "other"):
        assert type_in(here, "log", "keygen", name).code == 0
    seal = type_in(here, "log", "seal", "--key", "key").out.strip()
    assert judged(folder, seal, "--trust", "../here/key.pub")[0] == 0
    code, found = judged(folder, seal, "--trust", "../here/other.pub")
    assert (code, [each["finding"] for each in found["findings"]]) == (5, ["seal_untrusted"])
    forged = seal.replace(":" + seal.split(":")[3] + ":", ":" + "0" * 64 + ":")
    assert [each["finding"] for each in judged(folder, forged)[1]["findings"]] == ["seal_forged"]
    assert type_in(there, "bundle", "verify", "run.bundle", "--trust", "../here/key.pub").code == 2
    assert type_in(there, "log", "seal", "--log", "run.bundle").code == 2
