"""Decisions of imported runs made again, and asked what if: of those too that an earlier version imported."""

import json
from collections import Counter
from pathlib import Path

import pytest

from engine.config.changes import read_changes
from engine.importers.atif.importer import import_atif
from engine.importers.spark.importer import import_spark
from events.base import Draft, StreamId
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.errors import BlobMissing
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.memo import MemoImported
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import Outcome
from projections.pdi.compare import read_all
from projections.pdi.index import PdiSettings
from replay.errors import InputsUnrecorded
from replay.ledger import read_ledger
from replay.redecide import decisions
from replay.what_if.ask import WhatIf, ask, prepare
from tests.cli.terminal import type_in
from tests.engine.importers.recorded import write_task
from tests.support.reflected import trial
from tests.support.worlds import memory_log

GOLDEN = Path(__file__).parents[1] / "golden" / "imported" / "spark-323f770.bundle"


async def imported(log: EventLog, folder: Path) -> str:
    """Import one task; give its run."""
    return (await import_spark(log, folder)).found[0].run


async def what_if(log: EventLog, run: str, **changes: str) -> WhatIf:
    """Ask about settings of PDI."""
    return await ask(
        [await prepare(log, run)], read_changes([(f"pdi.{name}", value) for name, value in changes.items()])
    )


async def test_every_decision_of_an_imported_run_comes_out_as_the_source_has_it(tmp_path: Path) -> None:
    """To the decimals that the source kept."""
    log = memory_log()
    made = await decisions(log, await imported(log, write_task(tmp_path)))
    assert Counter(each.point for each in made) == {"judging": 6, "pdi": 5, "intervention": 5}
    assert [each.at for each in made if not each.agrees] == []


@pytest.mark.parametrize(("off", "differs"), [(0.0, ()), (1e-4, ("raw_pdi",)), (-1e-4, ("raw_pdi",))])
async def test_a_reading_is_compared_to_four_decimals(off: float, differs: tuple[str, ...], tmp_path: Path) -> None:
    """What the source rounded away is no difference; what it wrote otherwise is one, by name."""
    exact = read_all([step.given for step in trial("task4").steps], PdiSettings())[2].raw_pdi
    assert exact is not None
    assert exact != round(exact, 4)
    log = memory_log()
    folder = write_task(tmp_path, readings={2: {"raw_pdi": round(round(exact, 4) + off, 4)}})
    made = [each for each in await decisions(log, await imported(log, folder)) if not each.agrees]
    assert tuple(name for each in made for name in each.differences) == differs


async def test_at_the_threshold_the_source_is_believed_and_elsewhere_the_value(tmp_path: Path) -> None:
    """A reading is recorded as triggered whose value says otherwise: that is a difference, and named."""
    log = memory_log()
    readings = {0: {"triggered": True, "level": "soft"}}
    made = await decisions(log, await imported(log, write_task(tmp_path, readings=readings)))
    differing = {each.point: set(each.differences) for each in made if not each.agrees}
    assert differing["pdi"] == {"triggered", "level"}


async def test_a_trial_leaves_its_path_at_the_intervention_that_an_attempt_follows(tmp_path: Path) -> None:
    """The reading flips, then what was done about it; what stands behind it needs live calls."""
    log = memory_log()
    run = await imported(log, write_task(tmp_path))
    assert (await what_if(log, run, threshold="-0.5")).flips == ()
    asked = await what_if(log, run, threshold="-9")
    assert [(flip.point, flip.field, flip.recorded, flip.decided) for flip in asked.flips] == [
        ("pdi", "triggered", True, False),
        ("intervention", "level", "soft", "none"),
    ]
    (left,) = asked.left
    assert left.flip.point == "intervention"
    assert (left.impact.attempts, left.impact.interventions) == (4, 4)
    (only,) = asked.trials
    assert (only.missing, only.unanswerable) == (0, 10)
    assert (asked.readings.triggered, asked.readings.none) == (0, 5)


async def test_observing_would_have_told_the_agent_nothing(tmp_path: Path) -> None:
    """Readings stay as they are."""
    log = memory_log()
    asked = await what_if(log, await imported(log, write_task(tmp_path)), mode="observe")
    assert {flip.point for flip in asked.flips} == {"intervention"}
    assert (asked.readings.triggered, asked.readings.soft, asked.readings.strong) == (4, 0, 0)


async def test_an_erased_memo_leaves_its_readings_unanswered_and_those_behind_it(tmp_path: Path) -> None:
    """And no others: the verdicts, the reading before it and what was done about readings are made again."""
    log = memory_log()
    run = await imported(log, write_task(tmp_path))
    memos = [each.event.memo async for each in log.read(Selection()) if isinstance(each.event, MemoImported)]
    await log.erase(memos[2], "somebody asked for it")
    made = await decisions(log, run)
    assert [(each.point, each.missing[:0]) for each in made if each.missing] == [("pdi", "")] * 3
    assert [each.agrees for each in made if not each.missing] == [True] * 13


async def test_a_verdict_that_another_log_of_ours_reached_stands(tmp_path: Path) -> None:
    """It may have counted 0.7 as solved; an export tells the verdict, and not by which rule."""
    log = memory_log()
    verdict = {"kind": "solved", "reward": 0.7, "reason": ""}
    step = {"step_id": 1, "source": "user", "message": "hello"}
    extra = {"recorded_by": "stillroom 0.1.0", "verdict": verdict}
    document = {"schema_version": "ATIF-v1.5", "session_id": "s", "agent": {"name": "a", "version": "1"}}
    (tmp_path / "trajectory.json").write_text(json.dumps(document | {"steps": [step], "extra": extra}))
    run = (await import_atif(log, tmp_path / "trajectory.json", task="greet")).found[0].run
    (made,) = await decisions(log, run)
    assert (made.point, made.agrees, made.recorded["outcome"]) == ("judging", True, verdict)
    asked = await ask([await prepare(log, run)], read_changes([("solved_at", "0.9")]))
    assert asked.flips == ()


async def earlier() -> tuple[MemoryLog, str]:
    """Read the run that 323f770 imported."""
    log = memory_log()
    async with await BundleSource.open(GOLDEN) as bundle:
        runs = (await require_sound(bundle)).runs
        await copy(bundle, log, runs)
    return log, "spark-task4-8e6df798"


async def test_what_an_earlier_version_imported_is_imported_again_from_its_files(tmp_path: Path) -> None:
    """Every answer is that of a run that is imported today; what no event records is silent."""
    log, run = await earlier()
    ledger = await read_ledger(log, run)
    assert (ledger.source, ledger.imported) == ("rerun", True)
    assert Counter((entry.name, entry.silent) for entry in ledger.entries) == {
        ("judging", False): 6,
        ("pdi", False): 5,
        ("intervention", True): 5,
    }
    made = await decisions(log, run)
    assert len(made) == 11
    assert [each.at for each in made if not each.agrees] == []
    today = memory_log()
    other = await imported(today, write_task(tmp_path))
    assert other == run
    for change in ({"threshold": "-9"}, {"threshold": "2"}, {"mode": "observe"}, {"method": "js_divergence"}):
        before, now = await what_if(log, run, **change), await what_if(today, run, **change)
        assert [flip[2:3] + flip[5:] for flip in before.flips] == [flip[2:3] + flip[5:] for flip in now.flips]
        assert [left.impact for left in before.left] == [left.impact for left in now.left]
        assert before.readings == now.readings


async def test_importing_again_changes_nothing_in_the_log() -> None:
    """It is done in memory: not one event, not one blob of inputs."""
    log, run = await earlier()
    before = [each async for each in log.read(Selection())]
    entries = (await read_ledger(log, run)).entries
    assert [each async for each in log.read(Selection())] == before
    for entry in entries:
        assert entry.inputs is not None
        with pytest.raises(BlobMissing):
            await log.get(entry.inputs)
    assert [entry.rule for entry in entries if entry.name == "pdi"] == [PdiSettings()] * 5


async def test_files_that_tell_another_story_are_not_believed() -> None:
    """A verdict is recorded of an attempt that the files do not hold: nobody knows what it rested on."""
    log, run = await earlier()
    stray = AttemptJudged(Outcome("failed", 0.0, ""), 0, 0, log.put(b""))
    await log.append(StreamId(run, "attempt/task4/9"), [Draft(stray, None)], expected_version=0)
    with pytest.raises(InputsUnrecorded, match="attempt/task4/9@1"):
        await read_ledger(log, run)


async def test_an_import_of_an_earlier_version_that_decided_nothing_has_an_empty_ledger() -> None:
    """No event lacks its inputs, and yet nobody wrote down which settings are assumed."""
    log = memory_log()
    opened = RunImported("spark", "lost", (), None, None, 3, ())
    await log.append(StreamId("r1", "run"), [Draft(opened, None)], expected_version=0)
    await log.append(
        StreamId("r1", "trial/lost"), [Draft(TrialOpened("lost", "imported", 3), None)], expected_version=0
    )
    ledger = await read_ledger(log, "r1")
    assert (ledger.entries, ledger.source, ledger.imported) == ((), "rerun", True)


async def test_a_memo_that_no_model_wrote_is_not_the_one_that_was_read() -> None:
    """A template stands behind a reading: then nobody knows which memo was read, and none is taken for it."""
    log = memory_log()
    nothing = log.put(b"")
    concluded = AttemptConcluded(0, Outcome("failed", 0.0, ""), "FAIL", 0, 1, nothing, nothing)
    reading = PdiImported(0, 1, 0.5, 0.5, 0.5, -0.5, 0.5, -0.25, triggered=False, level=None)
    opened = RunImported("spark", "lost", (), None, None, 3, ())
    events = [TrialOpened("lost", "imported", 3), concluded, reading, MemoImported(0, nothing, None, reflected=False)]
    events.append(TrialClosed("unsolved", 1, 0.0))
    await log.append(StreamId("r1", "run"), [Draft(opened, None)], expected_version=0)
    await log.append(StreamId("r1", "trial/lost"), [Draft(each, None) for each in events], expected_version=0)
    (made,) = await decisions(log, "r1")
    assert (made.point, made.missing) == ("pdi", "what it rested on is not in the source")
    found = await what_if(log, "r1", threshold="-9")
    assert [(each.missing, each.decisions, each.flips) for each in found.trials] == [(1, 0, ())]


def test_a_list_of_decisions_says_which_settings_are_assumed(tmp_path: Path) -> None:
    """Those of every imported decision, in the table and in each row."""
    folder = str(write_task(tmp_path / "spark"))
    run = type_in(tmp_path, "import", "spark", folder, "--json").rows[0]["run"]
    rows = [row for row in type_in(tmp_path, "decisions", run, "--json").rows if row["kind"] == "decision"]
    assert [row["assumed"] for row in rows] == [True] * 16
    assert "assumed" in type_in(tmp_path, "decisions", run, "--plain").out


async def test_a_verdict_is_asked_about_the_reward_from_which_a_task_counts_as_solved(tmp_path: Path) -> None:
    """The source's own rule is 1.0; no decision of it follows from a verdict, so the trial goes on as recorded."""
    log = memory_log()
    run = await imported(log, write_task(tmp_path, attempts={1: {"reward": 0.5}, 2: {"reward": 0.4}}))
    asked = await ask([await prepare(log, run)], read_changes([("solved_at", "0.5")]))
    assert [(flip.point, flip.at.stream) for flip in asked.flips] == [("judging", "attempt/task4/1")]
    assert (asked.left, asked.silent) == ((), 0)
    stopping = await ask([await prepare(log, run)], read_changes([("attempts", "3")]))
    assert (stopping.flips, stopping.silent) == ((), 1)
