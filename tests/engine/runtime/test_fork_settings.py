"""Stories of settings that a fork changes: each stream goes by the old ones up to its own cut, wherever that lies."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.config.spec import RunSpec
from engine.core.errors import NotForkable
from engine.core.history import load_histories
from engine.core.ports import EffectAddress
from engine.effects.budget import BudgetKeeper, Caps
from engine.programs.explore.rulings import NO_HINT
from engine.runtime.fork import fork_run
from engine.runtime.run import start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.base import Event, Recorded
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.memo import MemoRewritten
from events.types.model import ModelAsked
from events.types.pdi import PdiRead
from events.types.trial import AttemptPlanned, HintPrepared
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.runtime.test_fork import changed, own, plain
from tests.support.runs import MEMO, SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

OTHER_MEMO = MEMO.replace("answer.txt can be written", "the folder is /app")
PRICED = {"input": 1, "output": 1}


async def lived(folder: Path, under: RunSpec) -> tuple[MemoryLog, Path, str]:
    """A run that has ended, and a second script beside its own, whose reflector says something else."""
    base = make_base(folder)
    (base / "other.toml").write_text(SCRIPT.replace(MEMO, OTHER_MEMO))
    log = MemoryLog(clock=Ticking())
    return log, base, (await start_run(await setting(log, base), under)).run


async def place_of(log: EventLog, run: str, kind: type[Event], nth: int = 0) -> Recorded:
    """Find an event of a trial."""
    history = (await load_histories(log, run)).by_stream["trial/word"]
    return [each for each in history if isinstance(each.event, kind)][nth]


def asked(history: Sequence[Recorded]) -> list[tuple[str, str]]:
    """List which model was asked, by stream."""
    return [(each.stream.name, each.event.model) for each in history if isinstance(each.event, ModelAsked)]


def other_model(before: RunSpec, base: Path) -> RunSpec:
    """Have the teacher be another model, at another endpoint."""
    url = f"script:{base / 'other.toml'}"
    return changed(before, models__teacher__model="newer", models__teacher__base_url=url)


@pytest.mark.slow
async def test_an_attempt_that_had_not_begun_at_the_cut_goes_by_the_new_settings(tmp_path: Path) -> None:
    """It was planned before the cut; but its stream lies behind it, from the first event."""
    log, base, parent = await lived(tmp_path, spec())
    planned = await place_of(log, parent, AttemptPlanned)
    other = (await fork_run(await setting(log, base), plain(parent, planned.position, other_model(spec(), base)))).run
    assert {model for _, model in asked(await own(log, other))} == {"newer"}
    assert (await rerun(log, other)).complete


@pytest.mark.slow
async def test_a_call_in_flight_at_the_cut_is_asked_again_as_it_was_and_where_it_was(tmp_path: Path) -> None:
    """It was decided by the old settings. What follows it goes by the new ones."""
    log, base, parent = await lived(tmp_path, spec())
    cut = (await place_of(log, parent, ModelAsked)).position
    child = (await fork_run(await setting(log, base), plain(parent, cut, other_model(spec(), base)))).run
    memo = await place_of(log, child, MemoRewritten)
    assert isinstance(memo.event, MemoRewritten)
    assert b"answer.txt can be written" in await log.get(memo.event.memo)
    assert {model for _, model in asked(await own(log, child))} == {"newer"}
    assert (await rerun(log, child)).complete
    earlier = plain(parent, cut - 1, other_model(spec(), base))
    anew = (await fork_run(await setting(log, base), earlier)).run
    said = await place_of(log, anew, MemoRewritten)
    assert isinstance(said.event, MemoRewritten)
    assert b"the folder is /app" in await log.get(said.event.memo)


async def test_money_is_asked_for_again_where_a_fork_lies_between_the_grant_and_the_call(tmp_path: Path) -> None:
    """The new model may cost more than was granted for the old one."""
    capped = {"budget": {"run_usd": 1}, "prices": {"teacher": PRICED, "newer": {"input": 2, "output": 2}}}
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 500}}
    under = spec(**capped, models={"teacher": teacher})
    log, base, parent = await lived(tmp_path, under)
    granted = await place_of(log, parent, BudgetGranted)
    child = (await fork_run(await setting(log, base), plain(parent, granted.position, other_model(under, base)))).run
    again = [each for each in await own(log, child) if each.stream.name == "trial/word"][:3]
    old = await place_of(log, parent, BudgetAsked)
    assert [type(each.event) for each in again] == [BudgetAsked, BudgetGranted, ModelAsked]
    assert isinstance(old.event, BudgetAsked)
    assert isinstance(again[0].event, BudgetAsked)
    assert again[0].event.amount == 2 * old.event.amount
    assert (await rerun(log, child)).complete


async def test_a_grant_that_no_call_followed_gives_way_to_the_next_one_of_its_stream() -> None:
    """Else what was never spent would count for good."""
    keeper = BudgetKeeper(Caps(run=100, trial=100))
    place = EffectAddress("r1", "trial/a", 1)
    await keeper(BudgetAsked("a", 60), place)
    assert await keeper(BudgetAsked("a", 80), place) == BudgetGranted()
    assert keeper.committed == 80


@pytest.mark.slow
async def test_a_hint_that_a_fork_asks_for_is_prepared_behind_the_cut(tmp_path: Path) -> None:
    """And one that a fork no longer asks for is given to nobody, though it was prepared."""
    for before in (False, True):
        folder = tmp_path / str(before)
        folder.mkdir()
        log, base, parent = await lived(folder, spec(method={"hint": before}))
        cut = (await place_of(log, parent, AttemptPlanned, 1)).position - 1
        other = changed(spec(method={"hint": before}), method__hint=str(not before).lower())
        child = (await fork_run(await setting(log, base), plain(parent, cut, other))).run
        prepared = [each for each in await own(log, child) if isinstance(each.event, HintPrepared)]
        assert [isinstance(each.event, HintPrepared) and each.event.reason == NO_HINT for each in prepared] == [before]
        assert [each for each in await decisions(log, child) if not each.agrees] == []
        assert (await rerun(log, child)).complete


@pytest.mark.slow
async def test_a_monitor_reads_on_under_new_settings_as_if_it_had_always_had_them(tmp_path: Path) -> None:
    """PDI looks back: what it remembers of the steps before the cut is read again, and nothing of that is recorded."""
    script = SCRIPT.replace("cat words.txt | tee answer.txt", "echo no > answer.txt").replace(
        'contains = ["Attempt: 2 of"]', 'contains = ["Attempt: "]'
    )
    log, base, parent = await lived(tmp_path, spec(method={"attempts": 3}))
    (base / "script.toml").write_text(script)
    first = (await start_run(await setting(log, base), spec(method={"attempts": 4}))).run
    cut = (await place_of(log, first, PdiRead, 1)).position - 1
    careful = spec(method={"attempts": 4, "pdi": {"active": {"warmup": 1, "threshold": 9.0}}})
    child = (await fork_run(await setting(log, base), plain(first, cut, careful))).run
    always = (await start_run(await setting(log, base), careful)).run
    read = [await place_of(log, run, PdiRead, nth) for run in (child, always) for nth in (0, 1)]
    old, new, _, wanted = [each.event for each in read]
    assert isinstance(old, PdiRead)
    assert isinstance(new, PdiRead)
    assert isinstance(wanted, PdiRead)
    assert (old.triggered, new.triggered) == (False, True)
    assert (new.raw_pdi, new.weight) == (wanted.raw_pdi, wanted.weight)
    assert [each for each in await decisions(log, child) if not each.agrees] == []
    assert parent != first


async def test_readings_that_were_recorded_side_by_side_are_not_cut_apart(tmp_path: Path) -> None:
    """They were decided as one, so no fork may hold half of them."""
    shadowed = spec(method={"pdi": {"shadows": {"js": {"method": "js_divergence"}}}})
    log, base, parent = await lived(tmp_path, shadowed)
    read = await place_of(log, parent, PdiRead)
    with pytest.raises(NotForkable, match="were decided as one"):
        await fork_run(await setting(log, base), plain(parent, read.position, shadowed))


async def test_what_was_answered_before_the_cut_is_not_sent_again(tmp_path: Path) -> None:
    """Counted where it is received: the endpoint hears of the fork only what lies behind its cut."""
    base = make_base(tmp_path)
    log = MemoryLog(clock=Ticking())
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        under = spec(models={"teacher": {"model": "teacher", "base_url": endpoint.base_url}})
        parent = (await start_run(await setting(log, base), under)).run
        whole = list(endpoint.requests)
        cut = (await place_of(log, parent, AttemptPlanned, 1)).position
        child = (await fork_run(await setting(log, base), plain(parent, cut, under))).run
        received = list(endpoint.requests)[len(whole) :]
    assert len(received) == len(asked(await own(log, child))) < len(whole)
    assert received == whole[-len(received) :]
