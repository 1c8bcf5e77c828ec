"""Stories of what imported records do not say: unknown is no zero and no ``none``, in text, in JSON and in exports."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import type_in
from tests.engine.importers.atif.made import acted, trajectory, written
from tests.engine.importers.harbor.made import job, rewarded, took, trial
from tests.engine.importers.spark.made import as_lines, codex, reflection, result, snapshot

FEEDBACK = "## Results\n\n### \U0001f504 Exploration Feedback\nLook elsewhere.\n"
CRITICAL = "## Results\n\n### \U0001f6a8 Critical Exploration Feedback\nDrop the idea.\n"


def spark(folder: Path, *records: dict[str, Any], ended: dict[str, Any] | None = None) -> str:
    """Import a task of SPARK, and give its run."""
    (folder / ".stillroom").mkdir(parents=True)
    (folder / "greet").mkdir()
    (folder / "greet/trajectory.jsonl").write_text(as_lines(*records))
    if ended is not None:
        (folder / "greet/attempts.json").write_text(json.dumps(ended))
    (row,) = type_in(folder, "import", "spark", "greet", "--json").rows
    return str(row["run"])


def attempts(folder: Path, run: str, trial_: str) -> list[dict[str, Any]]:
    """Give the rows of a trial's attempts."""
    return [row for row in type_in(folder, "show", f"{run}:{trial_}", "--json").rows if row["kind"] == "attempt"]


def read(attempt: int, level: str | None) -> dict[str, Any]:
    """Make a reading of PDI."""
    return {**snapshot(attempt, step=attempt), "triggered": level is not None, "level": level}


def test_what_spark_does_not_say_is_unknown(tmp_path: Path) -> None:
    """Its records hold no turns, tokens or prices of the agent; the commands it ran are there."""
    run = spark(tmp_path, result(0, agent_stdout_full=codex("ls")), result(1, reward=1.0, agent_stdout_full=None))
    first, second = attempts(tmp_path, run, "greet")
    assert [first[key] for key in ("turns", "tokens", "cost_nano_usd", "ended", "actions")] == [None] * 4 + [1]
    assert second["actions"] is None
    shown = type_in(tmp_path, "show", f"{run}:greet").out
    assert "0" not in [cell for line in shown.splitlines() if " failed " in line for cell in line.split()[4:]]
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert [listed[key] for key in ("calls", "tokens", "cost_nano_usd", "method", "at_least")] == [*[None] * 4, []]
    assert "calls unknown, tokens unknown, cost unknown" in type_in(tmp_path, "show", run).out


def test_a_sum_that_lacks_something_is_a_lower_bound(tmp_path: Path) -> None:
    """The calls of the reflector are on record, those of the agent are not."""
    run = spark(tmp_path, result(0), read(0, None), reflection(0, input_tokens=30, output_tokens=5), result(1))
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["calls"], listed["tokens"], listed["cost_nano_usd"]) == (1, 35, None)
    assert listed["at_least"] == ["calls", "tokens"]
    assert "at least 1 model call, at least 35 tokens, cost unknown" in type_in(tmp_path, "show", run).out
    assert "35+" in type_in(tmp_path, "runs").out


@pytest.mark.parametrize("texts", [True, False])
def test_interventions_follow_from_what_was_recorded(texts: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """From the text that was added to the instruction; where none is kept, from the reading of PDI before."""
    told = ["", "## Results\n", FEEDBACK, CRITICAL]
    records: list[dict[str, Any]] = []
    for number, level in enumerate([None, "soft", "strong", None]):
        records += [result(number, **({"retry_injection": told[number]} if texts else {}))]
        records += [read(number, level), reflection(number)]
    run = spark(tmp_path, *records)
    assert [row["intervention"] for row in attempts(tmp_path, run, "greet")] == ["none", "none", "soft", "strong"]
    (row,) = [row for row in type_in(tmp_path, "show", run, "--json").rows if row["kind"] == "trial"]
    assert (row["interventions"], row["at_least"], row["max_attempts"]) == (["soft", "strong"], ["tokens"], None)


def test_a_text_that_says_otherwise_than_pdi_stands(tmp_path: Path) -> None:
    """A reading may have been observed and not acted upon; what the agent was told is what counts."""
    run = spark(tmp_path, result(0), read(0, "soft"), reflection(0), result(1, retry_injection="## Results\n"))
    assert [row["intervention"] for row in attempts(tmp_path, run, "greet")] == ["none", "none"]


def test_readings_that_were_only_observed_lead_to_nothing(tmp_path: Path) -> None:
    """The end of the task says so."""
    ended = {"task_name": "greet", "attempts": [], "pdi": {"observe_only": True}}
    run = spark(tmp_path, result(0), read(0, "soft"), reflection(0), result(1), ended=ended)
    assert [row["intervention"] for row in attempts(tmp_path, run, "greet")] == ["none", "none"]


def test_an_intervention_that_nothing_tells_of_is_unknown(tmp_path: Path) -> None:
    """A reading that is lost, and one that went with a lost attempt; an attempt without a trial is not read."""
    broken = result(2, status="INFRA_ERROR", reward=None, result_json=None, error="no sandbox")
    records = [result(0), reflection(0), result(1), read(1, "soft"), reflection(1), broken, result(3), result(5)]
    run = spark(tmp_path, *records)
    told = [row["intervention"] for row in attempts(tmp_path, run, "greet")]
    assert told == ["none", None, "soft", "soft", None]
    (row,) = [row for row in type_in(tmp_path, "show", run, "--json").rows if row["kind"] == "trial"]
    assert (row["interventions"], row["at_least"]) == (["soft", "soft"], ["interventions", "tokens"])
    assert "soft, soft+" in type_in(tmp_path, "show", run).out
    assert "not recorded" in type_in(tmp_path, "show", f"{run}:greet/1").out


def test_jobs_and_trajectories_tell_no_interventions(tmp_path: Path) -> None:
    """Harbor and ATIF have no word for them; one price of two is a lower bound."""
    (tmp_path / ".stillroom").mkdir()
    paid = took(n_input_tokens=10, n_output_tokens=5, cost_usd=0.25)
    good = {"verifier_result": rewarded(reward=1.0)}
    job(
        tmp_path / "nightly",
        trial("word__aaaaaaa", "word", agent_result=paid, **good),
        trial("other__bbbbbbb", "other", **good),
    )
    (row,) = type_in(tmp_path, "import", "harbor", "nightly", "--json").rows
    (one,), (two,) = attempts(tmp_path, row["run"], "word"), attempts(tmp_path, row["run"], "other")
    assert [one[key] for key in ("intervention", "turns", "tokens", "cost_nano_usd")] == [None, None, 15, 250_000_000]
    assert [two[key] for key in ("intervention", "turns", "actions", "tokens", "cost_nano_usd")] == [None] * 5
    assert (one["passed"], one["total"]) == (None, None)
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["calls"], listed["tokens"], listed["cost_nano_usd"]) == (None, 15, 250_000_000)
    assert listed["at_least"] == ["tokens", "cost_nano_usd"]
    assert "$0.2500+" in type_in(tmp_path, "runs").out
    assert "at least $0.2500" in type_in(tmp_path, "show", row["run"]).out
    (tmp_path / "one.json").write_bytes(written(trajectory(acted(metrics={"prompt_tokens": 7}))))
    (row,) = type_in(tmp_path, "import", "atif", "one.json", "--json").rows
    (told,) = attempts(tmp_path, row["run"], "one")
    assert (told["intervention"], told["turns"], told["tokens"], told["at_least"]) == (None, 1, 7, ["tokens"])
    assert "at least 7 tokens" in type_in(tmp_path, "show", f"{row['run']}:one/1").out


def test_a_count_of_nothing_by_an_agent_that_was_answered_is_none(tmp_path: Path) -> None:
    """Endpoints that do not count make Codex state 0."""
    (tmp_path / ".stillroom").mkdir()
    files = {"agent/codex.txt": '{"type":"turn.completed","usage":{"input_tokens":0,"output_tokens":0}}\n'}
    story = trial("word__aaaaaaa", "word", files)
    (row,) = type_in(tmp_path, "import", "harbor", str(job(tmp_path / "nightly", story)), "--json").rows
    (told,) = attempts(tmp_path, row["run"], "word")
    assert told["tokens"] is None


def test_exports_make_no_times_and_no_calls_up(tmp_path: Path) -> None:
    """What SPARK recorded comes out with its agent and its commands, and without what nobody recorded."""
    run = spark(tmp_path, result(0, agent_stdout_full=codex("ls -a")))
    assert type_in(tmp_path, "export", "atif", run).code == 0
    (file,) = (tmp_path / "atif").rglob("*.json")
    document = json.loads(file.read_bytes())
    (step,) = document["steps"]
    assert step["tool_calls"][0]["arguments"] == {"command": "ls -a"}
    assert not {"timestamp", "llm_call_count", "metrics"} & step.keys()
    assert document["agent"] == {"name": "codex", "version": "unknown", "model_name": "m"}
    assert type_in(tmp_path, "export", "harbor", run).code == 0
    (exported,) = (tmp_path / "jobs").glob("*/*/result.json")
    beside = json.loads(exported.read_bytes())["agent_result"]
    assert [beside[key] for key in ("n_input_tokens", "n_output_tokens", "cost_usd")] == [None] * 3
    assert "turns" not in beside["metadata"]["stillroom"]
