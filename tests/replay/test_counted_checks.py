"""What a verifier checked is decided: history counts, whatever is read of the same report today."""

from pathlib import Path
from typing import Any

import msgspec

from engine.core.decision import Reruled
from engine.programs.explore.points import CHECKS
from engine.runtime.run import resume_run, start_run
from events.base import Ref
from events.store.base import Row, Selection
from events.store.memory import MemoryLog
from replay.ledger import read_ledger
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs
from tests.support.earlier import as_written_by_323f770
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

COUNTED = frozenset({"attempt.judged", "trial.attempt_concluded"})


async def counted_otherwise(log: MemoryLog) -> MemoryLog:
    """Give the log of a version that read seven checks in a verifier's report, all of them passed."""
    other = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        other.put(await log.get(name))
    async for page in log.rows():
        await other.adopt([_counted(row) for row in page])
    return other


def _counted(row: Row) -> Row:
    fields: dict[str, Any] = msgspec.json.decode(row.payload)
    if row.tag not in COUNTED:
        return row
    return row._replace(payload=msgspec.json.encode(fields | {"passed": 7, "total": 7}))


async def test_what_an_earlier_version_counted_steers_its_run(tmp_path: Path) -> None:
    """It comes out the same again, is resumed with what it holds, and says what this version counts."""
    whole, base = MemoryLog(clock=Ticking()), make_base(tmp_path, SCRIPT)
    run = (await start_run(await setting(whole, base), spec(method={"attempts": 1}))).run
    judged = [each.position async for each in whole.read(Selection(tags={"attempt.judged"}))]
    log = await counted_otherwise(await as_written_by_323f770(whole, judged[0]))
    await resume_run(await setting(log, base), run)
    again = await rerun(log, run)
    assert again.complete
    (note,) = [each for each in again.notes if isinstance(each, Reruled) and each.point == "checks"]
    assert (note.recorded["passed"], note.decided["passed"]) == (7, 0)
    assert (note.recorded_revision, note.revision) == (1, CHECKS.revision)
    (entry,) = [each for each in (await read_ledger(log, run)).entries if each.name == "checks"]
    assert (entry.silent, entry.revision, entry.ruling.passed) == (True, 1, 7)


async def test_a_run_of_today_records_the_count_with_what_it_was_read_from(tmp_path: Path) -> None:
    """Its verdict holds the same figures."""
    log, base = MemoryLog(clock=Ticking()), make_base(tmp_path, SCRIPT)
    run = (await start_run(await setting(log, base), spec())).run
    entries = [each for each in (await read_ledger(log, run)).entries if each.name == "checks"]
    assert [(each.silent, each.revision, each.missing) for each in entries] == [(False, CHECKS.revision, "")] * 2
    assert all(isinstance(each.saw.printed.at, Ref) for each in entries)
