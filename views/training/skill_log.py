"""The accepted revisions of a skill, each with the step and the scores by which it came into force."""

from collections.abc import AsyncIterator, Iterator, Sequence
from fractions import Fraction
from math import sqrt
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.values import NamedDigest
from projections.library import Revision, Skill
from projections.training.measures import changes_of, fresh_score, gain_of, passes_of, selection_score
from projections.training.state import RevisionRecord, TrainedRun
from views.libraries import life
from views.libraries.evolved import is_of_library
from views.runs import skills
from views.runs.show import text_of
from views.runs.train_rows import believed, gained, measured, number, percent
from views.terminal.format import when
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView
from views.training.skill_diff import diff_rows
from views.training.trained_log import skill_of_run


class SkillLogRow(msgspec.Struct, frozen=True, tag_field="row", tag="skill_revision"):
    """A revision of a skill that is or was in force."""

    skill: str
    run: str
    """That accepted it."""
    revision: int
    """From 1; 0: imported, or what training began with."""
    origin: str
    """``distilled``, ``written``, ``merged`` or ``imported``; in training ``initial``, ``step``, ``rewrite``, ``slow``
    or ``appendix``."""
    at: int | None
    """Microseconds since 1970, UTC. None: of what training began with."""
    step: int | None
    """Of training. None: it was not trained, or is what training began with. So are the following."""
    epoch: int | None
    edits: tuple[str, ...]
    """Edits that it is made of, as `edits show` takes them."""
    score: float | None
    """Mean of the pass by which it was accepted, in [0, 1]: chosen for being high. None: there was none."""
    believed: float | None
    """What its gate believed of it when it came into force. None: nothing."""
    deviation: float | None
    """Standard deviation of what is believed. None: the gate states none."""
    measured: float | None
    """Mean of all passes after it came into force, by which it was not chosen. None: there was none."""
    measured_cells: int
    measured_items: int
    """Items behind ``measured``: of those that count at the gate."""
    """Cells with a score behind `measured`."""
    gain: float | None
    """Mean over items of the paired difference to the revision before, in solved cells. None: nothing is paired."""
    gate: str | None
    added: int
    """Lines that the revision before has not."""
    removed: int
    """Lines that only the revision before has."""
    digest: str
    """Of its folder. Empty: training began with no skill."""
    in_force: bool
    best: bool
    """Whether it is the best that training found. False: it was not trained, too."""


async def tell(desk: OpenedLog, text: str) -> None:
    """List the revisions of a skill, the first one first; of one that a run evolves, every step of its life.

    Raises:
        IdUnknown, IdAmbiguous: There is no such skill, or there are several.
    """
    skill = (await skills.choose_skill(desk, text)).skill
    if is_of_library(skill):
        await life.tell(desk, skill)
        return
    trained = await skill_of_run(desk.log, skill.latest.run)
    run = None if trained is None or trained.run.skill != skill.name else trained.run
    desk.screen.show([row async for row in _rows(desk, skill, run)], SKILL_LOG)


async def _rows(desk: OpenedLog, skill: Skill, run: TrainedRun | None) -> AsyncIterator[SkillLogRow]:
    before: tuple[NamedDigest, ...] = ()
    if run is not None:
        before = run.initial
        yield _trained_row(skill, run, run.revisions[0], None, (0, 0))
    for revision in skill.revisions:
        record = None if run is None else _record(run, revision)
        changed = await _changed(desk, before, revision.files)
        if run is not None and record is not None:
            yield _trained_row(skill, run, record, revision, changed)
        else:
            yield _row(skill, revision, changed)
        before = revision.files


def _record(run: TrainedRun, revision: Revision) -> RevisionRecord | None:
    if revision.run != run.run:
        return None
    return next((each for each in run.revisions[1:] if each.revision == revision.revision), None)


async def _changed(desk: OpenedLog, before: tuple[NamedDigest, ...], after: tuple[NamedDigest, ...]) -> tuple[int, int]:
    """Count lines that were added and removed."""
    texts = [{each.name: await text_of(desk.log, each.digest) for each in files} for files in (before, after)]
    rows = list(diff_rows(("", ""), *texts))
    return sum(row.added for row in rows), sum(row.removed for row in rows)


def _row(skill: Skill, revision: Revision, changed: tuple[int, int]) -> SkillLogRow:
    return SkillLogRow(
        skill=skill.name,
        run=revision.run,
        revision=revision.revision,
        origin=revision.origin,
        at=revision.at,
        step=None,
        epoch=None,
        edits=(),
        score=None,
        believed=None,
        deviation=None,
        measured=None,
        measured_cells=0,
        measured_items=0,
        gain=None,
        gate=None,
        added=changed[0],
        removed=changed[1],
        digest=revision.digest,
        in_force=revision is skill.latest and skill.retired is None,
        best=False,
    )


def _trained_row(
    skill: Skill, run: TrainedRun, record: RevisionRecord, revision: Revision | None, changed: tuple[int, int]
) -> SkillLogRow:
    candidate = None if record.candidate is None else run.candidate(record.candidate)
    fresh = fresh_score(run, record)
    applied = [] if candidate is None else [each.place for each in candidate.edits if each.applied]
    names = [f"{record.candidate}.{place}" for place in applied] or [record.candidate or ""]
    return SkillLogRow(
        skill=skill.name,
        run=run.run,
        revision=record.revision,
        origin=record.origin,
        at=None if revision is None else revision.at,
        step=record.step or None,
        epoch=record.epoch or None,
        edits=tuple(name for name in names if name),
        score=number(record.score) if record.revision else _first_score(run),
        believed=number(record.believed),
        deviation=None if record.variance is None else sqrt(record.variance.exact),
        measured=None if fresh is None else float(fresh.mean),
        measured_cells=0 if fresh is None else fresh.cells,
        measured_items=0 if fresh is None else fresh.items,
        gain=_float(None if candidate is None else gain_of(changes_of(run, candidate))),
        gate=candidate.gates[-1].gate if candidate is not None and candidate.gates else None,
        added=changed[0],
        removed=changed[1],
        digest=record.digest or "",
        in_force=record is run.in_force and skill.retired is None,
        best=record is run.best,
    )


def _first_score(run: TrainedRun) -> float | None:
    """Give the score of what training began with, over the items that all later ones are over.

    Of an imported run no item is known, and the mean of all stands for it.
    """
    first = next(iter(passes_of(run, run.revisions[0].digest)), None)
    if first is not None and first.label not in run.cells:
        return number(first.hard)
    scored = None if first is None else selection_score(run, [first.label])
    return None if scored is None else float(scored.mean)


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _standing(row: SkillLogRow) -> str:
    return ", ".join(word for word, holds in (("in force", row.in_force), ("best", row.best)) if holds)


def _notes(rows: Sequence[SkillLogRow]) -> Iterator[RenderableType]:
    if any(row.score is not None for row in rows):
        first = "score: the pass by which it was accepted, so too high; believed: by the gate, at that time"
        yield Text(f"{first}; measured: passes since then", style="dim")


SKILL_LOG: Final = TableView(
    SkillLogRow,
    ">revision",
    "run",
    ("origin", lambda row: row.origin if row.step is None else f"{row.origin} {row.step}"),
    ("edits…", lambda row: row.edits),
    (">score", lambda row: percent(row.score)),
    (">believed", lambda row: believed(row.believed, row.deviation)),
    (">measured", lambda row: measured(row.measured, row.measured_items)),
    (">gain", lambda row: gained(row.gain)),
    ("lines", lambda row: f"+{row.added} -{row.removed}"),
    ("when", lambda row: "" if row.at is None else when(row.at)),
    ("", _standing),
    notes=_notes,
)
