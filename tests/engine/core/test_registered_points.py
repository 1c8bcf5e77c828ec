"""What holds of the points of every program that is registered."""

from typing import Any, Final, get_type_hints

import pytest

from engine.config.program_registry import usable_programs
from engine.core.decision import Point
from events.types.decision import Earlier, Held, Seen

POINTS: Final[dict[str, Point[Any, Any, Any]]] = {
    point.name: point for program in usable_programs().values() for point in program.points
}


def chains(saw: type) -> bool:
    """Say whether a class of inputs has ``earlier`` for nothing but a chain of inputs."""
    found: object = get_type_hints(saw).get("earlier", Earlier | None)
    return bool(found == Earlier | None)


@pytest.mark.parametrize("name", POINTS)
def test_earlier_is_a_chain_of_inputs(name: str) -> None:
    """Readers, what-if and reevaluation follow it by its name; a field of another kind under it ends them."""
    assert chains(POINTS[name].saw)


def test_anything_else_by_that_name_is_found() -> None:
    """What another point saw, or bytes."""

    class SeenSaw:
        earlier: Seen[Any] | None

    class HeldSaw:
        earlier: Held

    assert not chains(SeenSaw)
    assert not chains(HeldSaw)
    assert any("earlier" in point.saw.__struct_fields__ for point in POINTS.values())
