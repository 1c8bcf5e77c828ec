"""Runs that a process holds, or held: who it is, since when, whether it is heard of, and what a person may do."""

import os
import socket
from pathlib import Path

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.views.histories import opened, record, trial_opened


def hold(folder: Path, owner: str, *, ttl_s: float) -> None:
    """Leave a log in which somebody has taken up a run that is not at its end."""

    async def tell() -> None:
        async with await SqliteLog.open(folder / ".stillroom/log.db", clock=ticking()) as log:
            await log.acquire("r1", owner, ttl_s=ttl_s)
            await record(log, "r1", [*opened(log, "greet"), trial_opened("greet")])

    (folder / ".stillroom").mkdir()
    anyio.run(tell)


@pytest.mark.parametrize(("ttl_s", "silent_s", "told"), [(25, 5, False), (5, 25, True)])
def test_a_process_that_holds_a_run_is_named_and_told_of_when_it_has_fallen_silent(
    ttl_s: float, silent_s: int, *, told: bool, tmp_path: Path
) -> None:
    """One that lives says so three times within a lease; one that has missed two of these may be gone."""
    hold(tmp_path, "elsewhere:7:1", ttl_s=ttl_s)
    (row,) = type_in(tmp_path, "runs", "--json").rows
    assert (row["state"], row["owner"], round(row["silent_s"])) == ("running", "elsewhere:7:1", silent_s)
    assert row["owned_since"] == pytest.approx(row["started_at"], abs=1e6)
    drawn = " ".join(type_in(tmp_path, "runs").out.split())
    assert "running in elsewhere:7" in drawn
    said = "r1: owned by elsewhere:7:1 since 2026-09-21 14:13:20 UTC, no heartbeat for 25 s"
    assert (said in drawn) == told
    assert ("`stillroom resume r1 --take-over`" in drawn) == told


def test_a_process_of_this_machine_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    """Its lease has not run out, but it can be seen to have ended: its id belongs to a process that began later."""
    hold(tmp_path, f"{socket.gethostname()}:{os.getpid()}:1", ttl_s=25)
    (row,) = type_in(tmp_path, "runs", "--json").rows
    assert (row["state"], row["owner"], row["owned_since"], row["silent_s"]) == ("cut off", None, None, None)
