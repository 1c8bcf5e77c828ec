"""Presets of models are parts of a spec: an agent, the model that solves, who writes skills, and what it costs."""

from pathlib import Path
from typing import Final

import pytest

from engine.config.errors import ConfigRefused
from engine.config.resolve import Flag, Inputs, resolve
from engine.programs.evolve.checks import refuse_wrong
from engine.programs.evolve.model_presets import preset_settings, shipped_presets
from engine.programs.evolve.spec import evolve_spec
from views.commands.evolving import EvolveOptions

NAMES: Final = (
    "gemini-2.5-pro",
    "gemini-3-flash",
    "gemini-3.1-pro",
    "gpt-5.2-codex",
    "gpt-5.3-codex",
    "gpt-5.4",
    "kimi-k2-thinking",
    "kimi-k2.5",
    "opus-4.5",
    "opus-4.6",
    "sonnet-4.5",
    "sonnet-4.6",
)
"""The twelve of SkillEvolBench."""
UNPRICED: Final = {"kimi-k2-thinking"}
SPEC: Final = """\
program = "evolve"

[evolve]
suite = "suite"
arms = ["curated_with_revision_always"]

[models.solver]
model = "mine"
base_url = "http://127.0.0.1:9/v1"
"""


def test_every_preset_of_skillevolbench_is_a_file() -> None:
    """By a name of its own."""
    assert tuple(shipped_presets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_takes_the_place_of_the_spec_s_models(name: str, tmp_path: Path) -> None:
    """Given a spec with a model of its own, the preset's is the solver's and the author's, at its price."""
    (tmp_path / "spec.toml").write_text(SPEC)
    flags = tuple(Flag("--preset", key, value) for key, value in preset_settings(name))
    spec = resolve(Inputs(tmp_path, run_file=tmp_path / "spec.toml", flags=flags)).spec
    refuse_wrong(spec)
    solver = spec.models["solver"]
    assert solver.model != "mine"
    assert solver.base_url.startswith("https://")
    assert solver.api_key_env
    assert solver.parameters["max_tokens"] == 16_384
    assert evolve_spec(spec).author == "solver"
    assert (solver.model in spec.prices) is (name not in UNPRICED)
    assert spec.agent.name == str(shipped_presets()[name]["agent"]["name"])


def test_an_unknown_preset_is_refused_with_the_one_that_is_meant() -> None:
    """Or with all there are."""
    with pytest.raises(ConfigRefused) as near:
        preset_settings("opus-4.7")
    assert near.value.complaints[0].remedy.startswith("did you mean opus-4.")
    with pytest.raises(ConfigRefused) as far:
        preset_settings("llama")
    assert "sonnet-4.6" in far.value.complaints[0].remedy


def test_the_command_takes_a_preset() -> None:
    """As settings of the command line, which go before those of the spec."""
    flags = {each.key: each.value for each in EvolveOptions(preset="opus-4.5").flags()}
    assert flags["agent", "name"] == "claude-code"
    assert flags["models", "solver", "model"] == "claude-opus-4-5"
    assert flags["evolve", "author"] == "solver"
    assert ("agent", "name") not in {each.key for each in EvolveOptions().flags()}
