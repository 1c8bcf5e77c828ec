"""Kill a running demo with SIGKILL at random moments, resume it each time, and compare.

    python -m benchmarks.kills [--times 20] [--seed 1] [--on-loss abandon rebuild] [--verify-s SECONDS] [--out FILE]

The scripted endpoint runs in a process of its own and keeps a count file, so it survives and knows which requests
it was sent. Asked of each run: no answered call is sent again, the log is sound, the rerun is equal, and trials that
lost no sandbox have the digests and the cost of an undisturbed run. `--verify-s` lets each verifier take longer, as on
real tasks, where most of the time is spent there; the last lines say what was lost and what was paid again.

Several settings of `on_loss` take turns, each in a folder of its own and killed after the same seconds.
"""

import argparse
import json
import random  # noqa: TID251 - moments of death are chance by design, from a seed that is printed
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple, get_args

import anyio

from engine.config.spec import OnLoss
from engine.core.history import RunHistory, load_histories
from engine.core.lineage import SESSION
from engine.core.system import clock
from events.base import Recorded
from events.codec import tag_of
from events.store.sqlite.store import SqliteLog
from events.types.attempt import AttemptAbandoned
from events.types.sandbox import ActionObserved, VerifyAsked
from events.types.session import SandboxNotReopened, SandboxRebuilt
from replay.crash.totals import Account, account_of, differences, repeated

DEMO = Path(__file__).parents[1] / "engine" / "demo"
_AT: Final = {
    "verify.asked": "verification",
    "action.asked": "a command",
    "model.asked": "a model call",
    "budget.asked": "a model call",
}


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


def carry(args: list[str], log: Path, killed_after_s: float | None) -> int:
    """Run a command on a log; kill it a while after it first appended to it. Gives its exit code."""
    before = position(log)
    process = subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while killed_after_s is not None and process.poll() is None and position(log) == before:
        time.sleep(0.05)
    try:
        _, said = process.communicate(timeout=killed_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return -9
    if process.returncode not in {0, 6, 7}:
        sys.exit(f"{' '.join(args)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return process.returncode


def position(log: Path) -> int:
    """Give the last position of a log, 0 if there is none yet."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as opened:
        return int(opened.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0])
    return 0


class RunWork(NamedTuple):
    """What a run did, in commands of agents and verifications, and what its processes left behind."""

    commands: int
    """Commands that ended, those that were run again to rebuild a sandbox among them."""
    verifications: int
    """Of which each was asked once, and once more for each death that it was in flight at."""
    abandoned: tuple[str, ...]
    """Why attempts were given up."""
    rebuilt: int
    """Sandboxes."""
    lost_in: Counter[str]
    """How often a sandbox was lost, by what its attempt was at."""


def work_of(histories: RunHistory) -> RunWork:
    """Count what a run did."""
    streams = histories.by_stream
    events = [each.event for history in streams.values() for each in history]
    again = [each for each in events if isinstance(each, SandboxRebuilt)]
    lost_in = Counter(
        _busy_with(each.position, streams[each.event.stream])
        for each in streams.get(SESSION, ())
        if isinstance(each.event, SandboxNotReopened)
    )
    return RunWork(
        sum(isinstance(each, ActionObserved) for each in events) + sum(each.actions for each in again),
        sum(isinstance(each, VerifyAsked) for each in events) + lost_in["verification"],
        tuple(each.detail for each in events if isinstance(each, AttemptAbandoned)),
        len(again),
        lost_in,
    )


def _busy_with(lost_at: int, history: Sequence[Recorded]) -> str:
    """Say what an attempt was at when its sandbox was lost."""
    before = [tag_of(each.event) for each in history if each.position < lost_at]
    return _AT.get(before[-1], "between")


async def look(path: Path) -> tuple[Account, RunWork]:
    """Read what a log holds."""
    async with await SqliteLog.open(path, clock=clock) as log:
        run = (await log.runs())[0]
        return await account_of(log, run), work_of(await load_histories(log, run))


def received(counts: Path) -> Counter[str]:
    """Count the requests that the endpoint received, by digest."""
    entries = [json.loads(line) for line in counts.read_text().splitlines()]
    return Counter(entry["digest"] for entry in entries if entry["at"] == "received")


class KilledRun(NamedTuple):
    """What became of one run."""

    account: Account
    work: RunWork
    kills: int
    again: int
    """Answered calls that were sent again."""


def one(folder: Path, draw: random.Random | None, terms: Terms) -> KilledRun:
    """Run the demo once, killed and resumed if a source of chance is given."""
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
        while carry(args, log, draw.uniform(0.1, 2.0 + 3 * terms.verify_s) if draw and kills < 3 else None) == -9:
            kills += 1
            if anyio.run(started, log):
                args = ["resume", "--log", str(log), "--plain"]
            else:
                for path in folder.glob("log.db*"):
                    path.unlink()
        seen, work = anyio.run(look, log)
        return KilledRun(seen, work, kills, repeated(received(counts), seen.sent))
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


class Loss(NamedTuple):
    """What kills cost a run, beside an undisturbed one."""

    on_loss: str
    number: int
    kills: int
    abandoned: Sequence[str]
    """Why attempts were given up."""
    rebuilt: int
    lost_in: Mapping[str, int]
    calls: int
    """Sent to a model beyond those of the undisturbed run."""
    nano_usd: int
    commands: int
    """Run beyond those of the undisturbed run."""
    verifications: int
    wall_s: float
    sound: bool
    """Whether all holds that is asked of every run."""


def lost(plain: KilledRun, seen: KilledRun, terms: Terms, number: int, wall_s: float) -> Loss:
    """Compare a run with the undisturbed one."""
    return Loss(
        terms.on_loss,
        number,
        seen.kills,
        seen.work.abandoned,
        seen.work.rebuilt,
        seen.work.lost_in,
        seen.account.sent.total() - plain.account.sent.total(),
        sum(seen.account.spent.values()) - sum(plain.account.spent.values()),
        seen.work.commands - plain.work.commands,
        seen.work.verifications - plain.work.verifications,
        round(wall_s, 1),
        not differences(plain.account, seen.account) and not seen.again,
    )


def summed(losses: Sequence[Loss]) -> str:
    """Add up what one setting lost."""
    places: Counter[str] = Counter()
    for each in losses:
        places.update(each.lost_in)
    where = ", ".join(f"{count} in {name}" for name, count in places.most_common()) or "none"
    kills, abandoned = sum(each.kills for each in losses), sum(len(each.abandoned) for each in losses)
    rebuilt = sum(each.rebuilt for each in losses)
    calls, money = sum(each.calls for each in losses), sum(each.nano_usd for each in losses)
    commands, verified = sum(each.commands for each in losses), sum(each.verifications for each in losses)
    return (
        f"{losses[0].on_loss}: {len(losses)} runs, {kills} kills; sandboxes lost: {where}; "
        f"{rebuilt} rebuilt, {abandoned} attempts abandoned; further: {calls} calls, {money} nano-USD, "
        f"{commands} commands, {verified} verifications; {sum(each.wall_s for each in losses):.0f} s"
    )


def main() -> None:
    """Kill, resume, compare, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="runs under each setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--on-loss", choices=get_args(OnLoss), nargs="+", default=["abandon"])
    parser.add_argument("--verify-s", type=float, default=0.0)
    parser.add_argument("--out", type=Path, help="adds a line of JSON for each run")
    given = parser.parse_args()
    settings = [Terms(each, given.verify_s) for each in given.on_loss]
    with tempfile.TemporaryDirectory() as folder:
        plain = one(Path(folder), None, settings[0])
    spent = sum(plain.account.spent.values())
    print(f"undisturbed: {plain.account.events} events, {plain.work}, spent {spent} nano-USD; seed {given.seed}")
    losses: dict[Terms, list[Loss]] = {terms: [] for terms in settings}
    for number in range(1, (2 if given.quick else given.times) + 1):
        for terms in settings:
            with tempfile.TemporaryDirectory() as folder:
                begun = time.perf_counter()
                seen = one(Path(folder), random.Random(f"{given.seed}/{number}"), terms)
            found = lost(plain, seen, terms, number, time.perf_counter() - begun)
            losses[terms].append(found)
            print(json.dumps(found._asdict()), "" if found.sound else "<-- LOOK", flush=True)
            if given.out is not None:
                with given.out.open("a") as file:
                    file.write(json.dumps(found._asdict()) + "\n")
    for each in losses.values():
        print(summed(each))
    sys.exit(0 if all(one.sound for each in losses.values() for one in each) else 1)


if __name__ == "__main__":
    main()
