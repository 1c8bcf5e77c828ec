"""The attempt: one agent in one fresh sandbox, ended by a verdict or abandoned."""

from typing import Literal, NamedTuple

from engine.actors.steps import act_in_steps
from engine.agents.base import Acted, Action, Agent, Brief, Told
from engine.calls import Readable, text_of
from engine.decision import Made
from engine.policies.ending import has_verdict
from engine.policies.judging import VerdictFacts
from engine.programs.explore import points, rulings
from engine.programs.explore.learning_points import VerdictSaw
from engine.scope import Scope, Stopped
from events import values
from events.attempt import AttemptAbandoned, AttemptJudged, AttemptOpened
from events.base import Event, Ref
from events.decision import Seen, Text
from events.digest import Digest
from events.sandbox import (
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from projections.checks import NO_CHECKS, Checks, read_checks


class AttemptTerms(NamedTuple):
    """What an attempt goes by. A fork may change them between any two events of its own stream."""

    backend: str
    agent: Agent
    brief: Brief


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
        opened = await scope.effect(SandboxAsked(given.terms(scope).backend, begun.brief.task))
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


async def _act(scope: Scope, agent: Agent, told: Told) -> Acted:
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
