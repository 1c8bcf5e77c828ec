"""Evaluations as users run them: arms on the same tasks, every score kept, nothing paid for twice."""

import json
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import msgspec
import pytest

from engine.config.changes import read_changes
from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.core.ports import Ports
from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.points import RolloutSpec
from engine.programs.evaluate.cell import CellEnvironment, CellPlan, key_parts
from engine.programs.explore.trial import TrialPlan
from engine.runtime.run import RunReport, start_run
from events.digest import Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evaluation import ArmsCompared, EvaluationFound
from events.types.item_set import SetOpened
from events.types.model import ModelAsked
from projections.cells import Cells, EvaluatedCell
from projections.exposure import Exposures
from replay.ledger import read_ledger
from replay.redecide import decisions
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.engine.agents.test_skills_of_the_shell import SKILL, skilled
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.quiz_runs import SKILL as TOLD
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import REFUSING, SCRIPT, make_base, setting, spec

ATTEMPTS: dict[str, Any] = {"none": {"set": {"method.attempts": 1}}, "two": {"set": {"method.attempts": 2}}}
"""The scripted teacher guesses first, and reads then: a second attempt is what helps it."""


def evaluation(arms: dict[str, Any], **changes: Any) -> RunSpec:
    """Say what to evaluate."""
    own = {"arms": arms, **changes.pop("own", {})}
    return spec(program="evaluate", own=own, **changes)


async def evaluated(log: EventLog, base: Path, what: RunSpec) -> RunReport:
    """Run an evaluation to its end."""
    return await start_run(await setting(log, base), what)


async def cells_of(log: EventLog, run: str) -> list[EvaluatedCell]:
    """Read the cells of a run."""
    (state,) = await fold_run(log, [Cells()], run)
    return [cell for cells in state.runs.values() for cell in cells.values()]


async def compared(log: EventLog, run: str) -> ArmsCompared:
    """Give what a run's arms showed."""
    found = [each.event async for each in log.read(Selection(run=run, tags={"evaluation.compared"}))]
    assert isinstance(found[0], ArmsCompared)
    return found[0]


async def calls(log: EventLog, run: str) -> int:
    """Count the calls of a run."""
    return len([each async for each in log.read(Selection(run=run, tags={"model.asked"}))])


@pytest.mark.slow
async def test_arms_are_scored_on_the_same_items_and_compared(tmp_path: Path) -> None:
    """Given an arm with a second attempt, it solves what the other leaves; with two tasks nothing more is claimed."""
    log = MemoryLog(clock=CountingClock())
    report = await evaluated(log, make_base(tmp_path, SCRIPT, "one", "two"), evaluation(ATTEMPTS))
    assert report.outcomes == {
        "none/one/1": "unsolved",
        "none/two/1": "unsolved",
        "two/one/1": "solved",
        "two/two/1": "solved",
    }
    (verdict,) = (await compared(log, report.run)).verdicts
    assert (verdict.arm, verdict.verdict, verdict.difference) == ("two", "too few runs", 1.0)
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert "comparison" in {each.name for each in (await read_ledger(log, report.run)).entries}


async def test_the_same_again_costs_nothing(tmp_path: Path) -> None:
    """Given scores that are kept, a second run finds each, and says from which run, event and place in the log."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    first = await evaluated(log, base, evaluation(ATTEMPTS))
    again = await evaluated(log, base, evaluation(ATTEMPTS))
    assert again.outcomes == first.outcomes
    assert await calls(log, again.run) == 0
    found = [each async for each in log.read(Selection(run=again.run, tags={"evaluation.found"}))]
    for each in found:
        assert isinstance(each.event, EvaluationFound)
        assert each.event.run == first.run
        assert each.event.position <= each.event.as_of < each.position
    assert len(found) == len(first.outcomes)
    assert (await compared(log, again.run)).verdicts == (await compared(log, first.run)).verdicts
    assert (await rerun(log, again.run)).complete


@pytest.mark.slow
async def test_one_more_repeat_costs_only_that(tmp_path: Path) -> None:
    """A key knows its repeat, and nothing of how many were planned."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    first = await evaluated(log, base, evaluation(ATTEMPTS))
    more = await evaluated(log, base, evaluation(ATTEMPTS, repeats=2))
    assert await calls(log, more.run) == await calls(log, first.run)
    fresh = [cell for cell in await cells_of(log, more.run) if cell.run == more.run]
    assert {cell.repeat for cell in fresh} == {2}


@pytest.mark.slow
async def test_nothing_is_reused_unless_it_may_be(tmp_path: Path) -> None:
    """``never`` asks anew, and stores a second score under the same key; ``own`` takes no stranger's."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    first = await evaluated(log, base, evaluation(ATTEMPTS))
    for reuse in ("never", "own"):
        other = await evaluated(log, base, evaluation(ATTEMPTS, own={"reuse": reuse}))
        assert await calls(log, other.run) == await calls(log, first.run)


@pytest.mark.slow
async def test_fresh_repeats_of_a_condition_are_not_found_where_the_others_are(tmp_path: Path) -> None:
    """A/A: the difference between an arm and its repetition is noise, so both are measured."""
    log = MemoryLog(clock=CountingClock())
    report = await evaluated(log, make_base(tmp_path), evaluation({**ATTEMPTS, "again": {"again": "none"}}))
    cells = {cell.arm: cell for cell in await cells_of(log, report.run)}
    assert cells["again"].condition == cells["none"].condition != cells["two"].condition
    assert len({cell.key for cell in cells.values()}) == len(cells)


async def test_infrastructure_is_no_score_and_is_never_stored(tmp_path: Path) -> None:
    """Given a model whose key is wrong, nothing is scored, nothing is claimed, and the next run asks again."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, REFUSING)
    report = await evaluated(log, base, evaluation(ATTEMPTS))
    assert set(report.outcomes.values()) == {"infrastructure"}
    assert {cell.unscored for cell in await cells_of(log, report.run)} == {"infrastructure"}
    (verdict,) = (await compared(log, report.run)).verdicts
    assert (verdict.verdict, verdict.difference) == ("indecisive", None)
    again = await evaluated(log, base, evaluation(ATTEMPTS))
    assert await calls(log, again.run) == await calls(log, report.run)


SKILLED: dict[str, Any] = {
    "none": {"skills": ""},
    "skill": {"skills": "skills"},
    "placebo": {"skills": "skills", "placebo": True},
    "again": {"again": "none"},
}
"""Three ways and A/A: the scripted student acts only on bytes that it read through the mount."""


@pytest.mark.slow
async def test_a_skill_helps_by_what_it_says_and_by_nothing_else(tmp_path: Path) -> None:
    """Given none, a skill, a placebo of its size and none again, only the skill solves; each was read."""
    log, base = MemoryLog(clock=CountingClock()), skilled(tmp_path)
    once = {"method": {"attempts": 1}}
    report = await evaluated(log, base, evaluation(SKILLED, **once))
    assert report.outcomes == {
        "again/word/1": "unsolved",
        "none/word/1": "unsolved",
        "placebo/word/1": "unsolved",
        "skill/word/1": "solved",
    }
    (state,) = await fold_run(log, [Exposures()], report.run)
    read = {each.trial: each.skills for attempts in state.runs.values() for each in attempts.values()}
    assert read == {
        "again/word/1": {},
        "none/word/1": {},
        "placebo/word/1": {"word": "yes"},
        "skill/word/1": {"word": "yes"},
    }


@pytest.mark.slow
async def test_all_arms_are_told_the_same_but_for_the_skill_itself(tmp_path: Path) -> None:
    """One sentence about skills, then a line for each: an arm differs from another in that line alone."""
    log, base = MemoryLog(clock=CountingClock()), skilled(tmp_path)
    report = await evaluated(log, base, evaluation(SKILLED, method={"attempts": 1}))
    asked: dict[str, list[str]] = {}
    async for each in log.read(Selection(run=report.run, tags={"model.asked"})):
        assert isinstance(each.event, ModelAsked)
        arm = each.stream.name.split("/")[1]
        messages = (await ConversationReader(log).read(each.event.conversation)).messages
        asked.setdefault(arm, [message.decode() for message in messages[:2]])
    none, skill, placebo = (json.loads(asked[arm][0])["content"] for arm in ("none", "skill", "placebo"))
    assert asked["none"] == asked["again"]
    assert skill.startswith(none)
    assert skill.removeprefix(none).strip().startswith("- word: Writes the word.")
    assert placebo.removeprefix(none).strip().startswith("- word: This page holds no advice")
    assert len({messages[1] for messages in asked.values()}) == 1


@pytest.mark.slow
async def test_every_part_of_a_key_counts(tmp_path: Path) -> None:
    """Given stored scores, when one part of what reaches model or verifier changes, then nothing stored is found."""
    log, base = MemoryLog(clock=CountingClock()), skilled(tmp_path)
    arms = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
    once: dict[str, Any] = {"method": {"attempts": 1}}
    first = await evaluated(log, base, evaluation(arms, **once))
    teacher = {"model": "teacher", "base_url": "script:script.toml"}
    changed: list[dict[str, Any]] = [
        {"method": {"attempts": 1, "solved_at": 0.5}},
        {**once, "agent": {"max_turns": 20}},
        {**once, "models": {"teacher": {**teacher, "parameters": {"temperature": 0.5}}}},
        {**once, "models": {"teacher": {**teacher, "model": "other"}}},
    ]
    for changes in changed:
        report = await evaluated(log, base, evaluation(arms, **changes))
        assert {cell.run for cell in await cells_of(log, report.run)} == {report.run}, changes
    note = await evaluated(log, base, evaluation({**arms, "skill": {"skills": "skills", "note": "Be brief."}}, **once))
    assert {cell.arm: cell.run for cell in await cells_of(log, note.run)} == {"none": first.run, "skill": note.run}
    (base / "skills" / "word" / "SKILL.md").write_text(SKILL + "\nRead it twice.\n")
    other = await evaluated(log, base, evaluation(arms, **once))
    assert {cell.arm: cell.run for cell in await cells_of(log, other.run)} == {"none": first.run, "skill": other.run}
    tests = base / "tasks" / "word" / "tests" / "test.sh"
    tests.write_text(tests.read_text() + "# another verifier\n")
    task = await evaluated(log, base, evaluation(arms, **once))
    assert {cell.run for cell in await cells_of(log, task.run)} == {task.run}


LAMPS: Final = f"""\
---
name: told
description: Says codes of lamps.
---

{TOLD}
"""
QUESTIONS: dict[str, Any] = {"tasks": "", "own": {"items": {"folder": "quiz"}}}


def questions(folder: Path) -> Path:
    """Make a set of questions, a student that knows only what it is sent, and a skill that knows one answer."""
    make_items(folder / "quiz")
    (folder / "script.toml").write_text(STUDENT)
    (folder / "skills" / "told").mkdir(parents=True)
    (folder / "skills" / "told" / "SKILL.md").write_text(LAMPS)
    return folder


async def test_questions_are_arms_items_and_repeats_as_tasks_are(tmp_path: Path) -> None:
    """Without a sandbox and without a task: one call for each cell, and stored under what was asked."""
    log, base = MemoryLog(clock=CountingClock()), questions(tmp_path)
    arms = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
    first = await evaluated(log, base, evaluation(arms, **QUESTIONS))
    assert first.outcomes == {
        "none/quiz.amber.1": "unsolved",
        "none/quiz.blue.1": "solved",
        "skill/quiz.amber.1": "solved",
        "skill/quiz.blue.1": "solved",
    }
    again = await evaluated(log, base, evaluation(arms, **QUESTIONS))
    assert await calls(log, again.run) == 0
    assert (await rerun(log, again.run)).complete
    looped = {"items": {"folder": "quiz"}, "rollout": {"way": "call", "turns": 3}}
    other = await evaluated(log, base, evaluation(arms, tasks="", own=looped))
    assert await calls(log, other.run) == 4


@pytest.mark.parametrize("step", [pytest.param(7, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 149])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """No answered call is paid for again, no cap is overdrawn, and every cell ends as it did."""
    async with world(tmp_path, script=SCRIPT) as here:
        armed = here._replace(
            spec=msgspec.structs.replace(here.spec, program="evaluate", own={"arms": ATTEMPTS, "reuse": "own"})
        )
        plain = await ended(armed, (), in_memory())
        for moment in range(0, plain.moments[0], step):
            seen = await ended(armed, (moment,), in_memory())
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            assert seen.account.digests.keys() == plain.account.digests.keys(), seen.deaths


@pytest.mark.slow
async def test_no_ruling_is_passed_on_in_disguise(tmp_path: Path) -> None:
    """Each decision is answered otherwise once: what later ones see is what substitution gives."""
    log = MemoryLog(clock=CountingClock())
    report = await evaluated(log, make_base(tmp_path), evaluation(ATTEMPTS))
    assert (await mutate(log, report.run)).found == ()


@pytest.mark.slow
async def test_it_can_be_asked_what_another_level_would_have_said(tmp_path: Path) -> None:
    """Given arms of ten tasks, when the level is made stricter than they can reach, the verdict flips alone."""
    log = MemoryLog(clock=CountingClock())
    names = [f"word-{number}" for number in range(10)]
    report = await evaluated(log, make_base(tmp_path, SCRIPT, *names), evaluation(ATTEMPTS))
    assert [each.verdict for each in (await compared(log, report.run)).verdicts] == ["helps"]
    prepared = await prepare(log, report.run)
    stricter, same = [await ask([prepared], read_changes([("evaluate.alpha", value)])) for value in ("1e-9", "0.05")]
    assert [(each.point, each.field) for each in stricter.flips] == [("comparison", "verdicts")]
    assert same.flips == ()
    arms = await ask([prepared], read_changes([("method.attempts", "1")]))
    assert arms.flips == ()


def test_where_and_how_an_item_is_rolled_out_is_part_of_its_key() -> None:
    """Sandbox, network of the verifier, way of asking, repeat and series do, each; the name of the arm does not."""
    name, digest = "none/word/1", digest_of(b"a task")
    plan = CellPlan(
        arm="none",
        item="word",
        item_digest=Fingerprint(digest),
        unit="word",
        repeat=1,
        series=0,
        environment=CellEnvironment("local", "task"),
        rollout=None,
        reuse="all",
        work=TrialPlan(name, "word", "none", load_prompts(), ()),
    )
    others = [
        plan._replace(item="other"),
        plan._replace(item_digest=Fingerprint(digest_of(b"another task"))),
        plan._replace(environment=CellEnvironment("docker", "task")),
        plan._replace(environment=CellEnvironment("local", "off")),
        plan._replace(environment=None),
        plan._replace(rollout=RolloutSpec()),
        plan._replace(rollout=RolloutSpec(turns=3)),
        plan._replace(repeat=2),
        plan._replace(series=1),
    ]
    condition, another = digest_of(b"a condition"), digest_of(b"another")
    keys = [key_parts(each, condition) for each in (plan, *others)] + [key_parts(plan, another)]
    assert len(set(keys)) == len(keys)
    assert key_parts(plan._replace(arm="skill", reuse="never", unit="family"), condition) == keys[0]


async def test_a_comparison_says_which_sets_it_rests_on(tmp_path: Path) -> None:
    """Given tasks and questions, each set is opened before the first cell, for what the spec or its split says."""
    log, base = MemoryLog(clock=CountingClock()), questions(make_base(tmp_path))
    own = {"items": {"folder": "quiz", "split": "test"}, "purpose": "selection"}
    report = await evaluated(log, base, evaluation({"none": {"skills": ""}, "skill": {"skills": "skills"}}, own=own))
    opened = [each async for each in log.read(Selection(run=report.run, tags={"set.opened", "cell.opened"}))][:2]
    sets = [each.event for each in opened if isinstance(each.event, SetOpened)]
    assert [(each.name, each.purpose, each.size) for each in sets] == [("tasks", "selection", 1), ("quiz", "test", 2)]
    assert (await compared(log, report.run)).sets == tuple(each.digest for each in sets)
    entries = {each.name: each for each in (await read_ledger(log, report.run)).entries}
    saw = entries["comparison"].saw
    assert [each.seen for each in saw.sets] == [each.ref for each in opened]
    assert (await rerun(log, report.run)).complete


async def test_an_evaluation_of_nothing_is_refused(tmp_path: Path) -> None:
    """Given neither tasks nor items, nothing is recorded."""
    log = MemoryLog(clock=CountingClock())
    with pytest.raises(ConfigRefused, match="nothing to evaluate"):
        await evaluated(log, questions(tmp_path), evaluation({"none": {}, "skill": {"skills": "skills"}}, tasks=""))
    assert (await log.head()).position == 0


async def test_items_that_are_gone_when_they_are_read_are_no_score(tmp_path: Path) -> None:
    """Given a set that was whole when it was looked at, when it is gone a moment later, then that is infrastructure."""
    log, base = MemoryLog(clock=CountingClock()), questions(tmp_path)

    def gone(ports: Ports) -> Ports:
        rmtree(base / "quiz")
        return ports

    means = (await setting(log, base))._replace(between=gone)
    arms = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
    report = await start_run(means, evaluation(arms, **QUESTIONS))
    assert report.outcomes == {"items": "infrastructure"}
    assert (await rerun(log, report.run)).complete
