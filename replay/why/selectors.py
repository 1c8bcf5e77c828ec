"""Where to look for what an event rests on: the ways that the table in `replay.why.rules` is written in."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from events.base import Event

Kinds: TypeAlias = tuple[type[Event], ...]


class Latest(NamedTuple):
    """The last event of some kinds before it in its own stream."""

    label: str
    kinds: Kinds
    quiet: bool = False
    """Left out where it was told before: every action of an attempt runs in the same sandbox."""


class LatestSame(NamedTuple):
    """The last event of some kinds before it in its own stream that has the same value in a field."""

    label: str
    kinds: Kinds
    field: str


class Mention(NamedTuple):
    """The same, named but not followed: the chain goes another way, and each turn would else lie inside the next.

    Left out where it was told before.
    """

    label: str
    kinds: Kinds
    but: tuple[str, ...] = ()
    """Points of decision whose rulings are none of them."""


class Every(NamedTuple):
    """All events of some kinds before it in its own stream, the first one first."""

    label: str
    kinds: Kinds
    but: tuple[str, ...] = ()
    """Points of decision whose rulings are none of them."""


class Since(NamedTuple):
    """All events of some kinds since the last event of another kind; none if there is no such event."""

    label: str
    kinds: Kinds
    mark: Kinds


class NextEvent(NamedTuple):
    """The first event of some kinds behind it in its own stream."""

    label: str
    kinds: Kinds


class Opening(NamedTuple):
    """The run's first event."""

    label: str
    quiet: bool = False
    """Left out where it was told before."""


class RunPrompts(NamedTuple):
    """Texts for models with which the run began, by the beginnings of their names. Each is told once."""

    label: str
    beginnings: tuple[str, ...]


class AttemptEnd(NamedTuple):
    """How the attempt ended that it names: the verdict in the attempt's own stream."""

    label: str


class ItemWorkEnd(NamedTuple):
    """How the last attempt at the item of its stream ended, where an agent or code worked on it."""

    label: str


class TrialDecisions(NamedTuple):
    """What the trial decided that this attempt is told."""

    label: str


class TrialEnds(NamedTuple):
    """The last event of each trial of the run."""

    label: str


class ByRole(NamedTuple):
    """For whom a model was asked decides."""

    looks: Mapping[str, "tuple[Look, ...]"]
    others: "tuple[Look, ...]"
    """For roles of programs that are not known here."""


class LatestRuling(NamedTuple):
    """The last event of some kinds before it in its own stream that is no shadow's."""

    label: str
    kinds: Kinds


class StreamEnds(NamedTuple):
    """The last events of the streams that it names."""

    label: str
    streams: Callable[[Any], Iterable[str]]
    """Reads their names from the event."""


class NamedEvents(NamedTuple):
    """The events it names in its own fields, each under the field's name."""


class StreamOpening(NamedTuple):
    """The first event of its own stream, and of the run where it is that itself.

    Left out where it answers or names an event, and where the opening was told before.
    """

    label: str


Look: TypeAlias = (
    Latest
    | LatestSame
    | Mention
    | Every
    | Since
    | NextEvent
    | Opening
    | RunPrompts
    | AttemptEnd
    | ItemWorkEnd
    | TrialDecisions
    | TrialEnds
    | ByRole
    | LatestRuling
    | StreamEnds
    | NamedEvents
    | StreamOpening
)
