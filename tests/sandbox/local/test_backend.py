"""The local backend: what it builds, what it refuses, and what it leaves behind (nothing)."""

import os
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import anyio
import pytest

from engine.core.system import allow_many_files
from sandbox.base import SandboxSpec, beginning
from sandbox.errors import SandboxLost, SandboxUnavailable, Unsupported
from sandbox.harbor.task import Task, load_task
from sandbox.local.backend import Bare, Confined, LocalBackend, local_backend
from sandbox.scratch import MARKER, leftovers, make, sweep
from sandbox.verification.verifier import Rewarded, verify
from tests.sandbox.conftest import OpenTask, WriteTask

OURS = f"986.{os.getpid()}"
"""Seconds that a process sleeps for, by which it is found among all of the machine: another worker has its own."""
REFUSED: dict[str, dict[str, str | bytes | None]] = {
    "environment.docker_image": {"task.toml": "[environment]\ndocker_image = 'x'\n"},
    "environment/docker-compose.yaml": {"environment/docker-compose.yaml": "services: {}\n"},
    "environment.gpus": {"task.toml": "[environment]\ngpus = 1\n"},
    "environment.os": {"task.toml": "[environment]\nos = 'windows'\n"},
    "environment.mcp_servers": {"task.toml": "[environment]\nmcp_servers = [{ name = 'x', url = 'http://y' }]\n"},
    "environment.healthcheck": {"task.toml": "[environment.healthcheck]\ncommand = 'true'\n"},
    "environment.network_mode = 'allowlist'": {
        "task.toml": "[environment]\nnetwork_mode = 'allowlist'\nallowed_hosts = ['x.org']\n"
    },
    "verifier.environment_mode": {"task.toml": "[verifier.environment]\n"},
    "verifier.collect": {"task.toml": "[verifier]\ncollect = [{ command = 'x' }]\n"},
    "agent.user": {"task.toml": "[agent]\nuser = 'agent'\n"},
    "verifier.user": {"task.toml": "[verifier]\nuser = 1000\n"},
    "steps.a: a user": {"task.toml": "steps = [{ name = 'a', agent.user = 'x' }]\n", "steps/a/instruction.md": "x"},
    "Dockerfile line 2: RUN apt-get": {"environment/Dockerfile": "FROM x\nRUN apt-get install -y git\n"},
    "tests/test.sh line 2: apt-get install": {"tests/test.sh": "#!/bin/bash\napt-get install -y curl\n"},
    "tests/test.sh line 2: pip install": {"tests/test.sh": "#!/bin/bash\npip install pytest\n"},
    "solution/solve.sh line 1: npm ci": {"solution/solve.sh": "npm ci\n"},
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_feature_that_cannot_be_honoured_is_refused_by_name(
    name: str, local: LocalBackend, write_task: WriteTask
) -> None:
    """Before anything is opened; ignoring it would change what the task measures."""
    task = load_task(write_task(REFUSED[name]))
    assert any(each.startswith(name) for each in local.check(task)), local.check(task)
    with pytest.raises(Unsupported) as caught:
        await local.open(SandboxSpec(id="x", task=task))
    assert name in caught.value.problem
    assert caught.value.remedy


async def test_the_three_hundredth_sandbox_is_as_good_as_the_first(
    confined: LocalBackend, write_task: WriteTask
) -> None:
    """By then a process has more than 1,024 files open, which the oldest way of waiting for one does not bear."""
    allow_many_files()
    with ExitStack() as files:
        for _ in range(1100):
            files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        sandbox = await confined.open(SandboxSpec(id="late", task=load_task(write_task())))
        try:
            assert (await sandbox.exec("echo here")).stdout == b"here\n"
        finally:
            await sandbox.close()


async def test_the_first_of_many_sandboxes_is_ready_before_the_last_begins(
    confined: LocalBackend, task: Task, tmp_path: Path
) -> None:
    """Begun side by side, hundreds would all be ready at the end, and nobody would work in one meanwhile."""
    await confined.sweep(lambda _: False)
    workspace, begun = tmp_path / "few", []
    backend = LocalBackend(workspace, way=Confined(), opened_at_once=1)

    async def open_one(name: str) -> None:
        sandbox = await backend.open(SandboxSpec(id=name, task=task))
        begun.append(len(list(workspace.glob("*/root/app"))))
        await sandbox.close()

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(open_one, f"one-{number}")
    assert begun[0] <= 2
    assert len(begun) == 4


async def test_a_build_that_takes_its_time_keeps_nobody_out(
    confined: LocalBackend, task: Task, write_task: WriteTask, tmp_path: Path
) -> None:
    """Its lines may wait for something."""
    await confined.sweep(lambda _: False)
    backend = LocalBackend(tmp_path / "few", way=Confined(), opened_at_once=1)
    waits = "FROM x\nWORKDIR /app\nRUN touch it && tail -f it\n"
    slow = load_task(write_task({"environment/Dockerfile": waits}, "slow"))
    async with anyio.create_task_group() as group:
        group.start_soon(backend.open, SandboxSpec(id="slow", task=slow))
        await anyio.wait_all_tasks_blocked()
        sandbox = await backend.open(SandboxSpec(id="quick", task=task))
        assert (await sandbox.exec("echo here")).stdout == b"here\n"
        await sandbox.close()
        group.cancel_scope.cancel()


async def test_the_network_is_granted_only_when_shared(
    confined: LocalBackend, write_task: WriteTask, tmp_path: Path
) -> None:
    """A task that says public would fail inside without it, and look like a failed attempt."""
    task = load_task(
        write_task(
            {
                "task.toml": "[environment]\nnetwork_mode = 'public'\n",
                "tests/test.sh": "uvx pytest\n",
            }
        )
    )
    assert len(confined.check(task)) == 2
    sharing = await local_backend(tmp_path / "other", network="host")
    assert sharing.check(task) == []
    assert any("network" in each for each in sharing.describe().warnings)


async def test_the_plain_way_says_so_and_refuses_the_untrusted(plain: LocalBackend, write_task: WriteTask) -> None:
    """Loudly, with a reason and a remedy."""
    isolation = plain.describe()
    assert isolation.level == "none"
    assert "WITHOUT ISOLATION" in isolation.warnings[0]
    assert isolation.remedy
    task = load_task(
        write_task({"task.toml": "[metadata]\nuntrusted = true\n[environment]\nnetwork_mode = 'no-network'\n"})
    )
    assert [each.split(" (")[0] for each in plain.check(task)] == [
        "metadata.untrusted",
        "environment.network_mode = 'no-network'",
    ]


async def test_the_plain_way_does_not_build_on_the_host(plain: LocalBackend, write_task: WriteTask) -> None:
    """A folder at the root, a file in ``/etc``: harmless in a container, not here."""
    dockerfile = "FROM x\nWORKDIR /app\nCOPY a /etc/a\nRUN mkdir -p /data/x && chmod 755 /app\nVOLUME /var/lib/x\n"
    task = load_task(write_task({"environment/Dockerfile": dockerfile, "environment/a": ""}))
    assert [each.split(" (")[0] for each in plain.check(task)] == [
        "Dockerfile: COPY to /etc/a",
        "Dockerfile line 4: RUN on /data",
        "Dockerfile: the folder /var/lib/x",
    ]


def test_an_untried_machine_names_the_package(tmp_path: Path) -> None:
    """What doctor prints where bubblewrap is not installed."""
    backend = LocalBackend(tmp_path, way=Bare("not installed: bwrap", "apt-get install bubblewrap"))
    assert backend.describe().reason == "not installed: bwrap"
    assert backend.describe().remedy == "apt-get install bubblewrap"


async def test_the_environment_is_built_as_the_dockerfile_says(open_task: OpenTask, write_task: WriteTask) -> None:
    """Files, modes, variables, folders, commands."""
    task = load_task(
        write_task(
            {
                "environment/Dockerfile": (
                    "FROM debian\nENV A=1\nWORKDIR /app\nCOPY data /app/data\nCOPY --chmod=700 run.sh bin/run\n"
                    "RUN mkdir -p out && echo $A > out/a\n"
                ),
                "environment/data/deep/x": "x",
                "environment/run.sh": "#!/bin/sh\n",
                "task.toml": "[environment.env]\nB = '2'\n",
            }
        )
    )
    sandbox = await open_task(task)
    result = await sandbox.exec("cat data/deep/x out/a; stat -c %a bin/run; echo $A$B; basename $PWD")
    assert result.stdout == b"x1\n700\n12\napp\n", result


async def test_a_run_line_that_fails_is_no_attempt(local: LocalBackend, write_task: WriteTask) -> None:
    """There is no environment to judge in; nothing of it stays."""
    task = load_task(write_task({"environment/Dockerfile": "FROM x\nWORKDIR /app\nRUN false\n"}))
    with pytest.raises(SandboxUnavailable, match="Dockerfile line 3 exited with 1"):
        await local.open(SandboxSpec(id="x", task=task))
    good = load_task(write_task({}, "good"))
    await (await local.open(SandboxSpec(id="x", task=good))).close()


async def test_the_oracle_solves_and_nothing_does_not(open_task: OpenTask, task: Task) -> None:
    """The two controls of every task."""
    sandbox = await open_task(task)
    nothing = await verify(sandbox, task)
    await sandbox.put_dir(task.solution, "/solution")
    assert (await sandbox.exec("/solution/solve.sh")).exit_code == 0
    solved = await verify(sandbox, task)
    assert isinstance(nothing, Rewarded)
    assert isinstance(solved, Rewarded)
    assert (nothing.reward, solved.reward) == (0.0, 1.0)


async def test_a_closed_sandbox_leaves_nothing(local: LocalBackend, task: Task, tmp_path: Path) -> None:
    """Neither files, also where the agent locked them, nor processes, nor open descriptors."""
    before = _descriptors()
    sandbox = await local.open(SandboxSpec(id="x", task=task))
    await sandbox.exec(f"sleep {OURS} & mkdir -p /app/a/b; touch /app/a/b/c; chmod 000 /app/a/b /app/a")
    assert len(leftovers(tmp_path / "workspace")) == 1
    await sandbox.close()
    assert list((tmp_path / "workspace").iterdir()) == []
    assert not _running(OURS)
    assert _descriptors() <= before + 1


async def test_a_sandbox_whose_first_process_dies_is_lost(confined: LocalBackend, task: Task) -> None:
    """From outside only: whoever kills it, no command gets an answer that is not one, those under way included."""
    sandbox = await confined.open(SandboxSpec(id="x", task=task))
    try:
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(_expect_lost, sandbox.exec("sleep 1000"))
            await anyio.wait_all_tasks_blocked()
            result = await sandbox.exec("while [ $(pgrep -cx sleep) -lt 8 ]; do :; done")
            assert result.exit_code == 0
            first = sandbox._cell._first.pid  # type: ignore[attr-defined]
            os.kill(first, signal.SIGKILL)
        with pytest.raises(SandboxLost):
            await sandbox.exec("true")
    finally:
        await sandbox.close()


async def _expect_lost(command: object) -> None:
    with pytest.raises(SandboxLost):
        await command  # type: ignore[misc]


_CRASH = """
import anyio, os, signal, sys
from pathlib import Path
from sandbox.base import SandboxSpec
from sandbox.local.backend import local_backend
from sandbox.harbor.task import load_task

async def main():
    backend = await local_backend(Path(sys.argv[1]))
    sandbox = await backend.open(SandboxSpec(id="crash", task=load_task(Path(sys.argv[2]))))
    await sandbox.exec("setsid sleep %s > /dev/null 2>&1 &" % sys.argv[3])
    print(sandbox._cell._first.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


async def test_after_a_crash_no_process_lives_and_the_folder_is_swept(
    confined: LocalBackend, task: Task, tmp_path: Path
) -> None:
    """``kill -9`` of ours: the namespace ends by itself; the folder is found by its marker."""
    workspace = tmp_path / "crashed"
    (workspace / "not-ours").mkdir(parents=True)
    command = [sys.executable, "-c", _CRASH, str(workspace), str(task.path), OURS]
    crashed = await anyio.run_process(command, cwd=Path(__file__).parents[3], check=False)
    assert crashed.returncode == -signal.SIGKILL
    await _end_of(int(crashed.stdout))
    assert not _running(OURS)
    (left,) = leftovers(workspace)
    assert (left / MARKER).read_text(encoding="utf-8") == "crash\n"
    assert sweep(workspace, beginning("")) == (left,)
    assert [each.name for each in workspace.iterdir()] == ["not-ours"]


async def _end_of(pid: int) -> None:
    """Wait for a process that is no child of ours: a namespace's first ends after all the others."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        with anyio.fail_after(20):
            await anyio.wait_readable(descriptor)
        os.close(descriptor)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _running(argument: str) -> bool:
    """Whether any process of the machine sleeps for this long."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if each.read_bytes().split(b"\0")[:2] == [b"sleep", argument.encode()]:
                return True
    return False


def test_sweeping_touches_only_what_is_marked(tmp_path: Path) -> None:
    """A folder of the same look, a link to a marked one, a file: all stay."""
    scratch = make(tmp_path, "one")
    elsewhere = make(tmp_path / "other", "two")
    (tmp_path / "one-000000000000").mkdir()
    (tmp_path / "link").symlink_to(elsewhere.folder)
    (scratch.root / "out").symlink_to(tmp_path / "one-000000000000")
    assert sweep(tmp_path, beginning("")) == (scratch.folder,)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "one-000000000000", "other"]
    assert elsewhere.folder.is_dir()


async def test_a_sandbox_outlives_that_of_the_process_from_which_its_run_was_taken(
    plain: LocalBackend, write_task: WriteTask, tmp_path: Path
) -> None:
    """Both have the same id; the former closes its own, and the other is worked in all the while."""
    task = load_task(write_task({}))
    former = await plain.open(SandboxSpec(id="one", task=task, session=1))
    taken = await plain.open(SandboxSpec(id="one", task=task, session=2))
    with pytest.raises(SandboxUnavailable, match="is open"):
        await plain.open(SandboxSpec(id="one", task=task, session=2))
    await former.close()
    assert (await taken.exec("true")).exit_code == 0
    await taken.close()
    assert leftovers(tmp_path / "workspace") == ()


async def test_plain_paths_of_a_container_are_the_sandboxes_own(plain: LocalBackend, write_task: WriteTask) -> None:
    """At the beginning of a path in a command or a staged script; not inside another path, not in data."""
    task = load_task(
        write_task(
            {
                "task.toml": "[environment]\nworkdir = '/work/dir'\n",
                "environment/Dockerfile": "FROM x\nWORKDIR /work/dir\n",
            }
        )
    )
    sandbox = await plain.open(SandboxSpec(id="x", task=task))
    try:
        root = (await sandbox.exec("echo /app")).stdout.decode().strip().removesuffix("/app")
        said = await sandbox.exec(
            "echo '/app/x' --d=/logs a:/tests x/app /usr/app $HOME/app /apple /app.d /work/dir /workshop"
        )
        assert said.stdout.decode().split() == [
            f"{root}/app/x", f"--d={root}/logs", f"a:{root}/tests", "x/app", "/usr/app", f"{root}/root/app",
            "/apple", "/app.d", f"{root}/work/dir", "/workshop",
        ]  # fmt: skip
        await sandbox.write_file("/app/data", b"/app/x")
        assert await sandbox.read_file("/app/data") == b"/app/x"
    finally:
        await sandbox.close()


async def test_a_user_that_is_not_there_is_refused(open_task: OpenTask, task: Task) -> None:
    """There is one user here; running as another one's name would be a lie."""
    sandbox = await open_task(task)
    assert (await sandbox.exec("true", user="root")).exit_code == 0
    with pytest.raises(Unsupported, match="user 'agent'"):
        await sandbox.exec("true", user="agent")
