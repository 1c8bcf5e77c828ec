"""Commands about the log itself."""

from pathlib import Path
from typing import Final

from cyclopts import App

from events.errors import ExitCode
from events.integrity.seals import sign
from events.integrity.verify import verify as verify_log
from events.store.chain import seal as seal_log
from views.commands.rows import Rows
from views.log import bundles, contents, copy_erase, seals
from views.terminal.log_access import is_bundle, opened_source
from views.terminal.options import ASIS, TAIL, Given, Options, TailOptions

ROWS: Final[Rows] = {
    "log tail": (contents.EventRow,),
    "log stats": (contents.LogStats,),
    "log verify": (contents.VerifyRow, bundles.BundleVerifyRow),
    "log seal": (seals.SealRow,),
    "log keygen": (seals.KeyRow,),
    "log copy": (copy_erase.CopyRow,),
    "log erase": (copy_erase.EraseRow,),
}


async def tail(
    run: str | None = None, /, *, which: TailOptions = TAIL, options: Options = ASIS, machine: Given
) -> None:
    """Show the last events of a run or of the whole log.

    Args:
        run: Run id. Default: all runs.
    """
    async with options.desk(machine) as desk:
        await contents.tail(desk, events=which.events, run=run, follow=which.follow)


async def stats(*, options: Options = ASIS, machine: Given) -> None:
    """Print the size of a log: events, streams, runs and blobs."""
    async with options.desk(machine) as desk:
        desk.screen.draw(
            await contents.stats(desk.log, str(desk.path), desk.path.stat().st_size), contents.render_stats
        )


async def verify(
    *, seal: str | None = None, trust: tuple[str, ...] = (), options: Options = ASIS, machine: Given
) -> ExitCode:
    """Verify the whole log, and report what is proved and what is not.

    Args:
        seal: Earlier output of `stillroom log seal`, or a file whose last line it is; without it a truncated log cannot
            be detected.
        trust: Public key, or its file, that must have signed the seal; repeatable: one of them must have signed.
    """
    known, trusted = seals.given(seal, trust, machine.folder)
    path, screen = options.path(machine), options.screen(machine)
    if is_bundle(path):
        return bundles.show_verified(screen, await bundles.verify(path, None, known, trusted))
    async with await opened_source(path) as source:
        report = await verify_log(source, known, trusted=trusted)
    screen.draw(contents.verify_row(report), contents.render_verify)
    return ExitCode.DONE if report.sound else ExitCode.INTEGRITY


async def seal_it(*, key: Path | None = None, options: Options = ASIS, machine: Given) -> None:
    """Print a seal of the log to store elsewhere; it makes truncation and rewriting detectable.

    Args:
        key: File of a secret key to sign the seal with, so that nobody else can forge it.
    """
    signer = None if key is None else seals.read_secret(machine.folder / key)
    async with options.desk(machine) as desk:
        seal = await seal_log(desk.writable())
        sealed = seal if signer is None else sign(seal, machine.clock(), signer)
        desk.screen.draw(seals.seal_row(sealed), seals.render_seal)


def keygen(file: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """Generate an Ed25519 key pair to sign seals: FILE, the secret key, and FILE.pub, the public key.

    Args:
        file: Output file of the secret key; never overwrites.
    """
    options.screen(machine).draw(seals.make_pair(machine.folder / file), seals.KEY)


async def copy(source: Path, target: Path, /, *runs: str, options: Options = ASIS, machine: Given) -> None:
    """Copy a log, or some of its runs, to another file. The source is only read.

    A copy of a whole log keeps positions and digests; an interrupted or older copy is brought up to date. Selected
    runs are appended to the target, with the runs that they were forked from.

    Args:
        source: Source log.
        target: Target: a new file or an existing log.
        runs: Run ids. Default: the whole log.
    """
    row = await copy_erase.copy_log(machine, machine.folder / source, machine.folder / target, runs)
    options.screen(machine).draw(row, copy_erase.render_copy)


async def erase(blob: str, /, *, reason: str, options: Options = ASIS, machine: Given) -> None:
    """Erase the bytes of a blob permanently. The digest chain stays intact and records the erasure and its reason.

    Args:
        blob: Digest of the blob, or a unique prefix.
        reason: Why, and on whose request; recorded in the log.
    """
    async with options.desk(machine) as desk:
        desk.screen.draw(await copy_erase.erase_blob(desk.writable(), blob, reason), copy_erase.render_erase)


app: Final = App(name="log", help="Inspect, verify, seal and copy the log.")
app.command(tail)
app.command(stats)
app.command(verify)
app.command(seal_it, name="seal")
app.command(keygen)
app.command(copy)
app.command(erase)
