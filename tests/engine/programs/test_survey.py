"""A program of its own, found through entry points: whatever the engine does for exploring, it does for it."""

import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.config.changes import read_changes
from engine.config.program_registry import parents_in, policy_source
from engine.core import plugins
from engine.core.history import load_histories
from engine.core.lineage import APART
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import start_run
from events.base import Ref
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.decision import Decided, DecisionMade
from events.types.model import ModelAnswered
from events.types.trial import AttemptPlanned
from replay.ledger import read_ledger
from replay.redecide import decisions
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.support.causes import chain, walked
from tests.support.crashes import CrashMatrix, ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT

EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "own_parts"
RATED: Final = """\
[[rule]]
name = "rate"
contains = ["Rate the task"]
shell = false
[[rule.turn]]
text = "I give it 4 of 5."
repeat = true
"""


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the example, as a package on the path is."""
    info = tmp_path_factory.mktemp("installed") / "own_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-parts\nVersion: 1.0\n")
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"[{group}]\n{name} = {value}\n" for group, points in groups.items() for name, value in points.items()]
    (info / "entry_points.txt").write_text("".join(lines))
    places = [str(EXAMPLE), str(info.parent)]
    sys.path += places
    plugins.look_again()
    yield
    for place in places:
        sys.path.remove(place)
    plugins.look_again()


@asynccontextmanager
async def surveyed(folder: Path, **own: Any) -> AsyncIterator[CrashMatrix]:
    """Have tasks surveyed before they are tried."""
    async with world(folder, script=SCRIPT + RATED) as here:
        yield here._replace(spec=msgspec.structs.replace(here.spec, program="survey", own=own))


async def lived(here: CrashMatrix) -> tuple[EventLog, str, dict[str, str]]:
    """Live it to its end."""
    log = MemoryLog(clock=CountingClock())
    report = await start_run(RunContext(log, here.backend(), load_prompts(), "test", {}, here.base), here.spec)
    return log, report.run, report.outcomes


async def test_it_runs_and_comes_out_the_same_again(tmp_path: Path) -> None:
    """Its decision and its shadows are on record with what they saw, beside those of the trials it begins."""
    async with surveyed(tmp_path, shadows={"strict": 5}) as here:
        log, run, outcomes = await lived(here)
    assert set(outcomes.values()) == {"solved"}
    assert (await rerun(log, run)).complete
    ledger = await read_ledger(log, run)
    entries = [each for each in ledger.entries if each.name == "worth"]
    sources = {each.name: policy_source(ledger.era(each), each.name) for each in ledger.entries}
    assert (sources["worth"], sources["stopping"]) == ("survey", "spark")
    ruled = {(each.at.stream, each.shadow): each.ruling.worth for each in entries}
    assert ruled == {(f"survey/{name}", shadow): shadow is None for name in outcomes for shadow in (None, "strict")}
    assert all(each.agrees for each in await decisions(log, run))


async def test_what_is_not_worth_it_is_not_tried(tmp_path: Path) -> None:
    """The actor goes by the ruling."""
    async with surveyed(tmp_path, least=5) as here:
        log, run, outcomes = await lived(here)
    assert set(outcomes.values()) == {"skipped"}
    streams = await log.streams(run)
    assert not [name for name in streams if name.startswith("trial/")]
    assert (await rerun(log, run)).complete


async def test_it_can_be_asked_what_another_threshold_would_have_done(tmp_path: Path) -> None:
    """The shadow's ruling under its own rule, the active one under the changed: all that follows is left."""
    async with surveyed(tmp_path) as here:
        log, run, outcomes = await lived(here)
    prepared = await prepare(log, run)
    harder, same = [await ask([prepared], read_changes([("survey.least", value)])) for value in ("5", "4")]
    found = [(each.point, each.recorded, each.decided) for each in harder.flips]
    assert found == [("worth", True, False)] * len(outcomes)
    assert len(harder.left) == len(outcomes)
    assert same.flips == ()
    # Then all that a task's trial asked is behind its rating, and none of it is answered as if nothing had changed.
    asked = [each async for each in log.read(Selection(run=run))]
    below = [each for each in asked if each.stream.name.startswith(("trial/", "attempt/"))]
    assert harder.impact.calls == sum(isinstance(each.event, ModelAnswered) for each in below) > 0
    assert harder.impact.attempts == sum(isinstance(each.event, AttemptPlanned) for each in below) > 0
    assert {each.trial for each in harder.trials} == {f"survey/{name}" for name in outcomes}
    behind = sum(each.unanswerable for each in harder.trials)
    assert behind == sum(isinstance(each.event, Decided) and each.event.point_revision is not None for each in below)


async def test_its_actors_hang_below_each_other_as_it_says(tmp_path: Path) -> None:
    """While an actor gathers others, it records nothing: those that it began lie in one gap of its stream."""
    async with surveyed(tmp_path) as here:
        log, run, _ = await lived(here)
    streams = (await load_histories(log, run)).by_stream
    parents = parents_in("survey")
    for name, history in streams.items():
        parent = parents(name)
        if parent is not None and name not in APART:
            within = range(history[0].position, history[-1].position)
            assert not [each for each in streams[parent] if each.position in within], name


async def test_a_fork_goes_by_its_own_settings(tmp_path: Path) -> None:
    """Cut before the first decision: what was asked is not asked again, and the ruling is another one."""
    async with surveyed(tmp_path) as here:
        log, run, _ = await lived(here)
        made = [each async for each in log.read(Selection(run=run, tags={"decision.made", "decision.made_inline"}))]
        first = min(
            each.position for each in made if isinstance(each.event, DecisionMade) and each.event.point == "worth"
        )
        setting = RunContext(log, here.backend(), load_prompts(), "test", {}, here.base)
        spec = msgspec.structs.replace(here.spec, own={"least": 5})
        report = await fork_run(setting, Fork(run, first - 1, spec, ()))
    assert "skipped" in report.outcomes.values()
    assert (await rerun(log, report.run)).complete
    entries = [each for each in (await read_ledger(log, report.run)).entries if each.name == "worth"]
    assert {each.era for each in entries} == {1}


@pytest.mark.parametrize("step", [pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 97])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """No answered call is paid for again, no cap is overdrawn, and every trial ends as it did."""
    async with surveyed(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        for moment in range(0, plain.moments[0], step):
            seen = await ended(here, (moment,), in_memory())
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            assert seen.account.digests.keys() == plain.account.digests.keys(), seen.deaths


async def test_its_decision_is_explained_by_what_it_saw(tmp_path: Path) -> None:
    """By reference, with no code of its own."""
    async with surveyed(tmp_path) as here:
        log, run, _ = await lived(here)
    entry = next(each for each in (await read_ledger(log, run)).entries if each.name == "worth")
    assert isinstance(entry.saw.answer.at, Ref)
    assert entry.rule.least == 3


@pytest.mark.slow
async def test_no_ruling_of_it_is_passed_on_in_disguise_and_each_is_explained(tmp_path: Path) -> None:
    """Nothing that checks or explains decisions knows it, and all of it works."""
    async with surveyed(tmp_path, shadows={"strict": 5}) as here:
        log, run, _ = await lived(here)
    assert (await mutate(log, run, ("worth",))).found == ()
    found = await walked(log, run)
    assert (found.broken, found.differ) == ([], [])
    made = next(each for each in (await read_ledger(log, run)).entries if each.name == "worth")
    nodes = await chain(log, run, made.at)
    assert nodes[0].again is not None
    assert (nodes[0].again.point, nodes[0].again.rule, nodes[0].again.agrees) == ("worth", {"least": 3}, True)
    assert {"model.call_answered", "model.asked", "conversation"} <= {node.tag for node in nodes}
