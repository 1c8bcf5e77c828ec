"""The attempt: one agent in one fresh sandbox, ended by a verdict or abandoned."""

from typing import NamedTuple, assert_never

from engine.agents.base import Acted, Action, Agent, Brief, Note
from engine.calls import text_of
from engine.policies.judging import Failed, Infrastructure, NoVerdict, Outcome, Solved, VerdictFacts, judge
from engine.scope import Scope, Stopped
from events import values
from events.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.sandbox import (
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from projections.checks import NO_CHECKS, Checks, read_checks


class AttemptBrief(NamedTuple):
    """What an attempt is given by its trial."""

    number: int
    """From 1, counting every attempt of the trial."""
    backend: str
    agent: Agent
    brief: Brief


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


async def attempt(scope: Scope, given: AttemptBrief) -> AttemptResult:
    """Open a sandbox, let the agent act, have the verifier judge."""
    brief = given.brief
    told = scope.put(brief.instruction.encode())
    await scope.record(AttemptOpened(brief.trial, given.number, given.agent.name, told))
    try:
        opened = await scope.effect(SandboxAsked(given.backend, brief.task))
        if isinstance(opened, SandboxFailed):
            return await _abandon(scope, opened)
        acted = await given.agent.act(scope, brief)
        await scope.record(acted.ended)
        result = await _judged(scope, brief, acted)
        await scope.effect(ReleaseAsked())
    except Stopped as stop:
        await scope.record(AttemptAbandoned("sandbox_lost", stop.event.detail))
        return _scoreless(stop.event.detail, counts=False)
    return result


async def _abandon(scope: Scope, failed: SandboxFailed) -> AttemptResult:
    await scope.record(AttemptAbandoned("infrastructure", f"{failed.kind}: {failed.detail}"))
    return _scoreless(failed.detail, counts=True)


def _scoreless(detail: str, *, counts: bool) -> AttemptResult:
    facts = VerdictFacts(reward=None, exception=None, infrastructure=detail)
    return AttemptResult(facts, NO_CHECKS, (), (), counts, None)


async def _judged(scope: Scope, brief: Brief, acted: Acted) -> AttemptResult:
    """Have the verifier judge, unless something of ours broke: then there is nothing to judge."""
    facts, checks = await _verdict(scope, brief, acted.ended)
    outcome = recorded_outcome(judge(facts))
    summary = scope.put(checks.summary.encode())
    await scope.record(AttemptJudged(outcome, checks.passed, checks.total, summary))
    money = acted.ended.detail if acted.ended.reason == "budget" else None
    return AttemptResult(facts, checks, acted.actions, acted.notes, counts=True, out_of_money=money)


async def _verdict(scope: Scope, brief: Brief, ended: AgentEnded) -> tuple[VerdictFacts, Checks]:
    if ended.reason == "failed":
        return VerdictFacts(reward=None, exception=None, infrastructure=ended.detail), NO_CHECKS
    exception = None if ended.reason == "done" else ended.reason
    verdict = await scope.effect(VerifyAsked(brief.task))
    match verdict:
        case VerifierRewarded():
            return VerdictFacts(verdict.reward, exception, None), await _checks(scope, verdict)
        case VerifierSilent():
            return VerdictFacts(None, f"{verdict.reason}: {verdict.detail}", None), await _checks(scope, verdict)
        case SandboxFailed():
            return VerdictFacts(None, exception, f"{verdict.kind}: {verdict.detail}"), NO_CHECKS
        case _:
            raise AssertionError(f"the verifier answered with {verdict!r}")


async def _checks(scope: Scope, verdict: VerifierRewarded | VerifierSilent) -> Checks:
    """Read which checks passed from what the verifier left."""
    stdout = await text_of(scope, verdict.stdout)
    ctrf = next((file.digest for file in verdict.files if file.name == "ctrf.json"), None)
    return read_checks(stdout, None if ctrf is None else await scope.get(ctrf))


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
