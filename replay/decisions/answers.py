"""What models answered in a trial's own stream, for the decision that rests on it."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.calls import CapReached, NoAnswer, Readable, problem_of, text_of
from events.base import Event, Recorded, Ref
from events.budget import BudgetRefused
from events.digest import Digest
from events.model import ModelAnswered, ModelFailed
from replay.decisions.base import Input, fields_of


class Answer(NamedTuple):
    """One answer of a model."""

    text: str
    digest: Digest | None
    """Of the text. None: it had none."""
    ref: Ref


class Answers(NamedTuple):
    """All of them, in order."""

    said: tuple[Answer, ...]
    silence: str | None
    """Why there was no further answer. None: there was none to wait for."""
    out_of_money: bool
    inputs: tuple[Input, ...]


async def read_answers(blobs: Readable, outcomes: Sequence[Recorded]) -> Answers:
    """Read the outcomes of a decision's calls.

    Raises:
        BlobMissing: The text of an answer is gone.
    """
    said: list[Answer] = []
    inputs: list[Input] = []
    silent: list[Recorded] = []
    """Failures and refusals since the last answer."""
    for each in outcomes:
        match each.event:
            case ModelAnswered(text=digest):
                text = await text_of(blobs, digest)
                said.append(Answer(text, digest, each.ref))
                inputs.append(Input("the model's answer", each.ref, digest, text))
                silent.clear()
            case ModelFailed() | BudgetRefused():
                silent.append(each)
            case _:
                pass
    inputs += [Input("why there was no answer", each.ref, None, fields_of(each.event)) for each in silent]
    why = _why([each.event for each in silent])
    silence = None if why is None else problem_of(why)
    return Answers(tuple(said), silence, isinstance(why, BudgetRefused), tuple(inputs))


def _why(silent: Sequence[Event]) -> NoAnswer | None:
    """Say why there was no further answer, as `ask_model` does. None: there was none to wait for."""
    match silent:
        case [*_, ModelFailed() as failed, BudgetRefused() as refused]:
            return CapReached(failed, refused)
        case [*_, ModelFailed() | BudgetRefused() as last]:
            return last
        case _:
            return None
