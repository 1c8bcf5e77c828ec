"""Text that is shared word for word: what counts as a run, whatever its white space and case, and how much it is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.policies.skill.shared_text import (
    LEAST,
    SharedPart,
    indexed,
    normalised,
    part_of_line,
    part_of_lines,
    runs_in,
    shared,
)

SAID = "sed -n '3,9p' service.log | cut -d: -f1"


def parts(skill: str, source: str) -> list[SharedPart | None]:
    """Say for each line of a skill how much of it stands in a source."""
    text = indexed(skill)
    runs = shared(text, runs_in(text.runs, source))
    return [part_of_line(text, runs, number) for number in range(1, len(text.lines) + 1)]


def test_a_line_that_quotes_a_text_is_found_and_its_neighbours_are_not() -> None:
    """The share is of the characters of the line, and the run is as long as it gets."""
    text = f"Look around first.\n- Run `{SAID}`.\n\nCheck what you wrote."
    assert parts(text, f"$ something else\n{SAID}\nmore") == [
        None,
        SharedPart(len(SAID) / len(f"- Run `{SAID}`."), len(SAID)),
        None,
        None,
    ]


def test_white_space_line_ends_and_case_do_not_count() -> None:
    """Neither in the skill nor in what it quotes: it is wrapped, indented, of Windows, in capitals."""
    wrapped = "  SED   -n '3,9p'\r\n\tservice.log\r\n| cut -d: -f1\r\n"
    assert [each is not None for each in parts(wrapped, SAID)] == [True, True, True, False]
    assert parts(SAID, wrapped) == [SharedPart(1.0, len(SAID))]


def test_characters_that_change_their_length_or_form_with_case_are_one_character() -> None:
    """Else places of the skill would shift, or a word in capitals be another one."""
    said = "\u0130STANBUL \u039f\u0394\u039f\u03a3 and Stra\u00dfe are three words"
    assert len(normalised(said)) == len(said)
    (part,) = parts(said, said.lower())
    assert part is None or part.share <= 1
    assert parts(said, said) == [SharedPart(1.0, len(said))]
    assert parts(
        "\u03bf\u03b4\u03cc\u03c2 of the whole wide world", "\u039f\u0394\u038c\u03a3 OF THE WHOLE WIDE WORLD"
    ) == [SharedPart(1.0, 28)]


def test_the_least_length_is_held_to_the_character() -> None:
    """One character less is found nowhere."""
    least = "abcdefghijklmnopqrstuvwx"
    assert len(least) == LEAST
    assert parts(f"{least}!", f"?{least}?") == [SharedPart(LEAST / (LEAST + 1), LEAST)]
    assert parts(f"{least[1:]}!", f"?{least}?") == [None]


def test_rulers_and_frames_are_no_text() -> None:
    """At least half of the least length has to be letters and digits."""
    ruler = "| --- | --- | --- | --- | --- | --- |"
    assert parts(ruler, ruler) == [None]
    half = "a1" * (LEAST // 4) + "-" * (LEAST // 2)
    assert parts(half, half) == [SharedPart(1.0, LEAST)]
    assert parts("-" + half[1:], "-" + half[1:]) == [None]


def test_a_line_in_which_a_run_of_its_neighbour_ends_is_not_marked_for_a_word() -> None:
    """It is once half the least length is there, or nothing but the run."""
    source = f"{SAID} then look"
    assert [each is not None for each in parts(f"{SAID}\nthen be glad", source)] == [True, False]
    assert [each is not None for each in parts(f"{SAID}\nthen", source)] == [True, True]
    assert [each is not None for each in parts(f"{SAID}\nthen think it over", f"{SAID} then think it")] == [True, False]
    assert [each is not None for each in parts(f"{SAID}\nthen think itt o", f"{SAID} then think itt")] == [True, True]


def test_a_section_has_the_share_of_all_its_lines() -> None:
    """Of characters, so that a short line counts for little; a section without a marked line has none."""
    text = indexed(f"abcde\n{SAID}\nnothing of it")
    runs = shared(text, runs_in(text.runs, SAID))
    assert part_of_lines(text, runs, 1, 2) == SharedPart(len(SAID) / (5 + len(SAID)), len(SAID))
    assert part_of_lines(text, runs, 3, 3) is None
    assert part_of_lines(text, runs, 1, 1) is None


def test_runs_from_two_places_of_a_text_count_each_character_once() -> None:
    """Given a line that overlaps with two places, which do not stand side by side."""
    line = "first half of it, the middle part, and then the second half"
    source = f"{line[:38]}\n~~~~\n{line[10:]}"
    assert parts(line, source) == [SharedPart(1.0, len(line))]
    apart = indexed(line)
    runs = shared(apart, runs_in(apart.runs, f"{line[:30]}~{line[27:]}"))
    assert [(run.start, run.end) for run in runs] == [(0, 30), (27, len(line))]
    assert part_of_line(apart, runs, 1) == SharedPart(1.0, len(line) - 27)
    close = shared(apart, runs_in(apart.runs, f"{line[:30]}~{line[8:]}"))
    assert [(run.start, run.end) for run in close] == [(0, 30), (8, len(line))]


def test_nothing_is_shared_with_nothing() -> None:
    """An empty skill, an empty text, and a skill that is shorter than a run."""
    assert parts("", SAID) == [None]
    assert parts(SAID, "") == [None]
    assert parts("short", "short") == [None]


LETTERS = st.text(alphabet="ab \n", max_size=120)


@given(LETTERS, LETTERS)
def test_every_run_stands_in_the_text_and_shares_are_shares(skill: str, source: str) -> None:
    """Whatever the texts are: each window of a run is there, runs are in order, and the text is found in itself."""
    text = indexed(skill)
    runs = shared(text, runs_in(text.runs, source))
    for run in runs:
        windows = [text.text[at : at + LEAST] for at in range(run.start, run.end - LEAST + 1)]
        assert all(each in normalised(source) for each in windows)
    assert all(one.start < other.start and one.end < other.end for one, other in pairwise(runs))
    assert all(part is None or 0 < part.share <= 1 for part in parts(skill, source))
    whole = shared(text, runs_in(text.runs, skill))
    assert len(whole) == (len(text.text) >= LEAST and sum(map(str.isalnum, text.text)) >= LEAST // 2)
