"""The shell agent: ask, act, observe, until it is done or a limit ends it."""

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from engine.agents.base import Acted, Action, Brief, Note, Told
from engine.calls import Caller, answered, ask_model, problem_of, text_of
from engine.conversation import EMPTY, extend, message, tool_message
from engine.policies.limits import Spent, limit_reached, time_left
from engine.policies.turn import (
    RUN_TOOL,
    Command,
    Done,
    Observation,
    Turn,
    Unclear,
    observation_text,
    read_calls,
    read_text,
)
from engine.scope import Scope
from events.attempt import AgentEnded
from events.budget import BudgetRefused
from events.model import ModelAnswered, ModelFailed
from events.sandbox import ActionAsked, ActionObserved, SandboxFailed


class Shell:
    """Works at a shell, one command a turn."""

    name = "shell"
    needs_model = True

    async def act(self, scope: Scope, told: Told) -> Acted:
        """Work on the task."""
        actions: list[Action] = []
        notes: list[Note] = []
        ended = await self._loop(scope, told, actions, notes)
        return Acted(ended, tuple(actions), tuple(notes))

    async def _loop(self, scope: Scope, told: Told, actions: list[Action], notes: list[Note]) -> AgentEnded:
        talk = extend(scope, EMPTY, _opening(told()))
        spent = Spent.nothing()
        while True:
            brief = told()
            limit = _limit(scope, brief, spent, actions)
            if limit is not None:
                return limit
            answer = await ask_model(scope, partial(_teacher, told), talk, tools=RUN_TOOL if brief.tools else None)
            if not isinstance(answer, ModelAnswered):
                return _unanswered(answer, spent.turns)
            spent = spent.plus(answer)
            notes.append(Note(await text_of(scope, answer.text), scope.at))
            turn = await _read(scope, answer, notes[-1].text)
            talk = await answered(scope, talk, answer)
            match turn:
                case Done():
                    return AgentEnded("done", "the agent said so", spent.turns)
                case Unclear():
                    reply = turn.problem
                case Command():
                    action = await _run(scope, told(), turn)
                    if isinstance(action, SandboxFailed):
                        return AgentEnded("failed", action.detail, spent.turns)
                    actions.append(action)
                    reply = await _told(scope, action, told().settings.observation_chars)
                case _:
                    assert_never(turn)
            talk = extend(scope, talk, _replies(answer, turn, reply))


def _limit(scope: Scope, brief: Brief, spent: Spent, actions: Sequence[Action]) -> AgentEnded | None:
    """Say what ends the attempt before its next turn. None: it goes on."""
    if actions and actions[-1].seen.ended == "disk":
        return AgentEnded("disk_limit", "it wrote more than its sandbox may hold", spent.turns)
    limit = limit_reached(spent, scope.busy_s, brief.settings, brief.timeout_s)
    return None if limit is None else AgentEnded(limit.reason, limit.detail, spent.turns)


def _teacher(told: Told) -> Caller:
    caller = told().teacher
    assert caller is not None, "checked before the run starts"
    return caller


def _opening(brief: Brief) -> list[bytes]:
    told = brief.prompts.fill("teacher_user", task=brief.task, attempt=brief.label, instruction=brief.instruction)
    return [message("system", brief.prompts.text("teacher_system")), message("user", told)]


async def _read(scope: Scope, answer: ModelAnswered, text: str) -> Turn:
    """Read what the model wants done."""
    if not answer.tool_calls:
        return read_text(text)
    return read_calls(tuple([(call.id, call.name, await text_of(scope, call.arguments)) for call in answer.tool_calls]))


async def _run(scope: Scope, brief: Brief, command: Command) -> Action | SandboxFailed:
    """Run a command in the sandbox."""
    limit = time_left(brief.settings.command_timeout_s, scope.busy_s, brief.timeout_s)
    seen = await scope.effect(ActionAsked(scope.put(command.text.encode()), limit))
    if isinstance(seen, SandboxFailed):
        return seen
    assert isinstance(seen, ActionObserved)
    return Action(command.text, seen, scope.at)


async def _told(scope: Scope, action: Action, most: int) -> str:
    """Word what came of a command."""
    seen = action.seen
    stdout, stderr = await text_of(scope, seen.stdout), await text_of(scope, seen.stderr)
    return observation_text(Observation(seen.ended, seen.exit_code, stdout, stderr), most=most)


def _replies(answer: ModelAnswered, turn: Command | Unclear, reply: str) -> list[bytes]:
    """Answer every tool call, since providers refuse a conversation that leaves one open; only the first is run."""
    if turn.call is None:
        return [message("user", reply)]
    unused = "not run: one command a turn"
    return [tool_message(call.id, reply if i == 0 else unused) for i, call in enumerate(answer.tool_calls)]


def _unanswered(outcome: ModelFailed | BudgetRefused, turns: int) -> AgentEnded:
    """Say how an attempt ends whose model did not answer."""
    if isinstance(outcome, BudgetRefused):
        return AgentEnded("budget", problem_of(outcome), turns)
    return AgentEnded("context_limit" if outcome.kind == "context_length" else "failed", problem_of(outcome), turns)
