"""A process that appends to a log: ``python -m tests.events.appender FILE NAME TURNS``; 0 turns: until it is killed.

For each append it prints what was acknowledged, after it was.
"""

import sys
import time

import anyio

from events.base import Draft, StreamId
from events.store.sqlite.store import SqliteLog
from tests.events.samples import drafts, observed


def microseconds() -> int:
    """Say the time."""
    return time.time_ns() // 1000  # noqa: TID251 - a process of its own


async def main(path: str, name: str, turns: int) -> None:
    """Append turns of three events from four tasks."""
    async with await SqliteLog.open(path, clock=microseconds) as log:

        async def produce(number: int) -> None:
            stream, turn = StreamId("run-1", f"{name}/{number}"), 0
            while not turns or turn < turns:
                digest = log.put(f"{name} {number} {turn} {'x' * 500}".encode())
                printed = Draft(observed(digest)[0].event, None)
                version = 3 * turn
                where = await log.append(stream, [*drafts("a", "b"), printed], expected_version=version)
                turn += 1
                sys.stdout.write(f"{where.position} {stream.name} {where.version}\n")
                sys.stdout.flush()

        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(produce, number)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
