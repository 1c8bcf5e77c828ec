"""Stories of the ledger: every decision of a run with what it saw, whichever version recorded it."""

from pathlib import Path

import msgspec
import pytest

from engine.config.changes import read_changes
from engine.config.spec import RunSpec
from engine.core.history import load_histories
from engine.runtime.fork import fork_run
from engine.runtime.run import start_run
from events.base import Draft, Ref, StreamId
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.decision import DecisionMade
from events.types.trial import AttemptConcluded, AttemptPlanned
from replay.ledger import LedgerEntry, read_ledger
from replay.redecide import decisions
from replay.what_if.ask import WhatIf, ask, prepare
from tests.engine.runtime.test_fork import changed, plain
from tests.engine.runtime.test_resume import all_blobs
from tests.support.runs import SHADOWED, TWICE_WRONG, make_base, setting, spec
from tests.support.worlds import Ticking

GOLDEN = Path(__file__).parents[1] / "golden"


async def lived(folder: Path, **asked: object) -> tuple[MemoryLog, str]:
    """A run that failed twice, was spoken to softly, and solved its task then."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, make_base(folder, TWICE_WRONG)), spec(**asked))).run


async def forked(
    folder: Path, under: RunSpec, position_of: type[AttemptConcluded | AttemptPlanned]
) -> tuple[EventLog, str]:
    """A fork of such a run, cut right behind the first event of a kind."""
    log, parent = await lived(folder)
    history = (await load_histories(log, parent)).by_stream["trial/word"]
    cut = next(each.position for each in history if isinstance(each.event, position_of))
    return log, (await fork_run(await setting(log, folder), plain(parent, cut, under))).run


async def asked(log: EventLog, run: str, **changes: str) -> WhatIf:
    """Ask about settings of the method, with ``__`` for a dot."""
    said = [(key.replace("__", "."), value) for key, value in changes.items()]
    return await ask([await prepare(log, run)], read_changes(said))


def named(entries: tuple[LedgerEntry, ...], name: str) -> list[LedgerEntry]:
    """List the decisions of a point that counted."""
    return [each for each in entries if each.name == name and each.shadow is None]


async def test_every_decision_is_listed_in_the_order_of_the_log(tmp_path: Path) -> None:
    """With its place, its rule and its method; shadows stand beside what counted, over the same inputs."""
    log, run = await lived(tmp_path, method=SHADOWED)
    ledger = await read_ledger(log, run)
    assert (ledger.source, ledger.imported) == ("recorded", False)
    assert [each.position for each in ledger.entries] == sorted(each.position for each in ledger.entries)
    (era,) = ledger.eras
    assert era.method == "spark"
    reading = named(ledger.entries, "pdi")[-1]
    beside = {each.shadow: each for each in ledger.entries if each.inputs == reading.inputs}
    assert beside.keys() == {None, "careful", "js"}
    assert len({each.rule_digest for each in beside.values()}) == 3
    history = (await load_histories(log, run)).by_stream["trial/word"]
    for name, entry in beside.items():
        event = history[entry.at.version - 1].event
        assert (event.inputs, event.rule, event.monitor) == (entry.inputs, entry.rule_digest, name or "active")  # type: ignore[attr-defined]


async def test_a_run_of_an_earlier_version_is_listed_by_an_observer(tmp_path: Path) -> None:
    """It recorded no inputs: they are taken while its actors run over the record, for all of its decisions."""
    async with await BundleSource.open(GOLDEN / "demo-323f770.bundle") as bundle:
        log = MemoryLog(clock=Ticking())
        (run,) = (await require_sound(bundle)).runs
        await copy(bundle, log, (run,))
    ledger = await read_ledger(log, run)
    assert ledger.source == "rerun"
    assert all(each.inputs is not None and each.revision == 1 for each in ledger.entries)
    recorded = [each async for each in log.read() if isinstance(each.event, AttemptJudged)]
    assert {each.at for each in named(ledger.entries, "judging")} == {each.ref for each in recorded}
    silent = [each for each in ledger.entries if each.silent]
    assert "turn" in {each.name for each in silent}
    made = await decisions(log, run)
    assert [each for each in made if each.differences] == []
    assert len(made) + len(silent) == len(ledger.entries)


async def test_a_decision_of_a_point_that_nobody_here_knows_is_listed_and_not_made_again(tmp_path: Path) -> None:
    """The package that owns it may be on another machine; its inputs can be read all the same."""
    log, run = await lived(tmp_path)
    inputs, rule = log.put(b'{"wind":3}'), log.put(b'{"limit":2}')
    event = DecisionMade(point="weather", ruling={"fly": False}, inputs=inputs, rule=rule, point_revision=4)
    await log.append(StreamId(run, "weather/a"), [Draft(event, None)], expected_version=0)
    entry = (await read_ledger(log, run)).entries[-1]
    assert (entry.name, entry.point, entry.revision) == ("weather", None, 4)
    assert (entry.saw, entry.rule, entry.ruling) == ({"wind": 3}, {"limit": 2}, {"fly": False})
    made = (await decisions(log, run))[-1]
    assert (made.missing, made.differences) == ("no installed package has a point of decision named weather", ())
    assert (made.agrees, made.revised) == (False, False)
    found = await asked(log, run, attempts="1")
    assert [(each.trial, each.decisions, each.missing) for each in found.trials][-1] == ("weather/a", 0, 1)


@pytest.mark.slow
async def test_a_fork_asked_for_what_it_has_flips_nothing(tmp_path: Path) -> None:
    """Each place is asked under the settings of its own run: the parent's before the cut, the fork's behind."""
    other = changed(spec(), method__attempts="9")
    log, run = await forked(tmp_path, other, AttemptConcluded)
    stops = named((await read_ledger(log, run)).entries, "stopping")
    assert [(each.era, each.rule.attempts) for each in stops] == [(0, 5), (1, 9), (1, 9), (1, 9)]
    found = await asked(log, run, pdi__threshold="-0.5")
    assert (found.flips, found.left) == ((), ())


async def test_the_first_decision_behind_a_cut_is_made_under_the_new_settings(tmp_path: Path) -> None:
    """Not under those of the event before it."""
    other = changed(spec(), method__attempts="1")
    log, run = await forked(tmp_path, other, AttemptConcluded)
    last = named((await read_ledger(log, run)).entries, "stopping")[-1]
    bases = (await load_histories(log, run)).bases
    assert last.at == Ref("trial/word", bases["trial/word"] + 1)
    assert (last.era, last.rule.attempts, last.ruling.decision) == (1, 1, "exhausted")
    assert all(each.agrees for each in await decisions(log, run))
    found = await asked(log, run, attempts="5")
    assert [(flip.point, flip.at, flip.decided) for flip in found.flips] == [("stopping", last.at, "continue")]


@pytest.mark.slow
async def test_a_change_of_one_era_reaches_only_what_it_changes_there(tmp_path: Path) -> None:
    """Before the cut the parent had that value already; behind it the fork's own decisions flip."""
    other = changed(spec(), method__pdi__active__threshold="-10")
    log, run = await forked(tmp_path, other, AttemptConcluded)
    found = await asked(log, run, pdi__threshold="-0.5")
    assert {(flip.point, flip.field) for flip in found.flips} == {
        ("pdi", "triggered"),
        ("intervention", "level"),
        ("retry", "intervention"),
    }
    assert all(each.flip.at.version > 20 for each in found.left)


async def test_a_run_whose_method_nobody_registers_is_listed_all_the_same(tmp_path: Path) -> None:
    """Without the package there is no policy to ask."""
    log, run = await lived(tmp_path)
    other = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        other.put(await log.get(name))
    async for each in log.read():
        event = each.event
        if each.stream.name == "run" and each.version == 1:
            tree = msgspec.json.decode(await log.get(event.spec))  # type: ignore[attr-defined]
            tree["method"]["name"] = "elsewhere"
            event = msgspec.structs.replace(event, spec=other.put(msgspec.json.encode(tree)), method="elsewhere")
        await other.append(each.stream, [Draft(event, each.cause)], expected_version=each.version - 1)
    ledger = await read_ledger(other, run)
    assert len(ledger.entries) == len((await read_ledger(log, run)).entries)
    assert all("no installed package registers the method" in each.missing for each in ledger.entries)
    assert [each.differences for each in await decisions(other, run) if each.differences] == []


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"hint": "true"}, {"pdi__mode": "off"}, {"distil": "false"}, {"reflect": "false"}])
async def test_each_setting_is_asked_by_its_own_points(tmp_path: Path, changes: dict[str, str]) -> None:
    """And what was decided to be nothing is a decision all the same."""
    log, run = await lived(tmp_path)
    found = await asked(log, run, **changes)
    flipped = {flip.point for flip in found.flips}
    expected = {
        "hint": set[str](),  # the task has no Python tests: there is none to give
        "pdi__mode": {"intervention", "retry"},
        "distil": {"stopping"},
        "reflect": {"stopping"},
    }
    assert flipped == expected[next(iter(changes))]
