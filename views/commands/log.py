"""Commands about the log itself."""

from typing import Final

from events.chain import seal as seal_log
from events.errors import ExitCode
from events.verify import verify as verify_log
from views import logs
from views.commands.rows import Rows
from views.options import ASIS, TAIL, Given, Options, Tail

ROWS: Final[Rows] = {
    "log tail": (logs.EventRow,),
    "log stats": (logs.LogStats,),
    "log verify": (logs.VerifyRow,),
    "log seal": (logs.SealRow,),
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


async def verify(*, seal: str | None = None, options: Options = ASIS, machine: Given) -> ExitCode:
    """Read the whole log and say what is proved, and what is not.

    Args:
        seal: What `stillroom log seal` printed earlier; without it a cut tail cannot be seen.
    """
    async with options.desk(machine) as desk:
        report = await verify_log(desk.log, None if seal is None else logs.parse_seal(seal))
        desk.screen.draw(logs.verify_row(report), logs.render_verify)
        return ExitCode.DONE if report.sound else ExitCode.INTEGRITY


async def seal_it(*, options: Options = ASIS, machine: Given) -> None:
    """Print how far the log reaches, to be kept elsewhere: it makes a cut tail and a rewritten log visible."""
    async with options.desk(machine) as desk:
        desk.screen.draw(logs.seal_row(await seal_log(desk.log)), logs.render_seal)
