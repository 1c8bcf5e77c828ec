"""The point of decision of the gate: what becomes of a candidate, from recorded rows."""

from typing import Any, Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.evaluating.item_sets import SetSeen
from engine.policies.gates.registry import gate_settings
from engine.policies.training.batches import BatchRule, steps_of_epoch
from engine.programs.train.spec import GateSpec, TrainSpec, gate_name, is_compatible, train_spec
from events.types.decision import Earlier, Held, Seen
from events.types.training import CandidateOrigin, GateDecided, GateOutcome
from events.values import Ratio

_encoder: Final = msgspec.json.Encoder(order="deterministic")


class MadeSeen(msgspec.Struct, frozen=True):
    """Of `CandidateMade`."""

    changed: bool


class ScanSeen(msgspec.Struct, frozen=True):
    """Of the scan of a candidate."""

    verdict: Literal["pass", "refuse"]


class IdleSeen(msgspec.Struct, frozen=True):
    """Of `DoNothingScored`."""

    solved: tuple[str, ...]


class RuledSeen(msgspec.Struct, frozen=True):
    """Of the `GateDecided` before."""

    outcome: GateOutcome
    best: bool


class GateSaw(msgspec.Struct, frozen=True):
    """A candidate, with all that was run of it so far."""

    start: Held
    """First pass of the initial revision over the selection set: JSON list of `CellSaw`, by name."""
    idle: Seen[IdleSeen] | None
    """Which items are right if nobody works on them. None: nobody knows."""
    origin: CandidateOrigin
    made: Seen[MadeSeen]
    scan: Seen[ScanSeen] | None
    """None: nothing was scanned."""
    parts: tuple[Held, ...]
    """What was run of the candidate, in the order in which it was asked for: JSON lists of `CellSaw`."""
    beside: tuple[Held, ...]
    """The same of the revision in force, where the gate asks for it beside the candidate."""
    number: int
    """Candidates before this one."""
    learning: int
    """Items that are learnt from."""
    sets: tuple[Seen[SetSeen], ...]
    before: Seen[RuledSeen] | None
    """What the decision before came to. None: there was none."""
    earlier: Earlier | None
    """Its inputs."""


class GateRule(msgspec.Struct, frozen=True):
    """Which gate rules, and how."""

    gate: str
    settings: str
    """Of that gate, as canonical JSON."""
    metric: Literal["hard", "soft", "mixed"]
    mixed_weight: float
    floor: float
    candidates: int
    """That are planned."""
    seed: int
    """Of orders in which a gate takes items that it does not run all at once."""
    ungated: bool
    """Whether such candidates are accepted as they come."""
    unchanged: bool
    """Whether a candidate that changes nothing is run at all."""
    idle_counts: bool
    """Whether items count that are right if nobody works on them."""
    dead: bool
    """Whether a score that is the same everywhere leaves a candidate undecided."""


class CandidateRuling(msgspec.Struct, frozen=True):
    """What becomes of it."""

    gate: str
    outcome: GateOutcome
    reason: str
    run: tuple[str, ...]
    """Of *more*: items that are run next."""
    figures: dict[str, float]
    score: Ratio | None
    believed: Ratio | None
    variance: Ratio | None
    rows: int
    beside: int
    best: bool
    paired: bool
    """Of *more*: whether items that were not run yet are run under the revision in force, too."""


def _rule_of(spec: RunSpec, saw: GateSaw, gate: GateSpec) -> GateRule:
    settings, compatible = train_spec(spec), is_compatible(spec)
    name = gate_name(spec, gate)
    return GateRule(
        gate=name,
        settings=_encoder.encode(gate_settings(name, gate.settings)).decode(),
        metric=settings.metric,
        mixed_weight=settings.mixed_weight,
        floor=settings.floor,
        candidates=planned_candidates(spec, saw.learning),
        seed=settings.seed,
        ungated=_ungated(spec, saw.origin),
        unchanged=compatible,
        idle_counts=compatible,
        dead=not compatible,
    )


def planned_candidates(spec: RunSpec, learning: int) -> int:
    """Say how many candidates a training is planned to make: one for each step, slow update and placebo.

    Args:
        spec: Of the run.
        learning: Items that are learnt from.
    """
    settings = train_spec(spec)
    batches = BatchRule(settings.batch, settings.accumulation, settings.seed, is_compatible(spec))
    slow = (settings.epochs - 1) * settings.slow.on
    steps = settings.epochs * steps_of_epoch(batches, learning)
    return max(steps + slow + placebos_in(settings, steps), 1)


def placebos_in(settings: TrainSpec, steps: int) -> int:
    """Count the placebos that so many steps make."""
    return 0 if settings.placebo is None else steps // settings.placebo


def _ungated(spec: RunSpec, origin: CandidateOrigin) -> bool:
    compatible, gated = is_compatible(spec), train_spec(spec).slow.gate
    if origin == "slow":
        return compatible if gated is None else not gated
    return origin == "appendix" and compatible


def _rule(spec: RunSpec, saw: GateSaw) -> GateRule:
    return _rule_of(spec, saw, train_spec(spec).gate)


def _shadows(spec: RunSpec, saw: GateSaw) -> dict[str, GateRule]:
    return {name: _rule_of(spec, saw, gate) for name, gate in train_spec(spec).shadows.items()}


def _departs(saw: GateSaw, recorded: CandidateRuling, decided: CandidateRuling) -> bool:
    """Say whether another ruling has other items run, or another skill in force: the second never of a placebo."""
    return saw.origin != "placebo" or "more" in {recorded.outcome, decided.outcome}


def _shadow_of(event: Any) -> str | None:
    return event.shadow if isinstance(event, GateDecided) else None


GATE: Final = Point(
    name="gate",
    revision=1,
    saw=GateSaw,
    settings=GateRule,
    ruling=CandidateRuling,
    decisive=("outcome", "run", "best", "paired"),
    steers=True,
    departs=_departs,
    rule=_rule,
    shadows=_shadows,
    events=(GateDecided,),
    shadow_of=_shadow_of,
)
