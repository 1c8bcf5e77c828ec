"""How it was made: which rows went into no average."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


def test_rows_that_count_for_nothing_are_left_out():
    left = (MADE / "left_out.txt").read_text().split()
    assert left == TRUTH["left_out"], TRUTH.get("rule", "other rows were left out")
