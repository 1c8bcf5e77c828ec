"""How it was made: which pages were asked for."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")


class TestPages:
    def test_every_page_was_asked_for_once_and_in_order(self):
        asked = (APP / "asked.txt").read_text().splitlines()
        assert asked == TRUTH["asked"], "other pages were asked for"
