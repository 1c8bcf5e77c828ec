"""Live one run in many orders: effects of three trials, a training and libraries, held back by turns drawn from a seed.

    python -m benchmarks.shuffle [--seeds 300] [--real]

Asked of each seed: with money enough, every trial, and every stream of the training, has the digest it has in every
other order; with a budget that the trials race for, streams may differ, and the rerun is equal all the same. `--real`
opens the sandboxes of this machine instead of pretended ones.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from events.digest import Digest
from sandbox.base import SandboxBackend
from sandbox.local.backend import local_backend
from tests.support.evolving import evolution, sums
from tests.support.evolving import shuffled as shuffled_libraries
from tests.support.orders import FREE, ShuffledRun, base_of, distinct, lived, tight
from tests.support.pretend import PretendBackend
from tests.support.training import jars, shuffled


async def several(seeds: int, *, real: bool) -> int:
    """Live all orders of both runs, print what came of them, and count what should not have."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        base = base_of(Path(folder))
        local = await local_backend(base / "sandboxes")
        backend: Callable[[], SandboxBackend] = (lambda: local) if real else PretendBackend
        print(f"{'':<22} {'seeds':>6} {'orders':>7} {'contents':>9} {'outcomes':>9} {'rerun differs':>14} {'s':>6}")
        for name, asked, may_differ in (("enough for all", FREE, False), ("a budget raced for", tight(), True)):
            begun = time.perf_counter()
            lives = [await lived(base, asked, seed, backend) for seed in range(seeds)]
            bad += shown(name, lives, time.perf_counter() - begun)
            bad += 0 if may_differ else distinct(lives, lambda life: life.digests) - 1
        bad += await trainings(jars(Path(folder)), max(seeds // 10, 2))
        bad += await evolutions(sums(Path(folder) / "sums"), max(seeds // 10, 2))
    return bad


async def evolutions(base: Path, seeds: int) -> int:
    """Evolve libraries of three arms in all orders; print and count likewise."""
    begun = time.perf_counter()
    spec = evolution("curated_with_revision_always", "raw_trajectory_rag", "selfgen_zero_shot")
    lives = [await shuffled_libraries(base, seed, spec) for seed in range(seeds)]
    return told("an evolution", [(life.order, life.digests, life.equal) for life in lives], begun)


async def trainings(base: Path, seeds: int) -> int:
    """Train in all orders, a tenth as many, since a training is long; print and count likewise."""
    begun = time.perf_counter()
    changes: dict[str, Any] = {"gate": {"name": "items"}, "shadows": {"strict": {"name": "strict"}}}
    lives = [await shuffled(base, seed, **changes) for seed in range(seeds)]
    return told("a training", [(life.order, life.digests, life.equal) for life in lives], begun)


def told(name: str, lives: Sequence[tuple[Digest, Mapping[str, Digest], bool]], begun: float) -> int:
    """Print a line, and count contents beyond the first and reruns that were not equal."""
    orders, contents = {order for order, _, _ in lives}, {tuple(sorted(digests.items())) for _, digests, _ in lives}
    unequal = sum(not equal for _, _, equal in lives)
    print(
        f"{name:<22} {len(lives):>6} {len(orders):>7} {len(contents):>9} {'':>9} {unequal:>14} "
        f"{time.perf_counter() - begun:>6.1f}"
    )
    return unequal + len(contents) - 1


def shown(name: str, lives: list[ShuffledRun], seconds: float) -> int:
    """Print a line, and count the reruns that were not equal."""
    orders, contents = distinct(lives, lambda life: life.order), distinct(lives, lambda life: life.digests)
    outcomes, unequal = distinct(lives, lambda life: life.outcomes), sum(not life.equal for life in lives)
    print(f"{name:<22} {len(lives):>6} {orders:>7} {contents:>9} {outcomes:>9} {unequal:>14} {seconds:>6.1f}")
    return unequal


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()

    async def work() -> int:
        return await several(20 if given.quick else given.seeds, real=given.real)

    bad = anyio.run(work)
    print(f"{bad} differences that should not be")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
