"""Signals to a running run, and the acknowledgement of its owner."""

from typing import Final

import msgspec
from rich.text import Text

from engine.core.errors import RunNotAlive
from engine.core.lineage import CONTROL
from engine.runtime import control
from engine.runtime.control import Order
from events.base import StreamId
from events.codec import tag_of
from events.errors import ExitCode
from events.store.base import Selection
from views.terminal.host import Host
from views.terminal.log_access import OpenedLog

PATIENCE_S: Final = 10.0
"""Seconds to wait for the owner's acknowledgement; it polls four times a second."""


class OrderRow(msgspec.Struct, frozen=True, tag_field="kind", tag="order"):
    """A signal and its result."""

    run: str
    order: str
    """Tag of its event, such as ``control.pause_ordered``."""
    version: int
    """Its version in the stream ``control``."""
    done: bool
    detail: str


def login(machine: Host) -> str:
    """Return the login name of the user."""
    known = (machine.environment.get(name) for name in ("USER", "LOGNAME"))
    return next((name for name in known if name), "unknown")


async def is_paused(desk: OpenedLog, run: str) -> bool:
    """Return whether a process owns the run and has been told to pause."""
    try:
        await control.check_alive(desk.log, run, desk.machine.clock())
    except RunNotAlive:
        return False
    stream = StreamId(run, CONTROL)
    return control.paused([each async for each in desk.log.read(Selection(stream=stream))])


async def tell(desk: OpenedLog, run: str, order: Order) -> ExitCode:
    """Send a signal and show its result.

    Raises:
        RunUnknown: There is no such run.
        RunNotAlive: No process owns it, or its owner does not acknowledge the signal.
    """
    log = desk.writable()
    given = await control.give(log, run, order, now_us=desk.machine.clock())
    met = await control.outcome_of(log, run, given, within_s=PATIENCE_S)
    if met is None:
        raise RunNotAlive(run, f"the signal was recorded, but the owner did not acknowledge it within {PATIENCE_S:g} s")
    desk.screen.draw(OrderRow(run, tag_of(order), given.version, met.done, met.detail), render)
    return ExitCode.DONE if met.done else ExitCode.NEGATIVE


def render(row: OrderRow) -> Text:
    """Render it as one line."""
    return Text(f"run {row.run}: {row.detail}", style="" if row.done else "yellow")
