"""Kill a run at every moment: before and after each append and each effect; resume it, and compare.

    python -m benchmarks.crash_matrix [--every 1] [--real] [--docker]

Three trials side by side, then a training of four steps, then libraries of two arms: a scripted model over real HTTP
that survives every death and counts what it is sent, and pretended sandboxes (`--real`: those of this machine). Asked
of each: trials that lost no sandbox, all streams of a training, and all libraries, hold the same bytes, trials cost the
same, no answered call is sent again, no cap is passed, the log is sound, the rerun is equal.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import anyio

from engine.config.spec import OnLoss
from engine.core.system import clock
from engine.runtime.environment import ProcessEnvironment
from events.digest import Digest
from replay.crash.matrix import DEATHS, crash_test
from sandbox.base import SandboxBackend
from sandbox.local.backend import local_backend
from tests.support.crashes import (
    CrashedRun,
    CrashMatrix,
    OpenLog,
    ended,
    in_file,
    in_memory,
    world,
    wrong,
    wrong_with_cap,
)
from tests.support.evolving import mortal as evolution_that_dies
from tests.support.pretend import PretendBackend
from tests.support.training import mortal, run_digest

APPENDED = (
    *("run.opened", "trial.opened", "task.read", "trial.attempt_planned", "sandbox.opened", "budget.granted"),
    *(
        "model.asked",
        "model.call_answered",
        "action.observed",
        "attempt.agent_ended",
        "verify.rewarded",
        "attempt.judged",
    ),
    *("trial.attempt_concluded", "skill.revised", "trial.closed", "run.closed", "session.ended"),
)
ASKED = (
    *("task.asked", "sandbox.asked", "budget.asked", "model.asked", "action.asked", "verify.asked"),
    "sandbox.release_asked",
)
"""Tags of events around whose appending, and of requests around whose answering, processes are killed."""

Points = Callable[[int], Sequence[tuple[int, ...]]]
"""The deaths to die, each a moment in each life but the last, from the number of moments of an undisturbed life."""


class MatrixPart(NamedTuple):
    """One part of the matrix."""

    name: str
    run_usd: str
    in_file: bool
    points: Points
    on_loss: OnLoss = "abandon"
    forked: bool = False
    kind: Literal["trials", "training", "evolution"] = "trials"
    """What dies: three trials, a training, or the libraries of two arms."""


def parts(every: int) -> list[MatrixPart]:
    """Say what is tried. Second deaths fall where a resume records what it found, and a while later."""
    later = (0, 1, 2, 3, 4, 5, 12, 40, 120)

    def one(most: int) -> Sequence[tuple[int, ...]]:
        return [(at,) for at in range(0, most, every)]

    return [
        MatrixPart("one death", "1", in_file=False, points=one),
        MatrixPart(
            "one death, in a file", "1", in_file=True, points=lambda most: [(at,) for at in range(0, most, 4 * every)]
        ),
        MatrixPart(
            "and one in the resume",
            "1",
            in_file=False,
            points=lambda most: [(at, again) for at in range(7, most, 20 * every) for again in later],
        ),
        MatrixPart(
            "a budget raced for",
            "0.012",
            in_file=False,
            points=lambda most: [(at, 30) for at in range(0, most, 3 * every)],
        ),
        MatrixPart("a fork", "1", in_file=False, points=one, forked=True),
        MatrixPart("rebuilt", "1", in_file=False, points=one, on_loss="rebuild"),
        MatrixPart("a fork, rebuilt", "1", in_file=False, points=one, on_loss="rebuild", forked=True),
        *_programs(every),
    ]


def _programs(every: int) -> list[MatrixPart]:
    """Say what is tried of programs besides exploring."""
    return [
        MatrixPart(
            "a training",
            "1",
            in_file=False,
            points=lambda most: [(at,) for at in range(0, most, 20 * every)],
            kind="training",
        ),
        MatrixPart(
            "a training, in a file",
            "1",
            in_file=True,
            points=lambda most: [(at, again) for at in range(11, most, 200 * every) for again in (3, 60)],
            kind="training",
        ),
        MatrixPart(
            "an evolution",
            "1",
            in_file=False,
            points=lambda most: [(at,) for at in range(0, most, 20 * every)],
            kind="evolution",
        ),
    ]


async def tried(part: MatrixPart, here: CrashMatrix, logs: Callable[[], OpenLog]) -> int:
    """Try one part, print its line, and count what should not be so."""
    begun = time.perf_counter()
    opened = logs()
    plain = await ended(here, (), opened)
    streams = await _streams(part, opened)
    bad = 0
    seen: list[CrashedRun] = []
    for deaths in part.points(plain.moments[0]):
        opened = logs()
        seen.append(await ended(here, deaths, opened))
        found = wrong(plain, seen[-1]) if part.run_usd == "1" else wrong_with_cap(seen[-1])
        again = await _streams(part, opened)
        found += [
            f"stream {name} differs" for name in sorted({*streams, *again}) if streams.get(name) != again.get(name)
        ]
        lost = seen[-1].account.lost if part.on_loss == "rebuild" else ()
        found += [f"trial {name} lost a sandbox that should have been rebuilt" for name in sorted(lost)]
        bad += len(found)
        for each in found:
            print(f"  LOOK {each}; died at {seen[-1].deaths}")
    gone = sum(len(each.account.lost) for each in seen)
    died = Counter(f"{moment.side} {moment.what}" for each in seen for moment in each.deaths)
    resent = sum(each.again for each in seen)
    print(
        f"{part.name:<22} {plain.account.events:>6} {len(seen):>6} {sum(died.values()):>6} "
        f"{sum(each.resumes for each in seen):>7} {gone:>7} {bad:>11} {resent:>8} {time.perf_counter() - begun:>6.0f}"
    )
    print("  " + ", ".join(f"{count} {place}" for place, count in sorted(died.items())))
    return bad


async def _streams(part: MatrixPart, opened: OpenLog) -> Mapping[str, Digest]:
    """Give the digest of each stream of a training, or of each library; trials are compared by their accounts."""
    if part.kind == "trials":
        return {}
    async with opened() as log:
        digests = await run_digest(log, (await log.runs())[-1])
    if part.kind == "training":
        return digests
    return {name: each for name, each in digests.items() if name.startswith(("library/", "retrieve/"))}


@asynccontextmanager
async def placed(part: MatrixPart, *, real: bool) -> AsyncIterator[tuple[CrashMatrix, Callable[[], OpenLog]]]:
    """Make the world of a part, and what opens a new log for each of its runs."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder, numbers = Path(name), count()
        local = await local_backend(folder / "sandboxes")
        backend: Callable[[], SandboxBackend] = (lambda: local) if real else PretendBackend
        async with _world(part, folder, backend) as here:
            yield here, (lambda: in_file(folder / f"{next(numbers)}.db")) if part.in_file else in_memory


def _world(
    part: MatrixPart, folder: Path, backend: Callable[[], SandboxBackend]
) -> AbstractAsyncContextManager[CrashMatrix]:
    match part.kind:
        case "training":
            return mortal(folder, gate={"name": "items"})
        case "evolution":
            return evolution_that_dies(folder, "curated_with_revision_always", "raw_trajectory_rag")
        case "trials":
            return world(folder, run_usd=part.run_usd, backend=backend, on_loss=part.on_loss, forked=part.forked)


async def matrix(every: int, *, real: bool) -> int:
    """Try everything."""
    heads = ("events", "runs", "deaths", "resumes", "lost*", "differences", "again**", "s")
    widths = (6, 6, 6, 7, 7, 11, 8, 6)
    print(" " * 23 + " ".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True)))
    bad = 0
    for part in parts(every):
        async with placed(part, real=real) as (here, logs):
            bad += await tried(part, here, logs)
    bad += await killed("abandon", "local", quick=every > 1)
    bad += await killed("rebuild", "local", quick=every > 1)
    print("* trials that lost a sandbox with the process; they abandon an attempt, and are not compared byte for byte")
    print("** answered calls that the model was sent again")
    return bad


async def killed(on_loss: OnLoss, sandbox: str, *, quick: bool) -> int:
    """Let processes be killed by SIGKILL, with a log in a file and real sandboxes."""
    begun = time.perf_counter()
    kinds = [("append", tag) for tag in APPENDED] + [("effect", tag) for tag in ASKED]
    deaths = DEATHS if quick else [(side, what, tag) for what, tag in kinds for side in ("before", "after")]
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        means = ProcessEnvironment({}, folder, folder / "log.db", folder / "sandboxes", clock, "benchmark")
        seen = await crash_test(means, folder, sandbox, told=lambda _: None, deaths=deaths, on_loss=on_loss)
    wrong = [f"  LOOK {each}; killed {crash.place}" for crash in seen for each in crash.wrong]
    if on_loss == "rebuild":
        wrong += [f"  LOOK a sandbox was not rebuilt; killed {crash.place}" for crash in seen if crash.lost]
    figures = (len(seen), sum(each.killed for each in seen), sum(each.resumed for each in seen))
    runs, deaths_died, resumes = figures
    lost, seconds = sum(each.lost for each in seen), time.perf_counter() - begun
    print(
        f"{f'{sandbox}, {on_loss}':<22} {'':>6} {runs:>6} {deaths_died:>6} {resumes:>7} {lost:>7} {len(wrong):>11} "
        f"{'':>8} {seconds:>6.0f}"
    )
    print("\n".join([f"  SIGKILL, real sandboxes, a log in a file: {len(deaths)} kinds of places", *wrong]))
    return len(wrong)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="die at every which moment")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--docker", action="store_true", help="only killed processes, whose containers may survive")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()

    async def work() -> int:
        every = 40 if given.quick else given.every
        if given.docker:
            print(f"{'SIGKILL':<29} {'runs':>6} {'deaths':>6} {'resumes':>7} {'lost':>7} {'differences':>11} {'s':>15}")
            return sum([await killed(on_loss, "docker", quick=every > 1) for on_loss in get_args(OnLoss)])
        return await matrix(every, real=given.real)

    bad = anyio.run(work)
    print(f"{bad} differences that should not be")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
