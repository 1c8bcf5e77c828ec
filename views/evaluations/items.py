"""Items of a comparison one by one: what became of each on both sides, and what that cost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType
from rich.text import Text

from projections.comparison.compare import ItemFlip, PairedDifference
from projections.comparison.rows import RowOutcome
from views.evaluations.comparison import ComparedRun, Uncompared, number, points, share
from views.evaluations.sides import ComparedSide, SideCell
from views.terminal.errors import UsageWrong
from views.terminal.format import money, plural, short
from views.terminal.tables import Field, TableView

ItemChange: TypeAlias = Literal[
    "won", "lost", "kept", "no score", "only there", "only here", "contents differ", "shared"
]
CHANGES: Final[tuple[ItemChange, ...]] = get_args(ItemChange)


class ComparedItemRow(msgspec.Struct, frozen=True, tag_field="kind", tag="item"):
    """One item on both sides of a comparison."""

    run: str
    arm: str
    against_run: str
    against: str
    """Arm that it is compared with."""
    item: str
    unit: str
    """What is independent of all else: the item's family, or the item itself."""
    change: ItemChange
    """``won``, ``lost`` or ``kept``: scored on both sides. ``no score``: not on both. ``only there``, ``only here``:
    the other run has no such item. ``contents differ``: two runs have other items under this name. ``shared``: all runs
    of one side are one and the same evaluations as on the other."""
    before: float | None
    """Mean of the baseline's repeats. None: none has a score; that is not 0."""
    after: float | None
    """Mean of the arm's repeats. None: as above."""
    difference: float | None
    """None: it has no score on both sides, or is not compared."""
    before_outcomes: tuple[str, ...]
    """Of each repeat of the baseline, in order: ``solved``, ``unsolved``, ``infrastructure``, ``stopped`` or
    ``running``."""
    after_outcomes: tuple[str, ...]
    before_reward: float | None
    """Mean of the rewards there are, in the verifier's own unit. None: there is none."""
    after_reward: float | None
    before_attempts: int | None
    """Of all repeats. None: the item is a question."""
    after_attempts: int | None
    before_cost_nano_usd: int | None
    """Of all repeats, in units of 10^-9 US dollars. None: some is unknown, or nothing was run."""
    after_cost_nano_usd: int | None
    before_tokens: int | None
    """Input and output, of all repeats. None: some are unknown, or nothing was run."""
    after_tokens: int | None
    before_cells: tuple[str, ...]
    """Where each repeat of the baseline is told of, as `show` takes it: ``RUN:STREAM@VERSION`` of its ending."""
    after_cells: tuple[str, ...]


class ItemFilter(NamedTuple):
    """Which rows are wanted."""

    arm: str | None = None
    change: str | None = None
    item: str | None = None
    """A name, or a pattern such as ``greet-*``."""
    unit: str | None = None
    """The same, of units."""

    def of(self, rows: Sequence[ComparedItemRow]) -> list[ComparedItemRow]:
        """Leave out rows that are not wanted.

        Raises:
            UsageWrong: No row could be, as no arm or change has that name.
        """
        for given, known, what in (
            (self.arm, sorted({row.arm for row in rows}), "arm that is compared with another"),
            (self.change, CHANGES, "change"),
        ):
            if given is not None and given not in known:
                raise UsageWrong(f"{given!r} is no {what}", remedy=f"name one of: {', '.join(known)}")
        return [
            row
            for row in rows
            if self.arm in {None, row.arm}
            and self.change in {None, row.change}
            and fnmatchcase(row.item, self.item or "*")
            and fnmatchcase(row.unit, self.unit or "*")
        ]


def item_rows(found: ComparedRun) -> list[ComparedItemRow]:
    """List the items of each pair: those that are compared in the order of the plan, then the others by name."""
    return [row for pair in found.comparison.pairs for row in _of_pair(found, pair)]


class _ItemSide(NamedTuple):
    """One item on one side."""

    side: ComparedSide
    cells: Sequence[SideCell]

    @property
    def places(self) -> tuple[str, ...]:
        """Say where its runs are told of."""
        return tuple(self.side.place(each) for each in self.cells)


def _of_pair(found: ComparedRun, pair: PairedDifference) -> Iterator[ComparedItemRow]:
    before, after = found.sides[pair.baseline], found.sides[pair.arm]
    old, new = before.by_item(), after.by_item()
    flips = {flip.item: flip for flip in pair.flips}
    changed = found.uncompared.get(pair.arm, Uncompared()).changed
    for item in [*flips, *sorted((before.items | after.items) - flips.keys())]:
        sides = _ItemSide(before, old.get(item, [])), _ItemSide(after, new.get(item, []))
        row = _row(item, sides, flips.get(item), changed=item in changed)
        yield replace(row, change="shared") if item in pair.shared else row


def _row(item: str, sides: tuple[_ItemSide, _ItemSide], flip: ItemFlip | None, *, changed: bool) -> ComparedItemRow:
    before, after = sides
    old, new = _Sums.of(before.cells), _Sums.of(after.cells)
    units = [flip.unit] if flip else [each.unit for each in (*before.cells, *after.cells)]
    return ComparedItemRow(
        run=after.side.run,
        arm=after.side.arm,
        against_run=before.side.run,
        against=before.side.arm,
        item=item,
        unit=next(iter(units), item),
        change=_change(item, sides, flip, changed=changed),
        before=number(flip.before) if flip else old.score,
        after=number(flip.after) if flip else new.score,
        difference=number(flip.difference) if flip else None,
        before_outcomes=old.outcomes,
        after_outcomes=new.outcomes,
        before_reward=old.reward,
        after_reward=new.reward,
        before_attempts=old.attempts,
        after_attempts=new.attempts,
        before_cost_nano_usd=old.cost,
        after_cost_nano_usd=new.cost,
        before_tokens=old.tokens,
        after_tokens=new.tokens,
        before_cells=before.places,
        after_cells=after.places,
    )


def _change(item: str, sides: tuple[_ItemSide, _ItemSide], flip: ItemFlip | None, *, changed: bool) -> ItemChange:
    before, after = sides
    if flip is not None:
        return flip.change
    if item not in after.side.items:
        return "only there"
    if item not in before.side.items:
        return "only here"
    return "contents differ" if changed else "no score"


class _Sums(NamedTuple):
    """What the repeats of an item came to on one side."""

    outcomes: tuple[str, ...]
    score: float | None
    reward: float | None
    attempts: int | None
    cost: int | None
    tokens: int | None

    @staticmethod
    def of(cells: Sequence[SideCell]) -> "_Sums":
        """Sum up: what lacks a part is unknown."""
        scores = [float(each.outcome == "solved") for each in cells if each.outcome in {"solved", "unsolved"}]
        rewards = [each.reward for each in cells if each.reward is not None]
        return _Sums(
            outcomes=tuple(_word(each.outcome) for each in cells),
            score=sum(scores) / len(scores) if scores else None,
            reward=sum(rewards) / len(rewards) if rewards else None,
            attempts=_sum(each.attempts for each in cells),
            cost=_sum(each.cost for each in cells),
            tokens=_sum(each.tokens for each in cells),
        )


def _word(outcome: RowOutcome | None) -> str:
    return outcome or "running"


def _sum(values: Iterable[int | None]) -> int | None:
    some = list(values)
    known = [each for each in some if each is not None]
    return sum(known) if known and len(known) == len(some) else None


def _scored(outcomes: Sequence[str]) -> str:
    scored = sum(each in {"solved", "unsolved"} for each in outcomes)
    return f"{scored} of {len(outcomes)}"


def _two(
    before: Callable[[ComparedItemRow], object], after: Callable[[ComparedItemRow], object]
) -> Callable[[ComparedItemRow], str | None]:
    """Write both sides of a figure, if either is known."""

    def both(row: ComparedItemRow) -> str | None:
        values = [before(row), after(row)]
        return None if values == [None, None] else " → ".join("-" if each is None else str(each) for each in values)

    return both


def _money(nano: int | None) -> str | None:
    return None if nano is None else money(nano)


def _notes(rows: Sequence[ComparedItemRow]) -> Iterator[RenderableType]:
    yield Text()
    counts = [(sum(row.change == change for row in rows), change) for change in CHANGES]
    told = ", ".join(f"{count} {change}" for count, change in counts if count)
    yield Text(f"{plural(len(rows), 'item')}{': ' if told else ''}{told}")


_FIGURES: Final[Sequence[Field[ComparedItemRow]]] = (
    "item unit",
    (">before", lambda row: share(row.before)),
    (">scored", lambda row: _scored(row.before_outcomes)),
    (">after", lambda row: share(row.after)),
    (">scored", lambda row: _scored(row.after_outcomes)),
    (">difference", lambda row: points(row.difference)),
    "change",
    (">attempts", _two(lambda row: row.before_attempts, lambda row: row.after_attempts)),
    (">cost", _two(lambda row: _money(row.before_cost_nano_usd), lambda row: _money(row.after_cost_nano_usd))),
    (">tokens", _two(lambda row: row.before_tokens, lambda row: row.after_tokens)),
)
ITEMS: Final = TableView(ComparedItemRow, "arm", *_FIGURES, notes=_notes, empty=Text("no such items", style="dim"))
ITEMS_OF_TWO: Final = TableView(
    ComparedItemRow,
    ("runs", lambda row: f"{short(row.against_run)} → {short(row.run)}"),
    "arm",
    *_FIGURES,
    notes=_notes,
    empty=Text("no such items", style="dim"),
)
