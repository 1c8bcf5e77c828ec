"""Edits as SkillOpt applies them: its defects are part of what the compatible value reproduces."""

import pytest

from engine.policies.edits.compatible import (
    CompatibleRegions,
    apply_compatible,
    earliest_protected_start,
    in_protected_region,
)
from engine.policies.edits.edit import Edit
from engine.policies.edits.markers import APPENDIX, SLOW_UPDATE, strip_markers_once

S, E = SLOW_UPDATE
A, Z = APPENDIX
REGIONS = CompatibleRegions()


@pytest.mark.parametrize(
    ("text", "edit", "after", "status"),
    [
        ("", Edit("append", "x"), "\n\nx\n", "applied_append"),
        ("a \n\n", Edit("append", " x\n"), "a\n\nx\n", "applied_append"),
        (f"{S}s{E}", Edit("append", "x"), f"\n\nx\n\n{S}s{E}", "applied_append_before_protected_region"),
        (f"a{Z}b{A}c", Edit("append", "x"), f"a{Z}b\n\nx\n\n{A}c", "applied_append_before_protected_region"),
        ("a", Edit("append", f"{S[:9]}{A}{S[9:]}"), f"a\n\n{S}\n", "applied_append"),
        ("a\nb\nc\n", Edit("insert_after", "x", "a\n"), "a\nb\n\nx\nc\n", "applied_insert_after"),
        ("a", Edit("insert_after", "x", "b"), "a\n\nx\n", "applied_insert_after_fallback_append"),
        (
            f"a{S}{E}",
            Edit("insert_after", "x", "b"),
            f"a\n\nx\n\n{S}{E}",
            "applied_insert_after_fallback_before_protected_region",
        ),
        ("a\nb\nc\n", Edit("insert_after", "x", "c\n"), "a\nb\nc\n\nx\n", "applied_insert_after"),
        (f"a{S}b{E}", Edit("replace", "x", f"a{S}b"), f"x{E}", "applied_replace"),
        (f"a{S}b{E}", Edit("replace", "x", S), f"a{S}b{E}", "skipped_protected_region"),
        (f"{E}b{S}c{E}", Edit("replace", "x", "c"), f"{E}b{S}x{E}", "applied_replace"),
        ("a", Edit("insert_after", "x"), "a\n\nx\n", "applied_insert_after_fallback_append"),
        ("a\nb\na\n", Edit("insert_after", "x", "a"), "a\n\nx\nb\na\n", "applied_insert_after"),
        ("a", Edit("delete", "x", ""), "a", "skipped_delete_missing_target"),
        ("a", Edit("Append", "x"), "a", "skipped_unknown_op"),
    ],
)
def test_an_edit_does_what_it_did_there(text: str, edit: Edit, after: str, status: str) -> None:
    """An anchor on the next line, a marker within a marker, a target that runs into a block: W18 and W19 included."""
    assert apply_compatible(text, edit) == (after, status)


def test_only_the_first_markers_of_a_kind_bound_a_region() -> None:
    """Behind the first end marker nothing is protected, and before the first begin nothing either."""
    text = f"p{S}q{E}r{S}s{E}"
    assert [in_protected_region(text, each) for each in ("p", "q", "r", "s", "", "no", E)] == [
        False,
        True,
        False,
        False,
        False,
        False,
        True,
    ]
    assert in_protected_region(f"{S}a{E}", S)
    assert not in_protected_region(f"{S}a", S)
    assert not in_protected_region(f"a{E}", "a")
    assert not in_protected_region(f"{E}a{S}", E[:3])
    assert earliest_protected_start(f"a{A}{S}") == 1
    assert earliest_protected_start(f"{A}a{A}") == 0
    assert earliest_protected_start(f"a{E}") == -1


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", f"\n\n{S}\ng\n{E}\n"),
        ("a\n\n\n\nb \n", f"a\n\nb\n\n{S}\ng\n{E}\n"),
        (f"a{S}x{S}y{E}z{E}w", f"azw\n\n{S}\ng\n{E}\n"),
        (f"a{S}x{S}y", f"ax{S}y\n\n{S}\ng\n{E}\n"),
        (f"a{E}x{E}y", f"axy\n\n{S}\ng\n{E}\n"),
        (f"a{S}x{E}{S[:9]}{S}y{E}{S[9:]}b", f"ab\n\n{S}\ng\n{E}\n"),
    ],
)
def test_a_slow_update_is_written_at_the_end(text: str, after: str) -> None:
    """Blank lines collapse everywhere (W40), the outer begin counts, one begin without an end goes."""
    assert REGIONS.with_slow_update(text, " g\n") == after


def test_an_appendix_is_taken_from_the_inner_begin() -> None:
    """Other than a slow update, whose text between two begins is lost."""
    text = f"a{A}x{A}\n- y\n{Z}z"
    assert REGIONS.with_appendix_notes(text, ("n",)).startswith("axz\n\n")


def test_notes_are_kept_once() -> None:
    """Case, white space and punctuation at the end make no difference; the heading is no note, nor is a mere dot."""
    text = f"{A}\n## Execution Notes Appendix\n- One.\n*two\n\n-\nthree\n{Z}"
    assert REGIONS.appendix_notes(text) == ("One.", "two", "three")
    assert REGIONS.with_appendix_notes(text, ("one", " four\nfive ;", ".", "Two")) == (
        f"\n\n{A}\n## Execution Notes Appendix\n- One.\n- two\n- three\n- four five ;\n{Z}\n"
    )


def test_placeholders_are_written_once() -> None:
    """Both markers in any order count as a block that is there."""
    assert REGIONS.with_slow_placeholder("a\n") == f"a\n\n{S}\n{E}\n"
    assert REGIONS.with_slow_placeholder(f"{E}{S}") == f"{E}{S}"
    assert REGIONS.with_slow_placeholder(S) == f"{S}\n\n{S}\n{E}\n"
    assert REGIONS.with_appendix_placeholder(f"{Z}{A}") == f"{Z}{A}"
    assert REGIONS.with_appendix_placeholder(Z) == f"{Z}\n\n{A}\n## Execution Notes Appendix\n{Z}\n"


def test_guidance_is_read_from_the_first_block() -> None:
    """An end before the begin makes it none, although both are there."""
    assert REGIONS.slow_update(f"{S} a {E}{S}b{E}") == "a"
    assert REGIONS.slow_update(f"{E}{S}b{E}") == ""
    assert REGIONS.slow_update(f"{'a' * 40}{E}") == ""
    assert REGIONS.has_slow_update(f"{E}{S}b{E}")
    assert not REGIONS.has_slow_update(f"{S}b")


def test_a_marker_within_another_survives_one_pass() -> None:
    """Each marker is removed once, in a fixed order."""
    assert strip_markers_once(f"{E[:9]}{S}{E[9:]}") == ""
    assert strip_markers_once(f"{S[:9]}{E}{S[9:]}") == S
