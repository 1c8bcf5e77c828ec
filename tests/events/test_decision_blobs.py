"""What a decision saw lies in blobs that only blobs name: copies, bundles and checks follow them to their end."""

from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from events.base import Draft, Ref, StreamId
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import BundleReport, verify_bundle
from events.bundle.write import write_bundle
from events.digest import Digest
from events.findings import BlobDamaged, BlobLost
from events.integrity.verify import verify
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.decision import DecisionMade, Earlier, Held, Seen, Text, read_parts
from tests.events.samples import TRIAL, asked, ticking

TOLD = Ref("trial/greet", 1)


class TableScore(msgspec.Struct, frozen=True):
    """What a table holds."""

    reward: float


class BlobSaw(msgspec.Struct, frozen=True):
    """What a decision may see."""

    texts: dict[str, Text]
    table: Held | None
    plain: dict[str, str]
    earlier: Earlier | None


class FilledLog(NamedTuple):
    """What a log was filled with."""

    text: Digest
    table: Digest
    first: Digest
    """Inputs of a decision that no event records."""
    old: Digest
    """Text that only those name."""
    second: Digest
    rule: Digest

    @property
    def all(self) -> set[Digest]:
        """Give every blob."""
        return set(self)


async def filled(log: EventLog) -> FilledLog:
    """Fill a log as a resume does: the inputs of an old step are named by those of the next one alone."""
    text, old, rule = log.put(b"a memo"), log.put(b"an old memo"), log.put(b"{}")
    table = log.put(msgspec.json.encode([Seen(TOLD, TableScore(0.5)), Text(text, TOLD)]))
    first = log.put(msgspec.json.encode(BlobSaw({"memo": Text(old, TOLD)}, None, {}, None)))
    plain = {"text": "none of ours", "at": "noon"}
    saw = BlobSaw({"memo": Text(text, TOLD)}, Held(table, TOLD), plain, Earlier(first, TOLD))
    second = log.put(msgspec.json.encode(saw))
    made = DecisionMade(point="weighing", ruling={"go": True}, inputs=second, rule=rule, point_revision=1)
    await log.append(TRIAL, [*asked(text), Draft(made, None)], expected_version=0)
    return FilledLog(text, table, first, old, second, rule)


async def bundled(log: EventLog, path: Path) -> BundleReport:
    """Write a run's bundle and look through it."""
    await write_bundle(log, TRIAL.run, path, package="0")
    async with await BundleSource.open(path) as bundle:
        return await verify_bundle(bundle)


async def test_a_copied_run_brings_what_its_decisions_saw(log: EventLog) -> None:
    """Through tables and earlier inputs, to the texts that only those name."""
    kept = await filled(log)
    await log.append(StreamId("run-2", "run"), asked(kept.text), expected_version=0)
    async with MemoryLog(clock=ticking()) as copied:
        assert (await copy(log, copied, [TRIAL.run])).blobs == len(kept.all)
        for digest in kept.all:
            assert await copied.get(digest) == await log.get(digest)
        assert (await verify(copied)).sound


async def test_a_check_counts_none_of_it_as_named_by_nobody(log: EventLog) -> None:
    """What stands in inputs is named; what no event and no blob names is counted as before."""
    kept = await filled(log)
    report = await verify(log)
    assert (report.sound, report.blobs, report.spare) == (True, len(kept.all), 0)
    spare = log.put(b"of an append that never came")
    await log.append(TRIAL, asked(kept.text), expected_version=2)
    assert (await verify(log)).spare == 1
    assert await log.get(spare)


@pytest.mark.parametrize("name", FilledLog._fields)
async def test_a_bundle_is_whole_whatever_was_erased(log: EventLog, tmp_path: Path, name: str) -> None:
    """A text, a table, inputs themselves: what was erased is named with its reason, and nothing is wrong."""
    kept = await filled(log)
    whole = await bundled(log, tmp_path / "whole.bundle")
    assert (whole.sound, whole.blobs) == (True, len(kept.all))
    gone: Digest = getattr(kept, name)
    await log.erase(gone, "asked by Ann")
    report = await bundled(log, tmp_path / "less.bundle")
    assert report.sound, report.findings
    assert [(each.digest, each.reason) for each in report.erasures] == [(gone, "asked by Ann")]
    assert (await verify(log)).erased == (gone,)


async def test_inputs_that_cannot_be_read_are_named(log: EventLog) -> None:
    """Bytes that are no JSON, or nested beyond all measure, do not end a check; nor does a blob that never was."""
    for version, data in enumerate((b"no inputs", b"[" * 9_000 + b"]" * 9_000)):
        made = DecisionMade(point="weighing", ruling={}, inputs=log.put(data), point_revision=1)
        await log.append(TRIAL, [Draft(made, None)], expected_version=version)
    lost = BlobSaw({"memo": Text(Digest("0" * 64), TOLD)}, None, {}, None)
    made = DecisionMade(point="weighing", ruling={}, inputs=log.put(msgspec.json.encode(lost)), point_revision=1)
    await log.append(TRIAL, [Draft(made, None)], expected_version=2)
    findings = (await verify(log)).findings
    assert [(type(each), getattr(each, "position", 0)) for each in findings] == [
        (BlobDamaged, 1),
        (BlobDamaged, 2),
        (BlobLost, 3),
    ]
    assert "not the inputs of a decision" in str(findings[0])


def test_parts_come_in_the_order_in_which_they_stand() -> None:
    """Whether their class is known or not; what a value holds is its event's own."""
    text, table = Text(Digest("a" * 64), TOLD), Held(Digest("b" * 64), TOLD)
    saw = {"first": [text, {"deep": table}], "second": Seen(TOLD, {"text": "a" * 64, "at": TOLD}), "third": text}
    found = list(read_parts(msgspec.json.encode(saw)))
    assert [type(part) for part in found] == [Text, Held, Seen, Text]
    assert found[:2] == [text, table]
