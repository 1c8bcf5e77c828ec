"""Logs as 323f770 left them: without decisions of their own, and without what each was made from."""

from collections import Counter
from typing import Any

import msgspec

from engine.programs.explore.rulings import NO_HINT
from events.base import Ref
from events.store.base import Row, Selection
from events.store.memory import MemoryLog
from tests.engine.runtime.test_resume import all_blobs
from tests.support.worlds import Ticking

SINCE = frozenset({"inputs", "rule", "point_revision", "then", "shape", "program", "verified"})
"""Fields that it did not know; all of them may be missing."""


async def as_written_by_323f770(log: MemoryLog, until: int) -> MemoryLog:
    """Give a log up to a position as that version would have left it.

    Args:
        log: Of a run of today, without installed agents and distillation up to there.
        until: Position of the last event that is kept.
    """
    older = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        older.put(await log.get(name))
    versions: Counter[tuple[str, str]] = Counter()
    moved: dict[tuple[str, Ref], Ref] = {}
    kept: list[Row] = []
    async for page in log.rows(Selection(until=until)):
        for row in page:
            fields: dict[str, Any] = msgspec.json.decode(row.payload)
            if row.tag.startswith("decision.made") or fields.get("reason") == NO_HINT:
                continue
            versions[row.run, row.name] += 1
            version = versions[row.run, row.name]
            moved[row.run, Ref(row.name, row.version)] = Ref(row.name, version)
            cause = None if row.cause is None else moved[row.run, msgspec.json.decode(row.cause, type=Ref)]
            payload = msgspec.json.encode({name: value for name, value in fields.items() if name not in SINCE})
            encoded = None if cause is None else msgspec.json.encode(cause)
            kept.append(row._replace(version=version, cause=encoded, payload=payload))
    await older.adopt(kept)
    return older
