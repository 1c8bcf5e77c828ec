"""Protected blocks of the default value: written where they stand, and nothing around them changes."""

import pytest

from engine.policies.edits.compatible import CompatibleRegions
from engine.policies.edits.edit import EditRule
from engine.policies.edits.markers import APPENDIX, SLOW_UPDATE, strip_markers
from engine.policies.edits.regions import (
    SpanSafeRegions,
    blocks_of,
    markers_in,
    protected_blocks,
    regions_for,
    without_blocks,
)

S, E = SLOW_UPDATE
A, Z = APPENDIX
H = "## Execution Notes Appendix"
REGIONS = SpanSafeRegions()


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", f"{S}\ng\n{E}\n"),
        ("a", f"a\n\n{S}\ng\n{E}\n"),
        ("a\n", f"a\n\n{S}\ng\n{E}\n"),
        ("a\n\n", f"a\n\n{S}\ng\n{E}\n"),
        ("a \n\n\n\nb\n\n\n", f"a \n\n\n\nb\n\n\n{S}\ng\n{E}\n"),
        ("a\r\n", f"a\r\n\r\n{S}\r\ng\r\n{E}\r\n"),
        (f"a\n{S}\nold\n{E}\nb\n", f"a\n{S}\ng\n{E}\nb\n"),
        (f"a\n{S}{E}", f"a\n{S}\ng\n{E}"),
        (f"a{S}x{E}b{S}y{E}c", f"a{S}\ng\n{E}bc"),
        (f"{S}a\n\n\n\n{S}x{E}b{E}", f"{S}a\n\n\n\n{S}\ng\n{E}b{E}"),
        (f"a\n{S}\nb\n", f"a\n{S}\nb\n\n{S}\ng\n{E}\n"),
        (f"{E}a{S}\n", f"{E}a{S}\n\n{S}\ng\n{E}\n"),
        (f"```\n\n\n\n{A}\n```\n{Z}\n", f"```\n\n\n\n{A}\n```\n{Z}\n\n{S}\ng\n{E}\n"),
    ],
)
def test_guidance_is_written_in_place(text: str, after: str) -> None:
    """Text behind a begin that has no end stays, and so do blank lines and code (W18, W40)."""
    assert REGIONS.with_slow_update(text, " g\n") == after


def test_guidance_replaces_guidance() -> None:
    """Written again it is the same text; written empty, the markers stay."""
    once = REGIONS.with_slow_update("a\n", "one\n\n\n\ntwo")
    assert REGIONS.slow_update(once) == "one\n\n\n\ntwo"
    assert REGIONS.with_slow_update(once, "one\n\n\n\ntwo") == once
    assert REGIONS.with_slow_update(once, " ") == f"a\n\n{S}\n{E}\n"
    assert REGIONS.with_slow_update("a\n", "x\r\ny") == f"a\n\n{S}\nx\ny\n{E}\n"
    assert REGIONS.with_slow_update("a\r\n", "x\ny") == f"a\r\n\r\n{S}\r\nx\r\ny\r\n{E}\r\n"


def test_guidance_holds_no_markers() -> None:
    """Else it would end its block; SkillOpt writes them."""
    after = REGIONS.with_slow_update("a\n", f"x{E}y{S[:5]}{Z}{S[5:]}")
    assert REGIONS.slow_update(after) == "xy"
    assert markers_in(after) == (S, E)


def test_guidance_of_all_blocks_is_read() -> None:
    """Whoever is given the skill reads all of them; empty ones say nothing."""
    assert REGIONS.slow_update(f"{S} a {E}x{S}\n{E}{S}\nb{E}") == "a\n\nb"
    assert REGIONS.slow_update(f"{E}a{S}") == ""
    assert REGIONS.has_slow_update(f"{S}{E}")
    assert not REGIONS.has_slow_update(f"{E}a{S}")


def test_no_placeholder_is_written() -> None:
    """It would make another skill of the same text, which is measured again (W11)."""
    assert REGIONS.with_slow_placeholder("a\n") == "a\n"


def test_notes_are_added_once_and_in_place() -> None:
    """New ones behind those there are; where nothing is new, the text is the same."""
    text = f"a\n{A}\n{H}\n- One.\n{Z}\nb\n\n\n\nc\n"
    assert REGIONS.appendix_notes(text) == ("One.",)
    assert REGIONS.with_appendix_notes(text, ("one", "two\nlines")) == (
        f"a\n{A}\n{H}\n- One.\n- two lines\n{Z}\nb\n\n\n\nc\n"
    )
    assert REGIONS.with_appendix_notes(text, ("ONE;",)) == text
    assert REGIONS.with_appendix_notes("a", ()) == "a"
    assert REGIONS.with_appendix_notes("a", ("n",)) == f"a\n\n{A}\n{H}\n- n\n{Z}\n"


def test_notes_of_all_blocks_are_kept_in_the_first() -> None:
    """SkillOpt keeps those of the first and loses the others."""
    text = f"{A}- x{Z}\nb\n{A}\n- y\n{Z}\n"
    assert REGIONS.with_appendix_notes(text, ("z",)) == f"{A}\n{H}\n- x\n- y\n- z\n{Z}\nb\n\n"


def test_notes_hold_no_markers() -> None:
    """A note that is nothing but one is none."""
    assert REGIONS.with_appendix_notes("a\n", (f"x{Z}y", Z)) == f"a\n\n{A}\n{H}\n- xy\n{Z}\n"


@pytest.mark.parametrize("regions", [SpanSafeRegions(), CompatibleRegions()])
def test_consolidated_notes_take_the_place_of_all(regions: SpanSafeRegions | CompatibleRegions) -> None:
    """Each once, as when they are added."""
    text = f"a\n\n{A}\n{H}\n- x\n- y\n{Z}\n"
    assert regions.with_only_notes(text, ("z", "Z.")) == f"a\n\n{A}\n{H}\n- z\n{Z}\n"


def test_blocks_are_innermost_and_never_overlap() -> None:
    """What stands between two begins is no block's, and a marker of the other kind parts one, too."""
    text = f"{S}a{S}b{E}c{E}{A}d{S}e{E}f{Z}{A}g{Z}"
    assert [block.body for block in protected_blocks(text)] == ["b", "e", "g"]
    assert [text[block.start : block.end] for block in blocks_of(text, APPENDIX)] == [f"{A}g{Z}"]
    assert markers_in(text) == (S, S, E, E, A, S, E, Z, A, Z)


def test_what_stands_outside_is_without_markers() -> None:
    """Also without those that only come together where a block is taken out."""
    assert without_blocks(f"a{S}b{E}c{S}d{Z}") == "acd"
    assert without_blocks(f"{S[:6]}{A}x{Z}{S[6:]}b") == "b"


def test_markers_are_removed_to_a_fixed_point() -> None:
    """However deep they are nested."""
    nested = S
    for marker in (A, E, S, Z, S):
        nested = marker[:7] + nested + marker[7:]
    assert strip_markers(f"a{nested}b") == "ab"


def test_the_rule_chooses_the_value() -> None:
    """Both fill one protocol."""
    assert regions_for(EditRule()).with_slow_placeholder("a") == "a"
    assert regions_for(EditRule(compatible=True)).with_slow_placeholder("a") == f"a\n\n{S}\n{E}\n"
