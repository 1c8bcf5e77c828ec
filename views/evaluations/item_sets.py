"""Sets of items: what each is for, and how many decisions rested on it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold_kept, fold_run
from events.digest import Digest, Fingerprint
from events.store.base import EventLog
from projections.item_sets import ItemSets, ItemSetsState, SetDecision, decisions_on, overlaps
from views.terminal.errors import IdAmbiguous, IdUnknown
from views.terminal.format import plural, short, when
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

_SHOWN: Final = 12
"""Characters of a digest in a table."""


class SetOverlapRow(msgspec.Struct, frozen=True):
    """Another set that holds some of the same items."""

    digest: str
    names: tuple[str, ...]
    purposes: tuple[str, ...]
    shared: int
    """Items that both hold."""
    decisions: int
    """Decisions that rested on the other set."""


class ItemSetRow(msgspec.Struct, frozen=True, tag_field="kind", tag="item_set"):
    """A set of items that runs have opened."""

    digest: str
    """Of what its items hold, whatever the set and its items are called."""
    names: tuple[str, ...]
    """What runs call it."""
    purposes: tuple[str, ...]
    """What runs said it is for: train, selection, test. More than one: it is no longer what one of them says."""
    items: int
    opened: int
    """How often it was opened."""
    decisions: int
    """Decisions that rested on its scores: comparisons, and whatever else a program decides by them."""
    with_overlaps: int
    """Decisions that rested on any of its items, in this set or in another that shares some."""
    overlaps: tuple[SetOverlapRow, ...]


class SetOpeningRow(msgspec.Struct, frozen=True):
    """A run opened a set."""

    run: str
    position: int
    at: int
    """Microseconds since 1970, UTC."""
    name: str
    purpose: str | None
    """None: its spec does not say."""


class SetDecisionRow(msgspec.Struct, frozen=True):
    """A decision rested on a set, or on another that shares items with it."""

    run: str
    event: str
    """Its place in the run, as `stillroom why` takes it."""
    position: int
    at: int
    """Microseconds since 1970, UTC."""
    decision: str
    """Tag of the event that records it."""
    itself: bool
    """Whether it rested on this very set."""


class ItemSetDetailRow(msgspec.Struct, frozen=True, tag_field="kind", tag="item_set_detail"):
    """A set, all its openings, and all decisions that rested on any of its items."""

    set: ItemSetRow
    openings: tuple[SetOpeningRow, ...]
    decisions: tuple[SetDecisionRow, ...]


class SetsRested(NamedTuple):
    """Sets of items that runs opened."""

    sets: tuple[ItemSetRow, ...]
    decisions: int | None
    """That rested on items of these sets. None: there are no sets."""
    erased: frozenset[Digest] = frozenset()
    """Lists of their items that were erased on purpose."""


async def sets_of(log: EventLog, erased: set[Digest] | None = None) -> ItemSetsState:
    """Read the sets of a log; one whose list of items was erased has none.

    Args:
        log: Which holds them.
        erased: Takes in the digests of such lists. None: nobody asks.
    """
    return await fold_kept(log, ItemSets(), await log.head(), erased=set() if erased is None else erased)


async def sets_rested(log: EventLog, runs: Sequence[str]) -> SetsRested:
    """Give the sets that runs opened, and how many decisions rested on any of their items."""
    state, opened, erased = await sets_of(log), dict[Fingerprint, None](), set[Digest]()
    for run in runs:
        (found,) = await fold_run(log, [ItemSets()], run, erased=erased)
        opened |= dict.fromkeys(found.sets)
    known = tuple(digest for digest in opened if digest in state.sets)
    items = frozenset(item for digest in known for item in state.sets[digest].items)
    decisions = len(decisions_on(state, items)) if known else None
    return SetsRested(rows_of(state, known), decisions, frozenset(erased))


def rows_of(state: ItemSetsState, digests: Collection[Fingerprint]) -> tuple[ItemSetRow, ...]:
    """Describe some sets, in the order given."""
    return tuple(_row(state, digest) for digest in digests if digest in state.sets)


async def tell(desk: OpenedLog) -> None:
    """List the sets of a log, in the order in which they were opened first."""
    state = await sets_of(desk.log)
    desk.screen.show(list(rows_of(state, state.sets)), SETS)


async def tell_one(desk: OpenedLog, text: str) -> None:
    """Show a set: its openings, and the decisions that rested on its items.

    Args:
        desk: The log.
        text: Name of the set, or the beginning of its digest.

    Raises:
        IdUnknown: No set is called so.
        IdAmbiguous: Several are.
    """
    state = await sets_of(desk.log)
    found = [digest for digest, each in state.sets.items() if text in each.names or (text and digest.startswith(text))]
    if not found:
        known = sorted({name for each in state.sets.values() for name in each.names})
        raise IdUnknown(text, "set of items", known)
    if len(found) > 1:
        raise IdAmbiguous(text, [each[:16] for each in found])
    desk.screen.draw(_detail(state, found[0]), _render)


def said(row: ItemSetRow) -> str:
    """Say in a line how much rested on a set, for below a table of scores."""
    what = " and ".join(row.purposes) or "undeclared"
    names = ", ".join(row.names)
    counted = f"{plural(row.decisions, 'decision')} rested on it, opened {plural(row.opened, 'time')}"
    shared = "".join(
        f"; shares {plural(each.shared, 'item')} with {', '.join(each.names)} ({each.digest[:_SHOWN]},"
        f" {plural(each.decisions, 'decision')})"
        for each in row.overlaps
    )
    mixed = "; runs disagree on what it is for" if len(row.purposes) > 1 else ""
    return f"set {names} ({what}, {plural(row.items, 'item')}, {row.digest[:_SHOWN]}): {counted}{shared}{mixed}"


def _row(state: ItemSetsState, digest: Fingerprint) -> ItemSetRow:
    own = state.sets[digest]
    others = overlaps(state, digest)
    return ItemSetRow(
        digest=digest,
        names=own.names,
        purposes=own.purposes,
        items=len(own.items),
        opened=len(own.openings),
        decisions=len(own.decisions),
        with_overlaps=len(_all_decisions(state, digest)),
        overlaps=tuple(
            SetOverlapRow(
                digest=each.digest,
                names=state.sets[each.digest].names,
                purposes=state.sets[each.digest].purposes,
                shared=each.shared,
                decisions=len(state.sets[each.digest].decisions),
            )
            for each in others
        ),
    )


def _all_decisions(state: ItemSetsState, digest: Fingerprint) -> Sequence[SetDecision]:
    own = state.sets[digest]
    return decisions_on(state, own.items) if own.items else own.decisions


def _detail(state: ItemSetsState, digest: Fingerprint) -> ItemSetDetailRow:
    own = state.sets[digest]
    itself = frozenset(own.decisions)
    return ItemSetDetailRow(
        set=_row(state, digest),
        openings=tuple(
            SetOpeningRow(each.run, each.position, each.at, each.name, each.purpose) for each in own.openings
        ),
        decisions=tuple(
            SetDecisionRow(
                run=each.run,
                event=f"{each.run}:{each.stream}@{each.version}",
                position=each.position,
                at=each.at,
                decision=each.kind,
                itself=each in itself,
            )
            for each in _all_decisions(state, digest)
        ),
    )


def _notes(rows: Sequence[ItemSetRow]) -> Iterator[RenderableType]:
    """Say which sets are mixed up, or share items."""
    for row in rows:
        if row.overlaps or len(row.purposes) > 1:
            yield Text(said(row), style="yellow")


def _render(row: ItemSetDetailRow) -> RenderableType:
    return Group(Text(said(row.set)), Text(), _OPENINGS(row.openings), Text(), _DECISIONS(row.decisions))


SETS: Final = TableView(
    ItemSetRow,
    ("set", lambda row: ", ".join(row.names)),
    ("digest", lambda row: row.digest[:_SHOWN]),
    ("for", lambda row: " and ".join(row.purposes) or None),
    ">items >opened >decisions",
    (">with overlaps", lambda row: row.with_overlaps),
    notes=_notes,
    empty=Text("no sets of items were opened", style="dim"),
)
_OPENINGS: Final = TableView(
    SetOpeningRow,
    ("opened by", lambda row: short(row.run)),
    "name",
    ("for", lambda row: row.purpose),
    ("at", lambda row: when(row.at)),
    empty=Text("this log does not hold its opening", style="dim"),
)
_DECISIONS: Final = TableView(
    SetDecisionRow,
    "decision event",
    ("on", lambda row: "this set" if row.itself else "a set that shares items"),
    ("at", lambda row: when(row.at)),
    empty=Text("no decision rested on it", style="dim"),
)
