"""200 trials in containers, killed at random: what is left on the host, and what `sandbox gc` leaves of that.

    python -m benchmarks.leaks [--trials 200] [--seed 7]

Runs of ten trials each are started by the command that people type, and two of three are killed by SIGKILL after a
drawn time; nobody resumes them. A stranger's container, network and volume stand by. Then
`stillroom sandbox gc --images` is typed. Counted before and after: containers, networks, volumes, images, mounts, and
folders of sandboxes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple

from benchmarks.trials import make_task

A_RUN = 10
SPEC = """\
tasks = "tasks"
repeats = {repeats}
concurrency = 4
sandbox = "docker"
[agent]
name = "nop"
[method]
attempts = 1
"""


class HostState(NamedTuple):
    """What there is on the host."""

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    images: frozenset[str]
    mounts: frozenset[str]


def docker(*words: str) -> list[str]:
    """Ask the engine through its own command."""
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.split()


def look() -> HostState:
    """Look at the host."""
    return HostState(
        containers=frozenset(docker("ps", "-aq", "--no-trunc")),
        networks=frozenset(docker("network", "ls", "-q", "--no-trunc")),
        volumes=frozenset(docker("volume", "ls", "-q")),
        images=frozenset(docker("images", "-q", "--no-trunc")),
        mounts=frozenset(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
    )


def command(base: Path, *words: str) -> Sequence[str]:
    """Give a command of ours, on the log of this test."""
    return [sys.executable, "-m", "cli", *words, "--log", str(base / ".stillroom/log.db")]


def lived(base: Path, spec: Path, seed: int, number: int) -> str:
    """Start a run and perhaps kill it; say what became of it."""
    drawn = sha256(f"{seed}/{number}".encode()).digest()
    with subprocess.Popen(
        command(base, "run", str(spec)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        if drawn[0] % 3 == 0:
            process.wait()
            return "ended"
        try:
            process.wait(timeout=1.0 + drawn[1] / 256 * 2.5)
        except subprocess.TimeoutExpired:
            process.send_signal(SIGKILL)
            return "killed"
        return "ended"


def compare(name: str, before: HostState, after: HostState) -> int:
    """Print what is other than before, and count it."""
    pairs = zip(before, after, strict=True)
    more = [len(now - was) for was, now in pairs]
    fewer = [len(was - now) for was, now in zip(before, after, strict=True)]
    told = ", ".join(f"{kind} +{up} -{down}" for kind, up, down in zip(HostState._fields, more, fewer, strict=True))
    print(f"  {name:<12} {told}")
    return sum(more) + sum(fewer)


def main() -> None:
    """Live, kill, collect, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    stranger = docker("run", "-d", "--rm", "debian:bookworm-slim", "sleep", "100000")[0]
    network, volume = docker("network", "create", "a-stranger")[0], docker("volume", "create")[0]
    try:
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(1 if tried(Path(folder), given.trials, given.seed) else 0)
    finally:
        running = docker("inspect", "-f", "{{.State.Running}}", stranger)
        print(
            f"  the stranger's container runs: {running[0]}; its network and volume are there: "
            f"{network in docker('network', 'ls', '-q', '--no-trunc')}, {volume in docker('volume', 'ls', '-q')}"
        )
        docker("rm", "-f", stranger)
        docker("network", "rm", network)
        docker("volume", "rm", volume)


def tried(base: Path, trials: int, seed: int) -> int:
    """Do it; give how much is other than before."""
    make_task(base)
    (base / "tasks/bench/environment/Dockerfile").write_text("FROM debian:bookworm-slim\nWORKDIR /app\n")
    (base / "tasks/bench/tests/test.sh").write_text("#!/bin/sh\necho 0 > /logs/verifier/reward.txt\n")
    spec = base / "run.toml"
    spec.write_text(SPEC.format(repeats=A_RUN))
    # Images that earlier runs of ours left in the cache are not to count.
    subprocess.run(command(base, "sandbox", "gc", "--images"), check=True, stdout=subprocess.DEVNULL)
    before, begun = look(), time.perf_counter()
    ends = [lived(base, spec, seed, number) for number in range(trials // A_RUN)]
    print(f"{trials} trials in {len(ends)} runs, {ends.count('killed')} killed, {time.perf_counter() - begun:.0f} s")
    compare("before gc", before, look())
    done = subprocess.run(command(base, "sandbox", "gc", "--images"), check=False, capture_output=True, text=True)
    print(f"  gc ended with {done.returncode}, and took away {max(0, len(done.stdout.splitlines()) - 2)}")
    left = compare("after gc", before, look())
    folders = sum(1 for each in (base / ".stillroom").rglob("io") if each.is_dir())
    print(f"  folders of sandboxes left: {folders}")
    return left + folders + done.returncode


if __name__ == "__main__":
    main()
