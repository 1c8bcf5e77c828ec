"""A run over a suite told on one page: arms, pairs, tasks, libraries, what authors wrote, and costs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from rich.text import Text

from events.store.base import EventLog, Head
from projections.evolution.pairs import arms_of
from projections.evolution.state import EvolvedLibrary
from views.evolution.arm_rows import (
    ARMS,
    MEASURES,
    EvolvedArmRow,
    arm_rows,
    by_groups,
    lacks,
    share,
    told_failures,
    told_patches,
)
from views.evolution.costs import ARM_COSTS, ArmCostRow, arm_cost_rows, cost_of
from views.evolution.evolved_log import EvolvedLog
from views.evolution.pair_rows import (
    PAIRS,
    EvolvedPairRow,
    EvolvedTaskRow,
    interval_of,
    marks,
    pair_rows,
    task_rows,
    task_table,
)
from views.runs.train_rows import gained, percent
from views.terminal.format import count, plural, short, when
from views.terminal.pages import page_template
from views.terminal.table_formats import TableFormat, latex_text, markdown_text, write_table
from views.terminal.tables import TableView


class LibraryRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evolved_library"):
    """A library at its end."""

    run: str
    course: str
    scope: str
    ending: str
    """``completed``, ``budget`` or ``stopped``; ``running``: it has not ended."""
    planned: int
    scored: int
    infrastructure: int
    skills: tuple[str, ...]
    """Active ones, each with its revisions."""
    frozen: str | None
    """Event that froze it. None: it was not."""


def library_rows(evolved: EvolvedLog) -> list[LibraryRow]:
    """Put libraries on rows, in the order in which they began."""
    return [_library(evolved.name, stream, each) for stream, each in evolved.run.libraries.items()]


def _library(run: str, stream: str, library: EvolvedLibrary) -> LibraryRow:
    closed = library.closed
    active = [each for each in library.skills.values() if each.retired is None and each.quarantined is None]
    return LibraryRow(
        run=run,
        course=library.course,
        scope=library.scope,
        ending="running" if closed is None else closed.ending,
        planned=len(library.tasks) if closed is None else closed.planned,
        scored=sum(each.row.solved is not None for each in library.trials.values()),
        infrastructure=0 if closed is None else closed.infrastructure,
        skills=tuple(f"{each.skill} r{each.revisions}" for each in active),
        frozen=None if library.frozen is None else f"{run}:{stream}@{library.frozen.version}",
    )


LIBRARIES = TableView(
    LibraryRow,
    "course scope ending",
    (">scored", lambda row: f"{row.scored}/{row.planned}"),
    ("skills…", lambda row: ", ".join(row.skills) or "none"),
    empty=Text("no library has begun"),
)


class EvolutionReport(NamedTuple):
    """What the page holds."""

    title: str
    written: str
    head: Head
    opening: str
    arms: Sequence[EvolvedArmRow]
    pairs: Sequence[EvolvedPairRow]
    tasks: Sequence[EvolvedTaskRow]
    libraries: Sequence[LibraryRow]
    costs: Sequence[ArmCostRow]
    names: Sequence[str]
    """Of the arms."""


class EvolutionStamp(NamedTuple):
    """When and by what a report is written."""

    at: int
    """Microseconds since 1970, UTC."""
    version: str
    head: Head


async def read_evolution_report(
    log: EventLog, evolved: EvolvedLog, stamp: EvolutionStamp, baseline: str | None = None
) -> EvolutionReport:
    """Gather what is told of a run over a suite.

    Raises:
        ArmsUnknown: There is no arm of the name of the baseline.
    """
    rows = arm_rows(evolved)
    return EvolutionReport(
        title=f"{rows[0].suite if rows else 'Suite'}, run {short(evolved.name)}",
        written=f"{when(stamp.at)} UTC by stillroom {stamp.version}",
        head=stamp.head,
        opening=" ".join(_opening(rows)),
        arms=rows,
        pairs=pair_rows(evolved, baseline=baseline),
        tasks=task_rows(evolved),
        libraries=library_rows(evolved),
        costs=await arm_cost_rows(log, evolved.name, arms_of(evolved.run)),
        names=arms_of(evolved.run),
    )


def _opening(rows: Sequence[EvolvedArmRow]) -> Iterator[str]:
    """Say in words what was done, and what it came to."""
    if not rows:
        yield "No library has begun."
        return
    first = rows[0]
    release = f"release {first.release}" if first.release else "without a release of its own"
    yield f"{plural(len(rows), 'arm')} over {first.suite}, {release}, digest {first.suite_digest[:12]}."
    for row in rows:
        held_out = row.evaluation
        yield f"{row.arm} solved {held_out.solved} of {held_out.scored} scored held-out tasks."
    yield from (f"{each}." for each in lacks(rows))


def evolution_page(told: EvolutionReport) -> str:
    """Write the page: one file that needs nothing else."""
    words = {
        "share": share,
        "by_groups": by_groups,
        "percent": percent,
        "gained": gained,
        "failures": told_failures,
        "patches": told_patches,
        "interval_of": interval_of,
        "marks": marks,
        "count": count,
        "cost_of": cost_of,
    }
    return page_template("views.evolution", "evolution.html.j2").render(told=told, **words)


def evolution_tables(told: EvolutionReport, form: TableFormat) -> str:
    """Write what was measured as tables, for a paper."""
    escaped = latex_text if form is TableFormat.LATEX else markdown_text
    parts = [
        escaped(told.opening),
        write_table(told.arms, ARMS, form),
        write_table(told.arms, MEASURES, form),
        write_table(told.pairs, PAIRS, form),
        write_table(told.tasks, task_table(told.tasks), form),
        write_table(told.libraries, LIBRARIES, form),
        write_table(told.costs, ARM_COSTS, form),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
