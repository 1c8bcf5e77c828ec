"""Trainings as users run them: what is accepted, rejected, left out and measured, and that all of it replays."""

import tomllib
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import msgspec
import pytest

from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.policies.edits.regions import SpanSafeRegions
from engine.programs.evaluate.points import CellSaw
from engine.programs.train.epoch_points import EpochSample
from engine.programs.train.gate_points import CandidateRuling
from engine.programs.train.points import StepTerms
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evaluation import EvaluationFound
from events.types.model import ModelAsked
from events.types.skill import SkillRejected
from events.types.training import (
    CandidateMade,
    DoNothingScored,
    EditsSelected,
    EpochPlanned,
    GateDecided,
    MetaWritten,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SlowProposed,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
)
from projections.library import Library, folder_digest
from replay.ledger import read_ledger
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.runs import setting
from tests.support.training import DEMO, SETS, jars, told, trained, training

SHADOWS: Final = {"strict": {"name": "strict"}, "paired": {"name": "paired"}}


async def lived(folder: Path, **changes: Any) -> tuple[EventLog, str]:
    """Train to the end."""
    log = MemoryLog(clock=CountingClock())
    report = await trained(log, jars(folder), training(**changes))
    assert report.outcomes == {"train": "completed"}
    return log, report.run


async def test_a_skill_learns_from_failures_and_is_accepted_by_its_scores(tmp_path: Path) -> None:
    """Given a target that knows only its skill, each acceptance rests on a pass that beats what was believed."""
    log, run = await lived(tmp_path)
    accepted = await told(log, run, SkillAccepted)
    assert [each.revision for each in accepted] == list(range(1, len(accepted) + 1))
    assert [each.parent for each in accepted] == [None, *[folder_digest(each.files) for each in accepted[:-1]]]
    (closed,) = await told(log, run, TrainingClosed)
    initial, best, final = closed.skills
    assert (initial.revision, best.revision, final.revision) == (0, len(accepted), len(accepted))
    assert final.test_hard.exact > initial.test_hard.exact
    assert final.measured.exact > initial.believed.exact
    # And what was believed of it is what the gate said last, not the lucky score of one pass.
    ruled = [each for each in await told(log, run, GateDecided) if each.outcome == "accept"]
    assert final.believed == ruled[-1].believed != ruled[-1].score


@pytest.mark.slow
async def test_all_of_it_is_the_same_again_without_a_call(tmp_path: Path) -> None:
    """A rerun opens no port; each recorded ruling is what its policy says of the recorded inputs."""
    log, run = await lived(tmp_path, shadows=SHADOWS)
    assert (await rerun(log, run)).complete
    found = await decisions(log, run)
    assert all(each.agrees for each in found)
    names = {each.name for each in (await read_ledger(log, run)).entries}
    assert {"epoch", "minibatches", "rate", "candidate", "gate", "buffer", "skill_scan", "patch_read"} <= names


async def test_what_is_accepted_is_found_as_any_skill_is(tmp_path: Path) -> None:
    """The library of the run has every revision, and a next training begins with one of them."""
    log, run = await lived(tmp_path)
    (state,) = await fold_run(log, [Library()], run)
    (library,) = state.runs.values()
    skill = library.skills["jar-labels"]
    accepted = await told(log, run, SkillAccepted)
    assert [each.files for each in skill.revisions] == [each.files for each in accepted]
    again = await start_run(await setting(log, tmp_path), training(skill=f"run:{run}/jar-labels@1", epochs=1))
    (planned,) = await told(log, again.run, TrainingPlanned)
    assert (planned.skill, planned.files) == ("jar-labels", accepted[0].files)


async def test_a_candidate_that_does_not_beat_what_is_believed_is_rejected(tmp_path: Path) -> None:
    """Given whole documents that forget what others knew, the gate keeps the revision in force."""
    log, run = await lived(tmp_path, update="full_rewrite")
    made = {each.ref: each.event async for each in log.read(Selection(run=run, tags={"candidate.made"}))}
    rejected = await told(log, run, SkillRejected)
    assert rejected
    for each in rejected:
        candidate = made[each.candidate]
        assert isinstance(candidate, CandidateMade)
        assert candidate.changed
    (closed,) = await told(log, run, TrainingClosed)
    assert (closed.accepted, closed.rejected) == (len(await told(log, run, SkillAccepted)), len(rejected))


@pytest.mark.slow
async def test_a_gate_may_ask_for_more_before_it_rules(tmp_path: Path) -> None:
    """`items` runs again what is in doubt; the cells of each look have a label of their own."""
    log, run = await lived(tmp_path, gate={"name": "items"})
    ruled = await told(log, run, GateDecided)
    labels = [each.label for each in await told(log, run, RolloutsScored)]
    again = [label for label in labels if label.endswith(".gate.2")]
    assert again
    assert sum(each.outcome == "more" for each in ruled) == sum(".gate" in label for label in labels)
    assert (await rerun(log, run)).complete


@pytest.mark.slow
async def test_shadow_gates_rule_on_the_same_rows_and_decide_nothing(tmp_path: Path) -> None:
    """Given `strict` beside `items`, each of its rulings stands by its name, and nothing was run for it."""
    plain, plain_run = await lived(tmp_path / "a", gate={"name": "items"})
    log, run = await lived(tmp_path / "b", gate={"name": "items"}, shadows=SHADOWS)
    ruled = await told(log, run, GateDecided)
    of = {name: [each.outcome for each in ruled if each.shadow == name] for name in (None, *SHADOWS)}
    assert len({len(each) for each in of.values()}) == 1
    assert of["strict"] != of[None]
    labels = [[each.label for each in await told(*each, RolloutsScored)] for each in ((plain, plain_run), (log, run))]
    assert labels[0] == labels[1]


async def test_items_that_score_by_themselves_count_at_no_gate(tmp_path: Path) -> None:
    """The set holds a jar without a label, which an empty answer solves: it is named, and no look runs it."""
    log, run = await lived(tmp_path)
    (idle,) = await told(log, run, DoNothingScored)
    assert idle.solved == ("items.idle-val",)
    assert idle.measured == SETS["selection"]["limit"]
    looks = [each for each in await told(log, run, GateDecided) if each.outcome == "more"]
    assert looks
    assert all("items.idle-val" not in each.run for each in looks)


@pytest.mark.slow
async def test_passes_find_scores_that_are_stored_and_rollouts_never_do(tmp_path: Path) -> None:
    """A second training asks the target only for what it learns from; its trajectories are its own."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    first = (await trained(log, base, training())).run
    second = (await trained(log, base, training())).run

    async def asked(run: str) -> set[str]:
        found = [each async for each in log.read(Selection(run=run, tags={"model.asked"}))]
        cells = {each.stream.name.split("/")[1] for each in found if each.stream.name.startswith("item/")}
        assert all(isinstance(each.event, ModelAsked) for each in found)
        return cells

    assert {"start", "s1.rollout", "s1.gate", "test.initial"} <= await asked(first)
    assert {label.partition(".")[2].partition(".")[0] for label in await asked(second)} <= {"rollout", "slow"}
    found = [each async for each in log.read(Selection(run=second, tags={"evaluation.found"}))]
    assert {each.event.run for each in found if isinstance(each.event, EvaluationFound)} == {first}


async def test_a_schedule_counts_the_steps_that_came_to_choose(tmp_path: Path) -> None:
    """A step that proposes nothing takes no rate, so that the next one has it (SkillOpt, W5)."""
    log, run = await lived(tmp_path, rate={"mode": "linear", "most": 4, "least": 1}, epochs=3)
    rates = await told(log, run, RateChosen)
    assert await told(log, run, StepSkipped)
    assert [each.number for each in rates] == list(range(1, len(rates) + 1))
    assert [each.rate for each in rates] == [4, 3, 2, 2, 2, 1][: len(rates)]
    chosen = await told(log, run, EditsSelected)
    assert all(len(each.selected) <= rate.rate for each, rate in zip(chosen, rates, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"update": "rewrite"},
        {"rate": {"mode": "autonomous"}, "accumulation": 2},
        {"rate": {"mode": "none"}, "failure_only": True},
        {"skill_aware": True, "consolidate": 1},
        {"gate": {"name": "evidence", "settings": {"anyway": True}}},
        {"gate": {"name": "force"}, "metric": "mixed"},
        {"method": {"name": "compatible"}},
    ],
    ids="-".join,
)
async def test_every_way_of_training_replays(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Update modes, rates, gates and methods are values: each leads to its end, and comes out the same again."""
    log, run = await lived(tmp_path, **changes)
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))


REMINDING: Final = """
name = "reminders"
[[rule]]
name = "target"
model = "target"
[[rule.turn]]
text = "I do not know."
repeat = true
[[rule]]
name = "fewer again"
model = "optimizer"
contains = ["Stage: appendix", "Look twice at each label."]
[[rule.turn]]
text = '{"notes": ["Read each label twice."]}'
repeat = true
[[rule]]
name = "fewer"
model = "optimizer"
contains = ["Stage: appendix"]
[[rule.turn]]
text = '{"notes": ["Look twice at each label."]}'
repeat = true
[[rule]]
name = "reflect"
model = "optimizer"
contains = ["Stage: reflect"]
[[rule.turn]]
text = '{"edits": [], "appendix_notes": ["Look at the label.", "Look at it twice."]}'
repeat = true
"""
"""A target that knows nothing, and an optimizer that has only reminders to give."""


async def test_reminders_that_were_made_fewer_are_all_that_is_left(tmp_path: Path) -> None:
    """Given reminders for which the optimizer writes one, step after step, the skill holds that one and none before."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    (base / "script.toml").write_text(REMINDING)
    given: dict[str, Any] = {"skill_aware": True, "consolidate": 1, "gate": {"name": "force"}}
    report = await trained(log, base, training(epochs=1, minibatch=6, **given))
    first, second = [each for each in await told(log, report.run, CandidateMade) if each.origin == "appendix"]
    texts = [(await log.get(each.files[0].digest)).decode() for each in (first, second)]
    notes = [SpanSafeRegions().appendix_notes(each) for each in texts]
    assert notes == [("Look twice at each label.",), ("Read each label twice.",)]


async def test_epochs_are_compared_and_the_optimizer_remembers(tmp_path: Path) -> None:
    """From the second epoch on, both skills are rolled out on the same items, and what was learnt goes on."""
    log, run = await lived(tmp_path, epochs=3)
    (second, third) = await told(log, run, SlowProposed)
    assert (second.epoch, third.epoch) == (2, 3)
    sizes = [each.improved + each.regressed + each.failing + each.passing for each in (second, third)]
    assert sizes == [4, 4]
    notes = await told(log, run, MetaWritten)
    assert [each.epoch for each in notes] == [2, 3]
    epochs = await told(log, run, EpochPlanned)
    assert [bool(each.steps) for each in epochs] == [True, True, True, False]


def test_a_ruling_is_what_its_event_holds() -> None:
    """So that it is read back without code."""
    names = set(CandidateRuling.__struct_fields__)
    assert names <= set(GateDecided.__struct_fields__)
    assert msgspec.structs.fields(CellSaw)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_tasks_are_trained_on_by_an_agent_in_a_sandbox(tmp_path: Path) -> None:
    """Given the demo's tasks and the shell agent, which reads the skill that it is given, the tests score it."""
    base = tmp_path / "demo"
    copytree(DEMO, base)
    read = tomllib.loads((base / "tasks.toml").read_text())
    own = {**read.pop("train"), "epochs": 2}
    log = MemoryLog(clock=CountingClock())
    report = await start_run(await setting(log, base), msgspec.convert({**read, "own": own}, RunSpec))
    assert report.outcomes == {"train": "completed"}
    assert await told(log, report.run, SkillAccepted)
    (closed,) = await told(log, report.run, TrainingClosed)
    initial, _, final = closed.skills
    assert final.test_hard.exact > initial.test_hard.exact
    assert (await rerun(log, report.run)).complete


def test_rulings_are_read_that_were_recorded_before_a_field_came() -> None:
    """A run of yesterday is replayed and forked: what it did not rule on was as it is by default."""
    terms = {"update": "patch", "budget": 4, "appendix": False, "merge_batch": 8, "ask_rate": False}
    before = msgspec.convert(terms, StepTerms)
    assert (before.rank_none, before.pause) == (False, False)
    sample: dict[str, Any] = {"items": [], "slow": False, "meta": False, "placeholder": False}
    assert not msgspec.convert(sample, EpochSample).top_up
