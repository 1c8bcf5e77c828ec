"""The audit of PDI: how often it triggers on recorded steps and on noise, and what its readings foretell."""

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Literal, NamedTuple

from projections.pdi.audit import MADE, Count, Foresight, Made, count, foresights
from projections.pdi.calibrate import FEWEST, CalibrationOptions, Sample, calibrated, halves, noise, rate, samples
from projections.pdi.index import PdiSettings
from projections.pdi.reference import SPARK_RELEASE, PdiReference
from projections.pdi.trials import ReadTrial
from views.pdi.audit_rows import AuditedRow, AuditRow, ForesightRow, RateRow, SpreadRow
from views.pdi.audit_tables import render
from views.pdi.fit import read_trials, source_of
from views.pdi.statistics import of_share, over_groups, ranks
from views.terminal.log_access import OpenedLog

Fit = Literal["half", "shipped"]
"""What ``calibrated`` goes by: a fit on one half of the tasks, tested on the other; or the shipped reference."""


class AuditOptions(NamedTuple):
    """What is asked of an audit."""

    wish: CalibrationOptions
    fit: Fit
    splits: int
    """How many ways to split the tasks are tried, the one that is shown included."""


async def tell(desk: OpenedLog, runs: Sequence[str], ask: AuditOptions) -> None:
    """Audit some runs, or all if none is named.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        CalibrationImpossible: There is too little to fit on.
        StatisticsAbsent: scipy is not installed.
    """
    trials = await read_trials(desk, runs)
    desk.screen.show(audit(trials, ask), render)


def audit(trials: Sequence[ReadTrial], ask: AuditOptions) -> list[AuditRow]:
    """Make the rows of an audit.

    Raises:
        CalibrationImpossible: There is too little to fit on.
        StatisticsAbsent: scipy is not installed.
    """
    found = samples(trials, ask.wish)
    if ask.fit == "shipped":
        told = _foretold(trials, [(trials, SPARK_RELEASE)])
        return [_audited([], trials, ask, SPARK_RELEASE), *_rates(trials, SPARK_RELEASE, ask.wish), *_ranked(told, ask)]
    first, second = halves([each.task for each in found], ask.wish.seed)
    reference = _fitted(trials, found, first, ask.wish)
    held_out = _of(trials, second)
    sides = [(held_out, reference)]
    if len(second) >= FEWEST:
        sides.append((_of(trials, first), _fitted(trials, found, second, ask.wish)))
    return [
        _audited(_of(trials, first), held_out, ask, reference),
        *_rates(held_out, reference, ask.wish),
        *_spread(found, ask),
        *_ranked(_foretold([trial for side, _ in sides for trial in side], sides), ask),
    ]


def _of(trials: Iterable[ReadTrial], tasks: Sequence[str]) -> list[ReadTrial]:
    return [trial for trial in trials if trial.task in tasks]


def _fitted(
    trials: Sequence[ReadTrial], found: Sequence[Sample], tasks: Sequence[str], wish: CalibrationOptions
) -> PdiReference:
    mine = [each for each in found if each.task in tasks]
    return calibrated(mine, wish, source_of(_of(trials, tasks), mine, wish))


def methods(reference: PdiReference) -> dict[str, PdiSettings]:
    """Give the three methods: SPARK's two as they come, and the calibrated one under a reference."""
    return {
        "token_overlap": PdiSettings(method="token_overlap"),
        "js_divergence": PdiSettings(method="js_divergence"),
        "calibrated": PdiSettings(method="calibrated", reference=reference),
    }


def _audited(
    fitted: Sequence[ReadTrial], audited: Sequence[ReadTrial], ask: AuditOptions, reference: PdiReference
) -> AuditedRow:
    return AuditedRow(
        fitted=tuple(sorted({trial.task for trial in fitted})),
        audited=tuple(sorted({trial.task for trial in audited})),
        seed=ask.wish.seed,
        rounds=ask.wish.rounds,
        reference=reference,
    )


def _rates(trials: Sequence[ReadTrial], reference: PdiReference, wish: CalibrationOptions) -> list[RateRow]:
    """Give the rates of each method: over all steps, and at each place in a trial."""
    counts = count(trials, methods(reference), wish.seed, wish.rounds)
    rows = []
    for method in methods(reference):
        mine = [each for each in counts if each.method == method]
        for step in (None, *sorted({each.step for each in mine if each.made == "recorded"})):
            there = [each for each in mine if step is None or each.step == step]
            rows += [_rate(there, made, step, wish.seed) for made in MADE]
    return [row for row in rows if row is not None]


def _rate(counts: Sequence[Count], made: Made, step: int | None, seed: int) -> RateRow | None:
    """Give one rate beside that of recorded steps. None: there is no such step."""
    tasks = [_tally(counts, made, task) for task in dict.fromkeys(each.task for each in counts)]
    whole = _sum(tasks)
    if not whole.eligible:
        return None
    beside = made != "recorded" and whole.recorded_eligible > 0
    both = [each for each in tasks if each.eligible and each.recorded_eligible]
    over_tasks = beside and step is None and bool(both)
    share = whole.triggered / whole.eligible
    return RateRow(
        method=counts[0].method,
        made=made,
        step=step,
        tasks=sum(each.eligible > 0 for each in tasks),
        eligible=whole.eligible,
        triggered=whole.triggered,
        rate=share,
        interval=of_share(whole.triggered, whole.eligible),
        difference=whole.difference() if beside else None,
        difference_interval=over_groups(len(both), lambda drawn: _sum(both[each] for each in drawn).difference(), seed)
        if over_tasks
        else None,
        ratio=whole.recorded / whole.recorded_eligible / share if beside and share else None,
    )


class _Tally(NamedTuple):
    """Steps of some kind, beside recorded ones."""

    recorded: int
    """Triggered, of those eligible; like the two below."""
    recorded_eligible: int
    triggered: int
    eligible: int

    def difference(self) -> float:
        return self.recorded / self.recorded_eligible - self.triggered / self.eligible


def _tally(counts: Iterable[Count], made: Made, task: str) -> _Tally:
    mine = [each for each in counts if each.task == task]
    recorded, drawn = ([each for each in mine if each.made == kind] for kind in ("recorded", made))
    return _Tally(
        sum(each.triggered for each in recorded),
        sum(each.eligible for each in recorded),
        sum(each.triggered for each in drawn),
        sum(each.eligible for each in drawn),
    )


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    return _Tally(*map(sum, zip(*tallies, strict=True)))


def _spread(found: Sequence[Sample], ask: AuditOptions) -> list[SpreadRow]:
    """Fit and test again over other halves; each split has a seed of its own, which draws its noise too."""
    rates: dict[Made, list[float]] = {"recorded": [], "values": [], "order": []}
    for number in range(ask.splits):
        wish = ask.wish._replace(seed=ask.wish.seed + number)
        first, second = halves([each.task for each in found], wish.seed)
        reference = calibrated([each for each in found if each.task in first], wish, "a split")
        held_out = [each for each in found if each.task in second]
        rates["recorded"].append(rate([each for sample in held_out for each in sample.real], reference))
        rates["values"].append(rate(noise(held_out, wish), reference))
        rates["order"].append(rate([each for sample in held_out for each in sample.order], reference))
    return [
        SpreadRow(
            made=made,
            splits=len(all_of),
            mean=fmean(all_of),
            median=median(all_of),
            largest=max(all_of),
            within=sum(each <= ask.wish.false_alarm for each in all_of),
        )
        for made, all_of in rates.items()
        if all_of
    ]


Side = tuple[Sequence[ReadTrial], PdiReference]


def _foretold(trials: Sequence[ReadTrial], sides: Sequence[Side]) -> dict[str, list[Foresight]]:
    """List what each method foretold at the steps that all of them can read.

    ``calibrated`` goes by a reference that has not seen the trial, if there is one.
    """
    told: dict[str, list[Foresight]] = {}
    for name, settings in methods(SPARK_RELEASE).items():
        if name != "calibrated":
            told[name] = foresights(trials, name, settings)
    told["calibrated"] = [
        each for side, reference in sides for each in foresights(side, "calibrated", methods(reference)["calibrated"])
    ]
    common = set.intersection(*({_place(each) for each in all_of} for all_of in told.values()))
    return {name: [each for each in all_of if _place(each) in common] for name, all_of in told.items()}


def _place(foresight: Foresight) -> tuple[str, str, int]:
    return foresight.run, foresight.trial, foresight.attempt


def _ranked(told: dict[str, list[Foresight]], ask: AuditOptions) -> list[ForesightRow]:
    rows = []
    for method, all_of in told.items():
        steps = [(-each.pdi, each.triggered, each.next) for each in all_of]
        trials: dict[tuple[str, str], list[Foresight]] = {(each.run, each.trial): [] for each in all_of}
        for each in all_of:
            trials[each.run, each.trial].append(each)
        whole = [
            (-fmean(each.pdi for each in mine), any(each.triggered for each in mine), mine[0].came)
            for mine in trials.values()
        ]
        rows += [_foresight(method, "next attempt", steps, ask), _foresight(method, "trial", whole, ask)]
    return rows


def _foresight(
    method: str, about: Literal["next attempt", "trial"], said: Sequence[tuple[float, bool, str]], ask: AuditOptions
) -> ForesightRow:
    failed = [alarm for alarm, _, came in said if came == "failed"]
    solved = [alarm for alarm, _, came in said if came == "solved"]
    found = ranks(failed, solved, ask.wish.seed) if failed and solved else None
    known = [(triggered, came) for _, triggered, came in said if came != "unknown"]
    return ForesightRow(
        method=method,
        about=about,
        failed=len(failed),
        solved=len(solved),
        auc=found.auc if found else None,
        interval=found.interval if found else None,
        p=found.p if found else None,
        flagged=sum(triggered for triggered, _ in known),
        flagged_failed=sum(triggered and came == "failed" for triggered, came in known),
    )
