"""What is said at the end of a run over a suite: what became of each arm, its wall time and its critical path."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from engine.programs.evolve.schedule import longest
from engine.runtime.run import RunReport
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.types.evolution import EvolutionPlanned, LibraryClosed, LibraryOpened, PlannedLibrary
from views.evolution.arm_rows import ARMS, arm_rows
from views.evolution.evolved_log import evolution_of_run
from views.runs import live
from views.runs.rows import RunRow
from views.runs.show import calls, spending, tokens
from views.runs.summary import head_of
from views.terminal.format import plural, short
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView

_TAGS: Final = frozenset({"evolution.planned", "library.opened", "library.closed"})


class EvolutionEndRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evolution_end"):
    """What became of an arm."""

    run: str
    arm: str
    libraries: int
    completed: int
    """Libraries that went through all that was scheduled."""
    endings: tuple[str, ...]
    """How the others ended, each once; ``open``: in a process that let go of the run."""
    planned: int
    """Trials that are scheduled."""
    scored: int
    infrastructure: int
    """Trials whose infrastructure failed; they are no score."""
    unbegun: int
    wall_s: float | None
    """Seconds from its first event to its last, pauses of the run included. None: nothing of it has ended."""
    critical_trials: int
    """Trials of which each waits for the one before."""
    critical_authors: int


async def end_rows(log: EventLog, run: str) -> list[EvolutionEndRow]:
    """Say what became of each arm of a run. Empty: it evolves nothing."""
    planned: tuple[PlannedLibrary, ...] = ()
    found: dict[str, Recorded] = {}
    began: dict[str, int] = {}
    async for page in pages_of(log, Selection(run=run, tags=_TAGS)):  # of a fork, what it shares, too
        for each in page:
            match each.event:
                case EvolutionPlanned(libraries=libraries):
                    planned = libraries
                case LibraryOpened():
                    began.setdefault(each.stream.name, each.at)
                case LibraryClosed():
                    found[each.stream.name] = each
                case _:
                    pass
    arms = dict.fromkeys(each.arm for each in planned)
    return [_row(run, arm, [each for each in planned if each.arm == arm], (began, found)) for arm in arms]


def _row(
    run: str, arm: str, planned: Sequence[PlannedLibrary], told: tuple[dict[str, int], dict[str, Recorded]]
) -> EvolutionEndRow:
    began, found = told
    names = [f"library/{each.course}/{each.scope}" for each in planned]
    ends = [found[name] for name in names if name in found]
    closed = [each.event for each in ends if isinstance(each.event, LibraryClosed)]
    endings = [each.ending for each in closed] + ["open"] * (len(names) - len(closed))
    path = longest(planned)
    wall = (max(each.at for each in ends) - min(began[name] for name in names if name in began)) / 1e6 if ends else None
    return EvolutionEndRow(
        run=run,
        arm=arm,
        libraries=len(planned),
        completed=endings.count("completed"),
        endings=tuple(sorted({each for each in endings if each != "completed"})),
        planned=sum(each.learning + each.evaluation + each.replay + each.oracle for each in planned),
        scored=sum(each.scored for each in closed),
        infrastructure=sum(each.infrastructure for each in closed),
        unbegun=sum(each.unbegun for each in closed),
        wall_s=wall,
        critical_trials=path.trials,
        critical_authors=path.authors,
    )


async def carry(log: EventLog, screen: Screen, work: live.Work) -> RunReport:
    """Carry a run over a suite to its end, and show what became of its arms.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    return await live.carry(log, screen, work, partial(_show, log, screen), part="library")


async def _show(log: EventLog, screen: Screen, row: RunRow, report: RunReport) -> None:
    rows = await end_rows(log, report.run)
    if screen.manner is OutputStyle.JSON:
        for each in rows:
            screen.line(each)
        return
    scripted = [Text("scripted models: their answers are canned, everything else is real", style="cyan")]
    sums = Text(" · ".join((calls(row), tokens(row), spending(row))))
    screen.out.print(Group(head_of(row), *(scripted if row.scripted else []), sums, Text()))
    screen.out.print(ENDED(rows))
    evolved = await evolution_of_run(log, report.run)
    if evolved is not None:
        screen.out.print(Text(), ARMS(arm_rows(evolved)))
    name = short(report.run)
    again = [f"resume {name}"] if any("open" in each.endings for each in rows) else []
    commands = [*again, f"show {name}", f"compare {name}", f"report {name}", f"replay {name}"]
    screen.out.print(Text("\nnext  " + " · ".join(f"stillroom {each}" for each in commands)))


def _notes(rows: Sequence[EvolutionEndRow]) -> Iterator[RenderableType]:
    broken = sum(row.infrastructure for row in rows)
    if broken:
        yield Text(f"{plural(broken, 'trial')} whose infrastructure failed: no score, and no failure of an arm")


def _path(row: EvolutionEndRow) -> str:
    """Say what comes one after the other however many places there are."""
    asked = f" + {plural(row.critical_authors, 'question')}" if row.critical_authors else ""
    return plural(row.critical_trials, "trial") + asked


ENDED: Final = TableView(
    EvolutionEndRow,
    "arm",
    (">libraries", lambda row: f"{row.completed} of {row.libraries}"),
    ("ended", lambda row: ", ".join(row.endings) or "completed"),
    (">scored", lambda row: f"{row.scored} of {row.planned}"),
    ">infrastructure",
    ">unbegun",
    (">wall", lambda row: None if row.wall_s is None else f"{row.wall_s:.1f} s"),
    (">critical path", _path),
    (">at best", lambda row: f"{row.planned / row.critical_trials:.1f} x" if row.critical_trials else None),
    notes=_notes,
)
