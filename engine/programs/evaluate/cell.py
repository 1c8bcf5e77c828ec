"""A cell: one item under the condition of one arm, once. It is looked for before it is rolled out."""

from functools import partial
from typing import Literal, NamedTuple

import msgspec

from engine.core.scope import Child, Scope, Stopped
from engine.programs.evaluate.points import CellSaw, ScoreSeen, UnscoredSeen
from engine.programs.explore.trial import TrialPlan, ended_trial
from events.base import Ref
from events.digest import Digest, Fingerprint
from events.streams import trial_stream
from events.types.decision import Seen
from events.types.evaluation import (
    CellOpened,
    CellUnscored,
    EvaluationAsked,
    EvaluationFound,
    EvaluationScored,
    Reuse,
)
from events.types.trial import TrialClosed

_UNSCORED = Literal["infrastructure", "budget", "stopped"]


class CellEnvironment(msgspec.Struct, frozen=True):
    """Where an item is rolled out, and what scores it."""

    sandbox: str
    verifier_network: str


class EvaluationKey(msgspec.Struct, frozen=True):
    """Everything that reaches the model or the verifier. A change of any part is another key."""

    item: str
    item_digest: Fingerprint
    """Of its folder: instruction, image and verifier."""
    condition: Digest
    """Of the condition: skills, note, model, parameters, prompts, method, agent and its package, feedback."""
    environment: CellEnvironment
    repeat: int
    """From 1."""
    series: int
    """0; from 1 for fresh repeats of a condition that another arm has (A/A)."""


class CellPlan(NamedTuple):
    """What a cell is given by its run."""

    arm: str
    item: str
    item_digest: Fingerprint
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    series: int
    environment: CellEnvironment
    reuse: Reuse
    trial: TrialPlan

    @property
    def name(self) -> str:
        """The cell's name, which its trial has, too."""
        return self.trial.name


class CellResult(NamedTuple):
    """What a run learns of a cell."""

    saw: CellSaw
    at: Ref
    outcome: str


async def cell(scope: Scope, plan: CellPlan) -> CellResult:
    """Look for the evaluation of a cell; where there is none, roll its item out, and keep the score."""
    condition = scope.condition
    assert condition is not None, "runs of this program pin what their conditions are made of"
    held = scope.put(condition.canonical)
    key = EvaluationKey(plan.item, plan.item_digest, held, plan.environment, plan.repeat, plan.series)
    named = scope.put(msgspec.json.encode(key, order="deterministic"))
    await scope.record(CellOpened(plan.arm, plan.item, plan.unit, plan.repeat, named, held))
    try:
        found = await scope.effect(EvaluationAsked(named, plan.reuse))
    except Stopped:
        return await _unscored(scope, plan, "stopped", None)
    if isinstance(found, EvaluationFound):
        return _scored(plan, scope.at, ScoreSeen(found.solved, found.reward))
    child = Child(trial_stream(plan.name), partial(ended_trial, plan=plan.trial))
    rolled = (await scope.gather([child]))[0]
    return await _kept(scope, plan, named, rolled.event, rolled.at)


async def _kept(scope: Scope, plan: CellPlan, key: Digest, closed: TrialClosed, at: Ref) -> CellResult:
    """Keep a score; what is none is not stored."""
    match closed.outcome:
        case "solved" | "unsolved":
            solved = closed.outcome == "solved"
            stored = await scope.record(EvaluationScored(key, solved, closed.reward, at))
            return _scored(plan, stored, ScoreSeen(solved, closed.reward))
        case "infrastructure" | "budget" | "stopped":
            return await _unscored(scope, plan, closed.outcome, at)


def _scored(plan: CellPlan, at: Ref, score: ScoreSeen) -> CellResult:
    saw = CellSaw(plan.item, plan.unit, plan.repeat, Seen(at, score))
    return CellResult(saw, at, "solved" if score.solved else "unsolved")


async def _unscored(scope: Scope, plan: CellPlan, reason: _UNSCORED, rolled: Ref | None) -> CellResult:
    at = await scope.record(CellUnscored(reason, rolled))
    return CellResult(CellSaw(plan.item, plan.unit, plan.repeat, None, Seen(at, UnscoredSeen(reason))), at, reason)
