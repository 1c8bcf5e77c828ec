"""Commands that carry runs from one machine to another."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from events.errors import ExitCode
from views.commands.rows import Rows
from views.log import bundles, copy_erase, seals
from views.terminal.ids import LATEST
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "bundle write": (bundles.BundleRow,),
    "bundle verify": (bundles.BundleVerifyRow,),
    "bundle read": (copy_erase.CopyRow,),
}


async def write(
    run: str = LATEST,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    seal: str | None = None,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Write a run with everything it rests on into one file: events, blobs, spec, and the runs it was forked from.

    Args:
        run: Its id.
        output: The file; nothing is written over. Default: RUN.bundle in this folder.
        seal: A seal of the log that it shall be checked against, if it was taken while runs went on. Those of the log
            as it is, and as it was when a run had ended, need not be named.
    """
    known, _ = seals.given(seal, (), machine.folder)
    async with options.desk(machine) as desk:
        desk.screen.draw(await bundles.write(desk, run, output, known), bundles.render_written)


async def verify(
    file: Path,
    /,
    *,
    digest: str | None = None,
    seal: str | None = None,
    trust: tuple[str, ...] = (),
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Look through a bundle, without a log: every digest, every stream, and what somebody cut off or changed.

    Args:
        file: The bundle.
        digest: What `bundle write` said; without it a bundle that was made up as a whole looks like any other.
        seal: What `stillroom log seal` printed of the log that the run is from, or a file whose last line it is; it
            shows that its events are those that were sealed.
        trust: A public key, or its file, that must have signed the seal; may be given often: then one of them must.
    """
    known, trusted = seals.given(seal, trust, machine.folder)
    row = await bundles.verify(machine.folder / file, digest, known, trusted)
    return bundles.show_verified(options.screen(machine), row)


async def read(file: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """Bring a bundle into a log, behind what is there, if nothing in it was changed.

    `stillroom replay FILE` and everything else that only looks at a log takes a bundle without that.

    Args:
        file: The bundle.
    """
    row = await bundles.read(machine, machine.folder / file, options.path(machine))
    options.screen(machine).draw(row, copy_erase.render_copy)


app: Final = App(name="bundle", help="Write, verify and read runs as single files.")
app.command(write)
app.command(verify)
app.command(read)
