"""The engine's aims: what a turn, a call, a trial, a command and a gateway cost.

Each bench calls the module that measures it, and that module stands by itself, too.
"""

import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import anyio

from benchmarks import exec_latency, gateway, http_client, many_trials, storm, turn_cpu
from benchmarks.aims.base import Aim, Benchmark, BenchScale, CannotRun, Contender, Sample
from benchmarks.many_trials import TrialsPlan
from sandbox.errors import SandboxUnavailable
from tests.support.virtual_time import run_virtually


def _together(names: Sequence[str], measure: Callable[[], Mapping[str, Sample]]) -> Mapping[str, Contender]:
    """Give contenders that one measurement measures: whichever comes first in a round makes it."""
    waiting: dict[str, Sample] = {}

    def taken(name: str) -> Sample:
        if name not in waiting:
            waiting.update(measure())
        return waiting.pop(name)

    return {name: partial(taken, name) for name in names}


def _at_once(scale: BenchScale, start: int) -> TrialsPlan:
    trials = 50 if scale.quick else 1000
    return TrialsPlan("at once", trials, trials, 4, 0.2 if scale.quick else 2.0, start, local=False)


@contextmanager
def _turns(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    samples, turns = (20, 5) if scale.quick else (200, 20)
    mine = [sys.executable, "-m", "benchmarks.turn_cpu", "--ours", str(samples), str(turns)]

    def thousand() -> Sample:
        plan = _at_once(scale, many_trials.DEFAULT_START)
        return {"cpu": many_trials.measure(plan).cpu_s / (plan.trials * plan.turns) * 1e3}

    def one(command: list[str]) -> Sample:
        return {"cpu": turn_cpu.one(command)["cpu_s"] / (samples * turns) * 1e3}

    def inspect() -> Sample:
        return one(
            [
                scale.python_of("inspect_ai"),
                str(Path(__file__).parent.with_name("peer_inspect.py")),
                str(samples),
                str(turns),
            ]
        )

    yield {"1,000 trials": thousand, "200 trials": lambda: one(mine), "inspect_ai": inspect}


@contextmanager
def _calls(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a connection is a file
    in_flight, turns, delay_s = (100, 2, 0.2) if scale.quick else (1000, 4, 2.0)
    with http_client.endpoint(delay_s) as base_url:
        load = http_client.Load(base_url, in_flight, turns, delay_s)

        def call(name: str) -> Sample:
            if name not in http_client.CONTENDERS:
                raise CannotRun(f"{name} needs the package httpx-aiohttp in this environment")
            return {"cpu": anyio.run(http_client.CONTENDERS[name], load).cpu_us}

        yield {
            "ours": lambda: call(http_client.OURS[0]),
            "ours, read and checked": lambda: call(http_client.OURS[1]),
            "aiohttp": lambda: call(http_client.BARE),
            "httpx-aiohttp": lambda: call(http_client.THEIRS),
        }


@contextmanager
def _trials(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    plan = _at_once(scale, many_trials.DEFAULT_START)
    count = 10 if scale.quick else 300
    some = TrialsPlan("local sandboxes", count, count, 4, plan.latency_s, plan.start, local=True)
    ideal_s = plan.turns * plan.latency_s

    def sandboxes() -> Mapping[str, Sample]:
        if shutil.which("bwrap") is None:
            raise CannotRun("local sandboxes need bubblewrap: install the package bubblewrap of your system")
        seen = many_trials.measure(some)
        bare_s = max(some.turns * some.latency_s, seen.bare_s)
        return {"in local sandboxes": {"wall": seen.wall_s}, "bare sandboxes": {"wall": bare_s}}

    yield {
        "by default": lambda: {"wall": many_trials.measure(plan).wall_s},
        "ideal": lambda: {"wall": ideal_s},
        **_together(("in local sandboxes", "bare sandboxes"), sandboxes),
    }


@contextmanager
def _commands(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    if shutil.which("docker") is None:
        raise CannotRun("a Docker engine is needed, and there is none")
    commands = 16 if scale.quick else 320

    def at_a_time(count: int) -> Mapping[str, Sample]:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
            try:
                cost = anyio.run(exec_latency.beside, Path(folder), count, commands)
            except SandboxUnavailable as error:
                raise CannotRun(f"{error.problem}; {error.remedy}") from error
        return {
            f"{count} at a time": {
                "wall": median(cost.ours_s) * 1000,
                "quickest": min(cost.ours_s) * 1000,
                "cpu": cost.cpu_s * 1000,
            },
            f"{count} exec calls at a time": {"wall": median(cost.engine_s) * 1000},
        }

    yield {
        name: contender
        for count in (1, 8, 32)
        for name, contender in _together(
            (f"{count} at a time", f"{count} exec calls at a time"), partial(at_a_time, count)
        ).items()
    }


@contextmanager
def _through(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    calls = 20 if scale.quick else 200

    def all_ways() -> Mapping[str, Sample]:
        added = gateway.added_ms(calls)
        ways = {
            "gateway": gateway.THROUGH,
            "gateway, log in memory": gateway.UNRECORDED,
            "bare proxy": gateway.UNGUARDED,
        }
        return {name: {"wall": added[way].middle, "quick wall": added[way].quick} for name, way in ways.items()}

    yield _together(("gateway", "gateway, log in memory", "bare proxy"), all_ways)


@contextmanager
def _storms(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    quarter_s = 2.0 if scale.quick else 12.0

    def ride(name: str) -> Sample:
        seen = run_virtually(storm.ride, storm.contenders()[name](), 200, quarter_s, storm.counted)
        return {"wall": 4 * quarter_s / seen.answered, "refusals": seen.wasted}

    yield {"our limit": lambda: ride("adaptive"), "no limit": lambda: ride("no limit")}


TURN = Benchmark(
    "a turn",
    "ms a turn",
    _turns,
    (
        Aim("turn-1000", "CPU a turn, 1,000 trials of 4 turns", "1,000 trials", None, "cpu", "figure", 0.8, "1.39"),
        Aim(
            "turn-inspect", "CPU a turn of `inspect_ai` over ours, 200 trials of 20 turns", "200 trials", "inspect_ai",
            "cpu", "times as fast", 15, "8.7",
        ),
    ),
)  # fmt: skip
CALL = Benchmark(
    "a call",
    "us a call",
    _calls,
    (
        Aim(
            "call-aiohttp", "CPU a call over bare aiohttp, 1,000 in flight", "ours", "aiohttp", "cpu", "times the cost",
            1.4, "2.1",
        ),
        Aim(
            "call-httpx-aiohttp", "CPU a call over `httpx-aiohttp` 0.2 with limits and a ready session", "ours",
            "httpx-aiohttp", "cpu", "times the cost", 1.0, "not measured",
        ),
    ),
)  # fmt: skip
TRIALS = Benchmark(
    "many trials",
    "s",
    _trials,
    (
        Aim(
            "trials-ideal", "1,000 trials of 4 turns at 2 s by default: wall over the ideal", "by default", "ideal",
            "wall", "times the cost", 1.2, "1.76",
        ),
        Aim(
            "sandboxes", "300 trials in local sandboxes over bare ones: wall", "in local sandboxes", "bare sandboxes",
            "wall", "times the cost", 1.2, "1.69",
        ),
    ),
)  # fmt: skip
EXEC = Benchmark(
    "a command in a container",
    "ms a command, median",
    _commands,
    (
        Aim("exec-1", "a command in 1 container at a time", "1 at a time", None, "wall", "figure", 3, "5"),
        Aim("exec-8", "a command in each of 8 containers", "8 at a time", None, "wall", "figure", 20, "14"),
        Aim("exec-32", "a command in each of 32 containers", "32 at a time", None, "wall", "figure", 60, "94"),
        Aim("exec-cpu", "CPU of a command, with its container's", "1 at a time", None, "cpu", "figure", None, "7.2"),
        Aim(
            "exec-engine", "a command over the engine's own exec call, 1 at a time", "1 at a time",
            "1 exec calls at a time", "wall", "times as fast", None, "9",
        ),
        Aim(
            "exec-engine-8", "the same in each of 8 containers", "8 at a time", "8 exec calls at a time", "wall",
            "times as fast", None, "11",
        ),
    ),
)  # fmt: skip
GATEWAY = Benchmark(
    "the gateway",
    "ms a call, median",
    _through,
    (
        Aim(
            "gateway", "added to a call by the gateway over what a bare proxy adds", "gateway", "bare proxy", "wall",
            "times the cost", 1.5, "2 to 3",
        ),
        Aim(
            "gateway-quick", "the same, of the tenth of calls that was quickest", "gateway", "bare proxy", "quick wall",
            "times the cost", None, "3.0",
        ),
        Aim(
            "gateway-memory", "the same with the gateway's log in memory", "gateway, log in memory", "bare proxy",
            "quick wall", "times the cost", None, "1.6",
        ),
    ),
)  # fmt: skip
STORM = Benchmark(
    "a provider whose limit moves",
    "s an answer",
    _storms,
    (
        Aim(
            "storm-throughput", "answers a second over those of no limit of ours at all, in virtual time", "our limit",
            "no limit", "wall", "times as fast", 1.0, "less",
        ),
        Aim(
            "storm-refusals", "refusals an answer over those of no limit at all", "our limit", "no limit", "refusals",
            "times the cost", 0.1, "0.1",
        ),
    ),
)  # fmt: skip

BENCHES = (TURN, CALL, TRIALS, EXEC, GATEWAY, STORM)
