"""Why, asked of forks: causes lie on both sides of a cut, and what is shared stands in the log under another name."""

from pathlib import Path

import pytest

from engine.config.spec import RunSpec
from engine.core.history import load_histories
from engine.core.lineage import lineage_of
from engine.runtime.fork import before_attempt, fork_run
from engine.runtime.run import start_run
from events.base import Recorded
from events.store.memory import MemoryLog
from events.types.trial import NextChosen
from replay.why.shown import shown_to
from tests.cli.terminal import type_in
from tests.cli.test_replay import explored
from tests.engine.runtime.test_fork import changed, plain
from tests.support.causes import chain, walked
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking


async def forked_twice(folder: Path) -> tuple[MemoryLog, list[str]]:
    """A run, a fork of it, and a fork of the fork, each cut before the second attempt and under other settings."""
    log, base = MemoryLog(clock=Ticking()), make_base(folder, SCRIPT)
    runs = [(await start_run(await setting(log, base), spec())).run]
    under: RunSpec = spec()
    for attempts in ("4", "3"):
        under = changed(under, method__attempts=attempts)
        cut = before_attempt(await load_histories(log, runs[-1]), runs[-1], "word", 2)
        runs.append((await fork_run(await setting(log, base), plain(runs[-1], cut, under))).run)
    return log, runs


@pytest.mark.slow
async def test_every_decision_of_a_fork_resolves_every_digest(tmp_path: Path) -> None:
    """Shared or its own: each event is hashed as it stands in the log, and told by its place in the fork."""
    log, runs = await forked_twice(tmp_path)
    for run in runs:
        found = await walked(log, run)
        assert (found.broken, found.differ) == ([], []), run
        assert found.chains > 3


@pytest.mark.slow
async def test_a_decision_rests_on_the_settings_of_its_own_side_of_the_cut(tmp_path: Path) -> None:
    """Before the cut on those of the run that was started, behind it on the fork's."""
    log, runs = await forked_twice(tmp_path)
    started, _, last = runs
    history = (await load_histories(log, last)).by_stream["trial/word"]
    specs = [branch.forked.spec for branch in await lineage_of(log, last) if branch.forked is not None]
    first = next(iter((await load_histories(log, started)).by_stream["run"])).event
    shared, *_, own = [each for each in history if isinstance(each.event, NextChosen)]
    assert await rules(log, last, shared) == {getattr(first, "spec", "")}
    assert await rules(log, last, own) == {specs[-1]}
    assert len({*specs, getattr(first, "spec", "")}) == 3


async def rules(log: MemoryLog, run: str, decided: Recorded) -> set[str]:
    """Say on which specs a decision rests."""
    nodes = await chain(log, run, decided.ref)
    return {node.digest for node in nodes if node.label == "spec" and node.parent == nodes[0].number}


@pytest.mark.slow
async def test_a_text_is_found_in_the_calls_of_a_fork_at_their_places_in_it(tmp_path: Path) -> None:
    """Once for each run that asked, and not again for what a fork shares. A fork decides on the hint anew."""
    log, runs = await forked_twice(tmp_path)
    shown = [each for each in await shown_to(log, "Role: distiller") if each.stream == "trial/word"]
    assert [each.run for each in shown] == runs
    first = shown[0].version
    assert [each.version for each in shown] == [first, first + 1, first + 1]


@pytest.mark.slow
def test_an_attempt_that_a_fork_shares_is_asked_for_by_the_fork(tmp_path: Path) -> None:
    """By attempt, by trial and by skill, why and why not."""
    explored(tmp_path)
    type_in(tmp_path, "fork", "--attempt", "2")
    run = type_in(tmp_path, "runs", "--json").rows[-1]["run"]
    for words in (
        ("why", f"{run}:word/1"),
        ("why", f"{run}:word"),
        ("why", f"{run}:trial/word@2"),
        ("why-not", f"{run}:word/1"),
    ):
        told = type_in(tmp_path, *words)
        assert (told.code, told.err) == (0, ""), words
