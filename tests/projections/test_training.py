"""What a training run comes to, folded: steps, edits, gates, flips of items, and what is believed of each revision."""

from fractions import Fraction

import pytest

from engine.core.fold import fold
from events.base import Recorded, Ref, StreamId
from events.digest import Fingerprint, digest_of
from events.store.sqlite.store import SqliteLog
from events.types.item import ItemPinned, ItemsAsked, ItemsRead
from events.types.training import PlannedSet
from projections.base import state_digest
from projections.training.measures import (
    SetCoverage,
    before_labels,
    by_type,
    changes_of,
    coverage_of,
    fresh_score,
    gain_of,
    selection_score,
)
from projections.training.stages import StagePlace, TrainingCosts, place_of, stage_of
from projections.training.state import CandidateRecord, GateTerms, SetPass, TrainedCell, TrainedRun
from projections.training.view import Training
from tests.support.trained import SECOND, THIRD, record_trained


async def run_of(log: SqliteLog) -> TrainedRun:
    """Fold the run."""
    await record_trained(log)
    return (await fold(log, Training())).runs["r1"]


def candidate(run: TrainedRun, name: str) -> CandidateRecord:
    """Pick a candidate."""
    found = run.candidate(name)
    assert found is not None
    return found


async def test_every_candidate_is_told_with_what_became_of_it(log: SqliteLog) -> None:
    """Accepted, rejected, and undecided, which is no rejection; those of the ends of epochs by names of their own."""
    run = await run_of(log)
    assert [(each.name, each.standing, each.revision, each.step) for each in run.candidates] == [
        ("s1", "accepted", 1, 1),
        ("s2", "rejected", None, 2),
        ("s3", "accepted", 2, 3),
        ("e2.slow", "undecided", None, 4),
    ]
    assert candidate(run, "s2").reasons == ("harm 0.4",)
    assert candidate(run, "e2.slow").ended is not None
    assert [each.skipped for each in run.steps] == [None, None, None, "nothing was proposed"]


async def test_an_edit_is_named_by_its_place_among_all_that_were_proposed(log: SqliteLog) -> None:
    """A ranking left the first out, and one that was applied found no anchor; both are told with their hint."""
    run = await run_of(log)
    assert [(each.place, each.selected, each.applied, each.edit.content) for each in candidate(run, "s1").edits] == [
        (1, False, False, "ALWAYS SHOUT."),
        (2, True, True, "Name the country, not the city."),
        (3, True, True, "Read the question twice."),
    ]
    refused = candidate(run, "s2").edits[1]
    assert (refused.status, refused.hint) == ("refused_target_not_found", "did you mean 'Name the country'?")
    assert (run.steps[0].rate, run.steps[0].how, run.steps[0].merges) == (2, "ranked", ("merge/1.final.1.0",))


async def test_gates_are_told_in_order_and_shadows_apart(log: SqliteLog) -> None:
    """*More* is a ruling, too; and what a shadow says never reaches what counts."""
    first = candidate(await run_of(log), "s1")
    assert [each.outcome for each in first.gates] == ["more", "more", "accept"]
    assert first.gates[1].run == ("coins",)
    assert {name: [each.outcome for each in found] for name, found in first.shadows.items()} == {
        "as SkillOpt": ["accept"],
        "careful": ["reject"],
    }


async def test_what_a_candidate_changed_is_told_item_by_item(log: SqliteLog) -> None:
    """Every score of both sides counts; one without a score changed nothing, and is not a loss."""
    run = await run_of(log)
    changes = {each.item: each for each in changes_of(run, candidate(run, "s1"))}
    assert {name: each.move for name, each in changes.items()} == {
        "atlas": "kept",
        "birds": "won",
        "coins": "won",
        "dates": "no score",
        "idle": "kept",
    }
    assert [cell.cell.solved for cell in changes["coins"].after] == [False, True]
    assert changes["coins"].after_mean == Fraction(1, 2)
    assert (changes["idle"].nothing, changes["atlas"].nothing) == (True, False)
    # Items that are solved without a skill are left out: atlas 0, birds 1, coins 1/2.
    assert gain_of(changes.values()) == Fraction(1, 2)


async def test_a_candidate_is_held_beside_what_was_run_beside_it(log: SqliteLog) -> None:
    """Where the gate had the revision in force run again, those rows count, and else all passes before."""
    run = await run_of(log)
    assert before_labels(run, candidate(run, "s1")) == ("start",)
    assert before_labels(run, candidate(run, "s2")) == ("s1.gate",)
    assert before_labels(run, candidate(run, "s3")) == ("s3.beside",)
    lost = [each.item for each in changes_of(run, candidate(run, "s2")) if each.move == "lost"]
    assert lost == ["atlas", "coins"]


async def test_what_was_measured_afterwards_leaves_out_the_pass_that_was_chosen(log: SqliteLog) -> None:
    """That pass was accepted for being high; only passes after it say how high the revision really is."""
    run = await run_of(log)
    initial, first, second = run.revisions
    assert fresh_score(run, initial) is None
    beside, final = fresh_score(run, first), fresh_score(run, second)
    assert beside is not None
    assert final is not None
    assert (beside.mean, beside.items, beside.cells) == (Fraction(1, 4), 4, 4)  # of five items, one counts at no gate
    assert (final.mean, final.items, final.cells) == (Fraction(1, 2), 4, 4)
    assert (second.score, second.believed) == (
        candidate(run, "s3").gates[-1].score,
        candidate(run, "s3").gates[-1].believed,
    )


@pytest.mark.parametrize(
    ("terms", "mean", "items"),
    [
        (GateTerms(), Fraction(1, 2), 2),
        (GateTerms(idle_counts=True), Fraction(2, 3), 3),
        (GateTerms("soft"), Fraction(5, 8), 2),
        (GateTerms("mixed", 0.2), Fraction(21, 40), 2),
    ],
)
def test_what_is_measured_is_scored_as_the_gate_scores(terms: GateTerms, mean: Fraction, items: int) -> None:
    """Else means over other items, or of another metric, would stand side by side as if they could be compared."""
    zero = Fingerprint("0" * 64)
    run = TrainedRun(
        run="r1",
        skill="jars",
        initial=(),
        sets=(PlannedSet("selection", "set", zero, ("idle", "won", "lost", "broken")),),
        planned_at=Ref("train", 1),
        do_nothing=("idle",),
        terms=terms,
        passes=[SetPass("final.selection", "selection", None, 4, 3, None, None, Ref("train", 9))],
    )
    missing = {"broken": "infrastructure"}
    cells = {"idle": (True, 1.0), "won": (True, 1.0), "lost": (False, 0.25), "broken": (None, None)}
    run.cells["final.selection"] = {
        item: TrainedCell(item=item, repeat=1, solved=solved, reward=reward, unscored=missing.get(item))
        for item, (solved, reward) in cells.items()
    }
    found = selection_score(run, ["final.selection"])
    assert found is not None
    assert (found.mean, found.items, found.cells) == (mean, items, items)
    assert coverage_of(run) == (SetCoverage("selection", 4, 3, {"infrastructure": 1}),)


async def test_revisions_tell_where_they_come_from(log: SqliteLog) -> None:
    """Each with its parent, its candidate and its step; the initial skill is revision 0."""
    story = await record_trained(log)
    run = (await fold(log, Training())).runs["r1"]
    assert [(each.revision, each.candidate, each.step, each.best) for each in run.revisions] == [
        (0, None, 0, True),
        (1, "s1", 1, True),
        (2, "s3", 3, True),
    ]
    assert [each.digest for each in run.revisions[1:]] == [story.skill(SECOND), story.skill(THIRD)]
    assert run.revisions[2].parent == run.revisions[1].digest
    assert run.in_force is run.best is run.revisions[2]


async def test_results_are_told_by_type(log: SqliteLog) -> None:
    """Types are those of the items; what has none is a type of its own."""
    await record_trained(log)
    state = await fold(log, Training())
    found = {each.task_type: each for each in by_type(state.runs["r1"], state.types["r1"], ["final.selection"])}
    assert {name: (each.items, each.scored, each.hard) for name, each in found.items()} == {
        "": (1, 1, 1),
        "nature": (2, 2, Fraction(1, 2)),
        "places": (2, 2, Fraction(1, 2)),
    }


def test_types_of_items_are_found_under_the_names_that_cells_have() -> None:
    """A cell names an item with its set, a set without: given two sets with an item of one name, each has its own."""
    state, training = Training().initial(), Training()
    events = [
        event
        for name, kind in (("jars", "oil"), ("lids", "tin"))
        for event in (
            ItemsAsked(name, "question", name, "val", None, None, ()),
            ItemsRead(Fingerprint("0" * 64), (ItemPinned("first", digest_of(b""), kind, None),), ()),
        )
    ]
    for version, event in enumerate(events, start=1):
        place = StreamId("r1", "run")
        state = training.apply(state, Recorded(version, place, version, None, 0, event, b"", digest_of(b"")), {})
    assert state.types == {"r1": {"jars.first": "oil", "lids.first": "tin"}}


async def test_scores_that_were_found_name_the_run_that_has_them(log: SqliteLog) -> None:
    """A cell that was not rolled out here has its trajectory elsewhere."""
    run = await run_of(log)
    cells = {each.item: each for each in run.cells["start"].values()}
    assert (cells["dates"].found_in, cells["atlas"].found_in) == ("r0", None)
    assert cells["atlas"].at == Ref("cell/start/set.atlas.1", 2)


async def test_a_run_that_trains_nothing_is_not_there(log: SqliteLog) -> None:
    """Nor do cells and candidates of a run that never planned any training change anything."""
    story = await record_trained(log)
    assert (await fold(log, Training())).runs.keys() == {"r1"}
    assert state_digest((await fold(log, Training())).runs["r1"]) == state_digest(
        (await fold(log, Training())).runs["r1"]
    )
    assert story.told


@pytest.mark.parametrize(
    ("stream", "place"),
    [
        ("cell/s3.rollout/set.a.1", StagePlace("rollout", "s3")),
        ("item/s3.rollout.1~2/set.a.1", StagePlace("rollout", "s3")),
        ("trial/s3.gate/task/2", StagePlace("selection", "s3")),
        ("attempt/s3.gate/task/2/1", StagePlace("selection", "s3")),
        ("call/s3.gate/task/2/1/7", StagePlace("selection", "s3")),
        ("cell/e2.slow.before/set.a.1", StagePlace("slow rollout", "e2")),
        ("cell/e2.slow.gate/set.a.1", StagePlace("selection", "e2")),
        ("cell/start/set.a.1", StagePlace("selection", "start")),
        ("cell/final.selection/set.a.1", StagePlace("selection", "final.selection")),
        ("cell/test.best/set.a.1", StagePlace("test", "test.best")),
        ("cell/idle/set.a.1", StagePlace("do nothing", "idle")),
        ("reflect/3.0.fail.0", StagePlace("reflect", "s3")),
        ("merge/3.final.1.0", StagePlace("merge", "s3")),
        ("slow/2", StagePlace("slow", "e2")),
        ("meta/2", StagePlace("meta", "e2")),
        ("trial/greet", StagePlace("other", "")),
        ("run", StagePlace("other", "")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_stream_has_a_stage(stream: str, place: StagePlace) -> None:
    """So that what training costs is told by what it was spent on, and where."""
    assert stage_of(stream) == place


async def test_costs_are_kept_by_stage(log: SqliteLog) -> None:
    """A reflection and a merge of one step differ, though their streams end in the same number."""
    await record_trained(log)
    costs = (await fold(log, TrainingCosts())).runs["r1"]
    found = {place_of(account): roles["optimizer"]["big-model"].cost for account, roles in costs.lines.items()}
    assert found[StagePlace("reflect", "s1")] == 4_000_000
    assert found[StagePlace("merge", "s1")] == 2_000_000
    assert found[StagePlace("slow", "e2")] == 2_000_000
