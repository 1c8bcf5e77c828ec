"""Stories of a skill in training, as the library of its run tells them."""

from events.base import Ref, StreamId
from events.digest import digest_of
from events.types.skill import SkillRejected
from events.types.training import CandidateMade, SkillAccepted
from events.values import NamedDigest
from projections.library import Library, SkillLibrary, folder_digest
from tests.projections.histories import folded, recorded

TRAIN = StreamId("r1", "train")
FIRST, SECOND = ((NamedDigest("SKILL.md", digest_of(text)),) for text in (b"first", b"second"))


def made(files: tuple[NamedDigest, ...]) -> CandidateMade:
    """Make a candidate of some files, from nothing."""
    return CandidateMade("answers", "step", 1, 1, files, None, digest_of(b"[]"), 1, 0, changed=True)


def accepted(files: tuple[NamedDigest, ...], candidate: int) -> SkillAccepted:
    """Accept the candidate that the train stream has at a version."""
    return SkillAccepted("answers", 1, files, None, Ref("train", candidate), None, "step", 1, 1, best=True)


def library() -> SkillLibrary:
    """Fold a run in which one candidate was accepted, and one rejected."""
    told = (
        made(FIRST),
        accepted(FIRST, 1),
        made(SECOND),
        SkillRejected("answers", Ref("train", 3), ("it does not lead",)),
    )
    return folded(Library(), recorded((TRAIN, event) for event in told)).runs["r1"]


def test_a_skill_that_was_accepted_in_training_is_in_the_library() -> None:
    """So that ``run:RUN/NAME@REVISION`` finds it, as it finds what was distilled."""
    (skill,) = library().skills.values()
    (revision,) = skill.revisions
    assert (skill.name, skill.library, skill.retired) == ("answers", None, None)
    assert (revision.revision, revision.files, revision.digest) == (1, FIRST, folder_digest(FIRST))
    assert (revision.origin, revision.trial, revision.version) == ("edited", "train", 2)


def test_every_candidate_is_listed_with_what_became_of_it() -> None:
    """A rejected one is in force nowhere, and is not forgotten."""
    first, second = library().candidates
    assert (first.files, first.accepted, first.rejected) == (FIRST, 1, None)
    assert (second.files, second.accepted, second.rejected) == (SECOND, None, ("it does not lead",))
