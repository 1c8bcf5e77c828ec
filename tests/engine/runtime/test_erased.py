"""Bytes that were erased: later runs that make them again go on, and a run that needs them says where."""

from collections.abc import Awaitable
from pathlib import Path

import pytest

from engine.runtime.run import resume_run, start_run
from events.errors import BlobErased
from events.integrity.verify import verify
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.model import ModelAnswered
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs, cut
from tests.support.pretend import pretended
from tests.support.runs import make_base, spec
from tests.support.worlds import Ticking


async def test_a_run_makes_again_what_was_erased_and_goes_on(tmp_path: Path) -> None:
    """Every blob of a run is erased: the next run makes the same ones, reads them, and none of them is kept."""
    base, path = make_base(tmp_path), tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        await start_run(pretended(log, base), spec())
        erased = await all_blobs(log)
        for digest in erased:
            await log.erase(digest, "asked by Ann")
        assert (await start_run(pretended(log, base), spec())).outcomes == {"word": "solved"}
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        assert {each.digest for each in await log.erasures()} == erased
        assert (await verify(log)).sound


async def ending(work: Awaitable[object]) -> str:
    """Say how something ends: well, or with an error that names a place."""
    try:
        await work
    except BlobErased as error:
        return error.place if error.place is not None and error.place in error.problem else "unnamed"
    return "well"


@pytest.mark.slow
async def test_a_run_that_rests_on_erased_bytes_names_the_place_that_needs_them(tmp_path: Path) -> None:
    """Each blob is erased once. What the run itself makes is made again; what the world gave is gone, and where.

    What a model answered, and a verifier printed, is needed no more once it is recorded what was made of it.
    """
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    run = (await start_run(pretended(log, base), spec())).run
    last = max([each.position async for each in log.read() if isinstance(each.event, ModelAnswered)])
    places: set[str] = set()
    for digest in sorted(await all_blobs(await cut(log, last))):
        rest = await cut(log, last)
        await rest.erase(digest, "asked by Ann")
        rerun_, resumed = await ending(rerun(rest, run)), await ending(resume_run(pretended(rest, base), run))
        assert rerun_ == resumed
        places.add(resumed)
    assert "unnamed" not in places
    assert {"well", "the run's spec", f"trial/word@3 of run {run}"} <= places, places
    assert not [place for place in places if place.startswith("attempt/")]
