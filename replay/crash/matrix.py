"""A short crash matrix on a user's own machine: its file system, its sandboxes, its processes, killed by SIGKILL."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Final, NamedTuple

import anyio
import msgspec

import engine
from engine.config import resolve
from engine.config.spec import OnLoss, RunSpec
from engine.runtime.environment import ProcessEnvironment
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from engine.testing.fault_injection import CrashPoint
from events.digest import digest_of
from events.errors import StillroomError
from events.store.sqlite.store import SqliteLog
from replay.crash.child import Life
from replay.crash.totals import Account, account_of, differences, repeated

DEMO: Final = Path(engine.__file__).parent / "demo"
TASK: Final = "sales-by-region"
"""Of the demo, the one whose run is shortest: one attempt, solved, and distilled."""
Death = tuple[str, str, str]
"""Side, kind and tag of a `CrashPoint`."""
DEATHS: Final[tuple[Death, ...]] = (
    ("before", "effect", "sandbox.asked"),
    ("after", "effect", "action.asked"),
    ("after", "effect", "model.asked"),
    ("before", "append", "attempt.judged"),
    ("after", "append", "skill.revised"),
)
"""A handful of places: around an effect and around an append, in an attempt and after it."""
PASSED_ON: Final = ("DOCKER_HOST", "CONTAINER_HOST", "XDG_RUNTIME_DIR", "STILLROOM_BUILD_NETWORK")
"""All that a life is told of the environment: what it is told is written to a file, and no key belongs there."""
AT_ONCE: Final = 2
"""Runs side by side: most of their time is waiting for the disk and for sandboxes."""
LIFE_S: Final = 120.0
"""Seconds that one process may take; far more than any needs."""


class Crash(NamedTuple):
    """What became of a run whose process was killed once."""

    place: str
    killed: bool
    """Whether SIGKILL ended the process at its place."""
    resumed: bool
    """Whether the next process came to the end of the run."""
    lost: int
    """Attempts' sandboxes that died with it: the trial goes on with another attempt, and is not compared."""
    wrong: tuple[str, ...]
    """Everything that is not as in the run that nobody killed."""
    seconds: float


class _Bench(NamedTuple):
    """What one run has before it: a folder of its own, and an endpoint that survives its processes."""

    means: ProcessEnvironment
    folder: Path
    endpoint: ScriptedEndpoint
    spec: RunSpec


async def crash_test(
    means: ProcessEnvironment,
    folder: Path,
    sandbox: str,
    *,
    told: Callable[[Crash], None],
    deaths: Sequence[Death] = DEATHS,
    on_loss: OnLoss = "abandon",
) -> list[Crash]:
    """Kill a small run at a handful of places, each time in a log of its own; resume it; compare.

    Args:
        means: Whose environment and package the processes are given.
        folder: A new folder on the file system to be tried; everything made stays in it.
        sandbox: Which backend to try.
        told: Called with each result as it comes.
        deaths: Where to kill; what such a run never comes to is left out.
        on_loss: What becomes of an attempt whose sandbox died: where it is made again, no trial may differ.

    Raises:
        StillroomError: The run does not work on this machine even if nobody kills it.
    """
    shutil.copytree(DEMO, folder / "demo")
    where = partial(_bench, means, changes={"sandbox": sandbox, "on_loss": on_loss})
    found: dict[int, Crash] = {}
    gate = anyio.Semaphore(AT_ONCE)
    async with where(folder / "undisturbed") as bench:
        plain, moments = await _undisturbed(bench)

    async def crash(at: int) -> None:
        async with gate, where(folder / f"killed-{at}") as bench:
            found[at] = await _crashed(bench, at, moments[at], plain)
            told(found[at])

    async with anyio.create_task_group() as tasks:
        for at in _places(moments, deaths):
            tasks.start_soon(crash, at)
    return [found[at] for at in sorted(found)]


@asynccontextmanager
async def _bench(means: ProcessEnvironment, folder: Path, *, changes: Mapping[str, str]) -> AsyncIterator[_Bench]:
    demo = folder.parent / "demo"
    await anyio.Path(folder).mkdir()
    asked = resolve.resolve(resolve.Inputs(folder, run_file=demo / "run.toml")).spec
    async with ScriptedEndpoint(load_script(demo / "script.toml")) as endpoint:
        models = {
            role: msgspec.structs.replace(model, base_url=endpoint.base_url) for role, model in asked.models.items()
        }
        spec = msgspec.structs.replace(asked, tasks=str(demo / "tasks"), only=(TASK,), models=models, **changes)
        yield _Bench(means, folder, endpoint, spec)


async def _undisturbed(bench: _Bench) -> tuple[Account, list[CrashPoint]]:
    code, said, trouble = await _life(bench, None)
    if code != 0:
        raise StillroomError(
            f"a run fails here even without a kill: {trouble.strip()[-500:]}",
            remedy="`stillroom doctor` reports what is missing; `stillroom demo` runs the same tasks visibly",
        )
    return await _account(bench), msgspec.json.decode(said, type=list[CrashPoint])


def _places(moments: Sequence[CrashPoint], deaths: Sequence[Death]) -> list[int]:
    """Find each place to die at, in the middle of where it comes often."""
    found = []
    for side, what, tag in deaths:
        here = [i for i, each in enumerate(moments) if (each.side, each.what, each.tag) == (side, what, tag)]
        found += here[len(here) // 2 :][:1]
    return found


async def _crashed(bench: _Bench, at: int, moment: CrashPoint, plain: Account) -> Crash:
    begun = time.perf_counter()
    first, _, _ = await _life(bench, at)
    second, _, trouble = await _life(bench, None)
    wrong = [] if first == -SIGKILL else [f"the process exited with {first} instead of being killed"]
    if second != 0:
        wrong.append(f"the run was not resumed: {trouble.strip()[-300:]}")
    lost, found = await _compared(bench, plain) if not wrong else (0, [])
    place = f"{moment.side} {moment.what} {moment.tag}"
    return Crash(place, first == -SIGKILL, second == 0, lost, (*wrong, *found), time.perf_counter() - begun)


async def _compared(bench: _Bench, plain: Account) -> tuple[int, list[str]]:
    """Count trials that lost a sandbox, and say what is not as in the run that nobody killed."""
    try:
        seen = await _account(bench)
    except StillroomError as error:
        return 0, [error.problem]
    again = repeated(Counter(str(digest_of(body)) for body in bench.endpoint.requests), seen.sent)
    return len(seen.lost), differences(plain, seen) + ([f"{again} answered calls were sent again"] if again else [])


async def _life(bench: _Bench, at: int | None) -> tuple[int, bytes, str]:
    """Let one process live; give its exit code, what it printed, and what it complained of."""
    passed = {name: bench.means.environment[name] for name in PASSED_ON if name in bench.means.environment}
    life = Life(
        spec=bench.spec,
        log=str(bench.folder / "log.db"),
        sandboxes=str(bench.folder / "sandboxes"),
        package=bench.means.package,
        environment=passed,
        at=at,
    )
    file = bench.folder / "life.json"
    await anyio.Path(file).write_bytes(msgspec.json.encode(life))
    with anyio.fail_after(LIFE_S):
        done = await anyio.run_process([sys.executable, "-m", "replay.crash.child", str(file)], check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


async def _account(bench: _Bench) -> Account:
    async with await SqliteLog.open(bench.folder / "log.db", clock=bench.means.clock, create=False) as log:
        return await account_of(log, (await log.runs())[-1])
