"""Rulings come back from the log as they went in, and are written again in the same bytes."""

from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.config.program_registry import known_points
from engine.core.decision import Made, Point, encode_value
from engine.core.open_decision import made_event
from engine.programs.explore.points import PDI
from events import codec
from events.digest import Digest
from events.errors import EventRefused

DIGEST = Digest("a" * 64)
NUMBERS = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**53), 2**53)
"""A field that may be a fraction may hold a whole number, as Python has it."""


def _values(hint: Any) -> some.SearchStrategy[Any]:
    """Draw values of a type: as those that msgspec takes, and with whole numbers in place of fractions."""
    if hint is float:
        return NUMBERS
    if hint in {str, Digest}:
        return some.text(some.characters(codec="utf-8"), max_size=8)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return some.builds(hint, **{name: _values(each) for name, each in get_type_hints(hint).items()})
    if get_origin(hint) in {Union, UnionType, tuple, dict}:
        return _of_parts(get_origin(hint), [_values(each) for each in get_args(hint) if each is not ...])
    return some.from_type(hint)


def _of_parts(origin: Any, parts: list[some.SearchStrategy[Any]]) -> some.SearchStrategy[Any]:
    """Draw values of a type that is made of others."""
    if origin in {Union, UnionType}:
        return some.one_of(*parts)
    if origin is tuple:
        return some.lists(parts[0], max_size=3).map(tuple)
    return some.dictionaries(*parts, max_size=3)


@pytest.mark.slow
@pytest.mark.parametrize("point", known_points().values(), ids=lambda each: each.name)
@given(data=some.data())
def test_every_ruling_reads_back_in_the_same_bytes(point: Point[Any, Any, Any], data: some.DataObject) -> None:
    """Otherwise a rerun, which starts from what it reads, would write another event than is recorded."""
    ruling = data.draw(_values(point.ruling))
    event = made_event(point, ruling, Made(None, DIGEST))
    payload = codec.encode(event)
    read = msgspec.convert(codec.decode(payload).ruling, point.ruling)  # type: ignore[attr-defined]
    assert read == ruling
    assert codec.encode(made_event(point, read, Made(None, DIGEST))) == payload
    assert encode_value(read) == encode_value(ruling)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_ruling_that_json_cannot_hold_is_refused(number: float) -> None:
    """It would read back as a missing fact, or not at all."""
    with pytest.raises(EventRefused):
        made_event(PDI, _Share(number), Made(None, DIGEST))


class _Share(msgspec.Struct, frozen=True):
    """A ruling with a fraction that may be missing."""

    share: float | None
