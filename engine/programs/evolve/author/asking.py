"""A question to an author: opened, asked, read, asked again where that helps, closed."""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from engine.core.scope import Scope
from engine.effects.answer_asking import ReadingSteps, ask_until_read
from engine.effects.conversation import EMPTY, Conversation, extend, message
from engine.programs.evolve.author.terms import AuthorTerms
from engine.programs.evolve.spec import EvolveArmSpec, arm_of_spec
from engine.programs.train.optimizer.asking import Answered, AskedQuestion, answered
from events.base import Ref
from events.digest import Digest
from events.types.authoring import AuthorClosed, AuthorOpened, AuthorStage
from events.types.decision import Held
from events.types.optimizing import OptimizerEnding


class AuthorTalk(AskedQuestion):
    """One question to an author, or to a model that chooses skills."""

    def __init__(self, scope: Scope, terms: AuthorTerms) -> None:
        super().__init__(scope)
        self.terms = terms

    @property
    def arm(self) -> EvolveArmSpec:
        """The settings of the arm in force now."""
        return arm_of_spec(self.terms.specs[self.scope.era])

    async def open(
        self, stage: AuthorStage, family: str, task: str, given: Mapping[str, bytes], cells: Sequence[str] = ()
    ) -> Mapping[str, Held]:
        """Say what the question is made of; give it by name, for what is decided about the answer."""
        named = self.keep(given)
        self.opened = await self.scope.record(AuthorOpened(stage, family, task, named, tuple(cells)))
        return {each.name: Held(each.digest, self.opened) for each in named}

    def opening(self, system: str, user: str) -> Conversation:
        """Begin a conversation."""
        return extend(self.scope, EMPTY, [message("system", system), message("user", user)])

    async def ask(self, talk: Conversation, steps: ReadingSteps, tools: Digest | None = None) -> Answered:
        """Ask until an answer is read or given up.

        Args:
            talk: What was said so far.
            steps: How answers are read.
            tools: Blob: what the model could call in what was said so far. None: nothing.

        Raises:
            Stopped: The actor is stopped.
        """
        scope = self.scope
        offered = None if tools is None else await scope.get(tools)
        return answered(await ask_until_read(scope, lambda: self.terms.callers[scope.era], talk, steps, tools=offered))

    @override
    async def ended(self, ending: OptimizerEnding, reason: str) -> Ref:
        """Say how it ended."""
        return await self.scope.record(AuthorClosed(ending, reason, self.hidden))

    def again(self, problems: str) -> str:
        """Word what is wrong with an answer."""
        return self.terms.prompts.fill("evolve_repair", problems=problems)

    def or_nothing(self, text: str) -> str:
        """Give a text, or the word for none."""
        return text.rstrip() or self.terms.prompts.text("train_nothing").rstrip()


def as_json(value: object) -> bytes:
    """Write what a question is made of as it is kept."""
    return msgspec.json.encode(value, order="sorted")
