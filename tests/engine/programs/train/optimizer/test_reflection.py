"""Reflection: an optimizer's answer to the trajectories that it was shown is proposals, or an outcome with a reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from engine.policies.edits.edit import Edit
from engine.programs.train.optimizer.reflection import reflect
from engine.programs.train.optimizer.terms import Came, ReflectBrief, ReflectionOutcome, ShownRollout
from events.types.optimizing import OptimizerClosed, OptimizerOpened, TrajectoryAsked
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.optimizing import Course, Optimized, RolledItems, answer, optimized, rule

FAILURES: Final = "reflect failures"
EDIT: Final = {"op": "append", "content": "Say the code of the amber lamp."}
GOOD: Final = answer({"findings": [{"type": "no code", "count": 1, "description": "it knows none"}], "edits": [EDIT]})


class ReflectionSeen:
    """What a course came to, kept for the test that asked for it."""

    came: Came[ReflectionOutcome]


def reflecting(heard: ReflectionSeen, document: str = "", **brief: Any) -> Course:
    """Reflect on the failures."""

    async def course(rolled: RolledItems) -> Mapping[str, str]:
        rows = tuple(row for row in rolled.rows if not row.hard)
        told = {"terms": rolled.terms, "document": rolled.document(document), "rows": rows, "budget": 4, **brief}
        asked = ReflectBrief(name="1.0.fail.0", kind="failure", **told)
        heard.came = await rolled.run("reflect/1.0.fail.0", reflect, asked)
        return {"reflect": heard.came.ending}

    return course


async def reflected(
    base: Path, answers: str, document: str = "", **changes: Any
) -> tuple[Optimized, Came[ReflectionOutcome]]:
    """Reflect on the question that the student could not answer."""
    heard = ReflectionSeen()
    brief = {name: changes.pop(name) for name in ("budget", "notes", "appendix", "rows") if name in changes}
    run = await optimized(base, reflecting(heard, document, **brief), answers, **changes)
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    return run, heard.came


def proposed(came: Came[ReflectionOutcome]) -> tuple[Any, ...]:
    """Give what was proposed."""
    assert came.value is not None
    return came.value.proposals.items


async def closed(run: Optimized) -> OptimizerClosed:
    """Give how the question ended."""
    (event,) = await run.events("optimizer.closed")
    assert isinstance(event.event, OptimizerClosed)
    return event.event


async def test_proposals_come_from_the_trajectories_that_were_shown(tmp_path: Path) -> None:
    """Given a wrong answer, when the optimizer appends a rule, then that is the edit, with what it rests on counted."""
    run, came = await reflected(tmp_path, rule(FAILURES, GOOD, contains=["I do not know", "amber lamp?"]))
    assert (came.ending, came.reason) == ("read", "")
    edit = Edit("append", EDIT["content"], support_count=1, source_type="failure", sources=("1.0.fail.0",))
    assert proposed(came) == (edit,)
    assert came.value is not None
    assert [(each.type, each.count) for each in came.value.findings] == [("no code", 1)]
    (opened,) = await run.events("optimizer.opened")
    assert isinstance(opened.event, OptimizerOpened)
    assert (opened.event.stage, opened.event.cells) == ("reflect", ("cell/start/quiz.amber.1",))
    assert await closed(run) == OptimizerClosed("read", "", (), None)


async def test_nothing_that_was_expected_reaches_the_optimizer(tmp_path: Path) -> None:
    """K7 is expected of the amber lamp: it stands in no message, unless the settings say that it is shown."""
    run, _ = await reflected(tmp_path / "hidden", rule(FAILURES, GOOD))
    assert "K7" not in "".join(await run.told())
    run, _ = await reflected(tmp_path / "shown", rule(FAILURES, GOOD), reference=True)
    assert "K7" in "".join(await run.told())


async def test_the_rate_of_the_step_bounds_what_is_asked_for_and_taken(tmp_path: Path) -> None:
    """Given a budget of 2, the optimizer is told so, and of three proposals the first two are taken (W21)."""
    edits = [{"op": "append", "content": f"Rule {number}."} for number in range(3)]
    run, came = await reflected(tmp_path, rule(FAILURES, answer({"edits": edits}), contains=["At most 2"]), budget=2)
    assert [each.content for each in proposed(came)] == ["Rule 0.", "Rule 1."]
    assert "only 2 are taken" in came.reason
    assert (await closed(run)).ending == "read"


async def test_an_empty_list_is_an_answer_and_no_failure(tmp_path: Path) -> None:
    """Nothing to change is read as such, and is not the same as an answer that cannot be read."""
    _, came = await reflected(tmp_path, rule(FAILURES, answer({"edits": []})))
    assert (came.ending, proposed(came)) == ("read", ())


async def test_an_answer_that_is_no_json_is_asked_for_again_with_the_problem_named(tmp_path: Path) -> None:
    """Given prose, then JSON, the second is taken; the model saw its own words and what was wrong with them."""
    run, came = await reflected(tmp_path, rule(FAILURES, "I would append a rule.", GOOD))
    assert len(proposed(came)) == 1
    assert "no JSON object can be read" in (await run.told())[-1]


async def test_an_answer_that_stays_unreadable_is_an_outcome_with_a_reason(tmp_path: Path) -> None:
    """Given prose twice, nothing is proposed, and it is never an empty list."""
    run, came = await reflected(tmp_path, rule(FAILURES, "I would append a rule.", "As I said."))
    assert (came.value, came.ending) == (None, "unreadable")
    assert "no JSON object" in came.reason
    assert (await closed(run)).ending == "unreadable"
    assert len(await run.events("model.asked")) == 2 + 2


async def test_repairs_can_be_done_without(tmp_path: Path) -> None:
    """With no repair allowed, the first answer is the last."""
    run, came = await reflected(tmp_path, rule(FAILURES, "I would.", GOOD), optimizer={"repairs": 0})
    assert came.ending == "unreadable"
    assert len(await run.events("model.asked")) == 2 + 1


async def test_a_support_that_is_no_number_ends_nothing(tmp_path: Path) -> None:
    """Support is counted: what the model says of its batch is not even read (W17)."""
    said = {"batch_size": "all of them", "edits": [{**EDIT, "support_count": 40}]}
    _, came = await reflected(tmp_path, rule(FAILURES, answer(said)))
    assert [each.support_count for each in proposed(came)] == [1]


async def test_a_call_that_fails_proposes_nothing_and_says_why(tmp_path: Path) -> None:
    """Given a provider that refuses, the outcome names the error; no empty patch comes of it."""
    refused = '\n[[rule]]\nname = "no"\ncontains = ["Stage: reflect"]\n[[rule.turn]]\nerror = "bad_request"\n'
    run, came = await reflected(tmp_path, refused)
    assert (came.value, came.ending) == (None, "unanswered")
    assert "bad_request" in came.reason
    assert (await closed(run)).ending == "unanswered"


async def test_an_anchor_that_is_not_in_the_document_is_asked_about_once(tmp_path: Path) -> None:
    """Given an edit of a text that is not there, the optimizer is told, and its second answer is taken as it is."""
    lost = answer({"edits": [{"op": "replace", "target": "Look at the lamps.", "content": "Look twice."}]})
    found = answer({"edits": [{"op": "replace", "target": "Look at the lamp.", "content": "Look twice."}]})
    document = "# Lamps\n\nLook at the lamp.\n"
    run, came = await reflected(tmp_path / "mended", rule(FAILURES, lost, found), document)
    assert [each.target for each in proposed(came)] == ["Look at the lamp."]
    assert "edit 1 (replace)" in (await run.told())[-1]
    _, came = await reflected(tmp_path / "kept", rule(FAILURES, lost, lost), document)
    assert [each.target for each in proposed(came)] == ["Look at the lamps."]
    assert "edit 1 (replace)" in came.reason


async def test_items_that_could_not_be_shown_are_named(tmp_path: Path) -> None:
    """Given a row whose cell is not there beside one that is, the other is studied, and it is named with the reason."""
    gone = ShownRollout("green", "cell/start/quiz.green.1", None, hard=False, soft=None)
    here = ShownRollout("amber", "cell/start/quiz.amber.1", "lamp", hard=False, soft=0.0)
    run, came = await reflected(tmp_path, rule(FAILURES, GOOD, contains=["of type lamp"]), rows=(gone, here))
    assert [each.item for each in came.hidden] == ["green"]
    assert (await closed(run)).hidden == came.hidden
    assert [each.support_count for each in proposed(came)] == [1]


async def test_without_anything_to_show_nobody_is_asked(tmp_path: Path) -> None:
    """It costs no call, and says why."""
    gone = ShownRollout("green", "cell/start/quiz.green.1", None, hard=False, soft=None)
    run, came = await reflected(tmp_path, rule(FAILURES, GOOD), rows=(gone,))
    assert (came.value, came.ending) == (None, "nothing_shown")
    assert len(await run.events("model.asked")) == 2
    assert (await closed(run)).ending == "nothing_shown"


async def test_steps_before_and_notes_are_told(tmp_path: Path) -> None:
    """What was tried before is in the question, fenced as material."""
    notes = "Step 1: rejected.\n```\nTried in vain: 1. append"
    run, _ = await reflected(tmp_path, rule(FAILURES, GOOD), notes=notes)
    assert f"````text\n{notes}\n````" in (await run.told())[1]


async def test_lapses_become_reminders_where_they_are_asked_for(tmp_path: Path) -> None:
    """A rule that was told and not followed is no edit but a note; nobody asks for them otherwise."""
    said = answer({"edits": [], "appendix_notes": ["Say the code.", {"note": "Read it again."}, 7]})
    _, came = await reflected(tmp_path / "asked", rule(FAILURES, said, contains=["appendix_notes"]), appendix=True)
    assert came.value is not None
    assert came.value.appendix == ("Say the code.", "Read it again.")
    _, came = await reflected(tmp_path / "not", rule(FAILURES, said))
    assert came.value is not None
    assert came.value.appendix == ()


async def test_what_is_shown_is_read_from_the_record_when_it_is_lived_again(tmp_path: Path) -> None:
    """Each trajectory is an effect: a rerun reads no stream of the log for it."""
    run, _ = await reflected(tmp_path, rule(FAILURES, GOOD))
    (asked,) = await run.events("trajectory.asked")
    assert asked.event == TrajectoryAsked("cell/start/quiz.amber.1", "checks", reference=False)
