"""Whether an environment is ready, by a health check in ``task.toml``."""

from typing import Final

import anyio

from sandbox.base import ExecResult, Sandbox
from sandbox.errors import PathRefused
from sandbox.harbor.schema import Healthcheck

_SAID: Final = 500
"""Characters of a failed check that are told."""


class NotReady(Exception):
    """Raised when a health check has failed too often in a row."""


async def until_ready(sandbox: Sandbox, check: Healthcheck) -> None:
    """Run a task's health check until it passes once.

    Failures in the start period do not count; after it, ``retries`` of them in a row are one too many.

    Raises:
        NotReady: It did not pass.
    """
    begun, failures = anyio.current_time(), 0
    while True:
        result = await _try(sandbox, check)
        if result is not None and result.exit_code == 0:
            return
        starting = anyio.current_time() - begun < check.start_period_sec
        failures = 0 if starting else failures + 1
        if failures >= max(check.retries, 1):
            told = "" if result is None else (result.stderr or result.stdout).decode(errors="replace")[-_SAID:]
            raise NotReady(f"healthcheck failed {failures} times in a row: {told.strip()}")
        await anyio.sleep(check.start_interval_sec if starting else check.interval_sec)


async def _try(sandbox: Sandbox, check: Healthcheck) -> ExecResult | None:
    """Run it once. None: its working folder is not there (yet)."""
    try:
        return await sandbox.exec(check.command, timeout_s=check.timeout_sec)
    except PathRefused:
        return None
