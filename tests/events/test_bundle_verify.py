"""What a bundle holds that its manifest does not say, and the other way round."""

import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.base import Draft, StreamId
from events.bundle.format import MANIFEST, PROOF
from events.bundle.source import BundleSource
from events.bundle.verify import verify_bundle
from events.bundle.write import write_bundle
from events.digest import digest_of
from events.findings import BlobLost, EntryStrange, Finding, ManifestWrong, StreamCut
from events.store.memory import MemoryLog
from tests.events.samples import drafts, observed, ticking

BLOB = "blobs/" + "0" * 64


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """A bundle of the second of three runs."""
    log = MemoryLog(clock=ticking())
    for run in ("run-1", "run-2", "run-3"):
        await log.append(
            StreamId(run, "s"),
            [*drafts("x"), Draft(observed(log.put(run.encode()))[0].event, None)],
            expected_version=0,
        )
    await write_bundle(log, "run-2", tmp_path / "run.bundle", package="test")
    yield tmp_path / "run.bundle"
    await log.close()


def add(path: Path, name: str, data: bytes = b"x") -> None:
    """Put one more entry into a bundle."""
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr(name, data)


def restate(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write another manifest into a bundle, and all else as it was."""
    with zipfile.ZipFile(path) as bundle:
        entries = {name: bundle.read(name) for name in bundle.namelist()}
    said = msgspec.json.decode(entries[MANIFEST])
    change(said)
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in {**entries, MANIFEST: msgspec.json.encode(said)}.items():
            bundle.writestr(name, data)


async def found(path: Path) -> list[Finding]:
    """Look through a bundle."""
    async with await BundleSource.open(path) as bundle:
        return list((await verify_bundle(bundle)).findings)


async def test_a_bundle_as_it_was_written_is_sound(path: Path) -> None:
    """The same bytes of all entries, packed in another way, are the same bundle."""
    assert await found(path) == []
    restate(path, lambda said: None)
    assert await found(path) == []


@pytest.mark.parametrize("name", ["notes.txt", "blobs/notes", "blobs/" + "0" * 63, "0" * 64, f"more/{BLOB}"])
async def test_an_entry_that_belongs_to_no_bundle_is_named(name: str, path: Path) -> None:
    """Somebody may have hidden something there."""
    add(path, name)
    assert EntryStrange(name) in await found(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
async def test_an_entry_that_is_there_twice_is_named(path: Path) -> None:
    """Two programs might read two different ones."""
    with zipfile.ZipFile(path) as bundle:
        (blob,) = [name for name in bundle.namelist() if name.startswith("blobs/")]
    add(path, blob)
    assert EntryStrange(blob) in await found(path)


async def test_the_run_is_the_last_that_has_events(path: Path) -> None:
    """A manifest that names another one, of which nothing is here, is wrong, and says what there is."""

    def rename(said: dict[str, Any]) -> None:
        said["run"] = "run-9"
        said["runs"] = [*said["runs"], "run-9"]

    restate(path, rename)
    assert await found(path) == [ManifestWrong("run", "run-9", "run-2")]


async def test_streams_are_as_long_as_is_said_and_no_others_are_there(path: Path) -> None:
    """One that is said to be there and is not has 0 events; one that is not said to be there should have none."""

    def change(said: dict[str, Any]) -> None:
        said["streams"]["run-2"] = {"s": 3, "t": 1}

    restate(path, change)
    assert await found(path) == [StreamCut("run-2", "s", 3, 2), StreamCut("run-2", "t", 1, 0)]
    restate(path, lambda said: said["streams"].update({"run-2": {}}))
    assert StreamCut("run-2", "s", 0, 2) in await found(path)


async def test_counts_are_those_of_what_is_there(path: Path) -> None:
    """Of events and of blobs, to one."""
    restate(path, lambda said: said["events"].update(count=3))
    assert await found(path) == [ManifestWrong("events", "3", "2")]
    restate(path, lambda said: (said["events"].update(count=2), said["blobs"].update(count=0)))
    assert await found(path) == [ManifestWrong("blobs", "0", "1")]


async def test_a_blob_that_is_missing_is_named_with_the_event_that_names_it(path: Path) -> None:
    """And the manifest counts one more than there are."""
    with zipfile.ZipFile(path) as bundle:
        entries = {name: bundle.read(name) for name in bundle.namelist() if not name.startswith("blobs/")}
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    count, summed, lost = await found(path)
    assert lost == BlobLost(4, digest_of(b"run-2"))
    assert count == ManifestWrong("blobs", "1", "0")
    assert isinstance(summed, ManifestWrong)


async def test_a_bundle_of_the_first_format_has_no_proof(path: Path) -> None:
    """It was made before there were any; one that lies in it is not its own."""
    restate(path, lambda said: said.update(format=1))
    assert await found(path) == [EntryStrange(PROOF)]
