"""Stories of death: before or after any append and any effect, and while a run is being resumed.

A few moments here; ``python -m benchmarks.crash_matrix`` dies at each of them.
"""

from pathlib import Path

import pytest

from tests.support.crashes import ended, in_file, in_memory, world, wrong, wrong_with_cap
from tests.support.runs import SCRIPT

FREQUENT = 25
"""Every which moment."""


@pytest.mark.slow
async def test_a_run_that_died_at_any_moment_ends_as_if_it_had_not(tmp_path: Path) -> None:
    """Trials that lost no sandbox hold the same bytes and cost the same; nothing that was answered is asked again."""
    async with world(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        for moment in range(0, plain.moments[0], FREQUENT):
            seen = await ended(here, (moment,), in_memory())
            assert wrong(plain, seen) == [], seen.deaths
            assert len(seen.deaths) == 1


@pytest.mark.slow
async def test_a_run_that_died_again_while_it_was_resumed_ends_the_same(tmp_path: Path) -> None:
    """The second death falls among what the first resume records of itself, and among what it does."""
    async with world(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        middle = plain.moments[0] // 2
        for moment in (0, 1, 2, 3, 7, 30):
            seen = await ended(here, (middle, moment), in_memory())
            assert wrong(plain, seen) == [], seen.deaths
            assert len(seen.deaths) == 2


@pytest.mark.slow
async def test_no_death_lets_a_run_spend_more_than_its_cap(tmp_path: Path) -> None:
    """Whatever was reserved or lost before is counted before any port opens again."""
    async with world(tmp_path, run_usd="0.012") as here:
        plain = await ended(here, (), in_memory())
        assert wrong_with_cap(plain) == []
        for moment in range(20, plain.moments[0], FREQUENT):
            seen = await ended(here, (moment, 40), in_memory())
            assert wrong_with_cap(seen) == [], seen.deaths


@pytest.mark.slow
async def test_a_run_whose_calls_are_cut_and_made_again_may_die_between_any_two_tries(tmp_path: Path) -> None:
    """Each try is on record, the cap holds over all of them, and none that ended is made twice."""
    cut = SCRIPT.replace('text = "I guess."', 'text = "I guess."\nerror = "half"\ntimes = 2', 1)
    async with world(tmp_path, run_usd="0.06", script=cut) as here:
        plain = await ended(here, (), in_memory())
        assert wrong_with_cap(plain) == []
        assert plain.failed > 0
        for moment in range(3, plain.moments[0], 2 * FREQUENT):
            seen = await ended(here, (moment, 31), in_memory())
            assert wrong_with_cap(seen) == [], seen.deaths


@pytest.mark.slow
@pytest.mark.parametrize("forked", [False, True])
async def test_a_run_whose_sandboxes_are_rebuilt_loses_nothing_at_all(*, forked: bool, tmp_path: Path) -> None:
    """Every trial holds the same bytes, a fork's too, which begins in the middle of an attempt."""
    async with world(tmp_path, on_loss="rebuild", forked=forked) as here:
        plain = await ended(here, (), in_memory())
        assert len(plain.account.digests) == 3
        for moment in range(0, plain.moments[0], FREQUENT):
            seen = await ended(here, (moment,), in_memory())
            assert (wrong(plain, seen), seen.account.lost) == ([], frozenset()), seen.deaths
            assert len(seen.deaths) == 1


@pytest.mark.parametrize("moment", [120, 121])
async def test_a_file_is_taken_up_by_the_next_process_as_memory_is(moment: int, tmp_path: Path) -> None:
    """Each life opens the file for itself."""
    async with world(tmp_path) as here:
        plain = await ended(here, (), in_file(tmp_path / "plain.db"))
        seen = await ended(here, (moment,), in_file(tmp_path / "log.db"))
        assert wrong(plain, seen) == [], seen.deaths
