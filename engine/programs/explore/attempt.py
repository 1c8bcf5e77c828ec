"""The attempt: one agent in one fresh sandbox, ended by a verdict or abandoned."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from engine.agents.base import Acted, Action, Agent, Brief, CurrentBrief
from engine.core.decision import Made
from engine.core.scope import Scope, Stopped
from engine.effects.model_calls import Readable, text_of
from engine.policies.ending import has_verdict
from engine.policies.judging import VerdictFacts
from engine.programs.explore import points, rulings
from engine.programs.explore.learning_points import VerdictSaw
from events import values
from events.base import Event, Ref
from events.digest import Digest
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.types.decision import Seen, Text
from events.types.sandbox import (
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from events.types.steps import StepAsked, StepJudged, StepVerifyAsked
from projections.checks import NO_CHECKS, Checks, read_checks


async def act_in_steps(scope: Scope, agent: Agent, told: Callable[[], Brief]) -> Acted:
    """Let an agent do steps until one falls short, something of ours breaks, or there is no money for more.

    Its limits hold for each step. It begins each anew, and knows of those before what they left in the sandbox.

    Args:
        scope: The attempt's.
        agent: Who acts.
        told: Gives the brief as it stands.
    """
    actions: list[Action] = []
    notes: list[Text] = []
    turns = 0
    ended = AgentEnded("done", "the task has no step", 0)
    for number, step in enumerate(told().steps):
        begun = await scope.effect(StepAsked(told().task, step.name))
        if isinstance(begun, SandboxFailed):
            ended = AgentEnded("failed", f"step {step.name}: {begun.detail}", 0)
            break
        acted = await agent.act(scope, _told_of(told, number, scope.busy_s))
        actions += acted.actions
        notes += acted.notes
        turns += acted.ended.turns
        ended = acted.ended
        if not has_verdict(ended.reason, acted=bool(actions)):
            break
        judged = await scope.effect(StepVerifyAsked(told().task, step.name))
        if isinstance(judged, SandboxFailed):
            ended = AgentEnded("failed", f"step {step.name}: {judged.detail}", 0)
            break
        assert isinstance(judged, StepJudged)
        if not judged.goes_on or ended.reason == "budget":
            break
    return Acted(AgentEnded(ended.reason, ended.detail, turns), tuple(actions), tuple(notes))


def _told_of(told: Callable[[], Brief], number: int, busy_s: float) -> Callable[[], Brief]:
    """Give the brief of one step. Its time counts from when it begins, and an agent counts that of the attempt."""

    def brief() -> Brief:
        whole = told()
        step = whole.steps[number]
        limit = whole.settings.timeout_s if whole.settings.timeout_s is not None else step.timeout_s
        return whole._replace(
            instruction="\n\n".join(filter(None, (step.instruction, whole.injection))),
            timeout_s=None if limit is None else busy_s + limit,
        )

    return brief


class AttemptTerms(NamedTuple):
    """What an attempt goes by. A fork may change them between any two events of its own stream."""

    backend: str
    agent: Agent
    brief: Brief
    condition: Digest | None = None
    """Blob: the condition whose skills the sandbox shows. None: it says nothing of skills."""


class AttemptGiven(NamedTuple):
    """What an attempt is given by its trial."""

    number: int
    """From 1, counting every attempt of the trial."""
    eras: tuple[AttemptTerms, ...]
    """One for each run of the line, oldest first; just one where nothing was forked."""

    def terms(self, scope: Scope) -> AttemptTerms:
        """Say what counts for the next decision of this scope. Never kept across one: see `Scope.era`."""
        return self.eras[scope.era]


class AttemptResult(NamedTuple):
    """What a trial learns of an attempt."""

    facts: VerdictFacts
    outcome: values.Outcome
    judged: Seen[points.Judged] | None
    """The decision that says so. None: the attempt was abandoned, and nothing was judged."""
    saw: points.JudgingSaw | None
    """What it saw. None: nothing was judged."""
    verdict: VerdictSaw | None
    """What the verifier left. None: there is nothing."""
    checks: Checks
    actions: tuple[Action, ...]
    notes: tuple[Text, ...]
    counts: bool
    """False if a process of ours died under it: as far as counting goes, it never happened."""
    out_of_money: str | None
    """Why there is no money for more. None: there may be."""


async def attempt(scope: Scope, given: AttemptGiven) -> AttemptResult:
    """Open a sandbox, let the agent act, have the verifier judge."""
    begun = given.terms(scope)
    told = scope.put(begun.brief.instruction.encode())
    await scope.record(AttemptOpened(begun.brief.trial, given.number, begun.agent.name, told))
    result: AttemptResult | None = None
    try:
        opened = await scope.effect(SandboxAsked(begun.backend, begun.brief.task, begun.condition))
        if isinstance(opened, SandboxFailed):
            return await _abandon(scope, opened)
        # Whoever was said to act goes on: a fork changes what an agent goes by, not who it is.
        acted = await _act(scope, begun.agent, lambda: given.terms(scope).brief)
        result = await _judged(scope, given, acted)
        await scope.effect(ReleaseAsked())
    except Stopped as stop:
        if result is not None:  # its verdict has arrived
            return result
        reason: Literal["sandbox_lost", "stopped"] = (
            "sandbox_lost" if stop.event.reason == "sandbox_lost" else "stopped"
        )
        await scope.record(AttemptAbandoned(reason, stop.event.detail))
        return scoreless(stop.event.detail, counts=False)
    return result


async def _act(scope: Scope, agent: Agent, told: CurrentBrief) -> Acted:
    """Let the agent act, step by step where the task has steps. What needs no model does all of them in one go."""
    if told().steps and agent.needs_model:
        return await act_in_steps(scope, agent, told)
    return await agent.act(scope, told)


async def _abandon(scope: Scope, failed: SandboxFailed) -> AttemptResult:
    await scope.record(AttemptAbandoned("infrastructure", f"{failed.kind}: {failed.detail}"))
    return scoreless(failed.detail, counts=True)


def scoreless(detail: str, *, counts: bool) -> AttemptResult:
    """Say what a trial learns of an attempt that was abandoned."""
    facts = VerdictFacts(reward=None, exception=None, infrastructure=detail)
    outcome = values.Outcome("infrastructure", None, detail)
    return AttemptResult(facts, outcome, None, None, None, NO_CHECKS, (), (), counts, None)


async def _judged(scope: Scope, given: AttemptGiven, acted: Acted) -> AttemptResult:
    """Have the verifier judge, unless something of ours broke: then there is nothing to judge."""
    ended = acted.ended
    seen = Seen(await scope.record(ended), points.EndedSeen(ended.reason, ended.detail))
    asked = has_verdict(ended.reason, acted=bool(acted.actions))
    verdict = await scope.effect(VerifyAsked(given.terms(scope).brief.task)) if asked else None
    verified = scope.at
    saw = judging_saw(seen, verdict, verified)
    checks = await checks_of(scope, verdict)
    summary = scope.put(checks.summary.encode())

    def says(ruling: points.Judged, made: Made) -> AttemptJudged:
        del made
        return AttemptJudged(ruling.outcome, checks.passed, checks.total, summary)

    judged = await scope.decide(points.JUDGING, saw, says)
    return AttemptResult(
        facts=rulings.facts_of(saw),
        outcome=judged.value.outcome,
        judged=judged,
        saw=saw,
        verdict=verdict_saw(verdict, verified),
        checks=checks,
        actions=acted.actions,
        notes=acted.notes,
        counts=True,
        out_of_money=ended.detail if ended.reason == "budget" else None,
    )


def judging_saw(ended: Seen[points.EndedSeen], verdict: Event | None, at: Ref) -> points.JudgingSaw:
    """Put together what judging sees.

    Args:
        ended: How the agent ended.
        verdict: What the verifier answered. None: it was not asked, since something of ours broke.
        at: The event of the answer.
    """
    match verdict:
        case None:
            return points.JudgingSaw(ended)
        case VerifierRewarded():
            return points.JudgingSaw(ended, rewarded=Seen(at, points.RewardSeen(verdict.reward)))
        case VerifierSilent():
            silent = points.SilenceSeen(verdict.reason, verdict.detail)
            return points.JudgingSaw(ended, silent=Seen(at, silent))
        case SandboxFailed():
            broken = points.BreakdownSeen(verdict.kind, verdict.detail)
            return points.JudgingSaw(ended, broken=Seen(at, broken))
        case _:
            raise AssertionError(f"the verifier answered with {verdict!r}")


async def checks_of(blobs: Readable, verdict: Event | None) -> Checks:
    """Read which checks passed from what the verifier left."""
    if not isinstance(verdict, VerifierRewarded | VerifierSilent):
        return NO_CHECKS
    report = _report(verdict)
    return read_checks(await text_of(blobs, verdict.stdout), None if report is None else await blobs.get(report))


def verdict_saw(verdict: Event | None, at: Ref) -> VerdictSaw | None:
    """Name what checks are read from. None: the verifier left nothing.

    Args:
        verdict: What the verifier answered. None: it was not asked.
        at: The event of the answer.
    """
    if not isinstance(verdict, VerifierRewarded | VerifierSilent):
        return None
    report = _report(verdict)
    return VerdictSaw(Text(verdict.stdout, at), None if report is None else Text(report, at))


def _report(verdict: VerifierRewarded | VerifierSilent) -> Digest | None:
    return next((file.digest for file in verdict.files if file.name == "ctrf.json"), None)
