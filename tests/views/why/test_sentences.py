"""The page of an auditor begins with words: what was accepted or refused, when, by whom, on what evidence."""

import pytest

from events.base import Event, Recorded, Ref
from events.digest import Digest, Fingerprint
from events.store.base import EventLog, Selection
from events.types.construction import BlueprintCritiqued, BlueprintIssue, ConstructionClosed, ConstructionOpened
from events.types.evaluation import ArmsCompared, ArmVerdict, CellUnscored, EvaluationScored
from events.types.evolution import (
    LibraryClosed,
    PatchChecked,
    PatchedSkill,
    RevisionRuled,
    SkillNarrowed,
    SkillQuarantined,
)
from events.types.memo import MemoKept
from events.types.pdi import InterventionChosen
from events.types.proving import ProofConcluded, ProofFinding
from events.types.run import RunClosed
from events.types.skill import LibraryFrozen, SkillProposed, SkillRejected, SkillRetired, SkillRevised, SkillRolledBack
from events.types.training import StepSkipped, TrainingClosed
from events.types.trial import TrialClosed
from replay.why.causes import links_of
from replay.why.loader import Past
from replay.why.nodes import EventLink
from tests.support.evolved import EvolvedStory
from tests.views.histories import PlacedEvent, opened, record
from views.why.sentences import sentences

EMPTY = Digest("0" * 64)
PRINT = Fingerprint(EMPTY)
AT = "on a day"
LIBRARY = "learner/E1"
STREAM = f"library/{LIBRARY}"


async def _last(log: EventLog, stream: str) -> tuple[Past, Recorded]:
    found = [each async for each in log.read(Selection(run="r1")) if each.stream.name == stream]
    return Past(log, "r1"), found[-1]


async def _said(log: EventLog, stream: str, *events: Event) -> str:
    """Record events of one stream, and give what is said of the last of them."""
    await record(log, "r1", [*opened(log), *(PlacedEvent(stream, each) for each in events)])
    said = await sentences(*await _last(log, stream), AT)
    assert said is not None
    return " ".join(said)


def _proof(verdict: str, *findings: tuple[str, str, str]) -> ProofConcluded:
    return ProofConcluded(verdict, tuple(ProofFinding(*each) for each in findings))  # type: ignore[arg-type]


def _compared() -> ArmsCompared:
    verdict = ArmVerdict("skill", "helps", "the interval lies above 0", 0.75, 0.1, 1.0, 0.0417)
    return ArmsCompared("none", (verdict,))


ALONE = [
    (
        "trial/aye",
        TrialClosed("infrastructure", 2, None),
        "The trial aye was closed on a day: no verdict after 2 attempts, reward -.",
    ),
    (
        "trial/aye",
        MemoKept(3, None, ("no heading",)),
        "After attempt 3 the memo was not rewritten on a day: no heading. The one",
    ),
    (
        "trial/aye",
        InterventionChosen(2, "soft", "intervene", "it fell"),
        "For attempt 2 the intervention soft was chosen on a day: it fell.",
    ),
    ("train", StepSkipped(4, "nothing failed"), "Step 4 of the training was skipped on a day: nothing failed."),
    (
        "train",
        TrainingClosed("budget", 3, 1, 2, 0, ()),
        "The training ended on a day: budget, after 3 steps; 1 accepted, 2 rejected",
    ),
    (
        "cell/none/aye/1",
        CellUnscored("infrastructure", None),
        "The cell none/aye/1 ended without a score on a day: infrastructure.",
    ),
    (
        "cell/none/aye/1",
        EvaluationScored(EMPTY, solved=False, reward=0.0, rolled=Ref("run", 1)),
        "was scored on a day: unsolved, reward 0.",
    ),
    ("run", _compared(), "Beside none, skill: helps, difference +75.0, p 0.0417: the interval lies above 0."),
    (
        STREAM,
        SkillRetired("aye", 2, "nobody reads it", LIBRARY),
        "The skill aye, revision 2, was retired on a day: nobody reads it.",
    ),
    (
        STREAM,
        SkillQuarantined("aye", 2, "it harms", LIBRARY),
        "of the library learner/E1 was quarantined on a day: it harms.",
    ),
    (STREAM, SkillNarrowed("aye", 2, ("E2",), "it harms", LIBRARY), "and is not given in E2 any more: it harms."),
    (
        STREAM,
        SkillRolledBack("aye", 3, 2, PRINT, "it fell"),
        "The skill aye was rolled back on a day, from revision 3 to 2: it fell.",
    ),
    (STREAM, LibraryFrozen((), PRINT, LIBRARY), "The library learner/E1 was frozen on a day, with no skill."),
    (
        STREAM,
        LibraryClosed("stopped", PRINT, None, 9, 4, 0, 5),
        "The library learner/E1 was closed on a day: stopped; 4 of 9 trials have",
    ),
    (
        STREAM,
        SkillRevised("aye", 1, (), EMPTY, (), LIBRARY, origin="imported"),
        "No author wrote it: the library began with it",
    ),
    (
        "proof/aye",
        _proof("unsound", ("nop", "failed", "it earned 1")),
        "ended on a day: unsound (nop failed: it earned 1).",
    ),
]


@pytest.mark.parametrize(("stream", "event", "wanted"), ALONE, ids=[type(each[1]).__name__ for each in ALONE])
async def test_what_happened_is_said_in_words(log: EventLog, stream: str, event: Event, wanted: str) -> None:
    """Of all these "the event X, number N of stream S, was recorded" was all that an auditor read."""
    assert wanted in await _said(log, stream, event)


async def test_what_has_no_words_of_its_own_is_left_to_others(log: EventLog) -> None:
    """They name it by its kind and its place."""
    await record(log, "r1", opened(log))
    assert await sentences(*await _last(log, "session"), AT) is None


async def _evolved(log: EventLog, *events: Event, outcome: str = "accept") -> str:
    """Learn from a trial that was not solved; give what is said of the last event."""
    story = EvolvedStory(log)
    story.begin(["learner"])
    stream = story.open("learner", "E1")
    story.score("learner", "E1", {"e1-ls1-t1": True, "e1-ls1-t2": False})
    changed = PatchedSkill("aye", "revise", (), PRINT)
    story.say(
        stream,
        PatchChecked("e1-ls1-t2", "Rules on dates.", (changed,), (), unchanged=False),
        SkillProposed("aye", (), "edited", LIBRARY),
        RevisionRuled("e1-ls1-t2", outcome, "it wins 3 of 4", (), "paired"),  # type: ignore[arg-type]
        *events,
    )
    await record(log, "r1", story.told)
    said = await sentences(*await _last(log, stream), AT)
    assert said is not None
    return " ".join(said)


CANDIDATE = Ref(STREAM, 4)


async def test_a_revision_of_a_library_names_its_gate_and_the_trial_that_it_was_written_from(log: EventLog) -> None:
    """Neither stood in the paragraph, and the rule of an earlier patch stood there as the one that counted."""
    revised = SkillRevised("aye", 2, (), EMPTY, (), LIBRARY, PRINT, "edited", CANDIDATE)
    said = await _evolved(log, revised)
    assert said.startswith("Revision 2 of the skill aye was accepted on a day, for the library learner/E1 (edited).")
    assert "The gate paired ruled: it wins 3 of 4." in said
    assert "its author's summary: Rules on dates." in said
    assert "It was written after the trial of e1-ls1-t2, scored on " in said
    assert said.endswith(" UTC: unsolved, reward 0.")


async def test_a_revision_that_a_gate_refused_says_why(log: EventLog) -> None:
    """And what its chain rests on is that ruling, too."""
    said = await _evolved(log, SkillRejected("aye", CANDIDATE, ("it loses 2",), LIBRARY), outcome="reject")
    assert said.startswith("A candidate of the skill aye was rejected on a day, for the library learner/E1: it loses 2")
    assert "The gate paired ruled: it wins 3 of 4." in said
    past, recorded = await _last(log, STREAM)
    links = [(each.label, each.to) for each in await links_of(past, recorded) if isinstance(each, EventLink)]
    assert links == [("candidate", CANDIDATE), ("ruling", Ref(STREAM, 5))]


async def test_the_ruling_of_a_patch_is_said(log: EventLog) -> None:
    """Of one whose revision is not asked for."""
    said = await _evolved(log, outcome="more")
    assert said.startswith("The patch that was written for e1-ls1-t2 was put to a trial first on a day")


async def test_a_patch_that_breaks_the_rules_says_which(log: EventLog) -> None:
    """No gate ever sees it."""
    refused = PatchChecked("e1-ls1-t3", "", (), ("it names a grader.", "too long"), unchanged=False)
    said = await _evolved(log, refused)
    assert said.startswith("What the author wrote for e1-ls1-t3 was refused on a day: it names a grader; too long.")
    assert said.endswith("It was written for e1-ls1-t3, before any trial of it.")


async def test_a_run_over_a_suite_is_told_by_its_libraries(log: EventLog) -> None:
    """Its end counts no trials: "0 solved, 0 unsolved" of 180."""
    story = EvolvedStory(log)
    story.begin(["learner"])
    story.close(story.open("learner", "E1"), 6, 1)
    story.say("run", RunClosed(0, 0, 0))
    await record(log, "r1", story.told)
    said = await sentences(*await _last(log, "run"), AT)
    assert said == [
        "The run was closed on a day: 1 of 2 libraries went through all that was scheduled; 5 of 6 trials have a score."
    ]


async def test_a_comparison_is_part_of_how_an_evaluation_ended(log: EventLog) -> None:
    """A count of solved trials answers no question about a skill."""
    said = await _said(log, "run", _compared(), RunClosed(17, 31, 0))
    assert said.startswith(
        "The run was closed on a day: 17 solved, 31 unsolved, 0 without a verdict. Beside none, skill: helps"
    )


async def test_a_task_that_was_given_up_says_what_its_proof_found(log: EventLog) -> None:
    """And with which errors the one before went back to its author."""
    issue = BlueprintIssue("error", "verifier", "it needs a network", "rule")
    proof = _proof("unsound", ("cheat_tests", "failed", "editing the tests earned 1"))
    looked = BlueprintCritiqued((issue,), 1)
    closed = ConstructionClosed("rejected", 3, ("no round was sound",))
    said = await _said(log, "construct/aye", ConstructionOpened("aye", EMPTY), looked, proof, closed)
    assert said.startswith("No task aye was published on a day, rejected after 3 rounds: no round was sound.")
    assert said.endswith("UTC: unsound (cheat tests failed: editing the tests earned 1).")
    links = [each.label for each in await links_of(*await _last(log, "construct/aye")) if isinstance(each, EventLink)]
    assert links == ["proof", "looked through", "opening"]


async def test_a_blueprint_names_its_errors(log: EventLog) -> None:
    """Warnings are no reason to send it back."""
    issues = (
        BlueprintIssue("error", "verifier", "a network", "rule"),
        BlueprintIssue("warning", "title", "long", "rule"),
    )
    said = await _said(log, "construct/aye", ConstructionOpened("aye", EMPTY), BlueprintCritiqued(issues, 1))
    assert said == "The blueprint of aye was looked through on a day, with 1 error: verifier: a network."
