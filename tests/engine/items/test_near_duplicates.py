"""Items that ask the same in other letters."""

import pytest

from engine.items.base import Item
from engine.items.images import ItemImage
from engine.items.near_duplicates import alike_items, asked_by
from events.digest import digest_of

QUESTION = "Which label does a jar of caf\u00e9 get?"


PICTURE = ItemImage(digest=digest_of(b"a"), media_type="image/png")


def item(question: str = QUESTION, context: str | None = None, **further: object) -> Item:
    """Make an item."""
    return Item(format="question", question=question, expected=["C"], context=context, **further)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "question",
    [
        "which LABEL does a jar of caf\u00e9 get?",
        "  Which label\tdoes a jar\nof caf\u00e9 get ",
        "Which label does a jar of cafe\u0301 get",
        "\u201cWhich label, does a jar of caf\u00e9 get!\u201d",
        "\uff37hich label does a jar of caf\u00e9 get?",
    ],
    ids=["case", "white space", "Unicode form", "punctuation", "width"],
)
def test_writing_alone_makes_no_other_item(question: str) -> None:
    """What one teaches, the other would count as learnt."""
    assert asked_by(item(question)) == asked_by(item())


@pytest.mark.parametrize(
    "other",
    [
        item("Which label does a jar of tea get?"),
        item(context="All jars get a C."),
        item(images=(PICTURE,)),
    ],
    ids=["question", "context", "image"],
)
def test_what_is_asked_otherwise_is_another_item(other: Item) -> None:
    """The same question over other documents is one of its own."""
    assert asked_by(other) != asked_by(item())


def test_signs_of_arithmetic_count() -> None:
    """And a question of nothing but punctuation is itself."""
    assert asked_by(item("What is 1 + 2?")) != asked_by(item("What is 1 < 2?"))
    assert asked_by(item("?!")) != asked_by(item("..."))


def test_only_items_of_different_sets_are_named() -> None:
    """Each pair once, with the one that stood first."""
    sets = {"train": {"a": item(), "b": item(QUESTION.upper())}, "test": {"c": item(QUESTION.lower()), "d": item("?")}}
    assert [str(each) for each in alike_items(sets)] == ["a (train) and c (test)"]
