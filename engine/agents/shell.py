"""The shell agent: ask, act, observe, until it is done or a limit ends it."""

from functools import partial
from typing import Literal, assert_never

from engine.agents.base import Acted, Action, Brief, Note, Told, note_of
from engine.calls import Caller, NoAnswer, answered, ask_model, problem_of, text_of
from engine.conversation import EMPTY, extend, message, tool_message
from engine.policies.done_claim import question_done
from engine.policies.ending import Failure, unanswered
from engine.policies.limits import Spent, limit_reached, time_left
from engine.policies.secret_marks import hidden_in
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


class _Progress:
    """What an attempt has done so far."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.notes: list[Note] = []
        self.spent = Spent.nothing()
        self.questioned = 0
        """Claims to be done that were questioned."""

    def ended(self, reason: Literal["done", "failed"], detail: str) -> AgentEnded:
        """Say how it ended."""
        return AgentEnded(reason, detail, self.spent.turns)


class Shell:
    """Works at a shell, one command a turn."""

    name = "shell"
    needs_model = True

    async def act(self, scope: Scope, told: Told) -> Acted:
        """Work on the task."""
        so_far = _Progress()
        ended = await self._loop(scope, told, so_far)
        return Acted(ended, tuple(so_far.actions), tuple(so_far.notes))

    async def _loop(self, scope: Scope, told: Told, so_far: _Progress) -> AgentEnded:
        talk = extend(scope, EMPTY, _opening(told()))
        while True:
            brief = told()
            limit = _limit(scope, brief, so_far)
            if limit is not None:
                return limit
            asked = await ask_model(scope, partial(_teacher, told), talk, tools=RUN_TOOL if brief.tools else None)
            so_far.spent, answer = so_far.spent.with_failed(asked.failed), asked.outcome
            if not isinstance(answer, ModelAnswered):
                return _unanswered(answer, so_far)
            so_far.spent = so_far.spent.plus(answer)
            text = await text_of(scope, answer.text)
            so_far.notes.append(note_of(text, scope.at))
            turn = await _read(scope, answer, text)
            talk = await answered(scope, talk, answer, calls=True)
            reply = await _respond(scope, told, turn, so_far)
            if isinstance(reply, AgentEnded):
                return reply
            talk = extend(scope, talk, _replies(answer, turn, reply))


async def _respond(scope: Scope, told: Told, turn: Turn, so_far: _Progress) -> str | AgentEnded:
    """Act on what the model wants done; give what it is told of that, or how the attempt ends."""
    match turn:
        case Done():
            doubt = question_done(commands=len(so_far.actions), questioned=so_far.questioned)
            so_far.questioned += 1
            return doubt or so_far.ended("done", "the agent said so")
        case Unclear():
            return turn.problem
        case Command() if (hidden := hidden_in(turn.text)) is not None:
            return hidden
        case Command():
            action = await _run(scope, told(), turn)
            if isinstance(action, SandboxFailed):
                return so_far.ended("failed", action.detail)
            so_far.actions.append(action)
            seen = await _told(scope, action, told().settings.observation_chars)
            return f"{seen}\n({turn.note})" if turn.note else seen
        case _:
            assert_never(turn)


def _limit(scope: Scope, brief: Brief, so_far: _Progress) -> AgentEnded | None:
    """Say what ends the attempt before its next turn. None: it goes on."""
    turns = so_far.spent.turns
    if so_far.actions and so_far.actions[-1].seen.ended == "disk":
        return AgentEnded("disk_limit", "it wrote more than its sandbox may hold", turns)
    limit = limit_reached(so_far.spent, scope.busy_s, brief.settings, brief.timeout_s)
    return None if limit is None else AgentEnded(limit.reason, limit.detail, turns)


def _teacher(told: Told) -> Caller:
    caller = told().teacher
    assert caller is not None, "checked before the run starts"
    return caller


def _opening(brief: Brief) -> list[bytes]:
    told = brief.prompts.fill("teacher_user", task=brief.task, attempt=brief.label, instruction=brief.instruction)
    tools = brief.prompts.addition("teacher_tools") if brief.tools else ""
    system = "\n".join(filter(None, (brief.prompts.text("teacher_system"), tools)))
    return [message("system", system), message("user", told)]


async def _read(scope: Scope, answer: ModelAnswered, text: str) -> Turn:
    """Read what the model wants done."""
    if not answer.tool_calls:
        return read_text(text, answer.finish)
    calls = [(call.id, call.name, await text_of(scope, call.arguments)) for call in answer.tool_calls]
    return read_calls(tuple(calls), answer.finish)


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


def _replies(answer: ModelAnswered, turn: Turn, reply: str) -> list[bytes]:
    """Answer every tool call, since providers refuse a conversation that leaves one open; only the first is run."""
    if isinstance(turn, Done) or turn.call is None:
        return [message("user", reply)]
    told = dict.fromkeys((call.id for call in answer.tool_calls), "not run: one command a turn")
    told[answer.tool_calls[0].id] = reply
    return [tool_message(call, text) for call, text in told.items()]


def _unanswered(outcome: NoAnswer, so_far: _Progress) -> AgentEnded:
    """Say how an attempt ends whose model did not answer."""
    turns = so_far.spent.turns
    match outcome:
        case BudgetRefused():
            return AgentEnded("budget", problem_of(outcome), turns)
        case ModelFailed():
            ending = unanswered(Failure(outcome.kind, outcome.detail), acted=bool(so_far.actions))
            return AgentEnded(ending.reason, ending.detail, turns)
        case _:  # it failed, and there was no money to ask again
            return AgentEnded("failed", problem_of(outcome), turns)
