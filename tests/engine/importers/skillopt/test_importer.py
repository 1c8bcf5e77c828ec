"""Output folders of SkillOpt in the log: what they tell of steps and skills, every file, and nothing made up."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from engine.core.fold import fold
from engine.importers.left_out import NothingImported
from engine.importers.skillopt.importer import import_skillopt
from engine.importers.streams import ALREADY
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.run import RunImported
from events.values import Ratio
from projections.training.state import TrainedRun
from projections.training.view import Training
from replay.ledger import UNTOLD, read_ledger
from tests.engine.importers.skillopt.made import FIRST, GUIDED, HISTORY, PLACED, SECOND, WORSE, files, write_output
from tests.support.worlds import memory_log


async def _trained(log: MemoryLog) -> TrainedRun:
    (run,) = (await fold(log, Training(), Selection())).runs.values()
    return run


async def test_steps_candidates_and_rulings_are_those_of_the_folder(tmp_path: Path) -> None:
    """Accepted, rejected, skipped; a placeholder and guidance at ends of epochs, which no gate accepted."""
    log = memory_log()
    found = await import_skillopt(log, write_output(tmp_path / "out"))
    (row,) = found.found
    assert (row.steps, row.accepted, row.rejected, row.skipped, found.left_out) == (4, 3, 1, 2, ())
    run = await _trained(log)
    assert run.skill == "answers"
    assert [(each.name, each.standing, each.revision) for each in run.candidates] == [
        ("s1", "accepted", 1),
        ("s2", "rejected", None),
        ("e1.slow", "accepted", 2),
        ("e2.slow", "accepted", 3),
    ]
    texts = [await log.get(each.files[0].digest) for each in run.revisions]
    assert texts == [text.encode() for text in (FIRST, SECOND, PLACED, GUIDED)]
    rejected = run.candidate("s2")
    assert rejected is not None
    assert await log.get(rejected.files[0].digest) == WORSE.encode()
    assert [len(each.gates) for each in run.candidates] == [1, 1, 0, 0]
    assert [each.skipped for each in run.steps] == [None, None, *["SkillOpt: skip_no_patches"] * 2]


async def test_scores_are_the_simplest_fractions_and_missing_ones_stay_missing(tmp_path: Path) -> None:
    """Two of three items are 2/3; a test that did not say how it went has no score; nobody measured the initial."""
    log = memory_log()
    await import_skillopt(log, write_output(tmp_path / "out"))
    run = await _trained(log)
    gates = [each.gates[0] for each in run.candidates if each.gates]
    assert [each.score and each.score.exact for each in gates] == [Fraction(2, 3), Fraction(1, 4)]
    assert [each.believed and each.believed.exact for each in gates] == [Fraction(2, 3)] * 2
    counts = [(each.label, each.planned, each.scored) for each in run.passes if each.purpose == "selection"]
    assert counts == [("s1.gate", 3, 3)]  # nobody counts the items of the second
    assert run.closed is not None
    told = {each.which: (each.believed, each.measured, each.test_hard, each.test_soft) for each in run.closed.skills}
    shares = {which: [None if each is None else each.exact for each in found] for which, found in told.items()}
    assert shares == {
        "initial": [Fraction(1, 2), None, Fraction(1, 4), None],
        "best": [Fraction(2, 3), None, Fraction(1, 2), None],
        "final": [None, Fraction(3, 5), None, None],
    }
    assert [each.revision for each in run.closed.skills] == [0, 1, 3]
    assert run.best.revision == 1


async def test_edits_have_their_standing(tmp_path: Path) -> None:
    """The second of two was selected and applied; the first was outside the budget."""
    log = memory_log()
    await import_skillopt(log, write_output(tmp_path / "out"))
    first = (await _trained(log)).candidates[0]
    assert [(each.edit.content, each.selected, each.status, each.applied) for each in first.edits] == [
        ("Be long.", False, None, False),
        ("Be brief.", True, "applied_append", True),
    ]
    step = (await _trained(log)).steps[0]
    assert (step.how, step.rate) == ("ranked", 1)


async def test_every_file_is_kept_and_a_second_import_appends_nothing(tmp_path: Path) -> None:
    """Byte for byte, but for a secret; the training has no trial, and is found all the same."""
    log = memory_log()
    folder = write_output(tmp_path / "out")
    (row,) = (await import_skillopt(log, folder)).found
    before = [each.ref async for each in log.read(Selection())]
    (opened,) = [each.event async for each in log.read(Selection(tags={"run.imported"}))]
    assert isinstance(opened, RunImported)
    assert (opened.source, opened.model, opened.name) == ("skillopt", "small", "out")
    kept = {each.name: await log.get(each.digest) for each in opened.files}
    config = kept.pop("config.json")
    assert b"k-not-to-be-kept-1" not in config
    assert kept == {name: text.encode() for name, text in files().items() if name != "config.json"}
    (again,) = (await import_skillopt(log, folder)).found
    assert (again.run, again.warnings) == (row.run, (ALREADY,))
    assert [each.ref async for each in log.read(Selection())] == before


async def test_what_lies_in_a_folder_whose_name_is_no_text_is_left_out(tmp_path: Path) -> None:
    """No log can name it; the rest is imported."""
    log = memory_log()
    folder = write_output(tmp_path / "out")
    strange = os.fsdecode(os.fsencode(folder) + b"/steps/\xff")
    os.renames(folder / "steps/step_0001/rollout", strange)
    found = await import_skillopt(log, folder)
    assert [(each.name, each.problem) for each in found.left_out] == [
        ("'steps/\\udcff/predictions/7/said.txt'", "its name is no UTF-8")
    ]
    assert len((await _trained(log)).steps) == 4


async def test_no_ruling_is_said_to_be_made_again(tmp_path: Path) -> None:
    """What a gate rested on is not in the folder, and the ledger says so of each."""
    log = memory_log()
    (row,) = (await import_skillopt(log, write_output(tmp_path / "out"))).found
    ledger = await read_ledger(log, row.run)
    assert ledger.imported
    assert len(ledger.entries) > 3
    assert {each.missing for each in ledger.entries} == {UNTOLD}


async def test_a_cut_history_leaves_the_records_of_steps(tmp_path: Path) -> None:
    """SkillOpt writes its history in place: a crash cuts it. It is named, and nothing else is lost."""
    log = memory_log()
    cut = json.dumps(HISTORY)[:200]
    found = await import_skillopt(log, write_output(tmp_path / "out", history_dot_json=cut))
    assert [each.name for each in found.left_out] == ["history.json"]
    assert len((await _trained(log)).steps) == 4


async def test_a_run_that_was_cut_off_has_not_ended(tmp_path: Path) -> None:
    """Without a summary; a candidate that is not there is left out by name, and its ruling with it."""
    log = memory_log()
    lacking = {"summary_dot_json": None, "steps__step_0002__candidate_skill_dot_md": None}
    found = await import_skillopt(log, write_output(tmp_path / "out", **lacking))
    assert [each.name for each in found.left_out] == ["steps/step_0002/candidate_skill.md"]
    run = await _trained(log)
    assert run.closed is None
    assert [each.name for each in run.candidates] == ["s1", "e1.slow", "e2.slow"]


@pytest.mark.parametrize(
    ("history", "steps"),
    [
        ('[{"step": "one"}, 7, null, {"step": -1, "action": "accept"}]', 0),
        ('[{"step": 1, "action": ["accept"], "epoch": {}}]', 1),
        ('[{"step": 1, "action": "skip_no_patches"}, {"step": 1, "action": "accept"}]', 1),
        ('[{"step": 1, "action": "reject", "candidate_gate_score": 1e300, "rollout_n": -4}]', 1),
        ('{"step": 1}', 4),
        ("[" * 100_000, 4),
    ],
)
async def test_wrong_types_cost_no_more_than_themselves(tmp_path: Path, history: str, steps: int) -> None:
    """A step that is none is left out by name, a score that is none is missing, and the skill is there."""
    log = memory_log()
    found = await import_skillopt(log, write_output(tmp_path / "out", history_dot_json=history))
    assert found.left_out or found.found[0].warnings
    run = await _trained(log)
    assert len(run.steps) == steps
    assert all(gate.score is None for each in run.candidates for gate in each.gates) or steps == 4
    assert await log.get(run.initial[0].digest) == FIRST.encode()


async def test_links_out_of_the_folder_and_huge_files_are_left_out_by_name(tmp_path: Path) -> None:
    """Somebody else's folder must not make us read our own files, nor fill the memory, nor wait for a pipe."""
    folder = write_output(tmp_path / "out")
    (tmp_path / "own.txt").write_text("private")
    (folder / "own.txt").symlink_to(tmp_path / "own.txt")
    (folder / "all").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    with (folder / "big.bin").open("wb") as file:
        file.truncate((32 << 20) + 1)
    log = memory_log()
    found = await import_skillopt(log, folder)
    assert [each.name for each in found.left_out] == ["all", "big.bin", "loop", "own.txt", "pipe"]
    (opened,) = [each.event async for each in log.read(Selection(tags={"run.imported"}))]
    assert isinstance(opened, RunImported)
    assert {each.name for each in opened.files} == set(files())


async def test_what_is_no_output_folder_is_refused(tmp_path: Path) -> None:
    """An empty folder, one that only looks like one, a file and nothing: each says what would do."""
    log = memory_log()
    (tmp_path / "empty").mkdir()
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "history.json").write_text("[]")
    (tmp_path / "file").write_text("x")
    for name, said in (("empty", "no history.json"), ("looks", "no step"), ("file", "a file"), ("gone", "not there")):
        with pytest.raises(NothingImported, match=said) as refused:
            await import_skillopt(log, tmp_path / name)
        assert "an output folder of SkillOpt" in refused.value.remedy
    assert [each async for each in log.read(Selection())] == []


async def test_folders_of_outputs_are_read_one_by_one(tmp_path: Path) -> None:
    """A folder of runs, as ``outputs`` is; what is none of them is passed over."""
    log = memory_log()
    write_output(tmp_path / "outputs" / "one")
    write_output(tmp_path / "outputs" / "two", summary_dot_json=None)
    (tmp_path / "outputs" / "notes").mkdir()
    found = await import_skillopt(log, tmp_path / "outputs")
    assert [each.name for each in found.found] == ["one", "two"]
    assert len(await log.runs()) == 2


@pytest.mark.parametrize("first", [0, 1], ids=["SkillOpt", "stillroom 0.1"])
async def test_steps_of_an_epoch_count_from_one_here(tmp_path: Path, first: int) -> None:
    """SkillOpt counts them from 0; folders that we wrote before counted from 1, and are read as they were meant."""
    told = [each | {"step_in_epoch": each["step_in_epoch"] + first} for each in HISTORY]
    log = memory_log()
    await import_skillopt(log, write_output(tmp_path / "out", history_dot_json=json.dumps(told)))
    assert [(each.epoch, each.number) for each in (await _trained(log)).steps] == [(1, 1), (1, 2), (2, 1), (2, 2)]


async def test_passes_over_sets_and_parts_of_a_step_are_those_of_their_rows(tmp_path: Path) -> None:
    """The pass that an epoch begins from, tests, both sides of a comparison, and each batch that a step accumulates."""
    parts = [{"hard": 0.0, "soft": 0.25, "n_envs": 2}, {"hard": 1.0, "soft": 1.0, "n_envs": 1}]
    told = [HISTORY[0] | {"accumulation_batches": parts}, *HISTORY[1:]]
    rows = {
        "selection_eval_baseline": [1, 0, 0],
        "test_eval_baseline": [0, 1],
        "test_eval": [1, 1],
        "slow_update__epoch_02__rollout_prev": [0],
        "slow_update__epoch_02__rollout_curr": [1],
        "steps__step_0001__batch_0__rollout": [0, 0],
        "steps__step_0001__batch_1__rollout": [1],
    }
    lines = {
        f"{at}__results_dot_jsonl": "".join(json.dumps({"id": n, "hard": h}) + "\n" for n, h in enumerate(each))
        for at, each in rows.items()
    }
    log = memory_log()
    await import_skillopt(log, write_output(tmp_path / "out", history_dot_json=json.dumps(told), **lines))
    run = await _trained(log)
    initial, best = run.revisions[0].digest, run.revisions[1].digest
    passes = {each.label: (each.skill, each.scored, each.hard) for each in run.passes}
    assert passes["start"] == (initial, 3, Ratio(1, 3))
    assert passes["s1.rollout.0"] == (initial, 2, Ratio(0, 1))
    assert passes["s1.rollout.1"] == (initial, 1, Ratio(1, 1))
    assert passes["test.initial"] == (initial, 2, Ratio(1, 2))
    assert passes["test.best"] == (best, 2, Ratio(1, 1))
    assert passes["e2.slow.before"] == (run.revisions[2].digest, 1, Ratio(0, 1))
    assert passes["e2.slow.after"] == (run.revisions[2].digest, 1, Ratio(1, 1))
    assert run.revisions[0].score is not None
    assert [run.steps[0].passes, run.steps[1].passes] == [["s1.rollout.0", "s1.rollout.1"], ["s2.rollout"]]


async def test_what_a_killed_process_left_is_named(tmp_path: Path) -> None:
    """A step without a record, and a best skill that was cut off: SkillOpt goes on with it, and tests that."""
    log = memory_log()
    left = {"best_skill_dot_md": "", "steps__step_0005__candidate_skill_dot_md": WORSE}
    found = await import_skillopt(log, write_output(tmp_path / "out", **left))
    said = " ".join(found.found[0].warnings)
    assert "steps/step_0005 was begun" in said
    assert "best_skill.md is none of the skills that were in force" in said
    closed = (await _trained(log)).closed
    assert closed is not None
    (best,) = [each for each in closed.skills if each.which == "best"]
    assert (best.revision, best.test_hard) == (1, None)  # 0.5 is what the cut-off document had
