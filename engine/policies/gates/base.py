"""What every gate is given and what it answers.

A gate is a fold. Its state begins with one pass of the revision in force over the selection set, and takes in each
candidate once that is decided. So nothing that it believes is kept anywhere but in recorded rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from projections.comparison.rows import exact, mean_of

ItemScore: TypeAlias = Fraction | None
"""In [0, 1]. None: the item was run and has no score, since the infrastructure failed; it is in no mean."""

Row: TypeAlias = tuple[ItemScore, ...]
"""Scores of one pass over the selection set, in the order of its items."""

DIGITS = 12
"""What is not rational is rounded to so many decimal digits before it is compared or kept."""

S = TypeVar("S", bound=msgspec.Struct)


class CandidateRows(msgspec.Struct, frozen=True):
    """What was seen of a candidate so far."""

    outcomes: tuple[Row, ...]
    """Of each item, its scores in the order in which they came. Empty: it has not been run."""
    rounds: int = 0
    """How often items were run again after the first pass."""
    affordable: bool = True
    """Whether the budget bears another look."""
    baseline: Row = ()
    """A pass of the revision in force beside this candidate. Empty: the gate asks for none, or nothing was run yet."""
    order: tuple[int, ...] = ()
    """The order, drawn for this candidate, in which a gate takes items that it does not run all at once. Empty: as
    they stand."""

    @property
    def asked(self) -> tuple[int, ...]:
        """The items that were run, with a score or without."""
        return tuple(index for index, scores in enumerate(self.outcomes) if scores)

    @property
    def complete(self) -> bool:
        """Whether every item was run."""
        return all(self.outcomes)

    @property
    def first(self) -> Row:
        """The first score of each item. None: it has none so far."""
        return tuple(next((score for score in scores if score is not None), None) for scores in self.outcomes)

    @property
    def scores(self) -> int:
        """How many scores there are."""
        return sum(score is not None for scores in self.outcomes for score in scores)

    @property
    def drawn(self) -> tuple[int, ...]:
        """All items, in the order that was drawn."""
        return self.order or tuple(range(len(self.outcomes)))


GateOutcome: TypeAlias = Literal["accept", "reject", "more", "undecided"]
"""*undecided*: nothing is accepted, and nothing is said of the candidate."""


class GateRuling(msgspec.Struct, frozen=True):
    """What a gate says of a candidate."""

    outcome: GateOutcome
    reason: str
    run: tuple[int, ...] = ()
    """Of *more*: the items that are to be run next, by their place. Those that have a score are run again."""
    figures: Mapping[str, float] = {}
    """What it rests on, by name; rounded to 12 digits."""
    candidate_rows: int = 0
    """Scores of the candidate that it rests on."""
    baseline_rows: int = 0
    """Scores of the revision in force that it rests on."""


class GateBelief(msgspec.Struct, frozen=True):
    """A reading of the score of the revision in force."""

    score: Fraction
    """In [0, 1]."""
    variance: Fraction | None
    """Of that score. None: the gate states none."""
    rows: int
    """On how many scores it rests."""


class Gate(Protocol):
    """One kind of gate. States are frozen values of its own."""

    name: str
    paired: bool
    """Whether the items that a candidate runs for the first time are run under the revision in force, too."""
    guarded: bool
    """Whether missing scores and a dead signal leave a candidate undecided."""

    def start(self, row: Row) -> Any:
        """Give the state after the first pass of the initial revision.

        Raises:
            ValueError: No item of the row has a score.
        """
        ...

    def rule(self, state: Any, rows: CandidateRows) -> GateRuling:
        """Say what becomes of a candidate. Without any rows it is *more*, and says which items are run first."""
        ...

    def settle(self, state: Any, rows: CandidateRows, *, accepted: bool) -> Any:
        """Take in a candidate that was accepted or rejected, whoever ruled so."""
        ...

    def belief(self, state: Any) -> GateBelief:
        """Say what is believed of the revision in force."""
        ...


class GatePlan(NamedTuple):
    """What is known before the first candidate."""

    items: int
    """Of the selection set; 1 or more."""
    candidates: int
    """How many are planned; 1 or more."""


class PowerBound(NamedTuple):
    """What a gate has to be able to see before it starts."""

    effect: float
    """An improvement of the mean; in ]0, 1]."""
    power: float
    """The probability of accepting it that is asked for at the least; in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class GateKind(Generic[S]):
    """What a package registers under `stillroom.gates`."""

    name: str
    settings: type[S]
    """Each with a default, JSON alone: they are recorded with every ruling."""
    make: Callable[[S, GatePlan], Gate]
    by_counts: bool = False
    """Whether its first ruling follows from how many items a whole pass wins and loses, and more wins never harm: then
    its power is computed exactly, and is simulated else."""
    bound: Callable[[S], PowerBound | None] | None = None
    """Reads from its settings what it has to see. None, or giving None: it starts in any case."""


def rounded(value: float) -> float:
    """Round to 12 digits, so that the last bits of a logarithm decide nothing."""
    return round(value, DIGITS)


def exactly(value: float) -> Fraction:
    """Give the fraction that a setting, or a value that was rounded, stands for: 0.05 is 1/20."""
    return exact(rounded(value))


def scored(row: Iterable[ItemScore]) -> list[Fraction]:
    """Give the scores that are there."""
    return [score for score in row if score is not None]


def mean(row: Iterable[ItemScore]) -> Fraction:
    """Average the scores that are there, exactly.

    Raises:
        ValueError: There is none.
    """
    scores = scored(row)
    if not scores:
        message = "no item has a score"
        raise ValueError(message)
    return mean_of(scores)


class ScorePair(NamedTuple):
    """One item under both sides."""

    new: Fraction
    old: Fraction


def pairs_of(row: Sequence[ItemScore], last: Sequence[ItemScore]) -> list[ScorePair]:
    """Give both scores of the items that have a score in both rows."""
    both = zip(row, last, strict=True)
    return [ScorePair(new, old) for new, old in both if new is not None and old is not None]


def corrected(row: Sequence[ItemScore], last: Sequence[ItemScore]) -> Fraction:
    """Give the mean of a row over the items of another one, corrected for those that it lacks.

    It is the mean of the other row and of the differences of the items that both have: hard items that are missing
    do not raise it. Rows that lack nothing give their plain mean, and so do rows that share no item.
    """
    pairs = pairs_of(row, last)
    if not pairs or len(pairs) == len(row):
        return mean(row)
    return mean(last) + mean_of([new for new, _ in pairs]) - mean_of([old for _, old in pairs])


def filled(row: Sequence[ItemScore], last: Sequence[ItemScore]) -> Row:
    """Give a row in which the scores of another one stand where it has none."""
    return tuple(old if new is None else new for new, old in zip(row, last, strict=True))


def whole_pass(rows: CandidateRows) -> GateRuling | None:
    """Ask for all items that were not run. None: each was."""
    left = tuple(index for index, scores in enumerate(rows.outcomes) if not scores)
    return GateRuling("more", f"{len(left)} items are left to be run", left) if left else None


def next_part(rows: CandidateRows, parts: int) -> tuple[int, ...]:
    """Give the items of the first of so many equal parts of the drawn order that holds items which were not run.

    The first parts have one item more where the items cannot be shared out evenly. Items of a part are sorted, so that
    a pass in one part is the same as that of a gate which draws none. Empty: each was run.
    """
    drawn = rows.drawn
    size, longer = divmod(len(drawn), parts)
    begin = 0
    for part in range(parts):
        end = begin + size + (part < longer)
        left = tuple(sorted(index for index in drawn[begin:end] if not rows.outcomes[index]))
        if left:
            return left
        begin = end
    return ()
