"""Stories of other rulings put into what later decisions saw: in the fields that were seen, and nowhere else."""

import msgspec

from events.base import Ref
from events.digest import Digest, digest_of
from events.types.decision import Earlier, Held, Seen, Text
from replay.substitution import BlobAccess, Swap, swapped

AT = Ref("a", 3)
OLD, NEW = digest_of(b"old"), digest_of(b"new")


class Ruling(msgspec.Struct, frozen=True):
    """What was ruled."""

    level: str
    text: Digest | None
    reason: str


class InnerSeen(msgspec.Struct, frozen=True):
    """A part of it."""

    level: str


class LaterSaw(msgspec.Struct, frozen=True):
    """What a later decision saw."""

    one: Seen[InnerSeen] | None
    many: tuple[Seen[InnerSeen], ...] = ()
    text: Text | None = None
    table: Held | None = None
    earlier: Earlier | None = None
    plain: int = 7


RECORDED, INSTEAD = Ruling("soft", OLD, "why"), Ruling("none", NEW, "why not")


class Store:
    """Bytes in memory."""

    def __init__(self) -> None:
        self.bytes: dict[Digest, bytes] = {}

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        self.bytes[digest_of(data)] = data
        return digest_of(data)

    async def get(self, digest: Digest) -> bytes:
        """Give bytes back."""
        return self.bytes[digest]


async def instead(
    saw: LaterSaw, swap: Swap, chains: dict[Digest, Digest] | None = None, store: Store | None = None
) -> LaterSaw:
    """Give inputs with one other ruling."""
    kept = store or Store()
    found: LaterSaw = await swapped(saw, {AT: [swap]}, chains or {}, BlobAccess(kept.get, kept.put))
    return found


async def test_a_value_follows_the_ruling_that_it_is_part_of() -> None:
    """Wherever it stands; what came from elsewhere stays, and so does the rest."""
    other = Seen(Ref("a", 4), InnerSeen("soft"))
    seen = Seen(AT, InnerSeen("soft"))
    came = await instead(LaterSaw(seen, (other, seen)), Swap(RECORDED, INSTEAD))
    assert came == LaterSaw(Seen(AT, InnerSeen("none")), (other, Seen(AT, InnerSeen("none"))))


async def test_inputs_without_it_are_the_same_object() -> None:
    """So nobody asks about them; a ruling that differs in what was not seen is none of theirs."""
    saw = LaterSaw(Seen(AT, InnerSeen("soft")))
    assert await instead(saw, Swap(RECORDED, Ruling("soft", NEW, "other words"))) is saw
    strange = LaterSaw(Seen(AT, InnerSeen("strong")))
    assert await instead(strange, Swap(RECORDED, INSTEAD)) is strange


async def test_a_ruling_that_would_not_have_been_is_not_seen() -> None:
    """An actor passes on what it has."""
    assert (await instead(LaterSaw(Seen(AT, InnerSeen("soft"))), Swap(RECORDED, None))).one is None


async def test_a_text_that_a_ruling_names_follows_it() -> None:
    """By the field that named it; another text of the same event stays."""
    assert (await instead(LaterSaw(None, text=Text(OLD, AT)), Swap(RECORDED, INSTEAD))).text == Text(NEW, AT)
    mine = LaterSaw(None, text=Text(digest_of(b"mine"), AT))
    assert await instead(mine, Swap(RECORDED, INSTEAD)) is mine
    gone = Swap(RECORDED, Ruling("none", None, ""))
    assert (await instead(LaterSaw(None, text=Text(OLD, AT)), gone)).text is None


async def test_a_row_of_a_table_follows_its_ruling() -> None:
    """The table is another blob then; one without the row is the same."""
    store = Store()
    rows = [Seen(AT, InnerSeen("soft")), Seen(Ref("a", 9), InnerSeen("soft"))]
    saw = LaterSaw(None, table=Held(store.put(msgspec.json.encode(rows)), AT))
    came = (await instead(saw, Swap(RECORDED, INSTEAD), store=store)).table
    assert came is not None
    read = msgspec.json.decode(store.bytes[came.held], type=list[Seen[InnerSeen]])
    assert [each.value.level for each in read] == ["none", "soft"]
    beside = LaterSaw(None, table=Held(store.put(msgspec.json.encode(rows[1:])), AT))
    assert await instead(beside, Swap(RECORDED, INSTEAD), store=store) is beside


async def test_a_chain_hooks_on_to_the_inputs_that_came_out_otherwise() -> None:
    """Else a fold would go over what nobody saw."""
    saw = LaterSaw(None, earlier=Earlier(OLD, AT))
    assert (await instead(saw, Swap(RECORDED, INSTEAD), {OLD: NEW})).earlier == Earlier(NEW, AT)
    assert await instead(saw, Swap(RECORDED, INSTEAD), {NEW: OLD}) is saw
