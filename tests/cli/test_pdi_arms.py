"""PDI that intervenes beside PDI that only observes, as two arms of an evaluation: the example of the docs, whole."""

from pathlib import Path

import pytest

from tests.cli.terminal import machine, type_in

EXAMPLE = Path(__file__).parents[2] / "examples" / "pdi" / "evaluate.toml"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_arms_differ_by_what_attempts_are_told_and_by_nothing_else(tmp_path: Path) -> None:
    """The scripted agent changes its mind where it reads that it shall start over, and nowhere else.

    So the difference shows that the words reach one arm and not the other. That they help a model it does not show,
    and the verdict claims nothing: four tasks are too few, and one of them has no verdict in either arm.
    """
    script = (EXAMPLE.parent / "../../engine/demo/script.toml").resolve().read_text(encoding="utf-8")
    assert script.count('"## Start over"') == 2
    ran = type_in(tmp_path, "evaluate", str(EXAMPLE), "--set", "models.teacher.tries=1", "--json")
    arms = {row["arm"]: row for row in ran.rows if row.get("kind") == "arm"}
    assert {name: (row["scored"], row["planned"], row["score"]) for name, row in arms.items()} == {
        "observe": (3, 4, pytest.approx(1 / 3)),
        "intervene": (3, 4, pytest.approx(2 / 3)),
    }
    assert (arms["intervene"]["won"], arms["intervene"]["lost"]) == (1, 0)
    assert arms["intervene"]["verdict"] == "indecisive"
    assert arms["intervene"]["low"] is None

    (drawn,) = type_in(tmp_path, "figure", "dynamics", "--task", "errors-per-hour", "--json").rows
    assert "told: soft at attempt 3, strong at attempt 4; PDI intervene, solved at attempt 4" in drawn["description"]
    assert "told: nothing; PDI observe, unsolved" in drawn["description"]
    # Both arms trigger alike up to where one of them acts: the readings rest on the same memos and commands.
    assert drawn["description"].count("PDI triggers: soft after 2, strong after 3") == 2

    words = ("observe/errors-per-hour/1/4", "intervene/errors-per-hour/1/4")
    (pair,) = type_in(tmp_path, "figure", "before-after", *words, "--to", "pair.png", "--json").rows
    assert "/4: failed, reward 0, 1 of 3 tests passed." in pair["description"]
    assert "/4: solved, reward 1, 3 of 3 tests passed, told: strong." in pair["description"]
    assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")
    assert type_in(tmp_path, "replay", on=machine(tmp_path)).code == 0
