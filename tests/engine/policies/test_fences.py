"""Fenced code, told apart from prose, edge by edge."""

import pytest

from engine.policies.fences import (
    CodeBlock,
    CodeFence,
    closes,
    code_blocks,
    fence_at,
    fence_for,
    fenced_lines,
    opening_fence,
    unclosed_fence,
)


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("```", "```"),
        ("``", None),
        ("~~~~ x `y`", "~~~~"),
        ("``` x `y`", None),
        ("```sh", "```"),
        ("      ````sh", "````"),
        ("a ```", None),
        ("~~", None),
    ],
)
def test_what_opens_a_block(line: str, marks: str | None) -> None:
    """Three marks or more; behind backticks no further one, or it would be code within a line."""
    assert opening_fence(line) == marks


@pytest.mark.parametrize(
    ("line", "fence"),
    [
        ("```Bash x", CodeFence("```", 0, "bash")),
        ("  ~~~ {.sh}", CodeFence("~~~", 2, "sh")),
        ("\t```", CodeFence("```", 4, "")),
        ("``` ", CodeFence("```", 0, "")),
        ("text", None),
    ],
)
def test_a_fence_has_marks_an_indentation_and_a_language(line: str, fence: CodeFence | None) -> None:
    """A tab is four columns."""
    assert fence_at(line) == fence


@pytest.mark.parametrize(
    ("line", "marks", "ends"),
    [
        ("```", "```", True),
        (" ````  ", "```", True),
        ("``", "```", False),
        ("~~~", "```", False),
        ("``` x", "```", False),
        ("", "```", False),
        ("```~", "```", False),
    ],
)
def test_what_ends_a_block(line: str, marks: str, ends: bool) -> None:  # noqa: FBT001 - a case
    """As many of the same marks, or more, and nothing else."""
    assert closes(line, marks) == ends


def test_a_line_that_is_indented_by_four_more_columns_is_code() -> None:
    """Three may be an accident; and it is so measured from the fence."""
    flat, deep = CodeFence("```", 0, ""), CodeFence("```", 2, "")
    assert [flat.closed_by(" " * columns + "```") for columns in (0, 3, 4)] == [True, True, False]
    assert [deep.closed_by(" " * columns + "```") for columns in (0, 5, 6)] == [True, True, False]
    assert not flat.closed_by("   ``")


@pytest.mark.parametrize(
    ("indent", "line", "code"),
    [
        (0, "  a", "  a"),
        (2, "    a", "  a"),
        (2, "  a", "a"),
        (2, " a", "a"),
        (2, "a", "a"),
        (2, "\ta", "  a"),
        (4, "\ta", "a"),
        (2, "  \ta", "\ta"),
        (2, "   \ta", "   \ta"[2:]),
    ],
)
def test_code_loses_as_much_indentation_as_its_fence_has(indent: int, line: str, code: str) -> None:
    """Never any text; a tab within that is columns, and one behind it stays a tab."""
    assert CodeFence("```", indent, "").unindented(line) == code


def test_every_line_is_told_to_be_code_or_prose() -> None:
    """The fence lines themselves belong to the code; what looks like another fence within is code."""
    text = "a\n```sh\n~~~\nb\n```\nc\n~~~\nd"
    assert [(line.number, line.fenced) for line in fenced_lines(text)] == [
        (1, False), (2, True), (3, True), (4, True), (5, True), (6, False), (7, True), (8, True),
    ]  # fmt: skip
    assert [line.text for line in fenced_lines(text)] == text.split("\n")


def test_blocks_are_listed_with_their_lines_and_the_last_may_be_open() -> None:
    """An answer that was cut short ends inside one."""
    text = "a\n```SH x\nls\n\n```\n``` \n```\n~~~\nend"
    assert code_blocks(text) == (
        CodeBlock(2, "sh", "ls\n", closed=True),
        CodeBlock(6, "", "", closed=True),
        CodeBlock(8, "", "end", closed=False),
    )
    assert unclosed_fence(text) == 8
    assert unclosed_fence(text.rpartition("\n~~~")[0]) is None
    assert unclosed_fence("prose") is None


@pytest.mark.parametrize(
    ("code", "fence"), [("ls", "```"), ("``x``", "```"), ("```", "````"), ("a ````` b `", "``````")]
)
def test_a_fence_is_longer_than_any_run_in_its_code(code: str, fence: str) -> None:
    """And never shorter than three."""
    assert fence_for(code) == fence
    assert code_blocks(f"{fence}\n{code}\n{fence}")[0].code == code
