"""What processes that have ended left in an engine: containers, networks and volumes with our label, and their images.

Whatever bears no label of ours, or belongs to a process that may live, is left alone; nothing is ever pruned globally.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, assert_never

from msgspec import Struct

from sandbox.docker_engine import Engine
from sandbox.docker_failures import EngineFailed
from sandbox.docker_image import LABEL, SHARED
from sandbox.docker_networks import Labelled

OWNER: Final = f"{LABEL}.owner"
"""Label of containers, networks and volumes: the process that made them."""

Kind = Literal["container", "network", "volume", "image"]


class Left(Struct, frozen=True):
    """Something that nobody needs any more."""

    kind: Kind
    id: str
    """By which the engine knows it."""
    name: str
    """For people."""
    owner: str
    """The process that made it; empty for an image, which belongs to nobody."""
    workspace: str
    """Name of the workspace it was made for; empty for an image."""


async def left_behind(engine: Engine, ended: Callable[[str], bool], *, images: bool) -> list[Left]:
    """List what can be removed, in the order in which that is possible.

    Args:
        engine: Where to look.
        ended: Says whether a process is known to have ended.
        images: Whether to list all of our images that no container uses; they are a cache. False: only those that
            another one has taken the name of.
    """
    kinds: tuple[tuple[Kind, Sequence[Labelled]], ...] = (
        ("container", await engine.containers(LABEL)),
        ("network", await engine.networks.labelled(LABEL)),
        ("volume", await engine.volumes.labelled(LABEL)),
    )
    found = [
        Left(kind, each.id, each.name, each.labels[OWNER], each.labels[LABEL])
        for kind, things in kinds
        for each in things
        if OWNER in each.labels and ended(each.labels[OWNER])
    ]
    unused = [each for each in await engine.unused_images(f"{LABEL}={SHARED}") if images or not each.name]
    return found + [Left("image", each.id, each.name or each.id[7:19], "", "") for each in unused]


async def remove(engine: Engine, left: Sequence[Left]) -> list[tuple[Left, str]]:
    """Remove what was left behind; give what could not be, with the engine's reason."""
    kept: list[tuple[Left, str]] = []
    for each in left:
        try:
            await _remove(engine, each)
        except EngineFailed as error:
            if error.status != 404:  # somebody else was faster
                kept.append((each, error.detail))
    return kept


async def _remove(engine: Engine, left: Left) -> None:
    match left.kind:
        case "container":
            await engine.remove(left.id)
        case "network":
            await engine.networks.remove(left.id)
        case "volume":
            await engine.volumes.remove(left.id)
        case "image":
            # By its name where it has one: an image with two names must keep the other.
            await engine.remove_image(left.name if ":" in left.name else left.id)
        case _:
            assert_never(left.kind)
