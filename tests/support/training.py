"""Trainings for tests: the jars of the demo, few of them, with the scripted target and optimizer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.config.spec import RunSpec
from engine.core.history import load_histories
from engine.core.lineage import APART
from engine.runtime.context import RunContext, straight
from engine.runtime.run import RunReport, start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from engine.testing.shuffle import Shuffled
from events import codec
from events.base import Event, Recorded
from events.digest import Digest, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evaluation import EvaluationFound, EvaluationMissing
from replay.rerun import rerun
from tests.support.crashes import CrashMatrix
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.runs import setting

DEMO: Final = Path(__file__).parents[2] / "engine" / "demo" / "train"
SETS: Final[Mapping[str, Any]] = {
    "train": {"folder": "items", "split": "train", "limit": 12},
    "selection": {"folder": "items", "split": "val", "limit": 12},
    "test": {"folder": "items", "split": "test", "limit": 4},
}
"""The first of each set."""
FEW: Final[Mapping[str, Any]] = {
    "sets": {
        "train": {"folder": "items", "split": "train", "limit": 6},
        "selection": {"folder": "items", "split": "val", "limit": 6},
        "test": {"folder": "items", "split": "test", "limit": 2},
    },
    "batch": 3,
    "slow": {"samples": 2},
}
"""A training of four small steps, for what is lived many times."""


MONEY: Final = {"run_usd": "10", "trial_usd": "5"}


def jars(folder: Path) -> Path:
    """Lay out the items of the demo, and the script of both models."""
    copytree(DEMO / "items", folder / "items")
    (folder / "script.toml").write_text((DEMO / "script.toml").read_text())
    return folder


def training(url: str = "script:script.toml", **changes: Any) -> RunSpec:
    """Say what to train: two epochs of two steps over a dozen jars.

    Args:
        url: Where both models are reached.
        changes: Settings of the program; ``method`` and ``budget`` are those of the run.
    """
    models = {
        role: {"model": role, "base_url": url, "parameters": {"max_tokens": 4000}} for role in ("target", "optimizer")
    }
    method = changes.pop("method", {})
    budget = changes.pop("budget", {})
    own = {"epochs": 2, "batch": 6, "minibatch": 3, "slow": {"samples": 4}, "sets": dict(SETS), "name": "jar-labels"}
    spec: dict[str, Any] = {"tasks": "", "program": "train", "concurrency": 8, "models": models}
    prices = {role: {"input": "1", "output": "1"} for role in models}
    spec |= {"own": {**own, **changes}, "method": {"name": "spark", **method}, "budget": budget, "prices": prices}
    return msgspec.convert(spec, RunSpec)


@asynccontextmanager
async def mortal(folder: Path, **changes: Any) -> AsyncIterator[CrashMatrix]:
    """Serve both models to a training that may die."""
    base = jars(folder)
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        spec = training(endpoint.base_url, **{**FEW, **changes}, budget=MONEY)
        yield CrashMatrix(base, endpoint, PretendBackend, spec)


class ShuffledTraining(NamedTuple):
    """How a training went in one order."""

    digests: dict[str, Digest]
    """By stream."""
    order: Digest
    """Of the names of streams, in order of position."""
    equal: bool
    """Whether its rerun came out the same, to the end."""


async def shuffled(base: Path, seed: int | None, **changes: Any) -> ShuffledTraining:
    """Train with effects held back as a seed says. None: nothing is held back."""
    log = MemoryLog(clock=CountingClock())
    between = straight if seed is None else partial(Shuffled, seed=seed)
    run = (await trained(log, base, training(**{**FEW, **changes}), between)).run
    names = [each.stream.name async for each in log.read()]
    order = digest_of("\n".join(names).encode())
    return ShuffledTraining(await run_digest(log, run), order, (await rerun(log, run)).complete)


async def trained(log: EventLog, base: Path, spec: RunSpec, between: Any = straight) -> RunReport:
    """Train to the end."""
    here: RunContext = await setting(log, base)
    return await start_run(here._replace(between=between), spec)


async def course_of(log: EventLog, run: str) -> list[Recorded]:
    """Read the straight line of a training."""
    return [each async for each in log.read(Selection(run=run, streams=("train",)))]


async def told(log: EventLog, run: str, *kinds: type[Event]) -> list[Any]:
    """Give the events of some classes on that line."""
    return [each.event for each in await course_of(log, run) if isinstance(each.event, kinds)]


async def run_digest(log: EventLog, run: str) -> dict[str, Digest]:
    """Name each stream of a run by all that was recorded in it; sessions, and places in the log, are left out."""
    digests: dict[str, Digest] = {}
    for name, history in (await load_histories(log, run)).by_stream.items():
        if name not in APART:
            payloads = [codec.encode(_placeless(each.event)) for each in history]
            digests[name] = digest_of(b"\0".join(payloads))
    return digests


def _placeless(event: Event) -> Event:
    match event:
        case EvaluationFound():
            return replace(event, run="", as_of=0, position=0)
        case EvaluationMissing():
            return replace(event, as_of=0)
        case _:
            return event
