"""Stories of views: fields of a row, each said once, drawn for people."""

from typing import Final, NamedTuple

import pytest

from tests.views.drawing import drawn
from views.terminal.tables import RecordView, TableView


class Loaf(NamedTuple):
    """What the oven made."""

    name: str
    grams: int | None
    seeds: tuple[str, ...]
    done: bool
    words: str = ""


RYE: Final = Loaf("rye", 900, ("poppy", "flax"), done=True)
WHITE: Final = Loaf("white", None, (), done=False)


def lines(text: str) -> list[str]:
    """Give what stands on each line, without what fills it up."""
    return [line.rstrip() for line in text.splitlines()]


def test_a_table_is_declared_by_fields_and_by_functions() -> None:
    """Figures stand at the right; what nobody knows is a dash, and a list is its parts."""
    view = TableView(
        Loaf, "name >grams", ("with", lambda loaf: loaf.seeds), "done", (">letters", lambda loaf: len(loaf.name))
    )
    assert lines(drawn(view([RYE, WHITE]))) == [
        "name   grams  with         done  letters",
        "rye      900  poppy, flax  yes         3",
        "white      -               no          5",
    ]


def test_only_a_column_that_may_be_wrapped_is() -> None:
    """A name that is broken in two cannot be copied from a terminal."""
    loaf = RYE._replace(name="a-name-of-thirty-characters-or-", words="to be read and never typed")
    drawn_ = lines(drawn(TableView(Loaf, "name words…")([loaf]), width=45))
    assert drawn_ == [
        "name                             words",
        f"{loaf.name}  to be read",
        " " * 33 + "and never",
        " " * 33 + "typed",
    ]


def test_a_table_without_rows_says_so_and_has_no_notes() -> None:
    """Heads above nothing make people look for what is missing."""
    view = TableView(Loaf, "name", empty="nothing was baked", notes=lambda loaves: [f"{len(loaves)} in all"])
    assert lines(drawn(view([]))) == ["nothing was baked"]
    assert lines(drawn(view([RYE]))) == ["name", "rye", "1 in all"]
    assert lines(drawn(TableView(Loaf, "name")([]))) == ["name"]


def test_a_record_leaves_out_what_is_empty_and_no_zero() -> None:
    """No weight is not a weight of nothing."""
    view = RecordView(Loaf, "name grams seeds words", ("raw", lambda loaf: not loaf.done))
    assert lines(drawn(view(WHITE))) == ["name  white", "raw   yes"]
    assert lines(drawn(view(RYE._replace(grams=0)))) == ["name   rye", "grams  0", "seeds  poppy, flax", "raw    no"]


def test_a_field_that_rows_do_not_have_is_refused_where_it_is_declared() -> None:
    """Otherwise the first person who asks for the table finds out."""
    with pytest.raises(AttributeError, match="crust"):
        TableView(Loaf, "name crust")
