"""What a package with a policy for any point of exploring has to name: all of it is in `stillroom.explore_points`."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec

import stillroom as st
from stillroom import explore_points


def _classes(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """Give the classes of values that a field holds, and those within them, the envelopes of `st` left out."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        if hint.__module__.startswith("engine."):
            yield hint
        for each in get_type_hints(hint).values():
            yield from _classes(each)
    for part in get_args(hint):
        yield from _classes(part)


def test_every_point_of_exploring_is_there_with_all_that_a_policy_sees_and_rules() -> None:
    """Point, inputs, rule and ruling of each, and the classes within them; as themselves, by their own names."""
    names = vars(explore_points)
    lacking = {
        each.__name__
        for point in st.EXPLORE.points
        for each in (point.saw, point.settings, point.ruling, *_classes(point.saw), *_classes(point.ruling))
        if names.get(each.__name__) is not each
    }
    assert lacking == set()
    for point in st.EXPLORE.points:
        assert names.get(point.name.upper()) is point, point.name
