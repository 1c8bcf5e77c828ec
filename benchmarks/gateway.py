"""What a call through the gateway takes beyond the same call made directly.

The endpoint is the scripted one, in a process of its own, and so is the gateway with its log in a file; the client
here asks one call after the other, directly and through the gateway, and what counts is the difference of the medians.
Beside it, how long the gateway's log takes to make one event durable: one such append stands before each call, and one
follows it, which an agent that asks again at once (``--pause-ms 0``) waits for too. A third way has the gateway's log
in memory: what the gateway itself takes, without the disk. A fourth goes through a proxy of aiohttp that records
nothing: what any gateway takes that stands on that library. Calls go the ways in turns, one by one, so that whatever
else the machine does meets all of them alike; the tenth part that was quickest says what a quiet machine would show. On
a machine that is busy with other things each of these waits for a processor several times; then see the gateway's
processor time per call.

    .venv/bin/python -m benchmarks.gateway --calls 1000
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from os import cpu_count, getloadavg
from pathlib import Path
from platform import machine
from statistics import median, quantiles
from typing import Final, NamedTuple

import aiohttp
import anyio
from msgspec import json

from benchmarks.harness import microseconds
from engine.concurrency.pools import room_of
from engine.concurrency.run_controls import RunControls
from engine.config.spec import AgentSpec
from engine.core.supervision import Supervisor, nowhere
from engine.core.system import clock
from engine.effects.budget import BudgetKeeper, Caps
from engine.gateway.call import CallTerms
from engine.gateway.exchange import ExchangeContext
from engine.gateway.server import CallRecorder, open_gateway
from engine.gateway.session import ProxySession, SessionTerms
from engine.gateway.upstream_client import open_carrier
from engine.providers.credentials import StaticKey
from engine.providers.prices import price_from
from engine.providers.upstream import Upstream
from events.base import Draft, StreamId
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.sandbox import ReleaseAsked

TOKEN: Final = "benchmark-token"
GOAL_MS: Final = 1.0
FILE: Final = "f"
MEMORY: Final = "m"
BARE: Final = "b"
"""Names of sockets: before a log in a file, before one in memory, and before a proxy that records nothing."""
DIRECT: Final = "direct"
THROUGH: Final = "through the gateway"
UNRECORDED: Final = "with its log in memory"
UNGUARDED: Final = "through a bare proxy"
SCRIPT: Final = """
name = "bench"
[[rule]]
name = "always"
[[rule.turn]]
text = "I look around first, and then I say what I have seen, in a sentence or two."
repeat = true
"""


class Way(NamedTuple):
    """A way to the endpoint."""

    name: str
    session: aiohttp.ClientSession
    url: str


def body(kilobytes: int, *, stream: bool) -> bytes:
    """Make a request of a size; agents send 20 to 200 KB a turn."""
    words = "lorem ipsum dolor sit amet " * (kilobytes * 1024 // 27)
    message = {"role": "user", "content": words}
    return json.encode({"model": "m", "messages": [message], "stream": stream})


async def timed(way: Way, data: bytes, calls: int, pause_s: float = 0.0) -> list[float]:
    """Ask one call after the other, with a pause between; give the milliseconds of each."""
    took = []
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for _ in range(calls):
        began = time.perf_counter()
        async with way.session.post(way.url, data=data, headers=headers) as response:
            await response.read()
            assert response.status == 200, await response.text()
        took.append((time.perf_counter() - began) * 1000)
        await anyio.sleep(pause_s)
    return took


async def appended(log: SqliteLog, calls: int) -> list[float]:
    """Make single events durable one after the other; give the milliseconds of each."""
    took = []
    stream = StreamId("bench", "appends")
    for version in range(calls):
        began = time.perf_counter()
        await log.append(stream, [Draft(ReleaseAsked(), None)], expected_version=version)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def serve(folder: Path, base_url: str) -> None:
    """Be the gateway: one door, a log in a file. Ends when its input does."""
    budget = BudgetKeeper(Caps(None, None))
    upstream = Upstream(base_url, StaticKey("key"), price_from("1", "2"), 60.0)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(await SqliteLog.open(folder / "log.db", clock=microseconds))
        carrier = await stack.enter_async_context(open_carrier())
        doors: list[ProxySession] = []
        logs: dict[str, EventLog] = {FILE: log, MEMORY: MemoryLog(clock=microseconds)}
        for name, each in logs.items():
            gateway = await stack.enter_async_context(
                open_gateway(CallRecorder(each, "bench", None), budget, Supervisor(each, nowhere))
            )
            means = ExchangeContext(each, carrier, upstream, budget, room_of(64, "calls"), RunControls(), clock)
            terms = SessionTerms("teacher", CallTerms("t", None), AgentSpec(max_turns=10**9), means)
            doors.append(await gateway.open("call/t/1/", TOKEN, folder / name, terms))
        print("ready", flush=True)
        before = time.process_time()
        await anyio.to_thread.run_sync(sys.stdin.read)
        cpu_ms = (time.process_time() - before) * 1000 / sum(door.calls for door in doors)
        took = await appended(log, 200)
        print(f"one durable append: p50 {median(took):.2f} ms", flush=True)
        print(f"processor time of the gateway, its log included: {cpu_ms:.2f} ms a call", flush=True)


@contextmanager
def serving(command: Sequence[str]) -> Iterator[None]:
    """Start something that says when it is ready, and ends with its input; print what it has to say then."""
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield
        server.stdin.close()
        print(server.stdout.read(), end="", file=sys.stderr)


@contextmanager
def servers(folder: Path) -> Iterator[str]:
    """Start an endpoint, and a gateway before it; give the endpoint's base URL."""
    (folder / "script.toml").write_text(SCRIPT)
    scripted = [sys.executable, "-m", "engine.scripted", str(folder / "script.toml")]
    with subprocess.Popen(scripted, stdout=subprocess.PIPE, text=True) as endpoint:
        assert endpoint.stdout is not None
        base_url: str = json.decode(endpoint.stdout.readline())["base_url"]
        bare = [sys.executable, "-m", "benchmarks.bare_proxy", str(folder / BARE), base_url]
        ours = [sys.executable, "-m", "benchmarks.gateway", "--serve", str(folder), base_url]
        with serving(bare), serving(ours):
            yield base_url
        endpoint.terminate()


async def measure(base_url: str, folder: Path, told: Namespace) -> None:
    """Ask both ways in turns, in one piece and streamed, and say what the gateway adds."""
    load = " ".join(f"{part:.1f}" for part in getloadavg())
    what = f"{told.kilobytes} KB a request"
    print(f"{machine()}, {cpu_count()} CPUs, load {load}, SQLite {sqlite3.sqlite_version}, {what}")
    async with AsyncExitStack() as stack:
        ways = await open_ways(stack, base_url, folder)
        for stream in (False, True):
            await compare(ways, body(told.kilobytes, stream=stream), told, "streamed" if stream else "whole")


async def open_ways(stack: AsyncExitStack, base_url: str, folder: Path) -> list[Way]:
    """Open a session for each way."""
    path = "/chat/completions"
    ways = [Way(DIRECT, await stack.enter_async_context(aiohttp.ClientSession()), base_url + path)]
    for name, socket in ((THROUGH, FILE), (UNRECORDED, MEMORY), (UNGUARDED, BARE)):
        connector = aiohttp.UnixConnector(str(folder / socket))
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        ways.append(Way(name, session, f"http://gateway/v1{path}"))
    return ways


class AddedTime(NamedTuple):
    """Milliseconds that a way adds to a call."""

    middle: float
    """At the median."""
    quick: float
    """At the tenth part that was quickest: on a busy machine, what a quiet one would show."""


def added_ms(calls: int) -> dict[str, AddedTime]:
    """Say what each way adds to a streamed call of 20 KB."""

    async def ask(base_url: str, folder: Path) -> dict[str, list[float]]:
        async with AsyncExitStack() as stack:
            return await asked(await open_ways(stack, base_url, folder), body(20, stream=True), calls, 0.005)

    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder, servers(Path(folder)) as base_url:
        took = anyio.run(ask, base_url, Path(folder))
    marks = {name: AddedTime(median(each), quantiles(each, n=10)[0]) for name, each in took.items()}
    direct = marks[DIRECT]
    return {name: AddedTime(each.middle - direct.middle, each.quick - direct.quick) for name, each in marks.items()}


async def asked(ways: Sequence[Way], data: bytes, calls: int, pause_s: float) -> dict[str, list[float]]:
    """Ask one call each way after the other, beginning with another one each time; give the milliseconds of each."""
    took: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:
        await timed(way, data, 20)
    for number in range(calls):
        first = number % len(ways)
        for way in (*ways[first:], *ways[:first]):
            took[way.name] += await timed(way, data, 1, pause_s)
    return took


async def compare(ways: Sequence[Way], data: bytes, told: Namespace, what: str) -> None:
    """Ask all ways in turns, and print what each took."""
    took = await asked(ways, data, told.calls, told.pause_ms / 1000)
    middle = {name: median(each) for name, each in took.items()}
    quick = {name: quantiles(each, n=10)[0] for name, each in took.items()}
    for name, each in took.items():
        p99 = quantiles(each, n=100)[98]
        print(f"  {what:<9} {name:<31} p10 {quick[name]:6.2f} ms   p50 {middle[name]:6.2f} ms   p99 {p99:6.2f} ms")
    for name in (THROUGH, UNRECORDED, UNGUARDED):
        print(f"  {what:<9} added {name:<25} p10 {added(quick, name)}   p50 {added(middle, name)}")
    verdict = "met" if middle[THROUGH] - middle[DIRECT] < GOAL_MS else "MISSED"
    print(f"  {what:<9} goal: under {GOAL_MS:g} ms at p50 {THROUGH}: {verdict}")


def added(times: Mapping[str, float], name: str) -> str:
    """Write what a way takes beyond the direct one."""
    return f"{times[name] - times[DIRECT]:6.2f} ms"


def main() -> None:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="each way")
    parser.add_argument("--kilobytes", type=int, default=20)
    parser.add_argument("--pause-ms", type=float, default=5.0, help="between calls; an agent runs a tool meanwhile")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "BASE_URL"))
    told = parser.parse_args()
    if told.serve:
        anyio.run(serve, Path(told.serve[0]), told.serve[1])
        return
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder, servers(Path(folder)) as base_url:
        anyio.run(measure, base_url, Path(folder), told)


if __name__ == "__main__":
    main()
