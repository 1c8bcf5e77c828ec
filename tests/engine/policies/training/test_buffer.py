"""The optimizer is told what failed and what did not help, and nothing false."""

from typing import NamedTuple

from engine.policies.training.buffer import NamedFailure, Pattern, StepNote, patterns_of, render_notes


class _Row(NamedTuple):
    item: str
    hard: float
    reason: str | None


ROWS = (
    _Row("a", 0, "EM=0: predicted 'x: y'"),
    _Row("b", 0, "EM=0: predicted 'y'"),
    _Row("c", 0, "timeout"),
    _Row("d", 1, ""),
    _Row("e", 0, None),
    _Row("f", 0.4, "partial"),
)
FINDINGS = (NamedFailure("t1", "d1", ("c", "e")), NamedFailure("t2", "", ("a", "b")))


def test_rows_are_grouped_by_their_own_reasons() -> None:
    """What reflections found stands by itself; SkillOpt gives the first finding to the first group, and so on (W16)."""
    told = (("EM=0", ("a", "b")), ("timeout", ("c",)), ("unknown", ("e",)), ("partial", ("f",)))
    ours = patterns_of(ROWS, FINDINGS)
    assert ours[:4] == tuple(Pattern(*each) for each in told)
    assert ours[4:] == (Pattern("t1: d1", ("c", "e"), seen=True), Pattern("t2", ("a", "b"), seen=True))
    assert patterns_of(ROWS, FINDINGS, compatible=True) == (
        Pattern("t1: d1", ("a", "b")),
        Pattern("t2", ("c",)),
        Pattern("unknown", ("e",)),
    )


def test_a_finding_without_a_name_takes_none_away() -> None:
    """There may be more findings than groups, or none."""
    assert patterns_of(ROWS[:2], (NamedFailure("", ""), NamedFailure("t", "")), compatible=True) == (
        Pattern("EM=0", ("a", "b")),
    )
    assert patterns_of(ROWS[3:4], (), compatible=True) == patterns_of(ROWS[3:4], ()) == ()


def test_notes_say_what_was_tried() -> None:
    """With its score beside the one it had to beat, and why edits were refused."""
    notes = (
        StepNote(1, "accepted", 4, 1, (Pattern("EM=0", ("a",)), Pattern("dates", ("a", "b"), seen=True))),
        StepNote(2, "rejected", 4, 2, before=0.5, after=0.25, edits=("append: R",), hints=("target not found",)),
    )
    assert render_notes(notes) == (
        "Step 1: accepted; 1 of 4 items failed.\n- EM=0 (1: a)\n- dates (seen among a, b)\n\n"
        "Step 2: rejected; 2 of 4 items failed.\nTried in vain, which scored 0.25 against 0.5:\n1. append: R\n"
        "Refused: target not found"
    )
    assert render_notes(()) == ""


def test_a_step_without_a_score_has_none_to_tell() -> None:
    """Its edits are told all the same."""
    assert render_notes((StepNote(3, "undecided", 4, 4, edits=("append: R",)),)).splitlines()[1] == "Tried in vain:"
