"""A cell is stored under the prompts that can reach a model in it: those, and no others."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.spec import RunSpec
from engine.core.prompts import Prompts, load_prompts, make_prompts
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from tests.engine.programs.evaluate.test_evaluate import calls, evaluation
from tests.support.orders import CountingClock
from tests.support.pretend import pretended
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import SCRIPT, make_base

ARMS: Final[dict[str, Any]] = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
NAMES: Final = tuple(sorted(load_prompts().digests))
RETRY: Final = {name for name in NAMES if name.startswith("retry_")}
REFLECT: Final = {name for name in NAMES if name.startswith("reflect_")}
TRIAL: Final = {"attempt_label", "teacher_system", "teacher_user", "teacher_tool", "teacher_tools", *RETRY, *REFLECT}
CASES: Final[dict[str, tuple[RunSpec, set[str], set[str]]]] = {
    "trials": (evaluation({"one": {"set": {"method.attempts": 1}}, "none": {}}), TRIAL, set()),
    "call": (
        evaluation(ARMS, tasks="", own={"items": {"folder": "quiz"}}),
        {"item_system", "item_user"},
        {"item_skill"},
    ),
    "tools": (
        evaluation(ARMS, tasks="", own={"items": {"folder": "quiz"}, "rollout": {"way": "tools"}}),
        {"item_system", "item_user", "item_tool", "item_tools"},
        {"item_skill"},
    ),
}
"""By name: what is evaluated, the prompts of every cell, and those of the arm with a skill alone."""


def world(folder: Path) -> Path:
    """Make a task, questions, a skill, and whom to ask."""
    make_base(folder, SCRIPT + STUDENT.partition("\n")[2])
    make_items(folder / "quiz")
    (folder / "skills" / "told").mkdir(parents=True)
    (folder / "skills" / "told" / "SKILL.md").write_text("---\nname: told\ndescription: Says codes.\n---\n\nK7.\n")
    return folder


def edited(name: str) -> Prompts:
    """Give the prompts with one worded otherwise; it asks for the same values."""
    texts = {each.name: each.text for each in load_prompts().prompts}
    return make_prompts({**texts, name: texts[name] + "\n\n"})


@pytest.mark.parametrize("case", CASES)
async def test_a_prompt_counts_where_it_can_reach_a_model_and_nowhere_else(case: str, tmp_path: Path) -> None:
    """Given stored scores, when any one prompt is worded otherwise, then those are asked anew that may be told it."""
    asked, all_cells, skill_alone = CASES[case]
    log = MemoryLog(clock=CountingClock())
    means = pretended(log, world(tmp_path))
    await start_run(means, asked)
    for name in NAMES:
        again = await start_run(means._replace(prompts=edited(name)), asked)
        paid = {
            each.stream.name.split("/")[1]
            async for each in log.read(Selection(run=again.run, tags={"evaluation.scored"}))
        }
        arms = set(asked.own["arms"])
        assert paid == (arms if name in all_cells else {"skill"} if name in skill_alone else set()), name


async def test_a_prompt_that_is_new_and_used_by_nothing_leaves_every_score_found(tmp_path: Path) -> None:
    """Given stored scores, when the package brings one prompt more, then nothing is asked again."""
    log = MemoryLog(clock=CountingClock())
    means = pretended(log, world(tmp_path))
    both = evaluation(ARMS, own={"items": {"folder": "quiz"}})
    texts = {each.name: each.text for each in means.prompts.prompts}
    assert await calls(log, (await start_run(means, both)).run) > 0
    more = means._replace(prompts=make_prompts({**texts, "item_new": "Be new."}))
    assert await calls(log, (await start_run(more, both)).run) == 0
    tasks_alone = evaluation(ARMS)
    assert await calls(log, (await start_run(means, tasks_alone)).run) == 0
