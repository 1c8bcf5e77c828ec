"""Runs as Parquet: typed columns, read back by those who use them, with nothing unknown turned into a zero."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import type_in

GOLDEN = Path(__file__).parents[1] / "golden"
DEMO = str(GOLDEN / "demo-323f770.bundle")
pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")


def export(folder: Path, *words: str) -> dict[str, int]:
    """Write tables, and give the number of rows of each."""
    outcome = type_in(folder, "export", "parquet", *words, "--json")
    assert outcome.code == 0, outcome.err
    assert not list(folder.glob("parquet/*.part"))
    return {Path(row["path"]).stem: row["rows"] for row in outcome.rows}


def test_pandas_reads_what_show_tells(tmp_path: Path) -> None:
    """The same figures as `show --json`, as numbers and times; a missing reward is missing."""
    pandas: Any = pytest.importorskip("pandas")
    counts = export(tmp_path, "--log", DEMO)
    assert counts["runs"] == 1
    assert counts["trials"] == 4
    assert counts["attempts"] == 12
    shown = type_in(tmp_path, "show", "--log", DEMO, "--json").rows
    run, trials = shown[0], [row for row in shown if row["kind"] == "trial"]
    runs = pandas.read_parquet(tmp_path / "parquet" / "runs.parquet")
    assert str(runs["started_at"].dtype).startswith("datetime64[us, UTC")
    assert runs["started_at"][0].value // 1000 == run["started_at"]
    assert (runs["cost_nano_usd"][0], runs["unknown_cost_calls"][0]) == (
        run["cost_nano_usd"],
        run["unknown_cost_calls"],
    )
    table = pandas.read_parquet(tmp_path / "parquet" / "trials.parquet")
    assert table["trial"].tolist() == [row["trial"] for row in trials]
    assert [None if pandas.isna(each) else each for each in table["reward"]] == [row["reward"] for row in trials]
    assert [dict(each) for each in table["errors"]] == [row["errors"] for row in trials]
    attempts = pandas.read_parquet(tmp_path / "parquet" / "attempts.parquet")
    assert attempts["reward"].isna().sum() == 2
    assert (attempts["took_s"] > 0).all()
    assert attempts["took_s"].max() < 600


def test_duckdb_sums_calls_to_what_the_run_cost(tmp_path: Path) -> None:
    """And counts decisions by their tags; what failed has a kind and no cost."""
    duckdb: Any = pytest.importorskip("duckdb")
    export(tmp_path, "--log", DEMO)
    folder = tmp_path / "parquet"
    (run,) = type_in(tmp_path, "runs", "--log", DEMO, "--json").rows
    (total, calls, failed) = duckdb.sql(
        f"select sum(cost_nano_usd), count(*) + sum(earlier_tries), count(error) from '{folder}/calls.parquet'"
    ).fetchall()[0]
    assert (int(total), int(calls)) == (run["cost_nano_usd"], run["calls"])
    assert failed == 2
    made = duckdb.sql(f"select count(*) from '{folder}/decisions.parquet' where tag = 'skill.revised'").fetchall()[0]
    assert made == (2,)
    joined = duckdb.sql(
        f"select count(*) from '{folder}/attempts.parquet' a join '{folder}/trials.parquet' t using (run, trial)"
    ).fetchall()[0]
    assert joined == (12,)
    types = {name: kind for name, kind, *_ in duckdb.sql(f"describe from '{folder}/calls.parquet'").fetchall()}
    assert (types["asked_at"], types["cost_nano_usd"]) == ("TIMESTAMP WITH TIME ZONE", "BIGINT")


def test_cells_of_an_evaluation_and_an_imported_run(tmp_path: Path) -> None:
    """Each cell once with its score; an imported run has no times of its own and no cost."""
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    counts = export(tmp_path, "--log", str(GOLDEN / "evaluation-e5eaad7.bundle"))
    (run,) = type_in(tmp_path, "runs", "--log", str(GOLDEN / "evaluation-e5eaad7.bundle"), "--json").rows
    assert counts["evaluations"] == run["cells"]
    cells = parquet.read_table(tmp_path / "parquet" / "evaluations.parquet").to_pylist()
    assert sum(each["solved"] is True for each in cells) == run["solved"]
    assert sum(each["solved"] is None for each in cells) == run["no_verdict"]
    imported = str(GOLDEN / "imported" / "spark-323f770.bundle")
    assert export(tmp_path, "--log", imported, "--to", "b/parquet")["attempts"] == 6
    attempts = parquet.read_table(tmp_path / "b" / "parquet" / "attempts.parquet").to_pylist()
    assert {each["began_s"] for each in attempts} == {None}
    calls = parquet.read_table(tmp_path / "b" / "parquet" / "calls.parquet").to_pylist()
    assert {(each["outcome"], each["asked_at"], each["cost_nano_usd"]) for each in calls} == {("imported", None, None)}


def test_units_stand_in_the_file_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second export into the same folder is refused, and leaves it as it is."""
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    export(tmp_path, "--log", DEMO, "--all")
    schema = parquet.read_schema(tmp_path / "parquet" / "calls.parquet")
    assert schema.field("cost_nano_usd").metadata == {b"unit": b"10^-9 US dollars"}
    assert (schema.field("run").nullable, schema.field("role").nullable) == (False, True)
    refused = type_in(tmp_path, "export", "parquet", "--log", DEMO)
    assert (refused.code, "is not overwritten" in refused.err) == (2, True)
