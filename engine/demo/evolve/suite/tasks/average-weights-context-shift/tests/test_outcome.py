"""What was made: averages by herb."""

import csv
import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


def averages():
    with (MADE / "averages.csv").open() as file:
        return list(csv.reader(file))


def test_every_herb_is_there_in_order():
    rows = averages()
    assert rows[0] == ["herb", "average"], "the header is another"
    assert [row[0] for row in rows[1:]] == [herb for herb, _ in TRUTH["averages"]], "herbs are missing, or in another order"


def test_h1_averages_are_right():
    assert averages()[1:] == TRUTH["averages"], "averages differ"
