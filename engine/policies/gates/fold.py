"""A gate as it is used: guarded against missing scores and dead signals, with the filtered level beside it.

Every gate, built-in or registered by another package, is folded by `GateFold`. So each report has the score of the
pass by which the revision in force came in, as SkillOpt stores it, beside the filtered level of
`engine/policies/gates/level.py` and what the gate itself believes; and each ruling says on how many scores either side
rests.
"""

from fractions import Fraction
from typing import Annotated, Any, Final

import msgspec

from engine.policies.gates.base import (
    DIGITS,
    CandidateRows,
    Gate,
    GateBelief,
    GateRuling,
    Row,
    exactly,
    mean,
    scored,
)
from engine.policies.gates.flips import FlipCount, count_flips
from engine.policies.gates.level import LevelRule, LevelState, belief_of, filtered, started
from projections.comparison.signal import LEAST_ITEMS


class GateGuard(msgspec.Struct, frozen=True):
    """When nothing is decided."""

    floor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8
    """Share of the items that were run which need a score on either side; in [0, 1]."""
    dead: bool = True
    """Whether a score that both sides have at every item leaves a candidate undecided."""


class FoldState(msgspec.Struct, frozen=True):
    """What is believed."""

    own: Any
    """The gate's own state."""
    level: LevelState
    raw: Fraction
    """Mean of the pass with which the revision in force came in."""
    raw_rows: int
    """Scores of that pass. Fewer than there are items: it was in part, or some have none."""
    before: Row = ()
    """The pass of the revision before the one in force. Empty: there was none."""
    flips: FlipCount = FlipCount()
    """Flips that were looked at again, of all candidates so far."""


class GateReport(msgspec.Struct, frozen=True):
    """What is believed of the revision in force, read in three ways."""

    raw: GateBelief
    """The pass with which it came in: chosen for being high, so too high."""
    level: GateBelief
    """The filtered score of whole passes. A gate that runs no whole pass of a candidate leaves it where it began."""
    own: GateBelief
    """What the gate itself believes."""
    flips: FlipCount = FlipCount()
    """Flips that were looked at again: whether edits turn items for good."""


class GateFold:
    """A gate with its guard."""

    def __init__(self, gate: Gate, guard: GateGuard | None = None) -> None:
        """Prepare. None: the guard that stands in `GateGuard`."""
        self.gate: Final = gate
        self._guard: Final = guard or GateGuard()
        self._level: Final = LevelRule()

    def start(self, row: Row) -> FoldState:
        """Begin with one pass of the initial revision.

        Raises:
            ValueError: No item of the row has a score.
        """
        return FoldState(self.gate.start(row), started(row), mean(row), len(scored(row)))

    def rule(self, state: FoldState, rows: CandidateRows) -> GateRuling:
        """Say what becomes of a candidate, and on how many scores of either side that rests."""
        reason = self._uncovered(state, rows)
        ruling = self.gate.rule(state.own, rows) if reason is None else GateRuling("undecided", reason)
        if ruling.outcome in {"accept", "reject"}:
            dead = self._dead(state, rows)
            ruling = ruling if dead is None else GateRuling("undecided", dead, figures=ruling.figures)
        baseline = len(scored(rows.baseline)) if self.gate.paired else self.gate.belief(state.own).rows
        figures = {**ruling.figures, **_figures(self._flips(state, rows))}
        return msgspec.structs.replace(ruling, candidate_rows=rows.scores, baseline_rows=baseline, figures=figures)

    def settle(self, state: FoldState, rows: CandidateRows, *, accepted: bool, placebo: bool = False) -> FoldState:
        """Take a candidate in that was accepted or rejected. One that was left undecided is not to be given.

        Args:
            state: What was believed before.
            rows: All that was seen of it.
            accepted: Whether it is in force now, whoever ruled so.
            placebo: Whether it changes nothing: its rows are those of the revision in force, whatever was ruled.
        """
        taken = accepted and not placebo
        level, first, flips = state.level, rows.first, self._flips(state, rows)
        if rows.complete and rows.scores:
            level = filtered(self._level, level, first, accepted=taken)
        own = self.gate.settle(state.own, rows, accepted=taken)
        if not taken or not rows.scores:
            return msgspec.structs.replace(state, own=own, level=level, flips=flips)
        return FoldState(own, level, mean(first), len(scored(first)), state.level.last, flips)

    def report(self, state: FoldState) -> GateReport:
        """Say what is believed of the revision in force."""
        return GateReport(
            GateBelief(state.raw, None, state.raw_rows),
            belief_of(state.level),
            self.gate.belief(state.own),
            state.flips,
        )

    @staticmethod
    def _flips(state: FoldState, rows: CandidateRows) -> FlipCount:
        """Count flips of the candidate, and those of the revision in force that the pass beside it looked at again."""
        again = tuple(each[1:] for each in rows.outcomes)
        found = state.flips.plus(count_flips(state.level.last, rows.first, again))
        if not state.before or not rows.baseline:
            return found
        return found.plus(count_flips(state.before, state.level.last, tuple((each,) for each in rows.baseline)))

    def _uncovered(self, state: FoldState, rows: CandidateRows) -> str | None:
        """Say which side has too few scores. None: neither, or nothing was run yet."""
        asked = rows.asked
        if not asked or not self.gate.guarded:
            return None
        first = rows.first
        in_force = [rows.baseline[index] for index in asked] if self.gate.paired else state.level.last
        sides = {"the candidate": [first[index] for index in asked], "the revision in force": in_force}
        floor = exactly(self._guard.floor)
        for name, row in sides.items():
            found = len(scored(row))
            if not found or found < floor * len(row):
                return (
                    f"{found} of {len(row)} items have a score under {name}, and {self._guard.floor:g} of all need one"
                )
        return None

    def _dead(self, state: FoldState, rows: CandidateRows) -> str | None:
        """Say which score all items have. None: there are several, or there is too little to say."""
        if not self._guard.dead or not self.gate.guarded:
            return None
        sides = [scored(rows.first), scored(rows.baseline if self.gate.paired else state.level.last)]
        scores = {score for side in sides for score in side}
        if len(scores) > 1 or any(len(side) < LEAST_ITEMS for side in sides):
            return None
        only = float(round(scores.pop(), DIGITS))
        return f"every item scores {only:g} on both sides: this score cannot tell them apart"


def _figures(flips: FlipCount) -> dict[str, float]:
    """Say how many flips were looked at again, and how often they held; nothing, where none was."""
    return {"flips_looked_at": float(flips.looks), "flips_held": float(flips.held)} if flips.looks else {}
