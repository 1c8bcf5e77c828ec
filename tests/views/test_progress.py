"""Progress is a fold of the log: what is said depends on what happened, not on when somebody looked."""

import io
from pathlib import Path

import anyio

from events.log import EventLog, Selection
from tests.cli.terminal import machine
from tests.views.drawing import drawn
from tests.views.histories import asked, closed, opened, record, trial_opened, whole
from views.progress import EVERY_ANSWERS, Progress, watch
from views.screen import Screen


async def test_each_thing_worth_saying_is_said_once(log: EventLog) -> None:
    """A reader of plain lines can follow the whole run."""
    await record(log, "r1", whole(log))
    progress = Progress("r1")
    lines = [line async for recorded in log.read(Selection(run="r1")) if (line := progress.see(recorded))]
    assert lines == [
        "greet: opened",
        "greet: attempt 1 failed, 0 of 1 test",
        "greet: attempt 2 solved, 0 of 1 test",
        "greet: distilled skill greet, revision 1",
        "greet: solved after 2 attempts, reward 1",
        "sort: opened",
        "sort: attempt 1 infrastructure, 0 of 1 test (the sandbox was lost)",
        "sort: no verdict after 1 attempt, reward -",
    ]
    assert progress.totals().startswith(
        "2 of 2 trials done · 3 attempts · 3 turns · 360 tokens · $0.0030 · 0 failed calls"
    )


async def test_totals_are_said_every_so_many_answers(log: EventLog) -> None:
    """By events, not by time: a replayed picture is the same picture."""
    calls = [told for _ in range(EVERY_ANSWERS * 2) for told in asked(log, "attempt/greet/1")]
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet"), *calls])
    progress = Progress("r1")
    lines = [line async for recorded in log.read() if (line := progress.see(recorded))]
    assert [line.split(" · ")[2] for line in lines if "·" in line] == ["50 turns", "100 turns"]


async def test_the_picture_shows_trials_that_go_on(log: EventLog) -> None:
    """What is over has been said above it."""
    await record(log, "r1", whole(log)[:-3])
    progress = Progress("r1")
    async for recorded in log.read():
        progress.see(recorded)
    picture = drawn(progress.picture())
    assert "sort" in picture
    assert "greet" not in picture
    assert "1 of 2 trials done" in picture


async def test_watching_ends_when_the_process_lets_go(log: EventLog, tmp_path: Path) -> None:
    """Events that are appended while it watches are seen; nothing is polled for."""
    on = machine(tmp_path)
    story = whole(log)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(watch, log, "r1", Screen(on))
            await record(log, "r1", story[:8])
            await record(log, "r1", story[8:])
    assert isinstance(on.stderr, io.StringIO)
    assert isinstance(on.stdout, io.StringIO)
    assert on.stderr.getvalue().splitlines()[-1].startswith("2 of 2 trials done")
    assert on.stdout.getvalue() == ""


async def test_what_was_said_before_is_not_said_again(log: EventLog, tmp_path: Path) -> None:
    """A resumed run begins where it was cut off, though its totals hold all of it."""
    story = whole(log)
    await record(log, "r1", story[:-2])
    after = (await log.head()).position
    await record(log, "r1", closed(1, 0, 1))
    on = machine(tmp_path)
    with anyio.fail_after(20):
        await watch(log, "r1", Screen(on), after=after)
    assert isinstance(on.stderr, io.StringIO)
    assert len(on.stderr.getvalue().splitlines()) == 1


async def test_json_says_nothing_on_the_way(log: EventLog, tmp_path: Path) -> None:
    """What a program reads is the end."""
    await record(log, "r1", whole(log))
    on = machine(tmp_path)
    with anyio.fail_after(20):
        await watch(log, "r1", Screen(on, json=True))
    assert isinstance(on.stderr, io.StringIO)
    assert isinstance(on.stdout, io.StringIO)
    assert on.stderr.getvalue() + on.stdout.getvalue() == ""


async def test_a_terminal_gets_a_picture(log: EventLog, tmp_path: Path) -> None:
    """And the lines above it."""
    await record(log, "r1", whole(log))
    on = machine(tmp_path, {"TERM": "xterm-256color", "COLUMNS": "100"}, terminal=True)
    with anyio.fail_after(20):
        await watch(log, "r1", Screen(on))
    assert isinstance(on.stderr, io.StringIO)
    assert "\x1b[" in on.stderr.getvalue()
    assert "greet: solved after 2 attempts, reward 1" in on.stderr.getvalue()
