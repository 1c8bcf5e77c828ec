"""A trial's decisions with all that each rested on, read from its stream and those of its attempts, in order."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from engine.actors.attempt import outcome_of, scoreless
from engine.actors.deciding import given_to_pdi
from engine.actors.distil import BlockOrigin, context_of, gathered_event
from engine.actors.history import TaskTexts, TrialHistory, commands_of, solved_trial
from engine.actors.monitor import ACTIVE, reading_of
from engine.actors.monitor import Step as Read
from engine.calls import text_of
from engine.policies.evidence import gather_evidence
from engine.policies.intervention import Level, Reading
from engine.policies.judging import Outcome
from engine.policies.memo import Memo, MemoFault, parse_memo
from events.attempt import AttemptJudged
from events.base import Recorded, Ref
from events.budget import BudgetRefused
from events.digest import Digest, digest_of
from events.log import BlobStore
from events.memo import MemoKept, MemoRewritten
from events.model import ModelAnswered, ModelFailed
from events.pdi import InterventionChosen, PdiRead
from events.session import ScopeStopped
from events.skill import EvidenceGathered, SkillRefused, SkillRevised
from events.trial import AttemptConcluded, AttemptPlanned, HintPrepared, NextChosen, TaskRead, TrialOpened
from replay.decisions.answers import Answers, read_answers
from replay.decisions.attempts import read_attempt
from replay.decisions.base import Input, MissingStep, Step, fields_of
from replay.decisions.evidence import EvidenceStep
from replay.decisions.hint import HintStep
from replay.decisions.intervention import InterventionStep
from replay.decisions.judging import ConcludedStep, JudgedStep
from replay.decisions.measured import Measured
from replay.decisions.pdi import PdiStep
from replay.decisions.reflection import ReflectionStep
from replay.decisions.retry import RetryStep
from replay.decisions.skill import SkillStep
from replay.decisions.stopping import StoppingStep


class Task(NamedTuple):
    """What the trial was told of its task."""

    name: str
    instruction: str = ""
    test_source: str | None = None
    dockerfile: str | None = None
    inputs: tuple[Input, ...] = ()
    """Instruction and tests, as decisions name them."""


class TrialReader:
    """Goes through a trial as its actor did, with the record in place of the world."""

    def __init__(self, blobs: BlobStore, name: str, streams: Mapping[str, Sequence[Recorded]]) -> None:
        self.steps: list[Step] = []
        self._pdi_past: dict[str, list[PdiStep]] = {}
        self._blobs = blobs
        self._name = name
        self._streams = streams
        self._task = Task(name)
        self._history = TrialHistory()
        self._outcomes: list[tuple[int, Outcome]] = []
        self._noted: list[Input] = []
        """One for each attempt that counts: how it ended."""
        self._hint = ""
        self._counted = 0
        self._money: str | None = None
        self._cancelled: str | None = None
        self._memo: tuple[Memo | None, Digest | None] = (None, None)
        self._memo_input: tuple[Input, ...] = ()
        self._level = Level.NONE
        self._reading: Reading | None = None
        self._calls: list[Recorded] = []
        self._read: tuple[Read, Measured, tuple[Input, ...]] | None = None
        self._blocks: tuple[BlockOrigin, ...] = ()

    async def read(self) -> list[Step]:
        """Read the whole trial.

        Raises:
            BlobMissing: Bytes that a decision rests on are gone; the error says which.
        """
        for recorded in self._streams[f"trial/{self._name}"]:
            await self._explore(recorded)
            await self._learn(recorded)
            await self._distil(recorded)
        return self.steps

    async def _explore(self, recorded: Recorded) -> None:
        match recorded.event:
            case TrialOpened() as event:
                self._task = Task(event.task)
            case TaskRead() as event:
                await self._task_read(recorded, event)
            case HintPrepared() as event:
                await self._hinted(recorded, event)
            case NextChosen() as event:
                self._decided(recorded, event)
            case ScopeStopped() as event:
                self._cancelled = event.detail
            case AttemptPlanned() as event:
                await self._planned(recorded, event)
            case AttemptConcluded() as event:
                await self._concluded(recorded, event)
            case _:
                pass

    async def _learn(self, recorded: Recorded) -> None:
        match recorded.event:
            case ModelAnswered() | ModelFailed() | BudgetRefused():
                self._calls.append(recorded)
            case MemoRewritten() | MemoKept() as event:
                await self._reflected(recorded, event)
            case PdiRead() as event:
                self._pdi(recorded, event)
            case InterventionChosen() as event:
                self._intervened(recorded, event)
            case _:
                pass

    async def _distil(self, recorded: Recorded) -> None:
        match recorded.event:
            case EvidenceGathered() as event:
                await self._gathered(recorded, event)
            case SkillRevised() | SkillRefused() as event:
                await self._skill(recorded, event)
            case _:
                pass

    # -- the task and the hint --------------------------------------------------------------------------------------

    async def _task_read(self, recorded: Recorded, event: TaskRead) -> None:
        instruction = await text_of(self._blobs, event.instruction)
        inputs = [Input("instruction", recorded.ref, event.instruction, instruction)]
        source = docker = None
        if event.test_source is not None:
            source = await text_of(self._blobs, event.test_source)
            inputs.append(Input("tests", recorded.ref, event.test_source, source))
        if event.dockerfile is not None:
            docker = await text_of(self._blobs, event.dockerfile)
        self._task = Task(self._task.name, instruction, source, docker, tuple(inputs))
        following = self._streams[f"trial/{self._name}"][recorded.version : recorded.version + 1]
        if not any(isinstance(each.event, HintPrepared) for each in following):
            self.steps.append(HintStep(recorded, False, source, instruction, self._task.inputs))

    async def _hinted(self, recorded: Recorded, event: HintPrepared) -> None:
        task = self._task
        self._hint = await text_of(self._blobs, event.hint)
        self.steps.append(HintStep(recorded, True, task.test_source, task.instruction, task.inputs))

    # -- attempts ---------------------------------------------------------------------------------------------------

    def _decided(self, recorded: Recorded, event: NextChosen) -> None:
        money = () if self._money is None else (Input("money", None, None, self._money),)
        cancelled = () if self._cancelled is None else (Input("cancelled", None, None, self._cancelled),)
        self.steps.append(
            StoppingStep(
                recorded,
                event,
                tuple(self._outcomes),
                self._history.attempts,
                self._money,
                self._cancelled,
                (*self._noted, Input("attempts", None, None, self._history.attempts), *money, *cancelled),
            )
        )
        self._counted = event.counted or self._counted  # after the last one, nothing is planned any more

    async def _planned(self, recorded: Recorded, event: AttemptPlanned) -> None:
        inputs = (
            Input("intervention", None, None, self._level.value),
            Input("ordinal", None, None, self._counted),
            *self._memo_input,
        )
        failed = bool(self._history.failed)
        self.steps.append(
            RetryStep(recorded, event, self._hint, failed, self._memo[0], self._counted, self._level, inputs)
        )
        stream = self._streams.get(f"attempt/{self._name}/{event.attempt}", ())
        read = await read_attempt(self._blobs, stream)
        for each in stream:
            if isinstance(each.event, AttemptJudged) and read is not None and read.result.counts:
                self.steps.append(JudgedStep(each, read.result, read.inputs))

    async def _concluded(self, recorded: Recorded, event: AttemptConcluded) -> None:
        stream = self._streams.get(f"attempt/{self._name}/{event.attempt}", ())
        read = await read_attempt(self._blobs, stream)
        outcome = outcome_of(event.outcome)
        if read is None:
            self.steps.append(MissingStep("judging", recorded, f"the stream of attempt {event.attempt} has no end"))
            result = scoreless(event.outcome.reason, counts=True)
        else:
            self.steps.append(ConcludedStep(recorded, event, read.result, read.inputs))
            result = read.result
        self._history.add(result, outcome, recorded.ref)
        self._calls, self._read, self._reading = [], None, None
        self._money = result.out_of_money
        if result.counts:
            self._outcomes.append((event.attempt, outcome))
            self._noted.append(Input(f"attempt {event.attempt}", recorded.ref, None, fields_of(event)["outcome"]))

    # -- reflection and PDI -----------------------------------------------------------------------------------------

    async def _answers(self) -> Answers:
        calls, self._calls = self._calls, []
        return await read_answers(self._blobs, calls)

    async def _reflected(self, recorded: Recorded, event: MemoRewritten | MemoKept) -> None:
        answers = await self._answers()
        memo, digest = self._memo
        self._money = answers.silence if answers.out_of_money else None
        count = Input("failed attempts", None, None, len(self._history.failed))
        inputs = (*answers.inputs, count, *self._memo_input)
        self.steps.append(ReflectionStep(recorded, event, answers, len(self._history.failed), digest, inputs))
        if isinstance(event, MemoRewritten):
            await self._take_memo(recorded, event, memo)

    async def _take_memo(self, recorded: Recorded, event: MemoRewritten, before: Memo | None) -> None:
        text = await text_of(self._blobs, event.memo)
        memo, previous = parse_memo(text), self._memo_input
        if isinstance(memo, MemoFault):
            self._memo, self._read = (None, event.memo), None
            return
        self._memo, old = (memo, event.memo), self._memo[1]
        self._memo_input = (Input("memo", recorded.ref, event.memo, text),)
        history, result = self._history, self._history.last
        assert result is not None, "nothing is reflected upon before an attempt"
        history.reflected(memo, recorded.ref)
        given = given_to_pdi(memo, before, result, summary_before=history.summary_before, step=history.steps)
        kept = digest_of(commands_of(result).encode()), digest_of(result.checks.summary.encode())
        inputs = (
            *self._memo_input,
            *[each._replace(name="memo before") for each in previous],
            Input("commands", None, kept[0], given.commands),
            Input("rows of tests", None, kept[1], given.summary),
            Input("rows of tests before", None, None, given.previous_summary),
            Input("step", None, None, given.step),
        )
        self._read = Read(history.attempts, event.memo, old, *kept, given), Measured(), inputs

    def _pdi(self, recorded: Recorded, event: PdiRead) -> None:
        if event.monitor == ACTIVE:
            self._reading = reading_of(event)
        if self._read is None:
            why = "the memo that was read is none that can be parsed, or stands nowhere before"
            self.steps.append(MissingStep("pdi", recorded, why))
            return
        step, measured, inputs = self._read
        past = self._pdi_past.setdefault(event.monitor, [])
        past.append(PdiStep(recorded, event, step, measured, inputs, tuple(past)))
        self.steps.append(past[-1])

    def _intervened(self, recorded: Recorded, event: InterventionChosen) -> None:
        self._history.readings.append(self._reading)
        self._reading = None
        numbered = tuple(enumerate(self._history.readings, start=1))
        inputs = tuple(
            Input(f"reading after attempt {number}", None, None, None if each is None else msgspec.to_builtins(each))
            for number, each in numbered
        )
        self.steps.append(InterventionStep(recorded, event, numbered, inputs))
        self._level = Level(event.level)

    # -- distillation -----------------------------------------------------------------------------------------------

    async def _gathered(self, recorded: Recorded, event: EvidenceGathered) -> None:
        if self._history.last is None:
            self.steps.append(MissingStep("evidence", recorded, "no attempt stands before it"))
            return
        task = TaskTexts(self._task.instruction, self._task.dockerfile)
        decided = Ref(recorded.stream.name, recorded.version - 1)
        solved = await solved_trial(self._blobs, decided, self._name, self._history, task)
        self._blocks, _ = gathered_event(event.attempt, gather_evidence(solved), digest_of)
        inputs = (*self._task.inputs, *self._noted, *self._memo_input)
        self.steps.append(EvidenceStep(recorded, event, solved, self._history.attempts, inputs))

    async def _skill(self, recorded: Recorded, event: SkillRevised | SkillRefused) -> None:
        answers, task = await self._answers(), self._task
        context = context_of(task.name, task.instruction, task.test_source)
        inputs = (*answers.inputs, *task.inputs)
        self.steps.append(SkillStep(recorded, event, task.name, context, answers, self._blocks, inputs))
