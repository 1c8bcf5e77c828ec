"""What does not wait for each other runs side by side, and what is recorded of it stands in the same order."""

from pathlib import Path
from typing import Any

from events.base import Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.optimizing import OptimizerClosed, OptimizerOpened
from events.types.training import RolloutsScored
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.training import FEW, jars, shuffled, told, trained, training


async def lived(base: Path, **changes: Any) -> tuple[EventLog, str, list[Recorded]]:
    """Train to the end, and read all that was recorded."""
    log = MemoryLog(clock=CountingClock())
    report = await trained(log, base, training(**{**FEW, **changes}))
    assert report.outcomes == {"train": "completed"}
    return log, report.run, [each async for each in log.read(Selection(run=report.run))]


def span(recorded: list[Recorded], part: str) -> tuple[int, int]:
    """Give the first and the last position of the streams whose names begin so."""
    found = [each.position for each in recorded if each.stream.name.startswith(part)]
    return min(found), max(found)


async def test_both_passes_of_an_epochs_comparison_run_at_once(tmp_path: Path) -> None:
    """Each begins before the other has ended; the skill before is recorded first."""
    log, run, recorded = await lived(jars(tmp_path))
    before, after = (span(recorded, f"cell/e2.slow.{name}/") for name in ("before", "after"))
    assert after[0] < before[1]
    labels = [each.label for each in await told(log, run, RolloutsScored) if each.label.startswith("e2.slow.")]
    assert labels[:2] == ["e2.slow.before", "e2.slow.after"]
    assert (await rerun(log, run)).complete


async def test_guidance_and_notes_are_asked_for_at_once(tmp_path: Path) -> None:
    """Neither question waits for the other's answer, nor the notes for the gate."""
    _, _, recorded = await lived(jars(tmp_path))
    opened = {each.stream.name: each.position for each in recorded if isinstance(each.event, OptimizerOpened)}
    closed = {each.stream.name: each.position for each in recorded if isinstance(each.event, OptimizerClosed)}
    assert opened["meta/2"] < closed["slow/2"]
    assert opened["slow/2"] < closed["meta/2"]
    assert closed["meta/2"] < span(recorded, "cell/e2.slow.gate/")[0]


async def test_an_unchanged_skill_is_a_further_repeat_in_the_second_pass(tmp_path: Path) -> None:
    """Given a gate that accepts nothing, both passes have the same skill, and no cell of one is a cell of the other."""
    log, run, recorded = await lived(jars(tmp_path), gate={"name": "evidence", "settings": {"anyway": True}})
    passes = {each.label: each for each in await told(log, run, RolloutsScored)}
    assert passes["e2.slow.before"].skill == passes["e2.slow.after"].skill
    names = {
        name: {each.stream.name.rpartition(".")[2] for each in recorded if f"/e2.slow.{name}/" in each.stream.name}
        for name in ("before", "after")
    }
    assert not names["before"] & names["after"]


async def test_merges_of_many_levels_come_out_the_same_in_any_order(tmp_path: Path) -> None:
    """Pairs of single rollouts, merged over three levels, with effects held back."""
    base = jars(tmp_path)
    changes: dict[str, Any] = {"minibatch": 1, "merge_batch": 2, "batch": 6, "epochs": 2}
    plain, other = [await shuffled(base, seed, **changes) for seed in (None, 3)]
    assert [name for name in plain.digests if name.startswith("merge/")]
    assert plain.order != other.order
    assert plain.digests == other.digests
    assert other.equal
