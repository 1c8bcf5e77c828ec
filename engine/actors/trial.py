"""The trial: attempts, judging, reflection, intervention and distillation, in SPARK's order (SPARK, 2.2)."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from engine.actors.attempt import AttemptGiven, AttemptResult, AttemptTerms, attempt
from engine.actors.deciding import (
    choose_intervention,
    conclude,
    decide_whether,
    given_to_pdi,
    plan_attempt,
    prepare_hint,
    word_retry,
)
from engine.actors.distil import Distiller, distil
from engine.actors.endings import ending_of
from engine.actors.history import TaskTexts, TrialHistory, commands_of, solved_trial
from engine.actors.monitor import Monitor, Step
from engine.actors.reflect import NO_MEMO, Failure, MemoState, Reflector, reflect
from engine.agents.base import Agent, Brief, StepBrief
from engine.calls import Caller, text_of
from engine.methods.base import Method
from engine.policies.intervention import Level, Reading
from engine.policies.judging import Failed, Solved, spark_status
from engine.policies.retry import RetryPlace
from engine.policies.stopping import (
    Cancelled,
    Continue,
    Decision,
    GiveUpInfrastructure,
    TrialSolved,
)
from engine.prompting import Prompts
from engine.scope import Child, Scope, Stopped
from engine.spec import RunSpec
from events.trial import TaskAsked, TaskRead, TaskReadInSteps, TrialClosed, TrialOpened
from events.values import Role


class Terms(NamedTuple):
    """What a trial goes by. A fork may change them between any two events."""

    spec: RunSpec
    method: Method
    agent: Agent
    callers: Mapping[Role, Caller]
    """Empty for agents that need no model."""


class TrialPlan(NamedTuple):
    """What a trial is given by its run."""

    name: str
    """``<task>``, or ``<task>.<k>`` where a task is tried more than once."""
    task: str
    condition: str
    prompts: Prompts
    eras: tuple[Terms, ...]
    """One for each run of the line, oldest first; just one where nothing was forked."""

    def terms(self, scope: Scope) -> Terms:
        """Say what counts for the next decision of this scope. Never kept across one: see `Scope.era`."""
        return self.eras[scope.era]

    def under(self, method: Method) -> "TrialPlan":
        """Give the same plan with another method, whatever the specs name."""
        return self._replace(eras=tuple(each._replace(method=method) for each in self.eras))


class TrialResult(NamedTuple):
    """What a run learns of a trial."""

    outcome: str
    """As in `TrialClosed`."""


async def trial(scope: Scope, plan: TrialPlan) -> TrialResult:
    """Try a task until it is solved or there is a reason to stop."""
    await scope.record(TrialOpened(plan.task, plan.condition, plan.terms(scope).spec.method.attempts))
    try:
        read = await scope.effect(TaskAsked(plan.task))
    except Stopped as stop:
        return await _close(scope, TrialHistory(), Cancelled(stop.event.detail))
    if not isinstance(read, TaskRead):
        return await _close(scope, TrialHistory(), GiveUpInfrastructure("the task cannot be read"))
    loop = _Loop(scope, plan, read, await _texts(scope, read))
    return await loop.run()


class _Loop:
    """One trial's loop, with what it has learnt so far; all of it comes from events of its own stream."""

    def __init__(self, scope: Scope, plan: TrialPlan, read: TaskRead, texts: "_Texts") -> None:
        self._scope = scope
        self._plan = plan
        self._read = read
        self._instruction, self._steps = texts
        self._history = TrialHistory()
        self._memo: MemoState = NO_MEMO
        self._monitor = Monitor(plan.terms(scope).spec.method.pdi)
        self._level = Level.NONE
        self._money: str | None = None
        self._hint: str | None = None
        """None: none was prepared so far."""
        self._cancelled: str | None = None

    @property
    def _terms(self) -> Terms:
        return self._plan.terms(self._scope)

    async def run(self) -> TrialResult:
        try:
            decision = await self._explore()
        except Stopped as stop:
            self._cancelled = stop.event.detail
            decision = await self._decide()
        if isinstance(decision, TrialSolved):
            with suppress(Stopped):  # what was solved stays solved, if without a skill
                await self._distil()
        return await _close(self._scope, self._history, decision)

    async def _explore(self) -> Decision:
        """Make attempts until one solves the task or there is a reason to stop.

        Raises:
            Stopped: The trial is stopped.
        """
        await self._prepare_hint()
        decision = await self._decide()
        while isinstance(decision, Continue):
            result = await self._attempt(decision)
            decision = await self._decide()
            if isinstance(decision, Continue):
                learns = self._history.last_failed and "reflector" in self._terms.callers
                reading = await self._learn(result, decision) if learns else None
                await self._intervene(reading)
                if self._money is not None:
                    decision = await self._decide()
        return decision

    async def _prepare_hint(self) -> None:
        """Prepare what the agent may see of the verifier, once, if it may see anything: a fork may say so later."""
        terms = self._terms
        if not terms.spec.method.hint or self._hint is not None:
            return
        source = None if self._read.test_source is None else await text_of(self._scope, self._read.test_source)
        self._hint, prepared = prepare_hint(
            terms.method, self._plan.prompts, source, self._instruction, self._scope.put
        )
        await self._scope.record(prepared)

    async def _decide(self) -> Decision:
        """Decide whether to go on, and record it."""
        terms, history = self._terms, self._history
        decision, decided = decide_whether(
            terms.method,
            terms.spec.method,
            history.outcomes,
            attempts=history.attempts,
            money=self._money,
            cancelled=self._cancelled,
        )
        await self._scope.record(decided)
        return decision

    async def _attempt(self, decision: Continue) -> AttemptResult:
        """Run one attempt below, and take note of how it ended."""
        await self._prepare_hint()
        number = self._history.attempts + 1
        hint = self._hint if self._terms.spec.method.hint and self._hint else ""
        injection = hint + self._retry_text(decision)
        await self._scope.record(plan_attempt(number, self._level, injection, self._scope.put))
        given = AttemptGiven(number, tuple(self._given(terms, decision, injection) for terms in self._plan.eras))
        child = Child(f"attempt/{self._plan.name}/{number}", partial(attempt, given=given))
        result = (await self._scope.gather([child]))[0]
        outcome = self._terms.method.judge(result.facts)
        self._money = result.out_of_money
        concluded = await self._scope.record(conclude(number, result, outcome, self._scope.put))
        self._history.add(result, outcome, concluded)
        await self._scope.heed()
        return result

    def _retry_text(self, decision: Continue) -> str:
        """Word what the attempts before left behind; nothing before the first failure."""
        if not self._history.failed:
            return ""
        terms = self._terms
        place = RetryPlace(decision.counted, terms.spec.method.attempts)
        return word_retry(terms.method, self._memo.memo, place, self._level, self._plan.prompts)

    def _given(self, terms: Terms, decision: Continue, injection: str) -> AttemptTerms:
        """Say what an attempt goes by under these terms. Its stream may be cut elsewhere than the trial's."""
        agent, teacher = terms.spec.agent, terms.spec.models.get("teacher")
        brief = Brief(
            trial=self._plan.name,
            task=self._plan.task,
            label=f"{decision.counted} of {terms.spec.method.attempts}",
            instruction=self._instruction + ("\n\n" + injection if injection else ""),
            injection=injection,
            steps=self._steps,
            settings=agent,
            timeout_s=agent.timeout_s if agent.timeout_s is not None else self._read.agent_timeout_s,
            teacher=terms.callers.get("teacher"),
            tools=teacher is not None and teacher.tools,
            prompts=self._plan.prompts,
        )
        return AttemptTerms(terms.spec.sandbox, terms.agent, brief, terms.method.judge)

    async def _learn(self, result: AttemptResult, decision: Continue) -> Reading | None:
        """Reflect on a failure that another attempt follows, and read PDI."""
        failure = Failure(
            attempt=self._history.attempts,
            label=f"{decision.counted - 1} of {self._terms.spec.method.attempts}",
            status=spark_status(result.facts).value,
            reward=result.facts.reward or 0.0,
            checks=result.checks,
            commands=commands_of(result),
            failed_attempts=len(self._history.failed),
        )
        by = Reflector(self._plan.task, self._instruction, partial(self._caller, "reflector"), self._plan.prompts)
        before = self._memo
        reflected = await reflect(self._scope, by, failure, before)
        self._memo, self._money = reflected.state, reflected.out_of_money
        if not reflected.rewritten or reflected.state.memo is None:
            return None
        self._history.reflected(reflected.state.memo, self._scope.at)
        self._monitor = self._monitor.under(self._terms.spec.method.pdi)
        return await self._monitor.read(self._scope, self._step(before, result))

    def _caller(self, role: Role) -> Caller:
        """Say whom to ask now."""
        return self._terms.callers[role]

    def _step(self, before: MemoState, result: AttemptResult) -> Step:
        """Put together what PDI reads after a reflection."""
        commands, summary = commands_of(result), result.checks.summary
        memo, digest = self._memo
        assert memo is not None
        assert digest is not None
        history = self._history
        given = given_to_pdi(memo, before.memo, result, summary_before=history.summary_before, step=history.steps)
        kept = self._scope.put(commands.encode()), self._scope.put(summary.encode())
        return Step(self._history.attempts, digest, before.digest, *kept, given)

    async def _intervene(self, reading: Reading | None) -> None:
        """Choose how the next attempt is spoken to."""
        self._history.readings.append(reading)
        terms, number = self._terms, self._history.attempts + 1
        chosen, event = choose_intervention(terms.method, terms.spec.method, self._history.readings, number)
        self._level = chosen.level
        await self._scope.record(event)

    async def _distil(self) -> None:
        """Distil the success, if the spec names a model to do it."""
        if "distiller" not in self._terms.callers:
            return
        source = None if self._read.test_source is None else await text_of(self._scope, self._read.test_source)
        docker = None if self._read.dockerfile is None else await text_of(self._scope, self._read.dockerfile)
        texts, judged = TaskTexts(self._instruction, docker), self._scope.at
        solved = await solved_trial(self._scope, judged, self._plan.name, self._history, texts)
        by = Distiller(self._plan.task, partial(self._caller, "distiller"), self._plan.prompts, source)
        await distil(self._scope, by, self._history.attempts, solved)


class _Texts(NamedTuple):
    """What a task asks for."""

    instruction: str
    steps: tuple[StepBrief, ...]


async def _texts(scope: Scope, read: TaskRead) -> _Texts:
    """Fetch what a task asks for."""
    steps = read.steps if isinstance(read, TaskReadInSteps) else ()
    told = [StepBrief(each.name, await text_of(scope, each.instruction), each.timeout_s) for each in steps]
    return _Texts(await text_of(scope, read.instruction), tuple(told))


async def _close(scope: Scope, history: TrialHistory, decision: Decision) -> TrialResult:
    outcome = ending_of(decision)
    rewards = [each.reward for each in history.outcomes if isinstance(each, Solved | Failed)]
    await scope.record(TrialClosed(outcome, history.attempts, max(rewards) if rewards else None))
    return TrialResult(outcome)
