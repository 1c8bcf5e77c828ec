"""Stories of a run in one process and orders typed in another."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.core.system import clock
from tests.cli.terminal import machine, type_in
from tests.engine.runtime.test_control import SLOW
from tests.support.isolation import sandbox_here
from tests.support.runs import make_base

SPEC = """
tasks = "tasks"
concurrency = 1
[models.teacher]
model = "teacher"
base_url = "script:script.toml"
"""


def typed(folder: Path, *words: str) -> tuple[int, Any]:
    """Type a command on the real clock; give its code and the row it printed."""
    outcome = type_in(folder, *words, "--json", on=machine(folder)._replace(clock=clock))
    return outcome.code, outcome.rows[0] if outcome.rows else outcome.err


def ordered(folder: Path, *words: str) -> tuple[int, Any]:
    """Give an order as soon as there is a run that can be given one."""
    end = time.monotonic() + 30
    while True:
        code, row = typed(folder, *words)
        if isinstance(row, dict) or time.monotonic() > end:
            return code, row


@pytest.mark.slow
def test_a_run_is_tuned_paused_and_cancelled_from_another_terminal(tmp_path: Path) -> None:
    """Each order is met while its command waits, says so, and names who gave it."""
    make_base(tmp_path, SLOW, "slow", "word")
    (tmp_path / "run.toml").write_text(SPEC)
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "run", "run.toml", "--plain", "--sandbox", sandbox_here()],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        began = ordered(tmp_path, "pause", "@latest", "--reason", "lunch", "--author", "ada")
        assert began[1]["detail"] == "paused; no new calls start"
        assert typed(tmp_path, "pause", "@latest")[0] == 3
        assert typed(tmp_path, "resume", "@latest")[1]["detail"] == "running"
        assert typed(tmp_path, "tune", "@latest", "--set", "concurrency=2")[1]["detail"] == "concurrency = 2"
        code, refused = typed(tmp_path, "tune", "@latest", "--set", "agent.max_turns=2")
        assert (code, "cannot be changed in a running run" in refused) == (2, True)
        assert typed(tmp_path, "cancel", "@latest", "slow")[1]["done"] is True
        out, _ = run.communicate(timeout=30)
    assert run.returncode == 11, "a person's doing is no failure of the infrastructure"
    assert "word" in out
    code, refused = typed(tmp_path, "pause", "@latest")
    assert (code, "has ended" in refused, "resume" in refused) == (2, True, False)
    _, event = typed(tmp_path, "show", "@latest:control@1")
    assert (event["event"]["author"], event["event"]["reason"]) == ("ada", "lunch")
