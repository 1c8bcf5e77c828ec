"""What runs over a suite spend, by arm and by what for."""

from typing import Final, NamedTuple

from typing_extensions import override

from events.streams import AUTHOR, RETRIEVE, arm_of_cell, read_library_label
from projections.cost import Cost

WHATS: Final = ("trials", "replays", "oracles", "gates", "author", "retrieval", "other")
"""What calls are for, in the order in which it is told."""
_OF_PASS: Final = {"": "trials", "replay": "replays", "oracle": "oracles"}


class SpendingPlace(NamedTuple):
    """Whose calls they are."""

    arm: str
    """Empty: of no arm."""
    what: str
    """One of `WHATS`."""


def spending_of(stream: str) -> SpendingPlace:
    """Say for which arm, and for what, a stream asks a model."""
    family, _, place = stream.partition("/")
    if family in {AUTHOR, RETRIEVE}:
        course = place.partition("/")[0]
        return SpendingPlace(course.partition(".")[0], "author" if family == AUTHOR else "retrieval")
    label = read_library_label(arm_of_cell(place))
    if label is None:
        return SpendingPlace("", "other")
    return SpendingPlace(label.arm, _OF_PASS.get(label.what, "gates"))


class EvolutionCosts(Cost):
    """The projection: what model calls cost, as `Cost` has it, by arm and purpose instead of by trial."""

    name = "evolution_costs"

    @override
    def account(self, stream: str) -> str:
        """Name the arm and the purpose."""
        return "/".join(spending_of(stream))


def place_of(account: str) -> SpendingPlace:
    """Read an account of `EvolutionCosts` back."""
    arm, _, what = account.rpartition("/")
    return SpendingPlace(arm, what)
