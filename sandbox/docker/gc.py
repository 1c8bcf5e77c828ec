"""What processes that have ended left in an engine: containers, networks and volumes with our label, and their images.

Whatever bears no label of ours, or belongs to a process that may live, is left alone; nothing is ever pruned globally.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, assert_never

from sandbox.base import Leftover, LeftoverKind
from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed
from sandbox.docker.images import LABEL, SHARED
from sandbox.docker.networks import Labelled

OWNER: Final = f"{LABEL}.owner"
"""Label of containers, networks and volumes: the process that made them."""
SANDBOX: Final = f"{LABEL}.sandbox"
"""Label of the same: the id of the sandbox that they belong to."""


async def left_behind(
    engine: Engine, ended: Callable[[str], bool], *, images: bool, spared_s: float = 0.0
) -> list[Leftover]:
    """List what can be removed, in the order in which that is possible.

    What belongs to one sandbox stays as long as one of those who made it may live: one that was taken up again has
    things of two processes.

    Args:
        engine: Where to look.
        ended: Says whether a process is known to have ended.
        images: Whether to list all of our images that no container uses; they are a cache. False: only those that
            another one has taken the name of.
        spared_s: Seconds from its making for which a sandbox that still runs is left to whoever resumes its run.
    """
    found = [(kind, each) for kind, each in await things(engine, LABEL) if OWNER in each.labels]
    kept = {_of(each) for _, each in found if not ended(each.labels[OWNER])}
    kept |= await _young(engine, spared_s) if spared_s else set()
    left = [
        Leftover(kind, each.id, each.name, each.labels[OWNER], each.labels[LABEL])
        for kind, each in found
        if ended(each.labels[OWNER]) and _of(each) not in kept
    ]
    unused = [each for each in await engine.unused_images(f"{LABEL}={SHARED}") if images or not each.name]
    return left + [Leftover("image", each.id, each.name or each.id[7:19], "", "") for each in unused]


async def things(engine: Engine, *labels: str) -> list[tuple[LeftoverKind, Labelled]]:
    """List what carries all these labels (``name`` or ``name=value``): a network or a volume in use goes last."""
    kinds: tuple[tuple[LeftoverKind, Sequence[Labelled]], ...] = (
        ("container", await engine.containers(*labels)),
        ("network", await engine.networks.labelled(*labels)),
        ("volume", await engine.volumes.labelled(*labels)),
    )
    return [(kind, each) for kind, found in kinds for each in found]


async def sweep(engine: Engine, label: str, which: Callable[[str], bool]) -> set[str]:
    """Remove all that belongs to these sandboxes of a workspace; give their ids.

    Args:
        engine: Where to look.
        label: The workspace's, with its value.
        which: Chooses by id.
    """
    removed: set[str] = set()
    for kind, each in await things(engine, label):
        sandbox = each.labels.get(SANDBOX, "")
        if which(sandbox):
            await _remove(engine, Leftover(kind, each.id, each.name, "", ""))
            removed.add(sandbox)
    return removed


def _of(each: Labelled) -> tuple[str, str]:
    """Say which sandbox a thing belongs to; one that names none stands for itself."""
    return each.labels[LABEL], each.labels.get(SANDBOX) or each.id


async def _young(engine: Engine, spared_s: float) -> set[tuple[str, str]]:
    """List sandboxes that run and were made not long ago, by the engine's own clock."""
    now = datetime.fromisoformat((await engine.api("GET", "info"))["SystemTime"]).timestamp()
    running = await engine.api("GET", "containers/json", filters=json.dumps({"label": [SANDBOX]}))
    return {
        (each["Labels"].get(LABEL, ""), each["Labels"][SANDBOX]) for each in running if now - each["Created"] < spared_s
    }


async def remove(engine: Engine, left: Sequence[Leftover]) -> list[tuple[Leftover, str]]:
    """Remove what was left behind; give what could not be, with the engine's reason."""
    kept: list[tuple[Leftover, str]] = []
    for each in left:
        try:
            await _remove(engine, each)
        except EngineFailed as error:
            if error.status != 404:  # somebody else was faster
                kept.append((each, error.detail))
    return kept


async def _remove(engine: Engine, left: Leftover) -> None:
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
