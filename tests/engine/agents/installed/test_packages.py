"""Stories of kits: what an agent needs, installed once or refused clearly."""

from pathlib import Path

import pytest

from engine.agents.installed.adapter import ADDRESS, KIT, STATE, AgentAdapter, LaunchRequest
from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named, agent_names
from engine.runtime.run import start_run
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import memory_log

RECIPES = [found.recipe for name in agent_names() if isinstance(found := agent_named(name), InstalledAgent)]
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


@EACH
def test_an_agent_is_started_from_its_kit_with_nothing_but_the_token(recipe: AgentAdapter) -> None:
    """No key, no address but our own, no file outside of its folder, no home of its own; and its version is exact."""
    launch = recipe.launch(LaunchRequest("some-model", "the-token", "/work"))
    assert launch.argv[0].startswith(f"{KIT}/node_modules/")
    told = f"{launch.argv} {dict(launch.env)} {dict(launch.files)}"
    assert "the-token" in told
    assert "some-model" in told
    assert ADDRESS in told
    assert told.count("http") == told.count(ADDRESS)
    assert all(path.startswith(f"{STATE}/") for path in [*launch.files, launch.skills])
    assert "HOME" not in launch.env
    assert recipe.version[0].isdigit()


async def test_without_npm_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    """Before anything is recorded or spent."""
    kits = AgentPackages(tmp_path / "cache", programs=str(tmp_path))
    with pytest.raises(KitUnavailable, match="npm was not found") as refused:
        await kits.ready(RECIPES[0])
    assert "apt-get install npm" in refused.value.remedy
    assert kits.here(RECIPES[0]) is None


async def test_a_run_whose_agent_cannot_be_installed_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    """Here because this process was given no place for kits."""
    log = memory_log()
    means = await setting(log, make_base(tmp_path))
    if means.backend.describe().level == "none":
        pytest.skip("nothing isolates here, and that is refused first")
    with pytest.raises(KitUnavailable, match="no cache folder is available"):
        await start_run(means, spec(agent={"name": "codex"}))
    assert await log.runs() == []
