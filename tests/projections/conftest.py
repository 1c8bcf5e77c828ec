"""Logs for projections' tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An empty log in a file."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as opened:
        yield opened
