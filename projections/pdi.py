"""PDI, the Posterior Distillation Index: how far a memo rests on what was executed (SPARK, 1).

    PDI = z(exec) - z(plan) - z(oss)

exec: how much of the memo's verified facts occurs in the commands that were run (higher is better); plan: how much
the next strategy repeats the one before; oss: how little verified facts and failed tests have moved (lower is better).
z is over this trial's own steps so far, the current one included, with the population standard deviation. The first
step is raw. The smallest sample for which a z-score says more than a sign is three steps; `Reading.valid` says so.
"""

from collections import Counter
from math import sqrt
from typing import Literal, assert_never

import msgspec

from projections.text import ALPHA, coverage, failed_rows, jaccard, js_similarity, section, tokens

Method = Literal["token_overlap", "js_divergence"]
Level = Literal["soft", "strong"]

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


def read_step(state: PdiState, given: PdiInput, settings: PdiSettings) -> tuple[PdiState, Reading]:
    """Read PDI at a step, and give the state after it."""
    proxy_exec, proxy_plan, proxy_oss, failed = components(given, settings)
    execs, plans, osses = (*state.execs, proxy_exec), (*state.plans, proxy_plan), (*state.osses, proxy_oss)
    raw = proxy_exec - proxy_plan - proxy_oss if len(execs) == 1 else z_last(execs) - z_last(plans) - z_last(osses)
    weight = min(1.0, given.step / settings.warmup) if settings.warmup > 0 else 1.0
    weighted = weight * raw
    triggered = given.step >= 1 and weight > 0 and weighted < settings.threshold
    level: Level | None = ("strong" if state.triggered else "soft") if triggered else None
    reasons = _doubts(given, len(execs), weighted, settings)
    reading = Reading(
        step=given.step,
        method=settings.method,
        proxy_exec=proxy_exec,
        proxy_plan=proxy_plan,
        proxy_oss=proxy_oss,
        failed_similarity=failed,
        raw_pdi=raw,
        weight=weight,
        weighted_pdi=weighted,
        triggered=triggered,
        level=level,
        valid=not reasons,
        reasons=reasons,
    )
    return PdiState(execs, plans, osses, triggered), reading


def components(given: PdiInput, settings: PdiSettings) -> tuple[float, float, float, float]:
    """Give exec, plan, oss and the likeness of failed tests (SPARK, 1.4)."""
    facts = section(given.memo, "Verified Facts")
    proxy_exec = _covered(given.commands, facts, settings) if facts else 0.0
    if not given.previous_memo:
        return proxy_exec, 0.0, 0.0, 0.0
    plans = (section(given.previous_memo, "Next Strategy"), section(given.memo, "Next Strategy"))
    held = _alike(section(given.previous_memo, "Verified Facts"), facts, settings)
    failed = _failed_alike(given.previous_summary, given.summary, settings)
    share = settings.facts_share
    return proxy_exec, _alike(*plans, settings), share * held + (1 - share) * failed, failed


def z_last(values: tuple[float, ...]) -> float:
    """Score the last value against all of them, itself included: (x - mean) / population std; 0 if std is 0.

    The order of additions is numpy's, which SPARK's recorded decisions rest on: up to seven values from left to
    right, from eight on eight running sums that are then paired.
    """
    count = len(values)
    mean = _numpy_sum(values) / count
    deviations = [value - mean for value in values]
    std = sqrt(_numpy_sum([each * each for each in deviations]) / count)
    return 0.0 if std == 0.0 else (values[-1] - mean) / std


def _numpy_sum(values: "tuple[float, ...] | list[float]") -> float:
    """Add like numpy does for up to 128 values."""
    if len(values) < 8:
        total = 0.0
        for value in values:
            total += value
        return total
    sums = list(values[:8])
    whole = len(values) - len(values) % 8
    for start in range(8, whole, 8):
        sums = [kept + values[start + i] for i, kept in enumerate(sums)]
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for value in values[whole:]:
        total += value
    return total


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


def _doubts(given: PdiInput, steps: int, weighted: float, settings: PdiSettings) -> tuple[str, ...]:
    """Say why a reading should not be relied upon."""
    doubts = []
    if not given.healthy:
        doubts.append("the memo is no memo")
    missing = [title for title in ("Verified Facts", "Next Strategy") if not section(given.memo, title)]
    doubts += [f"the memo has no section {title!r}" for title in missing]
    if steps < 3:
        doubts.append("fewer than three steps: a z-score says no more than a sign")
    if given.step >= 1 and abs(weighted - settings.threshold) < AT_THRESHOLD:
        doubts.append("the value is at the threshold: rounding decides")
    return tuple(doubts)
