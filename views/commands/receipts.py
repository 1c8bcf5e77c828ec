"""Commands that prove one decision of a log to somebody who has nothing but a seal."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from events.errors import ExitCode
from views.commands.rows import Rows
from views.commands.seal_options import NOW, SealOptions
from views.handover import receipts
from views.log import seals
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "receipt write": (receipts.ReceiptRow,),
    "receipt verify": (receipts.ReceiptVerifyRow,),
}


async def write(
    decision: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    against: SealOptions = NOW,
    disclose: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Write a receipt of one decision: the event, and its path to the root of a seal. All other events are withheld.

    Args:
        decision: What `why` takes: a skill, an edit, an event such as RUN:STREAM@VERSION, a position.
        output: Output file; never overwrites. Default: TAG-POSITION.receipt.json in the current folder.
        disclose: Put in the texts that the event names, too, such as the inputs and the rule of a decision.
    """
    async with options.desk(machine) as desk:
        taken = await against.sealed(desk)
        desk.screen.draw(await receipts.write(desk, decision, output, taken, disclose=disclose), receipts.WRITTEN)


async def verify(
    file: Path, /, *, seal: str | None = None, trust: tuple[str, ...] = (), options: Options = ASIS, machine: Given
) -> ExitCode:
    """Verify a receipt without a log: that its event is, byte for byte, among those that were sealed.

    Args:
        file: Receipt.
        seal: The seal that you hold, as `stillroom log seal` printed it, or a file whose last line it is. Without it
            the one in the receipt is taken at its word.
        trust: Public key, or its file, that must have signed the seal; repeatable: one of them must have signed.
    """
    known = None if seal is None else seals.read_seal(seal, machine.folder)
    row = await receipts.verify(machine.folder / file, known, seals.read_trusted(trust, machine.folder))
    return receipts.show_verified(options.screen(machine), row)


app: Final = App(name="receipt", help="Prove one decision of a log by a seal, with all else withheld.")
app.command(write)
app.command(verify)
