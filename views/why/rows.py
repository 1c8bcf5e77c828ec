"""A chain of causes as rows: one for each step, and what became of all of them."""

from typing import Any

import msgspec

from replay.why.nodes import BROKEN, Node, RedecidedRuling


class AgainRow(msgspec.Struct, frozen=True):
    """A decision, re-evaluated from its recorded inputs."""

    point: str
    revision: int | None
    """Of the point, under which the ruling was made. None: it is not known."""
    now: int | None
    """The revision of the point in this version. None: no installed package has the point."""
    shadow: str | None
    """Name of the shadow rule or policy. None: the ruling counted."""
    policy: str
    """The method or program whose policy ruled; empty if it is not known."""
    agrees: bool | None
    """None if it cannot be re-evaluated; `note` says why. False where `now` differs from `revision` is not an error."""
    differences: tuple[str, ...]
    """Fields of the ruling that come out otherwise."""
    note: str
    rule: dict[str, Any]
    """The settings as they counted, by key."""
    saw: dict[str, Any]
    """The values it saw, by field; what was a text is a step of its own."""


class NodeRow(msgspec.Struct, frozen=True, tag_field="row", tag="node"):
    """One step of a chain of causes; what it rests on are the nodes whose parent it is."""

    node: int
    """From 0, in output order."""
    parent: int | None
    """The node that rests on it. None: the one that was asked for."""
    depth: int
    label: str
    """In which way its parent rests on it."""
    kind: str
    """event, blob, request or task."""
    id: str
    """What `show` opens, and for an event `why` too."""
    tag: str
    """The kind of event; of a blob, how it is read."""
    digest: str
    verified: str
    """kept, rebuilt, pinned, unkept, erased, missing, damaged or differs: seen by hashing the bytes again."""
    trouble: str
    """Why it is not as it was; empty if it is."""
    bytes: int
    text: str
    """Its beginning, or the values of the event."""
    told: str
    """Where its causes are listed: here; above, if listed before; elsewhere, if only referenced; below the requested
    depth."""
    decision: AgainRow | None


class CheckedRow(msgspec.Struct, frozen=True, tag_field="row", tag="checked"):
    """Verification result of a whole chain, including parts not shown."""

    target: str
    nodes: int
    digests: int
    """Different ones."""
    verified: dict[str, int]
    """Nodes by verification result of their digests."""
    decisions: int
    """Different ones on the chain."""
    agree: int
    """Decisions among them that were re-evaluated with the recorded result."""
    differ: tuple[str, ...]
    """Ids of those that came out otherwise, though their point is the one that ruled."""
    revised: tuple[str, ...]
    """Ids of those that come out otherwise since their point was revised; that is no fault."""
    broken: tuple[str, ...]
    """The first hundred nodes whose bytes are missing, damaged or others."""


class Checking:
    """Counts while a chain is walked; holds digests and ids, never bytes."""

    def __init__(self, target: str) -> None:
        self.first: tuple[str, str] | None = None
        """The first node that is broken, by id, and why. None: none is."""
        self.lost = 0
        """Nodes that are broken."""
        self._target = target
        self._nodes = 0
        self._digests: set[str] = set()
        self._verified: dict[str, int] = {}
        self._decided: dict[str, RedecidedRuling] = {}
        self._broken: list[str] = []

    def see(self, node: Node) -> None:
        """Take a node in."""
        self._nodes += 1
        if node.digest:
            self._digests.add(node.digest)
        self._verified[node.verified] = self._verified.get(node.verified, 0) + 1
        if node.again is not None:
            self._decided[node.id] = node.again
        if node.verified in BROKEN:
            name = node.id if node.kind in {"event", "blob"} else f"the {node.kind} of {node.id}"
            self.first = self.first or (name, node.trouble)
            self.lost += 1
            if len(self._broken) < 100:
                self._broken.append(name)

    def row(self) -> CheckedRow:
        """Sum it up."""
        return CheckedRow(
            target=self._target,
            nodes=self._nodes,
            digests=len(self._digests),
            verified=self._verified,
            decisions=len(self._decided),
            agree=sum(1 for again in self._decided.values() if again.agrees),
            differ=self._otherwise(revised=False),
            revised=self._otherwise(revised=True),
            broken=tuple(self._broken),
        )

    def _otherwise(self, *, revised: bool) -> tuple[str, ...]:
        return tuple(
            place for place, again in self._decided.items() if again.agrees is False and again.revised == revised
        )


def node_row(node: Node) -> NodeRow:
    """Give a step as it is printed."""
    return NodeRow(
        node=node.number,
        parent=node.parent,
        depth=node.depth,
        label=node.label,
        kind=node.kind,
        id=node.id,
        tag=node.tag,
        digest=node.digest,
        verified=node.verified,
        trouble=node.trouble,
        bytes=node.size,
        text=node.text,
        told=node.told,
        decision=None if node.again is None else again_row(node.again),
    )


def again_row(again: RedecidedRuling) -> AgainRow:
    """Give a decision as it is printed."""
    return AgainRow(
        point=again.point,
        revision=again.revision,
        now=again.now,
        shadow=again.shadow,
        policy=again.policy,
        agrees=again.agrees,
        differences=again.differences,
        note=again.note,
        rule=dict(again.rule),
        saw=dict(again.saw),
    )
