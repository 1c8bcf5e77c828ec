"""Multiple choice about theorems, as LiveMathematicianBench writes its pages: ``no``, ``month``, ``mcq``."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any, Final

import msgspec

from engine.core.seeded_order import shuffled
from engine.items.base import GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.answer_tags import last_tagged
from engine.items.scorers.choice import AnswerChoice, chosen_label

_LABELS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _WrittenChoice(msgspec.Struct, frozen=True):
    label: str
    text: str


class _Mcq(msgspec.Struct, frozen=True):
    question: str
    choices: list[_WrittenChoice]
    correct_choice: _WrittenChoice


class Mathematics:
    """Right is the label of the correct choice, its own words, or an answer whose first word is the label."""

    name = "livemathematicianbench"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row. The pages leave the correct choice out of ``choices``; it is put in its place."""
        try:
            mcq = msgspec.convert(row.fields.get("mcq", row.fields), _Mcq)
        except msgspec.ValidationError as error:
            raise RowInvalid(f"`mcq` must hold question, choices and correct_choice: {error}") from error
        name = _name(row)
        correct = AnswerChoice(mcq.correct_choice.label, mcq.correct_choice.text)
        choices = _whole([AnswerChoice(each.label, each.text) for each in mcq.choices], correct)
        item = Item(
            format=self.name,
            question="\n".join((mcq.question, "", *[f"{each.label}. {each.text}" for each in choices])),
            expected={"correct": correct._asdict(), "choices": [each._asdict() for each in choices]},
        )
        return ReadItem(name, item, _type(row.fields), str(row.fields.get("paper_link") or name))

    def gold(self, item: Item) -> GoldAnswer:
        """Give the label of the correct choice."""
        return GoldAnswer(f"<answer>{item.expected['correct']['label']}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        choices = [AnswerChoice(**each) for each in item.expected["choices"]]
        label, correct = chosen_label(last_tagged(said.text), choices), item.expected["correct"]["label"]
        return marked(
            hard=label == correct,
            soft=Fraction(label == correct),
            answer=label,
            reasons=("it chooses another label" if label in {each.label for each in choices} else "it is no choice",),
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


def _whole(choices: Sequence[AnswerChoice], correct: AnswerChoice) -> list[AnswerChoice]:
    """Add the correct choice where it is missing, and order all by label."""
    labels = [each.label for each in choices]
    if len({*labels}) < len(labels) or not correct.label:
        raise RowInvalid(f"the labels of the choices must differ: {', '.join(labels)}")
    standing = next((each for each in choices if each.label == correct.label), None)
    if standing is not None and standing.text != correct.text:
        raise RowInvalid(f"the choice {correct.label} and correct_choice differ")
    return sorted(choices if standing is not None else [*choices, correct])


def _name(row: ItemRow) -> str:
    """Name an item by its month and number, where it has no id."""
    return row.text("id") if "id" in row.fields else f"{row.text('month')}:{row.text('no')}"


def _type(fields: Mapping[str, Any]) -> str | None:
    kinds = fields.get("theorem_type")
    return str(kinds[0]) if isinstance(kinds, list) and kinds else None


MATHEMATICS: Final = Mathematics()
