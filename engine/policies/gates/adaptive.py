"""The gate `adaptive`: `items` where flips persist, `level` where they do not, and both until that is known."""

from typing import Annotated, Final

import msgspec

from engine.policies.gates.base import CandidateRows, GateBelief, GateKind, GatePlan, GateRuling, Row, rounded
from engine.policies.gates.hypotheses import fit
from engine.policies.gates.items import ItemsGate, ItemsRule, ItemsState, seen_of
from engine.policies.gates.level import LevelGate, lead, margin
from engine.policies.gates.persistence import evidence_of_persistence


class AdaptiveRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the two are weighed."""

    items: ItemsRule = ItemsRule()
    persists: float = 1.15
    """Evidence (natural logarithm of odds) from which flips count as lasting, and `items` decides."""
    fades: float = -1.15
    """Evidence up to which they count as chance, and `level` decides."""
    harm: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """Until then, probability of harm up to which a candidate that leads the level is accepted."""


class AdaptiveState(msgspec.Struct, frozen=True):
    """What is believed, of items and of edits."""

    items: ItemsState
    evidence: float = 0.0
    """Logarithm of how much likelier all further looks are if edits turn items for good."""


class AdaptiveGate:
    """The gate."""

    name = "adaptive"
    paired = False
    guarded = True

    def __init__(self, rule: AdaptiveRule | None = None) -> None:
        """Prepare. None: the rule of the simulation."""
        self._rule: Final = rule or AdaptiveRule()
        self._items: Final = ItemsGate(self._rule.items)
        self._level: Final = LevelGate(self._rule.items.level)

    def start(self, row: Row) -> AdaptiveState:
        """Begin with one pass."""
        return AdaptiveState(self._items.start(row))

    def rule(self, state: AdaptiveState, rows: CandidateRows) -> GateRuling:
        """Let the gate decide that fits how edits have worked so far."""
        if not rows.asked:
            return self._items.rule(state.items, rows)
        evidence, rule = self._evidence(state, rows), self._rule
        figures = {"evidence_of_persistence": evidence}
        if rows.complete and evidence <= rule.fades:
            return _with(self._level.rule(state.items.level, rows), figures)
        ruling = self._items.rule(state.items, rows)
        if not rows.complete or evidence >= rule.persists or ruling.outcome != "reject":
            return _with(ruling, figures)
        found = lead(state.items.level, rows.first)
        leads = found.reaches(margin(rule.items.level, found.items))
        if leads and ruling.figures["probability_of_harm"] <= rule.harm:
            return GateRuling(
                "accept", "it leads the level, and harm is not likely", figures={**ruling.figures, **figures}
            )
        return _with(ruling, figures)

    def settle(self, state: AdaptiveState, rows: CandidateRows, *, accepted: bool) -> AdaptiveState:
        """Take its rows in, and what further looks say of edits."""
        return AdaptiveState(self._items.settle(state.items, rows, accepted=accepted), self._evidence(state, rows))

    def belief(self, state: AdaptiveState) -> GateBelief:
        """Give the level."""
        return self._items.belief(state.items)

    def _evidence(self, state: AdaptiveState, rows: CandidateRows) -> float:
        if not rows.rounds:
            return state.evidence
        first = msgspec.structs.replace(rows, outcomes=tuple(each[:1] for each in rows.outcomes))
        prior, nothing = fit(state.items.histories), self._rule.items.nothing
        told = evidence_of_persistence(prior, seen_of(state.items, first), seen_of(state.items, rows), nothing)
        return rounded(state.evidence + told)


def _with(ruling: GateRuling, figures: dict[str, float]) -> GateRuling:
    return msgspec.structs.replace(ruling, figures={**ruling.figures, **figures})


def _adaptive(rule: AdaptiveRule, plan: GatePlan) -> AdaptiveGate:
    del plan
    return AdaptiveGate(rule)


ADAPTIVE = GateKind(name="adaptive", settings=AdaptiveRule, make=_adaptive)
