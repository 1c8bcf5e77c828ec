"""Trainings in a storm: what broke is no score, teaches nothing and is stored nowhere, and coverage is told."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.ports import EffectAddress
from engine.programs.train.points import RolloutRow
from engine.testing.faulty_ports import Fault, FaultyPorts, struck
from events.base import Event
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import OPTIMIZER, family_of
from events.types.model import ModelAsked, ModelFailed
from events.types.optimizing import TrajectoryAsked
from events.types.training import (
    BatchBroken,
    GateDecided,
    PatchesGathered,
    RolloutsScored,
    SkillAccepted,
    TrainingClosed,
)
from events.values import Usage
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.training import SETS, jars, told, trained, training

NONE: Final = Usage(None, None, None, None)
FAILED: Final = ModelFailed("authentication", 401, "storm", None, NONE, None, True, False, None, ())


def no_call(percent: int, event: Event, place: EffectAddress) -> Event | None:
    """Fail the calls of some cells, whenever they are asked."""
    broken = isinstance(event, ModelAsked) and family_of(place.stream) == "item" and struck(place.stream, percent)
    return FAILED if broken else None


def no_item(names: frozenset[str], event: Event, place: EffectAddress) -> Event | None:
    """Fail the calls of some items, under every skill."""
    item = place.stream.rsplit("/", 1)[-1].rpartition(".")[0]
    return FAILED if isinstance(event, ModelAsked) and item in names else None


def no_optimizer(families: frozenset[str], event: Event, place: EffectAddress) -> Event | None:
    """Fail calls of the optimizer, by what they are for."""
    return FAILED if isinstance(event, ModelAsked) and family_of(place.stream) in families else None


async def stormed(base: Path, fault: Fault, **changes: Any) -> tuple[EventLog, str]:
    """Train to the end while some effects fail."""
    log = MemoryLog(clock=CountingClock())
    report = await trained(log, base, training(**changes), lambda ports: FaultyPorts(ports, fault))
    assert report.outcomes == {"train": "completed"}
    return log, report.run


async def passes(log: EventLog, run: str) -> Mapping[str, tuple[RolloutsScored, tuple[RolloutRow, ...]]]:
    """Give each pass with its rows, by its label."""
    found = await told(log, run, RolloutsScored)
    rows = [msgspec.json.decode(await log.get(each.rows), type=tuple[RolloutRow, ...]) for each in found]
    return {each.label: (each, table) for each, table in zip(found, rows, strict=True)}


def mean(rows: Sequence[RolloutRow]) -> Fraction:
    """Average what was scored."""
    scored = [Fraction(bool(each.solved)) for each in rows if each.solved is not None]
    return sum(scored, Fraction(0)) / len(scored)


async def test_a_score_rests_on_what_was_scored_and_says_on_how_much(tmp_path: Path) -> None:
    """Given calls of 30 % of the cells that fail, no mean and no ruling counts them, and each says its rows."""
    log, run = await stormed(jars(tmp_path), partial(no_call, 30), floor=0.4)
    found = await passes(log, run)
    for event, rows in found.values():
        broken = {each.item for each in rows if struck(f"item/{each.stream.removeprefix('cell/')}", 30)}
        assert {each.item for each in rows if each.solved is None} == broken
        assert {each.reason for each in rows if each.solved is None} <= {"infrastructure"}
        assert (event.planned, event.scored) == (len(rows), len(rows) - len(broken))
        assert event.hard is not None
        assert event.hard.exact == mean(rows)
    assert any(event.scored < event.planned for event, _ in found.values())
    ruled = [each for each in await told(log, run, GateDecided) if each.outcome in {"accept", "reject"} and each.rows]
    labels = [label for label in found if ".gate" in label]
    assert ruled
    for each, label in zip(ruled, labels, strict=True):
        counted = [row for row in found[label][1] if row.item != "items.idle-val"]
        assert each.rows == sum(row.solved is not None for row in counted)
        assert each.score is not None
        assert each.score.exact == mean(counted)
    assert (await rerun(log, run)).complete


async def test_nothing_is_learnt_from_what_broke_and_it_is_stored_nowhere(tmp_path: Path) -> None:
    """The optimizer is shown each rollout that has a score, and no other; a later run asks for the rest again."""
    log, run = await stormed(jars(tmp_path), partial(no_call, 30), floor=0.4)
    found = await passes(log, run)
    scored, broken = (
        {row.stream for _, rows in found.values() for row in rows if (row.solved is None) is missing}
        for missing in (False, True)
    )
    shown = {
        each.event.cell
        async for each in log.read(Selection(run=run, tags={"trajectory.asked"}))
        if isinstance(each.event, TrajectoryAsked)
    }
    rollouts = {row.stream for label, (_, rows) in found.items() if "rollout" in label for row in rows}
    assert broken & rollouts
    assert shown & broken == set()
    assert rollouts & scored <= shown
    stored = {each.stream.name async for each in log.read(Selection(run=run, tags={"evaluation.scored"}))}
    assert stored & broken == set()


@pytest.mark.slow
async def test_a_gate_rules_as_it_would_without_the_items_that_broke(tmp_path: Path) -> None:
    """Given selection items that break under every skill, all is decided as by a set that leaves them out."""
    names = ("dried-sorrel", "fresh-spikenard")
    base, apart = jars(tmp_path), MemoryLog(clock=CountingClock())
    log, run = await stormed(base, partial(no_item, frozenset(f"items.{name}" for name in names)))
    sets = {**SETS, "selection": {**SETS["selection"], "exclude": names, "limit": 10}}
    other = (await trained(apart, base, training(sets=sets))).run
    left, alone = [
        [
            (each.outcome, each.score, each.believed, each.rows)
            for each in await told(*place, GateDecided)
            if each.outcome != "more"
        ]
        for place in ((log, run), (apart, other))
    ]
    assert left == alone
    assert {each[0] for each in left} == {"accept", "reject"}


async def test_too_little_coverage_decides_nothing(tmp_path: Path) -> None:
    """Given half of the selection items broken and a floor of 0.8, no candidate is accepted, and the reason says it."""
    log, run = await stormed(jars(tmp_path), partial(no_call, 50))
    ruled = [each for each in await told(log, run, GateDecided) if each.outcome != "more" and each.rows]
    assert ruled
    assert {each.outcome for each in ruled} == {"undecided"}
    assert await told(log, run, SkillAccepted) == []
    (closed,) = await told(log, run, TrainingClosed)
    assert closed.accepted == 0


async def test_a_first_pass_of_a_few_rows_is_nothing_to_beat(tmp_path: Path) -> None:
    """Given an outage that leaves a few rows of the first pass, no candidate is accepted or rejected by them."""

    def outage(event: Event, place: EffectAddress) -> Event | None:
        first = place.stream.startswith("item/start/")
        return no_call(70, event, place) if first else None

    log, run = await stormed(jars(tmp_path), outage)
    (first, _) = (await passes(log, run))["start"]
    assert 0 < first.scored < first.planned / 2
    ruled = [each for each in await told(log, run, GateDecided) if each.outcome != "more" and each.rows]
    assert ruled
    assert {each.outcome for each in ruled} == {"undecided"}
    assert all("under the revision in force" in each.reason for each in ruled)


async def test_an_optimizer_that_cannot_be_reached_proposes_nothing(tmp_path: Path) -> None:
    """A failed call is no empty list of edits: the run pauses behind the rollouts of the first step."""
    log, fault = MemoryLog(clock=CountingClock()), partial(no_optimizer, frozenset(OPTIMIZER))
    report = await trained(log, jars(tmp_path), training(), lambda ports: FaultyPorts(ports, fault))
    assert (report.outcomes, report.held) == ({}, 1)
    (broken,) = await told(log, report.run, BatchBroken)
    assert broken.label == "s1.reflect"
    assert [each.label for each in await told(log, report.run, RolloutsScored)] == ["start", "s1.rollout"]
    assert not await told(log, report.run, GateDecided, PatchesGathered, TrainingClosed)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["merge", "rank", "slow", "meta"])
async def test_a_stage_that_is_not_answered_loses_no_edits_of_others(tmp_path: Path, family: str) -> None:
    """Training goes on with what there is, and replays."""
    log, run = await stormed(jars(tmp_path), partial(no_optimizer, frozenset({family})))
    assert await told(log, run, SkillAccepted)
    assert (await rerun(log, run)).complete
