"""What was made: the entries."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


class TestEntries:
    def entries(self):
        return (MADE / "entries.txt").read_text().splitlines()

    def test_no_entry_is_missing(self):
        assert set(TRUTH["entries"]) <= set(self.entries()), "entries are missing"

    def test_entries_are_those_of_the_archive(self):
        assert self.entries() == TRUTH["entries"], TRUTH.get("rule", "the entries are others")
