"""Stories of what processes leave in an engine when they die, and of who takes it away."""

import sys
from functools import partial
from pathlib import Path
from signal import SIGKILL
from subprocess import PIPE, Popen

import pytest

from engine.core.system import process_ended
from sandbox.base import Leftover, SandboxSpec, beginning
from sandbox.docker.backend import DockerBackend, DockerSettings, docker_backend
from sandbox.docker.endpoint import EngineName
from sandbox.docker.gc import OWNER, left_behind, remove
from sandbox.docker.images import LABEL
from sandbox.harbor.task import load_task
from tests.sandbox.conftest import ON_BOTH, WriteTask
from tests.sandbox.docker.test_backend import docker, engine_of

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[3]

LIFE = """
import sys, anyio
from pathlib import Path
from engine.core.system import process_name
from sandbox.base import SandboxSpec
from sandbox.docker.backend import DockerBackend, DockerSettings, docker_backend
from sandbox.docker.endpoint import where_of
from sandbox.harbor.task import load_task

async def main():
    where = where_of(sys.argv[3], {})
    async with docker_backend(Path(sys.argv[1]), DockerSettings(where, owner=process_name())) as backend:
        await backend.open(SandboxSpec(id="run-a", task=load_task(Path(sys.argv[2]))))
        print(process_name(), flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def died_with_a_sandbox(workspace: Path, task: Path, engine: EngineName = "docker") -> str:
    """Let a process open a sandbox and be killed; give its name."""
    with Popen([sys.executable, "-c", LIFE, str(workspace), str(task), engine], cwd=ROOT, stdout=PIPE) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().decode().strip()
        process.send_signal(SIGKILL)
    return owner


@ON_BOTH
async def test_what_a_killed_process_left_is_taken_away_and_nothing_else(
    backend: DockerBackend, tmp_path: Path, write_task: WriteTask
) -> None:
    """A stranger's container, and that of a process that lives, go on; so does a network that is not ours."""
    task = write_task()
    ask = partial(docker, engine=engine_of(backend))
    stranger = ask("run", "-d", "--rm", "debian:bookworm-slim", "sleep", "1000")
    owner = died_with_a_sandbox(tmp_path / "dead", task, engine_of(backend))
    ask("network", "create", "--label", f"{LABEL}=w", "--label", f"{OWNER}={owner}", "left-by-a-test")
    volume = ask("volume", "create", "--label", f"{LABEL}=w", "--label", f"{OWNER}={owner}")
    try:
        neighbour = await backend.open(SandboxSpec(id="run-a", task=load_task(task)))
        found = [each for each in await left_behind(backend.engine, process_ended, images=False) if each.owner == owner]
        assert [each.kind for each in found] == ["container", "network", "volume"]
        assert found[1:] == [
            Leftover("network", found[1].id, "left-by-a-test", owner, "w"),
            Leftover("volume", volume, volume, owner, "w"),
        ]
        assert await remove(backend.engine, found) == []
        left = await left_behind(backend.engine, process_ended, images=False)
        assert [each for each in left if each.owner == owner] == []
        assert (await neighbour.exec("echo well")).stdout == b"well\n"
        await neighbour.close()
        assert ask("inspect", "-f", "{{.State.Running}}", stranger) == "true"
    finally:
        ask("kill", stranger)


@ON_BOTH
async def test_an_image_that_is_used_stays_and_one_that_is_not_goes_when_asked(
    backend: DockerBackend, write_task: WriteTask
) -> None:
    """They are a cache of all workspaces, so a name is kept unless somebody asks for the room."""
    task = load_task(
        write_task({"environment/Dockerfile": "FROM debian:bookworm-slim\nRUN echo of a test of its own > /mark\n"})
    )
    engine = backend.engine
    sandbox = await backend.open(SandboxSpec(id="uses-its-image", task=task))
    containers = await engine.api("GET", "containers/json", all="1")
    (image,) = [each["ImageID"] for each in containers if each["Labels"].get(f"{LABEL}.sandbox") == "uses-its-image"]
    assert image not in {each.id for each in await left_behind(engine, process_ended, images=True)}
    await sandbox.close()
    (mine,) = [each for each in await left_behind(engine, process_ended, images=True) if each.id == image]
    assert mine.name.removeprefix("docker.io/").startswith("stillroom/task:")
    assert await remove(engine, [mine]) == []
    assert await remove(engine, [mine]) == []  # it is gone, and that is fine
    assert await engine.image(mine.name) is None


async def test_a_sandbox_whose_container_was_taken_away_can_be_opened_again(
    tmp_path: Path, write_task: WriteTask
) -> None:
    """A janitor of another workspace takes containers away, and leaves folders it knows nothing of."""
    path = write_task()
    owner = died_with_a_sandbox(tmp_path / "ours", path)
    async with docker_backend(tmp_path / "theirs") as other:
        left = [each for each in await left_behind(other.engine, process_ended, images=False) if each.owner == owner]
        assert await remove(other.engine, left) == []
    async with docker_backend(tmp_path / "ours") as backend:
        sandbox = await backend.open(SandboxSpec(id="run-a", task=load_task(path)))
        assert (await sandbox.exec("echo well")).stdout == b"well\n"
        await sandbox.close()


async def test_a_backend_that_is_opened_takes_away_what_others_left(tmp_path: Path, write_task: WriteTask) -> None:
    """So that crashes do not add up on a machine; those of its own workspace it leaves to whoever resumes their run."""
    path = write_task()
    theirs, ours = (died_with_a_sandbox(tmp_path / name, path) for name in ("theirs", "ours"))
    async with docker_backend(tmp_path / "ours", DockerSettings(ended=process_ended, spared_s=0)) as backend:
        left = {each.owner for each in await left_behind(backend.engine, process_ended, images=False)}
        assert (theirs in left, ours in left) == (False, True)
        assert await backend.sweep(beginning("run-")) == ("run-a",)
