"""What a fork would share, before anything is spent."""

from typing import Final, Protocol

import msgspec

from engine.core.history import RunHistory, load_histories
from engine.runtime.fork import Cut, Fork, at_event, before_attempt, only_trial
from events.base import Ref
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


class EventPlace(Protocol):
    """An event of a run."""

    @property
    def at(self) -> Ref:
        """Its place."""


class EventFinder(Protocol):
    """Finds the event that a text means, as `why` takes it."""

    async def __call__(self, log: EventLog, text: str, /) -> EventPlace:
        """Find it.

        Raises:
            IdUnknown, IdAmbiguous: There is none, or there are several.
        """


async def position_of(log: EventLog, run: str, at: str | None, attempt: str | None, find: EventFinder) -> int:
    """Find where a person wants to cut.

    Args:
        log: Which holds the run.
        run: That is forked.
        at: A position, or the name of an event of the run. None: an attempt is named.
        attempt: Before which is cut, as TRIAL/N. None: an event is named.
        find: Finds events by their names.

    Raises:
        UsageWrong: Neither or both are given, or an attempt is not written as TRIAL/N.
        IdUnknown, IdAmbiguous: There is no such edit or event, or there are several.
        NotForkable: There is no such attempt, or the position is not one of the run's.
    """
    if (at is None) == (attempt is None):
        raise UsageWrong(
            "no fork position given", remedy="pass either --at POSITION, or --at s2 of a training, or --attempt TRIAL/N"
        )
    histories = await load_histories(log, run)
    if at is not None:
        return at_event(
            histories, run, int(at) if _is_number(at) else _position(histories, await find(log, _within(run, at)))
        )
    trial, _, number = (attempt or "").rpartition("/")
    if not number.isdecimal():
        raise UsageWrong(f"--attempt {attempt} is not TRIAL/N", remedy="write for example --attempt greet/2")
    return before_attempt(histories, run, trial or only_trial(histories, run), int(number))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _within(run: str, name: str) -> str:
    return name if name.startswith(f"{run}:") else f"{run}:{name}"


def _position(histories: RunHistory, place: EventPlace) -> int:
    return histories.by_stream[place.at.stream][place.at.version - 1].position


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
