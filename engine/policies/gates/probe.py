"""The gate `probe`: as many items that passed as items that failed, and a hard budget of regressions.

It runs a part of the selection set, so it is cheap, and it looks for harm where harm can be: among items that passed,
as GRASP does (arXiv 2605.29668). What it sees of the score is one-sided: an item that failed by bad luck and now passes
counts as gained. So its own reading of the score is too high after an acceptance; the level beside it, which only whole
passes move, is not, and a final pass measures anew.
"""

from fractions import Fraction
from itertools import islice
from typing import Annotated, Final

import msgspec

from engine.policies.gates.base import (
    CandidateRows,
    GateBelief,
    GateKind,
    GateOutcome,
    GatePlan,
    GateRuling,
    Row,
    filled,
    mean,
    pairs_of,
    scored,
)


class ProbeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many items are run, and what they may come to."""

    items: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Of each kind; all of a kind that has fewer."""
    regressions: Annotated[int, msgspec.Meta(ge=0)] = 1
    """Items that passed and may fail; one more rejects the candidate."""
    lead: int = 1
    """By how many the items that were gained have to exceed those that were lost."""


class ProbeState(msgspec.Struct, frozen=True):
    """The latest score of each item under the revision in force, or one that was so before."""

    row: Row
    rows: int
    """Scores of the revision in force among them."""


class ProbeGate:
    """The gate."""

    name = "probe"
    paired = False
    guarded = True

    def __init__(self, rule: ProbeRule | None = None) -> None:
        """Prepare. None: ten items of each kind."""
        self._rule: Final = rule or ProbeRule()

    def start(self, row: Row) -> ProbeState:
        """Begin with one pass."""
        mean(row)
        return ProbeState(row, len(scored(row)))

    def rule(self, state: ProbeState, rows: CandidateRows) -> GateRuling:
        """Accept what gains more than it loses, and loses no more than its budget."""
        drawn = self._drawn(state, rows)
        left = tuple(index for index in drawn if not rows.outcomes[index])
        if left:
            return GateRuling("more", f"{len(left)} items are probed", left)
        first = rows.first
        pairs = pairs_of([first[index] for index in drawn], [state.row[index] for index in drawn])
        gained, lost = sum(new > old for new, old in pairs), sum(new < old for new, old in pairs)
        figures = {"gained": float(gained), "lost": float(lost), "probed": float(len(pairs))}
        if lost > self._rule.regressions:
            reason = f"veto: {lost} items that passed fail, and {self._rule.regressions} may"
            return GateRuling("reject", reason, figures=figures)
        outcome: GateOutcome = "accept" if gained - lost >= self._rule.lead else "reject"
        return GateRuling(outcome, f"{gained} items are gained and {lost} lost", figures=figures)

    def settle(self, state: ProbeState, rows: CandidateRows, *, accepted: bool) -> ProbeState:
        """Keep the scores of what was accepted."""
        if not accepted:
            return state
        return ProbeState(filled(rows.first, state.row), len(scored(rows.first)))

    def belief(self, state: ProbeState) -> GateBelief:
        """Give the mean of the latest score of each item."""
        return GateBelief(mean(state.row), None, state.rows)

    def _drawn(self, state: ProbeState, rows: CandidateRows) -> tuple[int, ...]:
        """Draw items that passed and items that failed; a partial score of one half or more passes."""
        known = [(index, state.row[index]) for index in rows.drawn]
        passing = (index for index, score in known if score is not None and score >= Fraction(1, 2))
        failing = (index for index, score in known if score is not None and score < Fraction(1, 2))
        return (*islice(passing, self._rule.items), *islice(failing, self._rule.items))


def _probe(rule: ProbeRule, plan: GatePlan) -> ProbeGate:
    del plan
    return ProbeGate(rule)


PROBE = GateKind(name="probe", settings=ProbeRule, make=_probe)
