"""A log that is taken away while a run writes to it: the command says so, and where everything is."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.terminal import machine, ticking, type_in
from tests.support.runs import make_base

EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")


def deleted(log: Path) -> None:
    """As `rm` does."""
    log.unlink()


def cleaned(log: Path) -> None:
    """As `git clean -fdx` does."""
    shutil.rmtree(log.parent)


def moved(log: Path) -> None:
    """As `mv` does."""
    log.rename(log.parent / "old.db")


@pytest.mark.slow
@pytest.mark.parametrize("harm", [deleted, cleaned, moved])
@pytest.mark.parametrize("looks", [12, 30])
def test_a_run_whose_log_goes_away_does_not_end_well(harm: Callable[[Path], None], looks: int, tmp_path: Path) -> None:
    """It stops with a reason and a code of its own, and is resumed from the file that the remedy names."""
    make_base(tmp_path)
    given, tick, seen = machine(tmp_path), ticking(), 0

    def clock() -> int:
        # The log looks at it for each event: so the harm is done in the middle of the run.
        nonlocal seen
        seen += 1
        if seen == looks:
            harm(tmp_path / ".stillroom/log.db")
        return tick()

    ended = type_in(tmp_path, *EXPLORE, "--json", on=given._replace(clock=clock))
    problem = json.loads(ended.err.splitlines()[-1])
    assert (ended.code, problem["error"], problem["exit_code"]) == (5, "LogLost", 5)
    (where,) = re.findall(r"--log ([^`]+)`", problem["remedy"])
    assert type_in(tmp_path, "log", "verify", "--log", where).code == 0
    resumed = type_in(tmp_path, "resume", "@latest", "--log", where)
    assert resumed.code == 0, resumed.err
    assert type_in(tmp_path, "replay", "--log", where).code == 0
