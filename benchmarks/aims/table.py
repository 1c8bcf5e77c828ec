"""Measuring aims, and telling them: as a table for people, as JSON for whoever goes on with them."""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.aims.base import Aim, Benchmark, BenchScale, CannotRun, Contender, Measured, Sample


def measure(bench: Benchmark, wanted: Sequence[Aim], scale: BenchScale) -> list[Measured]:
    """Run a bench, and give what became of the aims that are wanted."""
    try:
        with bench.contenders(scale) as contenders:
            needed = {name for aim in wanted for name in (aim.ours, aim.theirs) if name is not None}
            rounds = 1 if scale.quick else bench.rounds
            taken, missing = _interleave({name: contenders[name] for name in contenders if name in needed}, rounds)
    except CannotRun as why:
        return [Measured(bench, aim, (), (), (), str(why)) for aim in wanted]
    return [_judge(bench, aim, taken, missing) for aim in wanted]


def _interleave(contenders: Mapping[str, Contender], rounds: int) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """Run each contender once a round, each round beginning with another one; give who cannot run, too."""
    taken: dict[str, list[Sample]] = {name: [] for name in contenders}
    missing: dict[str, str] = {}
    names = list(contenders)
    for number in range(rounds):
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            if name in missing:
                continue
            try:
                taken[name].append(contenders[name]())
            except CannotRun as why:
                missing[name] = str(why)
    return taken, missing


def _judge(bench: Benchmark, aim: Aim, taken: Mapping[str, Sequence[Sample]], missing: Mapping[str, str]) -> Measured:
    sides = [name for name in (aim.ours, aim.theirs) if name is not None]
    absent = [missing[name] for name in sides if name in missing]
    if absent:
        return Measured(bench, aim, (), (), (), "; ".join(absent))
    ours = tuple(taken[aim.ours])
    theirs = () if aim.theirs is None else tuple(taken[aim.theirs])
    pairs = zip(ours, theirs or [None] * len(ours), strict=True)
    return Measured(bench, aim, tuple(aim.value(*pair) for pair in pairs), ours, theirs, "")


def machine() -> dict[str, object]:
    """Say where and among what it was measured."""
    return {
        "cpus": os.cpu_count(),
        "load": [round(part, 1) for part in os.getloadavg()],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": platform.platform(),
    }


def as_json(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """Give every row with all that it rests on."""
    return [
        {
            "bench": each.bench.name,
            "name": each.aim.name,
            "what": each.aim.what,
            "kind": each.aim.kind,
            "by": each.aim.by,
            "aim": each.aim.aim,
            "before": each.aim.before,
            "after": median(each.values) if each.values else None,
            "rounds": list(each.values),
            "met": each.aim.met(median(each.values)) if each.values and each.aim.aim is not None else None,
            "unit": each.bench.unit,
            "ours": {"contender": each.aim.ours, "samples": [dict(sample) for sample in each.ours]},
            "theirs": {"contender": each.aim.theirs, "samples": [dict(sample) for sample in each.theirs]},
            "why_not": each.why_not or None,
            "note": each.aim.note or None,
        }
        for each in measured
    ]


def as_lines(measured: Sequence[Measured]) -> list[str]:
    """Write a line for each aim, below a heading for each bench."""
    lines: list[str] = []
    heading = ""
    for each in measured:
        if each.bench.name != heading:
            heading = each.bench.name
            lines += ["", f"{heading} ({each.bench.unit})"]
        lines += _row(each)
    return lines


def _row(each: Measured) -> list[str]:
    aim = each.aim
    least = "at least" if aim.kind == "times as fast" else "at most"
    wanted = "no aim" if aim.aim is None else f"aim {least} {aim.aim:g}"
    wanted += f"; before {aim.before}" if aim.before else ""
    if not each.values:
        return [f"  {aim.what}", f"      {wanted}; not run: {each.why_not}"]
    verdict = "" if aim.aim is None else ": met" if aim.met(median(each.values)) else ": MISSED"
    lines = [
        f"  {aim.what}",
        f"      {wanted}; after {_told(each.values)}{verdict}{_beside(each)}",
        f"      {_side(aim.ours, each.ours)}" + (f"  |  {_side(aim.theirs, each.theirs)}" if aim.theirs else ""),
    ]
    return [*lines, f"      {aim.note}"] if aim.note else lines


def _told(values: Sequence[float]) -> str:
    return f"{median(values):.3g} [{min(values):.3g} to {max(values):.3g}]"


def _beside(each: Measured) -> str:
    """Give the same ratio by the other of wall and CPU, where both sides have it."""
    other = each.aim._replace(by="cpu" if each.aim.by == "wall" else "wall")
    if not each.theirs or not all(other.by in sample for sample in (*each.ours, *each.theirs)):
        return ""
    pairs = zip(each.ours, each.theirs, strict=True)
    return f"; by {other.by} {_told([other.value(*pair) for pair in pairs])}"


def _side(name: str, samples: Sequence[Sample]) -> str:
    """Write what one side cost: medians of wall and CPU, and what else it counted."""
    measures = list(dict.fromkeys(measure for sample in samples for measure in sample))
    parts = [f"{measure} {median([sample[measure] for sample in samples]):.3g}" for measure in measures]
    return f"{name}: {', '.join(parts)}"
