"""What PDI is worth, of a run of ours: its skill is tried on the task that it was distilled from, and that is said."""

from pathlib import Path

import pytest

from engine.config.spec import RunSpec
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import RunReport, start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from tests.cli.terminal import CommandOutcome, machine
from tests.engine.programs.evaluate.test_evaluate import evaluated, evaluation
from tests.engine.programs.evaluate.test_skills_of_arms import ONCE, base_of, learnt
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT, SKILL, make_task, setting, spec
from views.pdi import validate
from views.pdi.skill_trials import read_skill_trials
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen


@pytest.mark.slow
async def test_an_effect_on_the_own_task_is_told_apart(tmp_path: Path) -> None:
    """Remembering is enough there: the effect is measured, and beside it stands that elsewhere there is none."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    explored = (await learnt(log, base)).run
    arms = {"none": {"skills": ""}, "own": {"skills": "per-item:run:@latest"}}
    await evaluated(log, base, evaluation(arms, only=["word"], **ONCE))
    host = machine(tmp_path)
    await validate.tell(OpenedLog(log, tmp_path / "log.db", Screen(host, json=True), host), [])
    rows = CommandOutcome(0, host.stdout.getvalue(), "").rows  # type: ignore[attr-defined]
    (skill,) = [row for row in rows if row["kind"] == "skill_effect"]
    assert (skill["task"], skill["run"], skill["effect"], skill["effect_elsewhere"]) == ("word", explored, 1.0, None)
    assert skill["on_own_task"]
    (scope,) = [row for row in rows if row["kind"] == "validation"]
    assert (scope["trials"], scope["limits"]) == (1, [])  # the students' two trials were not to leave a skill
    assert 0 < skill["evidence"] <= 1
    evidence, elsewhere = [row for row in rows if row["kind"] == "worth" and row["measure"] == "evidence"]
    assert evidence["limits"] == [
        "tasks: 1; below 3 there is no correlation",
        "effects measured on the very task that the skill was distilled from: 1",
    ]
    assert elsewhere["limits"] == ["no skill has both this figure and a measured effect"]


DISTIL = """\
[[rule]]
name = "distil, and the evidence shows the command"
contains = ["Role: distiller", "cat words.txt | tee answer.txt"]
[[rule.turn]]
text = \"\"\"{skill}\"\"\"
"""
"""A distiller that can only write what it was shown."""


@pytest.mark.slow
async def test_two_sizes_of_evidence_are_two_arms(tmp_path: Path) -> None:
    """Two runs under two sizes leave two revisions; each arm's skill leads back to its run and its share of evidence.

    The distiller writes the command only if it was shown it, so here less evidence makes a worse skill.
    """
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    whole, cut = [(await explored(log, base, scale)).run for scale in (1.0, 0.002)]
    arms = {"none": {"skills": ""}, "whole": {"skills": f"run:{whole}"}, "cut": {"skills": f"run:{cut}"}}
    await evaluated(log, base, evaluation(arms, only=["word"], **ONCE))
    host = machine(tmp_path)
    await validate.tell(OpenedLog(log, tmp_path / "log.db", Screen(host, json=True), host), [])
    rows = CommandOutcome(0, host.stdout.getvalue(), "").rows  # type: ignore[attr-defined]
    first, second = [row for row in rows if row["kind"] == "skill_effect"]
    assert [(first["run"], first["effect"]), (second["run"], second["effect"])] == [(whole, 1.0), (cut, 0.0)]
    assert second["evidence"] < first["evidence"] == 1.0
    (worth, _) = [row for row in rows if row["kind"] == "worth" and row["measure"] == "evidence"]
    assert (worth["skills"], worth["tasks"]) == (2, 1)
    assert "2 skills of 1 tasks: figures and effects of one task are averaged" in worth["limits"]


async def explored(log: MemoryLog, base: Path, scale: float) -> RunReport:
    """Explore a task until a skill is distilled from it, under a size of evidence."""
    skill = SKILL.replace("# Copying a word\n", "# Copying a word\n\nrun: cp words.txt answer.txt\n")
    shown = DISTIL.format(skill=skill) + '\n[[rule]]\nname = "distil"'
    (base / "learn.toml").write_text(SCRIPT.replace('[[rule]]\nname = "distil"', shown))
    make_task(base / "tasks" / "word")
    return await start_run(await setting(log, base), learning(scale))


def learning(scale: float) -> RunSpec:
    """Say what to explore, and how much evidence is shown."""
    models = {"teacher": {"model": "teacher", "base_url": "script:learn.toml"}}
    return spec(models=models, only=["word"], method={"evidence": {"scale": scale}})


async def test_a_fork_that_distils_from_less_evidence_is_another_skill_of_the_same_trial(tmp_path: Path) -> None:
    """Forked before the evidence was gathered: what both share is counted once, and each has its own skill."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    parent = (await explored(log, base, 1.0)).run
    (gathered,) = [each async for each in log.read(Selection(run=parent, tags={"skill.evidence_gathered"}))]
    less = learning(0.002)
    child = (await fork_run(await setting(log, base), Fork(parent, gathered.position - 1, less, ()))).run
    host = machine(tmp_path)
    desk = OpenedLog(log, tmp_path / "log.db", Screen(host), host)
    found = await read_skill_trials(desk, [])
    assert [(each.run, each.trial) for each in found.origins] == [(parent, "word"), (child, "word")]
    one, other = found.origins
    assert one.digest != other.digest
    assert (one.divergence, one.evidence) == (other.divergence, 1.0)
    assert other.evidence is not None
    assert other.evidence < 1
    assert found.trials == 2
    assert set(found.retrospective.measured) == {parent, child}
    again = await read_skill_trials(desk, [child])
    assert [(each.run, each.digest) for each in again.origins] == [(child, other.digest)]
    (revised,) = [each async for each in log.read(Selection(run=parent, tags={"skill.revised"}))]
    late = (await fork_run(await setting(log, base), Fork(parent, revised.position, less, ()))).run
    assert late not in {each.run for each in (await read_skill_trials(desk, [])).origins}
