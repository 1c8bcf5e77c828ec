"""SkillOpt's gate: a candidate has to score higher than the stored score of the revision in force; and no gate at all.

The stored score is that of the pass which got it accepted, so it is too high: the first useless edit passes in 36 to
49 % of cases, and then helpful ones are refused. It is here for its numbers to be comparable. `force` is the control
arm that shows what a gate is worth.
"""

import msgspec
from typing_extensions import override

from engine.policies.gates.base import (
    DIGITS,
    CandidateRows,
    GateBelief,
    GateKind,
    GatePlan,
    GateRuling,
    Row,
    corrected,
    filled,
    mean,
    pairs_of,
    scored,
    whole_pass,
)


class StrictRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has no settings."""


class StoredPass(msgspec.Struct, frozen=True):
    """The pass that is to be beaten."""

    row: Row
    """Where it lacks a score, that of the pass before."""
    rows: int
    """Scores that it has itself."""


class StrictGate:
    """The gate."""

    name = "strict"
    paired = False
    guarded = True

    def start(self, row: Row) -> StoredPass:
        """Begin with one pass."""
        mean(row)
        return StoredPass(row, len(scored(row)))

    def rule(self, state: StoredPass, rows: CandidateRows) -> GateRuling:
        """Accept what scores higher over the items that have a score in both passes; a tie does not."""
        more = whole_pass(rows)
        if more is not None:
            return more
        stored, score = mean(state.row), corrected(rows.first, state.row)
        figures = {"mean": float(round(score, DIGITS)), "stored": float(round(stored, DIGITS))}
        if pairs_of(rows.first, state.row) and score > stored:
            return GateRuling("accept", "it scores higher than the stored pass", figures=figures)
        return GateRuling("reject", "it does not score higher than the stored pass", figures=figures)

    def settle(self, state: StoredPass, rows: CandidateRows, *, accepted: bool) -> StoredPass:
        """Store the pass of what was accepted."""
        return StoredPass(filled(rows.first, state.row), len(scored(rows.first))) if accepted else state

    def belief(self, state: StoredPass) -> GateBelief:
        """Give the stored score."""
        return GateBelief(mean(state.row), None, state.rows)


class ForceGate(StrictGate):
    """The control arm: every candidate is accepted."""

    name = "force"
    guarded = False

    @override
    def rule(self, state: StoredPass, rows: CandidateRows) -> GateRuling:
        """Accept, once it was run."""
        more = whole_pass(rows)
        if more is not None:
            return more
        figures = {"stored": float(round(mean(state.row), DIGITS))}
        return GateRuling("accept", "this gate accepts every candidate", figures=figures)


def _strict(rule: StrictRule, plan: GatePlan) -> StrictGate:
    del rule, plan
    return StrictGate()


def _force(rule: StrictRule, plan: GatePlan) -> ForceGate:
    del rule, plan
    return ForceGate()


STRICT = GateKind(name="strict", settings=StrictRule, make=_strict, by_counts=True)
FORCE = GateKind(name="force", settings=StrictRule, make=_force, by_counts=True)
