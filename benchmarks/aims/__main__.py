"""The table of aims: each beside its peer or its limit, in one run.

    python -m benchmarks.aims [--only NAME]... [--quick] [--json] [--peers FOLDER]

Aims and what stood before are those of issue 15. What stands now is measured: contenders run one after another in
rounds, and a figure is the median of the rounds' own ratios, with the smallest and the largest. On a machine that does
other work, CPU holds and wall does not. Peers run in environments of their own: FOLDER/NAME/bin/python.
"""

import argparse
import json
from pathlib import Path

from benchmarks.aims import engine, log
from benchmarks.aims.base import Benchmark, BenchScale
from benchmarks.aims.table import as_json, as_lines, machine, measure
from engine.core.system import collect_rarely

BENCHES: tuple[Benchmark, ...] = (*log.BENCHES, *engine.BENCHES)


def main() -> None:
    """Measure what is wanted, and tell it."""
    names = [aim.name for bench in BENCHES for aim in bench.aims]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="show that all runs: the figures are not worth quoting")
    parser.add_argument("--json", action="store_true", help="every round of every contender")
    parser.add_argument("--peers", type=Path, default=Path("/tmp/peers"), help="NAME/bin/python for each peer")
    given = parser.parse_args()
    collect_rarely()
    scale = BenchScale(given.quick, given.peers)
    before, measured = machine(), []
    for bench in BENCHES:
        wanted = [aim for aim in bench.aims if given.only is None or aim.name in given.only]
        if not wanted:
            continue
        rows = measure(bench, wanted, scale)
        measured += rows
        if not given.json:
            print("\n".join(as_lines(rows)), flush=True)
    if given.json:
        print(json.dumps({"machine": {"before": before, "after": machine()}, "aims": as_json(measured)}, indent=1))
    else:
        print(f"\n{before} to {machine()}")


if __name__ == "__main__":
    main()
