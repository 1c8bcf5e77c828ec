"""Asking a model until its answer is read or given up."""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.core.decision import Point
from engine.core.scope import Scope
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.effects.conversation import Conversation, extend, message
from engine.effects.model_calls import NoAnswer, Whom, ask_model, quoting
from events.types.decision import Seen
from events.types.model import ModelAnswered


class ReadingSteps(NamedTuple):
    """How answers are read, and asked for again."""

    point: Point[Any, Any, ReadAnswer]
    """What reads an answer."""
    saw: Callable[[Seen[ReplySeen], int], Any]
    """Makes its inputs of an answer and the number of repairs before."""
    again: Callable[[str], str]
    """Words what is wrong with an answer, one line each, for the model that gave it."""


async def ask_until_read(
    scope: Scope, whom: Whom, talk: Conversation, steps: ReadingSteps, *, tools: bytes | None = None
) -> Seen[ReadAnswer] | NoAnswer:
    """Ask until an answer is read or given up; give the last reading, or why there was no answer.

    Args:
        scope: Of the actor that asks.
        whom: Whom to ask.
        talk: What was said so far.
        steps: How answers are read.
        tools: As in `ask_model`.

    Raises:
        Stopped: The actor is stopped.
    """
    repairs = 0
    while True:
        answer = (await ask_model(scope, whom, talk, tools=tools)).outcome
        if not isinstance(answer, ModelAnswered):
            return answer
        seen = Seen(scope.at, ReplySeen(answer.message, answer.text))
        ruled: Seen[ReadAnswer] = await scope.decide(steps.point, steps.saw(seen, repairs))
        if ruled.value.verdict != "repair":
            return ruled
        repairs += 1
        talk = await quoting(scope, talk, ruled.value.quoted)
        again = steps.again("\n".join(f"* {problem}" for problem in ruled.value.problems))
        talk = extend(scope, talk, [message("user", again)])
