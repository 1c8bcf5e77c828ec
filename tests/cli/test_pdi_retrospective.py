"""The paper's measure from the command line: of runs of SPARK and of our own."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from tests.cli.terminal import type_in
from tests.support.reflected import write_spark

SHARED = Path(__file__).parents[3] / "shared" / "data" / "spark-trajectories"
DEMO = str(Path(__file__).parents[1] / "golden" / "demo.bundle")


def imported(folder: Path, tasks: int, steps: int = 5) -> list[str]:
    """Import made-up runs, of which every other one is solved and left a skill; give their ids."""
    write_spark(folder / "spark", tasks, steps)
    for number in range(0, tasks, 2):
        skill = f"# task{number}\n\nw{number} w{number + 1} w{number + 2}\n"
        (folder / "spark" / f"task{number}" / "SKILL.md").write_text(skill, encoding="utf-8")
    assert type_in(folder, "import", "spark", "spark").code == 0
    return [row["run"] for row in type_in(folder, "runs", "--json").rows]


def test_trials_that_left_a_skill_are_scored_among_each_other(tmp_path: Path) -> None:
    """Components, z and their sum; the unsolved half has none, and that is said."""
    runs = imported(tmp_path, 8)
    rows = type_in(tmp_path, "pdi", "--retrospective", "--json").rows
    assert [row["task"] for row in rows] == ["task0", "task2", "task4", "task6"]
    assert {(row["of"], row["memos"], row["valid"]) for row in rows} == {(4, 5, True)}
    for part in ("z_exec", "z_plan", "z_oss", "pdi"):
        assert fmean(row[part] for row in rows) == pytest.approx(0.0)
    for row in rows:
        assert row["pdi"] == pytest.approx(row["z_exec"] - row["z_plan"] - row["z_oss"])
    shown = type_in(tmp_path, "pdi", "--retrospective")
    assert "over 4 complete trials of 4" in shown.out
    assert "not valid" not in shown.out
    assert "without a skill, and so without this PDI: 4 trials" in shown.err
    three = type_in(tmp_path, "pdi", "--retrospective", *runs[:6], "--json").rows
    assert [(row["of"], row["valid"]) for row in three] == [(3, True)] * 3
    assert three[0]["phi_exec"] == rows[0]["phi_exec"]
    assert three[0]["pdi"] != rows[0]["pdi"]


def test_fewer_than_three_say_nothing_and_it_is_said(tmp_path: Path) -> None:
    """Of two, every z is a sign. A trial that passed at once has no memo, and so no plan."""
    imported(tmp_path, 3)
    rows = type_in(tmp_path, "pdi", "--retrospective", "--json").rows
    assert [(row["of"], abs(row["pdi"]) <= 3, row["valid"]) for row in rows] == [(2, True, False)] * 2
    assert rows[0]["reasons"] == ["2 complete trials: below 3, a score is a sign"]
    assert "PDI says nothing here" in type_in(tmp_path, "pdi", "--retrospective").out
    ours = type_in(tmp_path, "pdi", "--retrospective", "--log", DEMO, "--json").rows
    at_once = next(row for row in ours if row["task"] == "sales-by-region")
    assert (at_once["pdi"], at_once["phi_plan"], at_once["phi_oss"]) == (None, None, None)
    assert "no memo was written: the first attempt passed" in at_once["reasons"]


def test_one_memo_and_memos_that_are_none_are_named(tmp_path: Path) -> None:
    """One memo has nothing to be compared with; an outage makes a plan look fresh."""
    write_spark(tmp_path / "spark", 1, steps=1)
    write_spark(tmp_path / "broken", 1, steps=3)
    for folder in ("spark", "broken"):
        (tmp_path / folder / "task0" / "SKILL.md").write_text("# Skill\n\nw1 w2\n", encoding="utf-8")
    path = tmp_path / "broken" / "task0" / "trajectory.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    second = [line for line in lines if "memo_after" in line][1]
    second["memo_after"] = "[LLM ERROR] gone"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for folder in ("spark", "broken"):
        assert type_in(tmp_path, "import", "spark", folder).code == 0
    one, broken = type_in(tmp_path, "pdi", "--retrospective", "--json").rows
    assert "one memo: no two to compare" in one["reasons"]
    assert broken["unhealthy"] == 1
    assert "1 of 3 memos are none, which lowers plan and oss" in broken["reasons"]


def test_settings_of_reflect_steps_do_not_bear_on_it(tmp_path: Path) -> None:
    """Refused, rather than ignored. Several runs without the flag are shown one after the other."""
    runs = imported(tmp_path, 2)
    refused = type_in(tmp_path, "pdi", "--retrospective", "--threshold", "-1")
    assert (refused.code, "leave out --method, --threshold and --warmup" in refused.err) == (2, True)
    rows = type_in(tmp_path, "pdi", *runs, "--json").rows
    assert [row["task"] for row in rows] == ["task0"] * 5 + ["task1"] * 5


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is missing")
def test_of_the_released_runs_four_are_complete(tmp_path: Path) -> None:
    """What docs/pdi.md says of them: among the four, retrospective and online PDI stand in opposite order."""
    assert type_in(tmp_path, "import", "spark", str(SHARED)).code == 0
    rows = type_in(tmp_path, "pdi", "--retrospective", "--json").rows
    found = {row["task"]: row["pdi"] for row in rows if row["pdi"] is not None}
    assert (len(rows), {row["of"] for row in rows}) == (14, {4})
    assert round(found["manufacturing-codebook-normalization"], 2) == 1.2
    skills = [row for row in type_in(tmp_path, "pdi", "validate", "--json").rows if row["kind"] == "skill_effect"]
    online = {row["task"]: row["online"] for row in skills if row["online"] is not None}
    assert set(online) == set(found)
    assert sorted(found, key=lambda task: found[task]) == sorted(online, key=lambda task: -online[task])
    unsound = [row["task"] for row in rows if row["pdi"] is not None and not row["valid"]]
    assert unsound == ["3d-scan-calc"]
