"""PDI, the Posterior Distillation Index: how far a memo rests on what was executed (SPARK, 1).

    PDI = z(exec) - z(plan) - z(oss)

exec: how much of the memo's verified facts occurs in the commands that were run (higher is better); plan: how much
the next strategy repeats the one before; oss: how little verified facts and failed tests have moved (lower is better).
z is over this trial's own steps so far, the current one included, with the population standard deviation. The first
step is raw. The smallest sample for which a z-score says more than a sign is three steps; `Reading.valid` says so.

So read ``token_overlap`` and ``js_divergence``, which are SPARK's. ``calibrated`` is ours: z is over steps of other
tasks (`PdiReference`), what is absent is missing and not 0, and there is neither a first step nor a warm-up.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, assert_never

import msgspec

from projections.pdi.likeness import Likeness, alike, both_failed, covered, failed_alike
from projections.pdi.reference import SPARK_RELEASE, PdiReference
from projections.pdi.scores import NO_SCORE, Score, score, score_against
from projections.pdi.similarity import ALPHA, lenient_section, section

_ERROR_TEXT = "[LLM ERROR]"
_SECTIONS = ("Attempts Log", "Commands From Last Attempt", "Verified Facts", "Current Error Pattern", "Next Strategy")


def healthy(memo: str) -> bool:
    """Say whether a text is a memo at all: not blank, no error text, and with one of the five sections (SPARK, W3)."""
    if not memo.strip() or memo.startswith(_ERROR_TEXT):
        return False
    return any(f"### {title}" in memo for title in _SECTIONS)


Method = Literal["token_overlap", "js_divergence", "calibrated"]
Level = Literal["soft", "strong"]
Sections = Literal["exact", "lenient"]
Unhealthy = Literal["counted", "left_out"]
FACTS, PLAN = "Verified Facts", "Next Strategy"

AT_THRESHOLD = 1e-9
"""Closer to the threshold than this, the decision is one of rounding (SPARK, W2)."""


class PdiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every parameter of the measure. The defaults are SPARK's, which exposes only the method."""

    method: Method = "token_overlap"
    threshold: float = -0.5
    """Triggers strictly below it; ``calibrated`` goes by that of its reference."""
    warmup: int = 2
    """Steps until the weight is 1; 0 or less: always 1. ``calibrated`` has none."""
    reference: PdiReference | msgspec.UnsetType = msgspec.UNSET
    """What ``calibrated`` compares with. Unset, and then not written either: the one that is shipped."""
    alpha: float = ALPHA
    """Smoothing of js_divergence, above 0."""
    facts_share: float = 0.5
    """Share of verified facts in ossification, [0, 1]; failed tests have the rest."""
    exec_weight: float = 1.0
    """Of z(exec) in PDI, 0 or above; SPARK weighs all three alike."""
    plan_weight: float = 1.0
    """Of z(plan), which counts against PDI."""
    oss_weight: float = 1.0
    """Of z(oss), which counts against PDI."""
    tolerance: float = 0.0
    """How far below the threshold a value must be, so that rounding never decides; 1e-9 is enough (SPARK, W2)."""
    sections: Sections = "exact"
    """How sections of a memo are found: as SPARK finds them, or whatever the case, bold type or line ends."""
    unhealthy: Unhealthy = "counted"
    """What becomes of a step whose memo is none. SPARK counts it, and takes an outage for progress (W3). Left out, it
    never triggers and enters no mean. ``calibrated`` never counts it."""

    @property
    def stated(self) -> PdiReference:
        """What ``calibrated`` compares with."""
        return SPARK_RELEASE if self.reference is msgspec.UNSET else self.reference

    @property
    def likeness(self) -> Likeness:
        """By which measure texts are compared."""
        return self.stated.likeness if self.method == "calibrated" else self.method

    @property
    def limit(self) -> float:
        """Below what a step triggers."""
        return self.stated.threshold if self.method == "calibrated" else self.threshold


class PdiInput(msgspec.Struct, frozen=True, kw_only=True):
    """What one reflect step gives to read."""

    memo: str
    """As just rewritten."""
    previous_memo: str
    """Before that; empty at the first failure."""
    commands: str
    """What the attempt ran."""
    summary: str
    """Its rows of tests."""
    previous_summary: str
    """Those of the attempt before, of whichever kind; empty if there was none."""
    step: int
    """0 for the first step; what an older rule recorded may be below 0."""
    healthy: bool = True
    """False: the memo is the text of an error, or nothing."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """PDI at one step, unrounded, with all the decision saw."""

    step: int
    method: Method
    proxy_exec: float | None
    """None, here and below: not measured. Only ``calibrated`` says so; where something is absent SPARK reads 0."""
    proxy_plan: float | None
    proxy_oss: float | None
    failed_similarity: float
    """The part of ossification that is about failed tests."""
    exec_score: Score
    """Against which mean and spread each component was scored; at the first step there are none."""
    plan_score: Score
    oss_score: Score
    raw_pdi: float | None
    """None: a component is missing."""
    weight: float
    weighted_pdi: float | None
    triggered: bool
    level: Level | None
    """None: not triggered."""
    valid: bool
    reasons: tuple[str, ...]
    """Why it should not be relied upon; empty if valid."""


class PdiState(msgspec.Struct, frozen=True):
    """A trial's steps so far."""

    execs: tuple[float, ...] = ()
    plans: tuple[float, ...] = ()
    osses: tuple[float, ...] = ()
    triggered: bool = False
    """Whether the last step was."""


class Components(msgspec.Struct, frozen=True):
    """What is measured at one step, before it is scored. The ranges are those of token_overlap."""

    proxy_exec: float
    """[0, 1]; higher is better."""
    proxy_plan: float
    """[0, 1]; lower is better. 0 at the first step by construction."""
    proxy_oss: float
    """[0, 1]; lower is better. 0 at the first step by construction."""
    failed_similarity: float
    """[0, 1]."""
    missing: tuple[str, ...]
    """Titles of the sections that the memo lacks; what rests on them is 0 for want of text."""
    missing_before: tuple[str, ...] | None
    """Those that the memo before lacks. None: there is none before, or a text that is none."""
    ran: bool
    """Whether anything was run."""


def read_step(state: PdiState, given: PdiInput, settings: PdiSettings) -> tuple[PdiState, Reading]:
    """Read PDI at a step, and give the state after it."""
    return judge(state, given, settings, measure(given, settings))


def judge(state: PdiState, given: PdiInput, settings: PdiSettings, found: Components) -> tuple[PdiState, Reading]:
    """Score what was measured at a step, and decide; gives the state after it."""
    placed = _among_others if settings.method == "calibrated" else _among_own
    place = placed(state, given, settings, found)
    weighted = None if place.raw is None else place.weight * place.raw
    below = weighted is not None and weighted < settings.limit - settings.tolerance
    triggered = below and place.counted and place.decidable and place.weight > 0
    level: Level | None = ("strong" if state.triggered else "soft") if triggered else None
    near = weighted is not None and place.decidable and abs(weighted - settings.limit) < AT_THRESHOLD
    reasons = (*_doubts(given, found), *place.doubts, *(("the value is at the threshold: rounding decides",) * near))
    reading = Reading(
        step=given.step,
        method=settings.method,
        proxy_exec=place.values[0],
        proxy_plan=place.values[1],
        proxy_oss=place.values[2],
        failed_similarity=found.failed_similarity,
        exec_score=place.scores[0],
        plan_score=place.scores[1],
        oss_score=place.scores[2],
        raw_pdi=place.raw,
        weight=place.weight,
        weighted_pdi=weighted,
        triggered=triggered,
        level=level,
        valid=not reasons,
        reasons=reasons,
    )
    return msgspec.structs.replace(place.after, triggered=triggered), reading


class _Place(NamedTuple):
    """A step among others."""

    after: PdiState
    values: tuple[float | None, ...]
    """Of exec, plan and oss, like the scores."""
    scores: tuple[Score, ...]
    raw: float | None
    weight: float
    counted: bool
    decidable: bool
    """Whether a step of this kind may trigger at all."""
    doubts: tuple[str, ...]


def _among_own(state: PdiState, given: PdiInput, settings: PdiSettings, found: Components) -> _Place:
    """Place a step among the trial's own so far, as SPARK does."""
    counted = given.healthy or settings.unhealthy == "counted"
    after = PdiState(
        (*state.execs, found.proxy_exec), (*state.plans, found.proxy_plan), (*state.osses, found.proxy_oss)
    )
    values = (found.proxy_exec, found.proxy_plan, found.proxy_oss)
    scores = (score(after.execs), score(after.plans), score(after.osses)) if state.execs else (NO_SCORE,) * 3
    raw = _weighed([each.z for each in scores] if state.execs else values, settings)
    weight = min(1.0, given.step / settings.warmup) if settings.warmup > 0 else 1.0
    few = ("fewer than three steps: a z-score says no more than a sign",) * (len(after.execs) < 3)
    return _Place(after if counted else state, values, scores, raw, weight, counted, given.step >= 1, few)


def _among_others(state: PdiState, given: PdiInput, settings: PdiSettings, found: Components) -> _Place:
    """Place a step among those of other tasks. Where a component is missing there is no PDI."""
    values = measured(given, found)
    scores = [
        NO_SCORE if value is None else score_against(value, *spread)
        for value, spread in zip(values, settings.stated.spreads, strict=True)
    ]
    whole = None not in values
    raw = _weighed([each.z for each in scores], settings) if whole else None
    return _Place(state, values, tuple(scores), raw, 1.0, whole, whole, _gaps(given, found))


def measured(given: PdiInput, found: Components) -> tuple[float | None, float | None, float | None]:
    """Give exec, plan and oss. None: there was nothing to measure, so a 0 would be no finding."""
    if not given.healthy:
        return None, None, None
    before = found.missing_before
    facts, plan = FACTS not in found.missing, PLAN not in found.missing
    return (
        found.proxy_exec if facts and found.ran else None,
        found.proxy_plan if plan and before is not None and PLAN not in before else None,
        found.proxy_oss if facts and before is not None and FACTS not in before else None,
    )


def _weighed(values: Sequence[float], settings: PdiSettings) -> float:
    """Weigh exec, plan and oss; from left to right, as SPARK does."""
    return settings.exec_weight * values[0] - settings.plan_weight * values[1] - settings.oss_weight * values[2]


def measure(given: PdiInput, settings: PdiSettings) -> Components:
    """Measure exec, plan and oss (SPARK, 1.4). ``calibrated`` reads oss off the facts alone if no test failed twice."""
    likeness, alpha = settings.likeness, settings.alpha
    facts, plan = (found_section(given.memo, title, settings) for title in (FACTS, PLAN))
    missing, ran = _missing(facts, plan), bool(given.commands.strip())
    proxy_exec = covered(given.commands, facts, likeness, alpha=alpha) if facts else 0.0
    if not given.previous_memo:
        return Components(proxy_exec, 0.0, 0.0, 0.0, missing, None, ran)
    old_facts, old_plan = (found_section(given.previous_memo, title, settings) for title in (FACTS, PLAN))
    failed = failed_alike(given.previous_summary, given.summary, likeness, alpha=alpha)
    proxy_plan = alike(old_plan, plan, likeness, alpha=alpha)
    share = _facts_share(given, settings)
    proxy_oss = share * alike(old_facts, facts, likeness, alpha=alpha) + (1 - share) * failed
    before = _missing(old_facts, old_plan) if healthy(given.previous_memo) else None
    return Components(proxy_exec, proxy_plan, proxy_oss, failed, missing, before, ran)


def _facts_share(given: PdiInput, settings: PdiSettings) -> float:
    compared = settings.method != "calibrated" or both_failed(given.previous_summary, given.summary)
    return settings.facts_share if compared else 1.0


def _missing(facts: str, plan: str) -> tuple[str, ...]:
    return tuple(title for title, body in ((FACTS, facts), (PLAN, plan)) if not body)


def found_section(memo: str, title: str, settings: PdiSettings) -> str:
    """Give a section of a memo as the settings find it; empty if it is missing."""
    match settings.sections:
        case "exact":
            return section(memo, title)
        case "lenient":
            return lenient_section(memo, title)
        case _:
            assert_never(settings.sections)


def _doubts(given: PdiInput, found: Components) -> tuple[str, ...]:
    """Say what is wrong with the memo."""
    doubts = [] if given.healthy else ["the memo is no memo"]
    return (*doubts, *(f"the memo has no section {title!r}" for title in found.missing))


def _gaps(given: PdiInput, found: Components) -> tuple[str, ...]:
    """Say what else there was nothing to measure against."""
    gaps = [] if found.ran else ["nothing was run"]
    if found.missing_before is None:
        gaps.append("the memo before is no memo" if given.previous_memo else "there is no memo before")
    return (*gaps, *(f"the memo before has no section {title!r}" for title in found.missing_before or ()))
