"""Peak memory and seconds of a replay at each level, of one run of many trials.

    python -m benchmarks.replay_memory [--trials 1000] [--turns 34] [--log FILE] [--quick]

The run is made as in ``benchmarks.big_log``; with the usual numbers it has some 200,000 events. With ``--log``, the
latest run of that log is replayed instead, such as one that an earlier version recorded. Each replay is a process of
its own.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Final

import anyio

from benchmarks.big_log import make, typed

LEVELS: Final = ("--rebuild", "--redecide", "--rerun")
OUTPUT_BYTES: Final = 200
"""Of each command."""


def main() -> None:
    """Make the run, replay it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=34)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    trials = 20 if given.quick else given.trials
    with tempfile.TemporaryDirectory() as folder:
        path: Path = given.log or Path(folder) / "log.db"
        if given.log is None:
            anyio.run(make, path, Path(folder), 1, OUTPUT_BYTES, trials, given.turns)
            print(
                f"{trials} trials of {given.turns} turns: {path.stat().st_size / trials / 1024:,.1f} KiB of log a trial"
            )
        for levels in (*((each,) for each in LEVELS), ()):
            cost = typed("replay", "@latest", *levels, "--log", str(path), "--json")
            print(f"  replay {' '.join(levels):<12} {cost.seconds:>7.1f} s   peak {cost.peak_mib:>5.0f} MiB")


if __name__ == "__main__":
    main()
