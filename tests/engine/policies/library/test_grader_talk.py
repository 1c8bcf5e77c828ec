"""A skill that speaks of who judges the work is told from one that speaks of the work."""

from pathlib import Path

import pytest

from engine.policies.library.grader_talk import grader_talk

SHARED = Path(__file__).parents[5] / "shared" / "data" / "spark-trajectories"
REPO = Path(__file__).parents[4]


@pytest.mark.parametrize(
    "sentence",
    [
        "Graders often check that the totals agree.",
        "Match the ground truth exactly, since answers are compared with it.",
        "The hidden tests look at the second file.",
        "This also passes the held-out checks.",
        "The verifier imports the module.",
        "It is scored by a rubric with three dimensions.",
        "The tests expect 12 rows.",
        "The process checks penalize a bare except.",
        "The expected count is 42.",
        "Write it anyway to get partial credit.",
        "This maximizes the reward.",
        "The script writes reward.txt.",
        "See `tests/test_outputs.py` for the format.",
        "Do this to pass the hidden evaluation.",
        "Some benchmarks will only count the last line.",
    ],
)
def test_a_sentence_about_a_grader_is_found(sentence: str) -> None:
    """And given as it stands, with its line."""
    (found,) = grader_talk(f"Read the file.\n\n* {sentence}\n\nThen stop.\n")
    assert (found.line, found.sentence) == (3, f"* {sentence}")
    assert found.why


@pytest.mark.parametrize(
    "sentence",
    [
        "Run the test suite before and after each step.",
        "Write a test that fails, then mend the code.",
        "Compare the row count with the source before you return it.",
        "Check that the expected columns are there.",
        "Read what the failing test asserts, and follow the traceback.",
        "The token verifier class rejects old keys.",
        "Verify totals against the ledger.",
        "A hidden column may hold the key.",
        "Use a colour-graded scale.",
        "The user's score column is a number.",
        "Copy the points of the curve.",
        "Validate the answer of the server before you use it.",
    ],
)
def test_a_sentence_about_the_work_is_left_alone(sentence: str) -> None:
    """Tests that belong to the work may be spoken of, and so may checks, scores and answers of the work."""
    assert grader_talk(f"{sentence}\n") == ()


def test_a_sentence_may_stand_on_two_lines() -> None:
    """Lines are joined as Markdown joins them, and both are given."""
    (found,) = grader_talk("Note that the\nhidden\ntests are strict.\n")
    assert (found.line, found.sentence) == (2, "hidden tests are strict.")


def test_skills_of_ours_speak_of_the_work() -> None:
    """What the package and the examples bring is none of this: it would be refused if an author wrote it."""
    pages = sorted({*REPO.glob("engine/**/SKILL.md"), *REPO.glob("examples/**/SKILL.md")})
    assert {
        str(page.relative_to(REPO)): grader_talk(page.read_text()) for page in pages if grader_talk(page.read_text())
    } == {}


@pytest.mark.skipif(not SHARED.exists(), reason="recordings are not here")
def test_most_released_skills_of_spark_speak_of_their_verifier() -> None:
    """They were distilled by a model that was told what the verifier says: 9 of 14 have learnt it."""
    pages = sorted(SHARED.glob("*/SKILL.md"))
    assert sum(bool(grader_talk(page.read_text())) for page in pages) == 9
    assert len(pages) == 14
