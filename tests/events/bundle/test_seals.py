"""Runs that were recorded side by side: a bundle of one of them, and seals that were taken whenever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.base import StreamId
from events.bundle.source import BundleSource
from events.bundle.verify import BundleReport, verify_bundle
from events.bundle.write import write_bundle
from events.digest import Digest
from events.store.chain import Seal, seal
from events.store.memory import MemoryLog
from tests.events.samples import drafts, ticking

RUNS = ("run-1", "run-2", "run-3")


@pytest.fixture
async def seals() -> AsyncIterator[tuple[MemoryLog, list[Seal]]]:
    """A log of three runs in turn, and a seal of every state of it."""
    log = MemoryLog(clock=ticking())
    taken = [await seal(log)]
    for turn in range(9):
        for run in RUNS:
            await log.append(StreamId(run, "s"), drafts(f"{turn}"), expected_version=turn)
            taken.append(await seal(log))
    yield log, taken
    await log.close()


async def judged(path: Path, given: Seal) -> BundleReport:
    """Look at a bundle with a seal."""
    async with await BundleSource.open(path) as bundle:
        return await verify_bundle(bundle, seal=given)


async def test_every_seal_that_was_named_proves_what_came_before_it(
    seals: tuple[MemoryLog, list[Seal]], tmp_path: Path
) -> None:
    """All of them in one bundle; what came after each is said to be open, and so are the events of others."""
    log, taken = seals
    path = tmp_path / "run.bundle"
    await write_bundle(log, "run-2", path, package="test", sizes=range(28))
    for given in taken:
        report = await judged(path, given)
        covered = sum(1 for position in range(1, given.count + 1) if position % 3 == 2)
        assert report.sound, report.findings
        assert report.sealed == covered
        assert any("after the seal" in claim for claim in report.not_proved) == (covered < 9)
        withheld = [claim for claim in report.not_proved if "withheld" in claim]
        assert [claim.split()[2] for claim in withheld] == ([str(given.count - covered)] if given.count else [])


async def test_a_seal_that_was_not_named_is_refuted_or_open_but_never_proved_by_mistake(
    seals: tuple[MemoryLog, list[Seal]], tmp_path: Path
) -> None:
    """Where events of others stand on both sides of it; the bundle then says how to write one that it proves."""
    log, taken = seals
    path = tmp_path / "run.bundle"
    await write_bundle(log, "run-2", path, package="test")
    ends = {25, 26, 27}
    for given in taken[2:]:
        report = await judged(path, given)
        assert report.sound
        covered = sum(1 for position in range(1, given.count + 1) if position % 3 == 2)
        assert report.sealed in {0, covered}
        assert report.sealed == covered or given.count not in ends
        if report.sealed == 0:
            assert any("write it again, with `--seal`" in claim for claim in report.not_proved)
        wrong = Digest(str(given.root)[::-1])
        report = await judged(path, Seal(given.format, given.count, given.head, wrong))
        assert not report.sealed


async def test_a_seal_of_the_first_format_covers_events_side_by_side(
    seals: tuple[MemoryLog, list[Seal]], tmp_path: Path
) -> None:
    """Here each event of the run stands alone, so only the sealed one itself is covered."""
    log, taken = seals
    path = tmp_path / "run.bundle"
    await write_bundle(log, "run-3", path, package="test")
    report = await judged(path, Seal(1, 27, taken[27].head))
    assert (report.sound, report.sealed) == (True, 1)
    assert any("8 of its events" in claim and "no root" in claim for claim in report.not_proved)
    assert not (await judged(path, Seal(1, 27, taken[26].head))).sound
