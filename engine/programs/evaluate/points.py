"""The point of decision of an evaluation: what its arms show."""

from typing import Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import COURSE_RECORDED, NoSettings, Point, no_settings
from engine.evaluating.item_sets import SetSeen
from engine.programs.evaluate.arms import baseline_of, own
from engine.programs.explore.points import Judged
from events.digest import Fingerprint
from events.types.decision import Held, Seen
from events.types.evaluation import (
    ArmsCompared,
    ArmVerdict,
    CellUnscored,
    EarlierLook,
    EvaluationScored,
    PairLook,
    VerifierVerdict,
)
from events.values import Ratio

Ungraded: TypeAlias = Literal["infrastructure", "budget", "stopped", "no_information"]


class EndingSeen(msgspec.Struct, frozen=True):
    """Of `NextChosen`: what a trial decided last."""

    decision: str


class MarkSeen(msgspec.Struct, frozen=True):
    """Of `ItemScored`."""

    outcome: Literal["solved", "unsolved", "infrastructure"]
    soft: Ratio | None


class ReasonsSeen(msgspec.Struct, frozen=True):
    """Of `ItemScored`: why it is not solved."""

    reasons: tuple[str, ...]


class CellScoreSaw(msgspec.Struct, frozen=True):
    """What came of a cell's item."""

    ended: Seen[EndingSeen] | None = None
    """How the trial ended. None: the item is a question, or its trial decided nothing."""
    outcomes: tuple[Seen[Judged], ...] = ()
    """How its attempts ended."""
    again: tuple[Seen[Judged], ...] = ()
    """What further verifications of the last attempt's final state came to."""
    mark: Seen[MarkSeen] | None = None
    """How a question was scored. None: the item is a task, or nothing was scored."""
    ungraded: Ungraded | None = None
    """Why nothing was decided or scored. None: something was."""


class CellScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """Its score, or why it has none."""

    solved: bool | None
    """None: it has no score."""
    reward: float | None
    reason: Ungraded | None
    """None: it has a score."""
    verdicts: tuple[VerifierVerdict, ...] = ()
    """As in `EvaluationScored`."""


def outcome_of(score: CellScore) -> str:
    """Say how a cell ended, in a word: ``solved``, ``unsolved``, or why it has no score."""
    if score.solved is None:
        return score.reason or "infrastructure"
    return "solved" if score.solved else "unsolved"


def _score_in(event: EvaluationScored | CellUnscored) -> CellScore:
    if isinstance(event, EvaluationScored):
        return CellScore(event.solved, event.reward, None, event.verdicts)
    return CellScore(None, None, event.reason)


CELL_SCORE: Final = Point(
    name="cell_score",
    revision=1,
    saw=CellScoreSaw,
    settings=NoSettings,
    ruling=CellScore,
    decisive=("solved", "reward", "reason"),
    steers=False,
    rule=no_settings,
    events=(EvaluationScored, CellUnscored),
    heard=_score_in,
)


class FoundSeen(msgspec.Struct, frozen=True):
    """Of `EvaluationFound`."""

    solved: bool
    reward: float | None


class CellSaw(msgspec.Struct, frozen=True):
    """One cell: scored by this run, or found."""

    item: str
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    """From 1."""
    score: Seen[CellScore] | None = None
    """None: its score was found, or it has not ended."""
    found: Seen[FoundSeen] | None = None
    """None: its score was not stored before."""


class ArmSaw(msgspec.Struct, frozen=True):
    """One arm."""

    name: str
    cells: Held
    """Every planned cell: JSON list of `CellSaw`."""
    plan: Fingerprint | None = None
    """As in `PairLook`. None: an earlier version recorded it."""


class LooksSeen(msgspec.Struct, frozen=True):
    """Of `LooksFound`."""

    looks: tuple[EarlierLook, ...]


class ComparisonSaw(msgspec.Struct, frozen=True):
    """All arms of an evaluation."""

    arms: tuple[ArmSaw, ...]
    """Sorted by name."""
    repeats: int
    """Runs of each item that were planned for each arm."""
    sets: tuple[Seen[SetSeen], ...] = ()
    """Those whose items were scored. Empty: an earlier version recorded it."""
    looked: Seen[LooksSeen] | None = None
    """Comparisons of these arms over these items before. None: nobody looked for them."""


class OwnBaseline(msgspec.Struct, frozen=True):
    """An arm that is not compared with the baseline of the evaluation."""

    arm: str
    baseline: str
    """Empty: it is compared with none."""


class ComparisonRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How arms are compared."""

    baseline: str
    measure: Literal["hard", "soft"]
    alpha: float
    floor: float
    effect: float
    own: tuple[OwnBaseline, ...] = ()
    """Sorted by arm. Empty: all arms are compared with the same one."""


class ComparisonRuling(msgspec.Struct, frozen=True):
    """What they show."""

    baseline: str
    verdicts: tuple[ArmVerdict, ...]
    looks: tuple[PairLook, ...]


def _rule(spec: RunSpec, saw: ComparisonSaw) -> ComparisonRule:
    del saw
    settings = own(spec)
    others = [(name, baseline_of(settings, name) or "") for name in sorted(settings.arms) if name != settings.baseline]
    return ComparisonRule(
        settings.baseline,
        settings.measure,
        settings.alpha,
        settings.floor,
        settings.effect,
        tuple(OwnBaseline(name, baseline) for name, baseline in others if baseline != settings.baseline),
    )


COMPARISON: Final = Point(
    name="comparison",
    revision=2,
    saw=ComparisonSaw,
    settings=ComparisonRule,
    ruling=ComparisonRuling,
    decisive=("verdicts",),
    steers=False,
    rule=_rule,
    events=(ArmsCompared,),
)


# -- which cells are begun --------------------------------------------------------------------------------------------


class ArmProgress(msgspec.Struct, frozen=True):
    """How far one arm has come."""

    name: str
    items: int
    """That were planned."""
    left: int
    """Cells that were not begun."""
    cells: Held | None
    """Cells that have ended: JSON list of `CellSaw`. None: none was begun."""


class NextCellsSaw(msgspec.Struct, frozen=True):
    """All arms, before further cells are begun."""

    arms: tuple[ArmProgress, ...]
    """Sorted by name."""


class NextCellsRule(msgspec.Struct, frozen=True):
    """Whether a score that is always the same ends the evaluation."""

    stop: bool
    measure: Literal["hard", "soft"]


class ArmBegins(msgspec.Struct, frozen=True):
    """Cells of an arm that are begun next: the first so many of those that were not."""

    arm: str
    cells: int
    """1 or more."""


class NextCells(msgspec.Struct, frozen=True):
    """Which cells are begun next."""

    begin: tuple[ArmBegins, ...]
    """Empty: no further one is."""
    constant: Ratio | None
    """The score that all cells have so far, if that is why. None: it is not."""


def _next_rule(spec: RunSpec, saw: NextCellsSaw) -> NextCellsRule:
    del saw
    settings = own(spec)
    return NextCellsRule(settings.stop_on_dead_signal, settings.measure)


NEXT_CELLS: Final = Point(
    name="next_cells",
    revision=1,
    saw=NextCellsSaw,
    settings=NextCellsRule,
    ruling=NextCells,
    decisive=("begin", "constant"),
    steers=True,
    rule=_next_rule,
    since=COURSE_RECORDED,
)
