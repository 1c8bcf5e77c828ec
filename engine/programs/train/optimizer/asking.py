"""A question to the optimizer, as every stage asks it: opened, asked, read, asked again where that helps, closed."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from typing_extensions import override

from engine.core.decision import Point
from engine.core.scope import Scope, Stopped
from engine.effects.answer_asking import ReadingSteps, ask_until_read
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import CapReached, NoAnswer, problem_of
from engine.programs.train.optimizer.spec import OptimizerSpec
from engine.programs.train.optimizer.terms import Came, OptimizerTerms, SkillDocument
from events.base import Ref
from events.digest import Digest
from events.types.budget import BudgetRefused
from events.types.decision import Held, Seen
from events.types.optimizing import HiddenItem, OptimizerClosed, OptimizerEnding, OptimizerOpened, OptimizerStage
from events.values import NamedDigest

T = TypeVar("T")


class Answered(NamedTuple):
    """What came of asking."""

    ending: OptimizerEnding
    reading: Seen[ReadAnswer] | None
    """Of the last answer. None: there was none."""
    reason: str
    """Why nothing was read. Empty: something was."""


class AskedQuestion(ABC):
    """A question on its stream, whoever it is asked; how it is opened and closed is for its kind to say."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.hidden: tuple[HiddenItem, ...] = ()
        """Items whose trajectories could not be shown."""
        self.opened = scope.at

    @abstractmethod
    async def ended(self, ending: OptimizerEnding, reason: str) -> Ref:
        """Record how it ended."""

    def keep(self, given: Mapping[str, bytes]) -> tuple[NamedDigest, ...]:
        """Keep what a question is made of, JSON by name."""
        return tuple(NamedDigest(name, self.scope.put_json(data)) for name, data in given.items())

    async def came_of(self, answered: Answered, make: Callable[[ReadAnswer, Ref], Awaitable[T]]) -> Came[T]:
        """Give what was read, or say why nothing was; close the question either way."""
        if answered.ending != "read" or answered.reading is None:
            at = await self.ended(answered.ending, answered.reason)
            return Came(None, answered.ending, answered.reason, at, self.hidden)
        reading = answered.reading
        await self.ended("read", "")
        value = await make(reading.value, reading.seen)
        return Came(value, "read", joined(reading.value.problems), reading.seen, self.hidden)

    async def until_stopped(self, work: Callable[[], Awaitable[Came[T]]]) -> Came[T]:
        """Go on with a question unless it is stopped; then say so."""
        try:
            return await work()
        except Stopped as stop:
            at = await self.ended("stopped", stop.event.detail)
            return Came(None, "stopped", stop.event.detail, at, self.hidden)

    async def decoded(self, digest: Digest | None, kind: Any) -> Any:
        """Read JSON that is kept.

        Args:
            digest: Of it. None: an empty value of the class.
            kind: Its class.
        """
        return kind() if digest is None else msgspec.json.decode(await self.scope.get(digest), type=kind)


class OptimizerTalk(AskedQuestion):
    """One question to the optimizer."""

    def __init__(self, scope: Scope, terms: OptimizerTerms) -> None:
        super().__init__(scope)
        self.terms = terms

    @property
    def settings(self) -> OptimizerSpec:
        """Those in force now."""
        return self.terms.settings[self.scope.era]

    async def open(
        self, stage: OptimizerStage, given: Mapping[str, bytes], cells: Sequence[str] = ()
    ) -> Mapping[str, Held]:
        """Say what the question is made of; give it by name, for what is decided about the answer."""
        named = self.keep(given)
        self.opened = await self.scope.note(OptimizerOpened(stage, named, tuple(cells)))
        return {each.name: Held(each.digest, self.opened) for each in named}

    async def ask(
        self,
        told: tuple[str, str],
        point: Point[Any, Any, ReadAnswer],
        saw: Callable[[Seen[ReplySeen], int], Any],
    ) -> Answered:
        """Ask until an answer is read or given up.

        Args:
            told: The system's message and the user's.
            point: What reads an answer.
            saw: Makes its inputs of an answer and the number of repairs before.

        Raises:
            Stopped: The actor is stopped.
        """
        scope = self.scope
        talk = extend(scope, EMPTY, [message("system", told[0]), message("user", told[1])])
        steps = ReadingSteps(point, saw, lambda problems: self.terms.prompts.fill("train_repair", problems=problems))
        return answered(await ask_until_read(scope, lambda: self.terms.callers[scope.era], talk, steps))

    async def close(self, ending: OptimizerEnding, reason: str, instead: bytes | None = None) -> Ref:
        """Say how it ended, and what counts instead of an answer."""
        kept = None if instead is None else self.scope.put_json(instead)
        return await self.scope.record(OptimizerClosed(ending, reason, self.hidden, kept))

    @override
    async def ended(self, ending: OptimizerEnding, reason: str) -> Ref:
        """Say how it ended, where nothing counts instead."""
        return await self.close(ending, reason)

    def or_nothing(self, text: str) -> str:
        """Give a text, or the word for none."""
        return text.rstrip() or self.terms.prompts.text("train_nothing").rstrip()


def answered(came: Seen[ReadAnswer] | NoAnswer) -> Answered:
    """Say what came of asking."""
    if not isinstance(came, Seen):
        budget = isinstance(came, BudgetRefused | CapReached)
        return Answered("budget" if budget else "unanswered", None, problem_of(came))
    read = came.value.verdict == "read"
    return Answered("read" if read else "unreadable", came, "" if read else joined(came.value.problems))


def document_json(document: SkillDocument) -> bytes:
    """Write a document as it is kept."""
    return msgspec.json.encode(dict(document.files), order="sorted")


def joined(problems: Sequence[str]) -> str:
    """Put problems into one line."""
    return "; ".join(problems)
