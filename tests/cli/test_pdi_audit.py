"""What PDI is worth, asked from the command line: over made-up runs, and over those that SPARK released."""

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from projections.pdi.reference import SPARK_RELEASE
from tests.cli.terminal import type_in
from tests.support.reflected import write_spark

SHARED: Final = Path(__file__).parents[3] / "shared" / "data" / "spark-trajectories"


def imported(folder: Path, tasks: int) -> Path:
    """Import made-up runs of as many tasks."""
    write_spark(folder / "spark", tasks)
    assert type_in(folder, "import", "spark", "spark").code == 0
    return folder


def of_kind(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Pick rows."""
    return [row for row in rows if row["kind"] == kind]


def test_an_audit_puts_noise_beside_recorded_steps(tmp_path: Path) -> None:
    """Eight tasks of five steps: four are fitted on, the other four are counted."""
    rows = type_in(imported(tmp_path, 8), "pdi", "audit", "--rounds", "3", "--splits", "2", "--json").rows
    (audited,) = of_kind(rows, "audited")
    assert len(audited["fitted"]) == len(audited["audited"]) == 4
    assert not set(audited["fitted"]) & set(audited["audited"])
    overall = [row for row in of_kind(rows, "rate") if row["step"] is None]
    assert [(row["method"], row["made"], row["eligible"]) for row in overall] == [
        (method, made, eligible)
        for method in ("token_overlap", "js_divergence", "calibrated")
        for made, eligible in (("recorded", 16), ("values", 48), ("order", 48), ("tasks", 48))
    ]
    for row in overall:
        low, high = row["interval"]
        assert low <= row["rate"] == row["triggered"] / row["eligible"] <= high
    by_step = [row for row in of_kind(rows, "rate") if row["step"] is not None]
    for row in overall:
        same = [each for each in by_step if (each["method"], each["made"]) == (row["method"], row["made"])]
        assert sum(each["triggered"] for each in same) == row["triggered"]
    assert [(row["made"], row["splits"]) for row in of_kind(rows, "spread")] == [
        ("recorded", 2),
        ("values", 2),
        ("order", 2),
    ]
    steps = [row for row in of_kind(rows, "foresight") if row["about"] == "next attempt"]
    assert [(row["failed"], row["solved"]) for row in steps] == [(24, 4)] * 3


def test_people_read_the_same_as_tables(tmp_path: Path) -> None:
    """Each of the four tables is there, and what noise means is said."""
    said = type_in(imported(tmp_path, 8), "pdi", "audit", "--rounds", "2", "--splits", "1").out
    for head in ("how often PDI triggers", "by reflections before", "over many splits", "foretell failure"):
        assert head in said
    assert "A trigger on values or order is a false alarm" in said


@pytest.mark.slow
def test_the_same_seed_gives_the_same_audit(tmp_path: Path) -> None:
    """To the last figure; another seed splits otherwise."""
    imported(tmp_path, 6)
    words = ("pdi", "audit", "--rounds", "1", "--splits", "1")
    first, again, other = (type_in(tmp_path, *words, "--seed", seed).out for seed in ("1", "1", "2"))
    assert first == again
    assert first != other


def test_a_fit_is_a_spec_that_runs_take(tmp_path: Path) -> None:
    """What `calibrate` writes stands in a spec as it is, and says where it comes from."""
    fitted = type_in(imported(tmp_path, 4), "pdi", "calibrate", "--false-alarm", "0.2").out
    (tmp_path / "run.toml").write_text('tasks = "tasks"\n' + fitted, encoding="utf-8")
    (row,) = type_in(tmp_path, "pdi", "calibrate", "--false-alarm", "0.2", "--json").rows
    active = tomllib.loads(fitted)["method"]["pdi"]["active"]
    assert active["reference"] == {name: row[name] for name in active["reference"]}
    assert (row["steps"], len(row["tasks"]), row["false_alarm"]) == (16, 4, 0.2)
    assert row["source"].startswith("16 steps of 4 tasks in 4 runs, texts " + row["texts"][:12])
    shown = {each["key"]: each["value"] for each in type_in(tmp_path, "config", "show", "run.toml", "--json").rows}
    assert shown["method.pdi.active.reference.threshold"] == row["threshold"]


def test_runs_may_be_named(tmp_path: Path) -> None:
    """Else all of the log are taken."""
    imported(tmp_path, 4)
    runs = [row["run"] for row in type_in(tmp_path, "runs", "--json").rows]
    (row,) = type_in(tmp_path, "pdi", "calibrate", *runs[:3], "--json").rows
    assert list(row["runs"]) == runs[:3]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("audit",), 3, "name more runs"),
        (("calibrate", "--false-alarm", "1"), 2, "choose one above 0 and below 1"),
        (("calibrate", "--rounds", "0"), 2, "Must be >= 1"),
        (("calibrate", "nothing"), 2, "no run nothing"),
    ],
)
def test_what_cannot_be_done_says_what_can(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """Two tasks are too few to fit on half of them."""
    outcome = type_in(imported(tmp_path, 2), "pdi", *words)
    assert outcome.code == code
    assert said in outcome.err


def test_the_shipped_reference_is_audited_where_there_is_too_little_to_fit(tmp_path: Path) -> None:
    """On all tasks, for none was fitted on."""
    rows = type_in(imported(tmp_path, 2), "pdi", "audit", "--fit", "shipped", "--rounds", "2", "--json").rows
    (audited,) = of_kind(rows, "audited")
    assert (audited["fitted"], len(audited["audited"])) == ([], 2)
    assert audited["reference"]["source"] == SPARK_RELEASE.source


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is missing")
class TestReleasedRuns:
    """The 20 runs of SPARK beside the checkout."""

    @pytest.mark.slow
    def test_false_alarms_on_the_half_it_was_not_fitted_on_are_at_most_what_was_asked(self, tmp_path: Path) -> None:
        """The command a reader runs, with its own seed; SPARK's methods fire on most of the same noise."""
        assert type_in(tmp_path, "import", "spark", str(SHARED)).code == 0
        rows = type_in(tmp_path, "pdi", "audit", "--splits", "20", "--json").rows
        overall = {(row["method"], row["made"]): row for row in of_kind(rows, "rate") if row["step"] is None}
        for made in ("values", "order"):
            assert overall["calibrated", made]["rate"] <= 0.1
            assert overall["calibrated", made]["interval"][1] <= 0.1
            assert overall["token_overlap", made]["rate"] > 0.5
        within = {row["made"]: row["within"] / row["splits"] for row in of_kind(rows, "spread")}
        assert within["values"] >= 0.8
        assert within["order"] >= 0.8

    @pytest.mark.slow
    def test_the_shipped_reference_is_what_a_fit_on_all_of_them_gives(self, tmp_path: Path) -> None:
        """Its figures carry over; its source names the runs in other words."""
        assert type_in(tmp_path, "import", "spark", str(SHARED)).code == 0
        (row,) = type_in(tmp_path, "pdi", "calibrate", "--json").rows
        for name in SPARK_RELEASE.__struct_fields__:
            if name != "source":
                assert row[name] == getattr(SPARK_RELEASE, name), name
        assert SPARK_RELEASE.source.startswith(f"{row['steps']} steps of {len(row['tasks'])} tasks")
