"""The attempt: one agent in one fresh sandbox, ended by a verdict or abandoned."""

from collections.abc import Callable
from typing import Literal, NamedTuple, assert_never

from engine.actors.steps import act_in_steps
from engine.agents.base import Acted, Action, Agent, Brief, Note, Told
from engine.calls import Readable, text_of
from engine.policies.ending import has_verdict
from engine.policies.judging import Failed, Infrastructure, NoVerdict, Outcome, Solved, VerdictFacts
from engine.scope import Scope, Stopped
from events import values
from events.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.base import Event
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
    judge: Callable[[VerdictFacts], Outcome]
    """The method's: what a verdict means."""


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
    checks: Checks
    actions: tuple[Action, ...]
    notes: tuple[Note, ...]
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
        await scope.record(acted.ended)
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
    return AttemptResult(facts, NO_CHECKS, (), (), counts, None)


async def _judged(scope: Scope, given: AttemptGiven, acted: Acted) -> AttemptResult:
    """Have the verifier judge, unless something of ours broke: then there is nothing to judge."""
    task = given.terms(scope).brief.task
    judged = has_verdict(acted.ended.reason, acted=bool(acted.actions))
    verdict = await scope.effect(VerifyAsked(task)) if judged else None
    result = result_of(acted, facts_of(acted.ended, verdict), await checks_of(scope, verdict))
    await scope.record(judged_event(given.terms(scope).judge(result.facts), result.checks, scope.put))
    return result


def result_of(acted: Acted, facts: VerdictFacts, checks: Checks) -> AttemptResult:
    """Say what a trial learns of an attempt that came to its end."""
    money = acted.ended.detail if acted.ended.reason == "budget" else None
    return AttemptResult(facts, checks, acted.actions, acted.notes, counts=True, out_of_money=money)


def judged_event(outcome: Outcome, checks: Checks, put: Callable[[bytes], Digest]) -> AttemptJudged:
    """Record what the verifier said."""
    return AttemptJudged(recorded_outcome(outcome), checks.passed, checks.total, put(checks.summary.encode()))


def facts_of(ended: AgentEnded, verdict: Event | None) -> VerdictFacts:
    """Put together what is known when an attempt has ended.

    Args:
        ended: How the agent ended.
        verdict: What the verifier answered. None: it was not asked, since something of ours broke.
    """
    exception = None if ended.reason == "done" else ended.reason
    match verdict:
        case None:
            return VerdictFacts(reward=None, exception=None, infrastructure=ended.detail)
        case VerifierRewarded():
            return VerdictFacts(verdict.reward, exception, None)
        case VerifierSilent():
            return VerdictFacts(None, f"{verdict.reason}: {verdict.detail}", None)
        case SandboxFailed():
            return VerdictFacts(None, exception, f"{verdict.kind}: {verdict.detail}")
        case _:
            raise AssertionError(f"the verifier answered with {verdict!r}")


async def checks_of(blobs: Readable, verdict: Event | None) -> Checks:
    """Read which checks passed from what the verifier left."""
    if not isinstance(verdict, VerifierRewarded | VerifierSilent):
        return NO_CHECKS
    stdout = await text_of(blobs, verdict.stdout)
    ctrf = next((file.digest for file in verdict.files if file.name == "ctrf.json"), None)
    return read_checks(stdout, None if ctrf is None else await blobs.get(ctrf))


def recorded_outcome(outcome: Outcome) -> values.Outcome:
    """Write an outcome as events have it."""
    match outcome:
        case Solved():
            return values.Outcome("solved", outcome.reward, "")
        case Failed():
            return values.Outcome("failed", outcome.reward, "")
        case NoVerdict():
            return values.Outcome("no_verdict", None, outcome.reason)
        case Infrastructure():
            return values.Outcome("infrastructure", None, outcome.reason)
        case _:
            assert_never(outcome)


def outcome_of(recorded: values.Outcome) -> Outcome:
    """Read an outcome back."""
    match recorded.kind:
        case "solved":
            return Solved(recorded.reward or 0.0)
        case "failed":
            return Failed(recorded.reward or 0.0)
        case "no_verdict":
            return NoVerdict(recorded.reason)
        case "infrastructure":
            return Infrastructure(recorded.reason)
        case _:
            assert_never(recorded.kind)
