"""Regret of training over generated families of items whose best skill is known: of the loop, and of its gate.

    python -m benchmarks.train_regret [--seeds 20] [--gates strict level items adaptive force] [--out FILE.svg] [--json]

Each seed is a house with rules of its own (`benchmarks.jar_family`), learnt by the demo's scripted target and
optimizer, which proposes what it reads in failures, true or not. What a skill is worth is computed from its text,
exactly: the share of the test items that the target solves with it, a smudged jar counting half. Of each run:

* regret of the *loop*: what the best skill is worth, less the best that it had a candidate of, or began with;
* regret of the *gate*: that best candidate, less what is in force at the end;
* *belief*: what the run believes of the final skill, less what that is worth on the items that it was selected by.

All are in points. Every gate gets the same families; a bar is a mean over seeds with its standard error.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

import anyio
import msgspec

from benchmarks.idle_sandbox import IdleBackend
from benchmarks.jar_family import Family, family, write
from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.policies.gates.registry import gate_names
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from engine.scripted.jar_rules import label_of, rules_in
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.training import CandidateMade, SkillAccepted, TrainingClosed
from events.values import NamedDigest
from views.figures.charts import BLUE, GREY, ORANGE, Caption, FigureFormat, drawn, format_of

GATES: Final = ("strict", "level", "items", "adaptive", "force")
_SCRIPT: Final = Path(__file__).parents[1] / "engine" / "demo" / "train" / "script.toml"


class RunRegret(msgspec.Struct, frozen=True):
    """What one training lost, in points of the items."""

    seed: int
    gate: str
    loop: float
    by_gate: float
    belief: float
    """What is believed of the final skill, less what it is worth."""
    accepted: int
    candidates: int
    rollouts: int


def worth(text: str, rows: Sequence[Mapping[str, Any]]) -> Fraction:
    """Compute which share of items the target solves with a skill; those that nobody has to answer are left out."""
    counted = [row for row in rows if row["task_type"] != "idle"]
    return sum((_solved(text, row) for row in counted), Fraction(0)) / len(counted)


def _solved(text: str, row: Mapping[str, Any]) -> Fraction:
    kind, asked = row["task_type"], str(row["question"])
    if kind in {"shelf", "unknown"}:
        return Fraction(kind == "shelf")
    content = asked.partition(" jar holds ")[2].partition(".")[0]
    right = label_of(content, rules_in(text)) == row["answers"][0]
    return Fraction(right, 2 if kind == "smudged" else 1)


def training(gate: str) -> RunSpec:
    """Say what is trained: the demo of training, under a gate."""
    models = {role: {"model": role, "base_url": "script:script.toml"} for role in ("target", "optimizer")}
    own = {
        "name": "jar-labels",
        "epochs": 4,
        "batch": 12,
        "minibatch": 4,
        "slow": {"samples": 8},
        "gate": {"name": gate},
        "test": False,
        "remeasure": False,
        "sets": {
            "train": {"folder": "items", "split": "train"},
            "selection": {"folder": "items", "split": "val"},
        },
    }
    return msgspec.convert({"program": "train", "tasks": "", "concurrency": 8, "own": own, "models": models}, RunSpec)


async def regret(seed: int, gate: str) -> RunRegret:
    """Train once, and reckon what was lost."""
    made = family(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(made, folder)
        log = MemoryLog(clock=clock)
        report = await start_run(RunContext(log, IdleBackend(), load_prompts(), "bench", {}, folder), training(gate))
        return await reckoned(log, report.run, made, RunRegret(seed, gate, 0, 0, 0, 0, 0, 0))


def lay_out(made: Family, folder: Path) -> None:
    """Write the items of a family, and the script of both models."""
    write(made, folder / "items")
    (folder / "script.toml").write_text(_SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")


async def reckoned(log: EventLog, run: str, made: Family, row: RunRegret) -> RunRegret:
    """Fill in what a run lost."""
    events = [each.event async for each in log.read(Selection(run=run, streams=("train",)))]
    rolled = [each async for each in log.read(Selection(run=run, tags={"item.opened"}))]
    candidates = [await body(log, each.files) for each in events if isinstance(each, CandidateMade)]
    accepted = [await body(log, each.files) for each in events if isinstance(each, SkillAccepted)]
    (closed,) = [each for each in events if isinstance(each, TrainingClosed)]
    final = accepted[-1] if accepted else ""
    test = made.rows["test"]
    best = max(worth(each, test) for each in ("", *candidates))
    believed = next((each.believed for each in closed.skills if each.which == "final"), None)
    return msgspec.structs.replace(
        row,
        loop=_points(worth(made.best, test) - best),
        by_gate=_points(best - worth(final, test)),
        belief=0.0 if believed is None else _points(believed.exact - worth(final, made.rows["val"])),
        accepted=len(accepted),
        candidates=len(candidates),
        rollouts=len(rolled),
    )


async def body(log: EventLog, files: Sequence[NamedDigest]) -> str:
    """Read the main file of a skill."""
    return "" if not files else (await log.get(files[0].digest)).decode()


def _points(share: Fraction) -> float:
    return round(float(share) * 100, 3)


# -- what is told ------------------------------------------------------------------------------------------------------


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Give a mean and its standard error."""
    return fmean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


def table(rows: Sequence[RunRegret]) -> str:
    """Word the means of each gate as a Markdown table."""
    lines = ["| gate | regret of the loop | of the gate | belief less worth | accepted of candidates | rollouts |"]
    lines.append("|---|---|---|---|---|---|")
    for gate, mine in by_gate(rows).items():
        told = " | ".join("{:.1f} ± {:.1f}".format(*spread([getattr(each, key) for each in mine])) for key in _KEYS)
        taken = f"{fmean(each.accepted for each in mine):.1f} of {fmean(each.candidates for each in mine):.1f}"
        lines.append(f"| `{gate}` | {told} | {taken} | {fmean(each.rollouts for each in mine):.0f} |")
    return "\n".join(lines)


_KEYS: Final = ("loop", "by_gate", "belief")


def by_gate(rows: Sequence[RunRegret]) -> dict[str, list[RunRegret]]:
    """Group runs by their gate."""
    gates = dict.fromkeys(row.gate for row in rows)
    return {gate: [row for row in rows if row.gate == gate] for gate in gates}


def regret_figure(rows: Sequence[RunRegret], form: FigureFormat) -> bytes:
    """Draw a bar for each gate: what the loop lost, with what the gate lost on top; and a dot for each run."""
    groups = by_gate(rows)

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for place, mine in enumerate(groups.values()):
            loop, _ = spread([each.loop for each in mine])
            lost, error = spread([each.loop + each.by_gate for each in mine])
            first = place == 0
            axes.bar(place, loop, width=0.6, color=GREY, label="the loop had no better candidate" if first else None)
            label = "the gate kept it out, or let worse in" if first else None
            axes.bar(place, lost - loop, bottom=loop, width=0.6, color=ORANGE, label=label)
            axes.errorbar(place, lost, yerr=error, color="black", capsize=3, linewidth=1)
            each = [row.loop + row.by_gate for row in mine]
            axes.plot([place + 0.4] * len(each), each, ".", color=BLUE, markersize=4, label="a run" if first else None)
        axes.set_xticks(range(len(groups)), list(groups))
        axes.set_ylabel("regret, points of the test items")
        axes.legend(fontsize=8, frameon=False)

    said = "; ".join(
        "{}: loop {:.1f}, gate {:.1f}".format(gate, *(fmean(getattr(each, key) for each in mine) for key in _KEYS[:2]))
        for gate, mine in groups.items()
    )
    seeds = len({row.seed for row in rows})
    caption = Caption("Regret over families whose best skill is known", f"Means of {seeds} seeds, in points. {said}.")
    return drawn(form, (6.4, 3.8), caption, paint)


def main() -> None:
    """Read the command line, train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds", type=int, default=20, help="how many families; the first has seed 1, that of the demo"
    )
    parser.add_argument("--gates", nargs="+", default=list(GATES), choices=sorted(gate_names()))
    parser.add_argument("--out", type=Path, help="the figure: a file .svg, .png or .pdf")
    parser.add_argument("--json", action="store_true", help="print a line for each run")
    parser.add_argument("--quick", action="store_true", help="two families under two gates")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.gates = 2, given.gates[:2]
    rows = []
    for seed in range(1, given.seeds + 1):
        for gate in given.gates:
            rows.append(anyio.run(regret, seed, gate))
            if given.json:
                print(msgspec.json.encode(rows[-1]).decode(), flush=True)
    print(table(rows))
    if given.out is not None:
        given.out.write_bytes(regret_figure(rows, format_of(given.out)))


if __name__ == "__main__":
    main()
