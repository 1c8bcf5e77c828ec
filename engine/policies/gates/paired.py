"""The gate `paired`: a fresh pass of both sides, and a veto for items that the candidate loses.

A candidate that wins more than it loses may still break what worked. An item that it lost is run again under it, and
counts as broken if every score of it lies below every score that the revision in force ever had there; more broken
items than the rule bears are a veto, whatever else was won. An item that fails every other time is lost by chance now
and then: with hundreds of items a veto at the first broken one rejects nearly everything.
"""

from fractions import Fraction
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
    filled,
    mean,
    pairs_of,
    scored,
    whole_pass,
)


class PairedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is a loss, and how many are borne."""

    broken: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Items that may be broken; one more is a veto."""
    looks: Annotated[int, msgspec.Meta(ge=0)] = 2
    """How often an item that was lost is run again before it counts as broken."""


class PairedState(msgspec.Struct, frozen=True):
    """What the revision in force scored."""

    latest: Row
    """Its latest pass; where that lacks a score, the one before."""
    rows: int
    """Scores of the latest pass."""
    lowest: Row
    """Of each item, the lowest score it had in any pass."""


class PairedGate:
    """The gate."""

    name = "paired"
    paired = True
    guarded = True

    def __init__(self, rule: PairedRule | None = None) -> None:
        """Prepare. None: no item may be broken."""
        self._rule: Final = rule or PairedRule()

    def start(self, row: Row) -> PairedState:
        """Begin with one pass."""
        mean(row)
        return PairedState(row, len(scored(row)), row)

    def rule(self, state: PairedState, rows: CandidateRows) -> GateRuling:
        """Accept what wins more than it loses and breaks nothing."""
        more = whole_pass(rows)
        if more is not None:
            return more
        pairs = pairs_of(rows.first, rows.baseline)
        won, lost = sum(new > old for new, old in pairs), sum(new < old for new, old in pairs)
        ahead = sum((new - old for new, old in pairs), Fraction(0)) / (len(pairs) or 1)
        broken = _losing(rows, _lowest(state.lowest, rows.baseline))
        figures = {"won": float(won), "lost": float(lost), "ahead": float(round(ahead, DIGITS))}
        if ahead <= 0:
            return GateRuling("reject", f"{won} items are won and {lost} lost: it is not ahead", figures=figures)
        if len(broken) > self._rule.broken and rows.rounds < self._rule.looks and rows.affordable:
            return GateRuling("more", f"{len(broken)} items were lost", broken, figures)
        figures["broken"] = float(len(broken))
        if len(broken) > self._rule.broken:
            return GateRuling("reject", f"veto: {len(broken)} items are broken", figures=figures)
        return GateRuling("accept", f"{won} items are won and {len(broken)} broken", figures=figures)

    def settle(self, state: PairedState, rows: CandidateRows, *, accepted: bool) -> PairedState:
        """Keep the latest pass of the revision in force, which no candidate was chosen by unless it was accepted."""
        row = rows.first if accepted else rows.baseline
        lowest = rows.first if accepted else _lowest(state.lowest, rows.baseline)
        return PairedState(filled(row, state.latest), len(scored(row)), lowest)

    def belief(self, state: PairedState) -> GateBelief:
        """Give the mean of the latest pass."""
        return GateBelief(mean(state.latest), None, state.rows)


def _lowest(row: Row, other: Row) -> Row:
    """Give the lower score of each item; the one that is there where the other is not."""
    return tuple(min(scored(scores), default=None) for scores in zip(row, other, strict=True))


def _losing(rows: CandidateRows, lowest: Row) -> tuple[int, ...]:
    """Give the items of which every score of the candidate lies below every score of the revision in force."""
    return tuple(
        index
        for index, (outcomes, old) in enumerate(zip(rows.outcomes, lowest, strict=True))
        if old is not None and scored(outcomes) and max(scored(outcomes)) < old
    )


def _paired(rule: PairedRule, plan: GatePlan) -> PairedGate:
    del plan
    return PairedGate(rule)


PAIRED = GateKind(name="paired", settings=PairedRule, make=_paired)
