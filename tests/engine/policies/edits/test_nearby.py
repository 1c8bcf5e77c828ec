"""What an optimizer may have meant."""

from engine.policies.edits.nearby import NearMatch, line_at, nearest, quoted

TEXT = "# Title\n\n- Always answer in JSON.\n- Never guess a date, and say why.\n- Use short words.\n"


def test_a_line_with_a_slip_is_near() -> None:
    """Whatever its case."""
    assert nearest(TEXT, "- always anwser in JSON") == NearMatch(3, "- Always answer in JSON.")


def test_a_part_of_a_line_is_near_to_its_line() -> None:
    """Targets are often quoted from memory, and in part."""
    assert nearest(TEXT, "guess the date") == NearMatch(4, "- Never guess a date, and say why.")


def test_several_lines_are_near_to_as_many() -> None:
    """The first of them is named."""
    near = nearest(TEXT, "- Never guess dates, and say why.\n- Use few short words.")
    assert near == NearMatch(4, "- Never guess a date, and say why.\n- Use short words.")


def test_the_last_lines_are_near_as_others_are() -> None:
    """Whether or not a line break ends them; and two characters are one pair."""
    assert nearest("x\n- one rule\n- two rule", "- one rule\n- two rules") == NearMatch(2, "- one rule\n- two rule")
    assert nearest("ab", "AB") == NearMatch(1, "ab")


def test_more_lines_than_there_are_are_near_to_all() -> None:
    """A target may be longer than the text."""
    assert nearest("- one rule", "- one rule\n- x") == NearMatch(1, "- one rule")


def test_what_is_far_is_not_named() -> None:
    """A wrong suggestion costs another wrong edit."""
    assert nearest(TEXT, "zebra quilt") is None
    assert nearest(TEXT, "x") is None
    assert nearest("", "- rule") is None


def test_nearness_begins_at_six_pairs_in_ten() -> None:
    """Ten pairs are wanted; six of them are near, five are not."""
    assert nearest("abcdefg zzzz", "abcdefghijk") is not None
    assert nearest("abcdef zzzzz", "abcdefghijk") is None


def test_among_equals_the_order_of_words_decides() -> None:
    """Else the first line."""
    assert nearest("b c a d\na b c d\n", "a b c  d") == NearMatch(2, "a b c d")
    assert nearest("a b c d\na b c d\n", "a b c  d") == NearMatch(1, "a b c d")


def test_a_quotation_is_one_line_and_short() -> None:
    """Its end is kept: where a text ends is what tells it apart."""
    assert quoted("a\r\nb") == "“a\\nb”"
    assert quoted("a" * 160) == f"“{'a' * 160}”"
    long = quoted("a" * 161 + "end")
    assert len(long) == 162
    assert long.endswith("aend”")


def test_lines_count_from_one() -> None:
    """A line break belongs to the line it ends."""
    assert [line_at("a\nb", at) for at in (0, 1, 2)] == [1, 1, 2]
    assert line_at("\na", 1) == 2
