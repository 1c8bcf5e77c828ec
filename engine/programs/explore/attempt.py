"""The attempt: one agent in one fresh sandbox, ended by a verdict or abandoned."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

from engine.agents.base import Acted, Action, ActsInSteps, Agent, Brief, CurrentBrief
from engine.agents.points import ENDING, BreakdownSeen, EndingSaw, StepEndSeen
from engine.agents.sandboxed import agent_ended, ending_saw, in_sandbox, turns_of
from engine.core.decision import Made
from engine.core.scope import Scope
from engine.policies.judging import VerdictFacts
from engine.programs.explore import points, rulings
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS, Verifications, VerificationsSaw
from events import values
from events.base import Event, Ref
from events.digest import Digest
from events.types.attempt import AttemptJudged, AttemptOpened
from events.types.decision import Seen, Text
from events.types.sandbox import (
    KeepAsked,
    SandboxAsked,
    SandboxFailed,
    VerifierRewarded,
    VerifierSilent,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.steps import StepAsked, StepJudged, StepVerifyAsked


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
    ended = EndingSaw()
    for number, step in enumerate(told().steps):
        begun = await scope.effect(StepAsked(told().task, step.name))
        if isinstance(begun, SandboxFailed):
            ended = _broken(scope.at, begun, step.name)
            break
        acted = await agent.act(scope, _told_of(told, number, scope.busy_s))
        ruled = await scope.decide(ENDING, ending_saw(acted, before=len(actions)))
        actions += acted.actions
        notes += acted.notes
        turns += turns_of(acted)
        ended = EndingSaw(last=Seen(ruled.seen, StepEndSeen(ruled.value.reason, ruled.value.detail)))
        if not ruled.value.verified:
            break
        judged = await scope.effect(StepVerifyAsked(told().task, step.name))
        if isinstance(judged, SandboxFailed):
            ended = _broken(scope.at, judged, step.name)
            break
        assert isinstance(judged, StepJudged)
        if not judged.goes_on or ruled.value.reason == "budget":
            break
    return Acted(ended, tuple(actions), tuple(notes), turns)


def _broken(at: Ref, failed: SandboxFailed, step: str) -> EndingSaw:
    return EndingSaw(broken=Seen(at, BreakdownSeen(failed.kind, failed.detail)), step=step)


def _told_of(told: Callable[[], Brief], number: int, busy_s: float) -> Callable[[], Brief]:
    """Give the brief of one step. Its time counts from when it begins, and an agent counts that of the attempt."""

    def brief() -> Brief:
        whole = told()
        step = whole.steps[number]
        limit = whole.settings.timeout_s if whole.settings.timeout_s is not None else step.timeout_s
        return whole._replace(
            instruction="\n\n".join(filter(None, (step.instruction, whole.injection))),
            timeout_s=None if limit is None else busy_s + limit,
            allowed_s=step.timeout_s,
            began_s=busy_s,
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

    again: bool = False
    """Whether its final state may be verified more than once, as the program has it."""
    kept: bool = True
    """Whether it is kept then, for which all that runs is ended. False: each verification finds what the one before
    left, servers included."""

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
    verdict: points.VerdictSaw | None
    """What the verifier left. None: there is nothing."""
    checks: points.CountedChecks
    actions: tuple[Action, ...]
    notes: tuple[Text, ...]
    counts: bool
    """False if a process of ours died under it: as far as counting goes, it never happened."""
    out_of_money: str | None
    """Why there is no money for more. None: there may be."""
    verifications: Seen[Verifications] | None = None
    """How often its final state is to be verified, where a program says so. None: once."""
    again: tuple[Seen[points.Judged], ...] = ()
    """What further verifications of its final state came to."""


async def attempt(scope: Scope, given: AttemptGiven) -> AttemptResult:
    """Open a sandbox, let the agent act, have the verifier judge."""
    begun = given.terms(scope)
    told = scope.put(begun.brief.instruction.encode())
    await scope.record(AttemptOpened(begun.brief.trial, given.number, begun.agent.name, told))

    async def work() -> AttemptResult:
        # Whoever was said to act goes on: a fork changes what an agent goes by, not who it is.
        acted = await _act(scope, begun.agent, lambda: given.terms(scope).brief)
        ruled = await _verifications(scope, begun.brief, kept=given.kept) if given.again else None
        return (await _judged(scope, given, acted))._replace(verifications=ruled)

    asked = SandboxAsked(begun.backend, begun.brief.task, begun.condition)
    return await in_sandbox(scope, asked, work, partial(scoreless, scope), partial(_verified_again, scope, begun.brief))


async def _verifications(scope: Scope, brief: Brief, *, kept: bool) -> Seen[Verifications]:
    """Say how often the final state is verified, and keep it if that is more than once, where it is to be kept."""
    ruled = await scope.decide(VERIFICATIONS, VerificationsSaw(len(brief.steps)))
    if ruled.value.number > 1 and kept:
        await scope.effect(KeepAsked())
    return ruled


async def _verified_again(scope: Scope, brief: Brief, result: AttemptResult) -> AsyncIterator[AttemptResult]:
    """Have the verifier judge the kept state again, and give the result with each further verdict."""
    ended = None if result.saw is None or result.verdict is None else result.saw.ended
    if ended is None or result.verifications is None:  # there was nothing to judge, or it is judged once
        return
    for _ in range(result.verifications.value.number - 1):
        verdict = await scope.effect(VerifyAgainAsked(brief.task))
        judged = await scope.decide(VERIFICATION, judging_saw(ended, verdict, scope.at))
        result = result._replace(again=(*result.again, judged))
        yield result


async def _act(scope: Scope, agent: Agent, told: CurrentBrief) -> Acted:
    """Let the agent act, step by step where the task has steps. Only the solution and nobody do them in one go."""
    if told().steps and (agent.needs_model or isinstance(agent, ActsInSteps)):
        return await act_in_steps(scope, agent, told)
    return await agent.act(scope, told)


def scoreless(scope: Scope, detail: str, *, counts: bool) -> AttemptResult:
    """Say what a trial learns of an attempt that was abandoned."""
    facts = VerdictFacts(reward=None, exception=None, infrastructure=detail)
    outcome = values.Outcome("infrastructure", None, detail)
    return AttemptResult(facts, outcome, None, None, None, _no_checks(scope), (), (), counts, None)


async def _judged(scope: Scope, given: AttemptGiven, acted: Acted) -> AttemptResult:
    """Have the verifier judge, unless something of ours broke: then there is nothing to judge."""
    ended = await agent_ended(scope, acted)
    seen = Seen(ended.seen, points.EndedSeen(ended.value.reason, ended.value.detail))
    verdict = await scope.effect(VerifyAsked(given.terms(scope).brief.task)) if ended.value.verified else None
    verified = scope.at
    saw, left = judging_saw(seen, verdict, verified), verdict_saw(verdict, verified)
    checks = _no_checks(scope) if left is None else (await scope.decide(points.CHECKS, left)).value

    def says(ruling: points.Judged, made: Made) -> AttemptJudged:
        del made
        return AttemptJudged(ruling.outcome, checks.passed, checks.total, checks.test_summary)

    judged = await scope.decide(points.JUDGING, saw, says)
    return AttemptResult(
        facts=rulings.facts_of(saw),
        outcome=judged.value.outcome,
        judged=judged,
        saw=saw,
        verdict=left,
        checks=checks,
        actions=acted.actions,
        notes=acted.notes,
        counts=True,
        out_of_money=ended.value.detail if ended.value.reason == "budget" else None,
    )


def _no_checks(scope: Scope) -> points.CountedChecks:
    return points.CountedChecks(0, 0, scope.put(b""))


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
            broken = BreakdownSeen(verdict.kind, verdict.detail)
            return points.JudgingSaw(ended, broken=Seen(at, broken))
        case _:
            raise AssertionError(f"the verifier answered with {verdict!r}")


def verdict_saw(verdict: Event | None, at: Ref) -> points.VerdictSaw | None:
    """Name what checks are read from. None: the verifier left nothing.

    Args:
        verdict: What the verifier answered. None: it was not asked.
        at: The event of the answer.
    """
    if not isinstance(verdict, VerifierRewarded | VerifierSilent):
        return None
    report = _report(verdict)
    return points.VerdictSaw(Text(verdict.stdout, at), None if report is None else Text(report, at))


def _report(verdict: VerifierRewarded | VerifierSilent) -> Digest | None:
    return next((file.digest for file in verdict.files if file.name == "ctrf.json"), None)
