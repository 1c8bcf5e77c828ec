"""Stories of the crash test: processes killed by SIGKILL on the machine at hand."""

from pathlib import Path

import pytest

from engine.core.system import clock
from engine.runtime.environment import ProcessEnvironment
from events.errors import StillroomError
from replay.crash.matrix import Crash, crash_test
from tests.support.isolation import sandbox_here


def means(folder: Path) -> ProcessEnvironment:
    """Give what the processes are given."""
    return ProcessEnvironment({}, folder, folder / "log.db", folder / "sandboxes", clock, "test")


@pytest.mark.slow
async def test_a_killed_process_is_found_out_and_its_run_ends_as_if_it_had_lived(tmp_path: Path) -> None:
    """An answer had come and was not recorded: the next process asks again, and says so."""
    told: list[Crash] = []
    deaths = [("after", "effect", "model.asked"), ("before", "append", "no.such")]
    found = await crash_test(means(tmp_path), tmp_path, sandbox_here(), told=told.append, deaths=deaths)
    assert [(crash.place, crash.killed, crash.resumed, crash.wrong) for crash in found] == [
        ("after effect model.asked", True, True, ())
    ]
    assert told == found


@pytest.mark.slow
async def test_a_killed_process_whose_sandbox_is_made_again_loses_no_trial(tmp_path: Path) -> None:
    """Killed with a command answered and not recorded: another sandbox is brought to where the dead one was."""
    deaths = [("before", "append", "action.observed")]
    found = await crash_test(
        means(tmp_path), tmp_path, sandbox_here(), told=lambda _: None, deaths=deaths, on_loss="rebuild"
    )
    assert [(crash.killed, crash.resumed, crash.lost, crash.wrong) for crash in found] == [(True, True, 0, ())]


@pytest.mark.slow
async def test_a_machine_on_which_nothing_runs_is_told_so_before_anything_is_killed(tmp_path: Path) -> None:
    """A backend that is not there is no crash that went wrong."""
    nowhere = means(tmp_path)._replace(environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    with pytest.raises(StillroomError, match="even without a kill"):
        await crash_test(nowhere, tmp_path, "docker", told=lambda _: None)
