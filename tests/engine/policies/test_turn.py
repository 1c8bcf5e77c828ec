"""Stories of reading a model's answer and of wording an observation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.tool_arguments import shortened
from engine.policies.turn import (
    Command,
    CommandObservation,
    Unclear,
    WorkDone,
    observation_text,
    read_calls,
    read_text,
)


def test_the_first_fenced_command_is_run_whole() -> None:
    """A block may hold several lines, and prose may stand around it."""
    turn = read_text("Let me look.\n\n```sh\nls -la\ncat a.txt\n```\nThen we see. DONE")
    assert turn == Command("ls -la\ncat a.txt", None)


@pytest.mark.parametrize(
    ("text", "command", "note"),
    [
        ("```sh\nls\n```\nDONE", "ls", "DONE was not taken"),
        ("DONE\n```sh\nls\n```", "ls", "DONE was not taken"),
        ("```sh\nls\n```\n```bash\npwd\n```", "ls", "only the first block was run"),
        ("```sh\nls\n```\n```bash\npwd", "ls", "only the first block was run"),
        ("```sh\n\n```\n```sh\nls\n```", "ls", ""),
        ("```python\nprint(1)\n```\n```sh\nls\n```\n```\na b\n```", "ls", ""),
        ("```sh\r\nls\r\npwd\r\n```\r\n", "ls\npwd", ""),
        ("```\nls\n```\n", "ls", ""),
        ("<think>ls</think>\n\n~~~\ncat <<E\n~~~\na\n~~~\nE\n~~~", "cat <<E\n~~~\na\n~~~\nE", ""),
        ("<think>\n```sh\nrm a\n```\nDONE</think>\n```sh\nls\n```", "ls", ""),
        ("```sh\ncat <<E > a.md\n```py\nx\n```\nDONE\nE\n```", "cat <<E > a.md\n```py\nx\n```\nDONE\nE", ""),
    ],
)
def test_the_first_shell_block_is_the_command_and_what_has_no_effect_is_told(
    text: str, command: str, note: str
) -> None:
    """Blocks of other languages are not run, nor is a second one; a model that does not know builds on nothing."""
    turn = read_text(text)
    assert isinstance(turn, Command)
    assert (turn.text, turn.call) == (command, None)
    assert turn.note.startswith(note)
    assert bool(turn.note) == bool(note)


@pytest.mark.parametrize(
    ("text", "finish", "why"),
    [
        ("```sh\ncat <<E\na", "length", "length limit inside the block"),
        ("```sh\ncat <<E\na\n```", "length", "its here-document E is never ended"),
        ("```sh\ncat <<E\na\n```", "stop", "its here-document E is never ended"),
        ("```sh\nls", None, "it is never closed"),
        ("```python\nx\n```sh\nrm a\n```\nand\n```sh\nls\n```", None, "marked python is unclear"),
        ("```python\nprint(1)\n```", None, "a block marked python is not run"),
        ("It prints:\n```\nls\n```", None, "If this is the command, answer:\n```sh\nls\n```"),
        ("```\nls\n```\n```\npwd\n```", None, "If this is the command, answer:\n```sh\nls\n```"),
        ("```\nls", None, "If this is the command, answer:\n```sh\nls\n```"),
        ("It prints:\n```\na\nb\n```", None, "that names no language is not run"),
        ("```\ncat <<E\na\n```", None, "that names no language is not run"),
        ("```sh\nDONE\n```", None, "DONE is no command"),
        ("```sh\necho a\0b\n```", None, "NUL"),
        ("I look at", "MAX_TOKENS", "length limit before a command"),
        ("<think>I look at", "length", "length limit before it said anything"),
        ("<think>I look at", "stop", "its reasoning is never closed"),
        ("I look. <think>DONE", "stop", "its reasoning is never closed"),
        ("<think>ls</think>", "stop", "all reasoning"),
        ("", "stop", "all reasoning, or empty"),
        ("So:\n```\nDONE\n```", None, "that names no language"),
        ("mv a b", None, "If this is the command, answer:\n```sh\nmv a b\n```"),
        ("`mv a b`", None, "If this is the command, answer:\n```sh\nmv a b\n```"),
        ("ls " + "x" * 197, None, "If this is the command"),
        ("ls " + "x" * 198, None, "give one command"),
        ("./run.sh", None, "If this is the command"),
        ("PORT=1 node a.js", None, "If this is the command"),
        ("make -j4", None, "If this is the command"),
        ("tool sync --all", None, "If this is the command"),
        ("First\nmv a b", None, "give one command"),
        ("```sh mv a b```", None, "```sh\nsh mv a b\n```"),
        ("`DONE` comes later", None, "give one command"),
    ],
)
def test_what_is_unclear_is_not_run_and_the_model_is_told_why(text: str, finish: str | None, why: str) -> None:
    """At the cost of a turn; half of a command is never run."""
    turn = read_text(text, finish)
    assert isinstance(turn, Unclear)
    assert why in turn.problem
    assert turn.call is None


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nDONE\n</think>\nnot yet",
        "from file",
        "Sorry",
        "make sure it works",
        "cat is here.",
        "It says:\n```\nnot found\n```",
        "`not yet`",
        "ls is a program.",
        '{"command": "ls"}',
    ],
)
def test_words_are_never_shown_as_the_command_to_give(text: str) -> None:
    """A model does what it is shown, and a shell then runs a sentence."""
    turn = read_text(text)
    assert isinstance(turn, Unclear)
    assert "If this is the command" not in turn.problem


@pytest.mark.parametrize(
    "text",
    [
        '<|channel|>commentary to=functions.run <|constrain|>json<|message|>{"command":"ls"}<|call|>',
        '<|start|>assistant to=functions.run<|channel|>commentary json<|message|>{"command":"ls"}',
        "<|channel|>commentary to=functions.run<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>DONE",
        "<|channel|>commentary to=run<|message|>{}<|call|><|channel|>final<|message|>So.\nDONE\nYes.",
        '<tool_call>\n{"name": "run"}\n</tool_call>',
        '[TOOL_CALLS][{"name": "run"}]',
        "<function=run>\n<parameter=command>ls</parameter></function>",
        '{"name": "run", "arguments": {"command": "ls"}}',
    ],
)
def test_a_tool_call_written_in_the_text_is_refused_as_what_it_is(text: str) -> None:
    """Told that it only thought, a model writes the same call again; and it is not done while a call waits."""
    turn = read_text(text)
    assert isinstance(turn, Unclear)
    assert "a tool call written in the text is not read as one" in turn.problem
    assert "block fenced as ```sh" in turn.problem


def test_a_tag_that_is_never_closed_may_have_been_a_mention_and_the_model_is_told_how_to_write_one() -> None:
    """The reading stays the careful one."""
    turn = read_text("<think> is the tag.\n```sh\nls\n```")
    assert isinstance(turn, Unclear)
    assert "never closed; a tag that is only mentioned has to stand in `backticks`" in turn.problem


def test_a_heredoc_with_a_fence_of_another_language_is_no_command() -> None:
    """Only what is marked as shell is run."""
    assert isinstance(read_text("```python\nprint(1)\n```"), Unclear)


def test_done_is_a_line_of_its_own() -> None:
    """An agent that says it is not DONE yet has not finished. Where nothing else is said, any spelling will do."""
    assert read_text("All checked.\n\n**DONE**") == WorkDone()
    for answer in ("<think>all there</think>\nDONE", "done", "Done.", "`DONE`", "```\nDONE\n```", "1. a\n\nDONE\n\nb"):
        assert read_text(answer) == WorkDone()
    assert isinstance(read_text("It is\ndone"), Unclear)
    assert isinstance(read_text("I am not DONE yet"), Unclear)


def test_a_tool_call_is_a_command_that_is_answered_under_its_id() -> None:
    """Providers refuse a conversation that leaves a call without its result."""
    assert read_calls((("c1", "run", '{"command": "ls"}'),)) == Command("ls", "c1")


def test_a_wrong_tool_and_wrong_arguments_are_told_to_the_model() -> None:
    """A model that errs is told how, under the id it used, and may go on."""
    wrong = [("c1", "browse", "{}"), ("c1", "run", "ls"), ("c1", "run", '{"command": " "}'), ("c1", "run", "{}")]
    for call in wrong:
        turn = read_calls((call,))
        assert isinstance(turn, Unclear)
        assert turn.call == "c1"


def test_a_call_that_a_length_limit_may_have_cut_is_not_run() -> None:
    """Some servers make JSON of it again, with half of the command in it; only a call that others follow is whole."""
    call, whole = ("c1", "run", '{"command": "rm -r /app/ol'), ("c1", "run", '{"command": "rm -r /app/ol"}')
    for cut in (call, whole):
        turn = read_calls((cut,), "length")
        assert isinstance(turn, Unclear)
        assert "length limit" in turn.problem
    assert read_calls((whole, ("c2", "run", "{")), "length") == Command("rm -r /app/ol", "c1")
    assert read_calls((whole,), "tool_calls") == Command("rm -r /app/ol", "c1")


def test_keys_of_a_call_that_have_no_effect_are_told() -> None:
    """A model that names a folder to run in would else believe that it was heard."""
    turn = read_calls((("c1", "run", '{"command": "ls", "workdir": "/srv"}'),))
    assert turn == Command("ls", "c1", "`run` takes only `command`; without effect: `workdir`")


def test_a_killed_command_says_so_and_has_no_exit_code() -> None:
    """The model must not take a time limit for a result."""
    text = observation_text(CommandObservation("timed_out", None, "half", ""), most=100)
    assert text == "the command was ended: timed_out\nstdout:\nhalf"


@given(st.text(max_size=500), st.integers(min_value=2, max_value=200))
def test_a_shortened_text_keeps_both_ends_and_counts_what_is_gone(text: str, most: int) -> None:
    """Whoever reads it can tell that something is missing, and how much."""
    short = shortened(text, most)
    half = most // 2
    if len(text) <= most:
        assert short == text
    else:
        assert short.startswith(text[:half])
        assert short.endswith(text[-half:])
        assert f" {len(text) - 2 * half} characters" in short
