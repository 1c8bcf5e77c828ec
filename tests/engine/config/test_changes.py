"""Stories of changes that people type after a run: what they replace, and what they leave alone."""

from typing import Any

import msgspec

from engine.config.changes import change_spec, read_changes
from engine.config.spec import RunSpec

RECORDED: dict[str, Any] = {"gate": {"name": "items", "settings": {"band": 0.1}}, "epochs": 2}


def changed(*said: tuple[str, str]) -> Any:
    """Change the settings of a training, and give its own."""
    return change_spec(spec(), read_changes(said)).own


def spec() -> RunSpec:
    """Give a training with a gate that has settings."""
    return msgspec.convert({"tasks": "", "program": "train", "own": msgspec.to_builtins(RECORDED)}, RunSpec)


def test_an_empty_table_takes_away_what_stands_in_it() -> None:
    """Settings of one gate are none of another's: without this, no other gate could be asked over the run."""
    assert changed(("train.gate.settings", "{}"))["gate"] == {"name": "items", "settings": {}}
    assert changed(("train.gate.settings.band", "0.2"))["gate"]["settings"] == {"band": 0.2}
    said = (("train.gate.settings", "{}"), ("train.gate.settings.margin", "0.2"))
    assert changed(*said)["gate"]["settings"] == {"margin": 0.2}
    assert changed(*reversed(said))["gate"]["settings"] == {}


def test_settings_stand_beside_those_that_are_not_named() -> None:
    """A table that holds something adds to what there is."""
    assert changed(("train.gate.settings", "{ margin = 0.2 }"))["gate"]["settings"] == {"band": 0.1, "margin": 0.2}
    assert changed(("train.epochs", "3")) == {**RECORDED, "epochs": 3}


def test_the_recorded_settings_stay_as_they_are() -> None:
    """A sweep asks of the same spec again and again."""
    before = spec()
    change_spec(before, read_changes([("train.gate.settings.band", "0.2"), ("train.gate.name", '"strict"')]))
    assert before.own == RECORDED
