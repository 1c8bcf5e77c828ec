"""What the statistics of a comparison are worth: simulated worlds whose true effect is known.

    python -m benchmarks.comparison_study [--runs 1000] [--seed 12] [--json] [--quick]

Each row of the first table is a world, simulated so many times: how often an interval was given, how often it held the
true effect, its mean width beside that of a plain cluster t interval of 95 %, and how often the verdict was *helps* or
*hurts*. Then: repeats added one by one, with a look after each; arms of one plan; the smallest effect that a plan is
said to see; the interval of a rank correlation. It ends with 1 if a bound is broken: an interval that holds the truth
in under 92 %, or *helps* on no effect in more than 5 % beyond what chance allows.

Worlds. Rates of items are Beta(1/2, 1/2), or 1/50 for both parameters where most items always or never succeed
(``fixed``). An effect of d points moves every rate p to p + (1 - p) d/50 (``smooth``), or turns single items to 1, each
with probability d/50 (``sparse``, ``fixed``). With a family effect each family has its own d, normal with 15 points and
cut at 35 points from the mean. Inference is about the population that items and families are drawn from.

What is simulated is the shipped code: differences go through `estimate`, `sequential` and `decide`, and the first five
simulations of each row go through rows and `compare` as well, and must give the same interval and verdict.

*crossing* computes, without simulation, how often looks without end at shares of one error miss, if nothing but noise
is added from look to look.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from math import asin, pi, sqrt
from typing import Any

import msgspec

from projections.comparison.compare import ComparisonPlan, PairedDifference, PlannedArm, compare
from projections.comparison.intervals import (
    ItemValue,
    MeanEstimate,
    ScoreInterval,
    SequentialInterval,
    estimate,
    holm,
    sequential,
    share_of_look,
)
from projections.comparison.power import PowerPlan, smallest_visible
from projections.comparison.rank_correlation import TaskPair, rank_correlation
from projections.comparison.rows import ComparisonRow
from projections.comparison.verdicts import ComparisonFacts, PairVerdict, decide

numpy: Any = import_module("numpy")
special: Any = import_module("scipy.special")  # it has no types

ALPHA = Fraction(1, 20)
FAMILY_SD = 0.15
FAMILY_CUT = 0.35
THROUGH_ROWS = 5
LOOKS = 8
LEAST_COVERAGE = 92.0
MOST_HELPS = 5.0
FULL = 1_000
WIDE = 98.0
CROSSED = (0.1, 0.05, 0.0125, 0.003, 0.0005)


class StudyWorld(msgspec.Struct, frozen=True):
    """One row of the first table."""

    kind: str
    items: int
    repeats: int
    effect: float
    families: int
    """As many as items if each item is its own."""
    spread: float
    """Standard deviation of the effect between families."""

    @property
    def units(self) -> list[str]:
        """The unit of each item."""
        return [f"f{place % self.families}" for place in range(self.items)]


class Found(msgspec.Struct, frozen=True):
    """What came of a world."""

    world: StudyWorld
    given: float
    """Percent of simulations with an interval; the others are of those."""
    covered: float | None
    width: float | None
    """In points, as all that follows."""
    t_covered: float | None
    t_width: float | None
    helps: float
    hurts: float
    note: str


def worlds(*, quick: bool) -> Iterator[StudyWorld]:
    """Give the rows of the first table."""
    for kind in ("smooth", "sparse", "fixed"):
        for items in (12, 50) if quick else (12, 50, 200):
            families = [each for each in (4, 6, 12, 30) if each <= items]
            # Of twelve items, twelve families without an effect of their own are items alone.
            pairs = dict.fromkeys([(items, 0.0), *((each, spread) for each in families for spread in (0.0, FAMILY_SD))])
            for repeats in (1, 3):
                for effect in (0.0, 0.05, 0.15):
                    for count, spread in pairs:
                        yield StudyWorld(kind, items, repeats, effect, count, spread)


def draw(world: StudyWorld, runs: int, random: Any, arms: int = 1) -> list[Any]:
    """Draw solved runs of each item: of the baseline, then of each arm; each of shape (runs, items)."""
    shape = (runs, world.items)
    parameter = 0.02 if world.kind == "fixed" else 0.5
    rate = random.beta(parameter, parameter, shape)
    rates = [rate, *(_changed(world, rate, random) for _ in range(arms))]
    return [random.binomial(world.repeats, each) for each in rates]


def _changed(world: StudyWorld, rate: Any, random: Any) -> Any:
    """Lift the rates by the effect of each family."""
    moved = numpy.clip(random.normal(0, world.spread, (len(rate), world.families)), -FAMILY_CUT, FAMILY_CUT)
    effect = (world.effect + moved)[:, numpy.arange(world.items) % world.families]
    if world.kind == "smooth":
        return numpy.where(effect >= 0, rate + (1 - rate) * effect * 2, rate * (1 + effect * 2))
    turned = random.random(rate.shape) < abs(effect) * 2
    return numpy.where(turned, (effect > 0).astype(float), rate)


def judge(world: StudyWorld, found: SequentialInterval | None, adjusted: float | None, *, dead: bool) -> PairVerdict:
    """Give the verdict as `compare` does, of rows that all have a score."""
    return decide(
        ComparisonFacts(
            waiting=0,
            coverage=Fraction(1),
            floor=Fraction(4, 5),
            constant=Fraction(0) if dead else None,
            items=world.items,
            units=world.families,
            interval=found.interval if found else None,
            p=adjusted,
            alpha=ALPHA,
            effect=Fraction(1, 10),
        )
    )


def look(
    world: StudyWorld, before: Any, after: Any, looks: dict[int, MeanEstimate] | None = None
) -> tuple[ScoreInterval | None, PairVerdict]:
    """Look at one simulation: solved runs of each item under both arms, beside the looks before, which it joins."""
    estimates, latest = {} if looks is None else looks, estimated(world, before, after)
    if latest:
        estimates[len(estimates) + 1] = latest
    found = sequential(estimates, ALPHA) if estimates else None
    dead = {*before.tolist(), *after.tolist()} in ({0}, {world.repeats})
    return found.interval if found else None, judge(world, found, found.p if found else None, dead=dead)


def estimated(world: StudyWorld, before: Any, after: Any) -> MeanEstimate | None:
    """Estimate the paired difference."""
    values_of = {gain: Fraction(gain, world.repeats) for gain in range(-world.repeats, world.repeats + 1)}
    gained = (after - before).tolist()
    values = [ItemValue(unit, values_of[gain]) for unit, gain in zip(world.units, gained, strict=True)]
    return estimate(values, (-1, 1))


def through_rows(world: StudyWorld, before: Any, after: Any) -> PairedDifference:
    """Look at the same by rows and `compare`."""
    rows = [
        ComparisonRow(arm, f"i{place}", unit, repeat, "solved" if repeat <= solved else "unsolved", None, 0, 0)
        for arm, counts in (("none", before), ("skill", after))
        for place, (unit, solved) in enumerate(zip(world.units, counts.tolist(), strict=True))
        for repeat in range(1, world.repeats + 1)
    ]
    units = {f"i{place}": unit for place, unit in enumerate(world.units)}
    asked = ComparisonPlan(PlannedArm("none", world.repeats), (PlannedArm("skill", world.repeats),), units)
    return compare(asked, rows).pairs[0]


def plain_t(world: StudyWorld, before: Any, after: Any) -> tuple[Any, Any]:
    """Give the ends of plain cluster t intervals of 95 %, of all simulations at once."""
    gained = (after - before) / world.repeats
    member = numpy.arange(world.items) % world.families == numpy.arange(world.families)[:, None]
    centre = gained.mean(axis=1)
    squares = (((gained - centre[:, None]) @ member.T) ** 2).sum(axis=1)
    error = numpy.sqrt(squares * world.families / (world.families - 1)) / world.items
    reach = special.stdtrit(world.families - 1, 0.975) * error
    return centre - reach, centre + reach


def simulate(world: StudyWorld, runs: int, random: Any) -> Found:
    """Simulate one row of the first table."""
    before, after = draw(world, runs, random)
    seen = [look(world, one, two) for one, two in zip(before, after, strict=True)]
    for place in range(min(THROUGH_ROWS, runs)):
        pair = through_rows(world, before[place], after[place])
        if (pair.interval, pair.verdict.kind) != (seen[place][0], seen[place][1].kind):
            sys.exit(f"{world}: rows give {pair.interval} and {pair.verdict}, differences {seen[place]}")
    intervals = [interval for interval, _ in seen if interval is not None]
    kinds = [verdict.kind for _, verdict in seen]
    rates = {"helps": percent(kinds.count("helps"), runs), "hurts": percent(kinds.count("hurts"), runs)}
    if not intervals:
        return Found(world, 0.0, None, None, None, None, note="no interval", **rates)
    low, high = plain_t(world, before, after)
    covered = percent(sum(holds(each, world.effect) for each in intervals), len(intervals))
    return Found(
        world,
        percent(len(intervals), runs),
        covered,
        100 * sum(each.high - each.low for each in intervals) / len(intervals),
        100 * float(((low <= world.effect + 1e-9) & (high >= world.effect - 1e-9)).mean()),
        100 * float((high - low).mean()),
        note="wide" if covered > WIDE else "",
        **rates,
    )


def holds(interval: ScoreInterval, truth: float) -> bool:
    """Say whether the truth lies within."""
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def percent(part: float, whole: int) -> float:
    """A share in percent."""
    return 100 * part / whole


class Streamed(msgspec.Struct, frozen=True):
    """What came of adding repeats one by one, up to eight, with a look after each."""

    world: StudyWorld
    covered: float
    """Percent of simulations in which the interval of every look held the truth."""
    helps: float
    """In which any look ended as *helps*."""
    t_covered: float
    """The same of plain t intervals of 95 %."""
    t_helps: float
    widths: tuple[float, ...]
    """Mean width at each look, in points."""


def stream(world: StudyWorld, runs: int, random: Any) -> Streamed:
    """Add repeats one by one; ``world.repeats`` is 1."""
    rate = random.beta(0.5, 0.5, (runs, world.items))
    changed = _changed(world, rate, random)
    before, after = numpy.zeros(rate.shape, int), numpy.zeros(rate.shape, int)
    held, helped = numpy.ones(runs, bool), numpy.zeros(runs, bool)
    t_held, t_helped, widths = held.copy(), helped.copy(), []
    looks: list[dict[int, MeanEstimate]] = [{} for _ in range(runs)]
    for number in range(1, LOOKS + 1):
        before, after = before + random.binomial(1, rate), after + random.binomial(1, changed)
        here = msgspec.structs.replace(world, repeats=number)
        seen = [look(here, one, two, looked) for one, two, looked in zip(before, after, looks, strict=True)]
        held &= [interval is None or holds(interval, world.effect) for interval, _ in seen]
        helped |= [verdict.kind == "helps" for _, verdict in seen]
        widths.append(100 * sum(each.high - each.low for each, _ in seen if each) / runs)
        low, high = plain_t(here, before, after)
        t_held &= (low <= world.effect + 1e-9) & (high >= world.effect - 1e-9)
        t_helped |= low > 0
    covered, helps, t_covered, t_helps = (percent(int(each.sum()), runs) for each in (held, helped, t_held, t_helped))
    return Streamed(world, covered, helps, t_covered, t_helps, tuple(widths))


def family_of_arms(world: StudyWorld, arms: int, runs: int, random: Any) -> float:
    """Give the percent of plans in which one of several useless arms is said to help."""
    baseline, *others = draw(world, runs, random, arms)
    false = 0
    for place in range(runs):
        estimates = [estimated(world, baseline[place], other[place]) for other in others]
        found = [sequential({1: each}, ALPHA) for each in estimates if each]
        adjusted = holm([each.p for each in found])
        kinds = [judge(world, each, p, dead=False).kind for each, p in zip(found, adjusted, strict=True)]
        false += "helps" in kinds
    return percent(false, runs)


class VisibleEffect(msgspec.Struct, frozen=True):
    """What a plan is said to see, and how often it does."""

    world: StudyWorld
    """With the smallest visible effect."""
    helps: float


def visible(world: StudyWorld, runs: int, random: Any) -> VisibleEffect | None:
    """Simulate the smallest effect that is said to be seen in 80 %. None: none is."""
    asked = PowerPlan(world.items, world.families, world.repeats, between=Fraction(world.spread))
    effect = smallest_visible(asked)
    if effect is None:
        return None
    found = simulate(msgspec.structs.replace(world, effect=effect), runs, random)
    return VisibleEffect(found.world, found.helps)


def ranked(tasks: int, strength: float, runs: int, random: Any) -> float:
    """Give the percent of intervals of a rank correlation that hold the one of a bivariate normal."""
    truth, held = 6 / pi * asin(strength / 2), 0
    first = random.normal(size=(runs, tasks))
    second = strength * first + sqrt(1 - strength**2) * random.normal(size=(runs, tasks))
    for one, two in zip(first.tolist(), second.tolist(), strict=True):
        pairs = [TaskPair(str(at), Fraction(x), Fraction(y)) for at, (x, y) in enumerate(zip(one, two, strict=True))]
        interval = rank_correlation(pairs).interval
        held += interval is not None and holds(interval, truth)
    return percent(held, runs)


def crossing(alpha: float, looks: int, share: Callable[[int], float], step: float = 0.02) -> float:
    """Compute how often a Brownian motion at times 1, 2, ... ever lies outside the two-sided bounds of these looks.

    Armitage, McPherson and Rowe (1969): the density of what has stayed inside, convolved with one step of noise at a
    time, on a grid.
    """
    places = numpy.arange(-8, 8 + step / 2, step)
    noise = numpy.exp(-(places**2) / 2) / numpy.exp(-(places**2) / 2).sum()
    inside, missed = numpy.ones(1), 0.0
    for number in range(1, looks + 1):
        size = len(inside) + len(noise) - 1
        spread = numpy.fft.irfft(numpy.fft.rfft(inside, size) * numpy.fft.rfft(noise, size), size)
        bound = -float(special.ndtri(alpha * share(number) / 2)) * sqrt(number)
        inside = spread * numpy.clip(bound / step + 0.5 - abs(numpy.arange(size) - size // 2), 0, 1)
        missed += float(spread.sum() - inside.sum())
        inside = inside[inside > 0]
    return missed


def crossings(looks: int) -> Mapping[str, float]:
    """Compute the part of alpha that the shipped shares use, at several alphas."""
    return {str(alpha): crossing(alpha, looks, lambda k: float(share_of_look(k))) / alpha for alpha in CROSSED}


def broken(found: Sequence[Found], streamed: Sequence[Streamed], arms: float, runs: int) -> list[str]:
    """Name the bounds that do not hold."""
    most = MOST_HELPS + 1.645 * 100 * sqrt(0.05 * 0.95 / runs)
    # A few simulations show gross faults only: three standard errors.
    least = LEAST_COVERAGE - (0 if runs >= FULL else 300 * sqrt(0.92 * 0.08 / runs))
    useless = [("", each.world, each.helps) for each in found] + [
        ("added to ", each.world, each.helps) for each in streamed
    ]
    covered = [("", each.world, each.covered) for each in found] + [
        ("added to ", each.world, each.covered) for each in streamed
    ]
    return [
        *(f"{what}{world} covers {share}" for what, world, share in covered if share is not None and share < least),
        *(f"{what}{world} helps {share}" for what, world, share in useless if not world.effect and share > most),
        *([f"arms: helps {arms}"] if arms > most else []),
    ]


def named(world: StudyWorld) -> str:
    """Write a world as the first cells of a row."""
    units = "items" if world.families == world.items and not world.spread else f"{world.families} fam."
    cells = (world.kind, world.items, world.repeats, f"{100 * world.effect:.3g}", units, f"{100 * world.spread:.0f}")
    return " | ".join(map(str, cells))


def cell(value: float | None) -> str:
    """Write a number."""
    return "-" if value is None else f"{value:.1f}"


def heading(*names: str) -> None:
    """Print the first two lines of a table of worlds."""
    columns = ("world", "items", "repeats", "effect", "units", "sd", *names)
    print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")


def tell(found: Sequence[Found]) -> None:
    """Print the first table."""
    heading("interval given %", "covers %", "width", "t covers %", "t width", "helps %", "hurts %", "")
    for each in found:
        cells = [each.given, each.covered, each.width, each.t_covered, each.t_width, each.helps, each.hurts]
        print(f"| {named(each.world)} | {' | '.join(map(cell, cells))} | {each.note} |")


def tell_streams(streamed: Sequence[Streamed]) -> None:
    """Print the table of added repeats."""
    heading("all looks cover %", "ever helps %", "t: all cover %", "t: ever helps %", "width at looks 1, 2, 3, 8")
    for each in streamed:
        widths = " ".join(f"{each.widths[place]:.1f}" for place in (0, 1, 2, LOOKS - 1))
        cells = map(cell, (each.covered, each.helps, each.t_covered, each.t_helps))
        print(f"| {named(each.world)} | {' | '.join(cells)} | {widths} |")


def others(sizes: Sequence[int]) -> list[StudyWorld]:
    """Worlds of the tables after the first: one repeat, no effect yet."""
    alone = [StudyWorld(kind, items, 1, 0.0, items, 0.0) for kind in ("smooth", "sparse") for items in sizes]
    return alone + [
        StudyWorld("sparse", items, 1, 0.0, each, FAMILY_SD) for items in sizes for each in (12, 30) if each <= items
    ]


def study(runs: int, seed: int, *, quick: bool) -> dict[str, Any]:
    """Simulate all tables, and say on stderr how far it is."""
    random, begun, sizes = numpy.random.default_rng(seed), time.process_time(), (12, 50) if quick else (12, 50, 200)
    asked = list(worlds(quick=quick))
    found = []
    for place, world in enumerate(asked, 1):
        found.append(simulate(world, runs, random))
        if sys.stderr.isatty():
            print(f"{place} of {len(asked)} worlds", end="\r", file=sys.stderr)
    added = [msgspec.structs.replace(world, effect=effect) for world in others(sizes) for effect in (0.0, 0.05, 0.15)]
    streamed = [stream(world, runs, random) for world in added]
    arms = family_of_arms(StudyWorld("smooth", 50, 3, 0.0, 50, 0.0), 4, runs, random)
    powers = [msgspec.structs.replace(world, repeats=repeats) for world in others(sizes) for repeats in (1, 3)]
    strengths = [(tasks, strength) for tasks in (12, 50) for strength in (0.0, 0.5, 0.8)]
    return {
        "runs": runs,
        "seed": seed,
        "worlds": found,
        "added": streamed,
        "arms": arms,
        "visible": [each for world in powers if (each := visible(world, runs, random))],
        "ranks": {f"{tasks} tasks, r {r}": ranked(tasks, r, runs, random) for tasks, r in strengths},
        "crossing": crossings(50 if quick else 300),
        "broken": broken(found, streamed, arms, runs),
        "cpu_seconds": round(time.process_time() - begun, 1),
    }


def tell_all(result: Mapping[str, Any]) -> None:
    """Print everything as Markdown."""
    tell(result["worlds"])
    tell_streams(result["added"])
    heading("helps %")
    for each in result["visible"]:
        print(f"| {named(each.world)} | {each.helps:.1f} |")
    print(f"\nplans of four useless arms in which one *helps*: {result['arms']:.1f} %")
    for name, value in result["ranks"].items():
        print(f"rank correlation of {name}: the interval covers {value:.1f} %")
    for alpha, used in result["crossing"].items():
        print(f"crossing: looks without end at alpha {alpha} miss in {used:.3f} alpha")
    print(f"{result['runs']} simulations a row, seed {result['seed']}, {result['cpu_seconds']} s of CPU")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="100 simulations of the smaller worlds")
    given = parser.parse_args()
    runs = given.runs or (100 if given.quick else FULL)
    result = study(runs, given.seed, quick=given.quick)
    if given.json:
        print(json.dumps(msgspec.to_builtins(result), indent=1))
    else:
        tell_all(result)
    for line in result["broken"]:
        print(f"broken: {line}", file=sys.stderr)
    sys.exit(1 if result["broken"] else 0)


if __name__ == "__main__":
    main()
