"""PDI, the Posterior Distillation Index: how far a memo rests on what was executed (SPARK, 1).

    PDI = z(exec) - z(plan) - z(oss)

exec: how much of the memo's verified facts occurs in the commands that were run (higher is better); plan: how much
the next strategy repeats the one before; oss: how little verified facts and failed tests have moved (lower is better).
z is over this trial's own steps so far, the current one included, with the population standard deviation. The first
step is raw. The smallest sample for which a z-score says more than a sign is three steps; `Reading.valid` says so.
"""

from collections import Counter
from typing import Literal, assert_never

import msgspec

from projections.pdi_scores import NO_SCORE, Score, score
from projections.text import (
    ALPHA,
    coverage,
    failed_rows,
    jaccard,
    js_similarity,
    lenient_section,
    section,
    tokens,
)

Method = Literal["token_overlap", "js_divergence"]
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
    """Triggers strictly below it."""
    warmup: int = 2
    """Steps until the weight is 1; 0 or less: always 1."""
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
    never triggers and enters no mean."""


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
    proxy_exec: float
    proxy_plan: float
    proxy_oss: float
    failed_similarity: float
    """The part of ossification that is about failed tests."""
    exec_score: Score
    """Against which mean and spread each component was scored; at the first step there are none."""
    plan_score: Score
    oss_score: Score
    raw_pdi: float
    weight: float
    weighted_pdi: float
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


def read_step(state: PdiState, given: PdiInput, settings: PdiSettings) -> tuple[PdiState, Reading]:
    """Read PDI at a step, and give the state after it."""
    return judge(state, given, settings, measure(given, settings))


def judge(state: PdiState, given: PdiInput, settings: PdiSettings, found: Components) -> tuple[PdiState, Reading]:
    """Score what was measured at a step against the steps before, and decide; gives the state after it."""
    counted = given.healthy or settings.unhealthy == "counted"
    after = _with(state, found)
    scores = (score(after.execs), score(after.plans), score(after.osses)) if state.execs else (NO_SCORE,) * 3
    raw = _combined(found, scores, settings)
    weight = min(1.0, given.step / settings.warmup) if settings.warmup > 0 else 1.0
    weighted = weight * raw
    below = weighted < settings.threshold - settings.tolerance
    triggered = counted and given.step >= 1 and weight > 0 and below
    level: Level | None = ("strong" if state.triggered else "soft") if triggered else None
    reasons = (*_doubts(given, found, len(after.execs)), *_near(given, weighted, settings))
    reading = Reading(
        step=given.step,
        method=settings.method,
        proxy_exec=found.proxy_exec,
        proxy_plan=found.proxy_plan,
        proxy_oss=found.proxy_oss,
        failed_similarity=found.failed_similarity,
        exec_score=scores[0],
        plan_score=scores[1],
        oss_score=scores[2],
        raw_pdi=raw,
        weight=weight,
        weighted_pdi=weighted,
        triggered=triggered,
        level=level,
        valid=not reasons,
        reasons=reasons,
    )
    kept = after if counted else state
    return msgspec.structs.replace(kept, triggered=triggered), reading


def _with(state: PdiState, found: Components) -> PdiState:
    return PdiState(
        (*state.execs, found.proxy_exec),
        (*state.plans, found.proxy_plan),
        (*state.osses, found.proxy_oss),
        state.triggered,
    )


def _combined(found: Components, scores: tuple[Score, ...], settings: PdiSettings) -> float:
    """Weigh the scores, or at the first step the values themselves; from left to right, as SPARK does."""
    values = (found.proxy_exec, found.proxy_plan, found.proxy_oss)
    if scores[0].of:
        values = (scores[0].z, scores[1].z, scores[2].z)
    return settings.exec_weight * values[0] - settings.plan_weight * values[1] - settings.oss_weight * values[2]


def measure(given: PdiInput, settings: PdiSettings) -> Components:
    """Measure exec, plan and oss (SPARK, 1.4)."""
    facts, plan = (found_section(given.memo, title, settings) for title in (FACTS, PLAN))
    missing = tuple(title for title, body in ((FACTS, facts), (PLAN, plan)) if not body)
    proxy_exec = _covered(given.commands, facts, settings) if facts else 0.0
    if not given.previous_memo:
        return Components(proxy_exec, 0.0, 0.0, 0.0, missing)
    old_facts, old_plan = (found_section(given.previous_memo, title, settings) for title in (FACTS, PLAN))
    failed, share = _failed_alike(given.previous_summary, given.summary, settings), settings.facts_share
    proxy_oss = share * _alike(old_facts, facts, settings) + (1 - share) * failed
    return Components(proxy_exec, _alike(old_plan, plan, settings), proxy_oss, failed, missing)


def found_section(memo: str, title: str, settings: PdiSettings) -> str:
    """Give a section of a memo as the settings find it; empty if it is missing."""
    match settings.sections:
        case "exact":
            return section(memo, title)
        case "lenient":
            return lenient_section(memo, title)
        case _:
            assert_never(settings.sections)


def _covered(commands: str, facts: str, settings: PdiSettings) -> float:
    match settings.method:
        case "token_overlap":
            return coverage(set(tokens(commands)), set(tokens(facts)))
        case "js_divergence":
            return js_similarity(Counter(tokens(commands)), Counter(tokens(facts)), alpha=settings.alpha)
        case _:
            assert_never(settings.method)


def _alike(before: str, now: str, settings: PdiSettings) -> float:
    match settings.method:
        case "token_overlap":
            return jaccard(set(tokens(before)), set(tokens(now)))
        case "js_divergence":
            return js_similarity(Counter(tokens(before)), Counter(tokens(now)), alpha=settings.alpha)
        case _:
            assert_never(settings.method)


def _failed_alike(before: str, now: str, settings: PdiSettings) -> float:
    rows_before, rows_now = failed_rows(before), failed_rows(now)
    if not rows_before and not rows_now:
        return 0.0
    match settings.method:
        case "token_overlap":
            return jaccard(rows_before, rows_now)
        case "js_divergence":
            return _alike(" ".join(sorted(rows_before)), " ".join(sorted(rows_now)), settings)
        case _:
            assert_never(settings.method)


def _doubts(given: PdiInput, found: Components, steps: int) -> tuple[str, ...]:
    """Say why a reading should not be relied upon, whatever its value."""
    doubts = [] if given.healthy else ["the memo is no memo"]
    doubts += [f"the memo has no section {title!r}" for title in found.missing]
    if steps < 3:
        doubts.append("fewer than three steps: a z-score says no more than a sign")
    return tuple(doubts)


def _near(given: PdiInput, weighted: float, settings: PdiSettings) -> tuple[str, ...]:
    """Say whether the value lies where rounding decides."""
    if given.step >= 1 and abs(weighted - settings.threshold) < AT_THRESHOLD:
        return ("the value is at the threshold: rounding decides",)
    return ()
