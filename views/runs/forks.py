"""What a fork would share, before anything is spent."""

from typing import Final

import msgspec

from engine.core.history import load_histories
from engine.runtime.fork import Cut, Fork, at_event, before_attempt, only_trial
from events.store.base import EventLog
from events.types.session import SettingChange
from views.terminal.errors import UsageWrong
from views.terminal.tables import RecordView


class ForkRow(msgspec.Struct, frozen=True, tag_field="kind", tag="fork"):
    """A fork that was looked at, and not made."""

    parent: str
    position: int
    """Last position of the log that would be shared."""
    streams: int
    events: int
    """Shared by reference."""
    in_flight: tuple[str, ...]
    """Effects that would be asked again, as stream@version."""
    changes: tuple[SettingChange, ...]


async def position_of(log: EventLog, run: str, at: int | None, attempt: str | None) -> int:
    """Find where a person wants to cut.

    Raises:
        UsageWrong: Neither or both are given, or an attempt is not written as TRIAL/N.
        NotForkable: There is no such attempt, or the position is not one of the run's.
    """
    if (at is None) == (attempt is None):
        raise UsageWrong("no fork position given", remedy="pass either --at POSITION or --attempt TRIAL/N")
    histories = await load_histories(log, run)
    if at is not None:
        return at_event(histories, run, at)
    trial, _, number = (attempt or "").rpartition("/")
    if not number.isdecimal():
        raise UsageWrong(f"--attempt {attempt} is not TRIAL/N", remedy="write for example --attempt greet/2")
    return before_attempt(histories, run, trial or only_trial(histories, run), int(number))


def fork_row(fork: Fork, cut: Cut) -> ForkRow:
    """Put what was found on one row."""
    return ForkRow(fork.parent, fork.position, cut.streams, cut.events, cut.in_flight, fork.changes)


FORK: Final = RecordView(
    ForkRow,
    ("fork of", lambda row: row.parent),
    ("shared", lambda row: f"{row.events} events of {row.streams} streams, up to position {row.position}"),
    ("repeated calls", lambda row: row.in_flight or "nothing"),
    ("changed", lambda row: "; ".join(f"{e.key}: {e.before} -> {e.now}" for e in row.changes) or "no changes"),
)
