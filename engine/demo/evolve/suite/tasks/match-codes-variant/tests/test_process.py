"""How it was made: which items were left out."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


def left_out():
    return (MADE / "left_out.txt").read_text().splitlines()


def test_nothing_is_left_out():
    assert left_out() == TRUTH["left_out"], TRUTH.get("rule", "items were left out")


def test_h1_what_is_left_out_is_not_in_the_list():
    made = (MADE / "priced.csv").read_text()
    assert not [code for code in left_out() if code in made], "what is left out stands in the list"
