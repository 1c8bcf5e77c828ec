"""Facts about an item that is rolled out and scored. Stream ``item/<set>.<item>.<k>``, written by the item's actor.

An item set is read by an effect of whoever rolls its items out, so that a replay needs no folder.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.values import NamedDigest, Ratio

ItemEnding = Literal["answered", "turn_limit", "context_limit", "infrastructure", "budget", "stopped"]
"""How the rollout of an item ended.

answered: there is an answer, which may be empty. turn_limit: it took as many turns as it may, and never answered.
context_limit: the conversation grew too long for the model. infrastructure: something broke that is no doing of the
model's. budget: nothing more could be paid for. stopped: an operator stopped it. The last three are no scores.
"""


class ItemPinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item of a set, as it was read."""

    name: str
    digest: Digest
    """Blob: the item as canonical JSON, with everything that reaches the model or the scorer."""
    task_type: str | None
    """By which results are grouped. None: the set has no types."""
    family: str | None
    """Items of one family are not independent of each other. None: this one stands alone."""


class ItemsAsked(Event, frozen=True, tag="items.asked"):
    """The items of a set were asked for."""

    set: str
    """What the set is called in streams and keys."""
    format: str
    """Name of the format, which reads and scores them."""
    folder: str
    """Where its files are, as the spec has it."""
    split: Literal["train", "val", "test", "all"]
    limit: int | None
    """The first so many of them are taken, 1 or more. None: all."""
    shuffle: int | None
    """Seed of the order. None: the order of the files."""
    exclude: tuple[str, ...]
    """Names of items that are left out."""


class ItemsRead(Event, frozen=True, tag="items.read"):
    """They were read, in this order."""

    digest: Fingerprint
    """Of the set: of the names and digests of its items, in order."""
    items: tuple[ItemPinned, ...]
    shown: tuple[Digest, ...]
    """Blobs: images and folders that the items name, each once."""


class ItemsUnreadable(Event, frozen=True, tag="items.unreadable"):
    """They could not be read, or not all of them; none was left out in silence."""

    problem: str
    remedy: str


class ItemOpened(Event, frozen=True, tag="item.opened"):
    """An item is about to be rolled out under one condition."""

    set: str
    item: str
    """Its name within the set."""
    digest: Digest
    """Blob: the item as canonical JSON, what is expected included. It never reaches the model as a whole."""
    condition: Digest
    """Blob: what differs between arms, as canonical JSON."""
    way: Literal["call", "tools", "agent", "code", "steps"]
    """One call of the model; a loop in which it reads a folder; an agent in a sandbox that holds the item;
    or programs that the model writes and that run in such a sandbox; or steps in a simulated world."""
    repeat: int
    """From 1."""
    shown: tuple[Digest, ...]
    """Blobs: all that the item names, such as images."""
    folder: Digest | None
    """Blob: the files that its tools read, those of skills among them. None: it has no tools."""


class ItemAnswered(Event, frozen=True, tag="item.answered"):
    """The rollout ended with an answer."""

    answer: Digest | None
    """Blob: what the model wrote last. None: nothing, or nothing but reasoning."""
    turns: int
    """Answers of the model, from 1."""
    tool_calls: int
    """Calls of tools that were carried out."""
    files: tuple[NamedDigest, ...]
    """Blobs: files that came of it, by name."""


class ItemUnanswered(Event, frozen=True, tag="item.unanswered"):
    """The rollout ended without one."""

    ending: ItemEnding
    """Never ``answered``."""
    detail: str
    turns: int
    tool_calls: int


class ItemScored(Decided, frozen=True, tag="item.scored"):
    """What came back was scored."""

    outcome: Literal["solved", "unsolved", "infrastructure"]
    hard: bool | None
    """Whether it is right. None: infrastructure, which has no score."""
    soft: Ratio | None
    """How right it is, from 0 to 1. None: infrastructure."""
    answer: str | None
    """The answer as the scorer read it. None: there was none."""
    reasons: tuple[str, ...]
    """Why it is not solved; empty when it is."""
