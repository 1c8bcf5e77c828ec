"""A training that an earlier version wrote: what it came to, gone on with from any place, and asked of another gate."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from engine.config.amend import amended
from engine.config.changes import read_changes
from engine.config.spec import read_spec
from engine.config.tree import ConfigValue
from engine.core.fold import fold_run
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import resume_run
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.integrity.verify import verify
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.streams import TRAIN
from events.types.run import RunOpened
from events.types.training import GateDecided, SkillAccepted
from projections.library import Library
from projections.training.state import TrainedRun
from projections.training.view import Training
from replay.redecide import decisions
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.engine.runtime.test_resume import all_blobs
from tests.support.runs import setting
from tests.support.training import DEMO, course_of, run_digest, told
from tests.support.worlds import Ticking

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "training-7f6e974.bundle"
ANSWERED: Final = frozenset({"model.call_answered"})


async def lived() -> tuple[MemoryLog, str]:
    """Bring the training into a log."""
    log = MemoryLog(clock=Ticking())
    async with await BundleSource.open(GOLDEN) as bundle:
        (run,) = (await require_sound(bundle)).runs
        await copy(bundle, log, (run,))
    return log, run


async def killed_at(whole: MemoryLog, position: int) -> MemoryLog:
    """Give the log of a process that was killed behind an event."""
    log = MemoryLog(clock=Ticking())
    for name in await all_blobs(whole):
        log.put(await whole.get(name))
    async for page in whole.rows(Selection(until=position)):
        await log.adopt(page)
    return log


def world(folder: Path) -> Path:
    """Make again what the models are reached by; the items are on record."""
    (folder / "script.toml").write_text((DEMO / "script.toml").read_text())
    return folder


async def known(log: MemoryLog, run: str) -> TrainedRun:
    """Fold the training."""
    (state,) = await fold_run(log, [Training()], run)
    found: TrainedRun = state.runs[run]
    return found


async def test_what_it_came_to_is_read_as_it_was() -> None:
    """An edit was accepted, one rejected, guidance too; a placebo that the gate took came into force nowhere."""
    log, run = await lived()
    found = await known(log, run)
    assert [(each.name, each.standing, each.revision) for each in found.candidates] == [
        ("s1", "accepted", 1),
        ("s2", "rejected", None),
        ("e2.slow", "rejected", None),
    ]
    (placebo,) = found.placebos
    assert (placebo.name, placebo.standing, placebo.revision) == ("s2.placebo", "accepted", None)
    assert {name: each[-1].outcome for name, each in placebo.shadows.items()} == {"strict": "reject"}
    assert [each.revision for each in found.revisions] == [0, 1]
    assert found.do_nothing == ("items.idle-val",)
    assert found.closed is not None
    assert [(each.which, each.revision) for each in found.closed.skills] == [("initial", 0), ("best", 1), ("final", 1)]
    last = found.candidates[-1].gates[-1].believed
    assert [each.believed for each in found.closed.skills[1:]] == [last, last]
    (library,) = await fold_run(log, [Library()], run)
    assert len(library.runs[run].candidates) == 3


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_anywhere_under_that_version_it_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """Cut at every thirtieth event: nothing that was answered is asked again, and each stream ends as it did."""
    whole, run = await lived()
    wanted, base = await run_digest(whole, run), world(tmp_path)
    head = (await whole.head()).position
    for position in range(30, head - 2, 30):
        log = await killed_at(whole, position)
        answered = {each.cause async for each in log.read(Selection(run=run, tags=ANSWERED))}
        report = await resume_run(await setting(log, base), run)
        assert report.outcomes == {TRAIN: "completed"}
        causes = Counter([each.cause async for each in log.read(Selection(run=run, tags=ANSWERED))])
        assert {causes[each] for each in answered} <= {1}
        assert await run_digest(log, run) == wanted
        assert (await rerun(log, run)).complete
        assert all(each.agrees for each in await decisions(log, run))
        assert (await verify(log)).sound


async def test_a_fork_of_it_goes_on_under_another_gate(tmp_path: Path) -> None:
    """Given one behind the accepted edit, `strict` folds what `level` had seen, and rejects the placebo, too."""
    log, run = await lived()
    cut = next(each for each in await course_of(log, run) if isinstance(each.event, SkillAccepted))
    (opened,) = [each.event async for each in log.read(Selection(run=run, tags={"run.opened"}))]
    assert isinstance(opened, RunOpened)
    spec = read_spec(await log.get(opened.spec))
    changed = amended(spec, [ConfigValue(("train", "gate", "name"), "strict", "--set")])
    report = await fork_run(await setting(log, world(tmp_path)), Fork(run, cut.position, changed.spec, ()))
    assert report.outcomes == {TRAIN: "completed"}
    found = await known(log, report.run)
    assert [each.standing for each in found.placebos] == ["rejected"]
    assert {each.gate for each in await told(log, report.run, GateDecided)} == {"strict"}
    assert (await rerun(log, report.run)).complete


async def test_another_gate_is_asked_of_it_without_a_call() -> None:
    """`strict` rules otherwise on the placebo alone, and nothing follows from that."""
    log, run = await lived()
    found = await ask([await prepare(log, run)], read_changes([("train.gate.name", "strict")]))
    assert [(each.point, each.recorded, each.decided) for each in found.flips] == [("gate", "accept", "reject")]
    assert found.left == ()
    placebo = (await known(log, run)).placebos[0]
    assert found.flips[0].at == placebo.gates[-1].at
