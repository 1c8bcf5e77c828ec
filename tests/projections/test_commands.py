"""How commands are read from what agents print, and how they are joined."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.commands import WINDOW, joined_commands, printed_commands, unwrapped


def codex(command: str, kind: str = "item.completed") -> str:
    """A line of a Codex stream."""
    return json.dumps({"type": kind, "item": {"id": "item_1", "type": "command_execution", "command": command}})


def test_a_command_that_starts_and_completes_is_one() -> None:
    """Codex says each command twice."""
    both = [codex("/bin/bash -lc 'ls'", "item.started"), codex("/bin/bash -lc 'ls'")]
    assert printed_commands("\n".join(both)) == "ls"


def test_a_command_of_several_lines_keeps_its_wrapping() -> None:
    """SPARK's pattern is of one line; published numbers hold the wrapping."""
    command = "/bin/bash -lc \"python3 - <<'PY'\nprint(1)\nPY\""
    assert printed_commands(codex(command)) == command


@pytest.mark.parametrize(
    ("command", "inner"),
    [
        ("/bin/bash -lc 'ls -l'", "ls -l"),
        ('bash -c "ls"', "ls"),
        ("/bin/sh -c ls", "ls"),
        ("bash -lc '\"a\"'", '"a"'),
        ("python3 x.py", "python3 x.py"),
        ("bash script.sh", "bash script.sh"),
    ],
)
def test_a_shell_and_one_pair_of_quotes_are_taken_off(command: str, inner: str) -> None:
    """What was wanted is inside; escapes stay as they are."""
    assert unwrapped(command) == inner


def test_opencode_says_commands_in_its_own_place() -> None:
    """Other tools of it are no commands."""
    used = {"type": "tool_use", "part": {"tool": "bash", "state": {"input": {"command": "make"}}}}
    other = {"type": "tool_use", "part": {"tool": "read", "state": {"input": {"command": "no"}}}}
    assert printed_commands(f"{json.dumps(used)}\n{json.dumps(other)}") == "make"


def test_prompts_in_plain_text_are_commands_and_so_are_quotes() -> None:
    """A Markdown quote looks like a prompt; SPARK does not tell them apart."""
    assert printed_commands("hello\n$ ls\n> quoted\nroot@4f2a:/app# make\n") == "ls\nquoted\nmake"


def test_what_holds_no_command_stands_whole_under_a_mark() -> None:
    """Agents whose stream is unknown still give PDI something to read."""
    assert printed_commands("\nthinking\n") == "[Agent Output]\nthinking"
    assert printed_commands(" \n ") == ""


@pytest.mark.parametrize(
    "beside", ['"n": NaN', '"n": 1e999', f'"n": {"9" * 4000}', '"t": "\\ud800"'], ids=["nan", "inf", "long", "lone"]
)
def test_a_command_beside_what_strict_readers_refuse_is_a_command(beside: str) -> None:
    """SPARK's reader takes all of these."""
    assert printed_commands(f'{{"item": {{"type": "command_execution", "command": "ls", {beside}}}}}') == "ls"


def test_nesting_too_deep_to_read_is_no_command_and_no_error() -> None:
    """An agent can print anything; it cannot break who reads it."""
    assert printed_commands('{"a":' * 100_000 + "\n$ ls") == "ls"


def test_a_lone_surrogate_becomes_a_replacement() -> None:
    """What is read here is written as UTF-8 later."""
    assert printed_commands('{"item": {"type": "command_execution", "command": "a\\ud800"}}') == "a\ufffd"


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Never an error, and never more than the window."""
    assert len(printed_commands(text)) <= WINDOW


def test_a_text_beyond_the_window_loses_its_first_line() -> None:
    """The line that the cut goes through would be no command."""
    assert joined_commands(["abc", "de", "f"], window=6) == "de\nf"


def test_a_cut_between_two_lines_still_loses_the_line_after_it() -> None:
    """A quirk: the cut is not looked at."""
    assert joined_commands(["abc", "de", "f"], window=4) == "f"


def test_a_cut_before_a_line_feed_loses_nothing() -> None:
    """A quirk: a line feed at the very start is kept."""
    assert joined_commands(["abc", "de"], window=3) == "\nde"


def test_a_line_longer_than_the_window_keeps_its_end() -> None:
    """There is no whole line to fall back to."""
    assert joined_commands(["abcdef"], window=3) == "def"


@given(st.lists(st.text(max_size=6)), st.integers(1, 30))
def test_joining_keeps_an_end_of_the_whole(commands: list[str], window: int) -> None:
    """Nothing is invented, and nothing in the middle is lost."""
    whole = "\n".join(dict.fromkeys(commands))
    kept = joined_commands(commands, window=window)
    assert whole.endswith(kept)
    assert len(kept) <= window
