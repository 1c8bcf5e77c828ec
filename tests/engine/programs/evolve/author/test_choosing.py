"""A model chooses skills for a task: names that were offered, the best first, or nothing with a reason."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.programs.evolve.author.choosing import choose_skills
from engine.programs.evolve.author.points import OfferedSkill
from engine.programs.evolve.author.terms import ChoiceBrief
from engine.programs.train.optimizer.terms import Came
from events.types.authoring import AuthorOpened
from events.types.suite import SuiteTask
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.authoring import Authored, TriedTasks, answer, authored, rule

TASK: Final = SuiteTask(
    task="six",
    id="E1-LS2-T6",
    family="E1-LS2",
    environment="E1",
    index=6,
    role="composition",
    phase="evaluation",
    primary_skill="E1-LS2.copy-words",
    required_skills=("E1-LS2.copy-words", "E1-LS1.sort-words"),
    order=("E1-LS1.sort-words", "E1-LS2.copy-words"),
    composition="cross_family",
    traps=(),
)
OFFERED: Final = (
    OfferedSkill("copy-words", "Copying a word."),
    OfferedSkill("sort-words", "Sorting words\nby length."),
    OfferedSkill("sing-songs", "Singing."),
)


class ChoiceHeard:
    """What a course came to."""

    came: Came[tuple[str, ...]]


async def chosen(
    base: Path, *said: Any, skills: tuple[OfferedSkill, ...] = OFFERED, k: int = 8, **settings: Any
) -> tuple[Authored, Came[tuple[str, ...]]]:
    """Have skills chosen."""

    async def course(tried: TriedTasks) -> None:
        brief = ChoiceBrief(TASK, tried.scope.put(b"Sort the words, then copy the first."), skills)
        heard.came = await tried.ask("retrieve/arm/E1/six", choose_skills, brief, "chooser")

    heard = ChoiceHeard()
    answers = rule("choose", *(each if isinstance(each, str) else answer(each) for each in said))
    run = await authored(base, course, answers, retrieval={"method": "model", "k": k}, **settings)
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    return run, heard.came


async def test_names_are_taken_in_the_order_of_the_answer(tmp_path: Path) -> None:
    """Given three skills, the model is told of each with its description, and of the task as it stands."""
    run, came = await chosen(tmp_path, {"skills": ["sort-words", "copy-words", "sort-words"]})
    assert (came.value, came.ending, came.reason) == (("sort-words", "copy-words"), "read", "")
    said = "\n".join(await run.told("chooser"))
    assert "Sort the words, then copy the first." in said
    assert "- sort-words: Sorting words by length." in said
    assert "E1-LS1.sort-words" not in said, "what a task requires is no part of the question"
    (opened,) = await run.events("author.opened")
    assert isinstance(opened.event, AuthorOpened)
    assert (opened.event.stage, opened.event.task, opened.event.cells) == ("choose", "six", ())


async def test_no_more_are_taken_than_the_arm_gives(tmp_path: Path) -> None:
    """The first of them; the rest is named."""
    run, came = await chosen(tmp_path, {"skills": ["sort-words", "copy-words", "sing-songs"]}, k=2)
    assert came.value == ("sort-words", "copy-words")
    assert "first 2" in came.reason
    assert "Choose at most 2." in "\n".join(await run.told("chooser"))


async def test_none_is_a_choice(tmp_path: Path) -> None:
    """Where no skill helps, none is given: it is not filled up."""
    _, came = await chosen(tmp_path, {"skills": []})
    assert (came.value, came.ending) == ((), "read")


async def test_a_name_that_was_not_offered_is_asked_about_and_then_left_out(tmp_path: Path) -> None:
    """What was offered of the answer stands."""
    invented = {"skills": ["copy-words", "read-minds"]}
    run, came = await chosen(tmp_path, invented, invented)
    assert came.value == ("copy-words",)
    assert "read-minds" in came.reason
    (again,) = [each for each in await run.told("chooser") if "cannot be used" in each]
    assert "'read-minds' is no skill of the library" in again


@pytest.mark.parametrize("said", [{"skills": ["read-minds"]}, {"skills": "copy-words"}, "copy-words, I think"])
async def test_what_names_no_skill_is_no_choice(tmp_path: Path, said: Any) -> None:
    """Neither all skills nor the first ones stand in for it."""
    _, came = await chosen(tmp_path, said, said)
    assert (came.value, came.ending) == (None, "unreadable")


async def test_a_failed_call_is_an_outcome(tmp_path: Path) -> None:
    """The script has no answer."""

    async def course(tried: TriedTasks) -> None:
        brief = ChoiceBrief(TASK, tried.scope.put(b"Sort."), OFFERED)
        heard.came = await tried.ask("retrieve/arm/E1/six", choose_skills, brief, "chooser")

    heard = ChoiceHeard()
    await authored(tmp_path, course, "")
    assert (heard.came.value, heard.came.ending) == (None, "unanswered")
