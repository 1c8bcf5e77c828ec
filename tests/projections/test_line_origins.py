"""Where each line of a text comes from."""

from projections.line_origins import LineOrigin, TextRevision, WrittenText, line_origins


def _told(*revisions: TextRevision) -> list[tuple[str, str, str | None]]:
    return [(each.text, each.revision, each.edit) for each in line_origins(revisions)]


def test_a_line_that_stays_keeps_its_origin_wherever_it_goes_on() -> None:
    """Lines before and behind it may come and go."""
    first = TextRevision("0", "a\nb\nc\n")
    second = TextRevision("1", "new\na\nc\nlast\n", (WrittenText("1.1", "new"), WrittenText("1.2", "last")))
    assert _told(first, second) == [("new", "1", "1.1"), ("a", "0", None), ("c", "0", None), ("last", "1", "1.2")]


def test_a_line_that_goes_and_comes_again_is_new() -> None:
    """What brought it back is what it is there for."""
    gone = TextRevision("1", "a\n")
    back = TextRevision("2", "a\nb\n", (WrittenText("2.1", "b"),))
    assert _told(TextRevision("0", "a\nb\n"), gone, back)[1] == ("b", "2", "2.1")


def test_the_last_of_several_edits_that_wrote_a_line_is_named() -> None:
    """What it wrote stands."""
    edits = (WrittenText("1.1", "rule\n"), WrittenText("1.2", "other\nrule"))
    assert _told(TextRevision("0", ""), TextRevision("1", "rule\n", edits)) == [("rule", "1", "1.2")]


def test_a_change_within_a_line_is_of_the_edit_whose_text_the_line_has() -> None:
    """An edit may replace one word."""
    edits = (WrittenText("1.1", "nothing else"), WrittenText("1.2", "four digits"))
    told = _told(TextRevision("0", "Years have two digits.\n"), TextRevision("1", "Years have four digits.\n", edits))
    assert told == [("Years have four digits.", "1", "1.2")]


def test_an_empty_line_is_of_the_edit_beside_it() -> None:
    """It has no text of its own by which it could be told; the line behind it comes first."""
    edits = (WrittenText("1.1", "one"), WrittenText("1.2", "two\n"))
    told = _told(TextRevision("0", "a\n"), TextRevision("1", "a\n\none\n\ntwo\n\n", edits))
    assert [edit for _, _, edit in told] == [None, "1.1", "1.1", "1.2", "1.2", "1.2"]


def test_an_empty_line_whose_edit_is_gone_is_of_the_line_behind_it() -> None:
    """The line that it was written with may be deleted later: nothing else of that edit stands there."""
    edits = (WrittenText("1.1", "one"), WrittenText("1.2", "two"))
    first, second = TextRevision("1", "a\n\none\ntwo\n", edits), TextRevision("2", "a\n\ntwo\n")
    assert _told(TextRevision("0", "a\n"), first, second) == [("a", "0", None), ("", "1", "1.2"), ("two", "1", "1.2")]


def test_where_nothing_says_who_wrote_a_line_the_revision_is_all_there_is() -> None:
    """As with a document that was rewritten; a single edit, such as a rewrite, wrote all that is new."""
    rewritten = TextRevision("1", "b\n", ())
    assert _told(TextRevision("0", "a\n"), rewritten) == [("b", "1", None)]
    assert _told(TextRevision("0", "a\n"), rewritten._replace(edits=(WrittenText("1.1", "x"),))) == [("b", "1", "1.1")]
    two = (WrittenText("1.1", "x"), WrittenText("1.2", "y"))
    assert _told(TextRevision("0", "a\n"), rewritten._replace(edits=two)) == [("b", "1", None)]


def test_lines_are_numbered_from_one() -> None:
    """As editors number them."""
    assert line_origins([TextRevision("0", "a\nb\n")]) == [LineOrigin(1, "a", "0", None), LineOrigin(2, "b", "0", None)]
