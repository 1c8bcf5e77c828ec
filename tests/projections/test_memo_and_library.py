"""Stories of what a run leaves behind: memos through time, and skills with what they rest on."""

from events.base import Event, StreamId
from events.digest import Digest, digest_of
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from events.types.skill import SkillImported, SkillRefused, SkillRevised
from events.values import NamedDigest
from projections.library import Library, RunLibrary
from projections.memo import Memo, TrialMemo
from tests.projections.histories import folded, recorded

ONE, TWO = digest_of(b"one"), digest_of(b"two")
WHY = digest_of(b"provenance")


def memo_of(*events: Event) -> TrialMemo:
    """Fold a trial's memo."""
    history = recorded((StreamId("r1", "trial/a"), event) for event in events)
    return folded(Memo(), history).runs["r1"]["a"]


def library_of(*told: tuple[str, Event]) -> RunLibrary:
    """Fold a run's library, from events beside the trials they are of."""
    history = recorded((StreamId("r1", f"trial/{trial}"), event) for trial, event in told)
    return folded(Library(), history).runs["r1"]


def skill_files(digest: Digest) -> tuple[NamedDigest, ...]:
    """One file."""
    return (NamedDigest("SKILL.md", digest),)


def test_a_memo_has_a_history() -> None:
    """Each rewriting names what it replaced, so that any two can be compared."""
    memo = memo_of(MemoRewritten(1, ONE, None, repaired=False), MemoRewritten(2, TWO, ONE, repaired=True))
    assert (memo.current, memo.rewritten, memo.kept) == (TWO, 2, 0)
    assert [(step.attempt, step.memo, step.previous, step.repaired) for step in memo.steps] == [
        (1, ONE, None, False),
        (2, TWO, ONE, True),
    ]
    assert [step.version for step in memo.steps] == [1, 2]


def test_a_failed_reflection_leaves_the_memo_and_says_why() -> None:
    """In SPARK the error would be the memo now (W3)."""
    memo = memo_of(MemoRewritten(1, ONE, None, repaired=False), MemoKept(2, ONE, ("timeout: 30 s",)))
    assert (memo.current, memo.rewritten, memo.kept) == (ONE, 1, 1)
    assert (memo.steps[-1].kind, memo.steps[-1].problems) == ("kept", ("timeout: 30 s",))


def test_a_first_reflection_that_fails_leaves_none() -> None:
    """There was nothing to keep."""
    assert memo_of(MemoKept(1, None, ("timeout",))).current is None


def test_a_template_was_not_written_by_a_model() -> None:
    """SPARK stores one where an execution failed; it is in force, and nobody reflected."""
    template = MemoImported(0, ONE, None, reflected=False)
    memo = memo_of(template, MemoImported(1, TWO, ONE, reflected=True))
    assert (memo.current, memo.rewritten) == (TWO, 1)
    assert [(step.kind, step.reflected) for step in memo.steps] == [("imported", False), ("imported", True)]


def test_a_skill_names_what_it_rests_on() -> None:
    """Its files, its provenance, the trial it came of, and what is doubtful about it."""
    library = library_of(("a", SkillRevised("word", 1, skill_files(ONE), WHY, ("it is long",))))
    now = library.skills["word"].in_force
    assert (now.revision, now.trial, now.files, now.provenance) == (1, "a", skill_files(ONE), WHY)
    assert (now.warnings, now.problems, now.version) == (("it is long",), (), 1)


def test_a_later_revision_is_in_force_and_the_earlier_one_is_kept() -> None:
    """Any state can be gone back to."""
    library = library_of(
        ("a", SkillRevised("word", 1, skill_files(ONE), WHY, ())),
        ("a", SkillRevised("word", 2, skill_files(TWO), WHY, ())),
    )
    assert library.skills["word"].in_force.files == skill_files(TWO)
    assert [each.revision for each in library.skills["word"].revisions] == [1, 2]


def test_a_refusal_takes_nothing_away() -> None:
    """What was in force stays so, and what was wrong with the other one can be read."""
    library = library_of(
        ("a", SkillRevised("word", 1, skill_files(ONE), WHY, ())),
        ("b", SkillRefused("word", TWO, ("no front matter",))),
    )
    assert library.skills["word"].in_force.trial == "a"
    assert [(each.trial, each.answer, each.problems) for each in library.refused] == [("b", TWO, ("no front matter",))]


def test_an_imported_skill_stands_with_its_problems() -> None:
    """Nobody of ours accepted it: revision 0, without provenance."""
    now = library_of(("a", SkillImported("word", skill_files(ONE), ("it is an error text",)))).skills["word"].in_force
    assert (now.revision, now.provenance, now.problems) == (0, None, ("it is an error text",))
