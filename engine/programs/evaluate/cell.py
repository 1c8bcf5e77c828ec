"""A cell: one item under the condition of one arm, once. It is looked for before it is rolled out."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from engine.core.decision import Made
from engine.core.scope import Child, Scope, Stopped
from engine.items.base import ItemRef
from engine.items.points import RolloutSpec, rollout_parts
from engine.items.rollout import RolledOut, rollout
from engine.items.work import ItemTerms
from engine.programs.evaluate import points
from engine.programs.explore.trial import TrialPlan, ended_trial
from events.base import Ref
from events.digest import Digest, Fingerprint
from events.streams import trial_stream
from events.types.condition import Condition
from events.types.decision import Seen
from events.types.evaluation import (
    CellOpened,
    CellUnscored,
    EvaluationAsked,
    EvaluationFound,
    EvaluationScored,
    Reuse,
)
from events.values import Ratio


class CellEnvironment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an item is rolled out, and what scores it."""

    sandbox: str
    verifier_network: str
    verifier_repeats: int = 1
    """How often a final state is verified, since the score is made of all verdicts."""


class EvaluationKey(msgspec.Struct, frozen=True):
    """Everything that reaches the model or the verifier. A change of any part is another key."""

    item: str
    item_digest: Fingerprint
    """Of a task's folder (instruction, image and verifier), or of all of a question that reaches model or scorer."""
    condition: Digest
    """Of the condition: skills, note, model, parameters, prompts, method, agent and its package, feedback."""
    environment: CellEnvironment | None
    """None: the item is rolled out without a sandbox."""
    rollout: Mapping[str, Any] | None
    """How a question is rolled out. None: the item is a task."""
    repeat: int
    """From 1."""
    series: int
    """0; from 1 for fresh repeats of a condition that another arm has (A/A)."""


class QuestionPlan(NamedTuple):
    """A question that is to be asked."""

    name: str
    ref: ItemRef
    terms: ItemTerms


class CellPlan(NamedTuple):
    """What a cell is given by its run."""

    arm: str
    item: str
    item_digest: Fingerprint
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    series: int
    environment: CellEnvironment | None
    """None: the item is rolled out without a sandbox."""
    rollout: RolloutSpec | None
    """None: the item is a task."""
    reuse: Reuse
    work: TrialPlan | QuestionPlan
    begun: bool = True
    """Whether it is rolled out where no score is stored. False: all scores so far are the same."""
    given: Condition | None = None
    """The condition itself, where the program makes one for this cell. None: that of the arm, or of the run."""

    @property
    def name(self) -> str:
        """The cell's name, on whose account it pays, too."""
        return self.work.name


class CellResult(NamedTuple):
    """What a run learns of a cell."""

    saw: points.CellSaw
    at: Ref
    outcome: str
    key: Digest
    why: Seen[points.ReasonsSeen] | None = None
    """Why a question that was asked is not solved, as its scorer says. None: nothing says."""


def key_parts(plan: CellPlan, condition: Digest) -> bytes:
    """Write down everything that reaches the model or the verifier; its digest is the key of the evaluation."""
    key = EvaluationKey(
        item=plan.item,
        item_digest=plan.item_digest,
        condition=condition,
        environment=plan.environment,
        rollout=None if plan.rollout is None else rollout_parts(plan.rollout),
        repeat=plan.repeat,
        series=plan.series,
    )
    return msgspec.json.encode(key)  # settings of a rollout in their own order, in which they were always written


async def cell(scope: Scope, plan: CellPlan) -> CellResult:
    """Look for the evaluation of a cell; where there is none, roll its item out, and keep the score."""
    condition = plan.given or scope.condition
    assert condition is not None, "runs of this program pin what their conditions are made of"
    held = scope.put(condition.canonical)
    named = scope.put(key_parts(plan, held))
    await scope.note(CellOpened(plan.arm, plan.item, plan.unit, plan.repeat, named, held))
    try:
        found = await scope.effect(EvaluationAsked(named, plan.reuse))
    except Stopped:
        return await _scored(scope, plan, named, _Rolled(points.CellScoreSaw(ungraded="stopped"), None))
    if isinstance(found, EvaluationFound):
        seen = Seen(scope.at, points.FoundSeen(found.solved, found.reward))
        outcome = "solved" if found.solved else "unsolved"
        return CellResult(points.CellSaw(plan.item, plan.unit, plan.repeat, found=seen), scope.at, outcome, named)
    if not plan.begun:
        return await _scored(scope, plan, named, _Rolled(points.CellScoreSaw(ungraded="no_information"), None))
    return await _scored(scope, plan, named, await _rolled(scope, plan.work, condition))


class _Rolled(NamedTuple):
    """What came of an item, whichever kind it is."""

    saw: points.CellScoreSaw
    at: Ref | None
    """Its last event. None: it was not begun."""
    why: Seen[points.ReasonsSeen] | None = None
    """As in `CellResult`."""


async def _rolled(scope: Scope, work: TrialPlan | QuestionPlan, condition: Condition) -> _Rolled:
    """Roll an item out below this scope."""
    if isinstance(work, QuestionPlan):
        return _asked((await scope.gather([rollout(work.ref, condition, work.terms)]))[0])
    ended = (await scope.gather([Child(trial_stream(work.name), partial(ended_trial, plan=work))]))[0]
    if ended.decision is None:
        assert ended.outcome in {"infrastructure", "stopped"}, "a score rests on decisions"
        ungraded: points.Ungraded = "infrastructure" if ended.outcome == "infrastructure" else "stopped"
        return _Rolled(points.CellScoreSaw(ungraded=ungraded), ended.at)
    decided = Seen(ended.decision.seen, points.EndingSeen(ended.decision.value.decision))
    return _Rolled(points.CellScoreSaw(ended=decided, outcomes=ended.outcomes, again=ended.again), ended.at)


def _asked(asked: RolledOut) -> _Rolled:
    if asked.mark is None:
        ungraded: points.Ungraded = "budget" if asked.rolled.ending == "budget" else "stopped"
        return _Rolled(points.CellScoreSaw(ungraded=ungraded), asked.at)
    soft = None if asked.mark.soft is None else Ratio.of(asked.mark.soft)
    mark = Seen(asked.at, points.MarkSeen(asked.mark.outcome, soft))
    why = Seen(asked.at, points.ReasonsSeen(asked.mark.reasons)) if asked.mark.reasons else None
    return _Rolled(points.CellScoreSaw(mark=mark), asked.at, why)


async def _scored(scope: Scope, plan: CellPlan, key: Digest, rolled: _Rolled) -> CellResult:
    """Score what came of it, and keep the score; what is none is not stored."""

    def says(ruling: points.CellScore, made: Made) -> EvaluationScored | CellUnscored:
        del made
        if ruling.solved is None:
            return CellUnscored(ruling.reason or "infrastructure", rolled.at)
        assert rolled.at is not None, "a score rests on events"
        return EvaluationScored(key, ruling.solved, ruling.reward, rolled.at, ruling.verdicts)

    scored = await scope.decide(points.CELL_SCORE, rolled.saw, says)
    await scope.flush()
    saw = points.CellSaw(plan.item, plan.unit, plan.repeat, score=scored)
    return CellResult(saw, scored.seen, points.outcome_of(scored.value), key, rolled.why)
