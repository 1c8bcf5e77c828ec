"""Merging and choosing: several lists become one, and the best of it, and nothing is lost where an answer is no use."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.policies.edits.edit import Edit
from engine.policies.edits.modes import RevisionSuggestion, SkillCandidate, UpdateItem
from engine.programs.train.optimizer.choice import choose_rate, rank
from engine.programs.train.optimizer.proposals import encode_proposals
from engine.programs.train.optimizer.reflection import merge
from engine.programs.train.optimizer.terms import Came, MergeBrief, Proposals, RankBrief, RateBrief
from events.types.decision import Held
from events.types.optimizing import OptimizerClosed
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.optimizing import Optimized, RolledItems, answer, optimized, rule

DOCUMENT = "# Lamps\n\nLook at the lamp.\n"
ONE = Edit("append", "Say the code.", support_count=3, source_type="failure", sources=("1.0.fail.0",))
TWO = Edit("append", "Say it aloud.", support_count=5, source_type="failure", sources=("1.0.fail.1",))
THREE = Edit("append", "Be brief.", support_count=2, source_type="success", sources=("1.0.succ.0",))


def proposals(
    rolled: RolledItems, name: str, items: Sequence[UpdateItem], rows: int, kind: str = "failure"
) -> Proposals:
    """Make what a reflection proposed."""
    held = Held(rolled.scope.put(encode_proposals(items)), rolled.scope.at)
    return Proposals(name, kind, tuple(items), held, {name: rows})


async def asked(base: Path, stream: str, actor: Any, make: Any, answers: str, **own: Any) -> tuple[Optimized, Any]:
    """Put one question, and see that a replay puts it again."""
    came: list[Came[Any]] = []

    async def course(rolled: RolledItems) -> Mapping[str, str]:
        came.append(await rolled.run(stream, actor, make(rolled)))
        return {"asked": came[-1].ending}

    run = await optimized(base, course, answers, **own)
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    return run, came[0]


def merging(level: int | None = 1) -> Any:
    """Merge the lists of two reflections upon failures."""

    def make(rolled: RolledItems) -> MergeBrief:
        group = (proposals(rolled, "1.0.fail.0", [ONE], 3), proposals(rolled, "1.0.fail.1", [TWO], 5))
        return MergeBrief(rolled.terms, rolled.document(DOCUMENT), "1.fail.1.0", "failure", group, level)

    return make


async def merged(base: Path, *said: str, level: int | None = 1, **own: Any) -> tuple[Optimized, Any]:
    """Answer the merge of two lists."""
    return await asked(base, "merge/1.fail.1.0", merge, merging(level), rule("merge", *said), **own)


async def test_a_merged_edit_names_where_it_came_from_and_counts_what_it_rests_on(tmp_path: Path) -> None:
    """Given an answer that names both reflections, its support is that of both, whatever it claims (W17, W20)."""
    said = {
        "op": "append",
        "content": "Say the code aloud.",
        "sources": ["1.0.fail.0", "1.0.fail.1"],
        "support_count": 99,
    }
    run, came = await merged(tmp_path, answer({"edits": [said]}))
    sources = ("1.0.fail.0", "1.0.fail.1")
    edit = Edit("append", "Say the code aloud.", support_count=8, source_type="failure", merge_level=1, sources=sources)
    assert (came.ending, came.value.items) == ("read", (edit,))
    assert came.value.rows == {"1.0.fail.0": 3, "1.0.fail.1": 5}
    assert "Say the code." in (await run.told())[1]


async def test_an_edit_that_is_kept_keeps_its_reflection_though_the_model_names_none(tmp_path: Path) -> None:
    """It is the same as one of the group; a new one without a name rests on all of them."""
    edits = [{"op": "append", "content": "Say it aloud."}, {"op": "append", "content": "Something new."}]
    _, came = await merged(tmp_path, answer({"edits": edits}))
    assert [each.sources for each in came.value.items] == [("1.0.fail.1",), ("1.0.fail.0", "1.0.fail.1")]


@pytest.mark.parametrize("said", ["I merged them.", answer({"merged": []})], ids=["prose", "no list"])
async def test_a_merge_that_cannot_be_read_loses_nothing(tmp_path: Path, said: str) -> None:
    """Given an answer without a list, twice, the lists stand one after the other, and the outcome says so."""
    run, came = await merged(tmp_path, said, said)
    assert (came.ending, came.value.items) == ("unreadable", (ONE, TWO))
    assert came.reason
    (closed,) = await run.events("optimizer.closed")
    assert await run.log.get(came.value.held.held) == encode_proposals((ONE, TWO))
    assert isinstance(closed.event, OptimizerClosed)
    assert closed.event.instead == came.value.held.held
    assert closed.ref == came.value.held.at


async def test_a_merge_whose_call_failed_loses_nothing_either(tmp_path: Path) -> None:
    """The outcome is that of the call."""
    refused = '\n[[rule]]\nname = "no"\ncontains = ["Stage: merge"]\n[[rule.turn]]\nerror = "bad_request"\n'
    _, came = await asked(tmp_path, "merge/1.fail.1.0", merge, merging(), refused)
    assert (came.ending, came.value.items) == ("unanswered", (ONE, TWO))


async def test_a_merge_may_drop_everything(tmp_path: Path) -> None:
    """An empty list was read."""
    _, came = await merged(tmp_path, answer({"edits": []}))
    assert (came.ending, came.value.items) == ("read", ())


async def test_the_last_merge_notes_no_level(tmp_path: Path) -> None:
    """Failures and successes come together without one."""
    _, came = await merged(tmp_path, answer({"edits": [{"op": "append", "content": "Say."}]}), level=None)
    assert [each.merge_level for each in came.value.items] == [None]


def ranking(budget: int) -> Any:
    """Choose among three edits."""

    def make(rolled: RolledItems) -> RankBrief:
        return RankBrief(
            rolled.terms, rolled.document(DOCUMENT), proposals(rolled, "1.final", [ONE, TWO, THREE], 10), budget
        )

    return make


async def ranked(base: Path, *said: str, budget: int = 2) -> tuple[Optimized, Any]:
    """Answer the choice."""
    return await asked(base, "rank/1", rank, ranking(budget), rule("rank", *said))


async def test_the_best_are_chosen_in_their_order(tmp_path: Path) -> None:
    """Indices that name nothing, or come twice, are left out; no more than the budget is taken."""
    run, came = await ranked(tmp_path, answer({"selected_indices": [2, 9, 2, 0, 1]}))
    assert (came.ending, came.value) == ("read", (2, 0))
    assert "Choose at most 2 of these 3" in (await run.told())[1]


async def test_a_choice_that_cannot_be_read_leaves_the_first_and_says_so(tmp_path: Path) -> None:
    """Given words for numbers, twice."""
    said = answer({"selected_indices": ["the second"]})
    _, came = await ranked(tmp_path, said, said)
    assert (came.ending, came.value) == ("unreadable", (0, 1))


def rating(rolled: RolledItems) -> RateBrief:
    """Choose how many of two edits are made."""
    listed = proposals(rolled, "1.final", [ONE, TWO], 8)
    return RateBrief(rolled.terms, rolled.document(DOCUMENT), listed, 40, 0.25, 0.5, "Step 1: rejected.")


@pytest.mark.parametrize(("said", "rate"), [(1, 1), (7, 2), ("about 2 edits", 2), (0, 0)])
async def test_a_rate_is_chosen_within_what_there_is(tmp_path: Path, said: Any, rate: int) -> None:
    """More than there are is all of them; 0 is a choice."""
    run, came = await asked(tmp_path, "rate/1", choose_rate, rating, rule("rate", answer({"learning_rate": said})))
    assert (came.ending, came.value) == ("read", rate)
    told = (await run.told())[1]
    assert "40 items were tried. Share solved: 0.25. Mean score: 0.5." in told
    assert "Step 1: rejected." in told


async def test_a_rate_that_cannot_be_read_is_no_rate(tmp_path: Path) -> None:
    """It is not 0 either: whoever asked decides, and can say why."""
    said = answer({"learning_rate": None})
    _, came = await asked(tmp_path, "rate/1", choose_rate, rating, rule("rate", said, said))
    assert (came.ending, came.value) == ("unreadable", None)
    assert "learning_rate" in came.reason


async def test_suggestions_and_drafts_are_merged_as_edits_are(tmp_path: Path) -> None:
    """The mode says what an item is, and under which name the answer has it."""
    cases: list[tuple[str, UpdateItem, dict[str, Any]]] = [
        (
            "rewrite",
            RevisionSuggestion(instruction="Say the code."),
            {"suggestions": [{"instruction": "Say the code."}]},
        ),
        (
            "full_rewrite",
            SkillCandidate(new_skill="Say."),
            {"drafts": [{"new_skill": "Say.", "change_summary": "all"}]},
        ),
    ]
    for mode, item, said in cases:

        def make(rolled: RolledItems, item: UpdateItem = item) -> MergeBrief:
            names = [f"1.0.fail.{number}" for number in range(2)]
            named = [(name, msgspec.structs.replace(item, sources=(name,))) for name in names]
            group = tuple(proposals(rolled, name, [each], 2) for name, each in named)
            return MergeBrief(rolled.terms, rolled.document(DOCUMENT), "1.fail.1.0", "failure", group, 1)

        _, came = await asked(tmp_path / mode, "merge/1.fail.1.0", merge, make, rule("merge", answer(said)), mode=mode)
        (found,) = came.value.items
        assert (type(found), found.support_count, found.merge_level) == (type(item), 4, 1)
