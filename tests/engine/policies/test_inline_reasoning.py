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
    ("<antThinking>", "</antThinking>"),
    ("<inner_thoughts>", "</inner_thoughts>"),
    ("<cot>", "</cot>"),
    ("<plan>", "</plan>"),
    ("<planning>", "</planning>"),
    ('<details type="reasoning" done="true">\n<summary>Thought</summary>\n', "</details>"),
    ("<details>\n<summary>Thinking…</summary>\n", "</details>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("&#60;think&#x3E;", "&#60;/think&#x3E;"),
    ("\\u003cthink\\u003e", "\\u003c/think\\u003e"),
    ("&lt;details type=&quot;reasoning&quot;&gt;", "&lt;/details&gt;"),
    (
        "&lt;|channel|&gt;analysis&lt;|message|&gt;",
        "&lt;|end|&gt;&lt;|start|&gt;assistant&lt;|channel|&gt;final&lt;|message|&gt;",
    ),
    ("Thinking...\n", "\n...done thinking.\n"),
    ("Thinking…\n", "\n…done thinking.\n"),
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


PAIRED = ("<analysis>", "<plan", "<details", "&lt;details")
"""Tags whose closing one says nothing where it stands alone amid a line."""


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


@pytest.mark.parametrize(("opens", "closes"), [each for each in PAIRS if not each[0].startswith(PAIRED)])
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
        f"{SAID}\nremoved </think> from file",
        f"The file has a <think> tag in it.\n{SAID}",
        f'The file has a "<think>" tag in it.\n{SAID}',
        f"The <think> tag opens it.\n{SAID}\nThe </think> tag ends it.",
        f"{SAID}\nThe mark is </think>.",
        f"{SAID}\nremoved <|end|> from file",
        f"{SAID}\nremoved [/THINK] from file",
        f"The file has a &lt;think&gt; tag in it.\n{SAID}",
        f"The <plan> element comes first.\n{SAID}",
        f"I look.\nThinking...\n{SAID}",
        f"<details>\n<summary>How</summary>\n{SAID}\n</details>",
        f"{SAID}\n</details>",
    ],
)
def test_a_mark_amid_the_words_of_a_sentence_is_only_mentioned(text: str) -> None:
    """Taken for reasoning it cost a turn, and the command before or after it."""
    assert split_reasoning(text) == (text, "", "")


@pytest.mark.parametrize(
    "text",
    [
        f"{THOUGHT}So ls. </think> Now:\n{SAID}",
        f"{THOUGHT}So ls</think>{SAID}",
        f"{THOUGHT}So ls </think>\n{SAID}",
        f"{THOUGHT}So ls </think> Now I look.\n{SAID}",
        f"I look <think> maybe\n{THOUGHT}</think>\n{SAID}",
        f"<think>I remove </think> from it\n{THOUGHT}</think>\n{SAID}",
        f"<think>I remove `</think>` from it\n{THOUGHT}</think>\n{SAID}",
        f"I look <think> maybe </think> now\n{SAID}",
    ],
)
def test_a_mark_that_may_end_a_thought_ends_one(text: str) -> None:
    """A thought is never run: where a line ends, or a sentence, or no blank stands around it, it is a mark."""
    parts = split_reasoning(text)
    assert parts.said.endswith(SAID)
    assert "rm -r" not in parts.said
    assert parts.problem == ""


@pytest.mark.parametrize("opens", ["Hmm <think>\n", "I look. <think> I could", "Hm <think>so ", "Hm <think> So "])
def test_a_mark_that_may_open_a_thought_opens_one(opens: str) -> None:
    """All that follows is left out, and the model told that it never ended it."""
    parts = split_reasoning(f"{opens}{THOUGHT}")
    assert "rm -r" not in parts.said
    assert parts.problem == "its reasoning is never closed"


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
    assert parts.reasoning.startswith("Or\n```sh\nrm -r /")


def test_a_mark_in_a_code_span_leaves_the_marks_after_it_as_they_are() -> None:
    """On one line: the first is named, the second ends the thought that the template began."""
    parts = split_reasoning(f"It prints `</think>`. So rm -r /app</think>\n{SAID}")
    assert parts == (SAID, "It prints `</think>`. So rm -r /app", "")


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", "```sh\n", "```\n", "`", "[THINK]", "<|end|>"])))
def test_any_text_is_taken_apart(pieces: list[str]) -> None:
    """Whatever a model writes; and what is said holds no tag outside of code."""
    parts = split_reasoning("".join(pieces))
    if "`" not in "".join(pieces):
        assert "think>" not in parts.said
