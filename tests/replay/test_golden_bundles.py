"""Runs that earlier versions of the package wrote: whatever changes, they are the same again.

Each file in ``tests/golden`` that ends in ``.bundle`` is one; ``docs/schema-change.md`` says when to add another.
"""

from pathlib import Path
from typing import Final

import pytest

from engine.runtime import resume_run, start_run
from events.log import Row, Selection
from events.memory import MemoryLog
from events.verify import verify
from replay.digests import trial_digests
from replay.rerun import rerun
from tests.cli.terminal import type_in
from tests.engine.test_resume import all_blobs
from tests.support.edits import edit_events
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

GOLDEN: Final = sorted((Path(__file__).parents[1] / "golden").glob("*.bundle"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_run_of_an_earlier_version_is_the_same_again(path: Path, tmp_path: Path) -> None:
    """Rebuilt, decided again and run again, from the bundle and from a log that it was brought into."""
    verified = type_in(tmp_path, "bundle", "verify", str(path), "--json")
    assert (verified.code, verified.rows[0]["sound"]) == (0, True)
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    for words in ((str(path),), ()):
        outcome = type_in(tmp_path, "replay", *words, "--json")
        assert outcome.code == 0, outcome.out
        by_kind = {row["kind"]: row for row in outcome.rows}
        assert by_kind["rerun"]["complete"] is True
        assert by_kind["rerun"]["events"] + 2 >= verified.rows[0]["events"] > 30
        assert by_kind.keys() >= {"view", "redecided"}


def test_an_edited_event_of_an_earlier_version_is_named_by_its_fields_of_today(tmp_path: Path) -> None:
    """Lifting hides no difference, and makes none: 0 for *none follows* is none, 9 in place of 2 is another number."""
    (path,) = [each for each in GOLDEN if each.stem == "demo"]
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    edit_events(tmp_path / ".stillroom/log.db", "trial.next_decided", '"counted":2', '"counted":9')
    outcome = type_in(tmp_path, "replay", "--redecide", "--rerun", "--json")
    assert outcome.code == 4
    found = {(row["field"], row["recorded"], row["decided"]) for row in outcome.rows if row["kind"] == "difference"}
    assert {each for each in found if each[0] == "counted"} == {("counted", "9", "2")}


async def test_a_run_that_an_earlier_version_began_goes_on_in_the_shapes_of_today(tmp_path: Path) -> None:
    """Resumed after each decision that it wrote in the old shape, it ends as it did; both shapes stand in it then."""
    whole, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(await setting(whole, base), spec())).run
    decided = [each.position async for each in whole.read(Selection(tags={"trial.next_chosen"}))]
    for position in decided[:-1]:
        older = await as_written_earlier(whole, position)
        report = await resume_run(await setting(older, base), run)
        assert report.outcomes == {"word": "solved"}
        tags = [row.tag async for page in older.rows() for row in page if row.tag.startswith("trial.next_")]
        assert {"trial.next_decided", "trial.next_chosen"} == set(tags)
        assert (await rerun(older, run)).complete
        assert (await verify(older)).sound
        assert await trial_digests(older, run) == await trial_digests(whole, run)


async def as_written_earlier(log: MemoryLog, position: int) -> MemoryLog:
    """Give a log up to a position as the version before would have left it."""
    older = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        older.put(await log.get(name))
    async for page in log.rows(Selection(until=position)):
        await older.adopt([_older(row) for row in page])
    return older


def _older(row: Row) -> Row:
    if row.tag != "trial.next_chosen":
        return row
    payload = row.payload.replace(b"trial.next_chosen", b"trial.next_decided").replace(b"null", b"0")
    return row._replace(tag="trial.next_decided", payload=payload)
