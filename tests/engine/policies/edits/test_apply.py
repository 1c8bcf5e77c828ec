"""Edits of the default value, story by story: what is applied, what is refused, and what the optimizer hears."""

import pytest

from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import DOCUMENT, Edit, EditOutcome, EditRule
from engine.policies.edits.markers import APPENDIX, SLOW_UPDATE

S, E = SLOW_UPDATE
A, Z = APPENDIX
RULE = EditRule()
TEXT = "# Skill\n\n## Rules\n- alpha\n- beta\n\n## Output\nReturn JSON.\n"
GUARDED = f"{TEXT}\n{S}\nslow\n- beta\n{E}\n"


def applied(text: str, edit: Edit, rule: EditRule = RULE) -> tuple[str, str]:
    """Apply one edit to the document; give the text after it, and its status."""
    after, report = apply_edits({DOCUMENT: text}, [edit], rule)
    return after[DOCUMENT], report[0].status


def hint(text: str, edit: Edit, rule: EditRule = RULE) -> str:
    """Apply one edit to the document; give what is said of it."""
    return apply_edits({DOCUMENT: text}, [edit], rule).report[0].hint


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "- x\n"),
        ("\n", "- x\n"),
        ("a", "a\n\n- x\n"),
        ("a\n\n\n", "a\n\n- x\n\n\n"),
        (f"a\n\n{S}\ns\n{E}\n", f"a\n\n- x\n\n{S}\ns\n{E}\n"),
        (f"a{S}s{E}", f"a\n\n- x\n\n{S}s{E}"),
        (f"a\n{S}s{E}\n{A}n{Z}\n", f"a\n\n- x\n\n{S}s{E}\n{A}n{Z}\n"),
        (f"{S}s{E}\n", f"- x\n\n{S}s{E}\n"),
        (f"{S}s{E}\nb\n", f"{S}s{E}\nb\n\n- x\n"),
        ("a\r\nb\r\n", "a\r\nb\r\n\r\n- x\r\n"),
    ],
)
def test_an_append_stands_at_the_end_before_protected_blocks(text: str, after: str) -> None:
    """Behind a blank line, without a change to anything that stands there; a block in the middle is no end."""
    assert applied(text, Edit("append", "\n- x \n")) == (after, "applied_append")


def test_the_target_of_an_append_does_not_count() -> None:
    """SkillOpt skips an append whose target happens to stand in a block (W18)."""
    assert applied(GUARDED, Edit("append", "- x", "slow"))[1] == "applied_append"


@pytest.mark.parametrize(
    ("text", "target", "content", "after"),
    [
        (TEXT, "- alpha", "- new", TEXT.replace("- alpha\n", "- alpha\n- new\n")),
        (TEXT, "## Rules", "- new", TEXT.replace("## Rules\n", "## Rules\n\n- new\n")),
        (TEXT, "## Output", "One.", TEXT.replace("## Output\n", "## Output\n\nOne.\n\n")),
        (TEXT, "- beta\n", "- new", TEXT.replace("- beta\n", "- beta\n- new\n")),
        (TEXT, "- alpha\n- beta", "  more", TEXT.replace("- beta\n", "- beta\n  more\n")),
        (TEXT, "Return", "Twice.", TEXT + "\nTwice.\n"),
        ("a", "a", "b", "a\nb\n"),
        ("a\nb", "a", "x", "a\n\nx\n\nb"),
        ("a\n b\n", "a", "x", "a\n\nx\n b\n"),
        ("a\nb\n", "a", " x", "a\n x\n\nb\n"),
        (" | a |\n", "a", "| x |", " | a |\n| x |\n"),
        (f"a {S}s{E}", "a", "x", f"a {S}s{E}\nx\n"),
        ("apple\nant\n", "apple", "arrow", "apple\n\narrow\n\nant\n"),
        ("a\nb\n", "a", "> x", "a\n\n> x\n\nb\n"),
        ("| a |\n| b |\n", "| a |", "| x |", "| a |\n| x |\n| b |\n"),
        ("> a\n", "> a", "> x", "> a\n> x\n"),
        ("a\n\nb\n", "a\n\n", "x", "a\n\nx\n\nb\n"),
        ("```\na\nb\n```\n", "a", "x", "```\na\nx\nb\n```\n"),
        ("1. a\n2. b\n", "1. a", "1. x", "1. a\n1. x\n2. b\n"),
        ("a\r\nb\r\n", "a", "x", "a\r\n\r\nx\r\n\r\nb\r\n"),
        (f"a\n{S}s{E}\n", "a", "x", f"a\n\nx\n\n{S}s{E}\n"),
    ],
)
def test_an_insertion_stands_below_the_line_of_its_anchor(text: str, target: str, content: str, after: str) -> None:
    """With blank lines around paragraphs, and none between items, rows, quotations and lines of code."""
    assert applied(text, Edit("insert_after", content, target)) == (after, "applied_insert_after")


@pytest.mark.parametrize(
    ("text", "target", "content", "after"),
    [
        (TEXT, "- beta", "- B", TEXT.replace("- beta", "- B")),
        (TEXT, "- beta\n", "- B", TEXT.replace("- beta", "- B")),
        (TEXT, "\n- beta", "- B", TEXT.replace("- beta", "- B")),
        (TEXT, "JSON", "XML", TEXT.replace("JSON", "XML")),
        ("  - a\n", "  - a", "  - b", "  - b\n"),
        ("  - a\n", "  - a", "- b", "  - b\n"),
        ("x\n  - a\n", "\n  - a", "    - b", "x\n    - b\n"),
        ("  - a\n", "- a", "    - b", "      - b\n"),
        ("- a\n", "- a", "- b\n- c\n", "- b\n- c\n"),
        (GUARDED, "- beta", "- B", GUARDED.replace("- beta", "- B", 1)),
        ("x a\r\ny", "a\r\n", "b\nc", "x b\r\nc\r\ny"),
        ("a+b (c\\1)", "a+b (c\\1)", "d\\1", "d\\1"),
    ],
)
def test_a_replacement_keeps_what_stands_around(text: str, target: str, content: str, after: str) -> None:
    """Line breaks and indentation of the target stay where the content has none: two lines never become one."""
    assert applied(text, Edit("replace", content, target)) == (after, "applied_replace")


@pytest.mark.parametrize(
    ("text", "target", "after"),
    [
        (TEXT, "- beta", TEXT.replace("- beta\n", "")),
        (TEXT, "- beta\n", TEXT.replace("- beta\n", "")),
        (TEXT, "- alpha\n- beta", TEXT.replace("- alpha\n- beta\n", "")),
        (TEXT, " JSON", TEXT.replace(" JSON", "")),
        ("a\n  b  \nc", "b", "a\nc"),
        ("a\nb", "b", "a\n"),
        ("\nb\n", "b", "\n"),
        ("  b\nc", "b\n", "c"),
        ("  b\n\nc", "b\n\n", "c"),
        ("a\nb\n", "\nb", "a\n"),
        ("a\r\nb\r\nc", "b", "a\r\nc"),
    ],
)
def test_a_deletion_takes_the_line_that_it_leaves_empty(text: str, target: str, after: str) -> None:
    """And not a character of a line of which something is left."""
    assert applied(text, Edit("delete", "ignored", target)) == (after, "applied_delete")


def test_a_replacement_by_nothing_deletes() -> None:
    """The line goes, too."""
    assert applied(TEXT, Edit("replace", " ", "- beta")) == (TEXT.replace("- beta\n", ""), "applied_replace")


def test_an_anchor_that_stands_twice_is_refused_with_its_lines() -> None:
    """SkillOpt takes the first (W19); which one was meant is for the optimizer to say."""
    text = "- a\n- b\n- a\n"
    assert applied(text, Edit("delete", "", "- a")) == (text, "refused_target_ambiguous")
    assert "2 places, in lines 1, 3" in hint(text, Edit("delete", "", "- a"))
    assert "3 places, in lines 1, 3, 4" in hint(text + "- a\n", Edit("delete", "", "- a"))
    assert applied("aaa", Edit("delete", "", "aa"))[1] == "refused_target_ambiguous"


def test_an_anchor_that_is_missing_is_refused_with_the_nearest_text() -> None:
    """An insertion does not become an append (W19); line and text of what is near are named."""
    edit = Edit("insert_after", "- new", "- alhpa")
    assert applied(TEXT, edit) == (TEXT, "refused_target_not_found")
    assert hint(TEXT, Edit("replace", "x", "Return JSN now")).endswith("Nearest is line 8: “Return JSON.”.")
    assert hint(TEXT, Edit("replace", "x", "qqq www")).endswith("nothing near to it does.")


def test_an_anchor_in_another_file_is_named() -> None:
    """The optimizer sees several files, and forgets to say which."""
    files = {DOCUMENT: TEXT, "references/names.md": "# Names\n\nUse short ones.\n"}
    report = apply_edits(files, [Edit("delete", "", "Use short ones.")], RULE).report
    assert report[0].status == "refused_target_not_found"
    assert "references/names.md, line 3" in report[0].hint
    assert "It stands" not in apply_edits(files, [Edit("delete", "", "Use long ones.")], RULE).report[0].hint
    files["references/names.md"] = "Use short ones.\n\nUse short ones.\n"
    assert "names.md, line 1" in apply_edits(files, [Edit("delete", "", "Use short ones.")], RULE).report[0].hint


def test_white_space_may_differ_where_only_one_place_is_meant() -> None:
    """A line that was wrapped otherwise is found, and it is said; the one that is exact wins."""
    text = "Always  answer\n  in JSON.\n"
    edit = Edit("replace", "Answer in XML.", "Always answer in JSON.")
    assert applied(text, edit) == ("Answer in XML.\n", "applied_replace")
    assert "line 1 with other white space" in hint(text, edit)
    assert applied(text + "Always answer in JSON.\n", edit) == (text + "Answer in XML.\n", "applied_replace")
    assert applied(text * 2, edit)[1] == "refused_target_ambiguous"
    assert hint(text, Edit("delete", "", "Always  answer")) == ""


def test_indentation_of_a_loose_match_is_that_of_the_text() -> None:
    """The target's own does not come on top of it."""
    assert applied("    - a  b\n", Edit("replace", "  - c", "  - a b"))[0] == "    - c\n"
    assert applied("    - a  b\n", Edit("replace", "  - c", " - a b"))[0] == "    - c\n"


@pytest.mark.parametrize(
    "target",
    ["slow", S, E, f"{S}\nslow", f"JSON.\n\n{S}", f"JSON.\n\n{S}\nslow\n- beta\n{E}\n", f"{E}\n", "slow  - beta"],
)
@pytest.mark.parametrize("op", ["replace", "delete", "insert_after"])
def test_no_edit_begins_in_ends_in_or_spans_a_protected_block(op: str, target: str) -> None:
    """SkillOpt asks of the first character alone (W18)."""
    assert applied(GUARDED, Edit(op, "x", target)) == (GUARDED, "refused_protected")


def test_nothing_is_inserted_into_a_block_that_begins_on_the_line_of_the_anchor() -> None:
    """What stands below that line is the block's."""
    text = f"a {S}\ns\n{E}\n"
    assert applied(text, Edit("insert_after", "x", "a")) == (text, "refused_protected")
    text = f"a {S}s{E}\nb\n"
    assert applied(text, Edit("insert_after", "x", "a"))[1] == "applied_insert_after"


def test_text_beside_a_block_can_be_changed() -> None:
    """A block protects itself, and nothing else."""
    assert applied(f"a{S}s{E}b", Edit("replace", "x", "a")) == (f"x{S}s{E}b", "applied_replace")
    assert applied(f"a{S}s{E}b", Edit("replace", "x", "b")) == (f"a{S}s{E}x", "applied_replace")


def test_markers_are_taken_out_of_content_until_there_are_none() -> None:
    """One within another leaves the outer one where they are removed once (W18)."""
    edit = Edit("append", f"{S[:9]}{Z}{S[9:]}- x{E}")
    assert applied(TEXT, edit) == (f"{TEXT.rstrip()}\n\n- x\n", "applied_append")
    assert hint(TEXT, edit) == "Markers of protected blocks were taken out of the content."
    assert hint(TEXT, Edit("delete", S, "- beta")) == ""
    assert applied(TEXT, Edit("append", f"{S}{E}")) == (TEXT, "refused_no_content")


def test_two_halves_do_not_make_a_marker() -> None:
    """Neither by what is written between them nor by what is taken out."""
    text = f"{S[:9]}X{S[9:]}\n{S[:4]}Y{S[4:]}\n"
    assert applied(text, Edit("replace", "", "X"))[1] == "refused_protected"
    assert applied(text, Edit("delete", "", "Y"))[1] == "refused_protected"
    assert applied(f"{S[:9]}X_START -->", Edit("replace", "_UPDATE", "X"))[1] == "refused_protected"


def test_a_marker_that_stands_alone_can_be_removed() -> None:
    """It protects nothing, as long as its removal makes no block of what stood between others."""
    assert applied(f"a\n{S}\nb\n", Edit("delete", "", S)) == ("a\nb\n", "applied_delete")
    text = f"{S}a{A}b{E}"
    assert applied(text, Edit("delete", "", A)) == (text, "refused_protected")


@pytest.mark.parametrize(
    "content", ["- alpha", "* alpha", "1. alpha", "- alpha\n\n-  beta\n", "## Output\n\nReturn JSON."]
)
@pytest.mark.parametrize("op", ["append", "insert_after"])
def test_what_stands_already_is_not_written_again(op: str, content: str) -> None:
    """Whatever its bullets and blank lines are; SkillOpt writes it twice (W19)."""
    edit = Edit(op, content, "# Skill\n")
    assert applied(TEXT, edit) == (TEXT, "refused_duplicate")
    line = 7 if "JSON" in content else 4
    assert hint(TEXT, edit) == f"This stands in line {line} already. Replace that text if it should say more."


def test_only_whole_lines_stand_already() -> None:
    """A part of a line, or lines in another order, say something else."""
    for content in ("- alp", "- beta\n- alpha", "- alpha\n- gamma"):
        assert applied(TEXT, Edit("append", content))[1] == "applied_append"


def test_code_may_repeat_itself() -> None:
    """In a fence, and in a file that is no prose."""
    text = "```python\nif a:\n    return\nb()\n```\n"
    assert applied(text, Edit("insert_after", "    return", "b()"))[1] == "applied_insert_after"
    files = {DOCUMENT: "", "scripts/run.py": "a()\nb()\n"}
    assert apply_edits(files, [Edit("insert_after", "a()", "b()", "scripts/run.py")], RULE).files["scripts/run.py"] == (
        "a()\nb()\na()\n"
    )


def test_a_change_that_changes_nothing_is_refused() -> None:
    """Else a candidate equal to its parent is measured again."""
    assert applied(TEXT, Edit("replace", "- beta", "- beta")) == (TEXT, "refused_no_change")


def test_a_fence_is_not_left_open() -> None:
    """All text below, the protected blocks included, would be read as code."""
    assert applied(TEXT, Edit("append", "```sh\nls")) == (TEXT, "refused_open_fence")
    assert applied("```\na\n```\n", Edit("delete", "", "a\n```"))[1] == "refused_open_fence"
    assert applied("```\na\n", Edit("replace", "b", "a"))[1] == "applied_replace"
    files = {"notes.csv": "a\n"}
    assert apply_edits(files, [Edit("append", "```", file="notes.csv")], RULE).report[0].applied


def test_a_file_does_not_grow_beyond_its_budget() -> None:
    """Up to it is within it; what is too long already may become shorter, or stay as long."""
    assert applied("abc", Edit("append", "d"), EditRule(max_chars=7)) == ("abc\n\nd\n", "applied_append")
    assert applied("abc", Edit("append", "d"), EditRule(max_chars=6)) == ("abc", "refused_too_long")
    assert "7 characters, and 6 is the most: it has 3" in hint("abc", Edit("append", "d"), EditRule(max_chars=6))
    assert applied("abc def", Edit("replace", "x", "def"), EditRule(max_chars=3))[0] == "abc x"
    assert applied("abc def", Edit("replace", "xyz", "def"), EditRule(max_chars=3))[0] == "abc xyz"
    assert applied("abc def", Edit("replace", "wxyz", "def"), EditRule(max_chars=3))[1] == "refused_too_long"
    assert applied("abc", Edit("append", "d" * 30_000), EditRule(max_chars=None))[1] == "applied_append"


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        (Edit("move", "x", "- beta"), "refused_unknown_op"),
        (Edit("", "x"), "refused_unknown_op"),
        (Edit("Append", "x"), "refused_unknown_op"),
        (Edit("append", " \n"), "refused_no_content"),
        (Edit("insert_after", "", "- beta"), "refused_no_content"),
        (Edit("insert_after", "x"), "refused_missing_target"),
        (Edit("replace", "x", " \n"), "refused_missing_target"),
        (Edit("delete"), "refused_missing_target"),
    ],
)
def test_an_edit_that_is_none_is_refused(edit: Edit, status: str) -> None:
    """With what an edit needs."""
    assert applied(TEXT, edit) == (TEXT, status)
    assert hint(TEXT, edit)


def test_each_edit_sees_what_the_one_before_it_left() -> None:
    """A refusal in between stops nothing; places count from 1."""
    edits = [Edit("append", "- gamma"), Edit("delete", "", "- none"), Edit("replace", "- delta", "- gamma")]
    files, report = apply_edits({DOCUMENT: "a\n"}, edits, RULE)
    assert files == {DOCUMENT: "a\n\n- delta\n"}
    assert [(each.index, each.edit, each.applied) for each in report] == [
        (1, edits[0], True),
        (2, edits[1], False),
        (3, edits[2], True),
    ]


def test_a_skill_may_start_empty() -> None:
    """There is no document before the first edit."""
    assert apply_edits({}, [Edit("append", "- x")], RULE).files == {DOCUMENT: "- x\n"}


def test_the_compatible_value_is_skillopts() -> None:
    """First occurrence, a missing anchor, no budget; a file that is none is skipped."""
    files = {DOCUMENT: "- a\n- a\n", "notes.md": "n\n"}
    edits = [
        Edit("replace", "- b", "- a"),
        Edit("insert_after", "c" * 9, "none"),
        Edit("delete", "", "none"),
        Edit("append", "x", file="other.md"),
        Edit("append", "x", file="notes.md"),
    ]
    after, report = apply_edits(files, edits, EditRule(compatible=True, max_chars=3))
    assert after == {DOCUMENT: "- b\n- a\n\nccccccccc\n", "notes.md": "n\n\nx\n"}
    assert [(each.status, each.applied) for each in report] == [
        ("applied_replace", True),
        ("applied_insert_after_fallback_append", True),
        ("skipped_delete_target_not_found", False),
        ("skipped_file_not_found", False),
        ("applied_append", True),
    ]
    assert report[0] == EditOutcome(1, edits[0], "applied_replace", applied=True)


def test_what_was_given_stays_as_it_was() -> None:
    """Who applies edits to a library's text must not change the library."""
    files = {DOCUMENT: "a\n"}
    apply_edits(files, [Edit("append", "b")], RULE)
    assert files == {DOCUMENT: "a\n"}
