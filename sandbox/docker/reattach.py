"""Taking up a container whose process has ended: finding it, and seeing that it is what was left.

Containers belong to the engine, so that one goes on when we are killed, and the pipes to it are files (see
docs/decisions/0006). What has to be seen is that nobody touched it since: another start would have ended what commands
left running, and another container would be another sandbox.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from sandbox.base import Sandbox, SandboxGone
from sandbox.docker.client import Engine
from sandbox.docker.compose_services import ComposeProject, ProjectSpec
from sandbox.docker.errors import EngineFailed
from sandbox.docker.gc import OWNER, SANDBOX, things
from sandbox.docker.images import LABEL
from sandbox.docker.sandbox import DockerResources, DockerSandbox, standing
from sandbox.docker.shared_dir import ContainerState, ReattachInfo, read_card
from sandbox.harbor.compose.schema import Compose

BARE: Final = Compose((), frozenset(), (), ())
"""Of a sandbox that stands: what its services were made from is of no interest any more."""


class ReattachSite(NamedTuple):
    """Where a sandbox is looked for."""

    sandbox: str
    """Its id."""
    engine: Engine
    plot: ProjectSpec
    """Whose labels say what it is, and who asks."""
    folder: Path


async def reopen(
    site: ReattachSite, *, opened_in: int, by: int | None, ended: Callable[[str], bool] | None
) -> Sandbox | SandboxGone:
    """Take a sandbox up; see ``Reattachable``.

    Args:
        site: Where.
        opened_in: Session in which it was opened.
        by: Session of whoever asks. None: nobody who could be named.
        ended: Says whether a process is known to have ended. None: nobody can say.
    """
    card = await read_card(site.folder)
    try:
        gone = await _held(site, ended)
        if gone is not None:
            return gone
        if card is None or card.session != opened_in:
            return SandboxGone("changed", "it is not the one, made ready, whose commands are on record")
        gone = await _changed(site.engine, card)
        if gone is not None:
            return gone
        if by is not None and OWNER in site.plot.labels:
            card = await _claimed(site, card, by)
        return await _take_up(site, card)
    except EngineFailed as error:
        return SandboxGone("silent", error.detail)


async def card_of(sandbox: DockerSandbox, town: ComposeProject, session: int) -> ReattachInfo:
    """Write down what somebody must know to take a sandbox up."""
    beside: dict[str, ContainerState] = {}
    for name, each in town.containers.items():
        beside[name] = await standing(town.engine, each)
    return ReattachInfo(
        session=session,
        workdir=sandbox.workdir,
        image=sandbox.image,
        main=await standing(town.engine, sandbox.container),
        beside=beside,
        networks=town.networks,
        volumes=town.volumes,
        network=town.network,
    )


async def _held(site: ReattachSite, ended: Callable[[str], bool] | None) -> SandboxGone | None:
    """Say why nothing of this sandbox may be touched. None: it may be, for whoever made it has ended."""
    named = (f"{name}={site.plot.labels[name]}" for name in (LABEL, SANDBOX))
    found = [each for _, each in await things(site.engine, *named)]
    if not found:
        return SandboxGone("gone", "nothing of it is left")
    for owner in {each.labels.get(OWNER) for each in found}:
        if owner is None or ended is None or not ended(owner):
            return SandboxGone("held", f"the process that holds it ({owner or 'unnamed'}) is not known to have ended")
    return None


async def _changed(engine: Engine, card: ReattachInfo) -> SandboxGone | None:
    """Say in what a sandbox is not what was left. None: in nothing."""
    for name, before in {"its container": card.main, **card.beside}.items():
        try:
            now = await standing(engine, engine.container(before.id))
        except EngineFailed as error:
            return SandboxGone("gone", f"{name}: {error.detail}")
        if before.running and not now.running:
            return SandboxGone("ended", f"{name} does not run any more")
        if now.started != before.started:
            return SandboxGone("changed", f"{name} was started again")
    return None


async def _claimed(site: ReattachSite, card: ReattachInfo, session: int) -> ReattachInfo:
    """Leave a sign that it is somebody's: labels of a container cannot change, so an empty volume bears them.

    The volume is one of the sandbox's from then on, and goes with it.
    """
    name = f"{site.plot.prefix}-s{session}"
    await site.engine.volumes.create(name, site.plot.labels)
    return structs.replace(card, volumes={**card.volumes, name: name})


async def _take_up(site: ReattachSite, card: ReattachInfo) -> Sandbox:
    beside = {name: site.engine.container(each.id) for name, each in card.beside.items()}
    named = dict(card.networks), dict(card.volumes)
    town = ComposeProject(site.engine, site.plot, beside, *named, network=card.network)
    ground = DockerResources(site.engine, site.engine.container(card.main.id), site.folder, town)
    sandbox = DockerSandbox(site.sandbox, ground, workdir=card.workdir, image=card.image)
    try:
        await sandbox.take_up(card)
    except BaseException:
        sandbox.let_be()
        raise
    return sandbox
