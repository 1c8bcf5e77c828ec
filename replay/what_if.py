"""What if: recorded decisions made again under other settings, and where each trial would have left its recorded path.

Nothing is asked of a model. A decision is answerable as long as nothing that was done before it would have been done
otherwise; behind that, a trial needs live calls, and what it recorded says nothing any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.config_changes import Change, change
from engine.methods.base import Method
from engine.methods.registry import method_named
from events.base import Ref
from events.log import EventLog
from projections.pdi_steps import RECORDED
from replay.counterfactual import NOTHING, Concerned, TrialFacts, facts_by_trial, total
from replay.decisions.base import Chain, Decision, Point, Step, Under
from replay.redecide import DecidedRun, read_decisions

DECIDED: Final[Mapping[Point, tuple[str, ...]]] = {
    "judging": ("outcome", "status"),
    "stopping": ("decision", "counted"),
    "hint": ("hint",),
    "retry": ("intervention", "injection"),
    "reflection": ("tag", "memo"),
    "pdi": ("triggered", "level"),
    "intervention": ("level",),
    "evidence": ("blocks",),
    "skill": ("tag", "files", "answer"),
}
"""What is decided at each point: a decision flips if one of these does. A reason in other words is no flip."""

_SETTLED: Final = frozenset({"judging", "reflection", "evidence", "skill"})
"""Points whose policies take no setting: under the same method they need not be asked again."""


class Flip(NamedTuple):
    """A decision that comes out otherwise."""

    run: str
    trial: str
    point: Point
    at: Ref
    position: int
    field: str
    """The first that differs."""
    recorded: Any
    decided: Any


class Left(NamedTuple):
    """Where a trial would have left its recorded path: from here on it needs live calls."""

    flip: Flip
    """The decision from which on something else is done."""
    concerned: Concerned


class TrialAsked(NamedTuple):
    """One trial under other settings."""

    run: str
    trial: str
    decisions: int
    """Those that could be made again."""
    flips: tuple[Flip, ...]
    left: Left | None
    """None: it goes its recorded path to the end."""
    unanswerable: int
    """Decisions behind the place where it left: their inputs would have been others."""
    missing: int
    """Decisions whose source is not in the log."""


class Readings(NamedTuple):
    """PDI under other settings over all recorded steps, as a shadow monitor would have read them."""

    eligible: int
    """Readings at which a trigger is possible: from the trial's second step on."""
    triggered: int
    soft: int
    """Interventions that an attempt followed, with those that nobody can know (behind a place where a trial left)."""
    strong: int
    none: int

    @property
    def rate(self) -> float | None:
        """Give the share of eligible readings that trigger, [0, 1]. None: there are none."""
        return self.triggered / self.eligible if self.eligible else None


class WhatIf(NamedTuple):
    """What came of it, over all runs."""

    changes: tuple[Change, ...]
    trials: tuple[TrialAsked, ...]
    readings: Readings
    silent: int
    """Imported trials, if a change bears on decisions that their source does not record: all but those of PDI."""

    @property
    def flips(self) -> tuple[Flip, ...]:
        """List every decision that flips."""
        return tuple(flip for trial in self.trials for flip in trial.flips)

    @property
    def left(self) -> tuple[Left, ...]:
        """List every place at which a trial would have left its path."""
        return tuple(trial.left for trial in self.trials if trial.left is not None)

    @property
    def concerned(self) -> Concerned:
        """Count what stands behind those places."""
        return total(each.concerned for each in self.left) if self.left else NOTHING


class Prepared(NamedTuple):
    """A run, read once, to be asked any number of times."""

    decided: DecidedRun
    method: Method
    settled: Mapping[str, tuple[Decision, ...]]
    """By trial: each step under the run's own settings."""
    facts: Mapping[str, TrialFacts]


async def prepare(log: EventLog, run: str, *, method: Method | None = None) -> Prepared:
    """Read a run to be asked what if.

    Args:
        log: Which holds it.
        run: Its id.
        method: Whose policies decide. None: those of the method that the run names, or that a change names.

    Raises:
        RunUnknown: There is no such run.
        NothingDecided: It was cut off before it began.
        BlobMissing: Bytes that a decision rests on are gone; the error says which.
        NameUnknown: No installed package registers its method.
    """
    decided = await read_decisions(log, run)
    own = method or method_named(decided.spec.method.name)
    under = Under(decided.spec, own, decided.prompts, changed=False)
    settled = {name: tuple(_each(steps, under)) for name, steps in decided.steps.items()}
    return Prepared(decided, own, settled, facts_by_trial(decided.histories))


def ask(runs: Sequence[Prepared], changes: Sequence[Change]) -> WhatIf:
    """Ask what would have been decided under other settings; pure.

    Raises:
        NameUnknown: A change names a method that no installed package registers.
    """
    trials: list[TrialAsked] = []
    counts: list[Readings] = []
    for run in runs:
        under = _under(run, changes)
        for name, steps in run.decided.steps.items():
            made = _made(steps, run.settled[name], under, same=under.method is run.method)
            facts = run.facts[name]
            trials.append(_trial(Place(run.decided.run, name, facts, run.decided.imported), made, under))
            counts.append(_readings(made, facts, under, imported=run.decided.imported))
    summed = Readings(*[sum(column) for column in zip(*counts, strict=True)]) if counts else Readings(0, 0, 0, 0, 0)
    beyond = any(each.path[:2] != ("method", "pdi") for each in changes)
    silent = sum(len(run.decided.steps) for run in runs if run.decided.imported) if beyond else 0
    return WhatIf(tuple(changes), tuple(trials), summed, silent)


class Place(NamedTuple):
    """Which trial is asked about."""

    run: str
    trial: str
    facts: TrialFacts
    imported: bool


def _under(run: Prepared, changes: Sequence[Change]) -> Under:
    spec = run.decided.spec
    spec = msgspec.structs.replace(spec, method=change(spec.method, changes))
    named = run.method if spec.method.name == run.decided.spec.method.name else method_named(spec.method.name)
    return Under(spec, named, run.decided.prompts, changed=True)


def _each(steps: Iterable[Step], under: Under) -> list[Decision]:
    chain = Chain()
    return [step.decide(under, chain) for step in steps]


def _made(steps: Sequence[Step], settled: Sequence[Decision], under: Under, *, same: bool) -> list[Decision]:
    chain = Chain()
    return [
        before if same and before.point in _SETTLED and before.agrees else step.decide(under, chain)
        for step, before in zip(steps, settled, strict=True)
    ]


def _trial(place: Place, made: Sequence[Decision], under: Under) -> TrialAsked:
    flips: list[Flip] = []
    left: Left | None = None
    answerable = unanswerable = missing = 0
    until = float("inf")
    for each in made:
        if each.missing:
            missing += 1
        elif each.position > until:
            unanswerable += 1
        elif each.recorded or each.decided:
            answerable += 1
            found = _flips(place, each, under)
            flips += found
            acts = found[-1] if found and _acts(place, found[-1]) else None
            if left is None and acts is not None:
                left = Left(acts, place.facts.behind(each.position))
                until = each.position if each.point == "stopping" else place.facts.next_effect(each.position)
    return TrialAsked(place.run, place.trial, answerable, tuple(flips), left, unanswerable, missing)


def _flips(place: Place, made: Decision, under: Under) -> list[Flip]:
    """Give the flip of a decision. Another system acted on its readings: then what it would have done flips, too."""
    flips = []
    name = next((each for each in DECIDED[made.point] if made.recorded.get(each) != made.decided.get(each)), None)
    if name is not None:
        values = made.recorded.get(name), made.decided.get(name)
        flips.append(Flip(place.run, place.trial, made.point, made.at, made.position, name, *values))
    if place.imported and made.point == "pdi":
        before, now = made.recorded["level"] or "none", _spoken(made, under) or "none"
        if before != now and place.facts.attempt_follows(made.position):
            flips.append(Flip(place.run, place.trial, "intervention", made.at, made.position, "level", before, now))
    return flips


def _acts(place: Place, flip: Flip) -> bool:
    """Say whether something else is done because of a flip."""
    match flip.point:
        case "pdi":
            return False
        case "hint" | "intervention":
            return place.facts.attempt_follows(flip.position)
        case _:
            return True


def _spoken(made: Decision, under: Under) -> str | None:
    level: str | None = made.decided["level"] if under.spec.method.pdi.mode == "intervene" else None
    return level


def _readings(made: Sequence[Decision], facts: TrialFacts, under: Under, *, imported: bool) -> Readings:
    active = [each for each in made if each.point == "pdi" and _is_active(each) and each.decided]
    eligible = [each for each in active if each.decided["step"] >= 1]
    levels: list[str | None] = (
        [_spoken(each, under) for each in active if facts.attempt_follows(each.position)]
        if imported
        else [
            each.decided["level"]
            for each in made
            if each.point == "intervention" and facts.attempt_follows(each.position)
        ]
    )
    soft, strong = levels.count("soft"), levels.count("strong")
    triggered = sum(1 for each in eligible if each.decided["triggered"])
    return Readings(len(eligible), triggered, soft, strong, len(levels) - soft - strong)


def _is_active(made: Decision) -> bool:
    return made.recorded.get("monitor", RECORDED) in {"active", RECORDED}
