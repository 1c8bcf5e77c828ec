"""Trainings that die, pause and fork: what they come to is what they would have come to."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from engine.config.amend import amended
from engine.config.changes import read_changes
from engine.config.tree import ConfigValue
from engine.core.ports import EffectAddress, Ports
from engine.core.seeded_order import stream_seed
from engine.programs.evaluate.cell import EvaluationKey
from engine.programs.evaluate.points import CellSaw
from engine.programs.train.gate_points import GateSaw
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import resume_run
from engine.testing.faulty_ports import FaultyPorts
from events.base import Event
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.condition import read_condition
from events.types.evaluation import CellOpened
from events.types.model import ModelAsked, ModelFailed
from events.types.training import (
    BatchBroken,
    CandidateMade,
    GateDecided,
    PatchesGathered,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    StepSkipped,
    TrainingClosed,
)
from events.values import Usage
from projections.library import folder_digest
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.support.crashes import CrashMatrix, ended, in_memory, wrong
from tests.support.orders import CountingClock
from tests.support.runs import setting
from tests.support.training import FEW, SETS, course_of, jars, mortal, run_digest, told, trained, training


async def lived(here: CrashMatrix, deaths: Sequence[int]) -> tuple[Any, Mapping[str, str]]:
    """Live it, dying at some moments; give what became of it, and the digest of each of its streams."""
    opened = in_memory()
    found = await ended(here, deaths, opened)
    async with opened() as log:
        return found, await run_digest(log, (await log.runs())[-1])


@pytest.mark.slow
async def test_a_training_that_died_comes_to_what_it_would_have_come_to(tmp_path: Path) -> None:
    """Given deaths at its begin, within a pass of the gate and at its end, each stream has the same digest."""
    async with mortal(tmp_path) as here:
        plain, digests = await lived(here, ())
        moments = plain.moments[0]
        for moment in (5, moments // 3, moments // 2, moments - 3):
            seen, again = await lived(here, (moment,))
            assert wrong(plain, seen) == []
            assert again == digests


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_deaths_in_a_row_change_nothing(tmp_path: Path) -> None:
    """Killed at ten moments drawn at random, and resumed each time: the same digests, and nothing is paid twice."""
    async with mortal(tmp_path, gate={"name": "items"}, shadows={"strict": {"name": "strict"}}) as here:
        plain, digests = await lived(here, ())
        last = plain.moments[0] // 4
        for draw in range(3):
            deaths = [5 + stream_seed(13, str(draw), str(number)) % (last - 5) for number in range(10)]
            seen, again = await lived(here, deaths)
            assert wrong(plain, seen) == []
            assert again == digests


# -- a broken batch pauses --------------------------------------------------------------------------------------------


def outage(label: str, event: Event, place: EffectAddress) -> Event | None:
    """Fail every call of the cells of a label."""
    if not isinstance(event, ModelAsked) or not place.stream.startswith(f"item/{label}/"):
        return None
    none = Usage(None, None, None, None)
    return ModelFailed("authentication", 401, "outage", None, none, None, True, False, None, ())


@pytest.mark.parametrize("label", ["start", "s2.rollout", "s1.gate"])
async def test_a_batch_that_breaks_whole_pauses_the_run_and_teaches_nothing(tmp_path: Path, label: str) -> None:
    """Given an outage, nothing is learnt from it; once it is resumed, the batch begins again under the next label."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    fault = partial(outage, label)
    paused = await trained(log, base, training(**FEW), lambda ports: FaultyPorts(ports, fault))
    assert (paused.outcomes, paused.held) == ({}, 1)
    (broken,) = await told(log, paused.run, BatchBroken)
    assert (broken.label, broken.reason) == (label, "none of 6 cells has a score: infrastructure") or label != "start"
    assert not await told(log, paused.run, TrainingClosed)
    assert not (await rerun(log, paused.run)).complete
    # Resumed into the same outage, it would break under the label `~2`; the outage is over.
    done = await resume_run(await setting(log, base), paused.run)
    assert done.outcomes == {"train": "completed"}
    labels = [each.label for each in await told(log, paused.run, RolloutsScored)]
    assert labels.index(f"{label}~2") == labels.index(label) + 1
    assert (await rerun(log, paused.run)).complete


async def test_a_resume_into_the_same_outage_pauses_again(tmp_path: Path) -> None:
    """Each time under a label of its own."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)

    def fault(event: Event, place: EffectAddress) -> Event | None:
        return outage("start", event, place) or outage("start~2", event, place)

    def between(ports: Ports) -> Ports:
        return FaultyPorts(ports, fault)

    paused = await trained(log, base, training(**FEW), between)
    again = await resume_run((await setting(log, base))._replace(between=between), paused.run)
    assert again.held == 1
    assert [each.label for each in await told(log, paused.run, BatchBroken)] == ["start", "start~2"]
    done = await resume_run(await setting(log, base), paused.run)
    assert done.outcomes == {"train": "completed"}


def unreached(streams: tuple[str, ...], event: Event, place: EffectAddress) -> Event | None:
    """Fail every call of the optimizer in some streams, by how their names begin."""
    if not isinstance(event, ModelAsked) or not place.stream.startswith(streams):
        return None
    none = Usage(None, None, None, None)
    return ModelFailed("connection", None, "refused", None, none, None, True, False, None, ())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spark", "compatible"])
async def test_an_optimizer_that_is_not_reached_pauses_the_run(tmp_path: Path, method: str) -> None:
    """Given a step none of whose reflections is answered, it is asked again once resumed: the skill is the same."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    spec = partial(training, **FEW, method={"name": method})

    def between(ports: Ports) -> Ports:
        return FaultyPorts(ports, partial(unreached, ("reflect/2.",)))

    paused = await trained(log, base, spec(), between)
    assert (paused.outcomes, paused.held) == ({}, 1)
    assert [each.step for each in await told(log, paused.run, PatchesGathered)] == [1]
    again = await resume_run((await setting(log, base))._replace(between=between), paused.run)
    assert again.held == 1
    broken = await told(log, paused.run, BatchBroken)
    assert [each.label for each in broken] == ["s2.reflect", "s2.reflect~2"]
    assert broken[0].reason.startswith(f"the optimizer answered none of {broken[0].cells} reflections: ")
    done = await resume_run(await setting(log, base), paused.run)
    assert done.outcomes == {"train": "completed"}
    (closed,) = await told(log, paused.run, TrainingClosed)
    gathered = await told(log, paused.run, PatchesGathered)
    assert {each.stream.partition("~")[2] for each in gathered[1].patches} == {"3"}
    assert (await rerun(log, paused.run)).complete
    other = MemoryLog(clock=CountingClock())
    plain = await trained(other, base, spec())
    assert await told(other, plain.run, TrainingClosed) == [closed]


async def test_one_answer_of_the_optimizer_is_enough_to_go_on(tmp_path: Path) -> None:
    """Given a step one of whose reflections is answered, it goes on with that one."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    fault = partial(unreached, ("reflect/1.0.fail.0",))
    done = await trained(log, base, training(**{**FEW, "minibatch": 1}), lambda ports: FaultyPorts(ports, fault))
    assert done.outcomes == {"train": "completed"}
    first = (await told(log, done.run, PatchesGathered))[0]
    assert {each.ending for each in first.patches} == {"read", "unanswered"}
    assert {(each.ending, bool(each.reason)) for each in first.patches} == {("read", False), ("unanswered", True)}
    assert not await told(log, done.run, BatchBroken)


async def test_a_budget_that_is_used_up_ends_the_training(tmp_path: Path) -> None:
    """It is closed as such, with what was accepted until then, and claims nothing of its skills."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    report = await trained(log, base, training(budget={"run_usd": "0.02", "trial_usd": "0.02"}))
    assert report.outcomes == {"train": "budget"}
    (closed,) = await told(log, report.run, TrainingClosed)
    assert (closed.ending, closed.skills) == ("budget", ())
    assert (await rerun(log, report.run)).complete


# -- forks and other gates ---------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_fork_at_an_acceptance_goes_on_with_another_gate(tmp_path: Path) -> None:
    """What was accepted before the cut stays; the gate of the fork folds the same rows under its own rule."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    run = (await trained(log, base, training())).run
    first = next(each for each in await course_of(log, run) if isinstance(each.event, SkillAccepted))
    changed = amended(training(), [ConfigValue(("train", "gate", "name"), "strict", "--set")])
    fork = Fork(run, first.position, changed.spec, ())
    report = await fork_run(await setting(log, base), fork)
    assert report.outcomes == {"train": "completed"}
    ruled = await told(log, report.run, GateDecided)
    assert {each.gate for each in ruled} == {"strict"}
    assert ruled[-1].figures["stored"] > 0
    assert (await rerun(log, report.run)).complete


@pytest.mark.slow
async def test_it_can_be_asked_what_another_gate_would_have_done(tmp_path: Path) -> None:
    """`level` again flips nothing; `evidence` accepts nothing here, and the thread leaves its path there."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    run = (await trained(log, base, training())).run
    prepared = await prepare(log, run)
    same, other = [await ask([prepared], read_changes([("train.gate.name", name)])) for name in ("level", "probe")]
    assert same.flips == ()
    assert {each.point for each in other.flips} <= {"gate"}


# -- what SkillOpt gets wrong when it resumes --------------------------------------------------------------------------

RateFold: TypeAlias = Callable[[Sequence[Event]], list[int]]


def rates_taken(events: Sequence[Event]) -> list[int]:
    """Number each rate by how many were taken."""
    return list(range(1, 1 + sum(isinstance(each, RateChosen) for each in events)))


def rates_by_step(events: Sequence[Event]) -> list[int]:
    """Number each rate by its step, as SkillOpt does when it resumes (W5)."""
    return [each.step for each in events if isinstance(each, RateChosen)]


async def assert_rates(log: EventLog, run: str, fold: RateFold) -> None:
    """See that rates are numbered as a fold says."""
    events = [each.event for each in await course_of(log, run)]
    assert [each.number for each in events if isinstance(each, RateChosen)] == fold(events)


@pytest.mark.slow
async def test_a_resumed_run_takes_the_next_rate_of_its_schedule(tmp_path: Path) -> None:
    """Given a step that chose nothing, and a death behind it, the next rate is the next (W5), and not the step's."""
    async with mortal(tmp_path, batch=1, minibatch=1, failure_only=True, sets=dict(SETS)) as here:
        opened = in_memory()
        plain = await ended(here, (), in_memory())
        await ended(here, (plain.moments[0] * 3 // 4,), opened)
        async with opened() as log:
            run = (await log.runs())[-1]
            assert await told(log, run, StepSkipped)
            await assert_rates(log, run, rates_taken)
            with pytest.raises(AssertionError):
                await assert_rates(log, run, rates_by_step)


RowsFold: TypeAlias = Callable[[Mapping[str, Any], GateSaw, Sequence[CellSaw]], set[str | None]]


async def skills_behind(log: EventLog, run: str, *, by_item: bool) -> list[tuple[str, set[str]]]:
    """Give, for each ruling, the candidate, and the skills whose scores stand behind it.

    Args:
        log: Which holds the run.
        run: Its id.
        by_item: Whether the first score of an item counts, whichever skill it is of, as with SkillOpt's folder (W2).
    """
    skills: dict[str, str] = {}
    first: dict[str, str] = {}
    async for each in log.read(Selection(run=run, tags={"cell.opened"})):
        assert isinstance(each.event, CellOpened)
        key = msgspec.json.decode(await log.get(each.event.key), type=EvaluationKey)
        refs = read_condition(await log.get(key.condition)).skills or ()
        skills[each.stream.name] = refs[0].digest if refs else "none"
        first.setdefault(each.event.item, each.stream.name)
    found: list[tuple[str, set[str]]] = []
    made = {each.ref: each.event for each in await course_of(log, run) if isinstance(each.event, CandidateMade)}
    for event in await told(log, run, GateDecided):
        saw = msgspec.json.decode(await log.get(event.inputs), type=GateSaw)
        rows = [row for part in saw.parts for row in json.loads(await log.get(part.held))]
        streams = [first[row["item"]] if by_item else row["score"]["seen"][0] for row in rows]
        if rows:
            found.append((folder_digest(made[event.candidate].files), {skills[stream] for stream in streams}))
    return found


@pytest.mark.slow
async def test_a_candidate_is_judged_by_its_own_scores_after_a_death(tmp_path: Path) -> None:
    """Given a death within a pass of the gate, no row of another skill counts (W2); by item alone, they would."""
    async with mortal(tmp_path) as here:
        opened = in_memory()
        plain = await ended(here, (), in_memory())
        await ended(here, (plain.moments[0] // 2,), opened)
        async with opened() as log:
            run = (await log.runs())[-1]
            found = await skills_behind(log, run, by_item=False)
            assert found
            assert all(skills == {candidate} for candidate, skills in found)
            stale = await skills_behind(log, run, by_item=True)
            assert not all(skills == {candidate} for candidate, skills in stale)


def started(events: Sequence[Event], *, zero_is_missing: bool) -> list[str]:
    """List the labels of first passes that a run needs, where a score of 0 counts as one or as none (W1)."""
    scores = [each.hard for each in events if isinstance(each, RolloutsScored) and each.label == "start"]
    known = [each for each in scores if each is not None and (each.numerator or not zero_is_missing)]
    return ["start"] if known else ["start", "start"]


async def test_a_score_of_zero_is_a_score_when_a_run_is_resumed(tmp_path: Path) -> None:
    """Given a first pass that solves nothing, a resumed run measures it no second time, and goes by it (W1)."""
    sets = {**FEW["sets"], "selection": {"folder": "items", "split": "val", "limit": 6, "exclude": ZERO}}
    async with mortal(tmp_path, sets=sets) as here:
        opened = in_memory()
        plain = await ended(here, (), in_memory())
        await ended(here, (plain.moments[0] // 2,), opened)
        async with opened() as log:
            run = (await log.runs())[-1]
            events = [each.event for each in await course_of(log, run)]
            selection = [each for each in events if isinstance(each, RolloutsScored) and each.purpose == "selection"]
            passes = [each for each in selection if each.skill is None and each.label != "final.selection"]
            assert [each.hard.exact for each in passes if each.hard is not None] == [0]
            assert [each.label for each in passes] == started(events, zero_is_missing=False)
            assert [each.label for each in passes] != started(events, zero_is_missing=True)
            first = next(each for each in events if isinstance(each, GateDecided) and each.outcome != "more")
            assert first.figures["level"] == 0.0
            (closed,) = [each for each in events if isinstance(each, TrainingClosed)]
            assert closed.skills[0].believed is not None
            assert closed.skills[0].believed.exact == 0


ZERO: Final = ("idle-val", "plain-salsify", "shelf-thyme")
"""Items of the selection set that are right without a rule."""
