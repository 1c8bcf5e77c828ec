"""Stories of forks: the same beginning by reference, then other settings, live; and the same again from the log."""

from pathlib import Path

import pytest

from engine.config.amend import amend
from engine.config.errors import ConfigRefused
from engine.config.resolve import Flag
from engine.config.spec import RunSpec
from engine.core.errors import NotForkable, RunUnknown
from engine.core.fold import fold
from engine.core.history import load_histories
from engine.core.lineage import SESSION, lineage_of
from engine.runtime.fork import FIXED, Fork, before_attempt, fork_run, look_at
from engine.runtime.run import resume_run, start_run
from events.base import Recorded
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered, ModelAsked
from events.types.trial import AttemptPlanned, NextChosen
from projections.trials.view import Trials
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.runtime.test_resume import cut as died_at
from tests.support.pretend import PretendBackend
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking


def changed(before: RunSpec, **settings: str) -> RunSpec:
    """Change a spec as a person would."""
    flags = [Flag(f"--set {key}", tuple(key.split("__")), value) for key, value in settings.items()]
    return amend(before, flags, Path()).spec


def plain(run: str, position: int, under: RunSpec) -> Fork:
    """Ask for a fork."""
    return Fork(run, position, under, ())


async def own(log: EventLog, run: str) -> list[Recorded]:
    """List what a fork added to its beginning, the notes of processes left out."""
    forked = await load_histories(log, run)
    behind = [(name, each) for name, history in forked.by_stream.items() if name != SESSION for each in history]
    return [each for name, each in behind if each.version > forked.bases.get(name, 0)]


@pytest.mark.slow
async def test_a_run_can_be_forked_after_any_of_its_events(tmp_path: Path) -> None:
    """Each fork ends well, reruns equal, shares by reference, and pays for nothing that was answered before the cut."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    means = (await setting(log, base))._replace(backend=PretendBackend())
    parent = (await start_run(means, spec())).run
    whole = await load_histories(log, parent)
    every = [each for name, history in whole.by_stream.items() if name != SESSION for each in history]
    for cut in sorted(each.position for each in every)[:-1]:
        report = await fork_run(means, plain(parent, cut, spec()))
        assert report.outcomes == {"word": "solved"}, cut
        assert (await rerun(log, report.run)).complete, cut
        answered = {each.ref for each in every if isinstance(each.event, ModelAnswered) and each.position <= cut}
        again = {each.ref for each in await own(log, report.run)}
        assert not answered & again, cut
        shared = sum(each.position <= cut for each in every)
        forked = await load_histories(log, report.run)
        total = sum(len(history) for name, history in forked.by_stream.items() if name != SESSION)
        assert total == shared + len(await own(log, report.run)), cut
    assert (await verify(log)).sound


async def test_a_fork_goes_by_the_old_settings_before_its_cut_and_by_the_new_ones_behind_it(tmp_path: Path) -> None:
    """One attempt was allowed and used up; the fork, cut before that was decided, may go on to the second."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    tight = spec(method={"attempts": 1})
    first = await start_run(await setting(log, base), tight)
    assert first.outcomes == {"word": "unsolved"}
    history = (await load_histories(log, first.run)).by_stream["trial/word"]
    stopped = next(each for each in history if isinstance(each.event, NextChosen) and each.event.after == 1)
    more = changed(tight, method__attempts="3")
    second = await fork_run(await setting(log, base), plain(first.run, stopped.position - 1, more))
    assert second.outcomes == {"word": "solved"}
    state = (await fold(log, Trials(), Selection(run=second.run))).runs[second.run]
    assert len(state.trials["word"].attempts) == 2
    decided = [each for each in await own(log, second.run) if isinstance(each.event, NextChosen)]
    assert decided[0].version == stopped.version
    assert (await rerun(log, second.run)).complete
    assert (await rerun(log, first.run)).complete


@pytest.mark.slow
async def test_a_fork_of_a_fork_sees_each_generation(tmp_path: Path) -> None:
    """Cut again, even before the first cut: then what lay between has no part in it."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    parent = (await start_run(await setting(log, base), spec())).run
    whole = await load_histories(log, parent)
    second_attempt = before_attempt(whole, parent, "word", 2)
    first_attempt = before_attempt(whole, parent, "word", 1)
    child = (await fork_run(await setting(log, base), plain(parent, second_attempt, spec()))).run
    for cut in (first_attempt, second_attempt, (await log.head()).position - 4):
        report = await fork_run(await setting(log, base), plain(child, cut, changed(spec(), agent__max_turns="7")))
        assert report.outcomes == {"word": "solved"}
        assert [branch.run for branch in await lineage_of(log, report.run)] == [parent, child, report.run]
        assert (await rerun(log, report.run)).complete


@pytest.mark.slow
async def test_another_model_is_asked_behind_the_cut_only(tmp_path: Path) -> None:
    """What was asked before the cut stands as it was asked."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    parent = (await start_run(await setting(log, base), spec())).run
    cut = before_attempt(await load_histories(log, parent), parent, "word", 2)
    other = changed(spec(), agent__max_turns="3", models__teacher__parameters__temperature="0.5")
    child = (await fork_run(await setting(log, base), plain(parent, cut, other))).run
    asked = [each for each in await own(log, child) if isinstance(each.event, ModelAsked)]
    assert asked
    assert all(each.event.parameters == {"temperature": 0.5} for each in asked if isinstance(each.event, ModelAsked))
    assert (await rerun(log, child)).complete


@pytest.mark.slow
async def test_a_fork_that_was_cut_off_is_resumed(tmp_path: Path) -> None:
    """Its prefix is rehearsed with the rest, and the parent is not needed to be idle."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    parent = (await start_run(await setting(log, base), spec())).run
    planned = (await load_histories(log, parent)).by_stream["trial/word"]
    cut = next(each for each in planned if isinstance(each.event, AttemptPlanned) and each.event.attempt == 2).position
    child = (await fork_run(await setting(log, base), plain(parent, cut, spec()))).run
    end = (await log.head()).position
    for position in range(cut + 40, end - 1, 7):
        rest = await died_at(log, position)
        if child not in await rest.runs():
            continue
        assert (await resume_run(await setting(rest, base), child)).outcomes == {"word": "solved"}
        assert (await rerun(rest, child)).complete


async def test_what_cannot_be_forked_is_said_before_anything_is_written(tmp_path: Path) -> None:
    """Each with a remedy; the log is as it was."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    parent = (await start_run(await setting(log, base), spec())).run
    end = (await log.head()).position
    means = await setting(log, base)
    with pytest.raises(RunUnknown):
        await fork_run(means, plain("nobody", 3, spec()))
    with pytest.raises(NotForkable, match="it has no events at or before position 0"):
        await fork_run(means, plain(parent, 0, spec()))
    with pytest.raises(NotForkable, match="complete before the cut"):
        await fork_run(means, plain(parent, end, spec()))
    with pytest.raises(NotForkable, match="no attempt 9 of a trial word"):
        before_attempt(await load_histories(log, parent), parent, "word", 9)
    with pytest.raises(ConfigRefused, match="determines the trials"):
        amend(spec(), [Flag("--set repeats", ("repeats",), "3")], base, fixed=FIXED)
    looked = await look_at(log, plain(parent, end // 2, spec()))
    assert looked.events > 0
    assert (await log.head()).position == end


@pytest.mark.slow
async def test_every_decision_of_a_fork_is_made_again_under_the_settings_of_its_place(tmp_path: Path) -> None:
    """Before the cut the parent's settings decide, behind it the fork's: PDI's memory included."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    parent = (await start_run(await setting(log, base), spec())).run
    cut = before_attempt(await load_histories(log, parent), parent, "word", 2)
    other = changed(spec(), method__attempts="9", method__pdi__active__threshold="0.9", method__pdi__active__warmup="1")
    child = (await fork_run(await setting(log, base), plain(parent, cut, other))).run
    made = await decisions(log, child)
    assert {each.entry.rule.attempts for each in made if each.point == "stopping"} == {5, 9}
    assert [each for each in made if not each.agrees] == []
