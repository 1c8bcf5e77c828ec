"""How it was made: what was sent to the desk."""

import json
from pathlib import Path

TRUTH = json.loads((Path(__file__).parent / "ground_truth.json").read_text())
APP = Path("/app")


def sent():
    return (APP / "sent.txt").read_text().splitlines()


def test_orders_were_sent_as_often_as_they_had_to_be():
    assert sent() == TRUTH["sent"], TRUTH.get("rule", "orders were sent too often, or not often enough")


def test_h1_every_order_was_sent():
    assert set(sent()) == set(TRUTH["sent"]), "orders were not sent"
