"""Stories of job folders of Harbor's that are imported: what they say stands in the log, and nothing is made up."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.core.fold import fold, fold_many
from engine.importers.harbor.importer import ImportedHarborJob
from engine.importers.streams import ALREADY
from events.base import Draft
from events.store.base import Selection
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged, ImportedAttempt, UsageImported
from events.types.sandbox import ActionAsked
from events.types.trajectory import StepImported
from projections.cost import Cost
from projections.trials.state import Run
from projections.trials.view import Trials
from replay.redecide import decisions
from tests.engine.importers.atif.made import acted, trajectory
from tests.engine.importers.harbor.made import every, exception, job, only, rewarded, took, trial, write

PYTEST = "PASSED test_outputs.py::test_word\nFAILED test_outputs.py::test_case - another case\n"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Open a log in memory."""
    times = count(1_790_000_000_000_000, 1_000)
    async with MemoryLog(clock=lambda: next(times)) as opened:
        yield opened


async def run_of(log: MemoryLog, found: ImportedHarborJob) -> Run:
    """Fold the run."""
    return (await fold(log, Trials(), Selection(run=found.run))).runs[found.run]


async def test_each_trial_of_a_job_is_a_trial_of_one_run(log: MemoryLog, tmp_path: Path) -> None:
    """Harbor's trials of one task are independent of each other: so are ours."""
    found = await only(
        log,
        job(
            tmp_path / "nightly",
            trial("word__aaaaaaa", "word", verifier_result=rewarded(reward=1.0)),
            trial("word__bbbbbbb", "word", verifier_result=rewarded(reward=0.5)),
            trial("other__ccccccc", "org/other", verifier_result=rewarded(reward=0.0)),
        ),
    )
    run = await run_of(log, found)
    assert (found.job, found.trials, run.imported, run.tasks) == ("nightly", 3, "harbor", ("org/other", "word"))
    told = {name: (each.task, each.state, each.reward) for name, each in run.trials.items()}
    assert told == {
        "org--other": ("org/other", "unsolved", 0.0),
        "word.1": ("word", "solved", 1.0),
        "word.2": ("word", "unsolved", 0.5),
    }


ENDS: dict[str, tuple[dict[str, Any], str, float | None, str]] = {
    "solved": ({"verifier_result": rewarded(reward=1)}, "solved", 1.0, ""),
    "out of time, and judged": (
        {"verifier_result": rewarded(reward=0.25), "exception_info": exception("AgentTimeoutError")},
        "failed",
        0.25,
        "",
    ),
    "no reward": ({"exception_info": exception("RewardFileNotFoundError")}, "no_verdict", None, "no_reward_file"),
    "verifier out of time": ({"exception_info": exception("VerifierTimeoutError")}, "no_verdict", None, "timed_out"),
    "the image was not built": ({"exception_info": exception("RuntimeError")}, "infrastructure", None, "RuntimeError"),
    "stopped by a person": ({"exception_info": exception("CancelledError")}, "infrastructure", None, "CancelledError"),
    "nothing said": ({}, "no_verdict", None, "holds no reward"),
    "two names": ({"verifier_result": {"rewards": {"a": 1, "b": 0}}}, "no_verdict", None, "ambiguous_reward"),
    "one other name": ({"verifier_result": {"rewards": {"speed": 0.75}}}, "failed", 0.75, ""),
}


@pytest.mark.parametrize("story", ENDS)
async def test_what_broke_is_no_verdict_and_never_a_zero(story: str, log: MemoryLog, tmp_path: Path) -> None:
    """Each end of a trial is told in our words; what Harbor's mean counts as 0 has no score here."""
    changes, kind, reward, reason = ENDS[story]
    await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", **changes)))
    (judged,) = await every(log, AttemptJudged)
    assert (judged.outcome.kind, judged.outcome.reward) == (kind, reward)
    assert reason in judged.outcome.reason


async def test_what_agent_and_verifier_printed_is_kept_and_read(log: MemoryLog, tmp_path: Path) -> None:
    """The checks are counted from what the verifier printed; files that have no place are counted too."""
    files = {
        "agent/oracle.txt": "solving\n",
        "verifier/test-stdout.txt": PYTEST,
        "verifier/reward.txt": "0.5",
        "artifacts/manifest.json": [],
        "artifacts/app/out.txt": "x",
    }
    story = trial("word__aaaaaaa", "word", files, verifier_result=rewarded(reward=0.5))
    found = await only(log, job(tmp_path / "nightly", story))
    (attempt,), (judged,) = await every(log, ImportedAttempt), await every(log, AttemptJudged)
    assert attempt.stdout is not None
    assert await log.get(attempt.stdout) == b"solving\n"
    assert (judged.passed, judged.total) == (1, 2)
    assert found.losses["files of artifacts"] == 2
    assert found.losses["files of verifier"] == 1
    assert not await every(log, ActionAsked)


async def test_a_trajectory_is_told_step_by_step(log: MemoryLog, tmp_path: Path) -> None:
    """Its tokens are those of its steps: the sum that the trial states is not counted again."""
    files = {"agent/trajectory.json": trajectory(acted(), acted())}
    spent = took(n_input_tokens=240, n_output_tokens=40, cost_usd=0.004)
    info = {"name": "harness", "version": "1.2", "model_info": {"name": "m", "provider": "p"}}
    found = await only(
        log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, agent_result=spent, agent_info=info))
    )
    steps = await every(log, StepImported)
    assert found.steps == len(steps) >= 2
    assert not await every(log, UsageImported)
    attempt = (await run_of(log, found)).trials["word"].attempts["1"]
    assert attempt.turns == 2
    assert attempt.tokens == sum((s.usage.input_tokens or 0) + (s.usage.output_tokens or 0) for s in steps if s.usage)


async def test_without_a_trajectory_the_stated_sums_count(log: MemoryLog, tmp_path: Path) -> None:
    """Nobody knows by how many calls they came about: none is counted."""
    spent = took(n_input_tokens=900, n_cache_tokens=100, n_output_tokens=50, cost_usd=0.0123)
    info = {"name": "codex", "version": "0.5", "model_info": {"name": "gpt", "provider": "openai"}}
    story = trial("word__aaaaaaa", "word", agent_result=spent, agent_info=info, verifier_result=rewarded(reward=0))
    found = await only(log, job(tmp_path / "nightly", story))
    trials, cost = await fold_many(log, [Trials(), Cost()], Selection(run=found.run))
    attempt = trials.runs[found.run].trials["word"].attempts["1"]
    assert (attempt.tokens, attempt.cost, attempt.turns) == (950, 12_300_000, None)
    line = cost.runs[found.run].lines["word"]["teacher"]["openai/gpt"]
    assert (line.input_tokens, line.cached_input_tokens, line.calls, line.answered) == (900, 100, 0, 0)
    assert any("what the agent did is not known" in each for each in found.warnings)


async def test_steps_are_read_below_their_folders(log: MemoryLog, tmp_path: Path) -> None:
    """A task of several steps has its files there, and an exception of a step is the trial's."""
    files = {
        "steps/one/agent/trajectory.json": trajectory(acted()),
        "steps/one/verifier/test-stdout.txt": PYTEST,
        "steps/two/agent/trajectory.json": trajectory(acted()),
        "steps/two/verifier/test-stdout.txt": PYTEST.replace("test_", "check_"),
    }
    steps = [
        {"step_name": "one", "agent_result": took(), "verifier_result": rewarded(reward=1.0), "exception_info": None},
        {"step_name": "two", "agent_result": None, "exception_info": exception("AgentTimeoutError", "too slow")},
    ]
    story = trial("word__aaaaaaa", "word", files, step_results=steps, verifier_result=rewarded(reward=0.5))
    found = await only(log, job(tmp_path / "nightly", story))
    (attempt,), (judged,) = await every(log, ImportedAttempt), await every(log, AttemptJudged)
    assert found.steps == len(await every(log, StepImported)) >= 2
    assert attempt.error == "AgentTimeoutError: too slow"
    assert (judged.outcome.reward, judged.total) == (0.5, 4)


async def test_agents_of_one_job_are_conditions(log: MemoryLog, tmp_path: Path) -> None:
    """What differs between trials of the same task is said."""
    nop = {"name": "nop", "version": "1.0.0", "model_info": None}
    found = await only(
        log,
        job(
            tmp_path / "nightly",
            trial("word__aaaaaaa", "word", verifier_result=rewarded(reward=1.0)),
            trial("word__bbbbbbb", "word", verifier_result=rewarded(reward=0.0), agent_info=nop),
        ),
    )
    trials = (await run_of(log, found)).trials
    assert {each.condition: each.reward for each in trials.values()} == {"oracle": 1.0, "nop": 0.0}


async def test_what_is_missing_is_named(log: MemoryLog, tmp_path: Path) -> None:
    """A trial that did not end, trials that are gone, and a job without its configuration."""
    folder = job(tmp_path / "nightly", trial("word__aaaaaaa", "word"), n_total_trials=4)
    write(folder, {"late__bbbbbbb/config.json": {}})
    (folder / "config.json").unlink()
    said = " ".join((await only(log, folder)).warnings)
    assert "late__bbbbbbb: it did not end" in said
    assert "4 trials: 2 of them are not there" in said
    assert "called nightly after its folder" in said


async def test_the_same_folder_is_the_same_run(log: MemoryLog, tmp_path: Path) -> None:
    """A second import adds nothing."""
    stories = [trial(f"word__{letter * 7}", "word", verifier_result=rewarded(reward=1.0)) for letter in "abc"]
    folder = job(tmp_path / "nightly", *stories)
    first = await only(log, folder)
    events = [each async for each in log.read()]
    again = await only(log, folder)
    assert (again.run, again.warnings) == (first.run, (ALREADY,))
    assert [each async for each in log.read()] == events


@pytest.mark.parametrize("kept", [1, 6, 9])
async def test_an_import_that_was_cut_off_goes_on_where_it_ended(kept: int, log: MemoryLog, tmp_path: Path) -> None:
    """Though some of its trials were closed already."""
    stories = [trial(f"word__{letter * 7}", "word", verifier_result=rewarded(reward=1.0)) for letter in "abc"]
    folder = job(tmp_path / "nightly", *stories)
    await only(log, folder)
    events = [each async for each in log.read()]
    times = count(1_790_000_000_000_000, 1_000)
    async with MemoryLog(clock=lambda: next(times)) as other:
        for each in events[:kept]:
            for named in named_blobs(each.event):
                other.put(await log.get(named))
            await other.append(each.stream, [Draft(each.event, each.cause)], expected_version=each.version - 1)
        assert (await only(other, folder)).warnings != (ALREADY,)
        assert [each.payload async for each in other.read()] == [each.payload for each in events]


async def test_its_verdicts_are_reached_again_from_its_files(log: MemoryLog, tmp_path: Path) -> None:
    """A replay reads the kept files, not the folder, which may be gone."""
    files = {"verifier/test-stdout.txt": PYTEST}
    stories = (
        trial("word__aaaaaaa", "word", files, verifier_result=rewarded(reward=0.5)),
        trial("word__bbbbbbb", "word", exception_info=exception("RuntimeError")),
        trial("other__ccccccc", "other", verifier_result=rewarded(reward=1.0)),
    )
    found = await only(log, job(tmp_path / "nightly", *stories))
    again = await decisions(log, found.run)
    assert [each.point for each in again] == ["judging"] * 3
    assert all(each.agrees for each in again)
