"""The gate `adaptive`: `items` where flips persist, `level` where they do not, and both until that is known.

Further looks tell which: an item that was turned for good holds, one that was lucky falls back
(`engine/policies/gates/persistence.py`). They are paid for by early rejection: a first pass is run in parts, and ends
where the candidate lies behind the level. Parts are filtered into the level with the noise that they have, so that it
stays honest without a last pass.
"""

from fractions import Fraction
from math import log
from typing import Annotated, Final

import msgspec

from engine.policies.gates.base import (
    DIGITS,
    CandidateRows,
    GateBelief,
    GateKind,
    GatePlan,
    GateRuling,
    Row,
    exactly,
    next_part,
    rounded,
)
from engine.policies.gates.hypotheses import fit
from engine.policies.gates.items import ItemsGate, ItemsRule, ItemsState, seen_of
from engine.policies.gates.level import LevelGate, filtered, lead, margin
from engine.policies.gates.persistence import evidence_of_persistence


class AdaptiveRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the two are weighed."""

    items: ItemsRule = ItemsRule()
    """Of the gate `items`, but for its parts."""
    parts: Annotated[int, msgspec.Meta(ge=1)] = 4
    """In how many parts the first pass is run."""
    behind: Annotated[float, msgspec.Meta(ge=0)] = 0.7
    """Standard errors behind the level from which on a candidate is rejected after a part, at 20 items or fewer."""
    rise: Annotated[float, msgspec.Meta(ge=0)] = 0.35
    """How much more for each factor e of items: with more items further looks cost a smaller part of a pass. 0 where
    candidates are cheap and their number is not fixed."""
    persists: float = 1.15
    """Evidence (natural logarithm of odds) from which flips count as lasting, and `items` decides."""
    fades: float = -1.15
    """Evidence up to which they count as chance, and `level` decides."""
    harm: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.35
    """Until then, probability of harm up to which a candidate that leads the level is accepted."""


class AdaptiveState(msgspec.Struct, frozen=True):
    """What is believed, of items and of edits."""

    items: ItemsState
    evidence: float = 0.0
    """Logarithm of how much likelier all further looks are if edits turn items for good."""


class AdaptiveGate:
    """The gate."""

    name = "adaptive"
    filters_parts = True
    """Its belief stays honest though it looks at parts of a pass."""
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
        if not rows.complete:
            return self._early(state, rows)
        evidence = self._evidence(state, rows)
        figures = {"evidence_of_persistence": evidence}
        if evidence <= self._rule.fades:
            return _with(self._level.rule(state.items.level, rows), figures)
        ruling = self._items.rule(state.items, rows)
        found = lead(state.items.level, rows.first)
        if found.difference < 0:
            return GateRuling("reject", "it lies behind the level", figures={**ruling.figures, **figures})
        unsure = evidence < self._rule.persists and ruling.outcome == "reject"
        leads = unsure and found.reaches(margin(self._rule.items.level, found.items))
        if leads and ruling.figures["probability_of_harm"] <= self._rule.harm:
            reason = "it leads the level, and harm is not likely"
            return GateRuling("accept", reason, figures={**ruling.figures, **figures})
        return _with(ruling, figures)

    def settle(self, state: AdaptiveState, rows: CandidateRows, *, accepted: bool) -> AdaptiveState:
        """Take its rows in, those of a part of a pass too, and what further looks say of edits."""
        items = self._items.settle(state.items, rows, accepted=accepted)
        if rows.scores and not rows.complete:
            level = filtered(self._rule.items.level, state.items.level, rows.first, accepted=accepted)
            items = msgspec.structs.replace(items, level=level)
        return AdaptiveState(items, self._evidence(state, rows))

    def belief(self, state: AdaptiveState) -> GateBelief:
        """Give the level."""
        return self._items.belief(state.items)

    def _early(self, state: AdaptiveState, rows: CandidateRows) -> GateRuling:
        """Run the next part, or reject what lies too far behind."""
        part = next_part(rows, self._rule.parts)
        more = GateRuling("more", f"{len(part)} items are run next", part)
        if not rows.scores:
            return more
        found = lead(state.items.level, rows.first)
        figures = {"lead": float(round(found.difference, DIGITS)), "variance": float(round(found.variance, DIGITS))}
        border = behind_border(self._rule, len(rows.outcomes))
        if found.difference < 0 and found.difference**2 >= border**2 * found.variance:
            words = f"after {len(rows.asked)} items it lies {float(border):.2f} standard errors behind the level"
            return GateRuling("reject", words, figures=figures)
        return msgspec.structs.replace(more, figures=figures)

    def _evidence(self, state: AdaptiveState, rows: CandidateRows) -> float:
        if not rows.rounds:
            return state.evidence
        first = msgspec.structs.replace(rows, outcomes=tuple(each[:1] for each in rows.outcomes))
        prior, nothing = fit(state.items.histories), self._rule.items.nothing
        told = evidence_of_persistence(prior, seen_of(state.items, first), seen_of(state.items, rows), nothing)
        return rounded(state.evidence + told)


def behind_border(rule: AdaptiveRule, items: int) -> Fraction:
    """Give the standard errors behind the level from which on a candidate is rejected early."""
    more = exactly(rule.rise) * exactly(log(items / 20))
    return exactly(rule.behind) + max(more, Fraction(0))


def _with(ruling: GateRuling, figures: dict[str, float]) -> GateRuling:
    return msgspec.structs.replace(ruling, figures={**ruling.figures, **figures})


def _adaptive(rule: AdaptiveRule, plan: GatePlan) -> AdaptiveGate:
    del plan
    return AdaptiveGate(rule)


ADAPTIVE = GateKind(name="adaptive", settings=AdaptiveRule, make=_adaptive)
