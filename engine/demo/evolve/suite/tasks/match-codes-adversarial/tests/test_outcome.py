"""What was made: a list with prices."""

import csv
import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


def priced():
    with (MADE / "priced.csv").open() as file:
        return [row for row in csv.reader(file)][1:]


def expected():
    return [[str(cell) for cell in row] for row in TRUTH["priced"]]


def test_items_that_have_a_price_are_right():
    right = [row for row in expected() if row[-1] != "ask"]
    assert [row for row in priced() if row[-1] != "ask"] == right, "prices differ, or items are missing that have one"


def test_h1_the_list_is_whole():
    assert priced() == expected(), TRUTH.get("rule", "the list is another")
