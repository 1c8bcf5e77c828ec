"""Stories of reading a model's answer and of wording an observation."""

from hypothesis import given
from hypothesis import strategies as st

from engine.policies.turn import (
    Command,
    Done,
    Observation,
    Unclear,
    observation_text,
    read_calls,
    read_text,
    shortened,
)


def test_the_first_fenced_command_is_run_whole() -> None:
    """A block may hold several lines, and prose may stand around it."""
    turn = read_text("Let me look.\n\n```sh\nls -la\ncat a.txt\n```\nThen we see. DONE")
    assert turn == Command("ls -la\ncat a.txt", None)


def test_a_heredoc_with_a_fence_of_another_language_is_no_command() -> None:
    """Only what is marked as shell is run."""
    assert isinstance(read_text("```python\nprint(1)\n```"), Unclear)


def test_done_is_a_line_of_its_own() -> None:
    """An agent that says it is not DONE yet has not finished."""
    assert read_text("All checked.\n\n**DONE**") == Done()
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


def test_a_killed_command_says_so_and_has_no_exit_code() -> None:
    """The model must not take a time limit for a result."""
    text = observation_text(Observation("timed_out", None, "half", ""), most=100)
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
