"""Stories of a sandbox that is made again: the run goes on as if its process had never died."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from typing_extensions import override

from engine.config.spec import RunSpec, canonical, read_spec
from engine.core.history import load_histories
from engine.runtime.fork import Fork, fork_run
from engine.runtime.recovery import MOST_DEATHS
from engine.runtime.run import resume_run, start_run
from events.base import Draft, Event, StreamId
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.attempt import AttemptAbandoned
from events.types.model import ModelAsked, RetryDue
from events.types.sandbox import ActionAsked, ActionObserved, VerifyAsked
from events.types.session import SandboxNotReopened, SandboxRebuilt, SessionEnded, SessionStarted
from replay.crash.digests import trial_digests
from replay.rerun import rerun
from sandbox.base import ExecResult, Sandbox, SandboxSpec
from tests.engine.runtime.test_resume import answered, cut, place_of
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend, PretendSandbox, pretended
from tests.support.runs import SCRIPT, make_base, spec

REBUILD = {"on_loss": "rebuild"}


async def rebuilt(log: EventLog, run: str) -> list[SandboxRebuilt]:
    """List what was made again."""
    session = (await load_histories(log, run)).by_stream["session"]
    return [each.event for each in session if isinstance(each.event, SandboxRebuilt)]


async def abandoned(log: EventLog, run: str) -> list[str]:
    """Say of each attempt that was abandoned why."""
    streams = (await load_histories(log, run)).by_stream.values()
    return [each.event.detail for history in streams for each in history if isinstance(each.event, AttemptAbandoned)]


@pytest.mark.slow
async def test_a_run_cut_off_after_any_event_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """The whole matrix: no attempt is lost, no answer repeated, every trial has the digest of the undisturbed run."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    whole = await start_run(pretended(log, base), spec(**REBUILD))
    digests = await trial_digests(log, whole.run)
    made_again = 0
    for position in range(4, (await log.head()).position - 1):
        rest = await cut(log, position)
        assert (await resume_run(pretended(rest, base), whole.run)).outcomes == {"word": "solved"}
        assert await trial_digests(rest, whole.run) == digests, position
        assert await abandoned(rest, whole.run) == []
        assert set((await answered(rest, whole.run)).values()) == {1}, position
        assert (await rerun(rest, whole.run)).complete
        made_again += len(await rebuilt(rest, whole.run))
    assert made_again > 10


class Changed(PretendSandbox):
    """A sandbox of a world that has changed meanwhile."""

    def __init__(self, spec: SandboxSpec, open_ids: set[str], *, exit_code: int) -> None:
        super().__init__(spec, open_ids)
        self._exit_code = exit_code

    @override
    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        timeout_s: float | None = None,
        max_output_bytes: int = 0,
    ) -> ExecResult:
        """Print something else, and perhaps end otherwise."""
        result = await super().exec(command, cwd=cwd)
        if not command.startswith("echo nope"):
            return result
        return replace(result, exit_code=self._exit_code, stdout=b"another time\n", stdout_bytes=13)


class ChangedBackend(PretendBackend):
    """Makes them."""

    def __init__(self, *, exit_code: int) -> None:
        super().__init__()
        self._exit_code = exit_code

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Make one."""
        self.open_ids.add(spec.id)
        return Changed(spec, self.open_ids, exit_code=self._exit_code)


async def after_the_first_command(base: Path, asked: RunSpec) -> tuple[MemoryLog, str]:
    """Give a run whose process died when its first command had been answered."""
    log = MemoryLog(clock=CountingClock())
    whole = await start_run(pretended(log, base), asked)
    return await cut(log, await place_of(log, ActionObserved)), whole.run


async def test_a_command_that_ends_otherwise_makes_no_past_that_was_not(tmp_path: Path) -> None:
    """What follows would rest on another sandbox: the attempt is abandoned, and the log says at which command."""
    base = make_base(tmp_path)
    log, run = await after_the_first_command(base, spec(**REBUILD))
    report = await resume_run(pretended(log, base, ChangedBackend(exit_code=7)), run)
    (why,) = await abandoned(log, run)
    assert "command 1 of 1, run again, ended with exit code 7, and not with exit code 0" in why
    assert await rebuilt(log, run) == []
    assert report.outcomes == {"word": "solved"}
    assert (await rerun(log, run)).complete


async def test_a_call_that_was_asked_twice_is_no_reason_to_give_an_attempt_up(tmp_path: Path) -> None:
    """The wait between the two left nothing in the sandbox; what an attempt may wait for does not either."""
    script = SCRIPT.replace('text = "DONE"', 'error = "server"\ntimes = 1\ntext = "DONE"', 1)
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, script)
    teacher = {"model": "teacher", "base_url": "script:script.toml", "retry_wait_initial_s": 0.01}
    whole = await start_run(pretended(log, base), spec(models={"teacher": teacher}, **REBUILD))
    rest = await cut(log, await place_of(log, RetryDue))
    assert (await resume_run(pretended(rest, base), whole.run)).outcomes == {"word": "solved"}
    assert [each.stream for each in await rebuilt(rest, whole.run)] == ["attempt/word/1"]
    assert await abandoned(rest, whole.run) == []


async def died_again(log: MemoryLog, run: str, *of_each: Event) -> None:
    """Have two more processes take the run up, note this, and die."""
    version = len((await load_histories(log, run)).by_stream["session"])
    notes = [SessionStarted("resume", 7, "p", "test"), *of_each] * (MOST_DEATHS - 1)
    await log.append(StreamId(run, "session"), [Draft(each, None) for each in notes], expected_version=version)


NOT_REOPENED = SandboxNotReopened("attempt/word/1", "in_flight", "it died")
AGAIN = SandboxRebuilt("attempt/word/1", 0, ())


@pytest.mark.parametrize(
    ("at", "of_each", "given_up"),
    [
        (ActionAsked, (NOT_REOPENED, AGAIN), True),
        (ActionAsked, (NOT_REOPENED, AGAIN, SessionEnded("interrupted")), False),
        (ActionAsked, (SandboxNotReopened("attempt/other/1", "in_flight", "it died"),), False),
        (ModelAsked, (NOT_REOPENED, AGAIN), False),
        (ModelAsked, (NOT_REOPENED,), True),
    ],
    ids=["at a command", "stopped by a person", "of another attempt", "at a model call", "while it was made again"],
)
async def test_what_takes_process_after_process_with_it_is_not_done_once_more(
    at: type[Event], of_each: tuple[Event, ...], *, given_up: bool, tmp_path: Path
) -> None:
    """A command that ends the machine would end it at each resume, and the run with it; another attempt may not."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    whole = await start_run(pretended(log, base), spec(**REBUILD))
    inside = [each async for each in log.read() if each.stream.name == "attempt/word/1"]
    place = [each.position for each in inside if isinstance(each.event, at)][-1]
    rest = await cut(log, place)
    await died_again(rest, whole.run, *of_each)
    report = await resume_run(pretended(rest, base), whole.run)
    assert report.outcomes == {"word": "solved"}
    why = await abandoned(rest, whole.run)
    assert [f"{MOST_DEATHS} processes ended" in each for each in why] == [True] * given_up
    assert (await rerun(rest, whole.run)).complete


async def test_one_death_less_is_rebuilt(tmp_path: Path) -> None:
    """The machine may have been taken away twice, and for another reason."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    whole = await start_run(pretended(log, base), spec(**REBUILD))
    rest = await cut(log, await place_of(log, VerifyAsked))
    version = len((await load_histories(rest, whole.run)).by_stream["session"])
    notes = [SessionStarted("resume", 7, "p", "test"), NOT_REOPENED, AGAIN] * (MOST_DEATHS - 2)
    await rest.append(StreamId(whole.run, "session"), [Draft(each, None) for each in notes], expected_version=version)
    await resume_run(pretended(rest, base), whole.run)
    assert await abandoned(rest, whole.run) == []


async def test_output_that_differs_is_kept_beside_and_the_agent_goes_on_from_what_it_saw(tmp_path: Path) -> None:
    """A date in an output is no other past; a person can see that it was another one."""
    base = make_base(tmp_path)
    log, run = await after_the_first_command(base, spec(**REBUILD))
    await resume_run(pretended(log, base, ChangedBackend(exit_code=0)), run)
    (again,) = await rebuilt(log, run)
    assert (again.stream, again.actions, len(again.differing)) == ("attempt/word/1", 1, 1)
    asked = again.differing[0].asked
    history = (await load_histories(log, run)).by_stream[asked.stream]
    assert isinstance(history[asked.version - 1].event, ActionAsked)
    assert await log.get(again.differing[0].stdout) == b"another time\n"
    assert await abandoned(log, run) == []
    assert (await rerun(log, run)).complete


async def test_a_fork_within_an_attempt_goes_on_in_a_sandbox_of_its_own(tmp_path: Path) -> None:
    """The commands of the shared part are run again for the fork; the parent is not touched."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    whole = await start_run(pretended(log, base), spec(**REBUILD))
    before = await trial_digests(log, whole.run)
    position = await place_of(log, VerifyAsked)
    report = await fork_run(pretended(log, base), Fork(whole.run, position, spec(**REBUILD), ()))
    assert [each.stream for each in await rebuilt(log, report.run)] == ["attempt/word/1"]
    assert await abandoned(log, report.run) == []
    assert report.outcomes == {"word": "solved"}
    assert (await rerun(log, report.run)).complete
    assert await trial_digests(log, whole.run) == before


def test_a_run_keeps_what_its_version_did_of_its_own_accord() -> None:
    """Runs are rebuilt unless they say otherwise; one that recorded what it does goes on so, as do older ones."""
    assert spec().on_loss == "rebuild"
    recorded = msgspec.json.decode(canonical(spec(on_loss="abandon")))
    assert read_spec(msgspec.json.encode(recorded)).on_loss == "abandon"
    del recorded["on_loss"]
    assert read_spec(msgspec.json.encode(recorded)).on_loss == "abandon"
