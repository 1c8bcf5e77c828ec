"""Stories of what keeps commands in a container, one after another, and of what they do not share."""

from collections.abc import AsyncIterator

import anyio
import pytest

from sandbox.base import Sandbox, SandboxSpec
from sandbox.docker.backend import DockerBackend
from sandbox.harbor.task import load_task
from tests.sandbox.conftest import ON_BOTH, WriteTask

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

KEEPER = "echo $PPID"
NAMES = ("folder", "io", "shell", "apart", "verb", "what", "number", "setsid")
"""Words that a script might take for its own variables."""


@pytest.fixture
async def sandbox(backend: DockerBackend, write_task: WriteTask) -> AsyncIterator[Sandbox]:
    """A container of an image with variables of its own."""
    lines = ["FROM debian:bookworm-slim", *(f"ENV {name}=its-{name}" for name in NAMES), "WORKDIR /app", ""]
    opened = await backend.open(
        SandboxSpec(id="keepers", task=load_task(write_task({"environment/Dockerfile": "\n".join(lines)})))
    )
    try:
        yield opened
    finally:
        await opened.close()


async def said(sandbox: Sandbox, command: str, user: str | None = None) -> str:
    """What a command says, which ends well."""
    result = await sandbox.exec(command, user=user, timeout_s=30)
    assert (result.exit_code, result.stderr) == (0, b""), result
    return result.stdout.decode().strip()


@ON_BOTH
async def test_commands_one_after_another_have_one_keeper_and_sessions_of_their_own(sandbox: Sandbox) -> None:
    """To start one costs more than a command does."""
    each = [await said(sandbox, f"{KEEPER}; echo $$; ps -o sid= -p $$") for _ in range(3)]
    keepers, pids, sessions = zip(*(one.split() for one in each), strict=True)
    assert len({*keepers}) == 1
    assert len({*pids}) == 3
    assert pids == sessions
    assert await said(sandbox, KEEPER, user="nobody") not in keepers
    assert await said(sandbox, "id -un", user="nobody") == "nobody"
    assert await said(sandbox, KEEPER) in keepers


@ON_BOTH
async def test_what_holds_an_output_keeps_it_for_itself(sandbox: Sandbox) -> None:
    """A server writes on into the outputs of its own command, and not into those of the next."""
    first = await said(sandbox, f"(while [ ! -e stop ]; do echo beat; sleep 0.01; done; touch stopped) & {KEEPER}")
    second = await said(sandbox, f"sleep 0.2; {KEEPER}")
    assert first.split()[-1] != second
    assert await said(sandbox, KEEPER) == second
    await said(sandbox, "touch stop; while [ ! -e stopped ]; do sleep 0.01; done")


@ON_BOTH
async def test_nothing_of_a_command_is_left_to_the_next(sandbox: Sandbox) -> None:
    """Neither its text, however long, nor its output, nor its variables, folder or limits."""
    long = f"cd /; export LEFT=1; ulimit -n 64; umask 077; echo {'x' * 150_000} | wc -c; exit 3"
    result = await sandbox.exec(long, env={"GIVEN": "1"}, cwd="/tmp")
    assert (result.exit_code, result.stdout) == (3, b"150001\n")
    flood = await sandbox.exec("head -c 3000000 /dev/zero; echo err >&2")
    assert (len(flood.stdout), flood.stderr) == (3_000_000, b"err\n")
    assert await said(sandbox, "echo $PWD $OLDPWD ${LEFT-no} ${GIVEN-no} $(umask); ls /proc/self/fd | wc -l") in (
        "/app /app no no 0022\n4",
        "/app / no no 0022\n4",
    )
    assert await said(sandbox, "ulimit -n") != "64"


async def test_an_image_keeps_its_variables(sandbox: Sandbox) -> None:
    """What starts commands has words of its own, and none of them is lost to an image that has the same."""
    assert await said(sandbox, f"echo {' '.join(f'${name}' for name in NAMES)}") == " ".join(
        f"its-{name}" for name in NAMES
    )


@ON_BOTH
async def test_a_keeper_that_was_killed_while_it_waited_is_replaced(sandbox: Sandbox) -> None:
    """Nobody's command is told as killed for what happened before it."""
    keeper = await said(sandbox, KEEPER)
    await said(sandbox, f"exec >/dev/null 2>&1; (sleep 0.2; kill -9 {keeper}; touch killed) & true")
    user = await said(sandbox, "while [ ! -e /app/killed ]; do sleep 0.01; done; id -un", user="nobody")
    assert user == "nobody"
    assert await said(sandbox, KEEPER) != keeper


@ON_BOTH
async def test_a_keeper_that_was_stopped_while_it_waited_goes_on(sandbox: Sandbox) -> None:
    """A signal to all that an agent reaches does not hold up what it asks for next."""
    keeper = await said(sandbox, KEEPER)
    await said(sandbox, f"exec >/dev/null 2>&1; (sleep 0.2; kill -STOP {keeper}; touch stopped) & true")
    await said(sandbox, "while [ ! -e /app/stopped ]; do sleep 0.01; done", user="nobody")
    assert await said(sandbox, KEEPER) == keeper


@ON_BOTH
async def test_a_command_that_stops_its_keeper_is_killed_in_time(sandbox: Sandbox) -> None:
    """Nobody buys a failure of the machine so: its time is up, and the next command runs."""
    result = await sandbox.exec("echo before; kill -STOP $PPID; (sleep 0.5; touch late) & sleep 100", timeout_s=0.2)
    assert (result.ended, result.exit_code, result.stdout) == ("timed_out", None, b"before\n")
    assert await said(sandbox, "sleep 0.6; ls") == ""


async def test_a_command_that_is_cancelled_at_once_does_not_begin_later(sandbox: Sandbox) -> None:
    """Wherever it was on its way: before its keeper read of it, or just as it began."""
    for wait_s in (0.0, 0.001, 0.002, 0.003, 0.005, 0.01):
        with anyio.move_on_after(wait_s):
            await sandbox.exec("sleep 0.3; touch done")
    assert await said(sandbox, "sleep 0.5; ls") == ""


@ON_BOTH
async def test_who_is_not_trusted_gives_no_orders(sandbox: Sandbox) -> None:
    """A user of a container cannot have its first process, nor another's keeper, run something as somebody else."""
    await said(sandbox, KEEPER)
    for pipe in ("first.orders", "1/orders"):
        refused = await sandbox.exec(f"echo 'run ../tmp/mine' >/.stillroom/{pipe}", user="nobody", timeout_s=10)
        assert refused.exit_code != 0
        assert b"ermission denied" in refused.stderr
    assert await said(sandbox, "id -un") == "root"


async def test_what_strangers_write_into_idle_outputs_is_nobodys(sandbox: Sandbox) -> None:
    """The pipes of a keeper that waits stand open to all of a container."""
    await said(sandbox, KEEPER)
    await said(sandbox, "echo forged >/.stillroom/1/out; echo ended 2 7 >/.stillroom/1/news", user="nobody")
    assert await said(sandbox, "echo mine") == "mine"


async def test_many_at_a_time_have_keepers_of_their_own(sandbox: Sandbox) -> None:
    """And those are there for the next ones."""
    found = list[str]()

    async def one(number: int) -> None:
        wait = "while [ $(ls here | wc -l) -lt 6 ]; do sleep 0.01; done"
        found.append(await said(sandbox, f"mkdir -p here; touch here/{number}; {wait}; {KEEPER}"))

    for _ in range(2):
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(one, number)
        await said(sandbox, "rm -r here")
    assert len({*found[:6]}) == 6
    assert {*found[:6]} == {*found[6:]}


@ON_BOTH
async def test_restarting_ends_the_keepers(sandbox: Sandbox) -> None:
    """The first command after it has another one."""
    assert await said(sandbox, "echo kept > file; cat file") == "kept"
    await sandbox.halt()
    assert await said(sandbox, "cat file") == "kept"
    assert await said(sandbox, "echo 1; id -un", user="nobody") == "1\nnobody"


@ON_BOTH
async def test_what_was_left_in_the_pipes_of_the_first_process_is_not_heeded_after_restarting(sandbox: Sandbox) -> None:
    """Whoever verifies is given neither a shell of the agent's nor its background processes."""
    shell = "printf '#!/bin/sh\\ntouch /app/shell\\nexec bash \"$@\"\\n' >/tmp/sh; chmod 755 /tmp/sh"
    await said(sandbox, f"{shell}; echo /tmp/sh forks >/.stillroom/first.ready")
    mine = "mkdir /tmp/mine; echo 'touch /app/mine' >/tmp/mine/run; touch /tmp/mine/in; echo 1 >/tmp/mine/orders"
    await said(
        sandbox,
        f"{mine}; exec >/dev/null 2>&1; (while :; do echo run ../tmp/mine >/.stillroom/first.orders; done) & true",
    )
    await said(sandbox, "while [ ! -e /app/mine ]; do sleep 0.01; done")
    await sandbox.halt()
    await said(sandbox, "rm -f mine; sleep 0.5")
    assert await said(sandbox, "ls") == ""
