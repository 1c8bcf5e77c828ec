"""Skills are ranked by the words that they have in common with a task."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.policies.retrieval.ranking import ScoredSkill
from engine.policies.retrieval.searched import SearchedSkill, searched_skill
from engine.retrieval.bm25 import engine_name, rank_by_words

PAGES = SearchedSkill("read-all-pages", "E2-LS1", "E2", "Reads every page of a list.", "Follow the cursor to the end.")
ORDERS = SearchedSkill("send-orders", "E2-LS2", "E2", "Sends orders once.", "Give each order a key of its own.")
WEIGHTS = SearchedSkill("average-weights", "E1-LS1", "E1", "Averages weights.", "Leave out rows without a weight.")
HELD = (PAGES, ORDERS, WEIGHTS)


def named(scores: tuple[ScoredSkill, ...]) -> list[str]:
    """Name the skills that have a word in common, in order."""
    return [each.skill for each in scores if each.score > 0]


def test_the_skill_with_the_rarest_words_in_common_comes_first() -> None:
    """Words are compared by their stems, and all skills have a score."""
    found = rank_by_words("List all the pages of the order desk, and average nothing.", HELD)
    assert named(found)[0] == "read-all-pages"
    assert len(found) == 3
    assert named(rank_by_words("Order two jars.", HELD)) == ["send-orders"]


def test_a_name_says_more_than_a_description_and_that_more_than_the_body() -> None:
    """An agent that looks for a skill sees the first two only."""
    said = {
        "name": SearchedSkill("weighing", "F", "E", "one", "two"),
        "description": SearchedSkill("a-skill", "F", "E", "weighing", "two"),
        "body": SearchedSkill("b-skill", "F", "E", "one", "weighing"),
        "nothing": SearchedSkill("c-skill", "F", "E", "one", "two"),
        "neither": SearchedSkill("d-skill", "F", "E", "one", "two"),
        "none": SearchedSkill("e-skill", "F", "E", "one", "two"),
        "no": SearchedSkill("f-skill", "F", "E", "one", "two"),
    }
    assert named(rank_by_words("weighing", tuple(said.values()))) == ["weighing", "a-skill", "b-skill"]


def test_nothing_in_a_query_is_an_operator() -> None:
    """Instructions hold quotes, colons, brackets and the words AND, OR, NOT, NEAR."""
    for query in ('"', "NOT orders", "a AND OR", "name:orders", "NEAR(orders)", "(", "^orders*", "' --", "", "…", "\0"):
        rank_by_words(query, HELD)
    assert named(rank_by_words("NOT orders", HELD)) == ["send-orders"]
    assert named(rank_by_words("?!", HELD)) == []
    assert rank_by_words("orders", ()) == ()


def test_words_that_stand_anywhere_are_no_match() -> None:
    """A skill is not given because it says *of* and *the*, too."""
    assert named(rank_by_words("What is of the one, and where is it not?", HELD)) == []


def test_equals_stand_by_name() -> None:
    """However the library lists them."""
    same = [SearchedSkill(name, "F", "E", "the same", "words") for name in ("b", "c", "a")]
    assert [each.skill for each in rank_by_words("same", same)] == ["a", "b", "c"]
    assert len({each.score for each in rank_by_words("same", same)}) == 1


@settings(max_examples=50)
@given(st.text(max_size=60), st.permutations(HELD))
def test_a_ranking_depends_on_query_and_library_alone(query: str, held: list[SearchedSkill]) -> None:
    """Not on their order, nor on what was asked before; scores have 12 digits at most."""
    found = rank_by_words(query, held)
    assert found == rank_by_words(query, HELD)
    assert all(each.score == round(each.score, 12) >= 0 for each in found)


def test_a_long_instruction_is_a_query() -> None:
    """Thousands of words."""
    query = " ".join(f"word{number}" for number in range(5_000)) + " orders"
    assert named(rank_by_words(query, HELD)) == ["send-orders"]
    assert engine_name().startswith("sqlite-fts5 3.")


def test_a_skill_is_searched_by_its_name_description_and_body() -> None:
    """A description may stand on several lines or in quotes; a file without front matter is all body."""

    def described(front: str) -> str:
        return searched_skill("a", "F", "E", {"SKILL.md": f"---\nname: a\n{front}\n---\nRead.\n"}).description

    assert described("description: Reads pages.") == "Reads pages."
    assert described('description: "Reads: pages."') == "Reads: pages."
    assert described("description: >-\n  Reads\n  pages.\nlicense: MIT") == "Reads pages."
    assert described("license: MIT") == ""
    bare = searched_skill("a", "F", "E", {"SKILL.md": "Read.\r\n"})
    assert (bare.description, bare.body, bare.text) == ("", "Read.\n", "a")
    assert searched_skill("a", "F", "E", {}).body == ""
