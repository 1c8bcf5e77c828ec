"""What `stillroom pdi audit` prints with ``--json``."""

from typing import Literal, TypeAlias

import msgspec

from projections.pdi.audit import Made
from projections.pdi.reference import PdiReference
from views.pdi.statistics import Interval


class AuditedRow(msgspec.Struct, frozen=True, tag="audited", tag_field="kind"):
    """What was audited, and by what the calibrated method goes."""

    fitted: tuple[str, ...]
    """Tasks it was fitted on; none if the shipped reference is audited."""
    audited: tuple[str, ...]
    """Tasks whose steps are counted."""
    seed: int
    rounds: int
    """How often each step was made into noise."""
    reference: PdiReference


class RateRow(msgspec.Struct, frozen=True, tag="rate", tag_field="kind"):
    """How often a method triggers on steps of one kind."""

    method: str
    made: Made
    """``recorded``, or the kind of noise."""
    step: int | None
    """Reflections before this one. None: all steps together."""
    tasks: int
    eligible: int
    """Steps at which a trigger was possible; noise counts each round."""
    triggered: int
    rate: float
    interval: Interval
    """95 %, Wilson's score; of noise it tells how well the draws know the rate, and nothing of other tasks."""
    difference: float | None
    """The recorded rate less this one. None: this is the recorded one, or there is none beside it."""
    difference_interval: Interval | None
    """95 %, by drawing tasks again. None: not computed for a single step index."""
    ratio: float | None
    """The recorded rate over this one. None: as above, or this one is 0."""


class SpreadRow(msgspec.Struct, frozen=True, tag="spread", tag_field="kind"):
    """How often ``calibrated`` triggers on the half it was not fitted on, over many ways to split the tasks."""

    made: Made
    splits: int
    mean: float
    median: float
    largest: float
    within: int
    """Splits at which the rate is at most the one that was wished for noise."""


class ForesightRow(msgspec.Struct, frozen=True, tag="foresight", tag_field="kind"):
    """Whether low PDI foretells failure."""

    method: str
    about: Literal["next attempt", "trial"]
    """A trial is judged by the mean of its readings."""
    failed: int
    solved: int
    auc: float | None
    """Chance that a failure had the lower PDI; 0.5 says nothing. None: nothing failed, or nothing was solved."""
    interval: Interval | None
    """95 %, bootstrap within each group."""
    p: float | None
    """Mann-Whitney U, two-sided."""
    flagged: int
    """Of those with a known end, how many were triggered upon."""
    flagged_failed: int
    """How many of these failed."""


AuditRow: TypeAlias = AuditedRow | RateRow | SpreadRow | ForesightRow
