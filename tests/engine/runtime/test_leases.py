"""Stories of two processes and one run: it never belongs to both."""

import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from subprocess import PIPE
from typing import NamedTuple

import anyio
import msgspec
import pytest
from anyio.abc import Process

from engine.core.history import load_histories
from engine.core.system import clock
from engine.runtime.run import resume_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.base import Draft, StreamId
from events.digest import digest_of
from events.errors import ExitCode, FenceLost, RunOwned
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.session import SessionEnded, SessionStarted
from replay.crash.child import Life
from replay.crash.totals import Account, account_of, repeated
from tests.engine.runtime.test_resume import interrupted
from tests.support.runs import SCRIPT, make_base, setting, spec

SLOW_SCRIPT = SCRIPT.replace('name = "word"', 'name = "word"\ndelay_s = 0.3', 1)
"""Slow enough that a second process meets the first at work."""


class SharedFolder(NamedTuple):
    """Where processes meet: one log, one endpoint."""

    folder: Path
    endpoint: ScriptedEndpoint

    @property
    def log(self) -> Path:
        """The file."""
        return self.folder / "log.db"

    async def process(self, name: str, at: int | None = None) -> Process:
        """Start a process that begins the run, or goes on with it, and perhaps dies at a moment."""
        models = {"teacher": {"model": "teacher", "base_url": self.endpoint.base_url}}
        asked = spec(models=models, tasks=str(self.folder / "tasks"))
        life = Life(asked, str(self.log), str(self.folder / "sandboxes"), "test", {}, at)
        file = self.folder / f"{name}.json"
        file.write_bytes(msgspec.json.encode(life))
        return await anyio.open_process(
            [sys.executable, "-m", "replay.crash.child", str(file)], stdout=PIPE, stderr=PIPE
        )

    async def account(self) -> Account:
        """Read what the run came to."""
        async with await SqliteLog.open(self.log, clock=clock) as log:
            (run,) = await log.runs()
            return await account_of(log, run)

    @property
    def received(self) -> Counter[str]:
        """Count what the endpoint was sent."""
        return Counter(str(digest_of(body)) for body in self.endpoint.requests)


async def said(process: Process) -> tuple[int, str]:
    """Wait for the end of a process; give its exit code and what it complained of."""
    assert process.stderr is not None
    text = b"".join([piece async for piece in process.stderr])
    return await process.wait(), text.decode()


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[SharedFolder]:
    """Make the task, and serve the script slowly."""
    base = make_base(folder, SLOW_SCRIPT)
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        yield SharedFolder(base, endpoint)


async def sessions(path: Path) -> list[tuple[str, int]]:
    """List the lives of the run, with the tokens they held, and how each ended."""
    async with await SqliteLog.open(path, clock=clock) as log:
        history = (await load_histories(log, (await log.runs())[0])).by_stream["session"]
    begun = [(each.event.life, each.event.token) for each in history if isinstance(each.event, SessionStarted)]
    assert isinstance(history[-1].event, SessionEnded)
    return [(life, token) for life, token in begun]


@pytest.mark.slow
async def test_a_run_at_work_is_refused_to_a_second_process_which_harms_nothing(tmp_path: Path) -> None:
    """The second is told who owns it, and the first does not notice."""
    async with place(tmp_path) as here:
        first = await here.process("first")
        async with await SqliteLog.open(here.log, clock=clock) as log:
            async for _ in log.follow(Selection(tags={"model.asked"})):
                break
        code, trouble = await said(await here.process("second"))
        assert code == ExitCode.USAGE
        assert "is owned by" in trouble
        assert await said(first) == (ExitCode.DONE, "")
        seen = await here.account()
        assert (seen.equal, seen.sound, repeated(here.received, seen.sent)) == (True, True, 0)
        assert await sessions(here.log) == [("live", 1)]


@pytest.mark.slow
async def test_of_two_processes_that_find_a_dead_owner_one_goes_on(tmp_path: Path) -> None:
    """Both see at the same time that its process is gone."""
    async with place(tmp_path) as here:
        code, _ = await said(await here.process("first", at=30))
        assert code == -SIGKILL
        both = [await here.process("second"), await here.process("third")]
        ends = [await said(each) for each in both]
        assert sorted(code for code, _ in ends) == [ExitCode.DONE, ExitCode.USAGE], ends
        seen = await here.account()
        assert (seen.equal, seen.sound, repeated(here.received, seen.sent)) == (True, True, 0)
        assert await sessions(here.log) == [("live", 1), ("resume", 2)]


@pytest.mark.slow
async def test_a_run_that_is_taken_over_goes_on_and_its_former_owner_stops(tmp_path: Path) -> None:
    """A person said so; what the other one still wants to record is refused."""
    async with place(tmp_path) as here:
        first = await here.process("first")
        async with await SqliteLog.open(here.log, clock=clock) as log:
            async for _ in log.follow(Selection(tags={"model.asked"})):
                break
            (run,) = await log.runs()
            report = await resume_run(await setting(log, here.folder), run, take_over=True)
        assert report.outcomes == {"word": "solved"}
        code, trouble = await said(first)
        assert code == FenceLost.exit_code
        assert "was taken over" in trouble
        seen = await here.account()
        assert (seen.equal, seen.sound, repeated(here.received, seen.sent)) == (True, True, 0)
        assert [token for _, token in await sessions(here.log)] == [1, 2]


@pytest.mark.slow
async def test_who_is_refused_a_run_is_told_since_when_it_is_held_and_what_may_be_done(tmp_path: Path) -> None:
    """A process on another machine cannot be seen from here: its lease, and when it took the run up, can."""
    log, base, run = await interrupted(tmp_path)
    theirs = await log.acquire(run, "elsewhere:7:1", ttl_s=60)
    version = (await log.streams(run))["session"]
    begun = Draft(SessionStarted("resume", theirs.token, "elsewhere:7:1", "test"), None)
    since = (await log.append(StreamId(run, "session"), [begun], expected_version=version, fence=theirs)).at
    with pytest.raises(RunOwned, match=r"elsewhere:7:1 since 1970-\S+ \S+ UTC, whose lease") as told:
        await resume_run(await setting(log, base), run)
    assert (told.value.since, told.value.owner) == (since, "elsewhere:7:1")
    assert f"`stillroom resume {run} --take-over`" in told.value.remedy
    report = await resume_run(await setting(log, base), run, take_over=True)
    assert report.outcomes == {"word": "solved"}
    with pytest.raises(FenceLost):
        await log.append(StreamId(run, "run"), [begun], expected_version=0, fence=theirs)
