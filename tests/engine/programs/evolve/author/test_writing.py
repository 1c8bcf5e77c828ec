"""An author is told the library that it writes for; what it answers becomes a patch, or an outcome with a reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.policies.library.patch import Patch
from engine.programs.evolve.author.points import FollowingTrial, PastDecision, ScoreSeen
from engine.programs.evolve.author.terms import AuthorBrief
from engine.programs.evolve.author.writing import encode_patch, induce, revise, zero_shot
from engine.programs.train.optimizer.terms import Came
from events.types.authoring import AuthorClosed, AuthorOpened
from events.types.decision import DecisionMade, Held, Seen
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.authoring import (
    FAMILY,
    LIBRARY,
    OTHER,
    SKILL,
    Authored,
    Course,
    TriedTasks,
    answer,
    authored,
    rule,
)

EDIT: Final = {
    "op": "replace",
    "file": "copy-words/SKILL.md",
    "target": "Guess the word.",
    "content": "Read the word, then write it.",
}
GOOD: Final = answer({"summary": "Read first.", "operation": "revise", "edits": [EDIT]})
WHOLE: Final = {"copy-words/SKILL.md": SKILL.replace("Guess the word.", "Read the word first.")}
FIRST: Final = answer({"summary": "A first skill.", "operation": "create", "files": WHOLE})


class PatchHeard:
    """What a course came to, kept for the test that asked for it."""

    came: Came[Patch]


def asking(heard: PatchHeard, actor: Any = revise, **brief: Any) -> Course:
    """Ask the author once."""

    async def course(tried: TriedTasks) -> None:
        heard.came = await tried.ask("author/arm/E1/one", actor, tried.brief(**brief))

    return course


async def wrote(
    base: Path, answers: str, actor: Any = revise, brief: Mapping[str, Any] | None = None, **settings: Any
) -> tuple[Authored, Came[Patch]]:
    """Have an author write after one trial; the run replays without a call, and its decisions rule as they did."""
    heard = PatchHeard()
    run = await authored(base, asking(heard, actor, **(brief or {})), answers, **settings)
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    return run, heard.came


async def closed(run: Authored) -> AuthorClosed:
    """Give how the question ended."""
    (event,) = await run.events("author.closed")
    assert isinstance(event.event, AuthorClosed)
    return event.event


# -- what an author is told --------------------------------------------------------------------------------------------


async def test_a_revision_is_an_edit_of_the_live_skill(tmp_path: Path) -> None:
    """Given a skill and a failed trial, when the author edits a line of it, then that is the patch."""
    run, came = await wrote(tmp_path, rule("revise", GOOD, contains=["Guess the word.", "echo nope > answer.txt"]))
    assert (came.ending, came.reason) == ("read", "")
    assert came.value is not None
    assert [(each.file, each.content) for each in came.value.edits] == [(EDIT["file"], EDIT["content"])]
    (opened,) = await run.events("author.opened")
    assert isinstance(opened.event, AuthorOpened)
    assert (opened.event.stage, opened.event.family, opened.event.task) == ("revise", "E1-LS2", "one")
    assert opened.event.cells == ("cell/arm.E1/one/1",)
    held = {each.name: msgspec.json.decode(await run.log.get(each.digest)) for each in opened.event.given}
    assert held["library"] == LIBRARY
    assert await closed(run) == AuthorClosed("read", "", ())


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["environment", "family", "global"])
@pytest.mark.parametrize(("actor", "stage"), [(revise, "revise"), (induce, "induce"), (zero_shot, "zero shot")])
async def test_the_prompt_holds_the_library_in_force_in_every_scope(
    tmp_path: Path, scope: str, actor: Any, stage: str
) -> None:
    """SkillEvolBench's author saw none in its default scope (W1): every revision was written blindly.

    The family's own files stand there whole, each by its path; of others in the library, what an agent sees of them.
    """
    revised = SKILL.replace("Guess the word.", "This sentence is that of the third revision.")
    library = {**LIBRARY, "copy-words": {"SKILL.md": revised, "references/words.md": "All words of the house."}}
    told = {"library": library} if actor is not zero_shot else {"library": library, "trials": ()}
    run, _ = await wrote(tmp_path, rule(stage, answer({"files": {}})), actor, told, scope=scope)
    (user,) = [each for each in await run.told("author") if "# The library" in each][:1]
    shown = user.partition("# The library")[2]
    assert f"File `copy-words/SKILL.md`:\n\n```text\n{revised.rstrip()}\n```" in shown
    assert "File `copy-words/references/words.md`:\n\n```text\nAll words of the house.\n```" in shown
    assert "name: sort-words" in shown
    assert "Sort the words of another family." not in shown


async def test_a_first_draft_is_not_given_what_the_suite_says_of_its_family(tmp_path: Path) -> None:
    """The description of a family is that of its curated skill (W21), and its gaps are what the curated skill lacks."""
    run, came = await wrote(tmp_path, rule("zero shot", FIRST), zero_shot, {"library": {}, "owners": {}, "trials": ()})
    assert came.ending == "read"
    said = "\n".join(await run.told("author"))
    assert f"Name: {FAMILY.name}" in said
    assert FAMILY.description not in said
    assert not any(gap in said for gap in FAMILY.gaps)
    assert "# Trajectories" not in said


@pytest.mark.parametrize(("actor", "stage"), [(revise, "revise"), (induce, "induce")])
async def test_what_the_suite_says_of_a_family_reaches_no_author(tmp_path: Path, actor: Any, stage: str) -> None:
    """Or a skill that grew from trials would hold what somebody wrote by hand."""
    run, _ = await wrote(tmp_path, rule(stage, GOOD), actor)
    said = "\n".join(await run.told("author"))
    assert FAMILY.description not in said
    assert not any(gap in said for gap in FAMILY.gaps)


async def test_no_author_is_asked_where_no_trial_can_be_told(tmp_path: Path) -> None:
    """A cell that nobody began has no course; the ending says so, and nothing is paid."""

    async def course(tried: TriedTasks) -> None:
        lost = msgspec.structs.replace(tried.trials[0], cell="cell/arm.E1/none/1")
        heard.came = await tried.ask("author/arm/E1/one", revise, tried.brief(trials=(lost,)))

    heard = PatchHeard()
    run = await authored(tmp_path, course, rule("revise", GOOD))
    assert (heard.came.value, heard.came.ending) == (None, "nothing_shown")
    assert [each.item for each in heard.came.hidden] == ["one"]
    assert await run.told("author") == []


# -- what an author answers --------------------------------------------------------------------------------------------


async def test_a_text_that_is_no_patch_is_never_a_skill(tmp_path: Path) -> None:
    """SkillEvolBench keeps what it cannot parse as the skill itself (W22). Here it is asked again, then given up."""
    text = "---\nname: copy-words\ndescription: A skill.\n---\n\nRead the word."
    run, came = await wrote(tmp_path, rule("zero shot", text, text), zero_shot, {"library": {}, "trials": ()})
    assert (came.value, came.ending) == (None, "unreadable")
    assert "no JSON object" in came.reason
    assert (await closed(run)).ending == "unreadable"
    assert len([each for each in await run.events("model.asked") if each.stream.name.startswith("author/")]) == 2


async def test_a_patch_without_any_of_its_parts_is_none(tmp_path: Path) -> None:
    """An empty list says that nothing changes; an answer that speaks of something else says nothing."""
    _, came = await wrote(tmp_path, rule("revise", answer({"skill": "Read."}), answer({"summary": "x", "edits": []})))
    assert came.value == Patch(summary="x")
    assert came.ending == "read"


async def test_a_refused_patch_is_asked_for_again_with_its_sentence(tmp_path: Path) -> None:
    """Given a skill that speaks of graders, the author is told which sentence is refused, and mends it."""
    bad = answer({"summary": "s", "edits": [{**EDIT, "content": "The graders often check the ground truth."}]})
    run, came = await wrote(tmp_path, rule("revise", bad, GOOD))
    assert (came.ending, came.reason) == ("read", "")
    assert came.value is not None
    assert came.value.edits[0].content == EDIT["content"]
    (again,) = [each for each in await run.told("author") if "cannot be used" in each]
    assert "The graders often check the ground truth." in again


async def test_what_is_still_refused_comes_back_with_its_refusals(tmp_path: Path) -> None:
    """Whoever applies it refuses it, too, and it stays on record; the author is not asked without end."""
    foreign = answer({"summary": "s", "files": {"sort-words/SKILL.md": OTHER + "\nMine.\n"}})
    _, came = await wrote(tmp_path, rule("revise", foreign, foreign))
    assert came.ending == "read"
    assert came.value is not None
    assert list(came.value.files) == ["sort-words/SKILL.md"]
    assert "sort-words" in came.reason


async def test_edits_are_checked_against_the_live_text(tmp_path: Path) -> None:
    """A target that stands in no line of it is told to the author; without repairs it comes back at once."""
    lost = answer({"summary": "s", "edits": [{**EDIT, "target": "Sing the word."}]})
    run, came = await wrote(tmp_path, rule("revise", lost, GOOD), authoring={"repairs": 0})
    assert came.ending == "read"
    assert "copy-words/SKILL.md" in came.reason
    assert not [each for each in await run.told("author") if "cannot be used" in each]


async def test_an_edit_without_a_file_means_the_one_skill_of_the_family(tmp_path: Path) -> None:
    """Models leave the name out where there is one to choose from."""
    bare = {name: value for name, value in EDIT.items() if name != "file"}
    _, came = await wrote(tmp_path, rule("revise", answer({"summary": "s", "edits": [bare]})))
    assert came.value is not None
    assert [each.file for each in came.value.edits] == ["copy-words/SKILL.md"]
    assert came.reason == ""


@pytest.mark.parametrize(
    "said",
    [
        {"summary": "s", "upsert_files": WHOLE, "delete_paths": [], "operation_type": "revise"},
        {"summary": "s", "files": [{"path": path, "content": text} for path, text in WHOLE.items()]},
    ],
    ids=["names of SkillEvolBench", "a list of files"],
)
async def test_other_forms_of_the_same_patch_are_read(tmp_path: Path, said: Any) -> None:
    """Nothing is in doubt about what is meant."""
    _, came = await wrote(tmp_path, rule("revise", answer(said)))
    assert came.value is not None
    assert came.value.files == WHOLE
    assert came.reason == ""


async def test_the_example_of_the_prompt_is_no_patch(tmp_path: Path) -> None:
    """Small models repeat it."""
    echo = answer({"summary": "s", "files": {"cool-bread/SKILL.md": SKILL.replace("copy-words", "cool-bread")}})
    _, came = await wrote(tmp_path, rule("revise", echo, echo))
    assert came.ending == "unreadable"
    assert "cool-bread" in came.reason


async def test_a_first_skill_without_a_file_is_asked_for_again(tmp_path: Path) -> None:
    """Where there is none yet, an empty patch is no answer."""
    empty = answer({"summary": "nothing", "files": {}})
    told: dict[str, Any] = {"library": {}, "owners": {}, "targets": ()}
    run, came = await wrote(tmp_path, rule("induce", empty, FIRST), induce, told)
    assert came.value is not None
    assert list(came.value.files) == ["copy-words/SKILL.md"]
    (again,) = [each for each in await run.told("author") if "cannot be used" in each]
    assert "copy-words/SKILL.md" in again


async def test_a_patch_is_kept_as_it_was_read(tmp_path: Path) -> None:
    """Whoever names it later names the same bytes."""
    run, came = await wrote(tmp_path, rule("revise", GOOD))
    assert came.value is not None
    (read,) = [each.event for each in await run.events("decision.made") if each.ref == came.at]
    assert isinstance(read, DecisionMade)
    assert await run.log.get(read.ruling["value"]) == encode_patch(came.value)


async def test_a_failed_call_is_an_outcome_and_no_text(tmp_path: Path) -> None:
    """A stage without a rule in the script is a failed call: nothing is made up, and the ending says why."""
    run, came = await wrote(tmp_path, "")
    assert (came.value, came.ending) == (None, "unanswered")
    assert came.reason
    assert (await closed(run)).ending == "unanswered"


@pytest.mark.parametrize(("files", "ending"), [("optional", ""), ("required", "required")])
async def test_files_beside_the_skill_are_asked_for_and_checked(tmp_path: Path, files: str, ending: str) -> None:
    """Where an arm requires them, a patch without any is told so, and the words of the question differ."""
    run, came = await wrote(tmp_path, rule("revise", GOOD, GOOD), author_files=files)
    assert came.ending == "read"
    assert bool(came.reason) is bool(ending)
    said = "\n".join(await run.told("author"))
    assert ("at least one such file" in said) is (files == "required")
    assert ("Most skills need none." in said) is (files == "optional")


# -- earlier decisions -------------------------------------------------------------------------------------------------


def decided(tried: TriedTasks) -> AuthorBrief:
    """Give a brief with three earlier patches: one taken, one refused by the rules, one that a gate refused."""
    scope, at = tried.scope, tried.scope.at

    def past(summary: str, text: str, **how: Any) -> PastDecision:
        patch = Patch(summary=summary, files={"copy-words/SKILL.md": text})
        return PastDecision(at=at, task="one", patch=Held(scope.put_json(encode_patch(patch)), at), **how)

    followed = (FollowingTrial("two", Seen(at, ScoreSeen(solved=False))),)
    return tried.brief(
        history=(
            past("Took the easy way.", "EASY TEXT", accepted=True, followed=followed),
            past("Spoke of checks.", "CHECKED TEXT", accepted=False, refusals=("line 3 speaks of graders",)),
            past("Guessed twice.", "GATED TEXT", accepted=False, measured=("it solved 1 of 3",)),
        )
    )


async def remembered(base: Path, **settings: Any) -> tuple[Authored, str]:
    """Have an author revise with such a history; give what it is told of it."""

    async def course(tried: TriedTasks) -> None:
        await tried.ask("author/arm/E1/one", revise, decided(tried))

    run = await authored(base, course, rule("revise", GOOD), **settings)
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    (user,) = [each for each in await run.told("author") if "# Earlier decisions" in each]
    return run, user.partition("# Earlier decisions")[2].partition("# Trajectories")[0]


async def test_an_author_is_told_what_became_of_earlier_patches(tmp_path: Path) -> None:
    """Alternatives that were refused and why, and what followed those that were taken."""
    run, told = await remembered(tmp_path, feedback="binary")
    for each in ("Took the easy way.", "two not solved", "line 3 speaks of graders", "CHECKED TEXT", "1 of 3"):
        assert each in told
    assert "EASY TEXT" not in told
    (made,) = [
        each.event
        for each in await run.events("decision.made")
        if isinstance(each.event, DecisionMade) and each.event.point == "decisions_worded"
    ]
    assert made.inputs is not None
    saw = msgspec.json.decode(await run.log.get(made.inputs))
    assert [set(each["patch"]) for each in saw["history"]] == [{"held", "at"}] * 3


async def test_the_history_of_decisions_is_a_setting(tmp_path: Path) -> None:
    """The newest stay; with 0 nothing is told."""
    _, told = await remembered(tmp_path / "one", feedback="binary", authoring={"decisions": 1})
    assert "Guessed twice." in told
    assert "Spoke of checks." not in told
    _, told = await remembered(tmp_path / "none", feedback="binary", authoring={"decisions": 0})
    assert told.strip() == "(Nothing.)"


async def test_without_feedback_no_decision_tells_what_trials_came_to(tmp_path: Path) -> None:
    """Neither what followed nor what a gate measured, nor that it refused: only what the rules say of a patch alone."""
    _, told = await remembered(tmp_path, feedback="none")
    assert "line 3 speaks of graders" in told
    for each in ("solved", "1 of 3", "Guessed twice.", "GATED TEXT"):
        assert each not in told


@pytest.mark.parametrize(("library", "edits"), [(LIBRARY, True), ({"sort-words": {"SKILL.md": OTHER}}, False)])
async def test_edits_are_offered_where_the_family_has_a_skill(tmp_path: Path, library: Any, *, edits: bool) -> None:
    """A small model gave edits of a file that it was just writing: whole texts alone are asked for then."""
    run, _ = await wrote(tmp_path, rule("induce", FIRST), induce, {"library": library})
    system = (await run.told("author"))[0]
    assert ('"edits"' in system) is edits
