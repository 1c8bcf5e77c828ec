"""Conversations, each stored once: a message is a blob, a conversation names an earlier one and what follows."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from engine.core.errors import ImageUnusable
from engine.core.scope import Scope
from engine.protocols.request import ImagePart
from events.digest import Digest, digest_of
from events.store.base import BlobStore
from events.types.model import ConversationNode

_node_decoder = msgspec.json.Decoder(ConversationNode)


class Conversation(NamedTuple):
    """A conversation as an actor holds it: its name and how large it has grown."""

    node: Digest | None
    """Blob: a `ConversationNode`. None: nothing was said yet."""
    size: int
    """Bytes of all its messages."""


EMPTY = Conversation(None, 0)
IMAGE_BYTES: Final = 50_000
"""Bytes of text that an image counts for at least where the cost of a call is bounded: as many tokens as the dearest of
the known ways to count one come to."""


class MessageImage(NamedTuple):
    """An image that a message shows."""

    data: bytes
    media_type: str
    """Such as ``image/png``."""

    @property
    def size(self) -> int:
        """Bytes that it counts for in a request: those of its base64, and never fewer than its tokens."""
        return max(IMAGE_BYTES, 4 * (len(self.data) + 2) // 3)


def message(role: str, text: str) -> bytes:
    """Write a message as it is sent."""
    return msgspec.json.encode({"role": role, "content": text})


def tool_message(call: str, text: str) -> bytes:
    """Write the result of a tool call as it is sent."""
    return msgspec.json.encode({"role": "tool", "tool_call_id": call, "content": text})


def image_message(role: str, text: str, images: Sequence[MessageImage]) -> bytes:
    """Write a message that shows images: it names them, and their bytes are blobs of their own."""
    shown = [ImagePart(digest_of(each.data), each.media_type) for each in images]
    return msgspec.json.encode({"role": role, "content": [{"type": "text", "text": text}, *shown]})


def extend(
    scope: Scope, conversation: Conversation, messages: Sequence[bytes], images: Sequence[MessageImage] = ()
) -> Conversation:
    """Say more; the earlier conversation stays as it was.

    Args:
        scope: Of the actor that talks.
        conversation: What was said so far.
        messages: What is said now.
        images: All that these messages show.

    Raises:
        ImageUnusable: An image holds the value of a known secret, without which it would not be the same image.
    """
    shown = tuple(dict.fromkeys(_kept_image(scope, each) for each in images))
    kept = tuple(scope.put_json(each) for each in messages)
    node = scope.put_json(msgspec.json.encode(ConversationNode(conversation.node, kept, shown)))
    size = sum(map(len, messages)) + sum(each.size for each in images)
    return Conversation(node, conversation.size + size)


def extend_kept(scope: Scope, conversation: Conversation, kept: tuple[Digest, ...], size: int) -> Conversation:
    """Add messages that are blobs already, such as a model's own answer."""
    node = scope.put_json(msgspec.json.encode(ConversationNode(conversation.node, kept)))
    return Conversation(node, conversation.size + size)


def _kept_image(scope: Scope, image: MessageImage) -> Digest:
    digest = digest_of(image.data)
    if scope.put(image.data) != digest:
        raise ImageUnusable(digest)
    return digest


class StoredConversation(NamedTuple):
    """A conversation, read back."""

    messages: tuple[bytes, ...]
    """The exact bytes of each, in order."""
    images: tuple[Digest, ...]
    """Blobs that they show, each once."""


_NOTHING: Final = StoredConversation((), ())


class ConversationReader:
    """Reads conversations back, remembering those it read: each turn extends the one before."""

    def __init__(self, blobs: BlobStore, *, remembered: int = 4096) -> None:
        self._blobs = blobs
        self._remembered = remembered
        self._known: dict[Digest, StoredConversation] = {}

    async def messages(self, node: Digest) -> tuple[bytes, ...]:
        """Give the exact bytes of every message, in order.

        Raises:
            BlobMissing: A part of it is gone.
        """
        return (await self.read(node)).messages

    async def read(self, node: Digest) -> StoredConversation:
        """Give every message, and which images they show.

        Raises:
            BlobMissing: A part of it is gone.
        """
        unread: list[tuple[Digest, ConversationNode]] = []
        at: Digest | None = node
        while at is not None and at not in self._known:
            part = _node_decoder.decode(await self._blobs.get(at))
            unread.append((at, part))
            at = part.before
        said = _NOTHING if at is None else self._known[at]
        for name, part in reversed(unread):
            messages = (*said.messages, *[await self._blobs.get(each) for each in part.messages])
            said = StoredConversation(
                messages, tuple(dict.fromkeys((*said.images, *part.images))) if part.images else said.images
            )
            self._remember(name, said)
        return said

    def _remember(self, node: Digest, said: StoredConversation) -> None:
        if len(self._known) >= self._remembered:
            self._known.pop(next(iter(self._known)))
        self._known[node] = said
