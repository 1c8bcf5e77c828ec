"""Refusals as the optimizer reads them."""

from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import DOCUMENT, Edit, EditRule
from engine.policies.edits.refusals import refusal_lines, render_refusals


def test_refusals_are_told_with_what_was_asked_and_why() -> None:
    """In the order of the edits; what was applied is not told again."""
    edits = [
        Edit("replace", "- b", "- alpah rule"),
        Edit("append", "- new"),
        Edit("delete", "", "x", "notes.md"),
        Edit(""),
    ]
    report = apply_edits({DOCUMENT: "- alpha rule\n"}, edits, EditRule()).report
    assert render_refusals(report) == (
        "- replace at “- alpah rule” of “- b”: The target does not stand in the file. "
        "Nearest is line 1: “- alpha rule”.\n"
        "- delete in notes.md at “x”: The skill has no file 'notes.md'. Its files are: SKILL.md.\n"
        "- no operation: There is no operation '': use one of append, insert_after, replace, delete."
    )


def test_what_was_applied_is_no_refusal_whatever_is_said_of_it() -> None:
    """A hint may say how an edit was applied; the notes of a step list what was refused."""
    edits = [Edit("replace", "- b", "- alpha   rule"), Edit("append", "- b")]
    report = apply_edits({DOCUMENT: "- alpha rule\n"}, edits, EditRule()).report
    assert (report[0].applied, bool(report[0].hint)) == (True, True)
    (line,) = refusal_lines(report)
    assert line.startswith("append of “- b”: ")


def test_nothing_is_told_where_nothing_was_refused() -> None:
    """The section can be left out."""
    assert render_refusals(apply_edits({DOCUMENT: ""}, [Edit("append", "x")], EditRule()).report) == ""


def test_what_skillopt_skips_is_told_by_its_status() -> None:
    """It gives no reasons."""
    report = apply_edits({DOCUMENT: "a"}, [Edit("delete", "", "b")], EditRule(compatible=True)).report
    assert render_refusals(report) == "- delete at “b”: skipped delete target not found"
