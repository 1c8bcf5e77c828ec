"""Memos: what is read, what is refused, and what a malformed answer may not do."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.programs.explore.policies.memo import (
    MEMO_MAX_CHARS,
    SECTIONS,
    MemoFault,
    MemoSections,
    parse_memo,
    render_memo,
    without_next_strategy,
)
from engine.programs.explore.policies.reflection import Accept, KeepOld, Repair, judge_reflection

MEMO = MemoSections(
    failed_attempts=2,
    attempts_log="- #1: guessed; failed\n- #2: parsed the header; 3/5",
    commands="```\nls /root\n```",
    verified_facts="- the file has 80 header bytes",
    current_error="mass is off by 1000",
    next_strategy="divide by 1000",
)
TEXT = render_memo(MEMO)

_line = st.text(alphabet="ab -`.*:1\t", max_size=20).filter(lambda line: "```" not in line)
_fenced = st.lists(_line, max_size=3).map(lambda lines: "\n".join(["```sh", *lines, "### not a header", "```"]))
_prose = st.lists(_line, min_size=1, max_size=4).map("\n".join)
bodies = st.lists(st.one_of(_prose, _fenced), min_size=1, max_size=3).map(
    lambda parts: "\n".join(["- x", *parts, "end"])
)
memos = st.builds(MemoSections, st.integers(0, 999999), bodies, bodies, bodies, bodies, bodies)


@given(memos)
def test_a_rendered_memo_reads_back_as_itself(memo: MemoSections) -> None:
    """What is stored as text is the value that was accepted."""
    assert parse_memo(render_memo(memo)) == memo


@given(st.text())
def test_any_text_is_a_memo_or_a_fault(text: str) -> None:
    """Reading never raises, whatever a model says."""
    assert isinstance(parse_memo(text), MemoSections | MemoFault)


@pytest.mark.parametrize(
    "dressed",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("### Verified Facts\n", "### Verified Facts   \n\n"),
        TEXT.replace("### Verified Facts", "### **Verified Facts**"),
        TEXT.replace("### Verified Facts", "**Verified Facts:**"),
        f"```markdown\n{TEXT}```",
        f"Here is the new memo:\n\n```markdown\n{TEXT}\n```\n\nGood luck!",
        f"Sure.\n\n{TEXT}",
        f"\ufeff{TEXT}\n\n\n",
    ],
    ids=["crlf", "spaces", "bold", "bold only", "fence", "fence and words", "preamble", "bom"],
)
def test_form_is_forgiven(dressed: str) -> None:
    """A model that dresses its memo up has still written it."""
    assert parse_memo(dressed) == MEMO


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (TEXT.replace("## Exploration Memo (2 failed attempts)", "## Memo"), "level-2 title"),
        (TEXT.replace("### Verified Facts", "### Facts"), "'### Verified Facts' is missing"),
        (TEXT.replace("mass is off by 1000", ""), "'### Current Error Pattern' is empty"),
        (TEXT.replace("ls /root\n```", "ls /root"), "never closed"),
        (TEXT + "\n### Verified Facts\nagain", "more than once"),
        (TEXT + "\n## Appendix\nmore", "'Appendix' is not one"),
        (TEXT.replace("divide", "x" * MEMO_MAX_CHARS), "at most"),
    ],
)
def test_substance_is_not_forgiven(broken: str, problem: str) -> None:
    """SPARK parses nothing; a lost section silently scores 0 (spark.md 10, brittleness)."""
    fault = parse_memo(broken)
    assert isinstance(fault, MemoFault)
    assert any(problem in each for each in fault.problems), fault.problems


def test_sections_in_another_order_are_a_fault() -> None:
    """The order is part of the form; other readers cut by it."""
    first, second = "### Attempts Log\na", "### Commands From Last Attempt\nb"
    rest = "\n".join(f"### {name}\nc" for name in SECTIONS[2:])
    fault = parse_memo(f"## Memo (1 failed attempt)\n{second}\n{first}\n{rest}")
    assert isinstance(fault, MemoFault)
    assert "wrong order" in fault.problems[0]


def test_a_heading_in_code_is_code() -> None:
    """Commands may print Markdown."""
    text = TEXT.replace("ls /root", "cat <<X\n### Next Strategy\nX")
    memo = parse_memo(text)
    assert isinstance(memo, MemoSections)
    assert memo.next_strategy == "divide by 1000"


def test_a_wrapped_answer_cut_short_does_not_lose_its_end() -> None:
    """The last closed fence must not be taken for the end of the wrapping."""
    cut = f"```markdown\n{TEXT}\nmore\n```sh\nls\n"
    assert isinstance(parse_memo(cut), MemoFault)


def test_a_memo_may_be_just_as_long_as_is_allowed() -> None:
    """One character more is told, with both numbers."""
    exact = TEXT.replace("divide by 1000", "x" * (MEMO_MAX_CHARS - len(TEXT) + len("divide by 1000")))
    assert len(exact) == MEMO_MAX_CHARS
    assert isinstance(parse_memo(exact), MemoSections)
    fault = parse_memo(exact + "x")
    assert isinstance(fault, MemoFault)
    assert str(MEMO_MAX_CHARS + 1) in fault.problems[0]


def test_a_fence_counts_as_wrapping_only_if_it_is_open_at_the_title() -> None:
    """Blank lines may stand between; code that was closed before is part of the words before."""
    assert parse_memo(f"~~~\n\n\n{TEXT}~~~") == MEMO
    assert parse_memo(f"```sh\nls\n```\n{TEXT}") == MEMO
    assert parse_memo(f"```\nls\n```\n\n{TEXT}") == MEMO
    assert isinstance(parse_memo(f"~~~\n{TEXT}"), MemoFault)
    assert parse_memo(f"~~~\nwords\n{TEXT}") == MEMO
    assert isinstance(parse_memo(f"{TEXT}```\n"), MemoFault)


def test_lines_of_headings_that_are_only_bold_belong_to_their_section() -> None:
    """A model emphasises; only a heading of a level below the title is a stranger."""
    bold = parse_memo(TEXT.replace("divide by 1000", "**Careful**\n#### Deeper\ndivide"))
    assert isinstance(bold, MemoSections)
    assert bold.next_strategy == "**Careful**\n#### Deeper\ndivide"
    words = parse_memo(TEXT.replace("\n\n### Attempts Log", "\nwords before\n\n### Attempts Log"))
    assert words == MEMO


def test_one_failed_attempt_is_written_as_one() -> None:
    """The title is read by people, too."""
    one = render_memo(msgspec.structs.replace(MEMO, failed_attempts=1))
    assert one.startswith("## Exploration Memo (1 failed attempt)\n")
    assert TEXT.startswith("## Exploration Memo (2 failed attempts)\n")


def test_the_strong_copy_has_no_strategy_and_the_rest_unchanged() -> None:
    """SPARK cannot remove the section when it is the first line; here it is a field."""
    shown = render_memo(without_next_strategy(MEMO))
    assert "Next Strategy" not in shown
    assert shown.startswith("## Exploration Memo (2 failed attempts)\n\n### Attempts Log")
    assert MEMO.next_strategy == "divide by 1000"


@pytest.mark.parametrize("answer", ["", "  \n", "[LLM ERROR] 502 Bad Gateway", "<html><body>502", '{"error": 1}'])
def test_w3_w18_an_error_never_becomes_the_memo(answer: str) -> None:
    """SPARK stores "" or the error text, wipes what was learnt, and PDI rises (W3, W18)."""
    first = judge_reflection(answer)
    second = judge_reflection(answer, repairs_made=1)
    assert isinstance(first, Repair)
    assert not first.quotable
    assert isinstance(second, KeepOld)


def test_a_malformed_answer_is_repaired_once_then_the_old_memo_stays() -> None:
    """The second call is told what was wrong with the first."""
    broken = TEXT.replace("### Verified Facts", "### Facts")
    first = judge_reflection(broken)
    assert isinstance(first, Repair)
    assert first.quotable
    assert isinstance(judge_reflection(broken, repairs_made=1), KeepOld)
    assert judge_reflection(TEXT, repairs_made=1) == Accept(MEMO)


@pytest.mark.parametrize(
    "thought", ["<think>\n## Exploration Memo (9 failed attempts)\n</think>\n", "no, wait</think>\n"]
)
def test_a_thought_before_a_memo_is_no_part_of_it(thought: str) -> None:
    """Whatever title or heading stands in it."""
    assert judge_reflection(thought + TEXT) == Accept(MEMO)


@pytest.mark.parametrize(
    "thought", ["<think>" + TEXT, "<think>" + TEXT + "</think>", "<|channel|>analysis<|message|>" + TEXT]
)
def test_a_memo_that_was_only_thought_is_no_memo(thought: str) -> None:
    """The reflector is told so once, then the old memo stays; the thought never becomes one."""
    first = judge_reflection(thought)
    assert isinstance(first, Repair)
    assert first.problems == ("The answer holds only reasoning; the memo has to follow it.",)
    assert isinstance(judge_reflection(thought, repairs_made=1), KeepOld)
