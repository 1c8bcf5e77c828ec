"""A run that is watched: whoever looks may go blind, and the run does not notice."""

import io
from functools import partial
from pathlib import Path

import pytest
from typing_extensions import override

from engine.core.history import load_histories
from engine.runtime.run import start_run
from events.store.memory import MemoryLog
from events.types.session import BackgroundFailed
from tests.cli.terminal import machine
from tests.support.orders import CountingClock
from tests.support.pretend import pretended
from tests.support.runs import SCRIPT, make_base, spec
from views.runs.live import watched
from views.terminal.screen import Screen


class ClosedTerminal(io.StringIO):
    """A terminal that was closed."""

    @override
    def isatty(self) -> bool:
        return True

    @override
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("environment", [{"TERM": "xterm"}, {"NO_COLOR": "1"}], ids=["picture", "lines"])
async def test_a_terminal_that_is_gone_ends_no_run(environment: dict[str, str], tmp_path: Path) -> None:
    """What shows progress fails; that is on record, and the trials end as they would."""
    on = machine(tmp_path, environment, terminal=True)._replace(stderr=ClosedTerminal())
    setting = pretended(MemoryLog(clock=CountingClock()), make_base(tmp_path, "delay_s = 0.1\n" + SCRIPT))
    report = await watched(setting.log, Screen(on), partial(start_run, setting, spec()))
    assert report.outcomes == {"word": "solved"}
    session = (await load_histories(setting.log, report.run)).by_stream["session"]
    found = [each.event for each in session if isinstance(each.event, BackgroundFailed)]
    assert [(each.part, each.error, each.retry_in_s) for each in found] == [("progress", "OSError", None)]
