"""Documents written anew."""

import pytest

from engine.policies.edits.edit import EditRule
from engine.policies.edits.markers import APPENDIX, SLOW_UPDATE
from engine.policies.edits.rewriting import RewrittenDocument, rewritten

S, E = SLOW_UPDATE
A, Z = APPENDIX
RULE = EditRule()
DOCUMENT = f"# Old\n\n{S}\nslow\n{E}\n\n{A}\n- n\n{Z}\n"


@pytest.mark.parametrize(
    "answer",
    [
        "# New\n",
        f"# New\n\n{S}\nother\n{E}\n",
        f"{A}\n{Z}# New{E}",
        "---\nname: stolen\ndescription: d\n---\n\n# New",
        f"# New\n\n{S}\nslow\n{E}\n\n{A}\n- n\n{Z}\n",
    ],
)
def test_protected_blocks_survive_a_rewrite(answer: str) -> None:
    """Whatever the answer has in their place (W18); front matter is not reachable."""
    assert rewritten(DOCUMENT, answer, RULE).text == f"# New\n\n{S}\nslow\n{E}\n\n{A}\n- n\n{Z}\n"


def test_skillopt_takes_the_answer_as_it_is() -> None:
    """White space at its end aside."""
    rule = EditRule(compatible=True, max_chars=1)
    assert rewritten(DOCUMENT, f"# New {S}\n\n", rule) == RewrittenDocument(f"# New {S}\n", "applied_rewrite")


@pytest.mark.parametrize("rule", [RULE, EditRule(compatible=True)])
def test_an_empty_answer_is_not_used(rule: EditRule) -> None:
    """It would empty the skill."""
    assert rewritten(DOCUMENT, " \n", rule)[:2] == (None, "refused_no_content")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (f"{S}x{E}\n", "refused_no_content"),
        ("# Old", "refused_no_change"),
        ("```\nx", "refused_open_fence"),
        ("x" * 20_000, "refused_too_long"),
    ],
)
def test_a_rewrite_that_may_not_be_is_refused(answer: str, status: str) -> None:
    """As an edit is, with a reason."""
    read = rewritten(DOCUMENT, answer, RULE)
    assert read[:2] == (None, status)
    assert read.hint


def test_the_budget_counts_protected_blocks() -> None:
    """The target reads them, too."""
    longest = 20_000 - len(DOCUMENT) + len("# Old")
    assert rewritten(DOCUMENT, "x" * longest, RULE).status == "applied_rewrite"
    assert rewritten(DOCUMENT, "x" * (longest + 1), RULE).status == "refused_too_long"
