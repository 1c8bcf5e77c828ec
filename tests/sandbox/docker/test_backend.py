"""Stories of containers, on a real engine: what they keep, what a crash leaves, and whose things are touched."""

from functools import partial
from pathlib import Path
from subprocess import run

import anyio
import pytest

from sandbox.base import SandboxSpec, beginning
from sandbox.conformance.suite import CHECKS, ConformanceCheck, run_check
from sandbox.docker.backend import DockerBackend, docker_backend
from sandbox.docker.endpoint import EngineName
from sandbox.docker.shared_dir import workspace_name
from sandbox.errors import PathRefused, SandboxLost, SandboxUnavailable
from sandbox.harbor.schema import NetworkMode
from sandbox.harbor.task import load_task
from sandbox.verification.verifier import Rewarded, verify
from tests.sandbox.conftest import ON_BOTH, WriteTask

MODES: tuple[NetworkMode, ...] = ("public", "public", "no-network")
pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]


def docker(*words: str, engine: EngineName = "docker") -> str:
    """Ask an engine through its own command."""
    return run([engine, *words], check=True, capture_output=True, text=True).stdout.strip()


@ON_BOTH
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.number:02}-{check.name}".replace(" ", "-"))
async def test_an_engine_keeps(check: ConformanceCheck, backend: DockerBackend, tmp_path: Path) -> None:
    """Every check passes; none may be unsupported."""
    (tmp_path / "host").mkdir()
    found = await run_check(check, backend, tmp_path / "host")
    assert found.result == "passed", found.reason


@ON_BOTH
async def test_a_container_that_is_killed_from_outside_is_lost_at_once(
    backend: DockerBackend, write_task: WriteTask, tmp_path: Path
) -> None:
    """Whoever waits for a command learns of it at once, and it is no failed command."""
    sandbox = await backend.open(SandboxSpec(id="killed", task=load_task(write_task())))

    async def wait() -> None:
        with pytest.raises(SandboxLost, match="code 137"):
            await sandbox.exec("touch begun; sleep 1000")

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await sandbox.exec("while [ ! -e begun ]; do sleep 0.01; done")
            kill(tmp_path / "workspace", backend)
    finally:
        await sandbox.close()


async def test_what_a_crash_left_is_swept_and_a_stranger_is_not(tmp_path: Path, write_task: WriteTask) -> None:
    """A process that died leaves containers; the next one removes those of its own workspace, by prefix."""
    name = docker("run", "-d", "--rm", "debian:bookworm-slim", "sleep", "1000")
    try:
        task = load_task(write_task())
        async with docker_backend(tmp_path / "ours") as crashed, docker_backend(tmp_path / "theirs") as other:
            await crashed.open(SandboxSpec(id="run1-a", task=task))
            await crashed.open(SandboxSpec(id="run2-a", task=task))
            neighbour = await other.open(SandboxSpec(id="run1-a", task=task))
            async with docker_backend(tmp_path / "ours") as next_one:
                assert await next_one.sweep(beginning("run1-")) == ("run1-a",)
                assert await next_one.sweep(beginning("")) == ("run2-a",)
            assert (await neighbour.exec("echo well")).stdout == b"well\n"
            await neighbour.close()
        assert list((tmp_path / "ours").iterdir()) == []
        assert docker("inspect", "-f", "{{.State.Running}}", name) == "true"
    finally:
        docker("kill", name)


async def test_a_verifier_judges_in_the_container_the_agent_left(backend: DockerBackend, write_task: WriteTask) -> None:
    """The whole way of an attempt: act, verify, close."""
    task = load_task(write_task())
    sandbox = await backend.open(SandboxSpec(id="attempt", task=task))
    try:
        assert (await sandbox.exec("echo 42 > answer.txt; echo 1 > /logs/verifier/reward.txt")).exit_code == 0
        verdict = await verify(sandbox, task, env={})
    finally:
        await sandbox.close()
    assert isinstance(verdict, Rewarded)
    assert verdict.reward == 1


@ON_BOTH
async def test_commands_run_as_the_user_asked_for(backend: DockerBackend, write_task: WriteTask) -> None:
    """A task may want its agent to be somebody else than its verifier."""
    sandbox = await backend.open(SandboxSpec(id="users", task=load_task(write_task())))
    try:
        assert (await sandbox.exec("id -un")).stdout == b"root\n"
        assert (await sandbox.exec("id -un", user="nobody")).stdout == b"nobody\n"
        assert (await sandbox.exec("echo $HOME; id -u", user=1)).stdout.endswith(b"\n1\n")
        with pytest.raises(SandboxLost, match="stranger"):
            await sandbox.exec("true", user="stranger")
    finally:
        await sandbox.close()


@ON_BOTH
async def test_whoever_removes_the_working_folder_keeps_the_sandbox(
    backend: DockerBackend, write_task: WriteTask
) -> None:
    """A shell of another user starts all the same; what was to run in that folder says that it is not there."""
    folder = write_task({"environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /work/here\n"})
    sandbox = await backend.open(SandboxSpec(id="removed", task=load_task(folder)))
    try:
        assert (await sandbox.exec("cd / && rm -rf /work")).exit_code == 0
        assert (await sandbox.exec("pwd", cwd="/", user="nobody")).stdout == b"/\n"
        with pytest.raises(PathRefused, match="the working directory does not exist"):
            await sandbox.exec("true", user="nobody")
    finally:
        await sandbox.close()


@ON_BOTH
async def test_a_build_that_fails_says_why(backend: DockerBackend, write_task: WriteTask) -> None:
    """The author of a task sees what the failing step wrote."""
    files = {"environment/Dockerfile": "FROM debian:bookworm-slim\nRUN echo about-to-break; exit 3\n"}
    with pytest.raises(SandboxUnavailable, match=r"(non-zero code: |exit status )3[\s\S]*about-to-break"):
        await backend.open(SandboxSpec(id="unbuilt", task=load_task(write_task(files))))


async def test_interrupts_reach_what_an_agent_runs(backend: DockerBackend, write_task: WriteTask) -> None:
    """A shell has its background commands ignore interrupts, and whatever starts ours must not pass that on."""
    sandbox = await backend.open(SandboxSpec(id="interrupts", task=load_task(write_task())))
    try:
        assert (await sandbox.exec("kill -INT $$; echo ignored")).exit_code == 130
    finally:
        await sandbox.close()


def engine_of(backend: DockerBackend) -> EngineName:
    """Say whose command is to be asked."""
    return "podman" if backend.engine.podman else "docker"


def kill(workspace: Path, backend: DockerBackend) -> None:
    """Kill the only container of a workspace, as an operator might; others may have sandboxes of the same name."""
    ask = partial(docker, engine=engine_of(backend))
    ask("kill", ask("ps", "-q", "--filter", f"label=dev.stillroom={workspace_name(workspace)}"))


@ON_BOTH
async def test_an_image_may_be_written_for_buildkit(backend: DockerBackend, write_task: WriteTask) -> None:
    """Here-documents, caches and modes build on an engine whose builder knows none of them."""
    lines = [
        "FROM debian:bookworm-slim",
        "ENV NAME=you",
        "RUN --mount=type=cache,target=/cache <<EOF",
        "set -e",
        'echo "made by $0" > /made',
        "EOF",
        "RUN <<EOF",
        "#!/usr/bin/python3",
        "open('/by-python', 'w').write('yes')",
        "EOF",
        "COPY --chmod=750 <<hello.sh /usr/local/bin/",
        "#!/bin/sh",
        "echo hello $NAME",
        "hello.sh",
        "COPY --link --chmod=600 data /data",
        "WORKDIR /app",
    ]
    files = {
        "environment/Dockerfile": "\n".join(lines),
        "environment/data": "x",
        "environment/.dockerignore": "*\n!data\n",
    }
    sandbox = await backend.open(SandboxSpec(id="buildkit", task=load_task(write_task(files))))
    try:
        told = await sandbox.exec("cat /made /by-python; hello.sh; stat -c %a /usr/local/bin/hello.sh /data; pwd")
    finally:
        await sandbox.close()
    assert told.stdout.decode() == "made by /bin/sh\nyeshello you\n750\n600\n/app\n"


@pytest.mark.docker
@pytest.mark.timeout(120)
@ON_BOTH
async def test_a_build_sees_what_buildkit_shows_it(backend: DockerBackend, write_task: WriteTask) -> None:
    """What is ignored stays out, a pattern without match copies nothing, the context is the root; asked of BuildKit."""
    lines = [
        "FROM debian:bookworm-slim",
        "RUN cat << 'EOF' > /said",
        "$HOME",
        "EOF",
        "COPY . /all/",
        "COPY ../a.txt none* /up/",
        "COPY --exclude=*.o src /src/",
        "COPY --parents src/./deep/b.c /tree",
        "WORKDIR /app",
    ]
    files: dict[str, str | bytes | None] = {
        "environment/Dockerfile": "\n".join(lines),
        "environment/.dockerignore": "secret\nbig/*\n!big/kept\n",
        **{f"environment/{name}": name for name in ("a.txt", "secret", "big/x", "big/kept", "src/a.o", "src/deep/b.c")},
    }
    sandbox = await backend.open(SandboxSpec(id="seen", task=load_task(write_task(files))))
    try:
        told = await sandbox.exec("cat /said; find /all/* /up /src /tree -type f | sort")
    finally:
        await sandbox.close()
    found = ["/all/Dockerfile", "/all/a.txt", "/all/big/kept", "/all/src/a.o", "/all/src/deep/b.c"]
    found += ["/src/deep/b.c", "/tree/deep/b.c", "/up/a.txt"]
    assert told.stdout.decode().splitlines() == ["$HOME", *found]


TALK = """
import socket
others = [name for _, name in socket.if_nameindex() if name != "lo"]
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 2)
print(len(others))
"""


@ON_BOTH
async def test_a_network_comes_and_goes_with_the_phase(backend: DockerBackend, write_task: WriteTask) -> None:
    """A restart changes nothing of it, and what the sandbox serves to itself is heard throughout."""
    table = "[environment]\nnetwork_mode = 'no-network'\n[verifier]\nnetwork_mode = 'public'\n"
    spec = SandboxSpec(id="phases", task=load_task(write_task({"task.toml": table})))
    sandbox = await backend.open(spec)

    async def interfaces() -> bytes:
        return (await sandbox.exec(f"python3 -c '{TALK}'")).stdout.strip()

    try:
        found = [await interfaces()]
        await sandbox.halt()
        found.append(await interfaces())
        for mode in MODES:
            await sandbox.set_network(mode)
            found.append(await interfaces())
        assert found == [b"0", b"0", b"1", b"1", b"0"]
        assert await backend.sweep(lambda _: True) == ("phases",)
    finally:
        await sandbox.close()


@ON_BOTH
async def test_a_sandbox_is_open_when_its_image_says_so(backend: DockerBackend, write_task: WriteTask) -> None:
    """The check of an image is waited for: Podman does not tell of it in Docker's words, and leaves it to timers."""
    lines = [
        "FROM debian:bookworm-slim",
        "WORKDIR /app",
        'ENTRYPOINT ["/bin/sh", "-c", "sleep 0.5; touch /app/ready; exec sleep infinity"]',
        "HEALTHCHECK --interval=1s --retries=30 CMD test -e /app/ready",
        "",
    ]
    spec = SandboxSpec(id="healthy", task=load_task(write_task({"environment/Dockerfile": "\n".join(lines)})))
    sandbox = await backend.open(spec)
    try:
        assert (await sandbox.exec("ls /app")).stdout == b"ready\n"
    finally:
        await sandbox.close()
