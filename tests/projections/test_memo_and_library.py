"""Stories of what a run leaves behind: memos through time, and skills with what they rest on."""

from events.base import Event, Ref, StreamId
from events.digest import Digest, digest_of
from events.types.condition import SkillRef
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from events.types.skill import (
    LibraryFrozen,
    SkillImported,
    SkillInForce,
    SkillProposed,
    SkillRefused,
    SkillRejected,
    SkillRetired,
    SkillRevised,
)
from events.values import NamedDigest
from projections.library import Library, LibraryState, SkillLibrary, folder_digest, frozen_digest
from projections.memo import Memo, TrialMemo
from tests.projections.histories import folded, recorded

ONE, TWO = digest_of(b"one"), digest_of(b"two")
WHY = digest_of(b"provenance")


def memo_of(*events: Event) -> TrialMemo:
    """Fold a trial's memo."""
    history = recorded((StreamId("r1", "trial/a"), event) for event in events)
    return folded(Memo(), history).runs["r1"]["a"]


def library_of(*told: tuple[str, Event]) -> SkillLibrary:
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
    now = library.skills["word"].latest
    assert (now.revision, now.trial, now.files, now.provenance) == (1, "a", skill_files(ONE), WHY)
    assert (now.warnings, now.problems, now.version) == (("it is long",), (), 1)


def test_a_later_revision_is_in_force_and_the_earlier_one_is_kept() -> None:
    """Any state can be gone back to."""
    library = library_of(
        ("a", SkillRevised("word", 1, skill_files(ONE), WHY, ())),
        ("a", SkillRevised("word", 2, skill_files(TWO), WHY, ())),
    )
    assert library.skills["word"].latest.files == skill_files(TWO)
    assert [each.revision for each in library.skills["word"].revisions] == [1, 2]


def test_a_refusal_takes_nothing_away() -> None:
    """What was in force stays so, and what was wrong with the other one can be read."""
    library = library_of(
        ("a", SkillRevised("word", 1, skill_files(ONE), WHY, ())),
        ("b", SkillRefused("word", TWO, ("no front matter",))),
    )
    assert library.skills["word"].latest.trial == "a"
    assert [(each.trial, each.answer, each.problems) for each in library.refused] == [("b", TWO, ("no front matter",))]


def test_an_imported_skill_stands_with_its_problems() -> None:
    """Nobody of ours accepted it: revision 0, without provenance."""
    now = library_of(("a", SkillImported("word", skill_files(ONE), ("it is an error text",)))).skills["word"].latest
    assert (now.revision, now.provenance, now.problems) == (0, None, ("it is an error text",))


FOLDER = folder_digest(skill_files(ONE))


def evolved() -> LibraryState:
    """Fold a library that two runs changed: one proposes and accepts, the other rejects, retires and freezes."""
    first = StreamId("r1", "evolve")
    second = StreamId("r2", "evolve")
    in_force = (SkillInForce("word", 2, folder_digest(skill_files(TWO))),)
    return folded(
        Library(),
        recorded(
            [
                (first, SkillRevised("word", 1, skill_files(ONE), WHY, (), library="shared", origin="written")),
                (first, SkillProposed("word", skill_files(TWO), "edited", library="shared", parent=FOLDER)),
                (first, SkillProposed("word", skill_files(ONE), "merged", library="shared", parent=FOLDER)),
                (
                    first,
                    SkillRevised(
                        "word",
                        2,
                        skill_files(TWO),
                        WHY,
                        (),
                        library="shared",
                        parent=FOLDER,
                        origin="edited",
                        candidate=Ref("evolve", 2),
                    ),
                ),
                (second, SkillProposed("word", skill_files(ONE), "edited", library="shared")),
                (second, SkillRejected("word", Ref("evolve", 1), ("it helps nobody",), library="shared")),
                (second, SkillRevised("greet", 1, skill_files(ONE), WHY, (), library="shared")),
                (second, SkillRetired("greet", 1, "never read", library="shared")),
                (second, SkillRevised("own", 1, skill_files(ONE), WHY, ())),
                (second, LibraryFrozen(in_force, frozen_digest(in_force), library="shared")),
            ]
        ),
    )


def test_a_named_library_is_one_view_of_what_several_runs_did() -> None:
    """Whose revision takes whose place, and by which run; a run's own library is its own affair."""
    state = evolved()
    shared = state.named["shared"]
    word = shared.skills["word"]
    assert [(each.run, each.revision, each.parent, each.origin) for each in word.revisions] == [
        ("r1", 1, None, "written"),
        ("r1", 2, FOLDER, "edited"),
    ]
    assert word.revisions[0].digest == word.revisions[1].parent
    assert {run: list(library.skills) for run, library in state.runs.items()} == {"r2": ["own"]}
    assert "own" not in shared.skills


def test_a_candidate_is_accepted_rejected_or_waits() -> None:
    """A reference means an event of its own run: the second run rejects its first event, not that of the first run."""
    candidates = evolved().named["shared"].candidates
    assert [(each.run, each.version, each.accepted, each.rejected) for each in candidates] == [
        ("r1", 2, 2, None),
        ("r1", 3, None, None),
        ("r2", 1, None, ("it helps nobody",)),
    ]


def test_a_frozen_library_has_the_digest_of_what_is_in_force() -> None:
    """A retired skill is no part of it, and comes back with its next revision."""
    state = evolved()
    shared = state.named["shared"]
    assert [each.skill for each in shared.in_force()] == ["word"]
    assert shared.frozen == frozen_digest(shared.in_force())
    assert shared.skills["greet"].retired == "never read"
    again = SkillRevised("greet", 2, skill_files(TWO), WHY, (), library="shared")
    more = folded(Library(), recorded([(StreamId("r3", "evolve"), again)]), state).named["shared"]
    assert [each.skill for each in more.in_force()] == ["greet", "word"]
    assert more.frozen != frozen_digest(more.in_force())


def test_what_was_recorded_before_there_were_libraries_is_read_as_it_was() -> None:
    """Of the run's own, distilled, and in nobody's place."""
    (revision,) = library_of(("a", SkillRevised("word", 1, skill_files(ONE), WHY, ()))).skills["word"].revisions
    assert (revision.origin, revision.parent, revision.run) == ("distilled", None, "r1")


def test_the_digest_of_a_folder_is_that_of_a_condition() -> None:
    """So it is seen that an arm was given just that revision, in whatever order its files are named."""
    files = (NamedDigest("SKILL.md", ONE), NamedDigest("a.md", TWO))
    assert folder_digest(files) == folder_digest(files[::-1]) == SkillRef("word", "", files).digest
