"""What was made: the pence of each label."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")


def priced():
    return json.loads((APP / "priced.json").read_text())


def test_labels_are_as_the_shelf_writes_them():
    assert set(priced()) <= set(TRUTH["priced"]), "there are labels that the shelf does not have"


def test_h1_every_label_has_its_pence():
    assert priced() == TRUTH["priced"], "pence differ, or labels are missing"
