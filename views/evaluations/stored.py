"""Stored evaluations: which there are, and what each was stored under."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.json import JSON
from rich.text import Text

from engine.core.fold import fold_kept
from events.digest import Digest
from events.errors import BlobErased
from projections.evaluations import Evaluation, Evaluations
from projections.item_sets import decisions_on
from views.evaluations.item_sets import sets_of
from views.terminal.errors import IdAmbiguous, IdUnknown
from views.terminal.format import reward, short, when
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class EvaluationRow(msgspec.Struct, frozen=True, tag_field="kind", tag="evaluation"):
    """A stored score."""

    key: str
    """Digest of everything that reached the model or the verifier."""
    item: str
    repeat: int
    arm: str
    """As the run called it that stored it."""
    condition: str
    """Digest of the condition."""
    solved: bool
    reward: float | None
    run: str
    stream: str
    position: int
    at: int
    """Microseconds since 1970, UTC."""
    decisions: int | None
    """Decisions that rested on this item so far, in whichever set. None: its key was removed on purpose."""


class EvaluationKeyRow(msgspec.Struct, frozen=True, tag_field="kind", tag="evaluation_key"):
    """What an evaluation was stored under."""

    key: str
    parts: Mapping[str, Any]
    condition: Mapping[str, Any]


async def tell(desk: OpenedLog, item: str | None) -> None:
    """List the stored evaluations of a log, oldest first.

    Args:
        desk: The log.
        item: Only of this item. None: of all.

    Raises:
        IdUnknown: No evaluation of this item is stored.
    """
    stored = await _all(desk)
    known = sorted({each.item for each in stored})
    if item is not None and item not in known:
        raise IdUnknown(item, "item with a stored evaluation", known)
    await _show(desk, [each for each in stored if item in {None, each.item}])


async def tell_one(desk: OpenedLog, key: str) -> None:
    """Show the evaluations under a key.

    Raises:
        IdUnknown: No key begins so.
        IdAmbiguous: Several do.
    """
    await _show(desk, await _under(desk, key))


async def tell_key(desk: OpenedLog, key: str) -> None:
    """Show what an evaluation was stored under.

    Raises:
        IdUnknown: No key begins so.
        IdAmbiguous: Several do.
        BlobErased: A part was removed on purpose.
    """
    found = (await _under(desk, key))[0]
    parts = msgspec.json.decode(await desk.log.get(found.key))
    condition = msgspec.json.decode(await desk.log.get(found.condition))
    desk.screen.draw(EvaluationKeyRow(found.key, parts, condition), _render_key)


async def _show(desk: OpenedLog, stored: Sequence[Evaluation]) -> None:
    """Show evaluations, each with the number of decisions that rested on its item."""
    state = await sets_of(desk.log)
    by_key: dict[Digest, int | None] = {}
    by_item: dict[str, int] = {}
    for each in stored:
        if each.key not in by_key:
            item = await _item_of(desk, each.key)
            if item is not None and item not in by_item:
                by_item[item] = len(decisions_on(state, (item,)))
            by_key[each.key] = None if item is None else by_item[item]
    desk.screen.show([_row(each, by_key[each.key]) for each in stored], EVALUATIONS)


async def _item_of(desk: OpenedLog, key: Digest) -> str | None:
    """Give the digest of the item that a key is of. None: the key was removed on purpose."""
    try:
        return msgspec.json.decode(await desk.log.get(key), type=_KeyedItem).item_digest
    except BlobErased:
        return None


class _KeyedItem(msgspec.Struct):
    """Which item a key is of; the rest of it is left unread."""

    item_digest: str


async def _all(desk: OpenedLog) -> list[Evaluation]:
    state = await fold_kept(desk.log, Evaluations(), await desk.log.head())
    return sorted((each for found in state.stored.values() for each in found), key=lambda each: each.position)


async def _under(desk: OpenedLog, key: str) -> list[Evaluation]:
    found = [each for each in await _all(desk) if key and each.key.startswith(key)]
    keys = sorted({each.key for each in found})
    if not keys:
        raise IdUnknown(key, "evaluation", [each.key[:12] for each in await _all(desk)])
    if len(keys) > 1:
        raise IdAmbiguous(key, [each[:16] for each in keys])
    return found


def _row(stored: Evaluation, decisions: int | None) -> EvaluationRow:
    return EvaluationRow(
        key=stored.key,
        item=stored.item,
        repeat=stored.repeat,
        arm=stored.arm,
        condition=stored.condition,
        solved=stored.solved,
        reward=stored.reward,
        run=stored.run,
        stream=stored.stream,
        position=stored.position,
        at=stored.at,
        decisions=decisions,
    )


EVALUATIONS: Final = TableView(
    EvaluationRow,
    ("key", lambda row: row.key[:12]),
    "item >repeat arm",
    ("condition", lambda row: row.condition[:12]),
    ("outcome", lambda row: "solved" if row.solved else "unsolved"),
    (">reward", lambda row: reward(row.reward)),
    ">decisions",
    ("run", lambda row: short(row.run)),
    ("stored", lambda row: when(row.at)),
    empty=Text("no stored evaluations", style="dim"),
)


def _render_key(row: EvaluationKeyRow) -> RenderableType:
    return JSON.from_data({"key": row.key, "parts": row.parts, "condition": row.condition})
