"""Commands about sandboxes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from cyclopts import App

from engine.runtime.open_context import open_backend
from events.errors import ExitCode
from sandbox.base import LeftoverRemover
from sandbox.conformance.suite import conform
from views.commands.rows import Rows
from views.setup import gc, providers, sandboxes
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "sandbox list": (sandboxes.SandboxRow,),
    "sandbox check": (providers.PromiseRow,),
    "sandbox gc": (gc.LeftoverRow,),
}


async def list_sandboxes(*, options: Options = ASIS, machine: Given) -> None:
    """List the available sandbox backends, and what each guarantees on this machine."""
    options.screen(machine).show(await sandboxes.rows(machine), sandboxes.KINDS)


async def check_sandbox(name: str, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Run the conformance checks of a sandbox backend, each in a fresh sandbox.

    Args:
        name: Backend name, as listed by `stillroom sandbox list`.
    """
    with TemporaryDirectory(prefix="stillroom-check-") as folder:
        async with open_backend(options.means(machine), name) as backend:
            found = providers.promises(await conform(backend, Path(folder)))
    options.screen(machine).show(found, providers.PROMISES)
    return ExitCode.DONE if all(row.result != "failed" for row in found) else ExitCode.NEGATIVE


async def collect(
    *,
    sandbox: str = "docker",
    images: bool = False,
    dry_run: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Remove containers, networks, volumes and folders left behind by dead processes.

    In a container engine, resources without a stillroom label and resources of processes that may be alive are kept.
    Containers left by a crash are removed, although `stillroom resume` could reattach to them; `on_loss` then applies.

    Args:
        sandbox: Sandbox backend to clean up.
        images: Also remove task images that no container uses; they are a cache. Superseded images are always removed.
        dry_run: List what would be removed from the engine, and remove nothing.
    """
    async with open_backend(options.means(machine), sandbox) as backend:
        found: list[gc.LeftoverRow] = []
        if isinstance(backend, LeftoverRemover):
            found += await gc.of_machine(backend, images=images, dry_run=dry_run)
        if not dry_run and await anyio.Path(options.path(machine)).is_file():
            async with options.desk(machine) as desk:
                found += await gc.of_workspace(desk, backend)
    options.screen(machine).show(found, gc.LEFTOVERS)
    return ExitCode.DONE if all(row.became in {"removed", "found"} for row in found) else ExitCode.NEGATIVE


app: Final = App(name="sandbox", help="Manage sandboxes.")
app.command(list_sandboxes, name="list")
app.command(check_sandbox, name="check")
app.command(collect, name="gc")
