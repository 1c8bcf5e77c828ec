"""Sets of items across runs: counted by what the items hold, so that no name hides what rested on them."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import get_args

import msgspec
import pytest

from engine.evaluating.item_sets import set_digest
from events.base import Event, Recorded, StreamId
from events.catalog import AnyEvent
from events.codec import encode, tag_of
from events.digest import Digest, Fingerprint, digest_of
from events.types.evaluation import ArmsCompared
from events.types.item_set import DecidedOnSets, SetOpened, SetPurpose
from projections.item_sets import ItemSets, ItemSetsState, decisions_on, items_of, overlaps
from tests.events.samples import sample

BOTH: Mapping[str, Fingerprint] = {"a": Fingerprint(digest_of(b"a")), "b": Fingerprint(digest_of(b"b"))}
RENAMED: Mapping[str, Fingerprint] = {"x": BOTH["b"], "y": BOTH["a"]}
ONE: Mapping[str, Fingerprint] = {"b": BOTH["b"]}
OTHER: Mapping[str, Fingerprint] = {"c": Fingerprint(digest_of(b"c"))}


class History:
    """A log in small, folded as it grows."""

    def __init__(self) -> None:
        self.state: ItemSetsState = ItemSets().initial()
        self._places: Iterator[int] = count(1)

    def opened(self, run: str, name: str, purpose: SetPurpose | None, items: Mapping[str, Fingerprint]) -> Fingerprint:
        """Have a run open a set."""
        listed = msgspec.json.encode(dict(items))
        digest = set_digest(items)
        event = SetOpened(name, purpose, digest, digest_of(listed), len(items))
        self._apply(run, event, {event.items: listed})
        return digest

    def decided(self, run: str, *sets: Fingerprint) -> None:
        """Have a run compare its arms."""
        self._apply(run, ArmsCompared("none", (), sets=sets), {})

    def _apply(self, run: str, event: Event, blobs: Mapping[Digest, bytes]) -> None:
        place, payload = next(self._places), encode(event)
        recorded = Recorded(place, StreamId(run, "run"), place, None, 0, event, payload, digest_of(payload))
        assert set(ItemSets().needs(recorded)) == set(blobs)
        self.state = ItemSets().apply(self.state, recorded, blobs)


def test_a_set_under_another_name_is_the_same_set() -> None:
    """Given a set that was copied and its items renamed, what rested on either counts for both."""
    log = History()
    first = log.opened("r1", "held-out", "test", BOTH)
    log.decided("r1", first)
    again = log.opened("r2", "fresh", "selection", RENAMED)
    log.decided("r2", again)
    assert first == again
    (found,) = log.state.sets.values()
    assert found.names == ("fresh", "held-out")
    assert found.purposes == ("selection", "test")
    assert [(each.run, each.kind) for each in found.decisions] == [
        ("r1", "evaluation.compared"),
        ("r2", "evaluation.compared"),
    ]


def test_a_decision_counts_for_every_item_that_it_rested_on() -> None:
    """Given a part of a set under a name of its own, the items of that part carry the decisions of both, each once."""
    log = History()
    whole, part, other = (
        log.opened("r1", name, None, items) for name, items in (("whole", BOTH), ("part", ONE), ("other", OTHER))
    )
    log.decided("r1", whole, part, whole)
    log.decided("r2", whole)
    log.decided("r3", part)
    assert [len(each.decisions) for each in log.state.sets.values()] == [2, 2, 0]
    assert [each.run for each in decisions_on(log.state, [BOTH["b"]])] == ["r1", "r2", "r3"]
    assert [each.run for each in decisions_on(log.state, [BOTH["a"]])] == ["r1", "r2"]
    assert decisions_on(log.state, OTHER.values()) == ()
    assert [(each.digest, each.shared) for each in overlaps(log.state, whole)] == [(part, 1)]
    assert [(each.digest, each.shared) for each in overlaps(log.state, part)] == [(whole, 1)]
    assert overlaps(log.state, other) == ()


def test_a_set_whose_opening_is_elsewhere_still_counts_its_decisions() -> None:
    """A fork's decision rests on a set that its parent opened, which may be in another log."""
    log = History()
    log.decided("r1", set_digest(BOTH))
    assert [len(each.decisions) for each in log.state.sets.values()] == [1]
    assert overlaps(log.state, set_digest(BOTH)) == ()
    log.opened("r2", "set", None, BOTH)
    assert log.state.sets[set_digest(BOTH)].items == tuple(sorted(BOTH.values()))


@pytest.mark.parametrize("kind", [each for each in get_args(AnyEvent) if issubclass(each, DecidedOnSets)])
def test_whatever_is_decided_on_sets_is_counted(kind: type[DecidedOnSets]) -> None:
    """A program that adds such a decision changes nothing here."""
    event = sample(kind)
    assert tag_of(event) in (ItemSets.tags or ())
    payload = encode(event)
    recorded = Recorded(1, StreamId("r", "run"), 1, None, 0, event, payload, digest_of(payload))
    (found,) = ItemSets().apply(ItemSets().initial(), recorded, {}).sets.values()
    assert [each.kind for each in found.decisions] == [tag_of(event)]


def test_a_list_that_cannot_be_read_names_no_items() -> None:
    """A view never fails over bytes that somebody else wrote."""
    assert items_of(b"[") == ()
    assert items_of(b'{"a":"2","b":"1"}') == ("1", "2")
