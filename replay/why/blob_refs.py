"""Blobs that name further blobs and events: what they lead on to."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, assert_never

import msgspec

from engine.programs.explore.policies.provenance import BlockOrigin, Provenance
from events.base import Ref
from events.digest import Digest
from events.errors import BlobMissing, LogCorrupt
from events.store.base import EventLog
from events.types.model import ConversationNode
from replay.why.nodes import BlobLink, EventLink, Link
from replay.why.seen import links_of_part, named_parts

_node: Final = msgspec.json.Decoder(ConversationNode)
_references: Final = msgspec.json.Decoder(tuple[BlockOrigin, ...])
_provenance: Final = msgspec.json.Decoder(Provenance)

ToldBefore = Callable[[Digest], bool]
"""Whether a part of a conversation was told before."""


async def opened(log: EventLog, link: BlobLink, data: bytes, told: ToldBefore) -> list[Link]:
    """List what a blob names.

    Args:
        log: Which holds what it names.
        link: How it is read.
        data: Its bytes.
        told: Where to stop going back through a conversation.

    Raises:
        msgspec.MsgspecError: It is not what it should be.
    """
    match link.form:
        case "text" | "prompt":
            return []
        case "conversation":
            return await _conversation(log, _node.decode(data), told)
        case "part":
            return _messages(_node.decode(data))
        case "references":
            return [each for block in _references.decode(data) for each in _block(block)]
        case "provenance":
            return _patch_of(data) if _is_evolved(data) else _origin(_provenance.decode(data))
        case "inputs":
            tree = msgspec.json.decode(data)
            return [each for found in named_parts(tree) for each in links_of_part(found, named=False)]
        case _:
            assert_never(link.form)


class _EvolvedOrigin(msgspec.Struct, frozen=True):
    """Side file of a skill of a library that a run evolves: of one that its author wrote, or of the suite's own."""

    family: str = ""
    patch: Digest | None = None
    suite: str = ""


_evolved: Final = msgspec.json.Decoder(_EvolvedOrigin)


def _is_evolved(data: bytes) -> bool:
    """Say whether a side file is of a library that a run evolves: it has no evidence of a single trial."""
    found = _evolved.decode(data)
    return found.patch is not None or bool(found.suite)


def _patch_of(data: bytes) -> list[Link]:
    """Name the patch that a skill came of; what its author was told is behind the check of it."""
    patch = _evolved.decode(data).patch
    return [] if patch is None else [BlobLink("patch", patch)]


async def _conversation(log: EventLog, node: ConversationNode, told: ToldBefore) -> list[Link]:
    """Lay a conversation out flat, the first part first, back to where it was told."""
    parts: list[Link] = []
    at = node.before
    while at is not None:
        known = told(at)
        parts.append(BlobLink("goes on from" if known else "earlier part", at, "conversation" if known else "part"))
        at = None if known else await _before(log, at)
    return [*reversed(parts), *_messages(node)]


async def _before(log: EventLog, part: Digest) -> Digest | None:
    """Read which part stands before one; one that is gone is told as such where it is followed."""
    try:
        return _node.decode(await log.get(part)).before
    except (BlobMissing, LogCorrupt):
        return None


def _messages(node: ConversationNode) -> list[Link]:
    return [
        *(BlobLink("message", each) for each in node.messages),
        *(BlobLink("image", each) for each in node.images),
    ]


def _block(block: BlockOrigin) -> Iterator[Link]:
    """Name a block of evidence, and each event that lines of it rest on."""
    yield BlobLink(f"block {block.block}", block.digest)
    spans: dict[Ref, list[tuple[int, int]]] = {}
    for claim in block.claims:
        for ref in claim.events:
            spans.setdefault(ref, []).append((claim.first_line, claim.last_line))
    for ref, lines in spans.items():
        yield EventLink(f"{block.block} {lines_of(lines)}", ref)


def lines_of(spans: Sequence[tuple[int, int]]) -> str:
    """Name some lines by their first and last ones; spans that touch are one."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    told = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in joined)
    return f"line {told}" if told.isdigit() else f"lines {told}"


def _origin(said: Provenance) -> list[Link]:
    blocks = [BlobLink(f"block {each.block}", each.digest) for each in said.evidence]
    return [EventLink("answer", said.answered), BlobLink("SKILL.md", said.skill_md), *blocks]
