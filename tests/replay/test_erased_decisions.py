"""Decisions whose bytes travel, or were erased: whatever only inputs name goes along, and what is gone is named."""

from collections import Counter
from pathlib import Path

import pytest

from engine.runtime.run import resume_run, start_run
from events.base import Event, Ref
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import verify_bundle
from events.bundle.write import write_bundle
from events.digest import Digest
from events.integrity.blobs import names_in, names_in_blob
from events.integrity.verify import verify
from events.store.base import Selection
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.types.decision import Decided, Earlier, read_parts
from events.types.pdi import PdiRead
from events.types.trial import AttemptPlanned
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.earlier import as_written_by_323f770
from tests.support.runs import MEMO, TWICE_WRONG, make_base, setting, spec
from tests.support.worlds import Ticking


async def lived(base: Path) -> tuple[MemoryLog, str]:
    """A run that fails twice, learns twice and reads PDI twice."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, base), spec())).run


async def memos_of(log: MemoryLog) -> list[Digest]:
    """Name the memos, in the order in which they were read by PDI."""
    return [each.event.memo async for each in log.read() if isinstance(each.event, PdiRead)]


async def unanswered(log: MemoryLog, run: str) -> list[tuple[str, Ref]]:
    """List the decisions that cannot be made again; all others come out as recorded."""
    made = await decisions(log, run)
    assert not [each for each in made if each.differences]
    assert all("asked by Ann" in each.missing for each in made if each.missing)
    return [(each.point, each.at) for each in made if each.missing]


async def resumed_from_323f770(base: Path) -> tuple[MemoryLog, str, Digest]:
    """A run that 323f770 began and this version ended; and the inputs of its first reading, which no event names."""
    whole, run = await lived(base)
    planned = [each.position async for each in whole.read() if isinstance(each.event, AttemptPlanned)]
    log = await as_written_by_323f770(whole, planned[1] - 1)
    assert (await resume_run(await setting(log, base), run)).outcomes == {"word": "solved"}
    readings = [each.event async for each in log.read() if isinstance(each.event, PdiRead)]
    assert [each.inputs is None for each in readings] == [True, False]
    assert readings[1].inputs is not None
    (earlier,) = [part for part in read_parts(await log.get(readings[1].inputs)) if isinstance(part, Earlier)]
    return log, run, earlier.earlier


@pytest.mark.slow
async def test_inputs_of_old_steps_that_no_event_names_go_along(tmp_path: Path) -> None:
    """A resume writes them, since a new step rests on them: check, copy and bundle find them behind it."""
    log, run, old = await resumed_from_323f770(make_base(tmp_path, TWICE_WRONG))
    assert not [each async for each in log.read() if old in named_blobs(each.event)]
    assert (await rerun(log, run)).complete
    report = await verify(log)
    assert report.sound
    await write_bundle(log, run, tmp_path / "run.bundle", package="0")
    elsewhere = MemoryLog(clock=Ticking())
    async with await BundleSource.open(tmp_path / "run.bundle") as bundle:
        assert (await verify_bundle(bundle)).sound
        await copy(bundle, elsewhere)
    assert await elsewhere.get(old) == await log.get(old)
    assert await unanswered(elsewhere, run) == []
    assert (await rerun(elsewhere, run)).complete


@pytest.mark.slow
async def test_inputs_of_old_steps_can_be_erased_without_losing_the_run(tmp_path: Path) -> None:
    """The bundle is sound, and says who and why."""
    log, run, old = await resumed_from_323f770(make_base(tmp_path, TWICE_WRONG))
    await log.erase(old, "asked by Ann")
    await write_bundle(log, run, tmp_path / "run.bundle", package="0")
    async with await BundleSource.open(tmp_path / "run.bundle") as bundle:
        report = await verify_bundle(bundle)
    assert report.sound
    assert [(each.digest, each.reason) for each in report.erasures] == [(old, "asked by Ann")]


LEARNING_TWICE = TWICE_WRONG.replace(
    '[[rule]]\nname = "reflect"',
    '[[rule]]\nname = "reflect again"\ncontains = ["Role: reflector", "Attempt: 2 of"]\n'
    f"[[rule.turn]]\ntext = '''{MEMO.replace('(1 failed attempt)', '(2 failed attempts)')}'''\n\n"
    '[[rule]]\nname = "reflect"',
)
"""A model that writes another memo after its second failure."""


async def test_an_erased_memo_leaves_unanswered_what_rests_on_it_and_nothing_else(tmp_path: Path) -> None:
    """The ruling that took it, what was told by it, the readings of and behind it, and the evidence: all by name."""
    log, run = await lived(make_base(tmp_path, LEARNING_TWICE))
    first, second = await memos_of(log)
    assert first != second
    decided = [each async for each in log.read(Selection(run=run)) if isinstance(each.event, Decided)]
    saw = {each.ref for each in decided if await rests_on(log, each.event, first)}
    await log.erase(first, "asked by Ann")
    gone = await unanswered(log, run)
    assert {at for _, at in gone} == saw
    assert Counter(point for point, _ in gone) == {"reflection": 1, "retry": 1, "pdi": 2, "evidence": 1}
    assert len(await decisions(log, run)) > len(gone) + 10
    await write_bundle(log, run, tmp_path / "run.bundle", package="0")
    async with await BundleSource.open(tmp_path / "run.bundle") as bundle:
        assert (await verify_bundle(bundle)).sound


async def rests_on(log: MemoryLog, event: Event, digest: Digest) -> bool:
    """Say whether the inputs of a decision name some bytes, or those of an earlier one that they name do."""
    waiting = [named for named in names_in(1, event) if named.kind == "inputs"]
    while waiting:
        named = waiting.pop()
        data = await log.get(named.digest)
        if digest.encode() in data:
            return True
        waiting += [each for each in names_in_blob(named, data) if each.kind == "inputs"]
    return False
