"""Code for an item: the model writes programs, which run in a sandbox alone; what they leave there is the answer.

It is an agent like others, but for what it can do: each answer may hold one program, and it is shown what that printed.
"""

from functools import partial
from typing import Final, assert_never

from engine.agents.base import Acted, Action, Brief, CurrentBrief
from engine.agents.points import (
    OBSERVATION,
    AgentReport,
    AnswerSeen,
    BreakdownSeen,
    EndingSaw,
    ObservationSaw,
    OutcomeSeen,
    RunSeen,
)
from engine.agents.shell import run_command, teacher_of, unanswered_saw
from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, Conversation, extend, extend_kept, message
from engine.effects.model_calls import ask_model
from engine.items import points
from engine.items.skill_texts import skill_texts
from events.digest import Digest
from events.types.decision import Seen, Text
from events.types.model import ModelAnswered
from events.types.sandbox import SandboxFailed

_LOOK: Final = "command -v python3"
"""Its exit code tells a sandbox without Python from a program that fails."""
_NO_PYTHON: Final = "the sandbox has no python3; name an image that has it in evaluate.rollout.dockerfile"


class CodeWriter:
    """Writes programs in Python until it is done or has written as many as it may."""

    name = "code"
    needs_model = True

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Work on the item."""
        actions: list[Action] = []
        notes: list[Text] = []
        missing = await self._look(scope, told())
        ended = missing or await self._loop(scope, told, actions, notes)
        return Acted(ended, tuple(actions), tuple(notes), len(notes))

    async def _look(self, scope: Scope, brief: Brief) -> EndingSaw | None:
        """See that programs can run here. None: they can."""
        found = await run_command(scope, brief, scope.put(_LOOK.encode()))
        if isinstance(found, SandboxFailed):
            return EndingSaw(broken=Seen(scope.at, BreakdownSeen(found.kind, found.detail)))
        if found.seen.exit_code == 0:
            return None
        return EndingSaw(said=AgentReport("failed", _NO_PYTHON))

    async def _loop(self, scope: Scope, told: CurrentBrief, actions: list[Action], notes: list[Text]) -> EndingSaw:
        talk = await _opening(scope, told())
        turns = 0
        while True:
            turns += 1
            asked = await ask_model(scope, partial(teacher_of, told), talk)
            answer = asked.outcome
            if not isinstance(answer, ModelAnswered):
                return unanswered_saw(asked.at, answer)
            if answer.text is not None:
                notes.append(Text(answer.text, scope.at))
            seen = AnswerSeen(answer.message, answer.text, answer.tool_calls, answer.finish)
            saw = points.ItemCodeSaw(Seen(scope.at, seen), turns)
            ruled = await scope.decide(points.ITEM_CODE, saw)
            match ruled.value.act:
                case "done":
                    return EndingSaw(said=AgentReport("done", "it wrote no further program"))
                case "tell":
                    talk = _said(scope, talk, ruled.value)
                case "run":
                    ran = await self._ran(scope, told, ruled, actions)
                    if isinstance(ran, EndingSaw):
                        return ran
                    talk = extend_kept(scope, _said(scope, talk, ruled.value), *ran)
                case _:
                    assert_never(ruled.value.act)

    async def _ran(
        self, scope: Scope, told: CurrentBrief, ruled: Seen[points.ItemCode], actions: list[Action]
    ) -> EndingSaw | tuple[tuple[Digest, ...], int]:
        """Run a program; give what the model is told of it, or how the work ends."""
        assert ruled.value.command is not None, "something is run"
        action = await run_command(scope, told(), ruled.value.command)
        if isinstance(action, SandboxFailed):
            return EndingSaw(broken=Seen(scope.at, BreakdownSeen(action.kind, action.detail)))
        actions.append(action)
        if ruled.value.last:
            return EndingSaw(said=AgentReport("turn_limit", f"it has run as many programs as it may: {len(actions)}"))
        seen = action.seen
        outcome = OutcomeSeen(seen.ended, seen.exit_code, seen.stdout, seen.stderr)
        worded = await scope.decide(
            OBSERVATION, ObservationSaw(Seen(ruled.seen, RunSeen((), "")), Seen(action.observed, outcome))
        )
        return worded.value.told, worded.value.size


async def _opening(scope: Scope, brief: Brief) -> Conversation:
    skills = await skill_texts(scope, brief.skills, brief.prompts)
    system = brief.prompts.fill("item_code", skills=skills)
    return extend(scope, EMPTY, [message("system", system), message("user", brief.instruction)])


def _said(scope: Scope, talk: Conversation, ruling: points.ItemCode) -> Conversation:
    own = () if ruling.own is None else (ruling.own,)
    return extend_kept(scope, talk, (*own, *ruling.told), ruling.size)


CODE: Final = CodeWriter()
