"""What validation gates are worth: runs of candidates in simulated worlds whose true gain is known.

    python -m benchmarks.gate_study [--world FILE] [--gate NAME]... [--runs N] [--processes N] [--json] [--quick]
    python -m benchmarks.gate_study --frontier FILE.svg [--runs N]

A run begins with one pass of the initial revision over the selection set and meets candidates one after the other, of
which most change nothing, until its budget of item runs is used up. *gain* is the change of the true mean over all
items, *bias* what the run believes of its last revision less the truth; *useless*, *harmful* and *helpful* are the
percentages of such candidates that were accepted. *helpful* is the power of a gate: a gate that accepts nothing never
accepts a harmful candidate either.

Without ``--world`` all worlds of `benchmarks.gates.reference` are run beside the numbers that are to be met. What is
simulated is the shipped code, `engine/policies/gates`. ``--json`` prints one object for each gate and n, and nothing
else. ``--quick`` plays 20 runs a row at the two smaller sizes. ``--frontier`` plays gates at several settings, in a
world of sparse edits and in one of edits that move every item, and draws gain against harm.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from math import sqrt
from multiprocessing import Pool
from pathlib import Path
from statistics import fmean, stdev
from typing import Final

import msgspec

from benchmarks.gates.frontier import frontier, frontier_figure
from benchmarks.gates.reference import KNOWN, WORLDS
from benchmarks.gates.simulation import PlayedRun, play
from benchmarks.gates.world import KINDS, WorldSpec
from engine.policies.gates.adaptive import AdaptiveGate, AdaptiveRule
from engine.policies.gates.base import Gate
from engine.policies.gates.evidence import EvidenceGate
from engine.policies.gates.items import ItemsGate, ItemsRule
from engine.policies.gates.level import LevelGate
from engine.policies.gates.paired import PairedGate
from engine.policies.gates.probe import ProbeGate
from engine.policies.gates.strict import ForceGate, StrictGate
from views.figures.charts import format_of

QUICK = 20
CHEAP, DEAR = 0.25, 0.5
"""In passes: what a candidate costs decides in how many parts its first pass is run."""


class GateRow(msgspec.Struct, frozen=True):
    """One gate at one size of the selection set."""

    n: int
    gate: str
    gain: float
    """In points, as all that follows but the rates, which are in percent."""
    gain_se: float
    useless: float
    harmful: float
    helpful: float
    bias: float
    item_runs: float
    """A run, on average."""


def parts_of(world: WorldSpec) -> int:
    """Say in how many parts a first pass is run: in one where the number of candidates is settled."""
    if world.candidates is not None or world.candidate_cost > DEAR:
        return 1
    return 4 if world.candidate_cost < CHEAP else 2


def _strict(world: WorldSpec) -> Gate:
    del world
    return StrictGate()


def _level(world: WorldSpec) -> Gate:
    del world
    return LevelGate()


def _force(world: WorldSpec) -> Gate:
    del world
    return ForceGate()


def _paired(world: WorldSpec) -> Gate:
    del world
    return PairedGate()


def _probe(world: WorldSpec) -> Gate:
    del world
    return ProbeGate()


def _items(world: WorldSpec) -> Gate:
    return ItemsGate(ItemsRule(parts=parts_of(world)))


def _adaptive(world: WorldSpec) -> Gate:
    return AdaptiveGate(AdaptiveRule(rise=0.0) if parts_of(world) > 1 else AdaptiveRule())


def _evidence(world: WorldSpec) -> Gate:
    """Plan as many candidates as the budget bears: each costs two passes."""
    bears = max(1, int((world.passes - 1) / (2 + world.candidate_cost)))
    return EvidenceGate(Fraction(1, 20), min(bears, world.candidates or bears))


GATES: Final[Mapping[str, Callable[[WorldSpec], Gate]]] = {
    "strict": _strict,
    "level": _level,
    "items": _items,
    "adaptive": _adaptive,
    "evidence": _evidence,
    "paired": _paired,
    "probe": _probe,
    "force": _force,
}


def _one(world: WorldSpec, gate: str, n: int, number: int) -> PlayedRun:
    return play(world, GATES[gate](world), n, number)


def study(world: WorldSpec, gates: Sequence[str], processes: int) -> Iterator[GateRow]:
    """Run each gate at each size."""
    with Pool(processes) as pool:
        for gate in gates:
            for n in world.n:
                played = pool.map(partial(_one, world, gate, n), range(world.runs), chunksize=20)
                yield _row(gate, n, played)


def _row(gate: str, n: int, played: Sequence[PlayedRun]) -> GateRow:
    gains = [100 * each.gain for each in played]
    useless, harmful, helpful = (
        100 * sum(each.accepted[kind] for each in played) / max(1, sum(each.tried[kind] for each in played))
        for kind in KINDS
    )
    return GateRow(
        n,
        gate,
        round(fmean(gains), 3),
        round(stdev(gains) / sqrt(len(gains)), 3) if len(gains) > 1 else 0.0,
        round(useless, 2),
        round(harmful, 2),
        round(helpful, 2),
        round(fmean(100 * each.bias for each in played), 3),
        round(fmean(each.runs for each in played), 1),
    )


def _told(name: str, row: GateRow, world: WorldSpec) -> str:
    known = KNOWN.get((name, row.gate))
    words = (
        f"{name:24} {row.n:4} {row.gate:9} {row.gain:+6.2f} ({row.gain_se:.2f})  useless {row.useless:5.1f} %  "
        f"harmful {row.harmful:5.1f} %  helpful {row.helpful:5.1f} %  bias {row.bias:+6.2f}  runs {row.item_runs:6.0f}"
    )
    if known is None or row.n not in (20, 50, 200) or world.runs < 2:
        return words
    gain, harm = known[(20, 50, 200).index(row.n)]
    return f"{words}  known: gain {gain:+.2f}, harmful {harm:.1f} %"


def _frontier(path: Path, runs: int) -> int:
    worlds = {"sparse edits (world A)": WORLDS["A"], "edits that move every item": WORLDS["smooth"]}
    points = []
    for point in frontier(worlds, 50, runs):
        print(msgspec.json.encode(point).decode(), flush=True)
        points.append(point)
    path.write_bytes(frontier_figure(points, format_of(path)))
    return 0


def main(args: Sequence[str]) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--world", type=Path, help="JSON file of a world; without it, all known worlds")
    parser.add_argument("--gate", action="append", choices=[*GATES], help="only this gate; repeatable")
    parser.add_argument("--runs", type=int, help="runs a row, in place of the world's")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="20 runs a row, 20 and 50 items")
    parser.add_argument("--frontier", type=Path, help="draw gain against harm into this file")
    given = parser.parse_args(args)
    if given.frontier is not None:
        return _frontier(given.frontier, given.runs or QUICK)
    worlds = dict(WORLDS)
    if given.world is not None:
        try:
            worlds = {given.world.name: msgspec.json.decode(given.world.read_bytes(), type=WorldSpec)}
        except (OSError, msgspec.MsgspecError) as error:
            print(f"{given.world} is no world: {error}", file=sys.stderr)
            return 2
    for name, world in worlds.items():
        chosen = msgspec.structs.replace(world, runs=given.runs or (QUICK if given.quick else world.runs))
        if given.quick:
            chosen = msgspec.structs.replace(chosen, n=chosen.n[:2])
        for row in study(chosen, given.gate or [*GATES], given.processes):
            print(msgspec.json.encode(row).decode() if given.json else _told(name, row, chosen), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
