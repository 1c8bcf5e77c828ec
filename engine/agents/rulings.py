"""SPARK's policies for the shell agent: each from the inputs of its point to a ruling; pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.agents import points
from engine.core.decision import NoSettings, PolicyContext
from engine.effects.conversation import message, tool_message
from engine.policies.assistant_message import sendable
from engine.policies.done_claim import question_done
from engine.policies.secret_marks import hidden_in
from engine.policies.turn import Command, CommandObservation, Unclear, WorkDone, observation_text, read_calls, read_text

_NOT_RUN: Final = "not run: one command a turn"


def read_turn(saw: points.TurnSaw, rule: NoSettings, desk: PolicyContext) -> points.Turn:
    """Decide what is done about an answer."""
    del rule
    answer = saw.answer.value
    said = desk.named(answer.message).encode()
    own = sendable(said, calls=True)
    kept = answer.message if own == said else None if own is None else desk.put(own)
    turn = _acted_upon(saw, desk)
    return msgspec.structs.replace(turn, own=kept, size=turn.size + len(own or b""))


def _acted_upon(saw: points.TurnSaw, desk: PolicyContext) -> points.Turn:
    answer = saw.answer.value
    match _read(answer, desk):
        case WorkDone():
            doubt = question_done(commands=saw.commands, questioned=saw.questioned)
            told = () if doubt is None else (message("user", doubt),)
            return _telling("done" if doubt is None else "question", told, desk)
        case Unclear() as unclear:
            return _telling("tell", _replies(_answered(answer, unclear.call), unclear.problem), desk)
        case Command() as command:
            calls, hidden = _answered(answer, command.call), hidden_in(command.text)
            if hidden is not None:
                return _telling("tell", _replies(calls, hidden), desk)
            return points.Turn("run", desk.put(command.text.encode()), calls, command.note, None, (), 0)


def _read(answer: points.AnswerSeen, desk: PolicyContext) -> Command | WorkDone | Unclear:
    """Read what the model wants done."""
    if not answer.tool_calls:
        return read_text("" if answer.text is None else desk.named(answer.text), answer.finish)
    calls = [(call.id, call.name, desk.named(call.arguments)) for call in answer.tool_calls]
    return read_calls(tuple(calls), answer.finish)


def _telling(act: points.Act, messages: Sequence[bytes], desk: PolicyContext) -> points.Turn:
    told = tuple(desk.put(each) for each in messages)
    return points.Turn(act, None, (), "", None, told, sum(map(len, messages)))


def _answered(answer: points.AnswerSeen, call: str | None) -> tuple[str, ...]:
    """Say which calls have to be answered: providers refuse a conversation that leaves one open."""
    return () if call is None else tuple(dict.fromkeys(each.id for each in answer.tool_calls))


def _replies(calls: Sequence[str], reply: str) -> Sequence[bytes]:
    """Answer the first call, and say of the others that they were not run."""
    if not calls:
        return (message("user", reply),)
    return (tool_message(calls[0], reply), *(tool_message(call, _NOT_RUN) for call in calls[1:]))


def word_observation(
    saw: points.ObservationSaw, rule: points.ObservationRule, desk: PolicyContext
) -> points.Observation:
    """Word what came of a command."""
    outcome, turn = saw.outcome.value, saw.turn.value
    stdout, stderr = desk.named(outcome.stdout), desk.named(outcome.stderr)
    seen = CommandObservation(outcome.ended, outcome.exit_code, stdout, stderr)
    text = observation_text(seen, most=rule.observation_chars)
    messages = _replies(turn.calls, f"{text}\n({turn.note})" if turn.note else text)
    return points.Observation(tuple(desk.put(each) for each in messages), sum(map(len, messages)))
