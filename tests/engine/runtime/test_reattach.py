"""Stories of runs whose process was killed while their containers went on: real processes, containers and signals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from subprocess import run as run_program

import anyio
import pytest

from engine.core.history import load_histories
from engine.runtime.open_context import open_setting
from engine.runtime.run import resume_run
from events.base import Event
from events.store.base import EventLog
from events.types.attempt import AttemptAbandoned
from events.types.sandbox import ActionObserved
from events.types.session import SandboxNotReopened, SandboxRebuilt, SandboxReopened, SessionStarted
from replay.crash.child import Life
from replay.rerun import rerun
from sandbox.docker.backend import docker_backend
from sandbox.docker.shared_dir import workspace_name
from sandbox.errors import SandboxUnavailable
from tests.support.killed import Death, die, means_of
from tests.support.runs import SCRIPT, make_base, spec

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

COUNTING = """\
[[rule]]
name = "every attempt"
contains = ["Attempt: "]
[[rule.turn]]
command = "cat /proc/sys/kernel/random/uuid > id; echo x >> count; sleep 1000 & echo $! > pid"
[[rule.turn]]
command = "echo x >> count; cat count"
[[rule.turn]]
command = "echo x >> count; kill -0 $(cat pid) && cp words.txt answer.txt; cat count id"
[[rule.turn]]
text = "DONE"
"""
"""Each command adds a line; the last one also shows whether what the first left running still runs."""


def docker(*words: str) -> str:
    """Ask the engine through its own command."""
    return run_program(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[None]:
    """Without an engine the stories are not told; none of them leaves anything in it."""
    try:
        async with docker_backend(tmp_path / "sandboxes") as backend:
            yield
            assert await backend.sweep(lambda _: True) == (), "a story left a container behind"
    except SandboxUnavailable as error:
        pytest.skip(f"{error.problem} ({error.remedy})")


def life(folder: Path, **changes: object) -> Life:
    """One run of one task, whose model takes three turns."""
    learned, _, _ = SCRIPT.partition('[[rule]]\nname = "first attempt')
    base = make_base(folder, learned + COUNTING)
    teacher = {"model": "teacher", "base_url": f"script:{base / 'script.toml'}"}
    asked = spec(sandbox="docker", tasks=str(base / "tasks"), models={"teacher": teacher}, **changes)
    return Life(asked, str(folder / "log.db"), str(folder / "sandboxes"), "test", {}, None)


async def killed(what: Life, death: Death, folder: Path) -> int:
    """Let a process be killed, and say how many have been."""
    assert await anyio.to_thread.run_sync(die, what, death, folder / "life.json") == -SIGKILL
    async with open_setting(means_of(what), what.spec, warn=lambda _: None) as here:
        (run,) = await here.log.runs()
        return len(await told(here.log, run, SessionStarted))


def container(folder: Path) -> str:
    """Give the container that the dead process left."""
    return docker("ps", "-q", "--no-trunc", f"--filter=label=dev.stillroom={workspace_name(folder / 'sandboxes')}")


@asynccontextmanager
async def resumed(what: Life) -> AsyncIterator[tuple[EventLog, str]]:
    """Go on with the run in this process, to its end; rerun it; give the log."""
    async with open_setting(means_of(what), what.spec, warn=lambda _: None) as here:
        (run,) = await here.log.runs()
        assert (await resume_run(here, run)).outcomes == {"word": "solved"}
        assert (await rerun(here.log, run)).complete
        yield here.log, run


async def told(log: EventLog, run: str, kind: type[Event], stream: str = "session") -> list[Event]:
    """List the events of a kind."""
    return [each.event for each in (await load_histories(log, run)).by_stream[stream] if isinstance(each.event, kind)]


async def printed(log: EventLog, run: str, attempt: int) -> list[str]:
    """Give what each command of an attempt printed."""
    seen = await told(log, run, ActionObserved, f"attempt/word/{attempt}")
    return [(await log.get(each.stdout)).decode() for each in seen if isinstance(each, ActionObserved)]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("death", "actions"),
    [
        (Death("after", "append", "sandbox.opened", 1), 0),
        (Death("after", "append", "action.observed", 1), 1),
        (Death("after", "effect", "model.asked", 3), 2),
        (Death("before", "append", "verify.asked", 1), 3),
    ],
    ids=lambda value: value.tag if isinstance(value, Death) else str(value),
)
async def test_an_attempt_goes_on_in_its_container(death: Death, actions: int, tmp_path: Path) -> None:
    """Between two commands nothing is in doubt: the same container, nothing run twice, and what ran goes on."""
    what = life(tmp_path)
    await killed(what, death, tmp_path)
    name = container(tmp_path)
    made = docker("exec", name, "sh", "-c", "cat /app/id 2>/dev/null || true")
    async with resumed(what) as (log, run):
        assert await told(log, run, SandboxReopened) == [SandboxReopened("attempt/word/1", actions)]
        assert await told(log, run, SandboxNotReopened) == []
        *_, last = await printed(log, run, 1)
        assert last.startswith(f"x\nx\nx\n{made}")
    assert container(tmp_path) == ""


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("on_loss", ["abandon", "rebuild"])
async def test_a_command_in_flight_leaves_no_container_to_be_trusted(on_loss: str, tmp_path: Path) -> None:
    """It was done wholly here, and nobody can know: given up, or made again up to the command before."""
    what = life(tmp_path, on_loss=on_loss)
    death = Death("after", "effect", "action.asked", 2)
    await killed(what, death, tmp_path)
    assert docker("exec", container(tmp_path), "cat", "/app/count") == "x\nx"
    async with resumed(what) as (log, run):
        [why] = await told(log, run, SandboxNotReopened)
        assert isinstance(why, SandboxNotReopened)
        assert (why.stream, why.why) == ("attempt/word/1", "in_flight")
        assert [type(each) for each in await told(log, run, SandboxRebuilt)] == [SandboxRebuilt] * (
            on_loss == "rebuild"
        )
        lost = await told(log, run, AttemptAbandoned, "attempt/word/1")
        assert len(lost) == (on_loss == "abandon")
        *_, last = await printed(log, run, 1 + len(lost))
        assert last.startswith("x\nx\nx\n")


@pytest.mark.usefixtures("engine")
async def test_a_container_that_was_removed_meanwhile_is_not_made_up(tmp_path: Path) -> None:
    """The attempt is given up, and the log says why."""
    what = life(tmp_path, on_loss="abandon")
    death = Death("after", "append", "action.observed", 1)
    await killed(what, death, tmp_path)
    docker("rm", "-f", container(tmp_path))
    async with resumed(what) as (log, run):
        assert await told(log, run, SandboxNotReopened) == [
            SandboxNotReopened("attempt/word/1", "gone", "nothing of it is left")
        ]
        [lost] = await told(log, run, AttemptAbandoned, "attempt/word/1")
        assert isinstance(lost, AttemptAbandoned)
        assert "could not be gone on with: nothing of it is left" in lost.detail


@pytest.mark.usefixtures("engine")
async def test_a_run_that_is_killed_again_still_goes_on_where_it_was(tmp_path: Path) -> None:
    """The second process took the container up; the third takes it from the second."""
    what = life(tmp_path)
    for number in (1, 2):
        assert await killed(what, Death("after", "append", "action.observed", 1), tmp_path) == number
    name, made = container(tmp_path), docker("exec", container(tmp_path), "cat", "/app/id")
    assert name
    async with resumed(what) as (log, run):
        assert await told(log, run, SandboxReopened) == [
            SandboxReopened("attempt/word/1", 1),
            SandboxReopened("attempt/word/1", 2),
        ]
        *_, last = await printed(log, run, 1)
        assert last == f"x\nx\nx\n{made}\n"


@pytest.mark.usefixtures("engine")
async def test_half_of_a_sandbox_that_was_being_made_again_is_never_gone_on_with(tmp_path: Path) -> None:
    """It has the right name, and a past that is not on record: another one is made."""
    what = life(tmp_path, on_loss="rebuild")
    await killed(what, Death("after", "append", "action.observed", 2), tmp_path)
    docker("rm", "-f", container(tmp_path))
    await killed(what, Death("before", "append", "session.sandbox_rebuilt", 1), tmp_path)
    assert docker("exec", container(tmp_path), "cat", "/app/count") == "x\nx"
    async with resumed(what) as (log, run):
        why = [each.why for each in await told(log, run, SandboxNotReopened) if isinstance(each, SandboxNotReopened)]
        assert why == ["gone", "changed"]
        assert len(await told(log, run, SandboxRebuilt)) == 1
        *_, last = await printed(log, run, 1)
        assert last.startswith("x\nx\nx\n")
