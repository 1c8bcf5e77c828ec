"""Stories of importing trajectories at the terminal: there and back again, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.living import lived
from tests.cli.terminal import type_in
from tests.engine.importers.atif.made import acted, call, result, said, trajectory, written


def put(folder: Path, document: Any) -> Path:
    """Write a document where the terminal is."""
    (folder / "word.json").write_bytes(document if isinstance(document, bytes) else written(document))
    (folder / ".stillroom").mkdir(exist_ok=True)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Read what was exported."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*.json"))}


def test_what_is_exported_is_imported_and_exported_the_same(tmp_path: Path) -> None:
    """A run goes through the format of others and comes out byte for byte: nothing of the format has no place."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there/.stillroom").mkdir(parents=True)
    assert type_in(lived(tmp_path / "here"), "export", "atif").code == 0
    outcome = type_in(tmp_path / "there", "import", "atif", "../here/atif", "--json")
    (row,) = outcome.rows
    assert (row["task"], row["attempts"], row["losses"], row["inferences"]) == ("word", 2, {}, [])
    assert type_in(tmp_path / "there", "export", "atif", row["run"]).code == 0
    assert files(tmp_path / "there/atif") == files(tmp_path / "here/atif")


def test_an_imported_run_answers_like_any_other(tmp_path: Path) -> None:
    """It is shown, explained and checked; only lived again it cannot be, and that is said."""
    put(tmp_path, trajectory())
    (row,) = type_in(tmp_path, "import", "atif", "word.json", "--json").rows
    run = row["run"]
    assert type_in(tmp_path, "show", run).code == 0
    told = type_in(tmp_path, "show", f"{run}:word/1").out
    for each in ("I look.", "bash", "notes.txt", "no verdict"):
        assert each in told
    assert "the trajectory holds no verdict" in type_in(tmp_path, "why", f"{run}:word").out
    assert type_in(tmp_path, "pdi", run).code == 0
    (listed,) = type_in(tmp_path, "runs", "--json").rows
    assert (listed["source"], listed["solved"], listed["unsolved"], listed["no_verdict"]) == ("atif", 0, 0, 1)
    assert (listed["tokens"], listed["cost_nano_usd"]) == (120, 2_000_000)
    replayed = type_in(tmp_path, "replay", run)
    assert replayed.code == 0
    assert "1 decision re-evaluated as recorded" in replayed.out
    assert "it was imported: it has no actors to rerun" in replayed.out


def test_losses_are_reported_beside_the_table(tmp_path: Path) -> None:
    """Data goes to one stream, words about it to the other."""
    put(tmp_path, trajectory(acted(reasoning_effort="high"), acted(reasoning_effort="low")))
    outcome = type_in(tmp_path, "import", "atif", "word.json", "--task", "greet")
    assert "greet" in outcome.out
    assert "steps[].reasoning_effort" in outcome.err
    assert "no verdict" in outcome.err


@pytest.mark.parametrize(
    "document",
    [
        b"not json",
        b'{"schema_version": "ATIF-v1.7", "steps": [NaN]}',
        trajectory(version="ATIF-v9.9"),
        trajectory(said(), said(step_id=3)),
        trajectory(said(), said(step_id=1)),
        trajectory(acted(observation={"results": [result("c7")]})),
        trajectory(said(tool_calls=[call()])),
        trajectory(acted(metrics={"prompt_tokens": -5})),
        {**trajectory(), "agent": {"name": "harness"}},
        {**trajectory(), "steps": []},
    ],
)
def test_a_bad_document_leaves_no_trace(document: Any, tmp_path: Path) -> None:
    """It is refused with its place and what to do, and the log knows nothing of it."""
    outcome = type_in(put(tmp_path, document), "import", "atif", "word.json")
    assert outcome.code == 2
    assert "word.json" in outcome.err
    assert "nothing was imported" in outcome.err
    assert type_in(tmp_path, "runs", "--json").rows == []


def test_a_bad_document_among_good_ones_is_left_out_by_name(tmp_path: Path) -> None:
    """The exit code says that something is missing, in either manner."""
    put(tmp_path, trajectory())
    (tmp_path / "late.json").write_bytes(written(trajectory())[:-30])
    outcome = type_in(tmp_path, "import", "atif", ".", "--json")
    assert outcome.code == 3
    row, left_out = outcome.rows
    assert (row["task"], left_out["kind"], left_out["name"]) == ("word", "left_out", "late.json")
    again = type_in(tmp_path, "import", "atif", ".")
    assert again.code == 3
    assert "late.json" in again.out


def test_agents_below_and_pictures_come_out_again(tmp_path: Path) -> None:
    """What was embedded is embedded again, wherever it stood, and a picture keeps its name."""
    ref = [{"trajectory_id": "a"}]
    seen = [
        {"type": "text", "text": "See:"},
        {"type": "image", "source": {"media_type": "image/png", "path": "data:image/png;base64,iVBO"}},
    ]
    inner = trajectory(acted(), trajectory_id="b")
    document = trajectory(
        said(seen, timestamp="2026-01-31T09:30:00Z"),
        acted(observation={"results": [result(subagent_trajectory_ref=ref), result(None, None, extra={"n": 1})]}),
        acted("Copied.", is_copied_context=True, reasoning_content="Hm."),
        trajectory_id="top",
        notes="A note.",
        subagent_trajectories=[
            trajectory(trajectory_id="a", subagent_trajectories=[inner]),
            trajectory(trajectory_id="c"),
        ],
        final_metrics={"total_steps": 3, "total_cost_usd": 0.01},
        extra={"any": [1, None]},
    )
    put(tmp_path, document)
    (row,) = type_in(tmp_path, "import", "atif", "word.json", "--json").rows
    assert row["losses"] == {}
    assert type_in(tmp_path, "export", "atif", row["run"], "--to", "one").code == 0
    (tmp_path / "again/.stillroom").mkdir(parents=True)
    (row,) = type_in(tmp_path / "again", "import", "atif", "../one", "--json").rows
    assert row["losses"] == {}
    assert type_in(tmp_path / "again", "export", "atif", row["run"], "--to", "one").code == 0
    (first,), (second,) = files(tmp_path / "one").values(), files(tmp_path / "again/one").values()
    assert first == second
    assert b'"data:image/png;base64,iVBO"' in first
    assert [first.count(f'"trajectory_id": "{each}"'.encode()) for each in ("top", "a", "b", "c")] == [1, 2, 1, 1]
