"""The command that re-evaluates recorded decisions under other settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from engine.config.changes import Change, read_changes
from views.commands.rows import Rows
from views.replay import what_if, what_if_rows
from views.terminal.errors import UsageWrong
from views.terminal.ids import LATEST, find_run
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "what-if": (
        what_if_rows.UnaskedRow,
        what_if_rows.WhatIfRow,
        what_if_rows.DepartureRow,
        what_if_rows.FlipRow,
        what_if_rows.RecordedRow,
    )
}
MOST: Final = 10_000
"""Settings of a sweep."""


@Parameter(name="*")
@dataclass(frozen=True)
class WhatIfOptions:
    """Settings to evaluate."""

    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """Change a setting of the method, as KEY=VALUE; pdi.threshold is short for method.pdi.active.threshold."""
    sweep: str | None = None
    """Sweep a setting over evenly spaced values, as KEY=FROM:TO:COUNT."""
    svg: Path | None = None
    """Draw the sweep into this file."""
    record: bool = False
    """Append the findings to the log, as derived events in a stream of their own."""


NOTHING: Final = WhatIfOptions()


async def ask(
    *runs: str,
    every: Annotated[bool, Parameter(name="--all")] = False,
    question: WhatIfOptions = NOTHING,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Show which recorded decisions would change under other settings, without any model call.

    Lists the decisions that flip, where each trial would leave its recorded path, and how many attempts and how much
    money were spent after that point.

    Args:
        runs: Run ids. Default: @latest.
        every: Use every run of the log.
    """
    changes, svg = read_changes([_said(each) for each in question.set_]), question.svg
    swept = None if question.sweep is None else _sweep(question.sweep, changes)
    if svg is not None and swept is None:
        raise UsageWrong("--svg needs --sweep", remedy="add --sweep pdi.threshold=-3:1:50")
    if swept is None and not changes:
        raise UsageWrong("no settings given", remedy="pass for example --set pdi.threshold=-0.8")
    async with options.desk(machine) as desk:
        named = [await find_run(desk.log, run) for run in runs or (LATEST,)]
        chosen = await desk.log.runs() if every else list(dict.fromkeys(named))
        if swept is None:
            await what_if.tell(desk, chosen, changes, keep=question.record)
        else:
            wanted = what_if.WhatIfOutput(question.record, None if svg is None else machine.folder / svg)
            await what_if.tell_sweep(desk, chosen, swept, wanted)


def _said(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageWrong(f"--set {text} is not KEY=VALUE", remedy="write for example --set pdi.threshold=-0.8")
    return key.strip(), value.strip()


def _sweep(text: str, changes: tuple[Change, ...]) -> what_if.Sweep:
    key, _, span = text.partition("=")
    try:
        first, last, count = span.split(":")
        start, end, number = float(first), float(last), int(count)
    except ValueError:
        number, start, end = 0, 0.0, 0.0
    if not 2 <= number <= MOST:
        raise UsageWrong(
            f"--sweep {text} is not KEY=FROM:TO:COUNT with a count from 2 to {MOST:,}",
            remedy="write for example --sweep pdi.threshold=-3:1:50",
        )
    places = tuple(start + (end - start) * index / (number - 1) for index in range(number))
    swept = [read_changes([(key.strip(), _written(place))], "--sweep") for place in places]
    return what_if.Sweep(swept[0][0].name, places, tuple((*changes, *each) for each in swept))


def _written(place: float) -> str:
    """Write a number as TOML does; a whole one without a point, so that it fits a key that takes whole numbers."""
    return str(int(place)) if place.is_integer() else repr(place)
