"""What holds of every edit of the default value, whatever text and edit are."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import DOCUMENT, OPERATIONS, Edit, EditRule
from engine.policies.edits.markers import APPENDIX, MARKERS, SLOW_UPDATE, strip_markers
from engine.policies.edits.regions import SpanSafeRegions, blocks_of, markers_in, protected_blocks, without_blocks
from engine.policies.edits.rewriting import rewritten

HALVES = (MARKERS[0][:9], MARKERS[0][9:])
LINES = ("\n", "\n\n\n\n", " ", "\r\n", "```", "```\n", "## R\n", "| x |\n")
PIECES = (*MARKERS, *MARKERS, *HALVES, *LINES, "a", "b", "- a", "\n- b\n", "some words here")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
RULES = st.builds(EditRule, max_chars=st.sampled_from((None, 20, 60, 20_000)))
REGIONS = SpanSafeRegions()


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[str, tuple[Edit, ...]]:
    """A text, and edits whose targets are parts of it more often than not."""
    text = draw(TEXTS)
    ends = st.integers(0, len(text))

    def target() -> str:
        start, end = sorted((draw(ends), draw(ends)))
        return draw(st.sampled_from((text[start:end], text[start : start + 4], draw(TEXTS))))

    count = draw(st.integers(1, 3))
    edits = tuple(Edit(draw(st.sampled_from(OPERATIONS)), draw(TEXTS), target()) for _ in range(count))
    return text, edits


def guarded(text: str) -> list[str]:
    """Give protected blocks with their markers."""
    return [text[block.start : block.end] for block in protected_blocks(text)]


@given(texts_and_edits(), RULES)
def test_no_edit_changes_makes_or_removes_a_protected_block(case: tuple[str, tuple[Edit, ...]], rule: EditRule) -> None:
    """Neither by its content nor by its target, nor by what it brings together; and no marker comes to be."""
    text, edits = case
    after = apply_edits({DOCUMENT: text}, edits, rule).files[DOCUMENT]
    assert guarded(after) == guarded(text)
    assert len(markers_in(after)) <= len(markers_in(text))


@given(texts_and_edits(), RULES)
def test_an_edit_changes_one_stretch_at_its_anchor(case: tuple[str, tuple[Edit, ...]], rule: EditRule) -> None:
    """What is taken away has the words of the target and no others; an append and an insertion take nothing away."""
    text, edits = case
    edit = edits[0]
    files, report = apply_edits({DOCUMENT: text}, [edit], rule)
    after = files[DOCUMENT]
    if not report[0].applied:
        assert after == text
        return
    start = next((at for at, (one, other) in enumerate(zip(text, after, strict=False)) if one != other), len(text))
    start = min(start, len(text), len(after))
    same = 0
    while same < min(len(text), len(after)) - start and text[-1 - same] == after[-1 - same]:
        same += 1
    removed = text[start : len(text) - same]
    if edit.op in ("append", "insert_after"):
        assert removed == ""
    else:
        assert "".join(removed.split()) in "".join(edit.target.split()) * 2


def said(text: str) -> Counter[str]:
    """Count the characters that are no white space."""
    return Counter("".join(text.split()))


@given(texts_and_edits(), RULES)
def test_what_an_edit_adds_is_its_content_and_what_it_takes_its_target(
    case: tuple[str, tuple[Edit, ...]], rule: EditRule
) -> None:
    """To the character, white space and markers aside: nothing else comes or goes."""
    text, (edit, *_) = case
    files, report = apply_edits({DOCUMENT: text}, [edit], rule)
    if report[0].applied:
        added = "" if edit.op == "delete" else strip_markers(edit.content)
        taken = edit.target if edit.op in ("replace", "delete") else ""
        assert said(files[DOCUMENT]) + said(taken) == said(text) + said(added)


@pytest.mark.slow
@given(texts_and_edits(), RULES)
def test_the_budget_is_never_exceeded(case: tuple[str, tuple[Edit, ...]], rule: EditRule) -> None:
    """A file that was too long does not grow."""
    text, edits = case
    after = apply_edits({DOCUMENT: text}, edits, rule).files[DOCUMENT]
    assert rule.max_chars is None or len(after) <= max(len(text), rule.max_chars)


@given(texts_and_edits(), st.sampled_from((EditRule(), EditRule(compatible=True))))
def test_edits_are_applied_the_same_each_time_and_one_by_one(
    case: tuple[str, tuple[Edit, ...]], rule: EditRule
) -> None:
    """Together or in turn: what an edit does depends on the text before it alone."""
    text, edits = case
    together = apply_edits({DOCUMENT: text}, edits, rule)
    assert apply_edits({DOCUMENT: text}, edits, rule) == together
    files: Mapping[str, str] = {DOCUMENT: text}
    statuses: list[str] = []
    for edit in edits:
        files, report = apply_edits(files, [edit], rule)
        statuses += [each.status for each in report]
    assert files == together.files
    assert statuses == [each.status for each in together.report]


@given(TEXTS, TEXTS)
def test_writing_guidance_changes_nothing_outside_its_block(text: str, guidance: str) -> None:
    """What was outside is outside, to the character; only a first block comes with a blank line before it."""
    after = REGIONS.with_slow_update(text, guidance)
    found = blocks_of(text, SLOW_UPDATE)
    if found:
        outside, at = "", 0
        for block in found:
            outside, at = outside + text[at : block.start], block.end
        outside += text[at:]
        first = found[0].start
        assert after.startswith(text[:first])
        assert after.endswith(outside[first:])
    else:
        assert after.startswith(text)
    assert REGIONS.with_slow_update(after, guidance) == after
    assert len(blocks_of(after, SLOW_UPDATE)) == 1
    assert [block.body for block in blocks_of(after, APPENDIX)] == [block.body for block in blocks_of(text, APPENDIX)]


@given(TEXTS, st.lists(TEXTS, max_size=3).map(tuple))
def test_notes_that_were_added_are_read_again(text: str, notes: tuple[str, ...]) -> None:
    """And adding them once more changes nothing."""
    after = REGIONS.with_appendix_notes(text, notes)
    assert REGIONS.with_appendix_notes(after, notes) == after
    assert set(REGIONS.appendix_notes(text)) <= set(REGIONS.appendix_notes(after))


@given(TEXTS, TEXTS)
def test_a_rewrite_keeps_protected_blocks(document: str, answer: str) -> None:
    """All of them, in order, and none of the answer's."""
    text = rewritten(document, answer, EditRule()).text
    assert text is None or guarded(text) == guarded(document)


@given(TEXTS)
def test_outside_of_blocks_there_is_no_marker(text: str) -> None:
    """Not even one that comes together where a block is taken out."""
    assert markers_in(without_blocks(text)) == ()
