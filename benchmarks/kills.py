"""Kill a running demo with SIGKILL at random moments, resume it each time, and compare.

    python -m benchmarks.kills [--times 20] [--seed 1]

The scripted endpoint runs in a process of its own and keeps a count file, so it survives and knows which requests
it was sent. Asked of each run: no answered call is sent again, the log is sound, the rerun is equal, and trials that
lost no sandbox have the digests and the cost of an undisturbed run.
"""

import argparse
import json
import random  # noqa: TID251 - moments of death are chance by design, from a seed that is printed
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import anyio

from engine.budget import BudgetKeeper, Caps
from engine.conversation import ConversationReader
from engine.histories import load_histories
from engine.model_port import build_request
from engine.providers.base import body_of
from engine.system import clock
from events.base import Recorded, Ref
from events.budget import BudgetAsked
from events.digest import Digest, digest_of
from events.log import Head
from events.model import ModelAnswered, ModelAsked, ModelFailed
from events.session import InFlightFound
from events.sqlite import SqliteLog
from events.verify import verify
from replay.digests import trial_digests, trials_that_lost_a_sandbox
from replay.rerun import rerun

DEMO = Path(__file__).parents[1] / "engine" / "demo"


class Look(NamedTuple):
    """What a log holds in the end."""

    run: str
    head: Head
    digests: dict[str, Digest]
    lost: set[str]
    spent: dict[str, int]
    """By trial, in nano-USD, without the bounds of calls that were in flight when a process died."""
    sent: Counter[str]
    """How often the log accounts for each request: tries made, and calls in flight when a process died."""
    equal: bool
    sound: bool


def command(*args: str) -> list[str]:
    """Call the command line of this environment."""
    return [sys.executable, "-c", "from cli import main; main()", *args]


def prepare(folder: Path, url: str) -> Path:
    """Copy the demo and point it at the endpoint that survives."""
    shutil.copytree(DEMO, folder / "demo")
    spec = folder / "demo" / "run.toml"
    spec.write_text(spec.read_text().replace("script:script.toml", url))
    return spec


def carry(args: list[str], killed_after_s: float | None) -> int:
    """Run a command; kill it after a while. Gives its exit code."""
    process = subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=killed_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return -9
    if process.returncode not in {0, 6, 7}:
        sys.exit(f"{' '.join(args)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return process.returncode


async def look(path: Path) -> Look:
    """Read what a log holds."""
    log = await SqliteLog.open(path, clock=clock)
    async with log:
        run = (await log.runs())[0]
        histories = (await load_histories(log, run)).by_stream
        keeper = BudgetKeeper(Caps(None, None))
        keeper.fold(histories)
        digests = dict(await trial_digests(log, run))
        bounds = lost_bounds(histories)
        return Look(
            run,
            await log.head(),
            digests,
            await trials_that_lost_a_sandbox(log, run),
            {trial: keeper.of_trial(trial) - bounds[trial] for trial in digests},
            await accounted(log, histories),
            (await rerun(log, run)).complete,
            not (await verify(log)).findings,
        )


def lost_bounds(histories: Mapping[str, Sequence[Recorded]]) -> Counter[str]:
    """Add up, by trial, what calls that were in flight may have cost: the keeper counts each for good."""
    bounds: Counter[str] = Counter()
    for each in histories["session"]:
        for ref in each.event.asked if isinstance(each.event, InFlightFound) else ():
            before = [other.event for other in histories[ref.stream][: ref.version]]
            reserved = [event for event in before if isinstance(event, BudgetAsked)]
            if isinstance(before[-1], ModelAsked) and reserved:
                bounds[reserved[-1].trial] += reserved[-1].amount
    return bounds


async def accounted(log: SqliteLog, histories: Mapping[str, Sequence[Recorded]]) -> Counter[str]:
    """Count how often each request may have been received, by the log's own account."""
    reader = ConversationReader(log)
    bodies: dict[Ref, str] = {}
    counts: Counter[str] = Counter()
    for history in histories.values():
        for each in history:
            event = each.event
            if isinstance(event, ModelAsked):
                bodies[each.ref] = digest_of(body_of(await build_request(event, reader, log)))
                counts[bodies[each.ref]] += 1
            elif isinstance(event, ModelAnswered | ModelFailed) and each.cause is not None:
                counts[bodies[each.cause]] += len(event.tries) - 1
    for each in histories["session"]:
        if isinstance(each.event, InFlightFound):
            counts.update(bodies[ref] for ref in each.event.asked if ref in bodies)
    return counts


def repeated(counts: Path, sent: Counter[str]) -> int:
    """Count requests the endpoint received more often than the log accounts for: an answered call sent again."""
    entries = [json.loads(line) for line in counts.read_text().splitlines()]
    received = Counter(entry["digest"] for entry in entries if entry["at"] == "received")
    return sum((received - sent).values())


def one(folder: Path, draw: random.Random | None) -> tuple[Look, int, int]:
    """Run the demo once, killed and resumed if a source of chance is given; count kills and repeated calls."""
    counts = folder / "counts.jsonl"
    server = subprocess.Popen(
        [sys.executable, "-m", "engine.providers.scripted", str(DEMO / "script.toml"), "--counts", str(counts)],
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        spec = prepare(folder, json.loads(server.stdout.readline())["base_url"])
        log = folder / "log.db"
        kills = 0
        args = ["run", str(spec), "--log", str(log), "--plain"]
        while carry(args, draw.uniform(0.5, 4.0) if draw and kills < 3 else None) == -9:
            kills += 1
            if anyio.run(started, log):
                args = ["resume", "--log", str(log), "--plain"]
            else:
                for path in folder.glob("log.db*"):
                    path.unlink()
        seen = anyio.run(look, log)
        return seen, kills, repeated(counts, seen.sent)
    finally:
        server.kill()
        server.wait()


async def started(path: Path) -> bool:
    """Whether a run is on record, so that there is something to resume."""
    if not await anyio.Path(path).exists():
        return False
    log = await SqliteLog.open(path, clock=clock)
    async with log:
        runs = await log.runs()
        return bool(runs) and (await load_histories(log, runs[0])).opened is not None


def main() -> None:
    """Kill, resume, compare, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        plain, _, _ = one(Path(folder), None)
    print(f"undisturbed: {plain.head.position} events, spent {sum(plain.spent.values())} nano-USD; seed {given.seed}")
    bad = kills = 0
    for number in range(2 if given.quick else given.times):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            seen, died, again = one(Path(folder), draw)
        whole = [name for name in plain.digests if name not in seen.lost]
        differ = [name for name in whole if seen.digests.get(name) != plain.digests[name]]
        money = [name for name in whole if seen.spent[name] != plain.spent[name]]
        fine = seen.equal and seen.sound and not again and not differ and not money
        bad += not fine
        kills += died
        print(
            f"{number + 1:>3}  killed {died}x  answered again {again}  "
            f"rerun equal {seen.equal}  log sound {seen.sound}  "
            f"lost a sandbox {len(seen.lost)}  others that differ {len(differ)}, in money {len(money)}  "
            f"{time.perf_counter() - begun:.0f} s{'' if fine else '   <-- LOOK'}"
        )
    print(f"{kills} kills, {bad} runs to look at")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
