"""Whatever has an id can be looked at; all of it is in the log, and as much as helps is shown."""

import io
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.base import StreamId
from events.digest import Digest, Fingerprint
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.attempt import AttemptAbandoned
from events.types.condition import AgentKey, Condition, MethodKey
from events.types.model import RetryAsked
from events.types.sandbox import (
    ActionAsked,
    ActionObserved,
    SandboxFailed,
    SandboxOpened,
    VerifierRewarded,
    VerifierSilent,
)
from events.types.trial import TrialOpened
from tests.cli.terminal import machine
from tests.support.outcomes import failed
from tests.views.drawing import drawn
from tests.views.histories import PlacedEvent, opened, record, trial_opened, whole
from views.log.contents import brief, event_row, stats
from views.runs.show import head, render_steps, steps, tell, text_of
from views.terminal.errors import IdUnknown
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen

STREAM = "attempt/greet/1"


def desk(log: SqliteLog, folder: Path, *, json: bool = False) -> OpenedLog:
    """Sit down before a log."""
    on = machine(folder)
    return OpenedLog(log, folder / "log.db", Screen(on, json=json), on)


def out(at: OpenedLog) -> str:
    """Read what was shown."""
    assert isinstance(at.machine.stdout, io.StringIO)
    return at.machine.stdout.getvalue()


async def test_a_run_shows_its_trials_and_says_that_a_script_spoke(log: SqliteLog, tmp_path: Path) -> None:
    """Nobody should take a demo for a result."""
    await record(log, "r1", whole(log))
    at = desk(log, tmp_path)
    await tell(at, "r1", full=False)
    assert "a script in place of a model" in out(at)
    assert "no verdict" in out(at)


async def test_an_attempt_is_told_step_by_step(log: SqliteLog, tmp_path: Path) -> None:
    """What the model said, what was run, what came of it, what the verifier said."""
    blob = log.put(b"echo hello\n")
    story = [
        *opened(log, "greet"),
        trial_opened("greet"),
        PlacedEvent(STREAM, SandboxOpened("namespaces")),
        PlacedEvent(STREAM, ActionAsked(blob, None)),
        PlacedEvent(STREAM, ActionObserved(0, "exited", log.put(b"hello\n" * 40), log.put(b""))),
        PlacedEvent(STREAM, ActionObserved(None, "timed_out", blob, blob)),
        PlacedEvent(STREAM, failed("timeout", detail="no answer in 600 s", cost=2_000_000, retryable=True)),
        PlacedEvent(STREAM, RetryAsked(1, 2.5)),
        PlacedEvent(STREAM, VerifierRewarded({"reward": 1.0}, 1.0, 0, blob, blob, ())),
        PlacedEvent(STREAM, VerifierSilent("missing", "no reward file", 1, blob, blob, ())),
        PlacedEvent(STREAM, SandboxFailed("lost", "it died")),
        PlacedEvent(STREAM, AttemptAbandoned("sandbox_lost", "it died")),
    ]
    await record(log, "r1", story)
    history = [each async for each in log.read(Selection(stream=StreamId("r1", STREAM)))]
    rows = await steps(log, history)
    assert [row.what for row in rows] == [
        "sandbox", "run", "output", "output", "trouble", "again", "verifier", "verifier", "trouble", "abandoned",
    ]  # fmt: skip
    short, full = drawn(render_steps(rows, full=False)), drawn(render_steps(rows, full=True))
    assert "28 more lines" in short
    assert full.count("hello") > short.count("hello")
    assert "timed_out" in short
    assert "no answer in 600 s (" in short
    assert "1 call failed, retried after 2.5 s" in short
    assert "no verdict (missing)" in short


async def test_an_event_is_shown_with_the_texts_it_names(log: SqliteLog, tmp_path: Path) -> None:
    """An auditor sees the payload byte for byte, and reads what it points to."""
    await record(log, "r1", [*opened(log, "greet"), PlacedEvent(STREAM, ActionAsked(log.put(b"echo hello"), 5.0))])
    at = desk(log, tmp_path)
    await tell(at, "3", full=False)
    assert '"tag": "action.asked"' in out(at)
    assert "echo hello" in out(at)
    assert f"{STREAM}@1 of run r1" in out(at)


async def test_a_position_past_the_end_is_refused(log: SqliteLog, tmp_path: Path) -> None:
    """With how far the log reaches."""
    await record(log, "r1", opened(log, "greet"))
    with pytest.raises(IdUnknown) as refused:
        await tell(desk(log, tmp_path), "99", full=False)
    assert "1 to 2" in refused.value.remedy


async def test_a_text_that_is_gone_says_so_in_its_place(log: SqliteLog) -> None:
    """One erased blob does not hide the rest of an attempt."""
    assert "no blob" in await text_of(log, Digest("0" * 64))
    assert await text_of(log, log.put(b"\xff\xfe")) == "\ufffd\ufffd"


def test_the_first_lines_say_how_many_follow() -> None:
    """Store all, show little, and say so."""
    assert head("a\nb\nc", full=False, lines=2) == ["a", "b", "… 1 more lines (--full shows them)"]
    assert head("a\nb\nc", full=True, lines=2) == ["a", "b", "c"]


async def test_a_brief_event_fits_a_line(log: SqliteLog) -> None:
    """Digests are shortened, long texts are cut."""
    await record(log, "r1", [PlacedEvent(STREAM, SandboxFailed("lost", "x\n" * 200))])
    (recorded,) = [each async for each in log.read()]
    text = brief(event_row(recorded).event)
    assert len(text) == 96
    assert "\n" not in text


async def test_a_log_is_counted_without_being_decoded(log: SqliteLog) -> None:
    """Events by tag, and the streams and runs they are in."""
    await record(log, "r1", whole(log))
    found = await stats(log, "log.db", 4096)
    assert (found.runs, found.events) == (1, (await log.head()).position)
    assert sum(tag.events for tag in found.tags) == found.events


async def test_a_trial_tells_its_condition_and_what_sets_it_apart(log: SqliteLog, tmp_path: Path) -> None:
    """Label and digest; the parts in which it is not that of the first trial; an erased one says nothing more."""
    plain = condition(log)
    noted = replace(plain, note=log.put(b"mind the gap"))
    story = [
        *opened(log, "a", "b", "c"),
        *(
            PlacedEvent(f"trial/{name}", TrialOpened(name, label, 5, log.put(each.canonical)))
            for name, label, each in (("a", "plain", plain), ("b", "noted", noted), ("c", "plain", plain))
        ),
    ]
    await record(log, "r1", story)
    at = desk(log, tmp_path)
    await tell(at, "r1:b", full=False)
    told = " ".join(out(at).split())
    assert f"condition noted, {noted.digest[:12]}, differs from the first trial's in: note" in told
    on = desk(log, tmp_path, json=True)
    await tell(on, "r1", full=False)
    run, *trials = map(json.loads, out(on).splitlines())
    assert run["conditions"] == {plain.digest: "plain", noted.digest: "noted"}
    assert [(each["condition"], each["condition_digest"], each["differs"]) for each in trials] == [
        ("plain", plain.digest, []),
        ("noted", noted.digest, ["note"]),
        ("plain", plain.digest, []),
    ]
    await log.erase(plain.digest, "asked for")
    lost = desk(log, tmp_path, json=True)
    await tell(lost, "r1:b", full=False)
    assert json.loads(out(lost).splitlines()[0])["differs"] is None


def condition(log: SqliteLog) -> Condition:
    """Make a condition."""
    settings = log.put(b"{}")
    return Condition(
        agent=AgentKey("shell", "stillroom@1", settings),
        models=(),
        method=MethodKey("spark", settings),
        prompts=Fingerprint(settings),
        skills=None,
        note=None,
        feedback="rich",
    )
