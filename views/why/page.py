"""A chain of causes as a page: one file that needs nothing else, for those who have no log at hand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from events.digest import Digest
from events.errors import BlobErased, BlobMissing, LogCorrupt
from events.store.base import EventLog
from replay.why.nodes import Verified
from replay.why.plain_values import plain, plain_name
from views.terminal.pages import page_template
from views.why.rows import CheckedRow, NodeRow

SHORT: Final = len("blob:") + 12
"""Characters of a blob's id that are shown in the tree; its whole id stands with its bytes."""
MOST_BYTES: Final = 256 * 1024
"""Of each blob that a page holds; it says how many more there are."""


class PageBlob(NamedTuple):
    """The bytes of a blob, as text."""

    anchor: str
    digest: Digest
    size: int
    text: str
    rest: int
    """Bytes that are left out."""


class PageNode(NamedTuple):
    """A node as the page draws it."""

    row: NodeRow
    id: str
    values: Sequence[tuple[str, str]]
    """What the event says, by field; which rule decided, and what it saw."""
    body: str | None
    """Where on the page its bytes are. None: they are not."""
    above: int | None
    """The node that lists its causes. None: it lists them itself, or has none."""
    below: "Sequence[PageNode]"


async def bodies_of(log: EventLog, nodes: Iterable[NodeRow]) -> list[PageBlob]:
    """Fetch the bytes of every blob that is told of, each once; what is gone is left out, since its node says so."""
    digests = dict.fromkeys(Digest(node.digest) for node in nodes if node.kind == "blob" and not node.trouble)
    found: list[PageBlob] = []
    for digest in digests:
        try:
            data = await log.get(digest)
        except (BlobErased, BlobMissing, LogCorrupt):
            continue
        shown = data[:MOST_BYTES].decode(errors="replace")
        found.append(PageBlob(f"b{digest[:16]}", digest, len(data), shown, max(0, len(data) - MOST_BYTES)))
    return found


def page(
    nodes: Sequence[NodeRow], checked: CheckedRow, bodies: Sequence[PageBlob], words: Mapping[Verified, str], said: str
) -> str:
    """Draw the page.

    Args:
        nodes: In the order in which they are told.
        checked: What became of the whole chain.
        bodies: The bytes that it holds.
        words: What to call what became of a digest.
        said: What all of it comes to, in a paragraph.
    """
    anchors = {str(body.digest): body.anchor for body in bodies}
    verified = [(words[name], checked.verified[name]) for name in words if name in checked.verified]
    roots = _steps(nodes, anchors, checked.target.partition(":")[0])
    template = page_template("views.why", "why.html.j2")
    return template.render(said=said, roots=roots, checked=checked, bodies=bodies, verified=verified)


def _steps(nodes: Sequence[NodeRow], anchors: Mapping[str, str], run: str) -> list[PageNode]:
    """Nest the nodes: the last ones first, since each holds those below it."""
    below: dict[int | None, list[PageNode]] = {}
    told = {node.id: node.node for node in reversed(nodes) if node.told == "here"}
    for node in reversed(nodes):
        step = PageNode(
            row=node,
            id=node.id[:SHORT] if node.kind == "blob" else node.id.removeprefix(f"{run}:"),
            values=_values(node),
            body=anchors.get(node.digest) if node.kind == "blob" else None,
            above=told.get(node.id) if node.told == "above" else None,
            below=below.pop(node.node, [])[::-1],
        )
        below.setdefault(node.parent, []).append(step)
    return below.get(None, [])[::-1]


def _values(node: NodeRow) -> list[tuple[str, str]]:
    """Say what an event says, and what a decision saw."""
    said = [] if node.kind == "blob" or not node.text else [("says", node.text)]
    again = node.decision
    if again is None:
        return said
    parts: list[tuple[str, Mapping[str, Any]]] = [("rule", again.rule), ("saw", again.saw)]
    return said + [(name, _listed(values)) for name, values in parts if values]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain_name(key)} = {_quoted(key, value)}" for key, value in values.items())


def _quoted(name: str, value: object) -> str:
    """Write a value as people read it; a text is quoted, so that it has an end."""
    return msgspec.json.encode(value).decode() if isinstance(value, str) else plain(name, value)
