"""Arms of a run over a suite beside one of them: pairs of tasks, and a verdict where there are units enough."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.types.evolution import LibraryScope
from events.types.suite import ROLES, TaskRole
from projections.comparison.compare import PairedDifference
from projections.comparison.intervals import LEAST_UNITS
from projections.evolution.measures import HELD_OUT
from projections.evolution.pairs import ComparedArms, arms_of, compare_arms
from views.evolution.evolved_log import EvolvedLog
from views.runs.train_rows import gained
from views.terminal.format import UNKNOWN, plural
from views.terminal.tables import TableView


class EvolvedPairRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evolved_pair"):
    """One arm beside another, over the tasks that both have a score of."""

    run: str
    arm: str
    baseline: str
    roles: tuple[TaskRole, ...]
    unit: LibraryScope
    """What is independent."""
    units: int
    tasks: int
    """With a score in both arms."""
    won: int
    lost: int
    kept: int
    difference: float | None
    """Mean over tasks of the paired difference, from -1 to 1. None: there is no pair."""
    low: float | None
    """Lower end of the interval. None: fewer than ten units."""
    high: float | None
    p: float | None
    """Two-sided, adjusted over the arms by Holm's rule. None: as for the interval."""
    sign_test: float | None
    """Exact two-sided p over won and lost tasks. None: tasks are not independent of each other."""
    verdict: str
    reason: str


def pair_rows(
    evolved: EvolvedLog, *, baseline: str | None = None, roles: Collection[TaskRole] = HELD_OUT
) -> list[EvolvedPairRow]:
    """Compare arms, each on a row. Empty: there is only one.

    Raises:
        ArmsUnknown: There is no arm of the name of the baseline.
    """
    if len(arms_of(evolved.run)) < 2:
        return []
    compared = compare_arms(evolved.run, baseline=baseline, roles=roles)
    return list(_rows(evolved.name, compared, tuple(each for each in ROLES if each in roles)))


def _rows(run: str, compared: ComparedArms, roles: tuple[TaskRole, ...]) -> Iterator[EvolvedPairRow]:
    for pair in compared.comparison.pairs:
        interval = pair.interval
        yield EvolvedPairRow(
            run=run,
            arm=pair.arm,
            baseline=pair.baseline,
            roles=roles,
            unit=compared.unit,
            units=pair.units,
            tasks=len(pair.flips),
            won=pair.count("won"),
            lost=pair.count("lost"),
            kept=pair.count("kept"),
            difference=None if pair.difference is None else float(pair.difference),
            low=None if interval is None else float(interval.low),
            high=None if interval is None else float(interval.high),
            p=pair.p_holm,
            sign_test=None if pair.sign_test is None else float(pair.sign_test),
            verdict=_verdict(pair, compared.unit),
            reason=_reason(pair, compared.unit),
        )


_UNITS: Final[Mapping[LibraryScope, str]] = {"environment": "environments", "family": "families", "global": "courses"}
_ONE: Final[Mapping[LibraryScope, str]] = {"environment": "environment", "family": "family", "global": "course"}
_FEW: Final = "too few families"
"""Verdict of a comparison with too few independent units, whatever they are."""


def _verdict(pair: PairedDifference, unit: LibraryScope) -> str:
    return f"too few {_UNITS[unit]}" if pair.verdict.kind == _FEW else pair.verdict.kind


def _reason(pair: PairedDifference, unit: LibraryScope) -> str:
    """Say why, in the words of a suite: what is independent is seldom a family."""
    if pair.verdict.kind != _FEW:
        return pair.verdict.reason
    units = f"{pair.units} {(_ONE if pair.units == 1 else _UNITS)[unit]}"
    return f"{plural(len(pair.flips), 'task')}, {units}; {LEAST_UNITS} needed"


def interval_of(row: EvolvedPairRow) -> str:
    """Write the ends of the interval, in points."""
    return UNKNOWN if row.low is None else f"{gained(row.low)} to {gained(row.high)}"


def _notes(rows: Sequence[EvolvedPairRow]) -> Iterator[RenderableType]:
    yield Text(f"paired with {rows[0].baseline}; independent: {rows[0].unit}", style="dim")


PAIRS: Final = TableView(
    EvolvedPairRow,
    "arm >won >lost >kept",
    (">difference", lambda row: gained(row.difference)),
    (">interval", interval_of),
    "verdict reason…",
    empty=Text("there is only one arm: nothing to compare"),
    notes=_notes,
)


class EvolvedTaskRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evolved_task"):
    """One task under every arm."""

    run: str
    id: str
    """Within the suite."""
    task: str
    role: TaskRole
    scores: dict[str, tuple[bool | None, ...]]
    """By arm, whether its trials are solved, by repeat. None: it has no score."""


def task_rows(evolved: EvolvedLog) -> list[EvolvedTaskRow]:
    """List the tasks of a run with their primary trials under each arm, in the order of the suite."""
    found: dict[str, EvolvedTaskRow] = {}
    arms = arms_of(evolved.run)
    for library in evolved.run.libraries.values():
        for trial in library.trials.values():
            row = trial.row
            if row.passing == "primary":
                known = found.setdefault(
                    row.task,
                    EvolvedTaskRow(
                        run=evolved.name, id=row.id, task=row.task, role=row.role, scores=dict.fromkeys(arms, ())
                    ),
                )
                known.scores[library.arm] = (*known.scores[library.arm], row.solved)
    return sorted(found.values(), key=lambda each: each.id)


def marks(scores: tuple[bool | None, ...]) -> str:
    """Draw scores: ``●`` solved, ``○`` not, ``x`` no score."""
    return "".join("x" if each is None else "●" if each else "○" for each in scores) or UNKNOWN


def task_table(rows: Sequence[EvolvedTaskRow]) -> TableView[EvolvedTaskRow]:
    """Give the table of tasks: a column for each arm."""
    arms = list(rows[0].scores) if rows else []
    return TableView(
        EvolvedTaskRow,
        "id role",
        *((arm, _marks_of(arm)) for arm in arms),
        empty=Text("no trial so far"),
        notes=lambda _: [Text("● solved, ○ unsolved, x no score; one sign for each repeat", style="dim")],
    )


def _marks_of(arm: str) -> Callable[[EvolvedTaskRow], str]:
    return lambda row: marks(row.scores.get(arm, ()))
