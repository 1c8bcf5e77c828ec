"""The shell agent: ask, act, observe, until it is done or a limit ends it."""

from functools import partial
from typing import NamedTuple, assert_never

import msgspec

from engine.agents import points
from engine.agents.base import SKILLS, Acted, Action, Brief, CurrentBrief
from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, extend, extend_kept, message
from engine.effects.model_calls import Caller, CapReached, NoAnswer, ask_model, text_of
from engine.policies.ending import CallFailure
from engine.policies.limits import AttemptUsage, time_left
from engine.policies.turn import RUN_TOOL
from events.base import Ref
from events.digest import Digest
from events.types.budget import BudgetRefused
from events.types.decision import Seen, Text
from events.types.model import ModelAnswered, ModelFailed
from events.types.sandbox import ActionAsked, ActionObserved, SandboxFailed


class _Progress:
    """What an attempt has done so far."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.notes: list[Text] = []
        self.spent = AttemptUsage.nothing()
        self.questioned = 0
        """Claims to be done that were questioned."""


class Shell:
    """Works at a shell, one command a turn."""

    name = "shell"
    needs_model = True
    takes_skills = True

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Work on the task."""
        so_far = _Progress()
        ended = await self._loop(scope, told, so_far)
        return Acted(ended, tuple(so_far.actions), tuple(so_far.notes), so_far.spent.turns)

    async def _loop(self, scope: Scope, told: CurrentBrief, so_far: _Progress) -> points.EndingSaw:
        talk = extend(scope, EMPTY, _opening(told()))
        while True:
            brief = told()
            limit = await _limit(scope, brief, so_far)
            if limit.value.reason is not None:
                return points.EndingSaw(limit=limit)
            asked = await ask_model(scope, partial(teacher_of, told), talk, tools=_tools(brief))
            so_far.spent, answer = so_far.spent.with_failed(asked.failed), asked.outcome
            if not isinstance(answer, ModelAnswered):
                return unanswered_saw(asked.at, answer)
            so_far.spent = so_far.spent.plus(answer)
            turn = await _read(scope, answer, so_far)
            if turn.value.own is not None:
                talk = extend_kept(scope, talk, (turn.value.own,), 0)
            reply = await _respond(scope, told, turn, so_far)
            if isinstance(reply, points.EndingSaw):
                return reply
            talk = extend_kept(scope, talk, reply.told, turn.value.size + reply.size)


class _Reply(NamedTuple):
    """What the model is told of what it wanted done."""

    told: tuple[Digest, ...]
    size: int
    """Bytes of it that the turn does not count."""


async def _read(scope: Scope, answer: ModelAnswered, so_far: _Progress) -> Seen[points.Turn]:
    """Have it decided what is done about an answer."""
    at = scope.at
    if answer.text is not None:
        so_far.notes.append(Text(answer.text, at))
    seen = points.AnswerSeen(answer.message, answer.text, answer.tool_calls, answer.finish)
    saw = points.TurnSaw(Seen(at, seen), commands=len(so_far.actions), questioned=so_far.questioned)
    return await scope.decide(points.TURN, saw)


async def _respond(
    scope: Scope, told: CurrentBrief, turn: Seen[points.Turn], so_far: _Progress
) -> _Reply | points.EndingSaw:
    """Act on what was decided; give what the model is told of that, or how the attempt ends."""
    match turn.value.act:
        case "done":
            return points.EndingSaw(done=Seen(turn.seen, points.ActSeen("done")))
        case "question":
            so_far.questioned += 1
        case "run":
            return await _ran(scope, told, turn, so_far)
        case "tell":
            pass
        case _:
            assert_never(turn.value.act)
    return _Reply(turn.value.told, 0)


async def _ran(
    scope: Scope, told: CurrentBrief, turn: Seen[points.Turn], so_far: _Progress
) -> _Reply | points.EndingSaw:
    """Run a command, and have it worded what came of it."""
    command = turn.value.command
    assert command is not None, "something is run"
    action = await run_command(scope, told(), command)
    if isinstance(action, SandboxFailed):
        return points.EndingSaw(broken=Seen(scope.at, points.BreakdownSeen(action.kind, action.detail)))
    so_far.actions.append(action)
    seen = action.seen
    outcome = points.OutcomeSeen(seen.ended, seen.exit_code, seen.stdout, seen.stderr)
    saw = points.ObservationSaw(
        Seen(turn.seen, points.RunSeen(turn.value.calls, turn.value.note)), Seen(action.observed, outcome)
    )
    worded = await scope.decide(points.OBSERVATION, saw)
    return _Reply(worded.value.told, worded.value.size)


async def _limit(scope: Scope, brief: Brief, so_far: _Progress) -> Seen[points.Enough]:
    """Have it decided whether a limit ends the attempt before its next turn."""
    spent, last = so_far.spent, so_far.actions[-1] if so_far.actions else None
    saw = points.LimitSaw(
        turns=spent.turns,
        tokens=spent.tokens,
        cost=spent.cost,
        last=None if last is None else Seen(last.observed, points.ActionEndSeen(last.seen.ended)),
    )
    if brief.timeout_s is not None and scope.busy_s >= brief.timeout_s:
        saw = msgspec.structs.replace(saw, busy_s=scope.busy_s, began_s=brief.began_s, allowed_s=brief.allowed_s)
    return await scope.decide(points.LIMIT, saw)


def teacher_of(told: CurrentBrief) -> Caller:
    """Say how to ask the model now."""
    caller = told().teacher
    assert caller is not None, "checked before the run starts"
    return caller


def _opening(brief: Brief) -> list[bytes]:
    told = brief.prompts.fill("teacher_user", task=brief.task, attempt=brief.label, instruction=brief.instruction)
    tools = brief.prompts.addition("teacher_tools") if brief.tools else ""
    system = "\n".join(filter(None, (brief.prompts.text("teacher_system"), tools, _skills(brief))))
    return [message("system", system), message("user", told)]


def _skills(brief: Brief) -> str:
    """Tell of skills: the same sentence whatever they are, then name and description of each, and where it is read."""
    if brief.skills is None:
        return ""
    lines = [
        brief.prompts.fill(
            "teacher_skill", name=each.name, description=each.description, path=f"{SKILLS}/{each.name}/SKILL.md"
        ).rstrip("\n")
        for each in brief.skills
    ]
    return "\n".join([brief.prompts.fill("teacher_skills", folder=SKILLS).rstrip("\n"), *lines])


def _tools(brief: Brief) -> bytes | None:
    """Give the tools that the model may call. Runs of earlier versions pin none, and had the one that is given here."""
    return (brief.prompts.addition("teacher_tool").strip().encode() or RUN_TOOL) if brief.tools else None


async def run_command(scope: Scope, brief: Brief, command: Digest) -> Action | SandboxFailed:
    """Run a command in the sandbox."""
    limit = time_left(brief.settings.command_timeout_s, scope.busy_s, brief.timeout_s)
    asked = Text(command, Ref(scope.name, scope.at.version + 1))
    text = await text_of(scope, command)  # now, while it is at hand
    seen = await scope.effect(ActionAsked(command, limit))
    if isinstance(seen, SandboxFailed):
        return seen
    assert isinstance(seen, ActionObserved)
    return Action(text, asked, seen, scope.at)


def unanswered_saw(at: Ref, outcome: NoAnswer) -> points.EndingSaw:
    """Say what an attempt ends at whose model did not answer, at `at`."""
    match outcome:
        case BudgetRefused():
            return points.EndingSaw(refused=Seen(at, points.RefusalSeen(outcome.cap)))
        case ModelFailed():
            return points.EndingSaw(failed=Seen(at, CallFailure(outcome.kind, outcome.detail)))
        case CapReached():
            failed = Seen(outcome.at, CallFailure(outcome.failed.kind, outcome.failed.detail))
            return points.EndingSaw(failed=failed, refused=Seen(at, points.RefusalSeen(outcome.refused.cap)))
        case _:
            assert_never(outcome)
