"""Commands about the log itself."""

from pathlib import Path
from typing import Final

from events.chain import seal as seal_log
from events.errors import ExitCode
from events.seals import sign
from events.verify import verify as verify_log
from views import logs, sealing
from views.commands.rows import Rows
from views.errors import UsageWrong
from views.options import ASIS, TAIL, Given, Options, Tail

ROWS: Final[Rows] = {
    "log tail": (logs.EventRow,),
    "log stats": (logs.LogStats,),
    "log verify": (logs.VerifyRow,),
    "log seal": (sealing.SealRow,),
    "log keygen": (sealing.KeyRow,),
}


async def tail(run: str | None = None, /, *, which: Tail = TAIL, options: Options = ASIS, machine: Given) -> None:
    """Show the last events, of a run or of the whole log.

    Args:
        run: Its id. Default: all runs.
    """
    async with options.desk(machine) as desk:
        await logs.tail(desk, events=which.events, run=run, follow=which.follow)


async def stats(*, options: Options = ASIS, machine: Given) -> None:
    """Count what a log holds."""
    async with options.desk(machine) as desk:
        desk.screen.draw(await logs.stats(desk.log, str(desk.path), desk.path.stat().st_size), logs.render_stats)


async def verify(
    *, seal: str | None = None, trust: tuple[str, ...] = (), options: Options = ASIS, machine: Given
) -> ExitCode:
    """Read the whole log and say what is proved, and what is not.

    Args:
        seal: What `stillroom log seal` printed earlier, or a file whose last line it is; without it a cut tail cannot
            be seen.
        trust: A public key, or its file, that must have signed the seal; may be given often: then one of them must.
    """
    known = None if seal is None else sealing.read_seal(seal, machine.folder)
    trusted = sealing.read_trusted(trust, machine.folder)
    if trusted and known is None:
        raise UsageWrong("--trust says whose seal is believed, and no seal was given", remedy="give one with --seal")
    async with options.desk(machine) as desk:
        report = await verify_log(desk.log, known, trusted=trusted)
        desk.screen.draw(logs.verify_row(report), logs.render_verify)
        return ExitCode.DONE if report.sound else ExitCode.INTEGRITY


async def seal_it(*, key: Path | None = None, options: Options = ASIS, machine: Given) -> None:
    """Print how far the log reaches, to be kept elsewhere: it makes a cut tail and a rewritten log visible.

    Args:
        key: File of a secret key to sign it with, so that nobody else can make one up.
    """
    signer = None if key is None else sealing.read_secret(machine.folder / key)
    async with options.desk(machine) as desk:
        seal = await seal_log(desk.log)
        sealed = seal if signer is None else sign(seal, machine.clock(), signer)
        desk.screen.draw(sealing.seal_row(sealed), sealing.render_seal)


def keygen(file: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """Make a pair of Ed25519 keys to sign seals with: FILE, for nobody else to read, and FILE.pub, to give away.

    Args:
        file: Where the secret one goes; nothing is written over.
    """
    options.screen(machine).draw(sealing.make_pair(machine.folder / file), sealing.render_key)
