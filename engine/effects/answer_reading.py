"""Reading a model's answer: it is taken, asked for again with what is wrong with it, or given up; pure.

What cannot be read is asked for again as often as the settings say; then it is unreadable, which is never the same as
an answer that holds nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from engine.core.decision import PolicyContext
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.assistant_message import sendable
from engine.policies.inline_reasoning import split_reasoning
from engine.policies.json_answers import read_object
from events.digest import Digest
from events.types.decision import Seen

_MOST_PROBLEMS: Final = 8
"""Problems that a model is told of at once."""


class AnswerUnread(Exception):
    """An answer cannot be read."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


class TakenAnswer(NamedTuple):
    """What was read."""

    value: bytes
    holds: int
    beside: bytes | None = None
    problems: tuple[str, ...] = ()
    """What was left out of it."""
    doubts: tuple[str, ...] = ()
    """What is worth asking again for, once; it can be taken all the same."""


class ReadableAnswer(Protocol):
    """What is seen of an answer."""

    @property
    def answer(self) -> Seen[ReplySeen]:
        """The answer itself."""

    @property
    def repairs(self) -> int:
        """Repairs that were asked for before."""


def read_answer(
    saw: ReadableAnswer, most_repairs: int, desk: PolicyContext, take: Callable[[str], TakenAnswer]
) -> ReadAnswer:
    """Read an answer, or say what is wrong with it.

    Args:
        saw: The answer, and how often it was asked for again.
        most_repairs: How often it may be.
        desk: Of the policy that reads.
        take: Reads what the model said, without its reasoning; raises `AnswerUnread` where it cannot.
    """
    answer = saw.answer.value
    again = saw.repairs < most_repairs
    try:
        took = take(_said(answer, desk))
    except AnswerUnread as unread:
        return _not_read(answer, unread.problems, desk, again=again)
    if took.doubts and again:
        return _not_read(answer, took.doubts, desk, again=True)
    beside = None if took.beside is None else desk.put(took.beside)
    problems = (*took.problems, *took.doubts)
    return ReadAnswer("read", desk.put(took.value), beside, took.holds, problems, None)


def object_in(said: str) -> Mapping[str, Any]:
    """Find the object of an answer.

    Raises:
        AnswerUnread: There is none, or it is unclear which.
    """
    found = read_object(said)
    if found is None:
        what = "the answer is empty" if not said.strip() else "no JSON object can be read from the answer"
        raise AnswerUnread(
            f"{what}: answer with one JSON object in a block fenced as ```json, and escape line breaks as \\n"
        )
    return found


def _not_read(answer: ReplySeen, problems: Sequence[str], desk: PolicyContext, *, again: bool) -> ReadAnswer:
    told = tuple(problems[:_MOST_PROBLEMS])
    if not again:
        return ReadAnswer("unreadable", None, None, 0, told, None)
    return ReadAnswer("repair", None, None, 0, told, _quoted(answer, desk))


def _said(answer: ReplySeen, desk: PolicyContext) -> str:
    return "" if answer.text is None else split_reasoning(desk.named(answer.text)).said


def _quoted(answer: ReplySeen, desk: PolicyContext) -> Digest | None:
    said = desk.named(answer.message).encode()
    shown = sendable(said, calls=False)
    return answer.message if shown == said else None if shown is None else desk.put(shown)
