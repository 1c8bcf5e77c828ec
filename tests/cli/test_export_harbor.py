"""Stories of runs as job folders of Harbor's: its own reader takes them, and no figure is made up."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.runtime.run import start_run
from events.store.sqlite.store import SqliteLog
from tests.cli.living import lived
from tests.cli.terminal import ticking, type_in
from tests.engine.programs.explore.test_steps import written
from tests.support.harbor import judge, needs_harbor
from tests.support.runs import REFUSING, setting, spec

PHASES = (("agent_execution", "started_at"), ("verifier", "finished_at"))


def job_of(folder: Path) -> Path:
    """Give the one job folder that was written."""
    (job,) = (folder / "jobs").iterdir()
    return job


def lived_in_steps(folder: Path) -> Path:
    """Live a run of a task of two steps."""

    async def live() -> None:
        async with await SqliteLog.open(folder / ".stillroom/log.db", clock=ticking()) as log:
            await start_run(await setting(log, written(folder)), spec())

    (folder / ".stillroom").mkdir()
    anyio.run(live)
    return folder


def trials_of(folder: Path) -> list[dict[str, Any]]:
    """Read what came of its trials, by attempt."""
    found = [json.loads(each.read_bytes()) for each in job_of(folder).glob("*/result.json")]
    return sorted(found, key=lambda each: each["agent_result"]["metadata"]["stillroom"]["attempt"])


def stats_of(told: dict[str, Any]) -> dict[str, Any]:
    """Leave out what Harbor does not make from trials alone, and the order in which they ended."""
    for each in told["evals"].values():
        del each["metrics"]
        for listed in (each["exception_stats"], *each["reward_stats"].values()):
            listed |= {key: sorted(names) for key, names in listed.items()}
    return told


def test_every_attempt_is_a_trial_with_its_verdict_times_and_tokens(tmp_path: Path) -> None:
    """One attempt failed and one solved the task: two trials of Harbor's, as `n_attempts` makes them."""
    *rows, job = type_in(lived(tmp_path), "export", "harbor", "--json").rows
    assert [(row["attempt"], row["reward"]) for row in rows] == [("word/1", 0.0), ("word/2", 1.0)]
    assert Path(job["path"]) == job_of(tmp_path)
    first, second = trials_of(tmp_path)
    assert first["verifier_result"] == {"rewards": {"reward": 0.0}}
    assert second["verifier_result"] == {"rewards": {"reward": 1.0}}
    assert first["exception_info"] is None
    assert first["agent_setup"] is None
    assert first["started_at"] < first["agent_execution"]["started_at"] < first["verifier"]["started_at"]
    assert first["agent_result"]["n_output_tokens"] > 0
    assert first["trial_uri"] == (job_of(tmp_path) / first["trial_name"]).as_uri()


def test_a_trial_has_the_files_harbor_would_have_left(tmp_path: Path) -> None:
    """The reward and what the verifier printed, byte for byte, and what the agent did as ATIF."""
    type_in(lived(tmp_path), "export", "harbor")
    (_, second) = trials_of(tmp_path)
    folder = job_of(tmp_path) / second["trial_name"]
    assert (folder / "verifier/reward.txt").read_text() == "1\n"
    assert (folder / "verifier/test-stdout.txt").read_text() == "PASSED tests::word\n"
    assert json.loads((folder / "agent/trajectory.json").read_bytes())["schema_version"] == "ATIF-v1.7"


def test_what_a_job_folder_has_no_place_for_is_named(tmp_path: Path) -> None:
    """Memos, decisions and skills are not in it."""
    *_, job = type_in(lived(tmp_path), "export", "harbor", "--json").rows
    assert {"memo.rewritten", "trial.next_chosen", "skill.revised"} <= job["losses"].keys()


def test_a_broken_attempt_has_an_exception_and_no_reward(tmp_path: Path) -> None:
    """A refused request is nobody's zero, and what a call took that failed is not known."""
    type_in(lived(tmp_path, REFUSING), "export", "harbor")
    for trial in trials_of(tmp_path):
        assert trial["exception_info"]["exception_type"] == "UnknownApiError"
        assert trial["verifier_result"] is None
        assert trial["agent_result"]["n_input_tokens"] is None
        assert (job_of(tmp_path) / trial["trial_name"] / "exception.txt").is_file()
    stats = json.loads((job_of(tmp_path) / "result.json").read_bytes())["stats"]
    assert stats["n_errored_trials"] == stats["n_completed_trials"] > 0
    assert stats["n_input_tokens"] is None
    assert all(each["metrics"] == [] for each in stats["evals"].values())


def test_the_oracle_leaves_what_its_solution_printed(tmp_path: Path) -> None:
    """It asked no model: that is known, and it is 0."""
    type_in(lived(tmp_path, models={}, agent={"name": "oracle"}), "export", "harbor")
    (trial,) = trials_of(tmp_path)
    assert (trial["agent_info"]["name"], trial["agent_info"]["model_info"]) == ("oracle", None)
    assert trial["agent_result"]["n_input_tokens"] == 0
    assert (job_of(tmp_path) / trial["trial_name"] / "agent/oracle.txt").is_file()
    (of_agent,) = json.loads((job_of(tmp_path) / "result.json").read_bytes())["stats"]["evals"].values()
    assert of_agent["metrics"] == [{"mean": 1.0}]


@pytest.mark.slow
def test_steps_stand_below_folders_of_their_own(tmp_path: Path) -> None:
    """Each with its reward, its times and what its tests printed; the second falls short in the first attempt."""
    lived_in_steps(tmp_path)
    assert type_in(tmp_path, "export", "harbor").code == 0
    (first, second) = trials_of(tmp_path)
    told = [(each["step_name"], each["verifier_result"]) for each in first["step_results"]]
    assert told == [("first", {"rewards": {"reward": 1.0}}), ("second", {"rewards": {"reward": 0.0}})]
    begun, ended = [[each[phase][at] for each in first["step_results"]] for phase, at in PHASES]
    assert begun[0] < ended[0] < begun[1] < ended[1]
    folder = job_of(tmp_path) / second["trial_name"]
    assert (folder / "steps/second/verifier/reward.txt").read_text() == "1\n"
    assert (folder / "steps/first/verifier/test-stdout.txt").is_file()
    assert not (folder / "verifier").exists()
    (imported,) = type_in(tmp_path, "import", "harbor", str(job_of(tmp_path)), "--json").rows
    assert imported["steps"] > 0
    assert type_in(tmp_path, "replay", imported["run"]).code == 0


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A second export is refused, and leaves the first as it was, and nothing beside it."""
    type_in(lived(tmp_path), "export", "harbor")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*")}
    again = type_in(tmp_path, "export", "harbor")
    assert again.code == 2
    assert "already exists" in again.err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*")} == before


@pytest.mark.parametrize(("target", "to"), [("nobody", "jobs"), ("@latest", "run.toml/x")])
def test_what_cannot_be_written_is_refused_with_words(target: str, to: str, tmp_path: Path) -> None:
    """There is no such run, and a file is no folder."""
    lived(tmp_path)
    (tmp_path / "run.toml").write_text("")
    outcome = type_in(tmp_path, "export", "harbor", target, "--to", to)
    assert outcome.code == 2
    assert outcome.err


@needs_harbor
@pytest.mark.parametrize("live", [lived, partial(lived, script=REFUSING), lived_in_steps])
def test_harbor_itself_reads_it_and_sums_it_up_alike(live: Callable[[Path], Path], tmp_path: Path) -> None:
    """Its models load every document, and make the same sums of the trials as we wrote down."""
    type_in(live(tmp_path), "export", "harbor")
    (told,) = judge(tmp_path / "jobs").values()
    assert len(told["trials"]) == told["job"]["n_total_trials"] > 1
    assert stats_of(told["stats"]) == stats_of(told["job"]["stats"])
