"""Progress is a fold of the log: what is said depends on what happened, not on when somebody looked."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import override

from events.base import Ref
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelFailed
from events.types.sandbox import SandboxFailed
from events.types.session import InFlightFound
from events.types.skill import SkillRefused
from events.types.trial import AttemptConcluded, AttemptPlanned
from events.values import Outcome, Usage
from projections.cost import Cost
from projections.trials.state import Trial
from projections.trials.view import Trials
from tests.cli.terminal import machine, ticking
from tests.views.drawing import drawn
from tests.views.histories import FAILED, PlacedEvent, asked, closed, opened, record, trial_closed, trial_opened, whole
from views.runs.progress import EVERY_ANSWERS, MANY, MOST_ROWS, Follower, Progress, watch
from views.runs.rows import RunsView, run_row
from views.runs.show import spending, tokens
from views.terminal.format import plural
from views.terminal.screen import Screen


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
        "2 of 2 trials done, 1 of 1 solved · 3 attempts · 3 turns · 360 tokens · $0.0030 · 0 failed calls"
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


class NotWalked(dict[str, Trial]):
    """Trials that may be looked up, and not walked through."""

    @override
    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all trials were walked through")

    values = items = keys = __iter__  # type: ignore[assignment]


async def test_an_event_and_a_picture_cost_the_same_however_many_trials_there_are(log: EventLog) -> None:
    """The picture was once made anew for each event, and each time of all trials."""
    names = [f"t{number}" for number in range(40)]
    opening = [*opened(log, "t"), *(trial_opened(name) for name in names)]
    calls = [told for name in names for told in asked(log, f"attempt/{name}/1")]
    await record(log, "r1", [*opening, *calls, *closed_trials(names[:20])])
    progress = Progress("r1")
    async for recorded in log.read(Selection(until=len(opening))):
        progress.see(recorded)
    assert progress.run is not None
    progress.run.trials = NotWalked(progress.run.trials)
    async for recorded in log.read(Selection(after=len(opening))):
        progress.see(recorded)
    assert progress.totals().startswith("20 of 40 trials done, 0 of 20 solved · 40 attempts · 40 turns")
    lines = drawn(progress.picture(), width=200).splitlines()
    assert [line.split()[0] for line in lines] == ["trial", *names[20 : 20 + MOST_ROWS], "and", "20"]
    assert lines[-2] == "and 8 more"


async def test_one_picture_is_drawn_of_all_that_came_since_the_last(log: EventLog) -> None:
    """However many events that is; and none where nothing came."""
    drawings: list[list[str]] = []
    over = anyio.Event()
    await record(log, "r1", whole(log)[:-1])
    over.set()
    await Follower(log, Progress("r1"), 0, over).follow(drawings.append)
    assert [len(lines) for lines in drawings] == [8]
    drawings.clear()
    await Follower(log, Progress("r1"), (await log.head()).position, over).follow(drawings.append)
    assert drawings == []


TOO_SLOW = ModelFailed(
    "timeout", None, "too slow", None, Usage(None, None, None, None), None, sent=True, retryable=True,
    retry_after_s=None, earlier=(),
)  # fmt: skip
KINDS = st.sampled_from(["opened", "planned", "asked", "answered", "unpriced", "failed", "concluded", "closed", "lost"])
STEPS = st.lists(st.tuples(st.sampled_from(["aye", "bee"]), KINDS), max_size=40)


async def test_of_calls_that_may_be_made_again_the_first_of_each_kind_is_said(log: EventLog) -> None:
    """Else a run would wait for an endpoint without a word; a line for each would be a storm of them."""
    await record(log, "r1", [*opened(log, "aye"), *[step(log, "aye", "failed")] * 3])
    progress = Progress("r1")
    lines = [line async for recorded in log.read(Selection(run="r1")) if (line := progress.see(recorded))]
    assert [line for line in lines if "model call" in line] == [
        "aye/1: a model call failed (timeout): too slow (more of this kind are only counted)"
    ]


@given(STEPS)
@example([("aye", "answered"), ("bee", "opened"), ("bee", "asked")])
async def test_totals_are_what_counting_anew_would_give(steps: list[tuple[str, str]]) -> None:
    """They are kept, event by event; `runs` and the summary count anew."""
    log = MemoryLog(clock=ticking())
    await record(log, "r1", [*opened(log, "aye", "bee"), *(step(log, name, kind) for name, kind in steps)])
    progress, seen = Progress("r1"), RunsView(Trials().initial(), Cost().initial(), owned={})
    async for recorded in log.read():
        progress.see(recorded)
        Trials().apply(seen.trials, recorded, {})
        Cost().apply(seen.cost, recorded, {})
    run = seen.trials.runs["r1"]
    row = run_row(seen, run)
    done = row.solved + row.unsolved + row.no_verdict
    said = progress.totals().split(" · ")
    scored = row.solved + row.unsolved
    score = f", {row.solved} of {scored} solved" if scored else ""
    assert said[0] == f"{done} of {plural(row.trials, 'trial')} done{score}"
    assert said[1] == plural(row.attempts, "attempt")
    assert said[3:6] == [tokens(row), spending(row), plural(row.failed_calls or 0, "failed call")]
    going = [each.name for each in run.trials.values() if each.state == "running"]
    assert all((name in drawn(progress.picture())) == (name in going) for name in run.trials)


def step(log: EventLog, name: str, kind: str) -> PlacedEvent:
    """Make something happen in a trial."""
    attempt, trial, text = f"attempt/{name}/1", f"trial/{name}", log.put(b"text")
    return {
        "opened": trial_opened(name),
        "planned": PlacedEvent(trial, AttemptPlanned(1, "none", None)),
        "asked": asked(log, attempt)[0],
        "answered": asked(log, attempt)[1],
        "unpriced": asked(log, attempt, cost=None)[1],
        "failed": PlacedEvent(attempt, TOO_SLOW),
        "concluded": PlacedEvent(trial, AttemptConcluded(1, FAILED, "FAIL", 0, 1, text, text)),
        "closed": trial_closed(name, "unsolved", 1, 0.0),
        "lost": PlacedEvent("session", InFlightFound((Ref(attempt, 1), Ref("attempt/bee/1", 1)))),
    }[kind]


def closed_trials(names: Sequence[str]) -> list[PlacedEvent]:
    """Trials end."""
    return [trial_closed(name, "unsolved", 1, 0.0) for name in names]


async def test_trials_that_have_not_begun_count_too(log: EventLog) -> None:
    """Of thirty trials of which four run at once, "4 of 12" told nobody how long it takes."""
    await record(log, "r1", [*opened(log, "aye"), trial_opened("aye")])
    progress = Progress("r1")
    progress.planned = 30
    async for recorded in log.read():
        progress.see(recorded)
    assert progress.totals().startswith("0 of 30 trials done · 0 attempts")


async def test_of_many_trials_totals_are_said_as_they_end(log: EventLog) -> None:
    """A line for each event of each trial was more than 600 of them; now one for each twentieth that is done."""
    names = [f"t{number}" for number in range(100)]
    story = [*opened(log, "t"), *(each for name in names for each in (trial_opened(name), *closed_trials([name])))]
    await record(log, "r1", story)
    progress = Progress("r1")
    progress.planned = 100
    lines = [line async for recorded in log.read() if (line := progress.see(recorded))]
    assert [line.partition(" trials")[0] for line in lines] == [f"{5 * part} of 100" for part in range(1, 21)]


async def test_few_trials_are_told_of_each(log: EventLog) -> None:
    """Up to a dozen; the first of more is silent."""
    for number, many in ((MANY, False), (MANY + 1, True)):
        progress = Progress("r1")
        progress.planned = number
        async for recorded in log.read():
            progress.see(recorded)
        assert progress.many is many


async def test_the_same_reason_is_told_once(log: EventLog) -> None:
    """A build that fails was printed whole for the sandbox, for the attempt, and again for the next attempt."""
    why = "build failed: no such package"
    broken = SandboxFailed("unavailable", why)
    story = [
        *opened(log, "aye"),
        trial_opened("aye"),
        *[
            told
            for number in (1, 2)
            for told in (
                PlacedEvent(f"attempt/aye/{number}", broken),
                PlacedEvent("trial/aye", concluded(log, number, f"unavailable: {why}")),
            )
        ],
    ]
    await record(log, "r1", story)
    progress = Progress("r1")
    lines = [line async for recorded in log.read() if (line := progress.see(recorded))]
    assert "\n".join(lines).count(why) == 1
    assert lines[1:] == [
        f"aye/1: no sandbox (unavailable): {why}",
        "aye: attempt 1 infrastructure (as above)",
        "aye/2: no sandbox (unavailable): as above",
        "aye: attempt 2 infrastructure (as above)",
    ]


def concluded(log: EventLog, number: int, reason: str) -> AttemptConcluded:
    """An attempt that the infrastructure ended."""
    text = log.put(b"text")
    return AttemptConcluded(number, Outcome("infrastructure", None, reason), "ERROR", 0, 0, text, text)


async def test_the_picture_says_what_each_trial_waits_for(log: EventLog) -> None:
    """A trial that has been verified for ten minutes looks like one that hangs, else."""
    await record(log, "r1", [*opened(log, "aye"), trial_opened("aye"), asked(log, "attempt/aye/1")[0]])
    progress = Progress("r1")
    async for recorded in log.read():
        progress.see(recorded)
    assert "waits for the model" in drawn(progress.picture(), width=120)


async def test_skills_that_are_refused_for_the_same_reason_are_told_once(log: EventLog) -> None:
    """A distiller that is out of reach refuses each of them with the same words."""
    names = [f"t{number}" for number in range(MANY + 1)]
    refused = [PlacedEvent(f"trial/{name}", SkillRefused(name, None, ("no answer",))) for name in names]
    await record(log, "r1", [*opened(log, *names), *(trial_opened(name) for name in names), *refused])
    progress = Progress("r1")
    progress.planned = len(names)
    lines = [line async for recorded in log.read() if (line := progress.see(recorded))]
    assert lines == ["t0: no skill: no answer"]
