"""The ready specs of examples/train say what they are said to, and their skills are read."""

from pathlib import Path
from typing import Final

import pytest

from engine.config.resolve import Inputs, resolve
from engine.programs.train.spec import train_spec
from tests.architecture.source import ROOT

EXAMPLES: Final = ROOT / "examples" / "train"
SPECS: Final = sorted(EXAMPLES.glob("*.toml"))


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.stem)
def test_each_spec_has_the_settings_of_the_paper(file: Path, tmp_path: Path) -> None:
    """4 epochs, batch 40, minibatch 8, rate 4 to 2, slow update and meta skill; one has the soft gate."""
    spec = resolve(Inputs(tmp_path, run_file=file)).spec
    settings = train_spec(spec)
    assert spec.program == "train"
    assert {*spec.models} == {"target", "optimizer"}
    assert (settings.epochs, settings.batch, settings.minibatch) == (4, 40, 8)
    assert (settings.rate.mode, settings.rate.most, settings.rate.least) == ("cosine", 4, 2)
    assert (settings.slow.on, settings.slow.samples, settings.meta) == (True, 20, True)
    assert settings.metric == ("soft" if file.stem.endswith("-soft") else "hard")
    assert (tmp_path / settings.skill / "SKILL.md").is_file()


def test_there_is_one_for_each_benchmark() -> None:
    """And one with the soft gate."""
    assert {file.stem for file in SPECS} == {
        "livemathematicianbench",
        "searchqa",
        "searchqa-soft",
        "spreadsheetbench",
        "tasks",
    }
