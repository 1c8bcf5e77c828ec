"""Processor time per request with many requests in flight: plain httpx, httpx over transports, aiohttp itself.

The endpoint is the scripted one, in a process of its own, so only the client is measured. Each contender runs once
per round, in an order that turns; what counts is the ratio within a round. Where `httpx-aiohttp` is installed (it is no
dependency of ours), the same calls go over its transport too, used as its best user would: with a session of aiohttp
that is ready and has no limit, since without a limit it has aiohttp's own, which is 100.

    .venv/bin/python -m benchmarks.http_client --rounds 5 [--quick]
"""

import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from os import getloadavg
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import aiohttp
import anyio
import httpx
from msgspec import json

from engine.core.system import collect_rarely
from engine.protocols.request import ChatRequest
from engine.providers.base import body_of
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client

httpx_aiohttp: Any = import_module("httpx_aiohttp") if find_spec("httpx_aiohttp") else None
REQUEST = ChatRequest(model="m", messages=(json.encode({"role": "user", "content": "x" * 4000}),))
"""4 KB, as a short conversation has."""

SCRIPT = """
name = "bench"
delay_s = {delay_s}

[[rule]]
name = "always"

[[rule.turn]]
text = "{text}"
repeat = true
"""

Ask = Callable[[], Awaitable[object]]
"""Makes one request and takes the answer whole."""


class Load(NamedTuple):
    """What each contender is given."""

    base_url: str
    in_flight: int
    turns: int
    delay_s: float


class ContenderCost(NamedTuple):
    """What one contender took in one round."""

    cpu_us: float
    """Processor time of this process per request."""
    stretch: float
    """Wall time over the ideal, which is turns times the endpoint's delay."""


async def spend(load: Load, ask: Ask) -> ContenderCost:
    """Let everyone ask at once, each its turns one after the other."""

    async def trial() -> None:
        for _ in range(load.turns):
            await ask()

    began, cpu = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(load.in_flight):
            group.start_soon(trial)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    return ContenderCost(cpu / (load.in_flight * load.turns) * 1e6, wall / (load.turns * load.delay_s))


async def over_aiohttp(load: Load) -> ContenderCost:
    """The bound: the library under our transport, used as it is."""
    body, url = body_of(REQUEST), f"{load.base_url}/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> bytes:
            async with session.post(url, data=body) as response:
                return await response.read()

        return await spend(load, ask)


async def over_httpx(load: Load, client: httpx.AsyncClient) -> ContenderCost:
    """Everyday httpx, over whatever transport the client has."""
    body, url = body_of(REQUEST), f"{load.base_url}/chat/completions"
    async with client:

        async def ask() -> bytes:
            return (await client.post(url, content=body)).raise_for_status().content

        return await spend(load, ask)


async def plain_httpx(load: Load) -> ContenderCost:
    """As a user would write it who knows of its limits and lifts them."""
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=None, trust_env=False)
    return await over_httpx(load, client)


async def our_httpx(load: Load) -> ContenderCost:
    """The same calls over our transport."""
    client = open_client()
    client.timeout = httpx.Timeout(None)
    return await over_httpx(load, client)


async def their_httpx(load: Load) -> ContenderCost:
    """The same calls over the transport of the package `httpx-aiohttp`."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
    transport = httpx_aiohttp.AiohttpTransport(client=session)
    return await over_httpx(load, httpx.AsyncClient(transport=transport, timeout=None, trust_env=False))


async def our_provider(load: Load) -> ContenderCost:
    """What the engine calls: body, headers, retries, reading and checking the answer included."""
    async with open_client() as client:
        provider = OpenAIChat(load.base_url, client=client, clock=lambda: time.monotonic_ns() // 1000)
        return await spend(load, lambda: provider.complete(REQUEST))


BARE: Final = "aiohttp alone"
PLAIN: Final = "plain httpx, no limits"
THEIRS: Final = "httpx over httpx-aiohttp"
OURS: Final = ("httpx over our transport", "our provider, whole")
CONTENDERS: dict[str, Callable[[Load], Awaitable[ContenderCost]]] = {
    BARE: over_aiohttp,
    **dict(zip(OURS, (our_httpx, our_provider), strict=True)),
    **({} if httpx_aiohttp is None else {THEIRS: their_httpx}),
    PLAIN: plain_httpx,
}


@contextmanager
def endpoint(delay_s: float) -> Iterator[str]:
    """Serve the script in another process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.toml")
        path.write_text(SCRIPT.format(delay_s=delay_s, text="y" * 400))
        command = [sys.executable, "-m", "engine.scripted", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                yield json.decode(process.stdout.readline())["base_url"]
            finally:
                process.terminate()


def measure(load: Load, rounds: int, names: Sequence[str]) -> dict[str, list[ContenderCost]]:
    """Run each contender once per round, each round beginning with another one."""
    spent: dict[str, list[ContenderCost]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            spent[name].append(anyio.run(CONTENDERS[name], load))
            print(f"round {number + 1}: {name}: {spent[name][-1].cpu_us:,.0f} us", file=sys.stderr)
    return spent


def report(load: Load, spent: dict[str, list[ContenderCost]]) -> None:
    """Print medians with their spread, and ratios within a round."""
    print(f"{load.in_flight} in flight, {load.turns} turns, {load.delay_s:g} s delay, load {getloadavg()[0]:.1f}")
    for name, each in spent.items():
        cpu, stretch = [one.cpu_us for one in each], [one.stretch for one in each]
        print(
            f"  {name:<28} {median(cpu):>9,.0f} us/request [{min(cpu):,.0f} to {max(cpu):,.0f}]"
            f"   wall/ideal {median(stretch):.2f} [{min(stretch):.2f} to {max(stretch):.2f}]"
        )
    for ours in OURS:
        tell_ratio(f"plain httpx / {ours}", spent.get(PLAIN, []), spent[ours])
    for name in CONTENDERS.keys() - {BARE, PLAIN}:
        tell_ratio(f"{name} / {BARE}", spent[name], spent[BARE])


def tell_ratio(what: str, over: Sequence[ContenderCost], under: Sequence[ContenderCost]) -> None:
    """Print the median of the ratios within a round, if there was any."""
    if ratios := [one.cpu_us / other.cpu_us for one, other in zip(over, under, strict=False)]:
        print(f"  {what:<42} {median(ratios):>6.2f} [{min(ratios):.2f} to {max(ratios):.2f}]")


def main() -> None:
    """Read the command line and measure."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="300 in flight, one turn, half a second")
    parser.add_argument("--no-plain", action="store_true", help="leave plain httpx out, which takes a minute a round")
    told = parser.parse_args()
    collect_rarely()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a connection is a file
    in_flight, turns, delay_s = (300, 1, 0.5) if told.quick else (1000, 2, 2.0)
    with endpoint(delay_s) as base_url:
        load = Load(base_url, in_flight, turns, delay_s)
        names = [name for name in CONTENDERS if name != PLAIN or not told.no_plain]
        report(load, measure(load, told.rounds, names))


if __name__ == "__main__":
    main()
