"""Chains of causes, walked to their end: for every decision of a run, and for every event of it."""

from typing import NamedTuple

from engine.core.history import load_histories
from events.base import Recorded, Ref
from events.store.base import EventLog
from events.types.decision import Decided
from replay.why.graph import Chain
from replay.why.nodes import BROKEN, Node


class Walked(NamedTuple):
    """What every chain of a run came to, together."""

    chains: int
    nodes: int
    digests: set[str]
    broken: list[Node]
    differ: list[Node]
    """Decisions that come out otherwise, or cannot be made again."""
    decisions: int
    """Different ones that were met."""


async def chain(log: EventLog, run: str, at: Ref, depth: int | None = None) -> list[Node]:
    """Walk one."""
    return [node async for node in Chain(log, run, depth=depth).walk(at)]


async def decided(log: EventLog, run: str) -> list[Recorded]:
    """List the events of a run that record a decision."""
    streams = (await load_histories(log, run)).by_stream.values()
    return [each for history in streams for each in history if isinstance(each.event, Decided)]


async def walked(log: EventLog, run: str) -> Walked:
    """Walk the chain of every decision of a run."""
    all_, chains = await decided(log, run), Chain(log, run)
    nodes = [node for each in all_ async for node in chains.walk(each.ref)]
    return Walked(
        chains=len(all_),
        nodes=len(nodes),
        digests={node.digest for node in nodes},
        broken=[node for node in nodes if node.verified in BROKEN],
        differ=[node for node in nodes if node.again is not None and not node.again.agrees],
        decisions=len({node.id for node in nodes if node.again is not None}),
    )
