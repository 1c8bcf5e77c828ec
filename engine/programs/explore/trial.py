"""The trial: attempts, judging, reflection, intervention and distillation, in SPARK's order (SPARK, 2.2)."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from engine.agents.base import Agent, Brief, StepBrief
from engine.config.spec import RunSpec
from engine.core.decision import DECISIONS_RECORDED, Made
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope, Stopped
from engine.effects.model_calls import Caller, text_of
from engine.policies.judging import spark_status
from engine.programs.explore import points
from engine.programs.explore.attempt import AttemptGiven, AttemptResult, AttemptTerms, attempt
from engine.programs.explore.closing import ENDINGS, TrialEnding, best_reward
from engine.programs.explore.distiller import Distiller, distil
from engine.programs.explore.history import TaskTexts, TrialHistory, commands_of, conclude, evidence_saw
from engine.programs.explore.pdi_monitor import Monitor
from engine.programs.explore.reflector import ReflectedFailure, Reflector, reflect
from engine.programs.explore.rulings import NO_HINT, RETRY_WORDING
from events.base import Ref
from events.digest import Digest
from events.streams import attempt_stream
from events.types.condition import Condition, SkillRef
from events.types.decision import Seen, Text
from events.types.pdi import InterventionChosen
from events.types.trial import (
    AttemptPlanned,
    HintPrepared,
    NextChosen,
    TaskAsked,
    TaskRead,
    TaskReadInSteps,
    TrialClosed,
    TrialOpened,
)
from events.values import Role


class TrialTerms(NamedTuple):
    """What a trial goes by. A fork may change them between any two events."""

    spec: RunSpec
    agent: Agent
    callers: Mapping[Role, Caller]
    """Empty for agents that need no model."""


RUN_OPENED: Final = Ref("run", 1)
"""The event that pins what a run is made of."""
_LABEL_BEFORE: Final = "{{number}} of {{limit}}"
"""What runs of earlier versions, which pin no words for it, call an attempt. Never changed: they are replayed by it."""


class TrialPlan(NamedTuple):
    """What a trial is given by its run."""

    name: str
    """``<task>``, or ``<task>.<k>`` where a task is tried more than once."""
    task: str
    condition: str
    """Label of what differs between trials of the same task."""
    prompts: Prompts
    eras: tuple[TrialTerms, ...]
    """One for each run of the line, oldest first; just one where nothing was forked."""
    given: Condition | None = None
    """The condition itself, where the program makes one for this trial. None: that of the run, or of its arm."""
    again: bool = False
    """Whether final states of its attempts may be verified more than once, as the program has it."""
    kept: bool = True
    """As in `AttemptGiven`."""

    def terms(self, scope: Scope) -> TrialTerms:
        """Say what counts for the next decision of this scope. Never kept across one: see `Scope.era`."""
        return self.eras[scope.era]

    def prompt(self, name: str) -> Text:
        """Name a prompt that the run pins."""
        return Text(self.prompts.digest(name), RUN_OPENED)


class EndedTrial(NamedTuple):
    """How a trial ended, for whoever began it."""

    outcome: TrialEnding
    at: Ref
    """Its last event."""
    decision: Seen[points.Next] | None
    """What was decided last. None: it was stopped, or something of ours broke, before anything was decided."""
    outcomes: tuple[Seen[points.Judged], ...]
    """How its attempts ended."""
    again: tuple[Seen[points.Judged], ...] = ()
    """What further verifications of the last attempt's final state came to."""
    last: AttemptResult | None = None
    """What the last attempt came to. None: there was none."""


async def trial(scope: Scope, plan: TrialPlan) -> str:
    """Try a task until it is solved or there is a reason to stop; give the outcome, as in `TrialClosed`."""
    return (await ended_trial(scope, plan)).outcome


async def ended_trial(scope: Scope, plan: TrialPlan) -> EndedTrial:
    """Try a task until it is solved or there is a reason to stop; give its end."""
    given = plan.given or scope.condition
    await scope.record(
        TrialOpened(
            plan.task,
            plan.condition,
            plan.terms(scope).spec.method.attempts,
            None if given is None else scope.put(given.canonical),
        )
    )
    try:
        read = await scope.effect(TaskAsked(plan.task))
    except Stopped:
        return await _close(scope, TrialHistory(), "cancelled")
    if not isinstance(read, TaskRead):
        return await _close(scope, TrialHistory(), "give_up_infrastructure")
    loop = _Loop(scope, plan, Seen(scope.at, read), await _texts(scope, read))
    return await loop.run()


class _Loop:
    """One trial's loop, with what it has learnt so far; all of it comes from events of its own stream."""

    def __init__(self, scope: Scope, plan: TrialPlan, read: Seen[TaskRead], texts: "_Texts") -> None:
        self._scope = scope
        self._plan = plan
        self._read = read.value
        self._read_at = read.seen
        self._instruction, self._steps = texts
        self._history = TrialHistory()
        self._memo: Text | None = None
        self._monitor = Monitor()
        self._level: Seen[points.Intervention] | None = None
        self._money: str | None = None
        self._hint: Seen[points.Hint] | None = None
        self._hint_era = -1
        self._cancelled: str | None = None

    @property
    def _terms(self) -> TrialTerms:
        return self._plan.terms(self._scope)

    async def run(self) -> EndedTrial:
        try:
            decision = await self._explore()
        except Stopped as stop:
            self._cancelled = stop.event.detail
            decision = await self._decide()
        if decision.value.then == "distil":
            with suppress(Stopped):  # what was solved stays solved, if without a skill
                await self._distil(decision.seen)
        return await _close(self._scope, self._history, decision.value.decision, decision)

    async def _explore(self) -> Seen[points.Next]:
        """Make attempts until one solves the task or there is a reason to stop.

        Raises:
            Stopped: The trial is stopped.
        """
        await self._prepare_hint()
        decision = await self._decide()
        while decision.value.decision == "continue":
            result = await self._attempt(decision)
            decision = await self._decide()
            if decision.value.decision == "continue":
                learns = decision.value.then == "reflect"
                reading = await self._learn(result, decision.value) if learns else None
                await self._intervene(reading)
                if self._money is not None:
                    decision = await self._decide()
        return decision

    async def _prepare_hint(self) -> None:
        """Prepare what the agent may see of the verifier, anew where a fork may have changed whether it may."""
        if self._hint_era == self._scope.era:
            return
        if self._scope.shape < DECISIONS_RECORDED and self._hint is not None and self._hint.value.reason != NO_HINT:
            return  # those recorded no other once there was one
        self._hint_era = self._scope.era
        tests, at = self._read.test_source, self._read_at
        saw = points.HintSaw(
            instruction=Text(self._read.instruction, at),
            tests=None if tests is None else Text(tests, at),
            wording=self._plan.prompt("hint"),
        )
        self._hint = await self._scope.decide(points.HINT, saw, self._hinted)

    def _hinted(self, ruling: points.Hint, made: Made) -> HintPrepared | None:
        """Record a hint, or that there is none; runs of earlier versions did not record that it was not asked for."""
        del made
        if self._scope.shape < DECISIONS_RECORDED and ruling.reason == NO_HINT:
            return None
        return HintPrepared(ruling.hint, ruling.report, ruling.reason)

    async def _decide(self) -> Seen[points.Next]:
        """Decide whether to go on."""
        history = self._history
        saw = points.StoppingSaw(
            outcomes=tuple(history.outcomes),
            attempts=history.attempts,
            last_counts=history.last is not None and history.last.counts,
            money=self._money,
            cancelled=self._cancelled,
        )
        attempts = history.attempts
        return await self._scope.decide(
            points.STOPPING,
            saw,
            lambda ruling, _: NextChosen(attempts, ruling.decision, ruling.counted, ruling.reason, then=ruling.then),
        )

    async def _attempt(self, decision: Seen[points.Next]) -> AttemptResult:
        """Run one attempt below, and take note of how it ended."""
        await self._prepare_hint()
        number = self._history.attempts + 1
        planned = await self._scope.decide(
            points.RETRY, self._told(decision), lambda ruling, _: AttemptPlanned(number, *_fields(ruling))
        )
        injection = await text_of(self._scope, planned.value.injection)
        conditions = await self._conditions()
        told = zip(self._plan.eras, conditions, strict=True)
        given = AttemptGiven(
            number,
            tuple(self._given(*each, decision.value, injection) for each in told),
            self._plan.again,
            self._plan.kept,
        )
        child = Child(attempt_stream(self._plan.name, number), partial(attempt, given=given))
        result = (await self._scope.gather([child]))[0]
        self._money = result.out_of_money
        concluded = conclude(number, result, self._scope.put)
        self._history.add(result, concluded, await self._scope.record(concluded))
        await self._scope.checkpoint()
        return result

    def _told(self, decision: Seen[points.Next]) -> points.RetrySaw:
        """Put together what an attempt may be told beside its instruction."""
        before = tuple(self._history.outcomes)
        hint, level = self._hint, self._level
        return points.RetrySaw(
            next=Seen(decision.seen, points.CountedSeen(decision.value.counted)),
            hint=None if hint is None else Seen(hint.seen, points.HintSeen(hint.value.hint)),
            level=None if level is None else Seen(level.seen, points.LevelSeen(level.value.level)),
            memo=self._memo,
            before=before,
            wording={name: self._plan.prompt(f"retry_{name}") for name in RETRY_WORDING} if before else {},
        )

    async def _conditions(self) -> list["_ArmInputs"]:
        """Say what the agent is given besides its task, by era."""
        given = self._plan.given
        conditions = self._scope.conditions if given is None else (given,) * len(self._plan.eras)
        return [await _inputs(self._scope, each) for each in conditions]

    def _given(self, terms: TrialTerms, inputs: "_ArmInputs", decision: points.Next, injection: str) -> AttemptTerms:
        """Say what an attempt goes by under these terms. Its stream may be cut elsewhere than the trial's."""
        assert decision.counted is not None, "an attempt follows"
        agent, teacher = terms.spec.agent, terms.spec.models.get("teacher")
        injection = "\n\n".join(filter(None, (inputs.note, injection)))
        brief = Brief(
            trial=self._plan.name,
            task=self._plan.task,
            label=self._label(terms, decision.counted),
            instruction=self._instruction + ("\n\n" + injection if injection else ""),
            injection=injection,
            steps=self._steps,
            settings=agent,
            timeout_s=agent.timeout_s if agent.timeout_s is not None else self._read.agent_timeout_s,
            allowed_s=self._read.agent_timeout_s,
            teacher=terms.callers.get("teacher"),
            tools=teacher is not None and teacher.tools,
            prompts=self._plan.prompts,
            skills=inputs.skills,
        )
        return AttemptTerms(terms.spec.sandbox, terms.agent, brief, inputs.condition)

    async def _learn(self, result: AttemptResult, decision: points.Next) -> Seen[points.PdiRuling] | None:
        """Reflect on a failure that another attempt follows, and read PDI."""
        assert decision.counted is not None
        failure = ReflectedFailure(
            attempt=self._history.attempts,
            label=self._label(self._terms, decision.counted - 1),
            status=spark_status(result.facts).value,
            reward=result.facts.reward or 0.0,
            checks=result.checks,
            commands=commands_of(result),
            failed_attempts=self._history.failed,
        )
        by = Reflector(self._plan.task, self._instruction, partial(self._caller, "reflector"), self._plan.prompts)
        before = self._memo
        reflected = await reflect(self._scope, by, failure, before)
        self._money = reflected.out_of_money
        if reflected.memo is None:
            return None
        self._memo = reflected.memo
        self._history.reflected(reflected.memo)
        return await self._monitor.read(self._scope, self._history, reflected.memo, before)

    def _label(self, terms: TrialTerms, number: int) -> str:
        """Word which attempt it is, in the words that the run pins."""
        limit = terms.spec.method.attempts
        return self._plan.prompts.fill_addition("attempt_label", _LABEL_BEFORE, number=number, limit=limit)

    def _caller(self, role: Role) -> Caller:
        """Say whom to ask now."""
        return self._terms.callers[role]

    async def _intervene(self, reading: Seen[points.PdiRuling] | None) -> None:
        """Choose the intervention for the next attempt."""
        number = self._history.attempts + 1
        now = None if reading is None else Seen(reading.seen, _reading_in(reading.value))
        self._history.latest = now or self._history.latest
        self._level = await self._scope.decide(
            points.INTERVENTION,
            points.InterventionSaw(reading=now, latest=self._history.latest),
            lambda ruling, _: InterventionChosen(number, *_fields(ruling)),
        )

    async def _distil(self, solved: Ref) -> None:
        """Distil the success that a decision says there is."""
        docker, tests, at = self._read.dockerfile, self._read.test_source, self._read_at
        task = TaskTexts(Text(self._read.instruction, at), None if docker is None else Text(docker, at))
        saw = evidence_saw(self._plan.name, solved, self._history, task)
        by = Distiller(
            task=self._plan.task,
            caller=partial(self._caller, "distiller"),
            prompts=self._plan.prompts,
            tests=None if tests is None else Text(tests, at),
        )
        await distil(self._scope, by, self._history.attempts, saw)


class _ArmInputs(NamedTuple):
    """What an agent is given besides its task."""

    note: str
    """Empty: none."""
    skills: tuple[SkillRef, ...] | None
    condition: Digest | None
    """Blob: the condition, where it says something of skills."""


async def _inputs(scope: Scope, condition: Condition | None) -> _ArmInputs:
    """Read what a condition gives."""
    if condition is None:
        return _ArmInputs("", None, None)
    named = None if condition.skills is None else scope.put(condition.canonical)
    return _ArmInputs(await text_of(scope, condition.note), condition.skills, named)


class _Texts(NamedTuple):
    """What a task asks for."""

    instruction: str
    steps: tuple[StepBrief, ...]


async def _texts(scope: Scope, read: TaskRead) -> _Texts:
    """Fetch what a task asks for."""
    steps = read.steps if isinstance(read, TaskReadInSteps) else ()
    told = [StepBrief(each.name, await text_of(scope, each.instruction), each.timeout_s) for each in steps]
    return _Texts(await text_of(scope, read.instruction), tuple(told))


def _fields(ruling: msgspec.Struct) -> tuple[Any, ...]:
    """Give a ruling's fields in their order, which is the event's."""
    return msgspec.structs.astuple(ruling)


def _reading_in(ruling: points.PdiRuling) -> points.ReadingSeen:
    return points.ReadingSeen(ruling.triggered, ruling.level, ruling.valid)


async def _close(
    scope: Scope, history: TrialHistory, decision: str, ended: Seen[points.Next] | None = None
) -> EndedTrial:
    outcome = ENDINGS[decision]
    reward = best_reward(each.value.outcome for each in history.outcomes)
    at = await scope.record(TrialClosed(outcome, history.attempts, reward))
    again = () if history.last is None else history.last.again
    return EndedTrial(outcome, at, ended, tuple(history.outcomes), again, history.last)
