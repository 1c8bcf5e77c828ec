"""Task folders and local backends for the stories about sandboxes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest

from sandbox.base import Sandbox, SandboxSpec, beginning
from sandbox.docker.backend import DockerBackend, DockerSettings, docker_backend
from sandbox.docker.endpoint import where_of
from sandbox.errors import SandboxUnavailable
from sandbox.harbor.task import Task, load_task
from sandbox.local.backend import LocalBackend, local_backend

Way = Literal["best", "plain"]
WriteTask = Callable[..., Path]
OpenTask = Callable[[Task], Awaitable[Sandbox]]

ON_BOTH = pytest.mark.parametrize("backend", ["docker", "podman"], indirect=True)
"""For stories about what the two engines do differently."""

MINIMAL: Mapping[str, str] = {
    "task.toml": "",
    "instruction.md": "Write the number 42 into /app/answer.txt.\n",
    "environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\n",
    "tests/test.sh": (
        '#!/bin/bash\nif [ "$(cat /app/answer.txt)" = 42 ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n'
    ),
    "solution/solve.sh": "#!/bin/bash\necho 42 > /app/answer.txt\n",
}


@pytest.fixture
def write_task(tmp_path: Path) -> WriteTask:
    """Writes a task folder: the minimal one, with these files instead or besides; None leaves one out."""

    def write(files: Mapping[str, str | bytes | None] | None = None, name: str = "answer") -> Path:
        folder = tmp_path / "tasks" / name
        for path, content in {**MINIMAL, **(files or {})}.items():
            if content is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture
def task(write_task: WriteTask) -> Task:
    """The minimal task."""
    return load_task(write_task())


async def backend_for(workspace: Path, way: Way) -> LocalBackend:
    """The local backend; the test is skipped where bubblewrap is wanted and does not work."""
    backend = await local_backend(workspace, way=way)
    isolation = backend.describe()
    if way == "best" and isolation.level == "none":
        pytest.skip(isolation.reason)
    return backend


@pytest.fixture(params=["best", "plain"])
async def local(request: pytest.FixtureRequest, tmp_path: Path) -> LocalBackend:
    """Each way in turn: bubblewrap, and nothing."""
    return await backend_for(tmp_path / "workspace", request.param)


@pytest.fixture
async def confined(tmp_path: Path) -> LocalBackend:
    """Bubblewrap."""
    return await backend_for(tmp_path / "workspace", "best")


@pytest.fixture
async def plain(tmp_path: Path) -> LocalBackend:
    """Nothing isolates."""
    return await backend_for(tmp_path / "workspace", "plain")


@pytest.fixture
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DockerBackend]:
    """A container engine, Docker's unless the story is told `ON_BOTH`; without it the story is not told."""
    where = where_of(getattr(request, "param", "docker"), {})
    try:
        async with docker_backend(tmp_path / "workspace", DockerSettings(where)) as opened:
            yield opened
            assert await opened.sweep(beginning("")) == (), "a story left a container behind"
    except SandboxUnavailable as error:
        pytest.skip(f"{error.problem} ({error.remedy})")


@pytest.fixture
async def open_task(local: LocalBackend) -> AsyncIterator[OpenTask]:
    """Opens sandboxes and closes them when the story is over."""
    async with AsyncExitStack() as stack:

        async def open_one(task: Task) -> Sandbox:
            sandbox = await local.open(SandboxSpec(id="attempt/answer/1", task=task))
            stack.push_async_callback(sandbox.close)
            return sandbox

        yield open_one
