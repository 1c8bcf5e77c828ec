"""Stories of the models of the demo of evolving: the solver goes by rules it can read, the author by what it is sent.

Each is a function of its request, so what a request does not hold, no answer can come from.
"""

import json
from typing import Any, Final

import pytest

from engine.protocols.server_side import ServerRequest
from engine.scripted.house_author import write
from engine.scripted.house_rules import HouseRule, rules_held, rules_told
from engine.scripted.house_solver import work_at
from tests.architecture.source import ROOT

SUITE: Final = ROOT / "engine" / "demo" / "evolve" / "suite"
NAIVE: Final = "- A weight that is missing: count it as 0."
TOLD: Final = HouseRule("A weight that is missing", "leave its row out, for it was never taken")
OTHER: Final = HouseRule("A row that is marked void", "leave it out, for it was struck out")
FOLDER: Final = "/opt/stillroom/attempt/skills"


def opening(task: str, skills: dict[str, str], note: str = "") -> str:
    """Word the beginning of a solver's conversation as the shell agent does.

    Args:
        task: Which is worked on.
        skills: Descriptions by name.
        note: What its condition tells besides.
    """
    offered = "".join(f"- {name}: {description} ({FOLDER}/{name}/SKILL.md)\n" for name, description in skills.items())
    told = (SUITE / "tasks" / task / "instruction.md").read_text()
    asked = f"Task: {task}\nAttempt: 1 of 1\n\n{told}\n{note}"
    return f"You solve a task at a Linux shell.\n\nSkills are folders.\n{offered}\n{asked}"


def commands(text: str) -> list[str]:
    """Have the solver answer until it is done."""
    given: list[str] = []
    while True:
        turn = work_at(ServerRequest(model="solver", opening=text, turn=len(given)))
        assert turn is not None
        if turn.command is None:
            return given
        given.append(turn.command)


def described() -> dict[str, str]:
    """Give the descriptions of the curated skills."""
    found: dict[str, str] = {}
    for path in sorted((SUITE / "skills").glob("*/SKILL.md")):
        found[path.parent.name] = path.read_text().partition("description: ")[2].partition("\n")[0]
    return found


def sent(stage: str, *, library: str = "", trajectories: str = "", feedback: str = "") -> dict[str, Any] | None:
    """Ask the author; give the patch that it answers with."""
    request = (
        f"Role: author\nStage: {stage}\n\nYou write skills.\n# The family\n\nName: Averages of weights\n"
        f"Folder of its skill: `average-weights`\nEnvironment: ledger-figures\n\n# Earlier decisions\n\n(None.)\n\n"
        f"# Trajectories\n\n{trajectories}\n\n# Feedback\n\n{feedback}\n\n"
        f"# The library\n\n{library}\n\n# What is asked\n\nGo."
    )
    turn = write(ServerRequest(model="author", opening=request, turn=0))
    if turn is None or turn.text is None:
        return None
    patch: dict[str, Any] = json.loads(turn.text.removeprefix("```json\n").removesuffix("\n```"))
    return patch


def live(text: str) -> str:
    """Word a file of the library as it is sent."""
    return f"File `average-weights/SKILL.md`:\n\n```text\n{text}\n```"


# -- the solver --------------------------------------------------------------------------------------------------------


def test_the_solver_reads_the_skills_that_fit_and_in_the_order_of_the_work() -> None:
    """A task that joins two kinds of work is answered with two skills, whatever order they are offered in."""
    look, work = commands(opening("average-weights-composition", described()))
    paths = [line.removeprefix("cat ") for line in look.splitlines() if FOLDER in line]
    assert paths == [f"{FOLDER}/{name}/SKILL.md" for name in ("match-codes", "average-weights")]
    assert work.index("\nmatch()\n") < work.index("\naverage()\n")
    assert f"READ = {['house.txt', *paths]!r}" in work


def test_no_rule_stands_in_what_the_solver_types() -> None:
    """What can be asked of data it knows, as anybody does; what this house does stands in skills, which it reads."""
    typed = "\n".join(commands(opening("average-weights-adversarial", described())))
    assert rules_told(typed) == []
    assert TOLD.do not in typed


def test_the_solver_takes_rules_from_a_note_and_from_no_instruction_of_another_task() -> None:
    """What earlier tasks asked for does not become what this one asks for."""
    note = f"# Earlier trials\n\nMatch the codes in `/app/stock.csv`.\n> {TOLD.told}\n"
    _, work = commands(opening("average-weights-adversarial", {}, note))
    assert ("\naverage()\n" in work, "\nmatch()\n" in work) == (True, False)
    assert f"NOTED = {[TOLD.told]!r}" in work


def test_the_solver_hands_in_where_a_clerk_takes_it() -> None:
    """That is the last command, and so the newest of what an author is shown."""
    assert commands(opening("send-orders-enriched", {}))[-1] == "sh clerk.sh"
    assert len(commands(opening("send-orders-variant", {}))) == 2


def test_tasks_of_others_are_not_answered() -> None:
    """Nothing is made up."""
    asked = "Task: another\nAttempt: 1 of 1\n\nBake bread.\n"
    assert work_at(ServerRequest(model="solver", opening=asked, turn=0)) is None
    assert work_at(ServerRequest(model="solver", opening="Role: author\nStage: revise\n", turn=0)) is None


# -- the author --------------------------------------------------------------------------------------------------------


def test_a_draft_holds_no_rule() -> None:
    """Its author was told of a name, and of nothing that happened."""
    patch = sent("zero shot")
    assert patch is not None
    (text,) = patch["files"].values()
    assert text.startswith("---\nname: average-weights\ndescription: ")
    assert rules_held(text) == []


@pytest.mark.parametrize("where", ["trajectories", "feedback"])
def test_what_was_told_goes_into_a_first_skill(where: str) -> None:
    """Whether a command printed it or a check of the process said it."""
    patch = sent("induce", **{where: f"$ sh clerk.sh\n{TOLD.told}\n"})
    assert patch is not None
    assert rules_held(patch["files"]["average-weights/SKILL.md"]) == [TOLD]


def test_a_rule_takes_the_place_of_what_the_live_skill_says_about_the_same() -> None:
    """All else stays letter for letter; what the skill says nothing of comes at its end."""
    before = f"---\nname: average-weights\n---\n\n# Averages\n\n{NAIVE}\nCount twice."
    patch = sent("revise", library=live(before), trajectories=TOLD.told, feedback=OTHER.told)
    assert patch is not None
    assert patch["files"] == {
        "average-weights/SKILL.md": f"{before.replace(NAIVE, TOLD.line)}\n{OTHER.line}\n",
    }


def test_a_skill_that_says_all_that_was_told_is_not_changed() -> None:
    """An answer without files is one, and not a text that says the same again."""
    patch = sent("revise", library=live(f"# Averages\n\n{TOLD.line}"), trajectories=TOLD.told)
    assert patch is not None
    assert patch["files"] == {}


def test_without_the_live_text_nothing_of_it_is_kept() -> None:
    """An author that is not shown the skill cannot revise it: what it writes is another one."""
    patch = sent("revise", trajectories=TOLD.told)
    assert patch is not None
    assert patch["operation"] == "create"


def test_only_an_author_is_answered() -> None:
    """A chooser or a solver gets nothing."""
    assert sent("choose") is None
