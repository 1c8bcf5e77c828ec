"""The gate `items`: what a candidate did to each item, and whether that lasts when items are run again.

It keeps effective counts of each item under the revision in force, weighs hypotheses of what the candidate turned up
and down, and asks to run again those items of which it cannot tell. It wins where an edit turns few items for good
and is run again cheaply; where an edit moves every item a little, `level` gains more (`docs/gates.md`).
"""

from math import fsum
from typing import Annotated, Final

import msgspec

from engine.policies.gates.base import (
    CandidateRows,
    GateBelief,
    GateKind,
    GatePlan,
    GateRuling,
    ItemScore,
    Row,
    exactly,
    next_part,
    rounded,
    scored,
)
from engine.policies.gates.hypotheses import (
    CandidateOdds,
    ItemHistory,
    ItemSeen,
    ItemsPrior,
    fit,
    odds_of_candidate,
    posterior_mean,
)
from engine.policies.gates.level import LevelRule, LevelState, belief_of, filtered, lead, started

_TURNED: Final = 0.37
"""How far a turned item stays from 1, or 0, of the way that it had; on average."""


class ItemsRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a candidate is accepted, and when it is looked at again."""

    harm: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.12
    """Probability of harm up to which one is accepted."""
    gain: float = 0.006
    """Expected gain from which one is accepted."""
    hopeless: float = 0.0
    """Expected gain up to which one is rejected."""
    doubt: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15
    """Items are run again whose probability of being turned lies above this and below 1 less half of it."""
    rounds: Annotated[int, msgspec.Meta(ge=0)] = 7
    """How often items are run again at most; as many more as the first pass has parts, if it has several."""
    parts: Annotated[int, msgspec.Meta(ge=1)] = 1
    """In how many parts the first pass is run; after each the candidate may be rejected."""
    nothing: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15
    """Prior probability that a candidate changes nothing."""
    most_accepted: Annotated[float, msgspec.Meta(gt=0)] = 3.0
    """Effective outcomes of an item that outlive an acceptance."""
    most_rejected: Annotated[float, msgspec.Meta(gt=0)] = 6.0
    """The same, of a rejection."""
    lead: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Standard errors by which its first pass has to lead the level."""
    level: LevelRule = LevelRule()


class ItemsState(msgspec.Struct, frozen=True):
    """What is believed of the revision in force."""

    histories: tuple[ItemHistory, ...]
    level: LevelState


class ItemsGate:
    """The gate."""

    name = "items"
    paired = False
    guarded = True

    def __init__(self, rule: ItemsRule | None = None) -> None:
        """Prepare. None: the rule of the simulation."""
        self._rule: Final = rule or ItemsRule()

    def start(self, row: Row) -> ItemsState:
        """Begin with one pass."""
        return ItemsState(tuple(map(_history, row)), started(row))

    def rule(self, state: ItemsState, rows: CandidateRows) -> GateRuling:
        """Accept, reject, or ask for items to be run, or run again."""
        if not rows.asked:
            return self._next(rows, {})
        odds = odds_of(self._rule, state, rows)
        figures = {"expected_gain": odds.gain, "probability_of_harm": odds.harm}
        if odds.gain <= self._rule.hopeless:
            return GateRuling("reject", "no gain is to be expected", figures=figures)
        if not rows.complete:
            return self._next(rows, figures)
        if self._passes(state, rows, odds):
            return GateRuling("accept", "a gain is to be expected, and harm is unlikely", figures=figures)
        doubtful = self._doubtful(odds)
        if doubtful and rows.affordable and rows.rounds < self._rounds:
            return GateRuling("more", f"{len(doubtful)} items are in doubt", doubtful, figures)
        return GateRuling("reject", "what it does is in doubt, and no further look settles it", figures=figures)

    def settle(self, state: ItemsState, rows: CandidateRows, *, accepted: bool) -> ItemsState:
        """Take its rows in: those of the new revision, or of one that most items do not tell from the old."""
        rule = self._rule
        prior = fit(state.histories)
        odds = odds_of(rule, state, rows)
        histories = tuple(
            _accepted(rule, prior, seen, up, down) if accepted else _rejected(rule, seen, up, down)
            for seen, up, down in zip(seen_of(state, rows), odds.up, odds.down, strict=True)
        )
        level = state.level
        if rows.complete and rows.scores:
            level = filtered(rule.level, level, rows.first, accepted=accepted)
        return ItemsState(histories, level)

    def belief(self, state: ItemsState) -> GateBelief:
        """Give the level."""
        return belief_of(state.level)

    def _next(self, rows: CandidateRows, figures: dict[str, float]) -> GateRuling:
        part = next_part(rows, self._rule.parts)
        return GateRuling("more", f"{len(part)} items are run next", part, figures)

    def _passes(self, state: ItemsState, rows: CandidateRows, odds: CandidateOdds) -> bool:
        rule = self._rule
        likely = odds.gain >= rule.gain and odds.harm <= rule.harm
        return likely and lead(state.level, rows.first).reaches(exactly(rule.lead))

    @property
    def _rounds(self) -> int:
        return self._rule.rounds + (self._rule.parts if self._rule.parts > 1 else 0)

    def _doubtful(self, odds: CandidateOdds) -> tuple[int, ...]:
        doubt = self._rule.doubt
        turned = [rounded(up + down) for up, down in zip(odds.up, odds.down, strict=True)]
        return tuple(index for index, each in enumerate(turned) if doubt < each < 1 - doubt / 2)


def _history(score: ItemScore) -> ItemHistory:
    return ItemHistory(0.0, 0.0) if score is None else ItemHistory(float(score), float(1 - score))


def seen_of(state: ItemsState, rows: CandidateRows) -> list[ItemSeen]:
    """Set what was seen of each item under the candidate beside its history."""
    found = []
    for history, outcomes in zip(state.histories, rows.outcomes, strict=True):
        scores = scored(outcomes)
        solved = fsum(map(float, scores))
        found.append((history, solved, len(scores) - solved))
    return found


def odds_of(rule: ItemsRule, state: ItemsState, rows: CandidateRows) -> CandidateOdds:
    """Weigh what the candidate may have done to the items."""
    return odds_of_candidate(fit(state.histories), tuple(seen_of(state, rows)), rule.nothing)


def _rejected(rule: ItemsRule, seen: ItemSeen, up: float, down: float) -> ItemHistory:
    """Take in the outcomes as far as they are those of an item that the candidate left alone."""
    history, solved, failed = seen
    left = 1 - up - down
    return _shrunk(history.solved + left * solved, history.failed + left * failed, rule.most_rejected)


def _accepted(rule: ItemsRule, prior: ItemsPrior, seen: ItemSeen, up: float, down: float) -> ItemHistory:
    """Mix the three things that can have become of an item, and keep counts of the same mean and variance."""
    history, solved, failed = seen
    a, b = prior.strength * prior.mean + history.solved, prior.strength * (1 - prior.mean) + history.failed
    before, old, new = posterior_mean(prior, history), a + b, solved + failed
    same = (a + solved) / (old + new)
    raised = (2 * (1 - _TURNED * (1 - before)) + solved) / (2 + new)
    lowered = (2 * _TURNED * before + solved) / (2 + new)
    left = 1 - up - down
    mean = left * same + up * raised + down * lowered
    square = left * _square(same, old + new + 1) + up * _square(raised, 3 + new) + down * _square(lowered, 3 + new)
    size = min(old + new, max(new + 0.2, mean * (1 - mean) / (square - mean**2) - 1))
    return _shrunk(
        max(solved / 2, size * mean - prior.strength * prior.mean),
        max(failed / 2, size * (1 - mean) - prior.strength * (1 - prior.mean)),
        rule.most_accepted,
    )


def _square(mean: float, size: float) -> float:
    """Give the expected square of a Beta variable of this mean; ``size`` is the sum of its parameters, plus 1."""
    return mean * (1 - mean) / size + mean**2


def _shrunk(solved: float, failed: float, most: float) -> ItemHistory:
    scale = min(1.0, most / (solved + failed)) if solved + failed else 1.0
    return ItemHistory(rounded(solved * scale), rounded(failed * scale))


def _items(rule: ItemsRule, plan: GatePlan) -> ItemsGate:
    del plan
    return ItemsGate(rule)


ITEMS = GateKind(name="items", settings=ItemsRule, make=_items)
