"""To which calls of models a text was shown: every conversation of a log is looked through, each message once."""

from typing import Final, NamedTuple

import msgspec

from engine.core.lineage import RunPositions
from events.digest import Digest
from events.errors import BlobErased, BlobMissing
from events.store.base import EventLog, Selection
from events.types.model import ConversationNode, ModelAsked

_node: Final = msgspec.json.Decoder(ConversationNode)


class ShownText(NamedTuple):
    """A stream in which a model was shown the text."""

    run: str
    stream: str
    version: int
    """Of the first question that held it."""
    calls: int
    """Questions that held it."""


async def shown_to(log: EventLog, text: str) -> list[ShownText]:
    """Find the questions whose conversation holds a text word for word, in the order of the log.

    A message that was erased may have held it, and is passed over.
    """
    search = _Search(log, msgspec.json.encode(text.strip())[1:-1])
    found: dict[tuple[str, str], ShownText] = {}
    places = RunPositions(log)
    async for page in log.pages(Selection(tags=("model.asked",))):
        for each in page:
            if isinstance(each.event, ModelAsked) and await search.holds(each.event.conversation):
                place = (each.stream.run, each.stream.name)
                known = found.get(place) or ShownText(*place, (await places.of(each)).version, 0)
                found[place] = known._replace(calls=known.calls + 1)
    return list(found.values())


class _Search:
    """Remembers which parts of conversations hold the text: each turn goes on from the one before."""

    def __init__(self, log: EventLog, needle: bytes) -> None:
        self._log = log
        self._needle = needle
        self._parts: dict[Digest, bool] = {}
        self._messages: dict[Digest, bool] = {}

    async def holds(self, conversation: Digest) -> bool:
        """Say whether any message of a conversation holds the text."""
        passed: list[Digest] = []
        at: Digest | None = conversation
        found = False
        while at is not None and not found:
            if (known := self._parts.get(at)) is not None:
                found = known
                break
            passed.append(at)
            node = await self._read(at)
            found = node is not None and await self._any(node.messages)
            at = None if node is None else node.before
        self._parts.update(dict.fromkeys(passed, found))
        return found

    async def _read(self, part: Digest) -> ConversationNode | None:
        try:
            return _node.decode(await self._log.get(part))
        except (BlobErased, BlobMissing):
            return None

    async def _any(self, messages: tuple[Digest, ...]) -> bool:
        for each in messages:
            if each not in self._messages:
                self._messages[each] = await self._message(each)
            if self._messages[each]:
                return True
        return False

    async def _message(self, message: Digest) -> bool:
        try:
            return self._needle in await self._log.get(message)
        except (BlobErased, BlobMissing):
            return False
