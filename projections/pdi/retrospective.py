"""PDI after the fact: finished runs compared with each other, once their skills are known; pure.

    phi_exec = psi(commands of the attempt that passed, final SKILL.md)
    phi_plan = psi(all next strategies of the memo history together, final SKILL.md)
    phi_oss  = mean over consecutive memos of share * psi(facts before, facts after) + (1 - share) * F
    PDI      = z(phi_exec) - z(phi_plan) - z(phi_oss), z **across runs**

psi is `js_similarity`, F the likeness of failed tests. From the project page of SPARK (SPARK, 1.9); its code was never
published. That phi_oss is a mean over pairs is an assumption, shared with the reconstruction that tests compare with.

Values here and values of `projections.pdi.index` are not comparable: other texts, and other scores.
"""

from collections import Counter
from collections.abc import Sequence
from math import fsum

import msgspec

from projections.pdi.index import PLAN, PdiInput, PdiSettings, measure
from projections.pdi.scores import score_of
from projections.pdi.similarity import js_similarity, section, tokens

JS = PdiSettings(method="js_divergence")


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that passed and left a skill."""

    name: str
    skill: str
    """All of ``SKILL.md``."""
    commands: str
    """Of the attempt that passed."""
    steps: tuple[PdiInput, ...]
    """What each reflect step gave to read, in order; none if the first attempt passed."""


class Phis(msgspec.Struct, frozen=True):
    """The three components of one run."""

    phi_exec: float
    """[1 - ln 2, 1], or 0 if there are fewer than two words."""
    phi_plan: float | None
    """The same. None: no memo."""
    phi_oss: float | None
    """[0, 1]. None: fewer than two memos, so nothing could be kept."""


class Retrospect(msgspec.Struct, frozen=True):
    """One run among the others."""

    name: str
    phis: Phis
    pdi: float | None
    """None: a component is missing. Below three complete runs it is a sum of signs and says nothing."""
    of: int
    """How many runs are complete, and so were scored against each other."""
    scores: tuple[float, float, float] | None
    """z of exec, plan and oss, before they are weighed. None: a component is missing."""


def phis(run: FinishedRun, settings: PdiSettings = JS) -> Phis:
    """Measure one run."""
    skill = Counter(tokens(run.skill))
    plans = "\n".join(section(step.memo, PLAN) for step in run.steps)
    return Phis(
        js_similarity(Counter(tokens(run.commands)), skill, alpha=settings.alpha),
        js_similarity(Counter(tokens(plans)), skill, alpha=settings.alpha) if run.steps else None,
        _ossification(run, settings),
    )


def retrospective(runs: Sequence[FinishedRun], settings: PdiSettings = JS) -> tuple[Retrospect, ...]:
    """Score runs against each other, in the order given. Runs without all three components are not scored."""
    return among([(run.name, phis(run, settings)) for run in runs], settings)


def among(found: Sequence[tuple[str, Phis]], settings: PdiSettings = JS) -> tuple[Retrospect, ...]:
    """Score runs against each other whose components are known already, by name, in the order given."""
    complete = [values for _, each in found if (values := _values(each)) is not None]
    return tuple(_scored(name, each, complete, settings) for name, each in found)


def _scored(name: str, each: Phis, complete: Sequence[tuple[float, float, float]], settings: PdiSettings) -> Retrospect:
    values = _values(each)
    if values is None:
        return Retrospect(name, each, None, len(complete), None)
    columns = zip(values, zip(*complete, strict=True), strict=True)
    z_exec, z_plan, z_oss = (score_of(value, column).z for value, column in columns)
    pdi = settings.exec_weight * z_exec - settings.plan_weight * z_plan - settings.oss_weight * z_oss
    return Retrospect(name, each, pdi, len(complete), (z_exec, z_plan, z_oss))


def _values(each: Phis) -> tuple[float, float, float] | None:
    if each.phi_plan is None or each.phi_oss is None:
        return None
    return each.phi_exec, each.phi_plan, each.phi_oss


def _ossification(run: FinishedRun, settings: PdiSettings) -> float | None:
    values = [measure(step, settings).proxy_oss for step in run.steps[1:]]
    return fsum(values) / len(values) if values else None
