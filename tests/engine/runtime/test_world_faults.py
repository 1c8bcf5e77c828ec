"""Stories of a world that fails: disk, lock, sandbox, endpoint. Never a score, never half a fact, always resumable."""

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from typing_extensions import override

from engine.config.spec import RunSpec
from engine.core.history import load_histories
from engine.core.ports import EffectAddress, Permit, Port, Ports
from engine.runtime.context import RunContext
from engine.runtime.run import resume_run, start_run
from events.base import Event, Recorded
from events.codec import tag_of
from events.errors import LogFull, LogLocked
from events.integrity.verify import verify
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.store.sqlite.store import Settings, SqliteLog
from events.types.model import ModelAnswered, ModelFailed
from events.types.session import ScopeStopped
from events.types.trial import AttemptConcluded, TrialClosed
from replay.rerun import rerun
from sandbox.base import Sandbox, SandboxSpec
from sandbox.errors import SandboxUnavailable
from tests.events.samples import stranger
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend, PretendSandbox, pretended
from tests.support.runs import SCRIPT, make_base, spec

IMPATIENT = Settings(patience_s=0.1)


class Meanwhile(NamedTuple):
    """Ports behind which something happens, right before the first effect of a kind is carried out."""

    ports: Ports
    tag: str
    happens: Callable[[], Awaitable[None]]
    happened: list[str]

    def handler_for(self, asked: Event) -> Port:
        """Find the port, and let it happen on the way."""
        return partial(self._through, self.ports.handler_for(asked))

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Ask the ports."""
        return await self.ports.recover(history, place)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Ask the ports."""
        return self.ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Ask the ports."""
        return self.ports.admit_child(child)

    async def _through(self, port: Port, asked: Event, place: EffectAddress) -> Event:
        if tag_of(asked) == self.tag and not self.happened:
            self.happened.append(place.stream)
            await self.happens()
        return await port(asked, place)


def here(log: EventLog, base: Path, between: Callable[[Ports], Ports] | None = None) -> RunContext:
    """Make a setting with pretended sandboxes."""
    plain = pretended(log, base)
    return plain if between is None else plain._replace(between=between)


async def concluded(log: EventLog, run: str) -> list[tuple[str, float | None]]:
    """Say how each attempt of the trial ended, and with which reward."""
    trial = (await load_histories(log, run)).by_stream["trial/word"]
    found = [each.event.outcome for each in trial if isinstance(each.event, AttemptConcluded)]
    return [(outcome.kind, outcome.reward) for outcome in found]


async def test_a_disk_that_fills_up_in_a_run_stops_it_and_a_resume_ends_it(tmp_path: Path) -> None:
    """What was recorded is whole; with room again the run ends as if there had always been."""
    base = make_base(tmp_path)
    async with await SqliteLog.open(tmp_path / "log.db", clock=CountingClock()) as log:

        async def fill() -> None:
            ((pages,),) = await log._writer.connection.fetch("PRAGMA page_count")
            await log._writer.connection.fetch(f"PRAGMA max_page_count = {pages}")
            log.put(os.urandom(400_000))

        filling = partial(Meanwhile, tag="verify.asked", happens=fill, happened=[])
        with pytest.raises(LogFull):
            await start_run(here(log, base, filling), spec())
        (run,) = await log.runs()
        assert (await verify(log)).sound
        await log._writer.connection.fetch("PRAGMA max_page_count = 100000")
        assert (await resume_run(here(log, base), run)).outcomes == {"word": "solved"}
        assert await concluded(log, run) == [("failed", 0.0), ("solved", 1.0)]
        assert (await rerun(log, run)).complete


async def test_a_file_that_another_program_locks_stops_a_run_and_a_resume_ends_it(tmp_path: Path) -> None:
    """An answer that could not be recorded is asked for again; nothing else is."""
    base, path = make_base(tmp_path), tmp_path / "log.db"
    with stranger(path) as browser:
        async with await SqliteLog.open(path, clock=CountingClock(), settings=IMPATIENT) as log:

            async def lock() -> None:
                browser.execute("BEGIN EXCLUSIVE")

            locking = partial(Meanwhile, tag="model.asked", happens=lock, happened=[])
            with pytest.raises(LogLocked):
                await start_run(here(log, base, locking), spec())
            browser.execute("ROLLBACK")
            (run,) = await log.runs()
            assert (await resume_run(here(log, base), run)).outcomes == {"word": "solved"}
            assert (await verify(log)).sound
            assert (await rerun(log, run)).complete


class BreakingBackend(PretendBackend):
    """A backend whose first sandbox breaks at a command."""

    def __init__(self, *, command: int) -> None:
        super().__init__()
        self._left = command

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Make a sandbox that breaks, and after it whole ones."""
        sandbox = await super().open(spec)
        assert isinstance(sandbox, PretendSandbox)
        if self._left:
            sandbox.breaks_after, self._left = self._left, 0
        return sandbox


@pytest.mark.parametrize("command", [1, 2, 3])
async def test_a_sandbox_that_breaks_in_the_middle_gives_no_score(command: int, tmp_path: Path) -> None:
    """At the agent's command, and in either step of the verification: the attempt has no reward, and the next has."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    report = await start_run(here(log, base)._replace(backend=BreakingBackend(command=command)), spec())
    assert await concluded(log, report.run) == [("infrastructure", None), ("failed", 0.0), ("solved", 1.0)]
    assert (await rerun(log, report.run)).complete


class SilentBackend(PretendBackend):
    """A backend whose daemon does not answer."""

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Refuse."""
        raise SandboxUnavailable(spec.id, "the daemon does not answer", remedy="start it")


async def test_a_backend_that_is_gone_ends_the_trial_without_a_score(tmp_path: Path) -> None:
    """A person must not read it as a task that was too hard."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    report = await start_run(here(log, base)._replace(backend=SilentBackend()), spec())
    assert report.outcomes == {"word": "infrastructure"}
    trial = (await load_histories(log, report.run)).by_stream["trial/word"]
    assert trial[-1].event == TrialClosed("infrastructure", 2, None)


def failing(error: str, times: str) -> str:
    """Let the first answer of the first attempt fail."""
    return SCRIPT.replace('text = "I guess."', f'text = "I guess."\nerror = "{error}"\n{times}', 1)


def models(**changes: object) -> RunSpec:
    """Reach the model in another way."""
    return spec(models={"teacher": {"model": "teacher", "base_url": "script:script.toml", **changes}})


async def test_an_endpoint_that_hangs_is_given_up_and_gives_no_score(tmp_path: Path) -> None:
    """Silence is neither an answer nor a verdict."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, failing("hang", "times = 99"))
    report = await start_run(here(log, base), models(timeout_s=0.2, tries=1))
    streams = (await load_histories(log, report.run)).by_stream
    failures = [each.event for name in streams for each in streams[name] if isinstance(each.event, ModelFailed)]
    assert {failure.kind for failure in failures} == {"timeout"}
    assert report.outcomes == {"word": "infrastructure"}
    assert set(await concluded(log, report.run)) == {("infrastructure", None)}


@pytest.mark.parametrize("stream", [False, True])
async def test_half_an_answer_is_no_answer_and_the_whole_one_counts_once(
    stream: bool,  # noqa: FBT001 - a parameter of pytest
    tmp_path: Path,
) -> None:
    """A request that was served and broke off is sent again: one answer, and both tries on record."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, failing("half", "times = 1"))
    report = await start_run(here(log, base), models(stream=stream, tries=2))
    attempt = (await load_histories(log, report.run)).by_stream["attempt/word/1"]
    ended = [each.event for each in attempt if isinstance(each.event, ModelFailed | ModelAnswered)]
    assert [type(each) for each in ended[:2]] == [ModelFailed, ModelAnswered]
    assert isinstance(ended[0], ModelFailed)
    assert (ended[0].kind, ended[0].status) == ("malformed", 200)
    assert report.outcomes == {"word": "solved"}
    assert await concluded(log, report.run) == [("failed", 0.0), ("solved", 1.0)]


async def test_half_an_answer_without_another_try_gives_no_score(tmp_path: Path) -> None:
    """What came of it is thrown away whole."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, failing("half", "times = 1"))
    report = await start_run(here(log, base), models(tries=1))
    assert await concluded(log, report.run) == [("infrastructure", None), ("failed", 0.0), ("solved", 1.0)]
