"""The stores of events, each in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.redaction.redactor import Redactor
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from tests.events.model import Clocked, Hand
from tests.events.samples import SECRETS, ticking


@pytest.fixture(params=["memory", "sqlite"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventLog]:
    """Each implementation in turn."""
    if request.param == "memory":
        made: EventLog = MemoryLog(clock=ticking(), redactor=Redactor(SECRETS))
    else:
        made = await SqliteLog.open(tmp_path / "log.db", clock=ticking(), redactor=Redactor(SECRETS))
    yield made
    await made.close()


@pytest.fixture(params=["memory", "sqlite"])
async def clocked(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Clocked]:
    """Each implementation in turn, with a clock that the test sets."""
    clock = Hand()
    if request.param == "memory":
        yield MemoryLog(clock=clock), clock
        return
    async with await SqliteLog.open(tmp_path / "log.db", clock=clock) as log:
        yield log, clock
