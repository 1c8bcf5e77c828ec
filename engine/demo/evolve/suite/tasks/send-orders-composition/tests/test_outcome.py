"""What was made: the book of the desk, and what is told of it."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")
MADE = APP / "taken" if "clerk" in TRUTH else APP
"""What the clerk took counts, where there is one."""


def lines(path):
    return path.read_text().splitlines()


def test_orders_that_were_taken_are_told():
    assert lines(MADE / "taken.txt") == TRUTH["taken_orders"], "other orders are said to be taken"


def test_orders_that_were_refused_are_told():
    assert lines(MADE / "refused.txt") == TRUTH["refused"], "other orders are said to be refused"


def test_h1_each_order_is_in_the_book_once():
    assert lines(APP / "book.txt") == TRUTH["book"], "the book of the desk has other orders"


def test_entries_are_those_of_the_archives():
    assert lines(APP / "entries.txt") == TRUTH["entries"], "the entries are others"
