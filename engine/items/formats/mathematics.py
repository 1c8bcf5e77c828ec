"""Multiple choice about theorems, as LiveMathematicianBench writes its pages: ``no``, ``month``, ``mcq``."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any, Final

from engine.core.seeded_order import shuffled
from engine.items.base import GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.answer_tags import last_tagged
from engine.items.scorers.choice import AnswerChoice, as_label, chosen_label

_LABELS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST: Final = len(_LABELS)


class Mathematics:
    """Right is the label of the correct choice, its own words, or an answer whose first word is the label."""

    name = "livemathematicianbench"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row. The pages leave the correct choice out of ``choices``; it is put in its place."""
        mcq = row.fields.get("mcq", row.fields)
        if not isinstance(mcq, Mapping):
            raise RowInvalid("`mcq` must hold question, choices and correct_choice")
        name, question = _name(row), _words(mcq.get("question"), "`question`")
        correct, choices = _choices(mcq)
        item = Item(
            format=self.name,
            question="\n".join((question, "", *[f"{each.label}. {each.text}" for each in choices])),
            expected={"correct": correct._asdict(), "choices": [each._asdict() for each in choices]},
        )
        return ReadItem(name, item, _type(row.fields), str(row.fields.get("paper_link") or name))

    def gold(self, item: Item) -> GoldAnswer:
        """Give the label of the correct choice."""
        return GoldAnswer(f"<answer>{item.expected['correct']['label']}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        choices = [AnswerChoice(**each) for each in item.expected["choices"]]
        label, correct = chosen_label(last_tagged(said.text), choices), as_label(item.expected["correct"]["label"])
        return marked(
            hard=label == correct,
            soft=Fraction(label == correct),
            answer=label,
            reasons=(
                "it chooses another label"
                if label in {as_label(each.label) for each in choices}
                else "it is no choice",
            ),
        )


def item_seed(name: str, seed: int) -> int:
    """Derive the seed by which an item's choices are shuffled, as SkillOpt does: another for each item."""
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8])


def shuffle_choices(
    name: str, choices: Sequence[AnswerChoice], correct: AnswerChoice, seed: int
) -> tuple[list[AnswerChoice], AnswerChoice]:
    """Put choices into another order and label them anew; give the correct one under its new label."""
    order = shuffled(choices, item_seed(name, seed))
    fresh = [AnswerChoice(label, each.text) for label, each in zip(_LABELS, order, strict=False)]
    at = next(n for n, each in enumerate(order) if each.label == correct.label)
    return fresh, fresh[at]


def _choices(mcq: Mapping[str, Any]) -> tuple[AnswerChoice, list[AnswerChoice]]:
    """Read the correct choice and all choices, in order of their labels.

    Choices are objects with label and text, texts alone, or texts by label; the correct one may be its label alone.
    """
    choices = _read_choices(mcq.get("choices"))
    written = mcq.get("correct_choice")
    if not written or (isinstance(written, Mapping) and not written.get("label")):
        raise RowInvalid("`correct_choice` names no label: write the label of the choice that is right")
    correct = _choice(written if isinstance(written, Mapping) else {"label": written}, None)
    labels = [as_label(each.label) for each in choices]
    if len({*labels}) < len(labels):
        raise RowInvalid(f"the labels of the choices must differ: {', '.join(labels)}")
    standing = next((each for each in choices if as_label(each.label) == as_label(correct.label)), None)
    if standing is None and not correct.text:
        raise RowInvalid(f"no choice is labelled {correct.label}, and correct_choice has no text")
    if standing is not None and correct.text not in {"", standing.text}:
        raise RowInvalid(f"the choice {correct.label} and correct_choice differ")
    right = correct if standing is None else standing
    return right, sorted({*choices, right}, key=lambda each: as_label(each.label))


def _read_choices(written: object) -> list[AnswerChoice]:
    match written:
        case Mapping():
            choices = [_choice({"label": label, "text": text}, None) for label, text in written.items()]
        case list():
            choices = [_choice(each, label) for each, label in zip(written, _LABELS, strict=False)]
        case _:
            choices = []
    if not choices or not all(each.text for each in choices) or (isinstance(written, list) and len(written) > _MOST):
        raise RowInvalid(f"`choices` must be a list of 1 to {_MOST} choices, each with a text")
    return choices


def _choice(written: object, label: str | None) -> AnswerChoice:
    """Read a choice.

    Args:
        written: As the row has it.
        label: The one by its place. None: it has to have its own.
    """
    if not isinstance(written, Mapping):
        written = {"text": written}
    own = written.get("label") or label
    text = written.get("text") or written.get("content") or ""
    return AnswerChoice(
        _words(own, "`label` of a choice").strip(), "" if text == "" else _words(text, "`text` of a choice")
    )


def _words(value: object, what: str) -> str:
    """Give a text; a number is read as it is written."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise RowInvalid(f"{what} must be a text that is not empty, and is {'missing' if value is None else repr(value)}")


def _name(row: ItemRow) -> str:
    """Name an item by its month and number, where it has no id."""
    return row.text("id") if row.fields.get("id") not in {None, ""} else f"{row.text('month')}:{row.text('no')}"


def _type(fields: Mapping[str, Any]) -> str | None:
    kinds = fields.get("theorem_type")
    first = kinds[0] if isinstance(kinds, list) and kinds else kinds
    return first.strip() or None if isinstance(first, str) else None


MATHEMATICS: Final = Mathematics()
