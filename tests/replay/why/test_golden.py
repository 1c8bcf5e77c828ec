"""Why, asked of runs that earlier versions recorded, who kept no inputs: a rerun says what each decision saw."""

from pathlib import Path

import pytest

from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.store.memory import MemoryLog
from events.types.pdi import InterventionChosen
from tests.support.causes import chain, decided, walked
from tests.support.worlds import Ticking

GOLDEN = Path(__file__).parents[2] / "golden"


async def brought(name: str) -> tuple[MemoryLog, str]:
    """Bring a golden bundle into a log."""
    log = MemoryLog(clock=Ticking())
    async with await BundleSource.open(GOLDEN / f"{name}.bundle") as bundle:
        await copy(bundle, log)
    return log, (await log.runs())[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("demo", 40), ("codex-323f770", 4)])
async def test_every_decision_of_an_earlier_version_is_explained(name: str, least: int) -> None:
    """None is missing, none comes out otherwise at the revision it was made under, and no byte is lost."""
    log, run = await brought(name)
    found = await walked(log, run)
    assert found.broken == []
    assert [node.id for node in found.differ if node.again is None or not node.again.revised] == []
    assert found.decisions >= least


async def test_a_ruling_of_an_earlier_version_says_under_which_revision_it_was_made() -> None:
    """It recorded none, which counts as the first; its inputs are told as if they had been recorded."""
    log, run = await brought("demo")
    chosen = [each for each in await decided(log, run) if isinstance(each.event, InterventionChosen)]
    nodes = await chain(log, run, chosen[0].ref, depth=1)
    again = nodes[0].again
    assert again is not None
    assert (again.point, again.revision, again.policy, again.agrees) == ("intervention", 1, "spark", True)
    assert dict(again.saw).keys() == {"reading", "latest"}
    assert [node.tag for node in nodes if node.kind == "event" and node.depth] == ["pdi.read"]
    assert not {"rule", "inputs"} & {node.label for node in nodes}
