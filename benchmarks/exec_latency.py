"""Latency of a command in a container, with 1, 8 and 32 commands at a time, beside the engine's own exec call.

    python -m benchmarks.exec_latency [--quick] [--commands 1600]

As many containers as there are commands at a time are open; each is given `true` again and again. The first row goes
through `DockerSandbox`, output files and exit code included; the second creates and starts an exec through the
Docker API and reads it to its end, which is what there is without a shell that is kept open. Figures are
milliseconds: half of the commands took no longer than p50, all but one in a hundred no longer than p99.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import quantiles

import aiodocker
import anyio

from benchmarks.container_trials import write_tasks
from sandbox.base import Sandbox, SandboxSpec
from sandbox.docker.backend import docker_backend
from sandbox.docker.images import LABEL
from sandbox.docker.shared_dir import workspace_name
from sandbox.harbor.task import load_task

Command = Callable[[], Awaitable[None]]


async def through_ours(sandbox: Sandbox) -> None:
    """Run one command as an attempt does."""
    result = await sandbox.exec("true")
    assert result.exit_code == 0


async def through_engine(docker: aiodocker.Docker, container: str) -> None:
    """Run one command by an exec call of its own."""
    call = await docker.containers.container(container).exec(["/bin/sh", "-c", "true"], stdout=True, stderr=True)
    async with call.start(detach=False) as stream:
        while await stream.read_out() is not None:
            pass
    assert (await call.inspect())["ExitCode"] == 0


async def measure(commands: list[Command], each: int) -> tuple[list[float], float]:
    """Run each command again and again, all of them side by side.

    Returns:
        Seconds of every call, and calls in a second over all.
    """
    taken = list[float]()

    async def again(command: Command) -> None:
        for _ in range(each):
            began = time.perf_counter()
            await command()
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for command in commands:
            group.start_soon(again, command)
    return taken, len(taken) / (time.perf_counter() - began)


async def ours(folder: Path, count: int, commands: int) -> list[float]:
    """Open so many containers, and give the seconds of each command in them."""
    write_tasks(folder / "tasks", 1)
    task = load_task(folder / "tasks" / "task-000")
    async with docker_backend(folder / "sandboxes") as backend, AsyncExitStack() as stack:
        opened = [await backend.open(SandboxSpec(f"bench/{number}", task)) for number in range(count)]
        for sandbox in opened:
            stack.push_async_callback(sandbox.close)
        taken, _ = await measure([partial(through_ours, each) for each in opened], max(3, commands // count))
    return taken


async def compare(folder: Path, many: tuple[int, ...], commands: int) -> None:
    """Open containers, and print a row for each way and each number at a time."""
    write_tasks(folder / "tasks", 1)
    task = load_task(folder / "tasks" / "task-000")
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; milliseconds")
    print(f"{'at a time':>9}  {'way':<20} {'p50':>8} {'p99':>8} {'calls/s':>9}")
    async with docker_backend(folder / "sandboxes") as backend, AsyncExitStack() as stack:
        docker = await stack.enter_async_context(aiodocker.Docker())
        opened = [await backend.open(SandboxSpec(f"bench/{number}", task)) for number in range(max(many))]
        for sandbox in opened:
            stack.push_async_callback(sandbox.close)
        ids = [each.id for each in await backend.engine.containers(f"{LABEL}={workspace_name(folder / 'sandboxes')}")]
        for count in many:
            kept: list[Command] = [partial(through_ours, each) for each in opened[:count]]
            calls: list[Command] = [partial(through_engine, docker, each) for each in ids[:count]]
            tell(count, "kept shell (ours)", *await measure(kept, max(3, commands // count)))
            tell(count, "exec call (engine)", *await measure(calls, max(3, commands // 8 // count)))


def tell(count: int, way: str, taken: list[float], rate: float) -> None:
    """Print a row."""
    marks = quantiles(taken, n=100, method="inclusive")
    print(f"{count:>9}  {way:<20} {1000 * marks[49]:>8.1f} {1000 * marks[98]:>8.1f} {rate:>9.0f}")


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", type=int, default=1600)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    many, commands = ((1, 2), 40) if given.quick else ((1, 8, 32), given.commands)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        anyio.run(compare, Path(folder), many, commands)


if __name__ == "__main__":
    main()
