"""Commands that carry runs from one machine to another."""

from pathlib import Path
from typing import Annotated, Final

from anyio import Path as AsyncPath
from anyio import to_thread
from cyclopts import App, Parameter

from events.errors import ExitCode
from replay.skill_bundle import read_skill_bundle
from views.commands.rows import Rows
from views.handover import skill_bundles
from views.log import bundles, copy_erase, seals
from views.terminal.errors import UsageWrong
from views.terminal.ids import LATEST
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "bundle write": (bundles.BundleRow,),
    "bundle verify": (bundles.BundleVerifyRow, skill_bundles.SkillBundleVerifyRow),
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
    """Write a run with all its dependencies to one file: events, blobs, spec, and the runs it was forked from.

    Args:
        run: Run id.
        output: Output file; never overwrites. Default: RUN.bundle in the current folder.
        seal: Also include a proof for this seal of the log, if it was taken while runs were in progress. Proofs for the
            current log and for the log at the end of a run are always included.
    """
    known, _ = seals.given(seal, (), machine.folder)
    async with options.desk(machine) as desk:
        desk.screen.draw(await bundles.write(desk, run, output, known), bundles.WRITTEN)


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
    """Verify a bundle of a run or of a skill without a log: check every digest, and detect truncation and changes.

    Args:
        file: Bundle file.
        digest: Digest printed by `bundle write`; without it a wholly forged bundle cannot be detected.
        seal: Output of `stillroom log seal` for the source log, or a file whose last line it is; proves that the
            events are the sealed ones.
        trust: Public key, or its file, that must have signed the seal; repeatable: one of them must have signed.
    """
    path = machine.folder / file
    if digest is not None and not digest.strip():
        raise UsageWrong("--digest is empty", remedy="pass the digest that was printed when the bundle was written")
    data = await to_thread.run_sync(read_skill_bundle, path) if await AsyncPath(path).is_file() else None
    if data is not None:
        known = None if seal is None else seals.read_seal(seal, machine.folder)
        trusted = seals.read_trusted(trust, machine.folder)
        told = await skill_bundles.verify_file(path, data, digest, known, trusted)
        return skill_bundles.show_verified(options.screen(machine), told)
    known, trusted = seals.given(seal, trust, machine.folder)
    row = await bundles.verify(machine.folder / file, digest, known, trusted)
    return bundles.show_verified(options.screen(machine), row)


async def read(file: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """Append an unchanged bundle to a log.

    `stillroom replay FILE` and all other read-only commands accept a bundle directly, without importing it.

    Args:
        file: Bundle file.
    """
    row = await bundles.read(machine, machine.folder / file, options.path(machine))
    options.screen(machine).draw(row, copy_erase.render_copy)


app: Final = App(name="bundle", help="Write, verify and read runs as single files.")
app.command(write)
app.command(verify)
app.command(read)
