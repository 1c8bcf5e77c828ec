"""What a chain of causes is made of: nodes, and how each rests on the next."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from events.base import Ref
from events.digest import Digest, Fingerprint

Form = Literal["text", "prompt", "conversation", "part", "references", "provenance", "inputs"]
"""How a blob is read: as it is, or as something that names further events and blobs. A prompt is told once."""

Verified = Literal["kept", "rebuilt", "pinned", "unkept", "erased", "missing", "damaged", "differs"]
"""What became of a digest when its bytes were fetched and hashed again.

``kept``: the bytes are there and have it. ``rebuilt``: a request was built again and has it. ``pinned``: a task's
folder had it when the run began, and when the task was read. ``unkept``: its bytes were never kept, so nothing can be
said. ``erased``: removed on purpose. ``missing``, ``damaged``, ``differs``: the log does not hold what it once held.
"""
BROKEN: frozenset[Verified] = frozenset({"missing", "damaged", "differs"})


class EventLink(NamedTuple):
    """Rests on an event."""

    label: str
    to: Ref
    follow: bool = True
    """False: only named."""
    quiet: bool = False
    """True: left out where it was told before."""


class BlobLink(NamedTuple):
    """Rests on bytes."""

    label: str
    to: Digest
    form: Form = "text"


class RequestLink(NamedTuple):
    """Rests on a request that can be built again from what was asked."""

    label: str
    to: Fingerprint
    asked: Ref


class TaskLink(NamedTuple):
    """Rests on a task's folder as it was read."""

    label: str
    to: Fingerprint
    read: Ref
    """Where it is named: the event that tells of the reading."""


Link: TypeAlias = EventLink | BlobLink | RequestLink | TaskLink


class RedecidedRuling(NamedTuple):
    """A decision, made again from what it saw."""

    point: str
    """At which point, such as ``judging``."""
    revision: int | None
    """Of the point, under which the ruling was made. None: it is not known."""
    now: int | None
    """The revision of the point in this version. None: no installed package has the point."""
    revised: bool
    """Whether these two differ: then another ruling is no fault."""
    shadow: str | None
    """Name of the shadow rule or policy. None: the ruling counted."""
    policy: str
    """The method or program whose policy ruled; empty if it is not known."""
    agrees: bool | None
    """None: it cannot be made again, and `note` says why."""
    differences: tuple[str, ...]
    """Fields of the ruling that come out otherwise."""
    note: str
    rule: Mapping[str, Any]
    """The settings as they counted, by key."""
    saw: tuple[tuple[str, Any], ...]
    """The values it saw, by field; what was a text is told as bytes."""


class Node(NamedTuple):
    """One step of a chain of causes."""

    number: int
    """From 0, in the order in which they are told."""
    parent: int | None
    """Number of the node that rests on it. None: the one that was asked for."""
    depth: int
    """Steps from the one that was asked for."""
    label: str
    """In which way its parent rests on it."""
    kind: Literal["event", "blob", "request", "task"]
    id: str
    """What opens it: ``RUN:STREAM@VERSION`` or ``blob:DIGEST``; empty if nothing does."""
    tag: str
    """The kind of event; of a blob, how it is read."""
    digest: str
    verified: Verified
    trouble: str
    """Why it is not as it was; who removed it and why. Empty if it is."""
    size: int
    """Bytes of the payload or blob; 0 if they are not there."""
    text: str
    """Its beginning, or the values of the event."""
    again: RedecidedRuling | None
    """None: it is no decision."""
    told: Literal["here", "above", "elsewhere", "below"]
    """Where what it rests on is told: ``above``, it was before; ``elsewhere``, it is only named; ``below`` the depth
    that was asked for."""
