"""What a run over a suite came to: shares, replays, traps, compositions, revisions, and arms beside each other."""

import pytest
from msgspec.structs import replace

from engine.core.fold import fold
from events.errors import ExitCode
from events.store.memory import MemoryLog
from projections.evolution.measures import ArmMeasures, Share, Transitions, measure_arm, transitions
from projections.evolution.pairs import ArmsUnknown, arms_of, baseline_of, compare_arms, unit_of
from projections.evolution.stages import SpendingPlace, place_of, spending_of
from projections.evolution.state import EvolvedLibrary, EvolvedRun, GroupRecord, SuiteTrial, TrialReads
from projections.evolution.view import Evolution
from tests.support.evolved import EvolvedStory, record_evolved, slug
from tests.support.orders import CountingClock
from tests.views.histories import record


@pytest.fixture
async def run() -> EvolvedRun:
    """Fold the run."""
    log = MemoryLog(clock=CountingClock())
    await record_evolved(log)
    return (await fold(log, Evolution())).runs["r1"]


@pytest.fixture
def learner(run: EvolvedRun) -> ArmMeasures:
    """Measure the arm that learns."""
    return measure_arm(run, "learner")


async def test_shares_stand_beside_what_was_scheduled(learner: ArmMeasures) -> None:
    """A trial without a score is in no share; what is known of all that were scheduled is a range."""
    assert learner.roles["context-shift"] == Share(2, 2, 3)
    assert learner.evaluation == Share(4, 8, 9)
    assert learner.evaluation.rate == 0.5
    assert learner.evaluation.bounds == (4 / 9, 5 / 9)
    assert learner.learning == Share(5, 8, 9)
    assert learner.after_first == Share(2, 5, 6)
    assert learner.overall == Share(9, 16, 18)
    assert learner.replayed.rate == 0.75, "replays are in no other share"


async def test_what_was_never_begun_is_scheduled_all_the_same(run: EvolvedRun) -> None:
    """Given a library that ended early, its tasks are missed, not forgotten (W14)."""
    library = run.libraries["library/learner/E2"]
    library.trials = {name: each for name, each in library.trials.items() if each.row.role != "adversarial"}
    assert measure_arm(run, "learner").roles["adversarial"] == Share(1, 2, 3)


async def test_success_by_groups_stands_beside_rewards(learner: ArmMeasures) -> None:
    """Two of the three held-out trials whose verifiers tell groups pass them all."""
    assert learner.by_groups == Share(2, 3, 9)


async def test_a_trap_is_resisted_by_the_process_whatever_the_result(learner: ArmMeasures) -> None:
    """One took the shortcut to a right result, one did not; the third says nothing (W38)."""
    assert (learner.traps.resisted, learner.traps.trapped, learner.traps.unknown) == (1, 1, 1)


async def test_replays_are_paired_with_the_first_trial_of_their_task(learner: ArmMeasures) -> None:
    """One was recovered, one forgotten, one stayed, and one has nothing to be paired with."""
    assert learner.replay == Transitions(ff=0, fs=1, sf=1, ss=1, unpaired=1)
    assert learner.replay.lift == 0.0
    assert learner.replay.recovery == 1.0
    assert learner.replay.regression == 0.5
    assert learner.oracle_pairs == Transitions(ff=0, fs=1, sf=0, ss=1, unpaired=0)
    assert learner.oracle_pairs.lift == 0.5


def test_rates_of_nothing_are_unknown() -> None:
    """A share of no trial is no 0."""
    assert Share(0, 0, 0).rate is None
    assert Share(0, 0, 0).bounds is None
    assert Share(0, 0, 2).bounds == (0.0, 1.0)
    nothing = transitions([(None, True), (True, None)])
    assert (nothing.lift, nothing.recovery, nothing.regression, nothing.unpaired) == (None, None, None, 2)


async def test_compositions_go_by_what_was_read_and_when(learner: ArmMeasures) -> None:
    """The order is that of the commands, not of the alphabet (W6); a skill that does not exist is the first reason."""
    told = learner.compositions
    assert (told.held, told.given, told.read) == (2, 2, 2)
    assert (told.ordered, told.unordered, told.unknown_reads) == (1, 1, 0)
    assert told.failures == {"missing skill": 1, "wrong order": 1}


async def test_skills_that_were_read_together_have_no_order(run: EvolvedRun) -> None:
    """Both in one command: nobody knows, so no failure is put down to it."""
    both = (slug("E1-LS1"), slug("E1-LS2"))
    run.reads["learner.E1/e1-ls1-t6/1"].steps = [both]
    told = measure_arm(run, "learner").compositions
    assert (told.ordered, told.unordered) == (1, 0)
    assert told.failures == {"missing skill": 1, "skill not enough": 1}


async def test_what_may_have_been_read_unseen_is_no_reason(run: EvolvedRun) -> None:
    """Given a command of which nobody knows, a composition did not fail by not reading."""
    reads = run.reads["learner.E1/e1-ls1-t6/1"]
    reads.steps = [(slug("E1-LS1"),)]
    assert measure_arm(run, "learner").compositions.failures["not read"] == 1
    reads.missed = True
    told = measure_arm(run, "learner").compositions
    assert (told.unknown_reads, told.failures) == (1, {"missing skill": 1, "skill not enough": 1})


async def test_skills_are_met_by_their_family_where_they_have_other_names(run: EvolvedRun) -> None:
    """A skill that an author named meets what is required of its family; a quarantined one does not."""
    library = run.libraries["library/learner/E1"]
    assert library.skills[slug("E1-LS2")].family == "E1-LS2"
    found = library.skills.pop(slug("E1-LS2"))
    found.skill = "own-name"
    library.skills["own-name"] = found
    for trial in library.trials.values():
        trial.given = (slug("E1-LS1"), "own-name")
    assert measure_arm(run, "learner").compositions.given == 2
    found.quarantined = "harm"
    told = measure_arm(run, "learner").compositions
    assert (told.held, told.failures["missing skill"]) == (0, 2)


async def test_patches_are_told_with_what_followed(learner: ArmMeasures) -> None:
    """Two were applied: after one that failed the next was solved; of the other the next has no score."""
    told = learner.revisions
    assert (told.proposed, told.applied, told.rejected, told.refused, told.unchanged) == (3, 2, 1, 0, 0)
    assert told.unread == 0
    assert told.followed == Transitions(ff=0, fs=1, sf=0, ss=1, unpaired=0)
    assert (told.overfitted, told.overfitting_known) == (0, 1)


async def test_a_patch_is_overfitted_if_only_its_own_task_is_solved(run: EvolvedRun) -> None:
    """The task it came from is solved on replay, and no held-out task of the family is."""
    for trial in run.libraries["library/learner/E1"].trials.values():
        if trial.row.family == "E1-LS1" and trial.row.role == "context-shift":
            trial.row = replace(trial.row, solved=False)
    told = measure_arm(run, "learner").revisions
    assert (told.overfitted, told.overfitting_known) == (1, 1)


async def test_the_library_is_told_with_who_read_it(run: EvolvedRun, learner: ArmMeasures) -> None:
    """Three uses of which 70 % fail are harm; two are too few to say so."""
    assert (learner.health.total, learner.health.active, learner.health.revisions) == (2, 2, 3)
    assert (learner.health.read, learner.health.never_read, learner.health.harmful) == (2, 0, ())
    library = run.libraries["library/learner/E1"]
    for trial in library.trials.values():
        if trial.row.task == "e1-ls1-t4":
            trial.row = replace(trial.row, solved=False)
    found = measure_arm(run, "learner").health
    assert found.harmful == (f"learner/E1/{slug('E1-LS1')}",)
    assert found.harmful_active == 1


async def test_arms_are_paired_task_by_task_and_four_families_bear_no_verdict(run: EvolvedRun) -> None:
    """Two environments are two independent units: pairs are told, an interval is not (SkillEvolBench, 11)."""
    assert arms_of(run) == ("no_skill", "learner")
    compared = compare_arms(run)
    (pair,) = compared.comparison.pairs
    assert (compared.baseline, compared.unit) == ("no_skill", "environment")
    assert (pair.count("won"), pair.count("lost"), pair.count("kept")) == (4, 0, 4)
    assert (pair.units, pair.interval, pair.verdict.kind) == (2, None, "too few families")
    (_, arm) = compared.comparison.scores
    assert (arm.planned, arm.scored) == (9, 8)


async def test_what_is_independent_is_the_coarsest_of_the_arms(run: EvolvedRun) -> None:
    """One arm that shares a library over everything makes the whole course the unit."""
    assert unit_of(run) == "environment"
    run.libraries["library/learner/E1"].shared = "global"
    assert unit_of(run) == "global"
    (pair,) = compare_arms(run).comparison.pairs
    assert pair.units == 1
    for library in run.libraries.values():
        library.shared = "family"
    (pair,) = compare_arms(run).comparison.pairs
    assert pair.units == 3


async def test_a_baseline_is_named_or_the_arm_without_skills(run: EvolvedRun) -> None:
    """An unknown one is refused with the arms there are."""
    assert baseline_of(run, "learner") == "learner"
    with pytest.raises(ArmsUnknown, match="no arm 'other'") as refused:
        baseline_of(run, "other")
    assert "no_skill, learner" in (refused.value.remedy or "")
    assert refused.value.exit_code == ExitCode.USAGE
    run.planned = tuple(each for each in run.planned if each.arm != "no_skill")
    run.libraries = {name: each for name, each in run.libraries.items() if each.arm != "no_skill"}
    assert baseline_of(run) == "learner"
    with pytest.raises(ArmsUnknown, match="only arm"):
        compare_arms(run)


def test_money_is_told_by_arm_and_purpose() -> None:
    """Authors and choosers ask on streams of their own; everything else goes by the label of its cells."""
    assert spending_of("attempt/learner.E1/a/1/1") == SpendingPlace("learner", "trials")
    assert spending_of("attempt/learner.r2.E1.replay/a/1/1") == SpendingPlace("learner", "replays")
    assert spending_of("call/learner.E1.oracle/a/1/1/3") == SpendingPlace("learner", "oracles")
    assert spending_of("attempt/learner.E1.gate1/a/1/1") == SpendingPlace("learner", "gates")
    assert spending_of("author/learner.r2/E1/a") == SpendingPlace("learner", "author")
    assert spending_of("retrieve/learner/E1/a") == SpendingPlace("learner", "retrieval")
    assert spending_of("run") == SpendingPlace("", "other")
    assert place_of("learner/author") == SpendingPlace("learner", "author")


def ended(library: EvolvedLibrary, task: str, *, solved: bool) -> None:
    """Have a primary trial end otherwise."""
    trial = library.trials[f"primary/{task}"]
    trial.row = replace(trial.row, solved=solved)


async def test_three_uses_are_enough_to_call_a_skill_harmful_and_so_are_seven_of_ten(run: EvolvedRun) -> None:
    """The edges count; one failure less does not."""
    library = run.libraries["library/learner/E1"]
    del run.reads["learner.E1/e1-ls2-t6/1"]
    ended(library, "e1-ls1-t4", solved=False)
    assert measure_arm(run, "learner").health.harmful == (f"learner/E1/{slug('E1-LS1')}",)
    row = library.trials["primary/e1-ls1-t5"].row
    library.trials = {
        f"primary/{n}": SuiteTrial(row=replace(row, stream=f"cell/x/{n}", solved=n >= 7)) for n in range(10)
    }
    run.reads = {f"x/{n}": TrialReads(steps=[(slug("E1-LS1"),)]) for n in range(10)}
    assert measure_arm(run, "learner").health.harmful == (f"learner/E1/{slug('E1-LS1')}",)
    ended(library, "6", solved=True)
    assert measure_arm(run, "learner").health.harmful == ()


async def test_a_right_result_by_a_wrong_process_is_a_shortcut(run: EvolvedRun) -> None:
    """A wrong result by one is no shortcut, and a right process is no reason at all."""
    name = "learner.E1/e1-ls1-t6/1"
    run.reads[name].steps.reverse()
    reasons = {(True, False): "shortcut", (False, False): "wrong process", (True, True): "skill not enough"}
    for groups, why in reasons.items():
        run.groups[name] = GroupRecord(*groups, passed=all(groups))
        assert measure_arm(run, "learner").compositions.failures == {"missing skill": 1, why: 1}


async def test_a_skill_of_another_environment_is_told_by_whom_it_was_written_for(run: EvolvedRun) -> None:
    """At home it counts for nothing; abroad each trial that read it does, solved or not."""
    measures = measure_arm(run, "learner")
    assert (measures.other_environment, measures.other_environment_solved) == (0, 0)
    run.environments["E1-LS1"] = "E2"
    measures = measure_arm(run, "learner")
    assert (measures.other_environment, measures.other_environment_solved) == (4, 2)


async def test_a_patch_whose_own_task_fails_on_replay_is_not_overfitted(run: EvolvedRun) -> None:
    """It is useless, which is something else."""
    library = run.libraries["library/learner/E1"]
    ended(library, "e1-ls1-t4", solved=False)
    again = library.trials["replay/e1-ls1-t2"]
    again.row = replace(again.row, solved=False)
    told = measure_arm(run, "learner").revisions
    assert (told.overfitted, told.overfitting_known) == (0, 1)


async def test_a_patch_that_a_gate_wants_to_know_more_of_is_open_and_its_trials_are_no_trials() -> None:
    """Until it is ruled upon nothing became of it, and what a gate tries is in no share."""
    log = MemoryLog(clock=CountingClock())
    story = EvolvedStory(log)
    story.begin(["learner"])
    stream = story.open("learner", "E1")
    story.score("learner", "E1", {"e1-ls1-t1": True})
    story.revise(stream, slug("E1-LS1"), "e1-ls1-t1", outcome="more")
    story.score("learner", "E1", {"e1-ls1-t1": False}, "gate")
    await record(log, "r1", story.told)
    run = (await fold(log, Evolution())).runs["r1"]
    assert [each.standing for each in run.libraries[stream].patches] == ["open"]
    assert [each.row.passing for each in run.libraries[stream].trials.values()] == ["primary"]
