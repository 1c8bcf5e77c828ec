"""Libraries that a run evolves: one stream each, whose states are told apart by their content alone."""

from events.base import Event, StreamId
from events.digest import Digest
from events.streams import library_stream
from events.types.evolution import SkillNarrowed, SkillQuarantined, snapshot_digest
from events.types.skill import LibraryFrozen, SkillInForce, SkillRetired, SkillRevised, SkillRolledBack
from events.values import NamedDigest
from projections.library import Library, LibraryState, SkillLibrary, folder_digest, frozen_digest, library_key
from tests.projections.histories import folded, recorded

ONE, TWO, THREE, WHY = (Digest(letter * 64) for letter in "abcf")
NAME = "always/E1"


def files(digest: Digest, *more: str) -> tuple[NamedDigest, ...]:
    """Make a folder of a skill."""
    return (NamedDigest("SKILL.md", digest), *(NamedDigest(each, TWO) for each in more))


def revised(revision: int, digest: Digest, before: Digest | None = None, skill: str = "rows") -> SkillRevised:
    """Put a revision in force."""
    parent = None if before is None else folder_digest(files(before))
    return SkillRevised(skill, revision, files(digest), WHY, (), NAME, parent, "edited")


def evolved(*events: Event, run: str = "r1", stream: str = library_stream("always", "E1")) -> LibraryState:
    """Fold what the actor of a library recorded."""
    return folded(Library(), recorded([(StreamId(run, stream), each) for each in events]))


def library(state: LibraryState, run: str = "r1") -> SkillLibrary:
    """Give the library of a run."""
    return state.named[library_key(run, NAME)]


def test_each_run_has_libraries_of_its_own() -> None:
    """Two runs that evolve the same arm do not write into one library; equal content has one digest all the same."""
    first = library(evolved(revised(1, ONE), revised(2, TWO, ONE)))
    other = library(evolved(revised(1, TWO), run="r2"), "r2")
    assert len(first.skills["rows"].revisions) == 2
    assert first.snapshot == other.snapshot == snapshot_digest([("rows", folder_digest(files(TWO)))])
    assert first.snapshot != library(evolved(revised(1, ONE))).snapshot
    assert first.snapshot != library(evolved(revised(1, TWO, skill="pages"))).snapshot


def test_a_library_has_one_writer() -> None:
    """The stream of its name: what another one says of it is not applied, and is told."""
    state = evolved(revised(1, ONE), stream="library/always/E2")
    assert library_key("r1", NAME) not in state.named
    (foreign,) = state.foreign
    assert (foreign.run, foreign.stream, foreign.version, foreign.library) == ("r1", "library/always/E2", 1, NAME)


def test_a_rollback_puts_an_earlier_revision_in_force() -> None:
    """The later one stays on record; the next revision takes its place."""
    back = SkillRolledBack("rows", 2, 1, folder_digest(files(ONE)), "it harms", NAME)
    held = library(evolved(revised(1, ONE), revised(2, TWO, ONE), back))
    assert held.in_force() == (SkillInForce("rows", 1, folder_digest(files(ONE))),)
    assert [(each.revision, each.to, each.reason) for each in held.skills["rows"].rollbacks] == [(2, 1, "it harms")]
    again = library(evolved(revised(1, ONE), revised(2, TWO, ONE), back, revised(3, THREE, ONE)))
    assert again.skills["rows"].latest.revision == 3


def test_a_skill_in_quarantine_is_in_force_and_given_to_nobody() -> None:
    """Until it is revised."""
    state = evolved(revised(1, ONE), SkillQuarantined("rows", 1, "it harms", NAME))
    held = library(state)
    assert (held.skills["rows"].quarantined, held.given()) == ("it harms", ())
    assert [each.skill for each in held.in_force()] == ["rows"]
    mended = library(evolved(revised(1, ONE), SkillQuarantined("rows", 1, "it harms", NAME), revised(2, TWO)))
    assert [each.revision for each in mended.given()] == [2]


def test_a_narrowed_skill_is_kept_from_some_environments() -> None:
    """And given to all others."""
    held = library(evolved(revised(1, ONE), SkillNarrowed("rows", 1, ("E2",), "it harms there", NAME)))
    assert held.skills["rows"].excluded == ("E2",)
    assert (held.given("E2"), len(held.given("E1")), len(held.given())) == ((), 1, 1)


def test_what_is_retired_comes_back_with_its_next_revision() -> None:
    """Its life is one; what is not there cannot be quarantined."""
    gone = (revised(1, ONE), SkillRetired("rows", 1, "it harms", NAME))
    assert library(evolved(*gone)).in_force() == ()
    assert library(evolved(*gone, revised(2, TWO))).in_force()[0].revision == 2
    assert library(evolved(SkillQuarantined("other", 1, "", NAME))).skills == {}


def test_each_freeze_keeps_a_state() -> None:
    """A library that all environments share is frozen once for each; equal states have equal digests in every run."""
    one = (SkillInForce("rows", 1, folder_digest(files(ONE))),)
    two = (SkillInForce("rows", 2, folder_digest(files(TWO))),)
    events = (
        revised(1, ONE),
        LibraryFrozen(one, frozen_digest(one), NAME),
        revised(2, TWO, ONE),
        LibraryFrozen(two, frozen_digest(two), NAME),
    )
    held = library(evolved(*events))
    assert [each.skills for each in held.snapshots] == [one, two]
    assert [each.version for each in held.snapshots] == [2, 4]
    alone = library(evolved(revised(1, TWO), run="r2"), "r2")
    assert held.snapshots[1].digest == held.snapshot == alone.snapshot
    assert held.snapshots[0].digest != held.snapshots[1].digest


def test_a_revision_knows_what_it_was_made_from() -> None:
    """By the digest of folders: a rollback and what follows it is another line."""
    back = SkillRolledBack("rows", 2, 1, folder_digest(files(ONE)), "it harms", NAME)
    skill = library(evolved(revised(1, ONE), revised(2, TWO, ONE), back, revised(3, THREE, ONE))).skills["rows"]
    assert [each.revision for each in skill.lineage(folder_digest(files(THREE)))] == [1, 3]
    assert [each.revision for each in skill.lineage(folder_digest(files(TWO)))] == [1, 2]
    assert skill.lineage(folder_digest(files(WHY))) == ()


def test_files_of_a_skill_have_tiers() -> None:
    """The document is read when the skill is opened, all else when the document says so."""
    event = SkillRevised("rows", 1, files(ONE, "scripts/a.py", "references/b.md"), WHY, (), NAME)
    (revision,) = library(evolved(event)).skills["rows"].revisions
    assert [each.name for each in revision.tier(2)] == [each.name for each in revision.tier(1)] == ["SKILL.md"]
    assert [each.name for each in revision.tier(3)] == ["scripts/a.py", "references/b.md"]
