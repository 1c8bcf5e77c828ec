"""Training over SearchQA's format beside skillopt 0.2.0: CPU of a rollout, and rollouts a second.

    python3 -m venv PEER && PEER/bin/pip install skillopt==0.2.0
    python -m benchmarks.train_qa --peer-python PEER/bin/python [--rounds 3] [--latency 0.2 2] [--quick]

PyPI's 0.2.0 is older than the commit whose behaviour the method `compatible` has, and its wheel lacks its prompts; see
`benchmarks.peer_skillopt`. The endpoint is a process of its own, answers after a fixed time and by a rule, and its CPU
is not counted. Both train the same skill on the same made-up items, with the paper's settings (batches of 40,
minibatches of 8, rate 4 to 2 by cosine, slow update and meta skill) but for two epochs of 80 items, and 200 to select
by: some 1,200 rollouts. Ours is the method `compatible` with a log in a file and everything on, and its default method
beside it. What both did is printed: rollouts, other calls, steps accepted, and the best score.

CPU is user and system time of the trainer's process while it trains, without imports, over rollouts; the calls of the
optimizer are in it. Each training runs in a process of its own, interleaved; what counts is the ratio within a round.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from benchmarks.idle_sandbox import IdleBackend
from benchmarks.qa_endpoint import HERBS, herb
from benchmarks.trials import SECRETS
from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import allow_many_files, clock, collect_rarely
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.redaction.redactor import Redactor
from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.training import SkillAccepted, TrainingClosed

PEER: Final = "skillopt"
WAYS: Final = (PEER, "compatible", "default")
_PROSE: Final = (
    "The house keeps a ledger for each of its rooms, in which whoever dries, presses or steeps a herb notes the day, "
    "the weight and the hand. Ledgers are ruled in red, and read from the top. "
)


class TrainingPlan(msgspec.Struct, frozen=True):
    """What one process trains."""

    way: str
    url: str
    items: str
    out: str
    at_once: int
    epochs: int
    batch: int


class TrainingCost(msgspec.Struct, frozen=True):
    """What one training took and came to."""

    cpu_s: float
    wall_s: float
    accepted: int
    """Steps whose candidate was accepted."""
    best: float
    """Score of the best skill on the selection items."""
    peak_mib: float
    calls: dict[str, int] = {}
    """Calls that the endpoint answered, by stage."""

    @property
    def rollouts(self) -> int:
        """Count rollouts: a call each."""
        return self.calls["rollout"]

    @property
    def cpu_ms(self) -> float:
        """Give the CPU of a rollout."""
        return self.cpu_s / self.rollouts * 1e3

    @property
    def rate(self) -> float:
        """Give rollouts a second."""
        return self.rollouts / self.wall_s

    @property
    def told(self) -> str:
        """Say what was done."""
        others = sum(self.calls.values()) - self.rollouts
        did = f"{self.rollouts} rollouts, {others} other calls, {self.accepted} accepted, best {self.best:.3f}"
        return f"{did}; {self.rate:.1f} rollouts a second, {self.peak_mib:.0f} MiB"


class TrainingSize(msgspec.Struct, frozen=True):
    """How much is trained."""

    train: int = 80
    selection: int = 200
    batch: int = 40
    epochs: int = 2


class TrainingLoad(NamedTuple):
    """What a trainer is given."""

    latency_s: float
    at_once: int
    size: TrainingSize


def write_items(folder: Path, size: TrainingSize) -> None:
    """Write items in SearchQA's format: a question, and 5,000 characters of passages of which one answers it."""
    first = 0
    for split, count in (("train", size.train), ("val", size.selection), ("test", 2)):
        rows = [item(room) for room in range(first, first + count)]
        first += count
        (folder / split).mkdir(parents=True)
        (folder / split / "items.json").write_text(json.dumps(rows), encoding="utf-8")


def item(room: int) -> dict[str, Any]:
    """Make an item."""
    pages = [f"[DOC] [TLE] Ledger of room {room + at} [PAR] {_PROSE * 4}" for at in (1000, 2000, 3000, 4000)]
    told = f"[DOC] [TLE] Ledger of room {room} [PAR] First {herb(room)}, then {HERBS[(room + 5) % 12]}. {_PROSE * 3}"
    return {
        "id": f"room-{room:04d}",
        "question": f"Which herb stands first in the ledger of room {room}?",
        "context": " ".join([*pages[:2], told, *pages[2:]]),
        "answers": [herb(room)],
    }


@contextmanager
def endpoint(latency_s: float) -> Iterator[tuple[str, dict[str, int]]]:
    """Serve in another process; once that ends, the calls of each stage are in the second value."""
    command = [sys.executable, "-m", "benchmarks.qa_endpoint", str(latency_s)]
    calls: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["base_url"], calls
            told, _ = server.communicate(timeout=30)
            calls.update(json.loads(told))
        finally:
            server.kill()


# -- ours --------------------------------------------------------------------------------------------------------------


def training(plan: TrainingPlan) -> RunSpec:
    """Say what is trained: what `benchmarks.peer_skillopt` says, in our words."""
    own = {
        "epochs": plan.epochs,
        "batch": plan.batch,
        "minibatch": 8,
        "rate": {"mode": "cosine", "most": 4, "least": 2},
        "test": False,
        "remeasure": False,
        "sets": {
            "train": {"folder": plan.items, "split": "train"},
            "selection": {"folder": plan.items, "split": "val"},
        },
    }
    models = {role: {"model": role, "base_url": plan.url} for role in ("target", "optimizer")}
    method = {"name": "compatible"} if plan.way == "compatible" else {}
    spec = {"program": "train", "tasks": "", "own": own, "models": models, "method": method}
    # As many calls are in flight as the peer has workers, and cells beyond them, which are before or behind their call.
    pools = {"calls": {"start": plan.at_once, "most": plan.at_once}}
    return msgspec.convert({**spec, "concurrency": 4 * plan.at_once, "pools": pools}, RunSpec)


async def begun(plan: TrainingPlan) -> TrainingCost:
    """Train a little in another log first, so that what a process imports first is left out, and then train."""
    with tempfile.TemporaryDirectory(dir=plan.out) as folder, endpoint(0.0) as (url, _):
        write_items(Path(folder) / "items", TrainingSize(4, 4, 2, 1))
        await ours(TrainingPlan(plan.way, url, f"{folder}/items", folder, 4, 2, 2))
    return await ours(plan)


async def ours(plan: TrainingPlan) -> TrainingCost:
    """Train once, with a log in a file."""
    base = Path(plan.out)
    async with await SqliteLog.open(base / "log.db", clock=clock, redactor=Redactor(SECRETS)) as log:
        setting = RunContext(log, IdleBackend(), load_prompts(), "bench", {}, base)
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        await start_run(setting, training(plan))
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        events = [each.event async for each in log.read(Selection(streams=("train",)))]
    (closed,) = [each for each in events if isinstance(each, TrainingClosed)]
    accepted = [each for each in events if isinstance(each, SkillAccepted) and each.origin == "step"]
    best = next(each.believed for each in closed.skills if each.which == "best")
    return TrainingCost(
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        wall_s=wall,
        accepted=len(accepted),
        best=-1.0 if best is None else float(best.exact),
        peak_mib=after.ru_maxrss / 1024,
    )


# -- both --------------------------------------------------------------------------------------------------------------


def trained(given: argparse.Namespace, way: str, load: TrainingLoad) -> TrainingCost:
    """Train once in a process of its own, beside an endpoint in another."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder, endpoint(load.latency_s) as served:
        url, calls = served
        items = Path(folder) / "items"
        write_items(items, load.size)
        Path(folder, "out").mkdir()
        plan = TrainingPlan(way, url, str(items), f"{folder}/out", load.at_once, load.size.epochs, load.size.batch)
        told = msgspec.json.encode(plan).decode()
        peer = [given.peer_python, str(Path(__file__).with_name("peer_skillopt.py")), told]
        command = peer if way == PEER else [sys.executable, "-m", "benchmarks.train_qa", "--child", told]
        line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
    return msgspec.structs.replace(msgspec.json.decode(line, type=TrainingCost), calls=calls)


def best_of(given: argparse.Namespace, way: str, latency_s: float, size: TrainingSize) -> int:
    """Find at which concurrency a trainer is fastest: each is tried once."""
    rates: dict[int, float] = {}
    for at_once in given.at_once:
        cost = trained(given, way, TrainingLoad(latency_s, at_once, size))
        rates[at_once] = cost.rate
        print(f"  {way:<10} {at_once:>4} at once: {cost.told}", flush=True)
    return max(rates, key=rates.__getitem__)


def rounds(given: argparse.Namespace, at_once: dict[str, int], latency_s: float, size: TrainingSize) -> None:
    """Measure all, interleaved, and print medians, and ratios within a round."""
    seen: dict[str, list[TrainingCost]] = {way: [] for way in at_once}
    for number in range(given.rounds):
        turn = number % len(seen)
        for way in [*seen][turn:] + [*seen][:turn]:
            seen[way].append(trained(given, way, TrainingLoad(latency_s, at_once[way], size)))
    for way, costs in seen.items():
        print(f"  {way:<10} {at_once[way]:>4} at once: {costs[0].told}")
        each = [cost.cpu_ms for cost in costs]
        print(f"             {median(each):6.2f} ms of CPU a rollout [{min(each):.2f} to {max(each):.2f}], ", end="")
        each = [cost.rate for cost in costs]
        print(f"{median(each):6.1f} rollouts a second [{min(each):.1f} to {max(each):.1f}]")
    for way in (each for each in seen if each != PEER and PEER in seen):
        pairs = list(zip(seen[way], seen[PEER], strict=True))
        cpu = median(mine.cpu_ms / theirs.cpu_ms for mine, theirs in pairs)
        fast = median(mine.rate / theirs.rate for mine, theirs in pairs)
        print(
            f"  {way:<10} over {PEER}: {cpu:.3f} of its CPU a rollout, {fast:.2f} of its rollouts a second", flush=True
        )


def measure(given: argparse.Namespace, size: TrainingSize) -> None:
    """Measure at each latency: at equal concurrency, then each at its own best."""
    ways = [way for way in given.ways if way != PEER or given.peer_python]
    for latency_s in given.latency:
        print(f"{latency_s} s, each with {given.equal} at once; load {os.getloadavg()[0]:.1f}", flush=True)
        rounds(given, dict.fromkeys(ways, given.equal), latency_s, size)
        if given.at_once:
            print(f"{latency_s} s, each at its best", flush=True)
            rounds(given, {way: best_of(given, way, latency_s, size) for way in ways}, latency_s, size)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default="", help="an interpreter that has skillopt 0.2.0; without, ours only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.2, 2.0], help="of the endpoint, in seconds")
    parser.add_argument(
        "--equal", type=int, default=24, help="calls at once of both; 24 is what skillopt's settings have"
    )
    parser.add_argument(
        "--at-once", type=int, nargs="*", default=[24, 64, 200], help="tried for the best; none: not at all"
    )
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="which are measured")
    parser.add_argument("--quick", action="store_true", help="a training of 60 rollouts, once")
    parser.add_argument("--child", help="a plan as JSON, trained in this process")
    given = parser.parse_args()
    if given.child:
        allow_many_files()
        collect_rarely()
        print(msgspec.json.encode(anyio.run(begun, msgspec.json.decode(given.child, type=TrainingPlan))).decode())
        return
    if given.quick:
        given.rounds, given.latency, given.at_once = 1, [0.05], []
    measure(given, TrainingSize(8, 10, 4, 2) if given.quick else TrainingSize())


if __name__ == "__main__":
    main()
