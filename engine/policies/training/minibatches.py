"""Which rows of a rollout one reflection sees: failures and successes apart, in minibatches; pure."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from engine.core.seeded_order import shuffled, stream_seed
from engine.policies.training.cut import cut

_NOTHING = 1e-9


class ScoredRow(Protocol):
    """What counts of an item that was rolled out and scored; one without a score is no row."""

    @property
    def hard(self) -> float:
        """From 0 to 1; 1 is solved. A truth value is one of these."""


RowT = TypeVar("RowT", bound=ScoredRow)


class MinibatchRule(Struct, frozen=True):
    """How rows are cut.

    Attributes:
        size: Rows of one reflection, 1 or more.
        failure_only: Whether successes are left out.
        compatible: Whether any hard score above 0 is a success, as SkillOpt has it, for which a partial reward of
            0.3 is nothing to be corrected (W24), and one below a billionth stands on both sides. False: what is not
            solved whole is a failure.
    """

    size: int = 8
    failure_only: bool = False
    compatible: bool = False


class Minibatches(NamedTuple, Generic[RowT]):
    """Rows by what is to be learnt from them; each part is one reflection."""

    failures: tuple[tuple[RowT, ...], ...]
    successes: tuple[tuple[RowT, ...], ...]


def split_rows(rule: MinibatchRule, rows: Sequence[RowT], seed: int | None) -> Minibatches[RowT]:
    """Split the rows of one batch.

    Args:
        rule: How they are cut.
        rows: In the order of the batch, whatever the order in which they ended (W25).
        seed: Of the batch. None: each part keeps that order.
    """
    failures = [row for row in rows if failed(row, compatible=rule.compatible)]
    successes = [] if rule.failure_only else [row for row in rows if _succeeded(row, compatible=rule.compatible)]
    if seed is not None:
        first, second = _seeds(rule, seed)
        failures, successes = shuffled(failures, first), shuffled(successes, second)
    return Minibatches(cut(failures, rule.size), cut(successes, rule.size))


def failed(row: ScoredRow, *, compatible: bool) -> bool:
    """Say whether there is a failure in this row to learn from; for SkillOpt (``compatible``), if it scored nothing."""
    return row.hard < (_NOTHING if compatible else 1)


def _succeeded(row: ScoredRow, *, compatible: bool) -> bool:
    return bool(row.hard) if compatible else row.hard >= 1


def _seeds(rule: MinibatchRule, seed: int) -> tuple[int, int]:
    if rule.compatible:
        return seed, seed + 1
    return stream_seed(seed, "failures"), stream_seed(seed, "successes")
