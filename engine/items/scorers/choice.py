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
    labels = {_as_label(each.label): each.label for each in choices}
    said = _as_label(answer)
    if said in labels:
        return labels[said]
    for each in choices:
        if each.text.strip() == answer.strip():
            return each.label
    first = _as_label(answer.split(maxsplit=1)[0]) if answer.split() else ""
    return labels.get(first, said)


def _as_label(text: str) -> str:
    return text.strip().upper().rstrip(_AFTER_LABEL).strip()
