"""A small point of decision for tests: whether a parcel is light enough, with its label and all weighed before it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.core.decision import Deciding, Era, Point, Policy, PolicyContext
from engine.core.scope import Scope
from events.digest import Digest
from events.types.decision import Earlier, Seen, Text
from events.types.sandbox import ActionAsked


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is weighed."""

    grams: float
    label: Text | None = None
    earlier: Earlier | None = None


class Scale(msgspec.Struct, frozen=True):
    """The settings that count."""

    most: float


class Weighed(msgspec.Struct, frozen=True):
    """What is ruled."""

    may: bool
    why: str = ""


class Shop(NamedTuple):
    """Settings of a run."""

    most: float
    others: Mapping[str, float] = {}
    """Scales that only look on."""


def weigh(saw: Parcel, rule: Scale, desk: PolicyContext) -> Weighed:
    """Let through what is light enough, and say what its label says."""
    return Weighed(saw.grams <= rule.most, desk.text(saw.label))


def weigh_all(saw: Parcel, rule: Scale, desk: PolicyContext) -> Weighed:
    """Let through what is light enough together with all that was weighed before."""

    def add(total: float, parcel: Parcel, inputs: Digest) -> float:
        del inputs
        return total + parcel.grams

    total = add(desk.fold(saw.earlier, Parcel, 0.0, add), saw, desk.inputs)
    desk.keep(total)
    return Weighed(total <= rule.most, f"{total:g} g")


def point(revision: int = 2, **changes: Any) -> Point[Parcel, Scale, Weighed]:
    """Make the point."""
    fields: dict[str, Any] = {
        "name": "weigh",
        "revision": revision,
        "saw": Parcel,
        "settings": Scale,
        "ruling": Weighed,
        "decisive": ("may",),
        "steers": True,
        "rule": lambda spec, saw: Scale(spec.most),
        "shadows": lambda spec, saw: {name: Scale(most) for name, most in spec.others.items()},
    }
    return Point(**{**fields, **changes})


def deciding(*shops: Shop, policy: Policy = weigh, **changes: Any) -> Deciding:
    """Make what the scopes of a life share: an era for each shop."""
    return Deciding(tuple(Era(shop, {"weigh": policy}, "test") for shop in shops), **changes)


async def post(scope: Scope, *grams: float, at: Point[Parcel, Scale, Weighed] | None = None) -> list[Seen[Weighed]]:
    """Weigh parcels one after the other, and send those that may go."""
    found = []
    for each in grams:
        seen = await scope.decide(point() if at is None else at, Parcel(each, earlier=scope.decided))
        found.append(seen)
        if seen.value.may:
            await scope.effect(ActionAsked(scope.put(b"%d" % each), None))
    return found
