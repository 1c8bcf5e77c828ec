"""The policy of the gate: it folds what is recorded of all candidates before, and rules on this one; pure."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import msgspec

from engine.core.decision import PolicyContext
from engine.core.seeded_order import shuffled, stream_seed
from engine.policies.gates.base import CandidateRows, GatePlan, GateRuling, ItemScore, Row
from engine.policies.gates.fold import FoldState, GateFold, GateGuard
from engine.policies.gates.registry import gate_named
from engine.programs.evaluate.points import CellSaw
from engine.programs.train.gate_points import CandidateRuling, GateRule, GateSaw
from events.digest import Digest
from events.types.decision import Held
from events.values import Ratio
from projections.comparison.rows import exact, mean_of

_cells: Final = msgspec.json.Decoder(tuple[CellSaw, ...])
_DIGITS: Final = 12


class GateCourse(msgspec.Struct, frozen=True):
    """What a gate has seen of a run."""

    state: FoldState
    best: Fraction
    """The highest mean by which anything came to be in force."""
    last: CandidateRows | None
    """What the decision before saw. None: there was none."""
    placebo: bool = False
    """Whether that was a placebo."""


def rule_on_candidate(saw: GateSaw, rule: GateRule, desk: PolicyContext) -> CandidateRuling:
    """Say whether a candidate is accepted or rejected, or what is run first."""
    reader = _Reader(saw, rule, desk)
    course = reader.settled(desk.fold(saw.earlier, GateSaw, None, reader.take), saw)
    rows = reader.rows(saw)
    desk.keep(msgspec.structs.replace(course, last=rows, placebo=_is_placebo(saw)))
    at_once = _at_once(saw, rule)
    if at_once is not None:
        return reader.told(course, at_once, None)
    return reader.told(course, reader.fold.rule(course.state, rows), rows, placebo=_is_placebo(saw))


def _at_once(saw: GateSaw, rule: GateRule) -> GateRuling | None:
    """Rule without running anything, where that can be. None: it cannot."""
    if saw.scan is not None and saw.scan.value.verdict == "refuse":
        return GateRuling("reject", "a scan of the whole skill refuses it")
    if not saw.made.value.changed and not rule.unchanged:
        return GateRuling("reject", "it changes nothing")
    return GateRuling("accept", "the settings take such candidates without a gate") if rule.ungated else None


class _Reader:
    """Reads recorded rows as a gate takes them."""

    def __init__(self, saw: GateSaw, rule: GateRule, desk: PolicyContext) -> None:
        self._desk = desk
        self._rule = rule
        known = saw.idle is not None and not rule.idle_counts
        idle = frozenset(saw.idle.value.solved) if known and saw.idle is not None else frozenset[str]()
        first = self._scores(saw.start)
        counted = {item: scores for item, scores in first.items() if item not in idle}
        if not any(score is not None for scores in counted.values() for score in scores):
            counted = dict(first)  # where every item is right untouched, a gate over none of them could say nothing
        self.items: Final = tuple(counted)
        self._start: Final[Row] = tuple(_first(counted[item]) for item in self.items)
        gate = gate_named(rule.gate, msgspec.json.decode(rule.settings), GatePlan(len(self.items), rule.candidates))
        self.fold: Final = GateFold(gate, GateGuard(rule.floor, rule.dead))

    def take(self, course: GateCourse | None, saw: GateSaw, inputs: Digest) -> GateCourse:
        """Take in an earlier decision; with it, what the one before it came to."""
        del inputs
        return msgspec.structs.replace(self.settled(course, saw), last=self.rows(saw), placebo=_is_placebo(saw))

    def settled(self, course: GateCourse | None, saw: GateSaw) -> GateCourse:
        """Take in what the decision before this one came to, if that decided a candidate which was run."""
        if course is None:
            state = self.fold.start(self._start)
            course = GateCourse(state, self.fold.report(state).raw.score, None)
        rows, before = course.last, saw.before
        if rows is None or before is None or before.value.outcome not in {"accept", "reject"} or not rows.scores:
            return course
        accepted = before.value.outcome == "accept"
        state = self.fold.settle(course.state, rows, accepted=accepted, placebo=course.placebo)
        best = _mean(rows) if accepted and before.value.best else course.best
        return GateCourse(state, best or course.best, course.last)

    def rows(self, saw: GateSaw) -> CandidateRows:
        """Give all that was run of a candidate."""
        places = {item: place for place, item in enumerate(self.items)}
        outcomes: list[list[ItemScore]] = [[] for _ in self.items]
        rounds, affordable = 0, True
        for part in saw.parts:
            scores = self._scores(part)
            rounds += any(outcomes[places[item]] for item in scores if item in places)
            for item, found in scores.items():
                if item in places:
                    outcomes[places[item]] += found
            affordable = affordable and not self._unpaid(part)
        return CandidateRows(
            tuple(tuple(each) for each in outcomes), rounds, affordable, self._beside(saw), self._order(saw)
        )

    def _beside(self, saw: GateSaw) -> Row:
        """Give the pass of the revision in force; a shadow that needs one finds no score in it where none was run."""
        if not saw.beside and not (self.fold.gate.paired and saw.parts):
            return ()
        found = {item: scores for part in saw.beside for item, scores in self._scores(part).items()}
        return tuple(_first(found.get(item, ())) for item in self.items)

    def _order(self, saw: GateSaw) -> tuple[int, ...]:
        """Draw the order in which a gate takes items that it does not run all at once."""
        return tuple(shuffled(range(len(self.items)), stream_seed(self._rule.seed, "gate", str(saw.number))))

    def _scores(self, part: Held) -> dict[str, list[ItemScore]]:
        found: dict[str, list[ItemScore]] = {}
        for cell in _cells.decode(self._desk.read(part)):
            found.setdefault(cell.item, []).append(score_of_cell(cell, self._rule))
        return dict(sorted(found.items()))

    def _unpaid(self, part: Held) -> bool:
        """Say whether something of it could not be paid for."""
        cells = _cells.decode(self._desk.read(part))
        return any(cell.score is not None and cell.score.value.reason == "budget" for cell in cells)

    def told(
        self, course: GateCourse, ruling: GateRuling, rows: CandidateRows | None, *, placebo: bool = False
    ) -> CandidateRuling:
        """Give a ruling with what is believed after it."""
        state, score = course.state, None if rows is None else _mean(rows)
        decided = ruling.outcome in {"accept", "reject"} and rows is not None and rows.scores > 0
        if decided:
            assert rows is not None
            state = self.fold.settle(state, rows, accepted=ruling.outcome == "accept", placebo=placebo)
        report = self.fold.report(state)
        beliefs = {
            "raw_mean": report.raw.score,
            "filtered_level": report.level.score,
            "filtered_variance": report.level.variance or Fraction(0),
        }
        figures = {**ruling.figures, **{name: float(round(value, _DIGITS)) for name, value in beliefs.items()}}
        run = tuple(self.items[index] for index in ruling.run)
        return CandidateRuling(
            gate=self._rule.gate,
            outcome=ruling.outcome,
            reason=ruling.reason,
            run=run,
            figures=figures,
            score=None if score is None else Ratio.of(score),
            believed=Ratio.of(report.own.score),
            variance=None if report.own.variance is None else Ratio.of(report.own.variance),
            rows=0 if rows is None else rows.scores,
            beside=ruling.baseline_rows,
            best=ruling.outcome == "accept"
            and decided
            and not placebo
            and (self.fold.gate.guarded or (score or 0) > course.best),
            paired=bool(run) and self.fold.gate.paired,
        )


def _is_placebo(saw: GateSaw) -> bool:
    return saw.origin == "placebo"


def _first(scores: Sequence[ItemScore]) -> ItemScore:
    """Give the first score. None: there is none."""
    return next((each for each in scores if each is not None), None)


def _mean(rows: CandidateRows) -> Fraction | None:
    """Average the first scores of a candidate. None: it has none."""
    scores = [each for each in rows.first if each is not None]
    return mean_of(scores) if scores else None


def score_of_cell(cell: CellSaw, rule: GateRule) -> ItemScore:
    """Give the score that counts, in [0, 1]. None: there is none."""
    seen = cell.score or cell.found
    if seen is None or seen.value.solved is None:
        return None
    hard = Fraction(int(seen.value.solved))
    if rule.metric == "hard":
        return hard
    soft = _soft(seen.value.reward, hard)
    if rule.metric == "soft":
        return soft
    weight = exact(rule.mixed_weight)
    return (1 - weight) * hard + weight * soft


def _soft(reward: float | None, hard: Fraction) -> Fraction:
    """Give a reward as a score; an item whose verifier gives none has its hard score. Beyond [0, 1] it is cut."""
    return hard if reward is None else min(max(exact(reward), Fraction(0)), Fraction(1))
