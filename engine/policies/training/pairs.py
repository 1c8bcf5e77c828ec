"""Items under the skills of two epochs, side by side: what a slow update learns from; pure."""

from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeVar, get_args

from engine.policies.training.errors import SettingUnknown

PairCategory = Literal["improved", "regressed", "persistent_fail", "stable_success"]
"""What became of an item between two epochs."""
PairPolicy = Literal["mixed", "changed", "unchanged"]
"""Which pairs are shown: all; those that changed, with more items looked at until there are enough; or the others."""
POLICIES: Final[tuple[PairPolicy, ...]] = get_args(PairPolicy)
CHANGED: Final[tuple[PairCategory, ...]] = ("improved", "regressed")
UNCHANGED: Final[tuple[PairCategory, ...]] = ("persistent_fail", "stable_success")


class Categorised(Protocol):
    """A pair, of which its category counts."""

    @property
    def category(self) -> str:
        """One of `PairCategory`."""


PairT = TypeVar("PairT", bound=Categorised)


def pair_category(before: float | None, now: float | None, *, compatible: bool = False) -> PairCategory | None:
    """Say what became of an item.

    Args:
        before: Hard score under the earlier skill. None: it has none, since infrastructure broke it.
        now: Under the later one.
        compatible: Whether a missing score is a failure and any score above 0 a success, as with SkillOpt. False:
            only what is solved whole is one, and an item without both scores is no pair.

    Returns:
        None: there is no pair.
    """
    if not compatible and (before is None or now is None):
        return None
    was, is_now = ((bool(each) if compatible else (each or 0) >= 1) for each in (before, now))
    if was:
        return "stable_success" if is_now else "regressed"
    return "improved" if is_now else "persistent_fail"


def filter_pairs(pairs: Sequence[PairT], policy: PairPolicy) -> tuple[PairT, ...]:
    """Keep the pairs that are shown, in order.

    Raises:
        SettingUnknown: There is no such policy.
    """
    match policy:
        case "mixed":
            return tuple(pairs)
        case "changed":
            return tuple(each for each in pairs if each.category in CHANGED)
        case "unchanged":
            return tuple(each for each in pairs if each.category in UNCHANGED)
        case _:
            raise SettingUnknown("train.slow.policy", policy, POLICIES)
