"""The engine's aims: what a turn, a call, a trial, a command and a gateway cost."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.aims.base import Aim, Benchmark, BenchScale, CannotRun, Contender


@contextmanager
def _not_yet(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
    """Say that the bench stands by itself still."""
    del scale
    raise CannotRun("this command does not run it yet")
    yield {}


TURN = Benchmark(
    "a turn",
    "ms a turn",
    _not_yet,
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
    _not_yet,
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
    _not_yet,
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
    _not_yet,
    (
        Aim("exec-1", "a command in 1 container at a time", "1 at a time", None, "wall", "figure", 3, "5"),
        Aim("exec-8", "a command in each of 8 containers", "8 at a time", None, "wall", "figure", 20, "14"),
        Aim("exec-32", "a command in each of 32 containers", "32 at a time", None, "wall", "figure", 60, "94"),
    ),
)
GATEWAY = Benchmark(
    "the gateway",
    "ms a call, median",
    _not_yet,
    (
        Aim(
            "gateway", "added to a call by the gateway over what a bare proxy adds", "gateway", "bare proxy", "wall",
            "times the cost", 1.5, "2 to 3",
        ),
    ),
)  # fmt: skip
STORM = Benchmark(
    "a provider whose limit moves",
    "s an answer",
    _not_yet,
    (
        Aim(
            "storm-throughput", "answers a second over those of no limit of ours at all", "our limit", "no limit",
            "wall", "times as fast", 1.0, "less",
        ),
        Aim(
            "storm-refusals", "refusals an answer over those of no limit at all", "our limit", "no limit", "refusals",
            "times the cost", 0.1, "0.1",
        ),
    ),
)  # fmt: skip

BENCHES = (TURN, CALL, TRIALS, EXEC, GATEWAY, STORM)
