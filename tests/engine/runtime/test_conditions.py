"""Stories of conditions: pinned when a run begins, named by its trials, and the same again from the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine.core.history import load_histories
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import resume_run, start_run
from events.base import Draft
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.condition import Condition, parts_that_differ, read_condition
from events.types.run import RunOpened
from events.types.trial import TrialOpened
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs
from tests.engine.runtime.test_resume import cut as died_at
from tests.support.pretend import pretended
from tests.support.runs import SCRIPT, make_base, spec
from tests.support.worlds import Ticking


async def conditions(log: EventLog, run: str) -> dict[str, Condition]:
    """Read the condition of each trial."""
    histories = (await load_histories(log, run)).by_stream
    opened = [each.event for history in histories.values() for each in history if isinstance(each.event, TrialOpened)]
    return {each.task: read_condition(await log.get(_named(each))) for each in opened}


def _named(opened: TrialOpened) -> Any:
    assert opened.condition_digest is not None
    return opened.condition_digest


async def test_a_trial_names_its_condition_and_is_rerun_from_the_log_alone(tmp_path: Path) -> None:
    """The label stays; the value stands beside it, and the run pins it in its first event."""
    log = MemoryLog(clock=Ticking())
    run = (await start_run(pretended(log, make_base(tmp_path)), spec(own={"condition": "plain"}))).run
    opened = [each.event async for each in log.read(Selection(run=run, tags={"trial.opened"}))]
    assert [each.condition for each in opened if isinstance(each, TrialOpened)] == ["plain"]
    (found,) = (await conditions(log, run)).values()
    assert (found.agent.name, found.method.name, found.skills, found.note) == ("shell", "spark", None, None)
    assert found.agent.package.startswith("stillroom@")
    assert {each.role for each in found.models} == {"teacher", "reflector", "distiller"}
    assert all(each.endpoint.startswith("chat script:") and "script.toml" not in each.endpoint for each in found.models)
    assert (await rerun(log, run)).complete
    assert not (await verify(log)).findings


async def test_the_same_settings_give_the_same_condition_and_others_another(tmp_path: Path) -> None:
    """Across runs: that is what makes scores of two runs comparable, or not."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    found: list[Condition] = []
    for settings in ({}, {"concurrency": 1}, {"agent": {"max_turns": 9}}):
        run = (await start_run(pretended(log, base), spec(**settings))).run
        found += (await conditions(log, run)).values()
    first, again, other = found
    assert first == again
    assert parts_that_differ(first, other) == ("agent",)


async def test_a_run_that_was_cut_off_goes_on_under_the_condition_that_it_pinned(tmp_path: Path) -> None:
    """Trials that begin after a resume have the condition of those before it."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path, SCRIPT, "one", "two")
    means = pretended(log, base)
    whole = (await start_run(means, spec(concurrency=1))).run
    before = await conditions(log, whole)
    first = next(each.position for each in await every(log, whole) if isinstance(each.event, TrialOpened))
    half = await died_at(log, first)
    await resume_run(means._replace(log=half), whole)
    assert await conditions(half, whole) == before
    assert (await rerun(half, whole)).complete


async def every(log: EventLog, run: str) -> Sequence[Any]:
    """List the events of a run."""
    return [each async for each in log.read(Selection(run=run))]


async def test_a_fork_has_trials_under_a_condition_of_its_own(tmp_path: Path) -> None:
    """Those that were begun before the cut keep theirs; both are pinned, and both are rerun."""
    log = MemoryLog(clock=Ticking())
    means = pretended(log, make_base(tmp_path, SCRIPT, "one", "two"))
    parent = (await start_run(means, spec(concurrency=1))).run
    second = [each.position for each in await every(log, parent) if isinstance(each.event, TrialOpened)][1]
    changed = spec(concurrency=1, agent={"max_turns": 9})
    child = (await fork_run(means, Fork(parent, second - 1, changed, ()))).run
    before, found = await conditions(log, parent), await conditions(log, child)
    assert found["one"] == before["one"]
    assert parts_that_differ(before["two"], found["two"]) == ("agent",)
    assert (await rerun(log, child)).complete


async def test_an_earlier_run_has_no_condition_and_gets_none_when_it_is_resumed(tmp_path: Path) -> None:
    """Its opening pins none, so its trials name none: what they record is what they recorded."""
    log = MemoryLog(clock=Ticking())
    means = pretended(log, make_base(tmp_path))
    run = (await start_run(means, spec())).run
    began = next(each.position for each in await every(log, run) if isinstance(each.event, RunOpened))
    older = await as_earlier(await died_at(log, began))
    await resume_run(means._replace(log=older), run)
    opened = [each.event for each in await every(older, run) if isinstance(each.event, TrialOpened)]
    assert [each.condition_digest for each in opened] == [None]
    assert (await rerun(older, run)).complete


async def as_earlier(log: MemoryLog) -> MemoryLog:
    """Give the beginning of a run as earlier versions recorded it."""
    older = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        older.put(await log.get(name))
    async for each in log.read():
        event = replace(each.event, conditions=None) if isinstance(each.event, RunOpened) else each.event
        await older.append(each.stream, [Draft(event, each.cause)], expected_version=each.version - 1)
    return older
