"""Options of commands that prove something against a seal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cyclopts import Parameter

from events.integrity.seals import AnySeal, sign
from events.store.chain import seal as seal_log
from views.log import seals
from views.terminal.errors import UsageWrong
from views.terminal.log_access import OpenedLog


@Parameter(name="*")
@dataclass(frozen=True)
class SealOptions:
    """The seal that something is proved against."""

    seal: str | None = None
    """Output of `stillroom log seal`, or a file whose last line it is. Default: a seal of the log as it is now."""
    key: Path | None = None
    """File of a secret key to sign that new seal with."""

    async def sealed(self, desk: OpenedLog) -> AnySeal:
        """Give it.

        Raises:
            UsageWrong: Both are given, or the log is a bundle, whose events have other positions.
            KeyUnusable: The key is none.
        """
        if self.seal is not None and self.key is not None:
            raise UsageWrong("--key signs a new seal, and --seal names an earlier one", remedy="give one of them")
        log = desk.writable()
        if self.seal is not None:
            return seals.read_seal(self.seal, desk.machine.folder)
        signer = None if self.key is None else seals.read_secret(desk.machine.folder / self.key)
        taken = await seal_log(log)
        return taken if signer is None else sign(taken, desk.machine.clock(), signer)


NOW: Final = SealOptions()
