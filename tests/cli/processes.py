"""Commands as processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio

from events.store.base import Selection
from events.store.sqlite.store import SqliteLog
from events.types.session import SessionEnded, SignalReceived
from tests.architecture.source import ROOT
from tests.cli.terminal import ticking
from tests.support.isolation import asked_for

ENVIRONMENT: Final = {
    "PATH": os.environ["PATH"],  # noqa: TID251 - a process needs its search path
    "PYTHONPATH": str(ROOT),
    **asked_for(),
}
_STOPS: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


@contextmanager
def _heeding() -> Iterator[None]:
    """Have what is started meanwhile heed signals, though whoever runs the tests ignores them.

    A script starts what runs in its background without SIGINT, ``nohup`` without SIGHUP, and children inherit that.
    """
    ignored = [each for each in _STOPS if signal.getsignal(each) is signal.SIG_IGN]
    for each in ignored:
        signal.signal(each, signal.SIG_DFL)
    try:
        yield
    finally:
        for each in ignored:
            signal.signal(each, signal.SIG_IGN)


@contextmanager
def started(
    folder: Path, *words: str, ignoring: signal.Signals | None = None, **more: str
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command, perhaps one that ignores a signal; whatever comes of it, it does not outlive the test."""
    trap = "" if ignoring is None else f"trap '' {ignoring.name.removeprefix('SIG')}; "
    with _heeding():
        run = subprocess.Popen(
            ["/bin/sh", "-c", f'{trap}exec "$@"', "sh", sys.executable, "-m", "cli", *words],
            cwd=folder, env={**ENVIRONMENT, "HOME": str(folder), **more}, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        yield run
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
        for each in (run.stdout, run.stderr):
            if each is not None:
                each.close()
        run.wait()


def heard(run: "subprocess.Popen[str]", words: str) -> str:
    """Read its stderr up to a line that holds some words, and give the line."""
    assert run.stderr is not None
    for line in run.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended with {run.wait()} before it said {words!r}")


def last_words(folder: Path) -> tuple[list[str], list[str]]:
    """Give the signals that the log's run was told of, and how its processes let go of it."""

    async def read() -> list[Any]:
        async with await SqliteLog.open(folder / ".stillroom/log.db", clock=ticking(), create=False) as log:
            return [each.event async for each in log.read(Selection())]

    events = anyio.run(read)
    signals: list[str] = [each.signal for each in events if isinstance(each, SignalReceived)]
    reasons: list[str] = [each.reason for each in events if isinstance(each, SessionEnded)]
    return signals, reasons
