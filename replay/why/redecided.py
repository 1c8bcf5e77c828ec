"""Decisions on a chain of causes, made again: from the inputs that were recorded, by the policies that made them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.config.program_registry import known_points, policy_source
from events.base import Recorded, Ref
from events.codec import tag_of
from events.errors import BlobMissing, LogCorrupt, StillroomError
from events.store.base import EventLog
from events.store.blob_refs import named_blobs
from events.types.decision import Decided, DecisionMade, Earlier, Seen, Text
from replay.ledger import Ledger, LedgerEntry, read_ledger
from replay.redecide import Redecided, redecided
from replay.reevaluation import Reevaluator
from replay.why.loader import Past, part_of
from replay.why.nodes import Link, RedecidedRuling
from replay.why.seen import NamedPart, joined, links_of_part, named_parts, values_seen


class ExplainedDecision(NamedTuple):
    """A decision, and what it saw."""

    again: RedecidedRuling
    links: tuple[Link, ...]
    """The events and blobs that held its inputs, each called by its field, in the order of the story."""


class _Known(NamedTuple):
    """A ledger that was read."""

    ledger: Ledger
    evaluator: Reevaluator
    entries: Mapping[Ref, LedgerEntry]


class Decisions:
    """Those of a run. Their ledger is read when the first decision of a trial is met."""

    def __init__(self, log: EventLog, past: Past) -> None:
        self._log = log
        self._past = past
        self._part: str | None = None
        self._begun = False
        self._known: _Known | None = None
        self._trouble = ""

    async def of(self, recorded: Recorded) -> ExplainedDecision | None:
        """Make again what an event decided. None: it decided nothing, or nobody knows what it saw."""
        event, part = recorded.event, part_of(recorded.stream.name)
        if not isinstance(event, Decided):
            return None
        whole = self._known is not None and self._known.ledger.source == "rerun"
        if (part != self._part or not self._begun) and not whole:
            self._part, self._begun = part, True
            await self._read(part)
        if self._known is None:
            return ExplainedDecision(self._untold(event), ()) if _decides(event) else None
        entry = self._known.entries.get(recorded.ref)
        if entry is None:
            return None
        made = await _made(self._known, entry)
        tree = _tree(entry)
        return ExplainedDecision(_again(made, tree, self._known.ledger), tuple(await self._links(tree)))

    async def _read(self, part: str | None) -> None:
        self._known, self._trouble = None, ""
        try:
            ledger = await read_ledger(self._log, self._past.run, part)
        except StillroomError as error:
            self._trouble = f"its decisions cannot be re-evaluated: {error.problem}"
            return
        entries = {each.at: each for each in ledger.entries if not each.silent}
        self._known = _Known(ledger, Reevaluator(self._log, ledger.eras, ledger.blobs), entries)

    def _untold(self, event: Decided) -> RedecidedRuling:
        point = event.point if isinstance(event, DecisionMade) else tag_of(event)
        return RedecidedRuling(point, None, None, False, None, "", None, (), self._trouble, {}, ())

    async def _links(self, tree: Mapping[str, Any]) -> list[Link]:
        """Name what held each part of the inputs, once, what came first in the log first."""
        placed: dict[Ref, list[Link]] = {}
        positions: dict[Ref, int] = {}
        for found in named_parts(tree):
            at = _source(found)
            source = await self._past.at(at)
            positions[at] = 0 if source is None else source.position
            placed.setdefault(at, []).extend(links_of_part(found, named=source is not None and _names(source, found)))
        return [link for at in sorted(placed, key=positions.__getitem__) for link in joined(placed[at])]


async def _made(known: _Known, entry: LedgerEntry) -> Redecided:
    try:
        return await redecided(known.evaluator, entry, known.ledger.era(entry).policies)
    except (BlobMissing, LogCorrupt) as error:  # whoever follows the chain meets the damage where it is
        return Redecided(entry, {}, {}, error.problem, erased=False)


def _source(found: NamedPart) -> Ref:
    return found.part.seen if isinstance(found.part, Seen) else found.part.at


def _names(source: Recorded, found: NamedPart) -> bool:
    """Say whether an event names the bytes of a part; inputs of an event that records none are of our own making."""
    match found.part:
        case Text() as part:
            return part.text in named_blobs(source.event)
        case Earlier() as part:
            return isinstance(source.event, Decided) and source.event.inputs in {part.earlier, None}
        case _:
            return True


def _decides(event: Decided) -> bool:
    """Say whether an event records a decision of a point that is known."""
    return isinstance(event, DecisionMade) or any(each.ruling_in(event) is not None for each in known_points().values())


def _tree(entry: LedgerEntry) -> Mapping[str, Any]:
    """Give inputs as JSON has them; nothing where they are gone."""
    tree: Mapping[str, Any] = {} if entry.saw is None else msgspec.json.decode(msgspec.json.encode(entry.saw))
    return tree


def _again(made: Redecided, tree: Mapping[str, Any], ledger: Ledger) -> RedecidedRuling:
    entry = made.entry
    rule = {} if entry.rule is None else msgspec.to_builtins(entry.rule)
    return RedecidedRuling(
        point=entry.name,
        revision=entry.revision,
        now=None if entry.point is None else entry.point.revision,
        revised=made.revised,
        shadow=entry.shadow,
        policy=policy_source(ledger.era(entry), entry.name),
        agrees=None if made.missing else made.agrees,
        differences=made.differences,
        note=made.missing,
        rule=dict(_settings(rule)),
        saw=tuple(values_seen(tree).items()),
    )


def _settings(rule: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List settings by their keys, those of tables with the table's name before them."""
    for name, value in rule.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
