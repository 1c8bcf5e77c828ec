"""Which files of a skill an edit may name."""

import pytest

from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import DOCUMENT, Edit, EditRule
from engine.policies.edits.paths import suffix_of

FILES = {DOCUMENT: "a\n", "references/names.md": "b\n", "scripts/run.py": "c()\n"}


def status(edit: Edit, rule: EditRule | None = None) -> str:
    """Apply one edit to a skill of three files."""
    return apply_edits(FILES, [edit], rule or EditRule()).report[0].status


def hint(edit: Edit) -> str:
    """What the optimizer hears of it."""
    return apply_edits(FILES, [edit], EditRule()).report[0].hint


@pytest.mark.parametrize(
    "file", ["notes.md", "references/more.txt", "data/x.json", "a/b/c/d.yaml", "scripts/other.py", "Notes.MD"]
)
def test_an_append_begins_a_file_of_text_or_of_a_kind_that_is_there(file: str) -> None:
    """Its text is what is appended."""
    files, report = apply_edits(FILES, [Edit("append", "x", file=file)], EditRule())
    assert report[0].status == "applied_append"
    assert files == {**FILES, file: "x\n"}


@pytest.mark.parametrize(
    "file",
    [
        "/etc/passwd.md",
        "../x.md",
        "a/../x.md",
        "a//x.md",
        "./x.md",
        ".hidden.md",
        ".git/x.md",
        "a/",
        "a\\x.md",
        "c:x.md",
        "a\nb.md",
        " x.md",
        "x.md ",
        "a/b/c/d/e.md",
        "a" * 198 + ".md",
        "skill.md",
        "references/NAMES.md",
        "references/names.md/x.md",
        "scripts.md/../x.md",
        "run.sh",
        "noend",
        "noend.",
        "references",
        "",
    ],
)
def test_a_path_that_leaves_the_folder_or_collides_is_refused(file: str) -> None:
    """Also a script of a kind that the skill has none of, hidden files, and names that differ in case alone."""
    assert status(Edit("append", "x", file=file)) == "refused_file"


def test_paths_up_to_their_limits_are_taken() -> None:
    """200 characters and four parts."""
    assert status(Edit("append", "x", file="a" * 197 + ".md")) == "applied_append"


def test_a_file_is_not_put_where_a_folder_is() -> None:
    """On no disk can both be."""
    files = {DOCUMENT: "", "notes.md/deep.md": "x\n"}
    report = apply_edits(files, [Edit("append", "x", file="notes.md")], EditRule()).report
    assert report[0].status == "refused_file"
    assert "'notes.md/deep.md', beside which 'notes.md' cannot be" in report[0].hint


@pytest.mark.parametrize("op", ["insert_after", "replace", "delete"])
def test_only_an_append_begins_a_file(op: str) -> None:
    """There is nothing in it to change; the file that may be meant is named."""
    edit = Edit(op, "x", "b", "reference/names.md")
    assert status(edit) == "refused_file"
    assert hint(edit) == "The skill has no file 'reference/names.md'. Did you mean 'references/names.md'?"
    assert hint(Edit(op, "x", "b", "q.csv")).endswith("SKILL.md, references/names.md, scripts/run.py.")


def test_a_skill_without_files_says_so() -> None:
    """The document is there even when it is empty."""
    report = apply_edits({}, [Edit("delete", "", "x", "q.csv")], EditRule()).report
    assert report[0].hint.endswith("It has none but SKILL.md.")


def test_files_that_are_there_take_all_edits() -> None:
    """Scripts, too."""
    edit = Edit("replace", "d()", "c()", "scripts/run.py")
    assert apply_edits(FILES, [edit], EditRule()).files == {**FILES, "scripts/run.py": "d()\n"}


def test_a_skill_takes_no_more_files_than_the_rule_has() -> None:
    """The budget of one file would be none where there may be any number of them."""
    edit = Edit("append", "x", file="notes.md")
    assert status(edit, EditRule(max_files=3)) == "refused_too_many_files"
    assert status(edit, EditRule(max_files=4)) == "applied_append"
    assert status(edit, EditRule(max_files=None)) == "applied_append"


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a.md", ".md"), ("a.B/c", ""), ("a/b.tar.GZ", ".gz"), (".env", ""), ("a.", ""), ("", "")],
)
def test_a_suffix_is_what_a_name_ends_in(path: str, suffix: str) -> None:
    """Not what a folder's name does."""
    assert suffix_of(path) == suffix
