"""Conversations, each stored once: a message is a blob, a conversation names an earlier one and what follows."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.scope import Scope
from events.digest import Digest
from events.log import BlobStore
from events.model import ConversationNode

_node_decoder = msgspec.json.Decoder(ConversationNode)


class Conversation(NamedTuple):
    """A conversation as an actor holds it: its name and how large it has grown."""

    node: Digest | None
    """Blob: a `ConversationNode`. None: nothing was said yet."""
    size: int
    """Bytes of all its messages."""


EMPTY = Conversation(None, 0)


def message(role: str, text: str) -> bytes:
    """Write a message as it is sent."""
    return msgspec.json.encode({"role": role, "content": text})


def tool_message(call: str, text: str) -> bytes:
    """Write the result of a tool call as it is sent."""
    return msgspec.json.encode({"role": "tool", "tool_call_id": call, "content": text})


def extend(scope: Scope, conversation: Conversation, messages: Sequence[bytes]) -> Conversation:
    """Say more; the earlier conversation stays as it was."""
    kept = tuple(scope.put(each) for each in messages)
    return extend_kept(scope, conversation, kept, sum(map(len, messages)))


def extend_kept(scope: Scope, conversation: Conversation, kept: tuple[Digest, ...], size: int) -> Conversation:
    """Add messages that are blobs already, such as a model's own answer."""
    node = scope.put(msgspec.json.encode(ConversationNode(conversation.node, kept)))
    return Conversation(node, conversation.size + size)


class ConversationReader:
    """Reads conversations back, remembering those it read: each turn extends the one before."""

    def __init__(self, blobs: BlobStore, *, remembered: int = 4096) -> None:
        self._blobs = blobs
        self._remembered = remembered
        self._known: dict[Digest, tuple[bytes, ...]] = {}

    async def messages(self, node: Digest) -> tuple[bytes, ...]:
        """Give the exact bytes of every message, in order.

        Raises:
            BlobMissing: A part of it is gone.
        """
        unread: list[tuple[Digest, ConversationNode]] = []
        at: Digest | None = node
        while at is not None and at not in self._known:
            part = _node_decoder.decode(await self._blobs.get(at))
            unread.append((at, part))
            at = part.before
        said = () if at is None else self._known[at]
        for name, part in reversed(unread):
            said = (*said, *[await self._blobs.get(each) for each in part.messages])
            self._remember(name, said)
        return said

    def _remember(self, node: Digest, said: tuple[bytes, ...]) -> None:
        if len(self._known) >= self._remembered:
            self._known.pop(next(iter(self._known)))
        self._known[node] = said
