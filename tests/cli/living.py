"""A run that was lived in a folder, for commands that look at it."""

from pathlib import Path
from typing import Any

import anyio

from engine.runtime.run import start_run
from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking
from tests.support.runs import SCRIPT, make_base, setting, spec


def lived(folder: Path, script: str = SCRIPT, **changes: Any) -> Path:
    """Live a run in a folder."""

    async def live() -> None:
        async with await SqliteLog.open(folder / ".stillroom/log.db", clock=ticking()) as log:
            await start_run(await setting(log, make_base(folder, script)), spec(**changes))

    (folder / ".stillroom").mkdir()
    anyio.run(live)
    return folder
