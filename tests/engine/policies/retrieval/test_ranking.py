"""Which skills of a library a task is given."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.policies.retrieval.ranking import (
    Ranking,
    RetrievalRule,
    RetrievalTask,
    ScoredSkill,
    ScoringMethod,
    choose,
    required_skills,
)

ROWS = ScoredSkill("rows", "E1-LS1", "E1", 0.5)
ENDS = ScoredSkill("row-ends", "E1-LS1", "E1", 0.25)
CODES = ScoredSkill("codes", "E1-LS2", "E1", 0.75)
PAGES = ScoredSkill("pages", "E2-LS1", "E2", 1.0)
HELD = (ROWS, ENDS, CODES, PAGES)
LEARNING = RetrievalTask("rows-canonical", "E1-LS1", "E1", "canonical", "learning")
HELD_OUT = RetrievalTask("rows-shift", "E1-LS1", "E1", "context-shift", "evaluation")
COMPOSED = RetrievalTask("both", "E1-LS1", "E1", "composition", "evaluation", ("E1-LS2.codes", "E1-LS1.rows"))
BM25 = RetrievalRule(method="bm25")


def ranked(task: RetrievalTask, rule: RetrievalRule, held: Sequence[ScoredSkill] = HELD) -> Ranking:
    """Rank skills by whichever method the rule names."""
    method: ScoringMethod = rule.otherwise if rule.method == "oracle" else rule.method
    found = choose(task, {method: held}, rule)
    assert found is not None
    return found


def left_out(ranking: Ranking) -> dict[str, str]:
    """Say why skills are left out."""
    return {each.skill: each.left_out for each in ranking.ranking if each.left_out}


def test_a_task_that_is_learnt_from_sees_its_family_only() -> None:
    """And one that is held out its environment; why others are left out is told."""
    found = ranked(LEARNING, BM25)
    assert found.chosen == ("rows", "row-ends")
    assert left_out(found) == {"pages": "family", "codes": "family"}
    found = ranked(HELD_OUT, BM25)
    assert found.chosen == ("codes", "rows", "row-ends")
    assert left_out(found) == {"pages": "environment"}
    assert ranked(LEARNING, replace(BM25, phase_aware=False)).chosen == ("pages", "codes", "rows", "row-ends")


def test_the_best_come_first_and_no_more_than_k() -> None:
    """What the filters leave out takes no place."""
    found = ranked(HELD_OUT, replace(BM25, k=2))
    assert found.chosen == ("codes", "rows")
    assert left_out(found) == {"pages": "environment", "row-ends": "beyond k"}
    assert [each.skill for each in found.ranking] == ["codes", "rows", "pages", "row-ends"]
    assert ranked(HELD_OUT, replace(BM25, k=3)).chosen == ("codes", "rows", "row-ends")


def test_equals_are_ordered_by_name() -> None:
    """So that a ranking is the same however the library lists them."""
    same = [replace(each, score=0.5) for each in HELD]
    assert (
        ranked(HELD_OUT, BM25, same).chosen
        == ranked(HELD_OUT, BM25, same[::-1]).chosen
        == ("codes", "row-ends", "rows")
    )


def test_what_has_nothing_in_common_is_left_out() -> None:
    """A score of 0 is no match, also where there would be room."""
    found = ranked(HELD_OUT, BM25, [replace(ENDS, score=0.0), replace(CODES, score=-0.1), ROWS])
    assert found.chosen == ("rows",)
    assert left_out(found) == {"row-ends": "no match", "codes": "no match"}


def test_all_gives_all_that_the_filters_leave() -> None:
    """Whatever k and scores are: an arm that mounts everything says so by this name."""
    none = [replace(each, score=0.0) for each in HELD]
    assert ranked(HELD_OUT, RetrievalRule(method="all", k=1), none).chosen == ("codes", "row-ends", "rows")


def test_what_a_model_does_not_choose_is_left_out() -> None:
    """Its order is the score."""
    said = [replace(ROWS, score=1.0), replace(CODES, score=0.5), replace(ENDS, score=0.0)]
    found = ranked(HELD_OUT, RetrievalRule(method="model"), said)
    assert found.chosen == ("rows", "codes")
    assert left_out(found) == {"row-ends": "not chosen"}


def test_the_family_can_be_preferred_but_not_for_compositions() -> None:
    """They need skills of other families."""
    rule = replace(BM25, family_boost=0.5)
    assert ranked(HELD_OUT, rule).chosen == ("rows", "codes", "row-ends")
    assert ranked(COMPOSED, rule).chosen == ("codes", "rows", "row-ends")
    scores = {each.skill: each.score for each in ranked(HELD_OUT, rule).ranking}
    assert scores == {"rows": 1.0, "row-ends": 0.75, "codes": 0.75, "pages": 1.0}


def test_the_oracle_gives_what_a_composition_requires_and_nothing_else() -> None:
    """In the order in which the task names it, whatever k is; scores are not needed for it."""
    rule = RetrievalRule(method="oracle", k=1)
    found = ranked(COMPOSED, rule)
    assert found.chosen == ("codes", "rows")
    assert left_out(found) == {"pages": "not required", "row-ends": "not required"}
    assert (found.precision, found.recall, found.hit) == (1.0, 1.0, True)
    assert choose(COMPOSED, {"all": HELD}, rule) == found._replace(ranking=found.ranking)
    assert ranked(HELD_OUT, rule).chosen == ("codes",)


def test_a_skill_of_another_name_stands_for_its_family() -> None:
    """Agents name their skills as they like: what is required of a family is met by what it has."""
    held = [replace(ROWS, skill="table-rows"), CODES]
    found = required_skills(held, ("E1-LS1.rows", "E1-LS2.codes", "E1-LS9.other"))
    assert found.held == ("table-rows", "codes")
    assert found.missing == ("E1-LS9.other",)
    assert required_skills([replace(ROWS, family="E1-LS2")], ("E1-LS1.rows",)).held == ()


def test_a_retrieval_is_measured_by_what_the_task_requires() -> None:
    """Precision over what is given, recall over what is required; what the library lacks is missed."""
    found = ranked(COMPOSED, replace(BM25, k=1))
    assert (found.chosen, found.precision, found.recall, found.hit) == (("codes",), 1.0, 0.5, False)
    found = ranked(COMPOSED, BM25)
    assert (found.precision, found.recall, found.hit) == (0.666666666667, 1.0, True)
    nothing = ranked(COMPOSED, BM25, [])
    assert (nothing.precision, nothing.recall, nothing.hit) == (0.0, 0.0, False)
    assert nothing.missing == ("E1-LS2.codes", "E1-LS1.rows")
    free = ranked(HELD_OUT, BM25)
    assert (free.precision, free.recall, free.hit) == (None, None, None)


@pytest.mark.parametrize("method", ["bm25", "embedding", "model", "all"])
def test_where_a_method_was_not_asked_nothing_is_made_up(method: str) -> None:
    """Whoever asks what another method would have given is told that nobody knows."""
    other: ScoringMethod = "bm25" if method == "embedding" else "embedding"
    assert choose(HELD_OUT, {other: HELD}, RetrievalRule(method=method)) is None  # type: ignore[arg-type]


SKILLS = st.lists(
    st.builds(
        ScoredSkill,
        st.sampled_from("abcdefgh"),
        st.sampled_from(("E1-LS1", "E1-LS2", "E2-LS1")),
        st.sampled_from(("E1", "E2")),
        st.floats(-1, 1).map(lambda score: round(score, 12)),
    ),
    max_size=8,
    unique_by=lambda each: each.skill,
)
RULES = st.builds(
    RetrievalRule,
    method=st.sampled_from(("all", "bm25", "embedding", "model", "oracle")),
    k=st.integers(1, 4),
    phase_aware=st.booleans(),
    family_boost=st.sampled_from((0.0, 0.5)),
)


@given(SKILLS, RULES, st.sampled_from((LEARNING, HELD_OUT, COMPOSED)))
def test_every_ranking_holds_every_skill_once(
    held: list[ScoredSkill], rule: RetrievalRule, task: RetrievalTask
) -> None:
    """Those that are given first, then by score; the same whatever the order of the library."""
    found = ranked(task, rule, held)
    assert sorted(each.skill for each in found.ranking) == sorted(each.skill for each in held)
    assert found.chosen == tuple(each.skill for each in found.ranking if not each.left_out)
    rest = [(-each.score, each.skill) for each in found.ranking if each.left_out]
    assert rest == sorted(rest)
    assert ranked(task, rule, held[::-1]) == found
    if rule.method in ("bm25", "embedding", "model"):
        assert len(found.chosen) <= rule.k
