"""What models answered in a trial's own stream, for the decision that rests on it."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.calls import Readable, problem_of, text_of
from events.base import Recorded, Ref
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
    silence, refused, inputs = None, False, []
    for each in outcomes:
        match each.event:
            case ModelAnswered(text=digest):
                text = await text_of(blobs, digest)
                said.append(Answer(text, digest, each.ref))
                inputs.append(Input("the model's answer", each.ref, digest, text))
            case ModelFailed() | BudgetRefused() as event:
                silence, refused = problem_of(event), isinstance(event, BudgetRefused)
                inputs.append(Input("why there was no answer", each.ref, None, fields_of(event)))
            case _:
                pass
    return Answers(tuple(said), silence, refused, tuple(inputs))
