"""Rows say what happened, and never more: what broke is no zero, and what nobody knows is no figure."""

import pytest
from msgspec.structs import replace

from events.store.base import EventLog
from events.types.session import SandboxReopened
from tests.views.drawing import drawn, run_rows, seen
from tests.views.histories import (
    FAILED,
    PlacedEvent,
    asked,
    lost,
    opened,
    record,
    trial_closed,
    trial_opened,
    tried,
    whole,
)
from views.runs.attempt_counts import attempts_told
from views.runs.rows import ATTEMPTS, attempt_rows, render_trials, trial_rows
from views.runs.run_tree import render_runs, tree
from views.runs.show import render_attempt, render_run


async def test_what_broke_is_no_verdict_and_no_zero(log: EventLog) -> None:
    """The trial whose sandbox was lost counts apart, and has no reward."""
    await record(log, "r1", whole(log))
    found = await seen(log)
    (run,) = run_rows(found)
    assert (run.solved, run.unsolved, run.no_verdict) == (1, 0, 1)
    solved, broken = trial_rows(found, found.trials.runs["r1"])
    assert (solved.outcome, solved.reward, solved.interventions, solved.skill) == ("solved", 1.0, ("soft",), "greet")
    assert (broken.outcome, broken.reward) == ("no verdict", None)
    line = next(line for line in drawn(render_trials([solved, broken])).splitlines() if line.startswith("sort"))
    assert "no verdict" in line
    assert " 0 " not in line


async def test_attempts_stand_in_the_order_in_which_they_were_made(log: EventLog) -> None:
    """The tenth comes after the ninth."""
    attempts = [told for number in range(1, 12) for told in tried(log, "greet", number, FAILED)]
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet"), *attempts])
    run = (await seen(log)).trials.runs["r1"]
    assert [row.attempt for row in attempt_rows(run, run.trials["greet"])] == list(range(1, 12))


async def test_what_became_of_sandboxes_after_a_crash_is_said(log: EventLog) -> None:
    """Of the run how often, and of the attempt in words."""
    again = PlacedEvent("session", SandboxReopened("attempt/greet/1", 2))
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet"), *tried(log, "greet", 1, FAILED), again])
    found = await seen(log)
    run = found.trials.runs["r1"]
    (row,) = run_rows(found)
    assert "1 reattached after a crash" in drawn(render_run(run, row))
    (attempt,) = attempt_rows(run, run.trials["greet"])
    assert "after a crash its sandbox was reattached" in drawn(render_attempt(attempt))


async def test_an_abandoned_attempt_is_not_a_failed_one(log: EventLog) -> None:
    """It has no reward, and says so."""
    story = [*opened(log, "greet"), trial_opened("greet"), *tried(log, "greet", 1, FAILED)[:4], lost("greet", 1)]
    await record(log, "r1", story)
    run = (await seen(log)).trials.runs["r1"]
    (row,) = attempt_rows(run, run.trials["greet"])
    assert (row.outcome, row.reward) == ("abandoned", None)


@pytest.mark.parametrize(("owned", "state"), [(("r1",), "running"), ((), "cut off")])
async def test_a_run_nobody_holds_was_cut_off(log: EventLog, owned: tuple[str, ...], state: str) -> None:
    """The log alone does not tell a slow run from a dead one; the lease does."""
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet")])
    (run,) = run_rows(await seen(log, *owned))
    assert run.state == state


@pytest.mark.parametrize(
    ("costs", "known", "unknown", "shown"),
    [
        ([1_000_000, 2_000_000], 3_000_000, 0, "$0.0030"),
        ([1_000_000, None], 1_000_000, 1, "$0.0010+"),
        ([None, None], None, 2, "-"),
        ([0], 0, 0, "$0.0000"),
        ([], 0, 0, "$0.0000"),
    ],
)
async def test_a_sum_says_what_it_lacks(
    log: EventLog, costs: list[int | None], known: int | None, unknown: int, shown: str
) -> None:
    """Calls whose cost nobody knows are counted, not left out in silence; a free model costs nothing."""
    calls = [told for cost in costs for told in asked(log, "attempt/greet/1", cost)]
    story = [*opened(log, "greet"), trial_opened("greet"), *tried(log, "greet", 1, FAILED)[:2], *calls]
    await record(log, "r1", story)
    (run,) = run_rows(await seen(log))
    assert (run.cost_nano_usd, run.unknown_cost_calls) == (known, unknown)
    assert f" {shown} " in drawn(render_runs([run]))


@pytest.mark.parametrize("width", [80, 120])
async def test_tables_fit_a_terminal(log: EventLog, width: int) -> None:
    """Nothing runs over the edge, and no figure is broken in two."""
    await record(log, "w1madvrfy8", whole(log))
    found = await seen(log)
    run = found.trials.runs["w1madvrfy8"]
    for table in (
        render_runs(run_rows(found)),
        render_trials(trial_rows(found, run)),
        ATTEMPTS(attempt_rows(run, run.trials["greet"])),
    ):
        text = drawn(table, width=width)
        assert max(map(len, text.splitlines())) <= width
    assert "w1madvrfy8" in drawn(render_runs(run_rows(found)), width=width)


async def test_an_empty_log_has_no_runs(log: EventLog) -> None:
    """And a table of nothing is still a table."""
    assert run_rows(await seen(log)) == []
    assert "solved" in drawn(render_runs([]))


async def test_a_budget_that_was_met_has_its_own_word(log: EventLog) -> None:
    """It is not a failure of the agent, nor of the infrastructure."""
    story: list[PlacedEvent] = [*opened(log, "greet"), trial_opened("greet"), trial_closed("greet", "budget", 0, None)]
    await record(log, "r1", story)
    found = await seen(log)
    assert [row.outcome for row in trial_rows(found, found.trials.runs["r1"])] == ["budget reached"]


async def test_forks_stand_below_what_they_were_forked_from(log: EventLog) -> None:
    """In the order of the log among themselves, however deep; a fork whose parent is elsewhere stands at the top."""
    await record(log, "a", opened(log, "greet"))
    (row,) = run_rows(await seen(log))
    told = [("a", None), ("b", None), ("a2", "a"), ("b1", "b"), ("a1", "a"), ("a2x", "a2"), ("lost", "elsewhere")]
    rows = [replace(row, run=run, parent=parent) for run, parent in told]
    lines = [line.strip(" │") for line in drawn(render_runs(rows), width=200).splitlines()]
    names = [line.split("  ")[0].removeprefix("└ ") for line in lines]
    assert [name for name in names if name in dict(told)] == ["a", "a2", "a2x", "a1", "b", "b1", "lost"]


async def test_a_long_line_of_forks_has_its_places(log: EventLog) -> None:
    """Each fork was once a call within a call, and each run was looked for among all of them."""
    await record(log, "a", opened(log, "greet"))
    (row,) = run_rows(await seen(log))
    rows = [replace(row, run=f"f{number}", parent=f"f{number - 1}") for number in range(2_000)]
    assert [depth for depth, _ in tree(rows)] == list(range(2_000))


async def test_attempts_that_were_abandoned_are_counted_apart(log: EventLog) -> None:
    """Of two that a trial may have, "3 of 2" were told after a crash."""
    story = [*opened(log, "sort"), trial_opened("sort"), *tried(log, "sort", 1, FAILED), *tried(log, "sort", 3, FAILED)]
    await record(log, "r1", [*story, lost("sort", 2)])
    found = await seen(log)
    (row,) = trial_rows(found, found.trials.runs["r1"])
    assert (row.attempts, row.abandoned) == (3, 1)
    drawing = drawn(render_trials([row]), width=120)
    assert f"2 of {row.max_attempts} + 1 abandoned" in drawing


@pytest.mark.parametrize(("finished", "broken", "told"), [
    (2, 0, "2 of 2"), (2, 2, "2 of 2"), (3, 2, "1 of 2 + 2 infrastructure"), (0, 0, "0 of 2"),
])  # fmt: skip
def test_no_trial_has_more_attempts_than_it_may(finished: int, broken: int, told: str) -> None:
    """Where "3 of 2" stood, the infrastructure had ended attempts, which do not count."""
    assert attempts_told(finished, broken, 2) == told


async def test_attempts_that_the_infrastructure_ended_are_counted_apart(log: EventLog) -> None:
    """In the row that programs read, too."""
    await record(log, "r1", whole(log))
    seen_now = await seen(log)
    rows = {row.trial: row for row in trial_rows(seen_now, seen_now.trials.runs["r1"])}
    assert (rows["sort"].attempts, rows["sort"].infrastructure, rows["greet"].infrastructure) == (1, 1, 0)
