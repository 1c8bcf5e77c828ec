"""A run over a suite as a log holds it, found by what a person types."""

from typing import NamedTuple

from engine.core.fold import fold_run
from events.store.base import EventLog, Selection
from projections.evolution.state import EvolvedRun
from projections.evolution.view import Evolution
from views.terminal.errors import UsageWrong
from views.terminal.ids import find_run


class EvolvedLog(NamedTuple):
    """A run, and what it came to."""

    name: str
    run: EvolvedRun


async def read_evolution(log: EventLog, text: str) -> EvolvedLog:
    """Read a run over a suite, as far as it has come.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
        UsageWrong: It goes over no suite, or has not read it so far.
    """
    name = await find_run(log, text)
    found = await evolution_of_run(log, name)
    if found is None:
        raise UsageWrong(f"run {name} evolves no library, or has not begun to", remedy=await evolution_runs(log))
    return found


async def evolution_of_run(log: EventLog, run: str) -> EvolvedLog | None:
    """Read a run if it evolves libraries. None: it does not."""
    (state,) = await fold_run(log, [Evolution()], run, erased=set())
    found = state.runs.get(run)
    return EvolvedLog(run, found) if found is not None and found.planned else None


async def evolution_runs(log: EventLog) -> str:
    """Say which runs of a log evolve libraries, as a remedy."""
    runs = dict.fromkeys([each.stream.run async for each in log.read(Selection(tags={"evolution.planned"}))])
    if not runs:
        return "no run of this log evolves a library; `stillroom evolve SPEC.toml` starts one"
    return f"runs that do: {', '.join([*runs][-5:])}"
