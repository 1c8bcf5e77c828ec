"""Kill a running demo with SIGKILL at random moments, resume it each time, and compare.

    python -m benchmarks.kills [--times 20] [--seed 1] [--on-loss abandon|rebuild] [--verify-s SECONDS]

The scripted endpoint runs in a process of its own and keeps a count file, so it survives and knows which requests
it was sent. Asked of each run: no answered call is sent again, the log is sound, the rerun is equal, and trials that
lost no sandbox have the digests and the cost of an undisturbed run. `--verify-s` lets each verifier take longer, as on
real tasks, where most of the time is spent there; the last line says what was lost and what was paid again.
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
from pathlib import Path
from typing import NamedTuple

import anyio

from engine.core.history import load_histories
from engine.core.system import clock
from events.store.sqlite.store import SqliteLog
from replay.crash.totals import Account, account_of, differences, repeated

DEMO = Path(__file__).parents[1] / "engine" / "demo"


def command(*args: str) -> list[str]:
    """Call the command line of this environment."""
    return [sys.executable, "-c", "from cli import main; main()", *args]


class Terms(NamedTuple):
    """What a run is killed under."""

    on_loss: str = "abandon"
    verify_s: float = 0.0
    """Seconds that each verifier takes longer."""


def prepare(folder: Path, url: str, terms: Terms) -> Path:
    """Copy the demo and point it at the endpoint that survives."""
    shutil.copytree(DEMO, folder / "demo")
    spec = folder / "demo" / "run.toml"
    spec.write_text(f'on_loss = "{terms.on_loss}"\n' + spec.read_text().replace("script:script.toml", url))
    for test in (folder / "demo" / "tasks").glob("*/tests/test.sh"):
        first, _, rest = test.read_text().partition("\n")
        test.write_text(f"{first}\nsleep {terms.verify_s}\n{rest}")
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


async def look(path: Path) -> Account:
    """Read what a log holds."""
    async with await SqliteLog.open(path, clock=clock) as log:
        return await account_of(log, (await log.runs())[0])


def received(counts: Path) -> Counter[str]:
    """Count the requests that the endpoint received, by digest."""
    entries = [json.loads(line) for line in counts.read_text().splitlines()]
    return Counter(entry["digest"] for entry in entries if entry["at"] == "received")


def one(folder: Path, draw: random.Random | None, terms: Terms) -> tuple[Account, int, int]:
    """Run the demo once, killed and resumed if a source of chance is given; count kills and repeated calls."""
    counts = folder / "counts.jsonl"
    server = subprocess.Popen(
        [sys.executable, "-m", "engine.scripted", str(DEMO / "script.toml"), "--counts", str(counts)],
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        spec = prepare(folder, json.loads(server.stdout.readline())["base_url"], terms)
        log = folder / "log.db"
        kills = 0
        args = ["run", str(spec), "--log", str(log), "--plain"]
        while carry(args, draw.uniform(0.5, 4.0 + 3 * terms.verify_s) if draw and kills < 3 else None) == -9:
            kills += 1
            if anyio.run(started, log):
                args = ["resume", "--log", str(log), "--plain"]
            else:
                for path in folder.glob("log.db*"):
                    path.unlink()
        seen = anyio.run(look, log)
        return seen, kills, repeated(received(counts), seen.sent)
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
    parser.add_argument("--on-loss", choices=("abandon", "rebuild"), default="abandon")
    parser.add_argument("--verify-s", type=float, default=0.0)
    given = parser.parse_args()
    draw, terms = random.Random(given.seed), Terms(given.on_loss, given.verify_s)
    with tempfile.TemporaryDirectory() as folder:
        plain, _, _ = one(Path(folder), None, terms)
    print(f"undisturbed: {plain.events} events, spent {sum(plain.spent.values())} nano-USD; seed {given.seed}")
    bad = kills = lost = calls = spent = 0
    for number in range(2 if given.quick else given.times):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            seen, died, again = one(Path(folder), draw, terms)
        differ = differences(plain, seen)
        fine = not differ and not again
        bad += not fine
        kills += died
        lost += len(seen.lost)
        calls += seen.sent.total() - plain.sent.total()
        spent += sum(seen.spent.values()) - sum(plain.spent.values())
        print(
            f"{number + 1:>3}  killed {died}x  answered again {again}  "
            f"lost a sandbox {len(seen.lost)}  differences {len(differ)}  "
            f"{time.perf_counter() - begun:.0f} s{'' if fine else '   <-- LOOK'}"
        )
    print(f"{kills} kills, {bad} runs to look at")
    print(f"{terms.on_loss}: {lost} trials lost a sandbox; {calls} further calls, {spent} further nano-USD")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
