"""One run in many orders: three trials side by side, whose effects are held back as a seed says."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from engine.testing.shuffle import Shuffled
from events.digest import Digest, digest_of
from events.store.memory import MemoryLog
from replay.crash.digests import trial_digests
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from tests.support.pretend import PretendBackend
from tests.support.runs import SCRIPT, make_base, spec

TRIALS = ("a", "b", "c")

FREE = spec()
"""Nothing that the trials share can run out."""


def tight(usd: str = "0.012") -> RunSpec:
    """A budget of the run that is used up before all trials are done: who comes first gets it."""
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 100}}
    return spec(
        models={"teacher": teacher},
        prices={"teacher": {"input": "1", "output": "1"}},
        budget={"run_usd": usd},
    )


class ShuffledRun(NamedTuple):
    """How a run went in one order."""

    digests: dict[str, Digest]
    """By trial."""
    outcomes: dict[str, str]
    order: Digest
    """Of the names of streams, in order of position: tells one order of completion from another."""
    equal: bool
    """Whether its rerun came out the same, to the end."""


class CountingClock:
    """A clock that moves one microsecond at each look."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        """Look."""
        self.now += 1
        return self.now


def base_of(folder: Path, script: str = SCRIPT) -> Path:
    """Make the tasks and the script."""
    return make_base(folder, script, *TRIALS)


async def lived(
    base: Path, asked: RunSpec, seed: int, backend: Callable[[], SandboxBackend] = PretendBackend
) -> ShuffledRun:
    """Live a run, with its effects held back as the seed says."""
    log = MemoryLog(clock=CountingClock())
    between = partial(Shuffled, seed=seed)
    report = await start_run(RunContext(log, backend(), load_prompts(), "test", {}, base, between), asked)
    names = [each.stream.name async for each in log.read()]
    return ShuffledRun(
        dict(await trial_digests(log, report.run)),
        report.outcomes,
        digest_of("\n".join(names).encode()),
        (await rerun(log, report.run)).complete,
    )


def distinct(lives: list[ShuffledRun], what: Callable[[ShuffledRun], Any]) -> int:
    """Count how many different values there are."""
    return len({repr(what(life)) for life in lives})
