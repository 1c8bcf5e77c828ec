"""Retrospective PDI folded from the log: stories, and the reconstruction that lies with SPARK's recordings."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.base import Draft, Event, StreamId
from events.store.memory import MemoryLog
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from events.types.skill import SkillImported, SkillRefused, SkillRevised
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import NamedDigest, Outcome
from projections.base import encode_state
from projections.pdi.retrospective import phis
from projections.pdi.retrospective_view import MeasuredTrial, Retrospective, RetrospectiveState, scored
from tests.projections.pdi.test_retrospective import EXPECTED, FOLDERS, TASKS, run

SKILL = "pack the box with care"
CLOSED = TrialClosed("solved", 3, 1.0)


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Give an empty log."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as made:
        yield made


async def test_a_finished_trial_is_measured_by_its_skill(log: MemoryLog) -> None:
    """The commands of the attempt that passed, every plan and every pair of memos, as the pure function has it."""
    memos = [_memo(number) for number in range(3)]
    await _tell(log, "a", *_solved(log, "pack the box", *memos), _revised(log, SKILL), CLOSED)
    found = (await _measured(log))["a"]
    assert (found.task, found.revision, found.steps, found.unhealthy) == ("task", 1, 3, 0)
    assert found.phis == phis(run("a", "pack the box", *memos))


async def test_what_was_not_distilled_is_not_measured(log: MemoryLog) -> None:
    """A refusal leaves no skill, and an error text that SPARK stored as one is none (SPARK, 2.1)."""
    await _tell(log, "refused", *_solved(log, "pack"), SkillRefused("word", None, ("no front matter",)), CLOSED)
    await _tell(log, "broken", *_solved(log, "pack"), _imported(log, "[LLM ERROR] gone"), CLOSED)
    await _tell(log, "blank", *_solved(log, "pack"), _imported(log, " \n"), CLOSED)
    assert await _measured(log) == {}


async def test_a_skill_without_a_success_is_not_measured(log: MemoryLog) -> None:
    """There are no commands it could rest on."""
    await _tell(log, "a", TrialOpened("task", "default", 3), _concluded(log, "pack", "failed"), _imported(log, SKILL))
    assert await _measured(log) == {}


async def test_a_success_at_once_has_neither_plan_nor_ossification(log: MemoryLog) -> None:
    """No memo was ever written; 0 would call its plan fresh."""
    await _tell(log, "a", *_solved(log, "pack"), _revised(log, SKILL), CLOSED)
    found = (await _measured(log))["a"].phis
    assert (found.phi_plan, found.phi_oss) == (None, None)


async def test_memos_that_are_none_are_counted_beside_the_value(log: MemoryLog) -> None:
    """An outage in the middle looks like a fresh plan (W3); whoever reads the value must see it."""
    memos = (_memo(0), "[LLM ERROR] timeout", _memo(1))
    await _tell(log, "a", *_solved(log, "pack", *memos), _revised(log, SKILL), CLOSED)
    found = (await _measured(log))["a"]
    assert (found.steps, found.unhealthy) == (3, 1)


async def test_only_what_a_model_wrote_is_a_step(log: MemoryLog) -> None:
    """Neither a template nor a memo that was kept says anything new."""
    template, memo = log.put(b"### Next Strategy\nagain"), log.put(_memo(0).encode())
    await _tell(
        log,
        "a",
        *(TrialOpened("task", "default", 3), MemoImported(0, template, None, reflected=False)),
        *(MemoImported(1, memo, template, reflected=True), MemoKept(2, memo, ("timeout",))),
        *(_concluded(log, "pack", "solved"), _imported(log, SKILL), CLOSED),
    )
    assert (await _measured(log))["a"].steps == 1


async def test_a_trial_that_is_over_leaves_its_texts_behind(log: MemoryLog) -> None:
    """A state that kept them would grow with every trial there ever was."""
    await _tell(log, "a", *_solved(log, "pack", _memo(0)), _revised(log, SKILL), CLOSED)
    state = await fold(log, Retrospective())
    assert state.followed == {"r1": {}}
    assert len(encode_state(state)) < 400


async def test_a_later_revision_takes_the_place_of_the_first(log: MemoryLog) -> None:
    """What is measured is the skill in force."""
    await _tell(log, "a", *_solved(log, "pack"), _revised(log, "sleep late"), _revised(log, SKILL, 2), CLOSED)
    found = (await _measured(log))["a"]
    assert (found.revision, found.phis.phi_exec) == (2, phis(run("a", "pack")).phi_exec)


async def test_scores_are_of_one_trial_among_those_that_are_chosen(log: MemoryLog) -> None:
    """The grounded one scores higher; alone, a trial can only be average."""
    memos = [_memo(number) for number in range(2)]
    await _tell(log, "a", *_solved(log, "pack the box", *memos), _revised(log, SKILL), CLOSED)
    await _tell(log, "b", *_solved(log, "sleep late", *memos), _revised(log, SKILL), CLOSED, run="r2")
    state = await fold(log, Retrospective())
    high, low = scored(state)
    assert (high.name, low.name) == ("r1/a", "r2/b")
    assert high.scores == pytest.approx((1.0, 0.0, 0.0))
    assert low.scores == pytest.approx((-1.0, 0.0, 0.0))
    assert [(each.pdi, each.of) for each in scored(state, ["r2"])] == [(0.0, 1)]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not TASKS, reason="../shared is missing")
async def test_imported_recordings_give_the_reconstruction(log: MemoryLog) -> None:
    """Every task the reconstruction has, to nine decimals; memos and skills came by way of events."""
    await import_spark(log, FOLDERS)
    state = await fold(log, Retrospective())
    found = {each.task: each for trials in state.measured.values() for each in trials.values()}
    for task in TASKS:
        for name in ("phi_exec", "phi_plan", "phi_oss"):
            value, expected = getattr(found[task].phis, name), EXPECTED[task][name]
            assert value is expected is None or value == pytest.approx(expected, abs=1e-9), (task, name)
    complete = [each for each in scored(state) if each.scores is not None]
    assert len(complete) == complete[0].of >= sum(1 for task in TASKS if EXPECTED[task]["phi_oss"] is not None)
    for place in range(3):
        assert sum(each.scores[place] for each in complete if each.scores) == pytest.approx(0.0, abs=1e-9)


async def _measured(log: MemoryLog, of: str = "r1") -> dict[str, MeasuredTrial]:
    state: RetrospectiveState = await fold(log, Retrospective())
    return state.measured.get(of, {})


async def _tell(log: MemoryLog, trial: str, *events: Event, run: str = "r1") -> None:
    stream = StreamId(run, f"trial/{trial}")
    version = (await log.streams(run)).get(stream.name, 0)
    await log.append(stream, [Draft(event, None) for event in events], expected_version=version)


def _solved(log: MemoryLog, commands: str, *memos: str) -> list[Event]:
    """Tell of a trial that wrote memos and then passed."""
    told: list[Event] = [TrialOpened("task", "default", len(memos) + 1)]
    before = None
    for number, text in enumerate(memos, start=1):
        memo = log.put(text.encode())
        told += [_concluded(log, "false", "failed"), MemoRewritten(number, memo, before, repaired=False)]
        before = memo
    return [*told, _concluded(log, commands, "solved")]


def _concluded(log: MemoryLog, commands: str, kind: str) -> AttemptConcluded:
    outcome = Outcome("solved", 1.0, "") if kind == "solved" else Outcome("failed", 0.0, "")
    return AttemptConcluded(
        1, outcome, "PASS" if kind == "solved" else "FAIL", 0, 0, log.put(commands.encode()), log.put(b"")
    )


def _revised(log: MemoryLog, text: str, revision: int = 1) -> SkillRevised:
    files = (NamedDigest("SKILL.md", log.put(text.encode())),)
    return SkillRevised("word", revision, files, log.put(b"{}"), ())


def _imported(log: MemoryLog, text: str) -> SkillImported:
    return SkillImported("word", (NamedDigest("SKILL.md", log.put(text.encode())),), ())


def _memo(number: int) -> str:
    return f"### Verified Facts\nfact {number}\n\n### Next Strategy\nplan {number}\n"
