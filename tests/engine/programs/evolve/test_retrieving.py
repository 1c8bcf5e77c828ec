"""What reaches the agent of a task was retrieved, and how is on record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config.changes import Change
from replay.redecide_report import redecide
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.support.retrieving import (
    RetrievedRun,
    WantedSkills,
    held_skill,
    installed,
    retrieved,
    suite_task,
)

PAGES = held_skill("read-all-pages", "E2-LS1", "Reads every page of a list.")
ORDERS = held_skill("send-orders", "E2-LS2", "Sends orders once, with a key.")
SPARE = held_skill("keep-accounts", "E2-LS2", "Books invoices.")
WEIGHTS = held_skill("average-weights", "E1-LS1", "Averages weights of a list of orders.")
HELD = (WEIGHTS, ORDERS, PAGES, SPARE)
LIST = WantedSkills(suite_task("list", "E2-LS1", "context-shift"), "Read the whole list, every page of it.")
ORDER = WantedSkills(suite_task("order", "E2-LS2", "canonical"), "Send two orders.")
BOTH = suite_task("both", "E2-LS2", "composition", ["E2-LS1.read-all-pages", "E2-LS2.send-orders"])
COMPOSED = WantedSkills(BOTH, "Send an order for what the last page of the list says.")


@pytest.fixture(autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the program of these tests."""
    with installed(tmp_path_factory.mktemp("packages")):
        yield


def given(run: RetrievedRun) -> list[list[str]]:
    """Name the skills that each task is given."""
    return [[each.skill for each in found.skills] for found in run.found]


async def replayed(run: RetrievedRun) -> None:
    """See that a run does the same again, with nothing asked of the world, and that what it saw is on record."""
    assert (await rerun(run.log, run.run)).complete
    found = await redecide(run.log, run.run)
    assert (found.ungrounded, found.differences, found.revised) == ((), (), ())


async def test_words_decide_what_a_task_is_given(tmp_path: Path) -> None:
    """Skills of other families while it is learnt from, and of other environments later, are kept out."""
    run = await retrieved(tmp_path, HELD, [LIST, ORDER, COMPOSED], {"method": "bm25", "k": 2})
    assert given(run) == [["read-all-pages"], ["send-orders"], ["read-all-pages", "send-orders"]]
    assert await run.ranking(run.found[0]) == {
        "read-all-pages": "",
        "average-weights": "environment",
        "keep-accounts": "no match",
        "send-orders": "no match",
    }
    assert (run.found[0].precision, run.found[0].hit) == (None, None)
    assert (run.found[2].precision, run.found[2].recall, run.found[2].hit) == (1.0, 1.0, True)
    digests = {each.skill: each.digest for each in HELD}
    assert all(each.digest == digests[each.skill] for found in run.found for each in found.skills)
    await replayed(run)


async def test_all_means_all_of_the_environment(tmp_path: Path) -> None:
    """However few are asked for: what an arm mounts as a whole is not ranked away."""
    run = await retrieved(tmp_path, HELD, [LIST], {"method": "all", "k": 1})
    assert given(run) == [["keep-accounts", "read-all-pages", "send-orders"]]
    assert run.found[0].how == "all"


async def test_the_oracle_shadow_is_given_what_the_composition_requires(tmp_path: Path) -> None:
    """Whatever the arm's own method is; what the library lacks is named."""
    shadow = COMPOSED._replace(passing="oracle")
    run = await retrieved(tmp_path, HELD, [COMPOSED, shadow], {"method": "bm25", "k": 1})
    assert given(run)[1] == ["read-all-pages", "send-orders"]
    assert (run.found[0].recall, run.found[1].recall) == (0.5, 1.0)
    run = await retrieved(tmp_path / "less", (ORDERS,), [shadow], {"method": "bm25"})
    assert (given(run), run.found[0].missing, run.found[0].hit) == (
        [["send-orders"]],
        (BOTH.required_skills[0],),
        False,
    )


async def test_a_library_without_skills_gives_none(tmp_path: Path) -> None:
    """And nothing is asked of anybody."""
    for method in ("bm25", "embedding", "model", "oracle", "all"):
        run = await retrieved(tmp_path / method, (), [LIST], {"method": method}, chooses=("a",))
        assert (given(run), run.found[0].problem) == ([[]], "")
        assert await run.events("ranking.asked", "model.asked") == []
        await replayed(run)


async def test_vectors_are_asked_for_at_once_paid_for_and_replayed(tmp_path: Path) -> None:
    """One call for each task, of the query and what the filters leave; its tokens are counted as a model's."""
    run = await retrieved(tmp_path, HELD, [LIST, COMPOSED], {"method": "embedding", "k": 1})
    assert given(run)[0] == ["read-all-pages"]
    assert [found.how for found in run.found] == ["embedding", "embedding"]
    answers = await run.events("model.call_answered")
    assert len(answers) == 2
    assert all(each.event.usage.input_tokens > 0 for each in answers)  # type: ignore[attr-defined]
    assert {each.stream.name for each in answers} == {"retrieve/a/E1/list.primary", "retrieve/a/E1/both.primary"}
    await replayed(run)


async def test_a_budget_bounds_what_vectors_cost(tmp_path: Path) -> None:
    """By the bytes that are sent: an embedder writes nothing. Without money words decide, and it is said."""
    prices = {name: {"input": "1.0", "output": "0"} for name in ("teacher", "embedder")}
    limit = {"run_usd": "0.0000001"}
    run = await retrieved(tmp_path, HELD, [LIST], {"method": "embedding"}, budget=limit, prices=prices)
    assert run.found[0].problem == "the embedder did not answer: the budget of the run is used up; bm25 was used"
    assert (run.found[0].how, given(run)) == ("bm25", [["read-all-pages"]])
    assert await run.events("model.asked") == []
    await replayed(run)


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        ('error = "bad_request"', "the embedder did not answer: bad_request"),
        ('text = "[[1.0],[1.0]]"', "the embedder gave 2 vectors for 4 texts, or not of one length"),
    ],
)
async def test_an_embedder_that_fails_makes_no_ranking(tmp_path: Path, turn: str, why: str) -> None:
    """Nor does one that answers fewer texts than it was given. Words decide, and the record says why."""
    script = f'[[rule]]\nname = "all"\n[[rule.turn]]\n{turn}\n'
    run = await retrieved(tmp_path, HELD, [LIST], {"method": "embedding"}, script=script)
    assert run.found[0].problem.startswith(why)
    assert run.found[0].how == "bm25"
    await replayed(run)


async def test_what_no_model_is_named_for_is_done_by_words(tmp_path: Path) -> None:
    """An arm that wants a model where the spec names none says so in each record."""
    run = await retrieved(tmp_path, HELD, [LIST], {"method": "embedding"}, script="")
    assert run.found[0].problem == "the spec names no model for the role embedder; bm25 was used"
    run = await retrieved(tmp_path / "b", HELD, [LIST], {"method": "model"})
    assert run.found[0].problem == "the spec names no model for the role chooser; bm25 was used"


async def test_a_model_chooses_among_what_is_offered(tmp_path: Path) -> None:
    """In its order, k at most; what the filters keep out is not offered to it."""
    wants = ("send-orders", "average-weights", "keep-accounts", "read-all-pages")
    run = await retrieved(tmp_path, HELD, [LIST], {"method": "model", "k": 2}, chooses=wants)
    assert given(run) == [["keep-accounts", "send-orders"]]
    assert list(await run.ranking(run.found[0]))[:2] == ["send-orders", "keep-accounts"]
    assert (await run.ranking(run.found[0]))["read-all-pages"] == "beyond k"
    await replayed(run)
    run = await retrieved(tmp_path / "none", HELD, [LIST], {"method": "model"}, chooses=("other",))
    assert run.found[0].problem == "nothing was chosen; bm25 was used"


async def test_a_narrowed_skill_is_kept_out_of_its_environment(tmp_path: Path) -> None:
    """And only there."""
    narrowed = held_skill("read-all-pages", "E2-LS1", "Reads every page of a list.", ("E2",))
    run = await retrieved(tmp_path, (narrowed, ORDERS), [LIST], {"method": "all"})
    assert given(run) == [["send-orders"]]
    elsewhere = held_skill("read-all-pages", "E2-LS1", "Reads every page of a list.", ("E1",))
    run = await retrieved(tmp_path / "b", (elsewhere, ORDERS), [LIST], {"method": "all"})
    assert given(run) == [["read-all-pages", "send-orders"]]


@pytest.mark.parametrize(
    ("change", "flips"),
    [
        ({"method": "all"}, 2),
        ({"k": 1}, 1),
        ({"phase_aware": False}, 1),
        ({"method": "oracle"}, 0),
        ({"family_boost": 0.0}, 0),
    ],
)
async def test_another_retrieval_is_asked_of_a_run_that_has_ended(
    tmp_path: Path, change: dict[str, Any], flips: int
) -> None:
    """From the scores on record: which tasks would have been given others."""
    run = await retrieved(tmp_path, HELD, [LIST, COMPOSED], {"method": "bm25", "k": 2})
    changes = [Change(("retrieving", "resolved", "tested", "retrieval", key), value) for key, value in change.items()]
    asked = await ask([await prepare(run.log, run.run)], changes)
    assert len([flip for flip in asked.flips if flip.point == "retrieval"]) == flips
