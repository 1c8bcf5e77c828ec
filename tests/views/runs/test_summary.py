"""The end of a run in one screen: what came of each trial, what was learnt, what to type next."""

import pytest
from msgspec.structs import replace

from events.errors import ExitCode
from events.store.base import EventLog
from tests.views.drawing import drawn, seen
from tests.views.histories import record, whole
from views.runs.rows import run_row, trial_rows
from views.runs.skills import heads
from views.runs.summary import exit_code, render, suggestions


async def test_the_summary_says_everything_once(log: EventLog) -> None:
    """Outcomes, the label of the script, the skill's head, money and tokens, four commands."""
    await record(log, "w1madvrfy8", whole(log))
    found = await seen(log)
    run = found.trials.runs["w1madvrfy8"]
    row, trials = run_row(found, run), trial_rows(found, run)
    text = drawn(render(row, trials, await heads(log, run.id)))
    assert "scripted model" in text
    assert "upper bound" not in text
    short = drawn(render(row, [replace(trials[0], outcome="budget reached")], []))
    assert "upper bound of the next call exceeds what is left" in short
    assert "no verdict: an infrastructure failure" in text
    assert "distilled: greet, revision 1" in text
    assert "# Greeting" in text
    assert "1 solved, 0 unsolved, 1 without a verdict · 3 model calls · 360 tokens · $0.0030" in text
    assert max(map(len, text.splitlines())) <= 80
    assert [each.command for each in suggestions(row, trials)] == [
        "stillroom show w1madv:greet", "stillroom pdi w1madv", "stillroom skills list", "stillroom replay w1madv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ({"a": "solved", "b": "unsolved"}, ExitCode.DONE),
        ({"a": "solved", "b": "infrastructure"}, ExitCode.NO_VERDICT),
        ({"a": "stopped"}, ExitCode.CANCELLED),
        ({"a": "stopped", "b": "solved"}, ExitCode.CANCELLED),
        ({"a": "stopped", "b": "infrastructure"}, ExitCode.NO_VERDICT),
        ({"a": "infrastructure", "b": "budget"}, ExitCode.BUDGET),
        ({}, ExitCode.DONE),
    ],
)
def test_the_shell_is_told_how_it_ended(outcomes: dict[str, str], code: ExitCode) -> None:
    """A script need not read a status: no verdict is not success, and an unsolved task is not an error."""
    assert exit_code(outcomes) is code
