"""Multiple choice, as LiveMathematicianBench reads answers: a label, a choice's own words, or a first word; pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

_AFTER_LABEL: Final = ".):"


class AnswerChoice(NamedTuple):
    """One of the choices."""

    label: str
    text: str


def chosen_label(answer: str, choices: Sequence[AnswerChoice]) -> str:
    """Give the label that an answer chooses; what it says instead, in capitals, where that is no label."""
    labels = {as_label(each.label) for each in choices}
    said = as_label(answer)
    if said in labels:
        return said
    for each in choices:
        if each.text.strip() and each.text.strip().lower() == answer.lower():
            return as_label(each.label)
    first = as_label(answer.split(maxsplit=1)[0]) if answer.split() else ""
    return first if first in labels else said


def as_label(text: str) -> str:
    """Write a label as labels are compared: in capitals, without what stands behind it."""
    return text.strip().upper().rstrip(_AFTER_LABEL)
