"""Stories of telling what a model thought from what it said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.inline_reasoning import split_reasoning

THOUGHT = "Maybe\n```sh\nrm -r /app\n```\nor not.\nDONE\n"
SAID = "```sh\nls\n```"

PAIRS = [
    ("<think>", "</think>"),
    ("<THINK>", "</Think>"),
    ("<thinking>", "</thinking>"),
    ("<thinking mode='deep' budget=9 plain>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<seed:think>", "</seed:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|start|>assistant<|channel|>analysis<|message|>", "<|start|>assistant<|channel|>final<|message|>"),
]


@pytest.mark.parametrize(("opens", "closes"), PAIRS)
@pytest.mark.parametrize("between", ["\n", "", " \n\n"])
def test_what_stands_between_marks_was_not_said(opens: str, closes: str, between: str) -> None:
    """The marks as models write them, with a line end after them or none."""
    parts = split_reasoning(f"{opens}{between}{THOUGHT}{closes}{between}{SAID}")
    assert parts.said.strip() == SAID
    assert "rm -r" in parts.reasoning
    assert parts.problem == ""


@pytest.mark.parametrize(("opens", "closes"), PAIRS)
def test_after_a_mark_that_is_never_closed_nothing_was_said(opens: str, closes: str) -> None:
    """The usual sign of an answer that ran into its length limit while it was thinking."""
    parts = split_reasoning(f"{opens}{THOUGHT}")
    assert parts.said == ""
    assert parts.problem == "its reasoning is never closed"


@pytest.mark.parametrize(("opens", "closes"), [each for each in PAIRS if each[0] != "<analysis>"])
def test_before_a_closing_mark_alone_nothing_was_said(opens: str, closes: str) -> None:
    """Templates write the opening one into the prompt, so that the answer holds only the other."""
    assert split_reasoning(f"{THOUGHT}{closes}\n{SAID}").said.strip() == SAID


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"I look. <think>{THOUGHT}</think> Now:\n{SAID}", f"I look. \n Now:\n{SAID}"),
        (f"<think>a</think>one<think>{THOUGHT}</think>\n{SAID}", f"one\n\n{SAID}"),
        (f"<think>a<think>{THOUGHT}</think>{THOUGHT}</think>{SAID}", SAID),
        (f"<think>\n<think>\n{THOUGHT}</think>{SAID}", SAID),
        (f"<think>They say `<think>` is a tag.</think>{SAID}", SAID),
        (f"<think>a</think>{THOUGHT}</think>{SAID}", SAID),
        (f"<think></think>{SAID}", SAID),
        (f"<think/>{SAID}", SAID),
        (f"<think>{THOUGHT}</think><answer>\n{SAID}\n</answer>", SAID),
        (f"<think>{THOUGHT}</think>\r\nDONE\r\n", "DONE"),
        ("<|channel|>commentary<|message|>I look.<|end|><|channel|>analysis<|message|>a<|end|>", "I look."),
        (f"<|start|>assistant<|channel|>final<|message|>{SAID}<|return|>", SAID),
        (f"{SAID}<|end|>", SAID),
        ('<|channel|>commentary to=functions.run <|constrain|>json<|message|>{"command": "ls"}<|call|>', ""),
        (f"analysisWe need\n{THOUGHT}assistantfinal{SAID}", SAID),
        (f"<think>a<think>{THOUGHT}</think>{SAID}", ""),
        (f"<thinking>a</think>{SAID}", ""),
        (f"{SAID}\n<think>or", SAID),
    ],
)
def test_marks_that_are_repeated_nested_or_gone(text: str, said: str) -> None:
    """Where they do not pair up, the reading is the careful one."""
    assert split_reasoning(text).said == said


@pytest.mark.parametrize(
    "text",
    [
        "```sh\ncat <<'EOF' > a.html\n<think>\n</think>\nEOF\n```",
        "```sh\ncat <<'EOF' > a.md\n```xml\n<think>a</think>\n```\nEOF\n```",
        "~~~\n[THINK]\n~~~\nDONE",
        "The tags `<think>` and `</think>` are gone.\nDONE",
        "A <reason> for it, and a [think](x).\nDONE",
        "if a <b and c> d: think\nanalysis of it\nDONE",
        "<thinker>\nDONE",
        "",
        "DONE\r\n",
    ],
)
def test_a_mark_in_code_is_code_and_a_text_without_marks_stays_as_it_is(text: str) -> None:
    """To the last byte: what was read of older runs is read again."""
    assert split_reasoning(text) == (text, "", "")


def test_a_closing_mark_in_a_block_that_is_unclear_makes_all_of_it_unsaid() -> None:
    """The thought held a fence that it never closed, so nobody can tell what is code and what is not."""
    parts = split_reasoning(f"Or\n```sh\nrm -r /\n```\nor\n```\nx\n</think>\n{SAID}")
    assert parts.said == ""
    assert parts.problem


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", "```sh\n", "```\n", "`", "[THINK]", "<|end|>"])))
def test_any_text_is_taken_apart(pieces: list[str]) -> None:
    """Whatever a model writes; and what is said holds no tag outside of code."""
    parts = split_reasoning("".join(pieces))
    if "`" not in "".join(pieces):
        assert "think>" not in parts.said
