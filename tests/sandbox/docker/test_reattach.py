"""Stories of containers that outlive the process that opened them, and of who may go on with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from sandbox.base import Sandbox, SandboxGone, SandboxSpec, beginning
from sandbox.docker.backend import DockerBackend, DockerSettings, docker_backend
from sandbox.docker.endpoint import EngineName, where_of
from sandbox.docker.gc import left_behind
from sandbox.docker.sandbox import DockerSandbox
from sandbox.docker.shared_dir import workspace_name
from sandbox.errors import SandboxUnavailable
from sandbox.harbor.task import load_task
from tests.sandbox.conftest import WriteTask
from tests.sandbox.docker.test_backend import docker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

PAGE = """\
services:
  main:
    depends_on: [page]
  page:
    image: debian:bookworm-slim
    command: ["sh", "-c", "sleep 1000"]
"""


class Bench:
    """One workspace with an engine, in which one process dies and another goes on."""

    def __init__(self, folder: Path, engine: EngineName) -> None:
        self.folder = folder
        self.engine: EngineName = engine

    def process(self, *, dead: bool) -> DockerSettings:
        """One of the two; stories that are told at the same time know nothing of them."""
        gone = f"the dead one in {self.folder}"
        owner = gone if dead else f"the living one in {self.folder}"
        return DockerSettings(where_of(self.engine, {}), owner=owner, ended=lambda each: each == gone)

    @asynccontextmanager
    async def left(self, spec: SandboxSpec, *, dead: bool = True) -> AsyncIterator[Sandbox]:
        """A sandbox whose process goes without a word at the end of this: nothing is closed in good order."""
        async with docker_backend(self.folder, self.process(dead=dead)) as backend:
            sandbox = await backend.open(spec)
            assert isinstance(sandbox, DockerSandbox)
            yield sandbox
            sandbox.let_be()

    @asynccontextmanager
    async def next_process(self) -> AsyncIterator[DockerBackend]:
        """Another process, in the same workspace; what it leaves is taken away."""
        async with docker_backend(self.folder, self.process(dead=False)) as backend:
            try:
                yield backend
            finally:
                await backend.sweep(beginning(""))

    def ask(self, *words: str) -> str:
        """Ask the engine through its own command."""
        return docker(*words, engine=self.engine)

    def list(self, *words: str) -> str:
        """Ask it for what belongs to the workspace."""
        return self.ask(*words, f"--filter=label=dev.stillroom={workspace_name(self.folder)}")

    @property
    def container(self) -> str:
        """Id of the only container of the workspace; empty if there is none."""
        return self.list("ps", "-aq", "--no-trunc")


@pytest.fixture(params=["docker", "podman"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """Each engine in turn; without it the story is not told."""
    found = Bench(tmp_path / "w", request.param)
    try:
        async with docker_backend(found.folder, DockerSettings(where_of(found.engine, {}))):
            return found
    except SandboxUnavailable as error:
        pytest.skip(f"{error.problem} ({error.remedy})")


@pytest.fixture
def wanted(write_task: WriteTask) -> SandboxSpec:
    """A sandbox that is opened in session 3."""
    return SandboxSpec(id="run-a", task=load_task(write_task()), session=3)


async def test_a_container_is_gone_on_with_as_it_stands(bench: Bench, wanted: SandboxSpec) -> None:
    """Files, users' rights and exit codes: the next command finds what the one before it left."""
    async with bench.left(wanted) as sandbox:
        await sandbox.exec("echo one > made; id -un > by", user="nobody", cwd="/tmp")
    before = bench.container
    async with bench.next_process() as backend:
        again = await backend.reopen(replace(wanted, session=4), opened_in=3)
        assert not isinstance(again, SandboxGone), again
        assert (again.id, again.workdir) == ("run-a", "/app")
        assert (await again.exec("cat made by; echo two >> made", cwd="/tmp", user="nobody")).stdout == b"one\nnobody\n"
        assert (await again.exec("cat made; exit 7", cwd="/tmp")).stdout == b"one\ntwo\n"
        assert (await again.exec("sleep 100", timeout_s=0.1)).ended == "timed_out"
        assert bench.container == before
        await again.halt()
        assert (await again.exec("cat made", cwd="/tmp")).stdout == b"one\ntwo\n"
        await again.close()
        assert bench.container == ""
        assert bench.list("volume", "ls", "-q") == ""
        assert list(bench.folder.iterdir()) == []


async def test_what_a_command_left_running_goes_on_though_nobody_read_its_output(
    bench: Bench, wanted: SandboxSpec
) -> None:
    """A server is part of where the attempt stands; it must not end because we did, with its first line of log."""
    beat = "i=0; while :; do i=$((i+1)); echo line $i; echo $i > beat; sleep 0.05; done"
    async with bench.left(wanted) as sandbox:
        await sandbox.exec(f"({beat}) & echo $! > pid")
        pid = (await sandbox.exec("cat pid")).stdout
    async with bench.next_process() as backend:
        again = await backend.reopen(wanted, opened_in=3)
        assert not isinstance(again, SandboxGone), again
        said = await again.exec(
            f'a=$(cat beat); while [ "$(cat beat)" = "$a" ]; do sleep 0.02; done; kill -0 {pid.decode()}'
        )
        assert (said.exit_code, said.stdout, said.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [("rm -f {}", "gone"), ("kill {}", "ended"), ("restart -t 0 {}", "changed"), ("pause {}", "ended")],
)
async def test_a_container_that_somebody_touched_is_not_gone_on_with(
    meanwhile: str, why: str, bench: Bench, wanted: SandboxSpec
) -> None:
    """What it holds is no longer what the log says; the workspace can be swept as ever."""
    async with bench.left(wanted) as sandbox:
        await sandbox.exec("true")
    bench.ask(*meanwhile.format(bench.container).split())
    async with bench.next_process() as backend:
        gone = await backend.reopen(wanted, opened_in=3)
        assert isinstance(gone, SandboxGone)
        assert gone.why == why


async def test_one_that_another_session_made_is_another_one(bench: Bench, wanted: SandboxSpec) -> None:
    """A process that died while it ran commands again left a sandbox of the same name, and half of its past."""
    async with bench.left(wanted):
        pass
    async with bench.next_process() as backend:
        gone = await backend.reopen(wanted, opened_in=2)
        assert isinstance(gone, SandboxGone)
        assert gone.why == "changed"


async def test_one_whose_process_lives_is_left_to_it(bench: Bench, wanted: SandboxSpec) -> None:
    """Two processes must not act in one sandbox, whatever became of the lease."""
    async with (
        bench.left(wanted, dead=False),
        docker_backend(bench.folder, bench.process(dead=False)) as backend,
    ):
        gone = await backend.reopen(wanted, opened_in=3)
        assert isinstance(gone, SandboxGone)
        assert gone.why == "held"
        await backend.sweep(beginning(""))


async def test_what_stands_beside_it_is_looked_at_too(bench: Bench, write_task: WriteTask) -> None:
    """A service that is another one now knows nothing of what was told to the first."""
    task = load_task(write_task({"environment/docker-compose.yaml": PAGE}))
    wanted = SandboxSpec(id="run-a", task=task, session=3)
    async with bench.left(wanted):
        pass
    async with bench.next_process() as backend:
        again = await backend.reopen(wanted, opened_in=3)
        assert not isinstance(again, SandboxGone), again
        assert (await again.exec("getent hosts page")).exit_code == 0
        await again.close()
        assert bench.list("network", "ls", "-q") == ""
    async with bench.left(wanted):
        name = bench.list("ps", "-q", "--filter=name=-page$")
        bench.ask("restart", "-t", "0", name)
    async with bench.next_process() as backend:
        gone = await backend.reopen(wanted, opened_in=3)
        assert gone == SandboxGone("changed", "page was started again")


async def test_one_that_was_taken_up_is_not_taken_for_left_behind(bench: Bench, wanted: SandboxSpec) -> None:
    """Its label names a process that has ended, for labels cannot change; a janitor must see the other."""
    async with bench.left(wanted):
        pass
    ended = bench.process(dead=True).ended
    assert ended is not None
    async with bench.next_process() as backend:

        async def taken(spared_s: float = 0) -> list[str]:
            left = await left_behind(backend.engine, ended, images=False, spared_s=spared_s)
            return [each.id for each in left if each.workspace == workspace_name(bench.folder)]

        assert await taken() == [bench.container]
        assert await taken(spared_s=600) == []
        again = await backend.reopen(replace(wanted, session=4), opened_in=3)
        assert not isinstance(again, SandboxGone), again
        assert await taken() == []
        await again.close()
