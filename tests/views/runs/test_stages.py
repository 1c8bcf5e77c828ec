"""A run says which part of it goes on, and how much of that there is in all: not only what has begun."""

import pytest

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.store.base import EventLog
from events.types.construction import BriefsRead, ConstructionClosed, ConstructionOpened
from events.types.evaluation import CellOpened, CellUnscored, EvaluationScored
from events.types.optimizing import OptimizerClosed, OptimizerOpened
from events.types.proving import InspectionAsked, ProofConcluded
from events.types.run import RunOpened, TaskPinned
from events.types.training import EpochPlanned, PlannedBatch, PlannedSet, PlannedStep, RolloutsScored, TrainingPlanned
from events.values import NamedDigest
from tests.views.histories import PlacedEvent, opened, record, trial_closed, trial_opened
from views.runs.progress import Progress
from views.runs.stages import kind_of

EMPTY = Digest("0" * 64)
STEP = PlannedStep((PlannedBatch(("one", "two", "three"), 0),))


async def _after(log: EventLog, *story: tuple[str, Event], epochs: int | None = None) -> str:
    """Give what is said of a run after these events."""
    await record(log, "r1", [*opened(log), *(PlacedEvent(*each) for each in story)])
    progress = Progress("r1")
    progress.training.epochs = epochs
    async for recorded in log.read():
        progress.see(recorded)
    return progress.totals()


def _begun(label: str, item: str) -> tuple[str, Event]:
    return f"cell/{label}/set.{item}.1", CellOpened(label, item, item, 1, EMPTY, EMPTY)


def _scored(label: str, item: str, *, solved: bool) -> tuple[str, Event]:
    ended = EvaluationScored(EMPTY, solved=solved, reward=float(solved), rolled=Ref("item/x", 1))
    return f"cell/{label}/set.{item}.1", ended


def _planned() -> tuple[str, Event]:
    given = Fingerprint(EMPTY)
    sets = (
        PlannedSet("train", "set", given, ("one", "two", "three", "four")),
        PlannedSet("selection", "set", given, tuple("abcde")),
        PlannedSet("test", "set", given, tuple("xyz")),
    )
    return "train", TrainingPlanned("skill", (), sets)


async def test_the_first_pass_of_a_training_is_named_with_all_its_cells(log: EventLog) -> None:
    """Nine times "epoch 0, step 0 of 0" told nobody that the initial skill was being scored."""
    ended = (_begun("start", "b"), _scored("start", "b", solved=True))
    begun = (_begun("start", "a"), ("cell/start/set.a.1", CellUnscored("infrastructure", None)), *ended)
    told = await _after(log, _planned(), *begun, epochs=4)
    assert told.startswith("4 epochs · scoring the initial skill: 2 of 5 cells, 1 solved · 0 accepted, 0 rejected")


async def test_steps_are_those_of_all_epochs(log: EventLog) -> None:
    """A total that grows with each epoch says that a training of forty is nearly done."""
    planned = EpochPlanned(1, (STEP, STEP))
    told = await _after(log, _planned(), ("train", planned), _begun("s1.rollout", "one"), epochs=4)
    assert told.startswith("epoch 1 of 4, step 0 of 8 · rolling out: 0 of 3 cells · ")


async def test_without_settings_as_much_is_said_as_was_planned(log: EventLog) -> None:
    """Such as of a run whose program is not installed here."""
    told = await _after(log, _planned(), ("train", EpochPlanned(1, (STEP, STEP))))
    assert told.startswith("epoch 1 of 1, step 0 of 2 · 0 accepted")


async def test_what_the_optimizer_is_asked_is_a_phase(log: EventLog) -> None:
    """Between two passes a training works, too, and what is answered is no phase any more."""
    scored = RolloutsScored("s1.rollout", "train", None, EMPTY, 1, 1, None, None)
    asked = [(f"reflect/1.{number}", OptimizerOpened("reflect", (), ())) for number in range(2)]
    story = (_planned(), ("train", EpochPlanned(1, (STEP,))), _begun("s1.rollout", "one"), ("train", scored), *asked)
    told = await _after(log, *story, ("rank/1", OptimizerOpened("rank", (), ())), epochs=1)
    assert " · reflecting, ranking edits · " in told
    answered = [(name, OptimizerClosed("read", "", (), None)) for name in ("reflect/1.0", "reflect/1.1", "rank/1")]
    await record(log, "r1", [PlacedEvent(*each) for each in answered])
    progress = Progress("r1")
    async for recorded in log.read():
        progress.see(recorded)
    assert "reflecting" not in progress.totals()
    assert "rolling out" not in progress.totals()


@pytest.mark.parametrize(("label", "kind"), [
    ("start", "start"), ("s3.gate.2", "gate"), ("e2.slow.gate", "gate"), ("e2.slow.before", "slow"), ("idle~2", "idle"),
    ("s1.rollout~2", "rollout"), ("s3.placebo", "placebo"), ("final.selection", "final"), ("test.best", "test"),
    ("new", "new"),
])  # fmt: skip
def test_cells_are_named_by_what_they_are_for(label: str, kind: str) -> None:
    """Whatever else stands in their label: a candidate of a slow update goes to the gate, too."""
    assert kind_of(label) == kind


async def test_tasks_that_are_made_are_counted_whole(log: EventLog) -> None:
    """Trials of their proofs are no sum of anything: more of them begin with each round."""
    briefs = BriefsRead(tuple(NamedDigest(name, EMPTY) for name in ("aye", "bee", "cee")))
    begun = [(f"construct/{name}", ConstructionOpened(name, EMPTY)) for name in ("aye", "bee", "cee")]
    looked = ("construct/aye", InspectionAsked("aye.1"))
    told = await _after(log, ("run", briefs), *begun, looked)
    assert told.startswith("0 of 3 tasks published, 2 being written, 1 under proof · ")
    proved = ("construct/aye", ProofConcluded("sound", ()))
    ended = [
        ("construct/aye", ConstructionClosed("published", 1, ())),
        ("construct/bee", ConstructionClosed("unreadable", 1, ("no JSON",))),
    ]
    await record(log, "r1", [PlacedEvent(*each) for each in (proved, *ended)])
    progress = Progress("r1")
    lines = [line async for recorded in log.read() if (line := progress.see(recorded))]
    assert progress.totals().startswith("1 of 3 tasks published, 1 given up, 1 being written, 0 under proof · ")
    assert lines == ["aye: sound", "aye: published after 1 round", "bee: unreadable after 1 round: no JSON"]


async def test_a_trial_that_does_nothing_is_not_meant_to_be_solved(log: EventLog) -> None:
    """Of the seven trials of a proof two solve a sound task: "2 of 7 solved" looked like trouble."""
    tasks = tuple(TaskPinned(name, Fingerprint(EMPTY)) for name in ("aye", "bee"))
    start = RunOpened(EMPTY, "spark", tasks, (), "0.1.0", scripted=False, program="prove")
    looked = [("proof/aye", InspectionAsked("aye")), ("proof/bee", InspectionAsked("bee"))]
    story = [PlacedEvent("run", start), *(PlacedEvent(*each) for each in looked)]
    trials = [trial_opened("aye.nop.1"), trial_closed("aye.nop.1", "unsolved", 1, 0.0)]
    await record(log, "r1", [*story, *trials, PlacedEvent("proof/aye", ProofConcluded("sound", ()))])
    progress = Progress("r1")
    async for recorded in log.read():
        progress.see(recorded)
    assert progress.totals().startswith("1 of 2 tasks proved, 1 under proof · 1 of 1 trial done · ")
