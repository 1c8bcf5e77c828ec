"""A log of 1,000,000 events and 5 GB of blobs: what it costs to verify, rebuild, rerun and explain it.

    python -m benchmarks.big_log [--events 1000000] [--gigabytes 5] [--keep FILE] [--quick]

The runs are made by the real runtime into a real file; the model answers in the process, and the sandbox makes up what
commands print, since a million real commands would take a day. What is measured are the commands that a person types,
each in a process of its own: seconds, and peak memory as the kernel counts it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import shake_128
from pathlib import Path
from statistics import median
from typing import NamedTuple

import anyio
import msgspec
from typing_extensions import override

from benchmarks.idle_sandbox import IdleBackend, IdleSandbox
from benchmarks.trials import SECRETS, make_task
from benchmarks.turn_cpu import Ready
from engine.concurrency.pools import Pools
from engine.config.spec import PoolsSpec, RunSpec
from engine.core.ports import EffectAddress, Permit, Port, Ports
from engine.core.prompts import load_prompts
from engine.core.system import clock, machine
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.models import ModelClient, ModelPort
from engine.providers.credentials import StaticKey
from engine.providers.upstream import Upstream
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Event, Recorded
from events.redaction.redactor import Redactor
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.model import ModelAsked
from events.types.session import ScopeStopped
from sandbox.base import DEFAULT_OUTPUT_BYTES, ExecResult, SandboxSpec

TURNS, TRIALS = 10, 250
"""Of an attempt, and of a run."""
EVENTS_A_TURN = 5.5
"""With an attempt's own share, as seen."""
WORD = 11
"""Bytes of a word with its blank, on average."""
WORDS = [f"{'/usr/lib' if number % 5 == 0 else 'token'}_{number * 7919 % 5000}" for number in range(256)]


class NoisySandbox(IdleSandbox):
    """Every command prints some text that no other printed."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(name)
        self._size = size
        self._printed = 0

    @override
    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        timeout_s: float | None = None,
        max_output_bytes: int = DEFAULT_OUTPUT_BYTES,
    ) -> ExecResult:
        """Print."""
        self._printed += 1
        drawn = shake_128(f"{self.id}/{self._printed}".encode()).digest(self._size // WORD)
        text = " ".join(map(WORDS.__getitem__, drawn))
        return ExecResult(0, text.encode(), b"", "exited", len(text), 0)


class NoisyBackend(IdleBackend):
    """Opens sandboxes whose commands print."""

    def __init__(self, size: int) -> None:
        self._size = size

    @override
    async def open(self, spec: SandboxSpec) -> IdleSandbox:
        """Open at once."""
        return NoisySandbox(spec.id, self._size)


class InProcess(NamedTuple):
    """Ports whose model needs no HTTP."""

    ports: Ports
    model: Port

    def handler_for(self, asked: Event) -> Port:
        """Find the port."""
        return self.model if isinstance(asked, ModelAsked) else self.ports.handler_for(asked)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait where the ports have one wait."""
        return self.ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Begin where the ports let one begin."""
        return self.ports.admit_child(child)

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Ask the ports."""
        return await self.ports.recover(history, place)


async def make(path: Path, base: Path, runs: int, size: int, trials: int = TRIALS, turns: int = TURNS) -> None:
    """Write the log."""
    make_task(base)
    async with await SqliteLog.open(path, clock=clock, redactor=Redactor(SECRETS)) as log:
        room = Pools(PoolsSpec(), machine()).calls("in.process", "m")
        nowhere = Upstream("http://in.process", StaticKey(None), None, 1.0)
        line = ModelClient(Ready(turns), None, room, nowhere)
        model = ModelPort(log, lambda *_: line, BudgetKeeper(Caps(None, None)))

        def between(ports: Ports) -> Ports:
            return InProcess(ports, model)

        setting = RunContext(log, NoisyBackend(size), load_prompts(), "bench", {}, base)._replace(between=between)
        told = {
            "tasks": "tasks",
            "repeats": trials,
            "concurrency": 32,
            "models": {"teacher": {"model": "m", "base_url": "http://in.process"}},
            "method": {"attempts": 1},
            "agent": {"max_turns": turns + 1},
        }
        for number in range(runs):
            await start_run(setting, msgspec.convert(told, RunSpec))
            print(f"\r  {number + 1} of {runs} runs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


class Sizes(NamedTuple):
    """What a log holds."""

    events: int
    blobs: int
    unpacked: int
    conversations: int
    """Bytes of all conversations, had each question been stored whole."""


async def measure(path: Path) -> Sizes:
    """Count."""
    async with await SqliteLog.open(path, clock=clock) as log:
        head = await log.head()
        ((blobs, unpacked),) = await log._reader.connection.fetch("SELECT count(*), sum(size) FROM blobs")  # noqa: SLF001
        whole, said = 0, dict[str, int]()
        decoder = msgspec.json.Decoder(dict[str, object])
        async for page in log.pages(Selection(tags=("model.asked",))):
            for each in page:
                assert isinstance(each.event, ModelAsked)
                node = decoder.decode(await log.get(each.event.conversation))
                before, messages = node["before"], node["messages"]
                assert isinstance(messages, list)
                size = said.get(str(before), 0)
                for message in messages:
                    size += len(await log.get(message))
                said[each.event.conversation] = size
                whole += size
        return Sizes(head.position, blobs, unpacked, whole)


class CommandPeak(NamedTuple):
    """What a command took."""

    seconds: float
    peak_mib: float


LAUNCH = """
import os, sys
process = os.posix_spawn(sys.executable, [sys.executable, "-m", "cli", *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""The kernel counts what a process was before it became another one: a small one starts what is measured."""


def typed(*words: str) -> CommandPeak:
    """Type a command in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-S", "-c", LAUNCH, *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return CommandPeak(time.perf_counter() - start, int(done.stderr.split()[-1]) / 1024)


async def targets(path: Path, count: int) -> list[str]:
    """Choose attempts' verdicts from all over the log, the same ones in every round."""
    async with await SqliteLog.open(path, clock=clock) as log:
        runs = await log.runs()
    drawn = shake_128(b"targets").digest(2 * count)
    pairs = zip(drawn[::2], drawn[1::2], strict=True)
    return [f"{runs[one % len(runs)]}:bench.{1 + other % TRIALS}/1" for one, other in pairs]


def main() -> None:
    """Make the log, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    events, gigabytes = (20_000, 0.1) if given.quick else (given.events, given.gigabytes)
    runs = max(1, round(events / (TRIALS * TURNS * EVENTS_A_TURN)))
    # What a command prints is kept twice: as bytes, and in the message that tells the model.
    size = round(gigabytes * 1e9 / (2 * runs * TRIALS * TURNS))
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "log.db"
        if not path.exists():
            start = time.perf_counter()
            anyio.run(make, path, Path(folder), runs, size)
            print(f"made in {time.perf_counter() - start:,.0f} s")
        show(path)


def show(path: Path) -> None:
    """Measure each command, and print."""
    sizes = anyio.run(measure, path)
    packed = path.stat().st_size
    print(
        f"{sizes.events:,} events, {sizes.blobs:,} blobs of {sizes.unpacked / 1e9:.2f} GB, file {packed / 1e9:.2f} GB"
    )
    whole, once = sizes.conversations / 1e9, sizes.unpacked / 1e9
    print(f"conversations, each question stored whole: {whole:.2f} GB; stored once, all blobs: {once:.2f} GB")
    log = ("--log", str(path), "--json")
    costs = {
        "verify": [typed("log", "verify", *log)],
        "rebuild, all runs": [typed("replay", "--all", "--rebuild", *log)],
        "rerun, all runs": [typed("replay", "--all", "--rerun", *log)],
        "why, a verdict": [typed("why", target, *log) for target in anyio.run(targets, path, 9)],
    }
    for name, each in costs.items():
        seconds, peak = median(cost.seconds for cost in each), max(cost.peak_mib for cost in each)
        verdict = "met" if peak < 500 else "MISSED"
        print(f"  {name:<18} {seconds:>8.1f} s   peak {peak:>5.0f} MiB   goal 500: {verdict}")


if __name__ == "__main__":
    main()
