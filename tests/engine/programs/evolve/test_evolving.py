"""Libraries as they are learnt, frozen and measured: what each trial is given, what is learnt, what is on record."""

from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.fold import fold_run
from engine.programs.evolve.giving import LibraryChanged, require_frozen
from engine.programs.evolve.held_skills import LibrarySkill, LibrarySnapshot
from events.base import Ref
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.condition import Condition, SkillRef, read_condition
from events.types.evaluation import CellOpened
from events.types.evolution import (
    EvolutionPlanned,
    FreezeChosen,
    LearningChosen,
    LibraryClosed,
    LibraryOpened,
    NoteWritten,
    PatchChecked,
    RetrievalMade,
    RevisionRuled,
    TracesChosen,
    snapshot_digest,
)
from events.types.skill import LibraryFrozen, SkillProposed, SkillRejected, SkillRevised
from events.values import NamedDigest
from projections.evolution.view import Evolution
from replay.rerun import rerun
from tests.support.evolving import evolution, evolved, patch, rows, sums, told
from tests.support.orders import CountingClock
from tests.support.suites import SuiteShape
from views.evolution.arm_rows import arm_rows, lacks, told_patches
from views.evolution.evolved_log import EvolvedLog

TWO: Final = SuiteShape(environments=2, families=2)


async def ran(base: Path, *arms: str, **own: Any) -> tuple[EventLog, str]:
    """Evolve to the end, and see that it reruns to the end."""
    log = MemoryLog(clock=CountingClock())
    report = await evolved(log, base, evolution(*arms, **own))
    assert set(report.outcomes.values()) == {"completed"}
    assert (await rerun(log, report.run)).complete
    return log, report.run


async def conditions(log: EventLog, run: str) -> dict[str, Condition]:
    """Give the condition of each cell."""
    found = {}
    async for each in log.read(Selection(run=run, tags={"cell.opened"})):
        assert isinstance(each.event, CellOpened)
        found[each.stream.name.removeprefix("cell/")] = read_condition(await log.get(each.event.condition))
    return found


def names(skills: tuple[SkillRef, ...] | None) -> list[str]:
    """Name skills."""
    return [each.name for each in skills or ()]


async def test_all_trials_of_an_arm_without_memory_are_begun_at_once(tmp_path: Path) -> None:
    """Nothing is asked between them, and each is told of skills, of which there are none."""
    log, run = await ran(sums(tmp_path, TWO), "no_skill")
    (planned,) = await told(log, run, "run", EvolutionPlanned)
    assert [(each.scope, each.critical_trials) for each in planned.libraries] == [("E1", 1), ("E2", 1)]
    line = [type(each).__name__ for each in await told(log, run, "library/no_skill/E1")]
    assert line == [
        "LibraryOpened",
        "DecisionMade",
        "FreezeChosen",
        "LibraryFrozen",
        "DecisionMade",
        "TrialsScored",
        "LibraryClosed",
    ]
    found = await rows(log, run, "library/no_skill/E1")
    assert [each.id[3:] for each in found] == [
        *("LS1-T1", "LS1-T2", "LS1-T3", "LS2-T1", "LS2-T2", "LS2-T3"),
        *("LS1-T4", "LS1-T5", "LS1-T6", "LS2-T4", "LS2-T5", "LS2-T6"),
    ]
    assert [each.solved for each in found[:3]] == [True, False, True]
    given = await conditions(log, run)
    assert {(each.skills, each.note) for each in given.values()} == {((), None)}
    assert len({each.digest for each in given.values()}) == 1


async def test_arms_differ_in_nothing_but_what_they_are_given(tmp_path: Path) -> None:
    """No condition names whoever writes skills: the same task without skills has one condition under every arm."""
    log, run = await ran(sums(tmp_path), "no_skill", "selfgen_experience_always", "raw_trajectory_rag")
    given = await conditions(log, run)
    first = [given[f"{label}/sum-1-1-canonical/1"] for label in ("no_skill.E1", "selfgen_experience_always.E1")]
    first.append(given["raw_trajectory_rag.E1-LS1/sum-1-1-canonical/1"])
    assert len({each.digest for each in first}) == 1
    assert {each.role for each in first[0].models} == {"teacher", "reflector"}


async def test_a_library_is_learnt_trial_by_trial_and_frozen(tmp_path: Path) -> None:
    """What is learnt from a trial reaches the next one; what is measured is given exactly what was frozen."""
    log, run = await ran(sums(tmp_path), "curated_with_revision_always")
    name = "library/curated_with_revision_always/E1"
    revised = await told(log, run, name, SkillRevised)
    assert [(each.revision, each.origin) for each in revised] == [
        (1, "imported"),
        (2, "edited"),
        (3, "edited"),
        (4, "edited"),
    ]
    given = await conditions(log, run)
    label = "curated_with_revision_always.E1"
    read = [given[f"{label}/sum-1-1-{role}/1"].skills for role in ("canonical", "enriched", "variant")]
    digests = [skills[0].digest for skills in read if skills]
    assert len(set(digests)) == 3
    (frozen,) = await told(log, run, name, LibraryFrozen)
    (last,) = frozen.skills
    assert (last.skill, last.revision) == ("sum-1-1", 4)
    assert frozen.snapshot == snapshot_digest([("sum-1-1", last.digest)])
    measured = {
        cell: each
        for cell, each in given.items()
        if ".replay/" in cell or cell.removesuffix("/1").endswith(("context-shift", "composition"))
    }
    assert len(measured) == 5
    files = {tuple(each.skills[0].files) for each in measured.values() if each.skills}
    assert files == {tuple(sorted(revised[-1].files, key=lambda file: file.name))}
    (closed,) = await told(log, run, name, LibraryClosed)
    assert (closed.ending, closed.planned, closed.scored, closed.unbegun) == ("completed", 9, 9, 0)
    assert closed.snapshot == frozen.snapshot


async def test_what_is_written_is_on_record_with_what_it_rests_on(tmp_path: Path) -> None:
    """Each revision names its candidate, and its provenance the trials and the patch that it was made from."""
    log, run = await ran(sums(tmp_path), "selfgen_experience")
    name = "library/selfgen_experience/E1"
    chosen = await told(log, run, name, LearningChosen)
    assert [(each.action, each.reason) for each in chosen] == [
        ("induce", "the family has no skill"),
        ("revise", "the trial was given them"),
        ("nothing", "the trial is solved"),
    ]
    proposed, revised = await told(log, run, name, SkillProposed), await told(log, run, name, SkillRevised)
    assert [(each.origin, each.library) for each in proposed] == [
        ("written", "selfgen_experience/E1"),
        ("edited", "selfgen_experience/E1"),
    ]
    rests = [msgspec.json.decode(await log.get(each.provenance)) for each in revised]
    assert [len(each["cells"]) for each in rests] == [1, 2]
    assert rests[1]["task"] == "sum-1-1-enriched"
    ruled = await told(log, run, name, RevisionRuled)
    assert {(each.outcome, each.gate, each.reason) for each in ruled} == {("accept", "", "no gate is set")}


async def test_an_answer_that_changes_nothing_is_no_revision(tmp_path: Path) -> None:
    """A patch that says what is there already is checked, and left at that."""
    base = sums(tmp_path, answer=patch("sum-1-1", "Copy it."))
    log, run = await ran(base, "selfgen_experience_always")
    name = "library/selfgen_experience_always/E1"
    checked = await told(log, run, name, PatchChecked)
    assert [(len(each.skills), each.unchanged) for each in checked] == [(1, False), (0, True), (0, True)]
    assert len(await told(log, run, name, SkillRevised)) == 1


async def test_a_family_cannot_take_the_name_that_another_one_has_for_its_skill(tmp_path: Path) -> None:
    """The first family drafts its skill under the name of the second: it is refused, and the second one's is taken."""
    base = sums(tmp_path, SuiteShape(environments=1, families=2), answer=patch("sum-1-2", "Copy it."))
    log, run = await ran(base, "selfgen_zero_shot")
    name = "library/selfgen_zero_shot/E1"
    first, second = await told(log, run, name, PatchChecked)
    assert "belongs to the family E1-LS2" in first.refusals[0]
    assert second.refusals == ()
    (revised,) = await told(log, run, name, SkillRevised)
    assert (await log.get(revised.provenance)).count(b"E1-LS2") > 0


async def test_questions_without_a_readable_answer_are_counted(tmp_path: Path) -> None:
    """Else an arm whose author answers nothing that can be read would look like one that had nothing to learn."""
    log, run = await ran(sums(tmp_path, answer="I will not."), "curated_with_revision_always", "no_skill")
    (state,) = await fold_run(log, [Evolution()], run)
    learner, other = arm_rows(EvolvedLog(run, state.runs[run]))
    assert (learner.measures.revisions.unread, other.measures.revisions.unread) == (3, 0)
    assert told_patches(learner) == "3 unread"
    assert list(lacks([learner, other])) == [
        "curated_with_revision_always: 3 questions to the author without a readable answer: nothing was learnt by them"
    ]


async def test_a_skill_that_speaks_of_graders_is_refused_with_the_sentence(tmp_path: Path) -> None:
    """Nothing is put in force; the author is told of it when it is asked next."""
    base = sums(tmp_path, answer=patch("sum-1-1", "The hidden tests check the ground truth."))
    log, run = await ran(base, "selfgen_experience_always")
    name = "library/selfgen_experience_always/E1"
    checked = await told(log, run, name, PatchChecked)
    assert all("hidden tests" in each.refusals[0] for each in checked)
    assert await told(log, run, name, SkillRevised, SkillProposed) == []
    (frozen,) = await told(log, run, name, LibraryFrozen)
    assert frozen.skills == ()


async def test_no_more_is_revised_than_the_arm_allows(tmp_path: Path) -> None:
    """One revision after the first state, and then the author is not asked any more."""
    change = {"max_revisions": 1}
    log, run = await ran(sums(tmp_path), "curated_with_revision_always", change=change)
    chosen = await told(log, run, "library/curated_with_revision_always/E1", LearningChosen)
    assert [each.action for each in chosen] == ["revise", "nothing", "nothing"]
    assert chosen[1].reason == "each skill of the family was revised 1 times"


@pytest.mark.slow
async def test_drafts_are_written_before_any_trial(tmp_path: Path) -> None:
    """Side by side, one for each family; nothing is learnt after that."""
    log, run = await ran(sums(tmp_path, TWO), "selfgen_zero_shot")
    line = [type(each).__name__ for each in await told(log, run, "library/selfgen_zero_shot/E2")]
    assert line.index("SkillRevised") < line.index("TrialsScored")
    assert line.count("SkillRevised") == 2
    assert line.count("TrialsScored") == 1
    streams = [each.stream.name async for each in log.read(Selection(run=run, tags={"author.opened"}))]
    assert streams == [f"author/selfgen_zero_shot/E{one}/E{one}-LS{two}" for one in (1, 2) for two in (1, 2)]


@pytest.mark.slow
async def test_skills_of_another_family_reach_only_what_is_measured(tmp_path: Path) -> None:
    """Learning trials are given skills of their own family, held-out ones those of their environment."""
    log, run = await ran(sums(tmp_path, TWO), "curated_static")
    given = await conditions(log, run)
    assert names(given["curated_static.E1/sum-1-2-enriched/1"].skills) == ["sum-1-2"]
    assert names(given["curated_static.E1/sum-1-2-composition/1"].skills) == ["sum-1-1", "sum-1-2"]


@pytest.mark.slow
async def test_a_composition_has_a_shadow_with_exactly_what_it_requires(tmp_path: Path) -> None:
    """Beside the trial that counts, which is given what retrieval finds."""
    change = {"oracle_t6": True, "retrieval.method": "bm25", "retrieval.k": 1}
    log, run = await ran(sums(tmp_path, TWO), "curated_static", change=change)
    given = await conditions(log, run)
    assert len(names(given["curated_static.E1/sum-1-1-composition/1"].skills)) == 1
    assert names(given["curated_static.E1.oracle/sum-1-1-composition/1"].skills) == ["sum-1-1", "sum-1-2"]
    (shadow,) = await told(log, run, "retrieve/curated_static/E1/sum-1-1-composition.oracle", RetrievalMade)
    assert (shadow.passing, shadow.hit, shadow.how) == ("oracle", True, "oracle")


@pytest.mark.slow
async def test_traces_of_earlier_trials_are_told_in_place_of_skills(tmp_path: Path) -> None:
    """A lane for each family: T1 is told nothing, T2 of T1, T3 of both, what is measured of all three but itself."""
    log, run = await ran(sums(tmp_path, TWO), "raw_trajectory_rag")
    name = "library/raw_trajectory_rag/E1-LS1"
    chosen = await told(log, run, name, TracesChosen)
    lengths = {(each.task[8:], each.passing): len(each.cells) for each in chosen}
    assert [lengths[role, "primary"] for role in ("canonical", "enriched", "variant", "composition")] == [0, 1, 2, 3]
    assert [lengths[role, "replay"] for role in ("canonical", "variant")] == [2, 2]
    assert len(await told(log, run, name, NoteWritten)) == len(chosen) - 1
    given = await conditions(log, run)
    note = given["raw_trajectory_rag.E1-LS1/sum-1-1-composition/1"].note
    assert note is not None
    text = (await log.get(note)).decode()
    assert "cat words.txt | tee answer.txt" in text
    assert "sum-1-2" not in text


@pytest.mark.slow
async def test_history_is_told_of_the_whole_environment(tmp_path: Path) -> None:
    """Trials of both families, in one line."""
    log, run = await ran(sums(tmp_path, TWO), "history_context")
    chosen = await told(log, run, "library/history_context/E1", TracesChosen)
    learning = [len(each.cells) for each in chosen if each.passing == "primary"][:6]
    assert learning == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
async def test_one_library_for_all_goes_through_environments_in_their_order(tmp_path: Path) -> None:
    """Each environment is measured with the state that it left behind, at the end of all learning."""
    arm = "curated_with_revision_always_global_scope"
    log, run = await ran(sums(tmp_path, TWO), arm, order="B")
    (opened,) = await told(log, run, f"library/{arm}/global", LibraryOpened)
    assert opened.families == ("E1-LS1", "E1-LS2", "E2-LS1", "E2-LS2")
    frozen = await told(log, run, f"library/{arm}/global", LibraryFrozen)
    assert [len(each.skills) for each in frozen] == [2, 4]
    given = await conditions(log, run)
    assert names(given[f"{arm}.global/sum-1-1-composition/1"].skills) == ["sum-1-1", "sum-1-2"]
    async for each in log.read(Selection(run=run, tags={"retrieval.made"})):
        assert isinstance(each.event, RetrievalMade)
        if each.event.passing == "replay" and each.event.task.startswith("sum-1"):
            assert each.event.snapshot == frozen[0].snapshot


async def test_a_freeze_ends_learning_and_not_the_trials(tmp_path: Path) -> None:
    """The other learning tasks are tried with what was frozen, and still count."""
    log, run = await ran(sums(tmp_path), "curated_with_revision_always", change={"freeze_after": 1})
    name = "library/curated_with_revision_always/E1"
    freezes = await told(log, run, name, FreezeChosen)
    assert [(each.task, each.frozen) for each in freezes] == [("", False), ("sum-1-1-canonical", True)]
    found = await rows(log, run, name)
    assert [each.id[-2:] for each in found] == ["T1", "T2", "T3", "T4", "T5", "T6", "T1", "T2", "T3"]
    assert len(await told(log, run, name, LearningChosen)) == 1
    given = await conditions(log, run)
    label = "curated_with_revision_always.E1"
    two = [given[f"{label}/sum-1-1-{role}/1"].digest for role in ("enriched", "composition")]
    assert len(set(two)) == 1


async def test_repeats_of_an_arm_are_courses_of_their_own(tmp_path: Path) -> None:
    """With streams and libraries of their own."""
    log, run = await ran(sums(tmp_path), "curated_with_revision_always", repeats=2)
    again = await told(log, run, "library/curated_with_revision_always.r2/E1", LibraryOpened, SkillRevised)
    assert (again[0].repeat, again[0].arm) == (2, "curated_with_revision_always")
    assert {each.library for each in again[1:]} == {"curated_with_revision_always.r2/E1"}


# -- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("gate", "outcome"), [("strict", "reject"), ("force", "accept")])
async def test_a_gate_tries_tasks_with_and_without_a_patch(tmp_path: Path, gate: str, outcome: str) -> None:
    """The solver does not read skills here, so no patch helps: the strict gate takes none, and the forced one all."""
    change = {"gate.name": gate}
    log, run = await ran(sums(tmp_path), "selfgen_experience_always", change=change)
    name = "library/selfgen_experience_always/E1"
    ruled = await told(log, run, name, RevisionRuled)
    assert [each.outcome for each in ruled[:2]] == ["more", outcome]
    assert ruled[0].run == ("sum-1-1-canonical",)
    gated = [each for each in await rows(log, run, name) if each.passing == "gate"]
    assert gated[0].stream == "cell/selfgen_experience_always.E1.gate1.before/sum-1-1-canonical/1"
    assert gated[1].stream == "cell/selfgen_experience_always.E1.gate1/sum-1-1-canonical/1"
    given = await conditions(log, run)
    before, after = (given[each.stream.removeprefix("cell/")].skills for each in gated[:2])
    assert (names(before), names(after)) == ([], ["sum-1-1"])
    rejected, revised = await told(log, run, name, SkillRejected), await told(log, run, name, SkillRevised)
    assert (bool(rejected), bool(revised)) == (outcome == "reject", outcome == "accept")
    (closed,) = await told(log, run, name, LibraryClosed)
    assert (closed.planned, closed.scored) == (9, 9)


# -- what cannot be --------------------------------------------------------------------------------------------------


def test_a_trial_that_is_not_given_what_was_frozen_ends_the_run() -> None:
    """By the bytes of each file, whatever a skill is called."""
    digest, other = Digest("a" * 64), Digest("b" * 64)
    held = LibrarySkill("one", "E1-LS1", "E1", 2, (NamedDigest("SKILL.md", digest),), {}, Ref("library/x/E1", 9))
    snapshot = LibrarySnapshot((held,))
    require_frozen("x/E1", snapshot, (SkillRef("one", "", (NamedDigest("SKILL.md", digest),)),))
    with pytest.raises(LibraryChanged, match="the skill one of the library x/E1"):
        require_frozen("x/E1", snapshot, (SkillRef("one", "", (NamedDigest("SKILL.md", other),)),))
    with pytest.raises(LibraryChanged):
        require_frozen("x/E1", snapshot, (SkillRef("two", "", (NamedDigest("SKILL.md", digest),)),))


def test_a_snapshot_is_named_by_its_content_alone() -> None:
    """Revisions and places are no part of it, and neither is the order."""
    files = (NamedDigest("SKILL.md", Digest("a" * 64)),)
    one = LibrarySkill("one", "E1-LS1", "E1", 1, files, {}, Ref("library/x/E1", 9))
    two = LibrarySkill("two", "E1-LS1", "E1", 1, files, {}, Ref("library/x/E1", 12))
    there = LibrarySnapshot((one, two)).digest
    assert LibrarySnapshot((two._replace(revision=7), one._replace(at=Ref("library/y/E2", 3)))).digest == there
    assert LibrarySnapshot((one,)).digest != there
