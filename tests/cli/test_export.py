"""Stories of attempts in the format of others: nothing is made up, and what is left out is named."""

from pathlib import Path

import msgspec
import pytest

from engine.importers.atif.schema import AtifTrajectory
from tests.cli.living import lived
from tests.cli.terminal import type_in
from tests.support.runs import REFUSING


def documents(folder: Path) -> dict[str, AtifTrajectory]:
    """Read what was written, by its name."""
    files = sorted((folder / "atif").rglob("*.json"))
    return {
        str(each.relative_to(folder / "atif")): msgspec.json.decode(each.read_bytes(), type=AtifTrajectory)
        for each in files
    }


def test_an_attempt_is_told_step_by_step(tmp_path: Path) -> None:
    """Who said what, what was run and what came of it, tokens and money, and where each stands in the log."""
    rows = type_in(lived(tmp_path), "export", "atif", "--json").rows
    assert [(row["trial"], row["attempt"]) for row in rows] == [("word", 1), ("word", 2)]
    first = documents(tmp_path)["word/attempt-1.json"]
    assert first.schema_version == "ATIF-v1.7"
    assert [step.step_id for step in first.steps] == list(range(1, len(first.steps) + 1))
    assert [step.source for step in first.steps] == ["system", "user", "agent", "agent"]
    acted = first.steps[2]
    assert (acted.message, acted.llm_call_count) == ("I guess.", 1)
    assert acted.tool_calls is not None
    assert acted.observation is not None
    assert acted.tool_calls[0].arguments == {"command": "echo nope > answer.txt"}
    assert acted.observation.results[0].source_call_id == acted.tool_calls[0].tool_call_id
    assert acted.extra is not None
    assert type_in(tmp_path, "show", acted.extra["event"]).code == 0
    assert first.extra is not None
    assert first.extra["verdict"]["reward"] == 0
    assert first.final_metrics is not None
    assert first.final_metrics.total_steps == 4


def test_what_has_no_place_in_the_format_is_named(tmp_path: Path) -> None:
    """A reader of the file alone must not take it for all there is."""
    (row, _) = type_in(lived(tmp_path), "export", "atif", "--json").rows
    assert row["losses"]["verify.rewarded"] == 1
    assert "sandbox.opened" in row["losses"]


def test_a_call_that_failed_makes_no_step(tmp_path: Path) -> None:
    """A failed call never becomes text."""
    rows = type_in(lived(tmp_path, REFUSING), "export", "atif", "--json").rows
    assert all(any("failed call" in loss for loss in row["losses"]) for row in rows)
    for document in documents(tmp_path).values():
        assert [step.source for step in document.steps] == ["system", "user"]
        assert document.extra is not None
        told = document.extra["failed_calls"]
        assert (told["calls"], told["of_unknown_cost"], told["cost_usd"]) == (1, 0, None)


def test_the_oracle_has_no_model(tmp_path: Path) -> None:
    """Its one step says that no model was asked."""
    folder = lived(tmp_path, models={}, agent={"name": "oracle"})
    assert type_in(folder, "export", "atif", "word/1").code == 0
    (document,) = documents(folder).values()
    (step,) = document.steps
    assert step.llm_call_count == 0
    assert step.metrics is None


@pytest.mark.parametrize(("target", "to"), [("1", "atif"), ("nobody", "atif"), ("@latest", "run.toml/x")])
def test_what_cannot_be_exported_is_refused_with_words(target: str, to: str, tmp_path: Path) -> None:
    """An event is no attempt, and a file is no folder."""
    lived(tmp_path)
    (tmp_path / "run.toml").write_text("")
    outcome = type_in(tmp_path, "export", "atif", target, "--to", to)
    assert outcome.code == 2
    assert outcome.err
