"""Arms of a run over a suite, one on a row: shares by role, and what became of replays, traps and compositions."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.types.suite import ROLES
from projections.evolution.measures import ArmMeasures, Share, measure_arm
from projections.evolution.pairs import arms_of
from views.evolution.evolved_log import EvolvedLog
from views.runs.train_rows import gained, percent
from views.terminal.format import UNKNOWN, plural
from views.terminal.tables import TableView


class EvolvedArmRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evolved_arm"):
    """One arm. Of each share stand here the solved, the scored and the scheduled trials."""

    run: str
    arm: str
    suite: str
    release: str
    suite_digest: str
    libraries: int
    t1: Share
    t2: Share
    t3: Share
    t4: Share
    """Context shift."""
    t5: Share
    """Adversarial."""
    t6: Share
    """Composition."""
    learning: Share
    """T1 to T3."""
    evaluation: Share
    """T4 to T6, with the frozen library."""
    replayed: Share
    """Tasks tried once more with the frozen library."""
    oracle: Share
    """Compositions with exactly the skills that they require."""
    skills: int
    """Active ones, over all its libraries."""
    measures: ArmMeasures
    """All that is measured of it."""


def arm_rows(evolved: EvolvedLog) -> list[EvolvedArmRow]:
    """Put the arms of a run on rows, in the order in which it plans them."""
    return [_row(evolved, arm) for arm in arms_of(evolved.run)]


def _row(evolved: EvolvedLog, arm: str) -> EvolvedArmRow:
    measures = measure_arm(evolved.run, arm)
    libraries = [each for each in evolved.run.libraries.values() if each.arm == arm]
    first = libraries[0] if libraries else None
    t1, t2, t3, t4, t5, t6 = (measures.roles[role] for role in ROLES)
    return EvolvedArmRow(
        run=evolved.name,
        arm=arm,
        suite=first.suite if first else "",
        release=first.release if first else "",
        suite_digest=first.digest if first else "",
        libraries=len(libraries),
        t1=t1,
        t2=t2,
        t3=t3,
        t4=t4,
        t5=t5,
        t6=t6,
        learning=measures.learning,
        evaluation=measures.evaluation,
        replayed=measures.replayed,
        oracle=measures.oracle,
        skills=measures.health.active,
        measures=measures,
    )


def share(value: Share) -> str:
    """Write a share: solved of scored, and a sign where some that were scheduled have no score."""
    if not value.scheduled:
        return UNKNOWN
    lacking = f" ({value.scheduled - value.scored} unscored)" if value.scored < value.scheduled else ""
    return f"{value.solved}/{value.scored}{lacking}"


def by_groups(row: EvolvedArmRow) -> str:
    """Write the share of held-out trials whose groups of checks all pass, of those that have groups."""
    found = row.measures.by_groups
    return f"{found.solved}/{found.scored}" if found.scored else UNKNOWN


def _notes(rows: Sequence[EvolvedArmRow]) -> Iterator[RenderableType]:
    first = rows[0]
    release = f" {first.release}" if first.release else ", no release named"
    yield Text(f"suite {first.suite}{release}, digest {first.suite_digest[:12]}", style="dim")
    yield from (Text(each, style="yellow") for each in lacks(rows))


def lacks(rows: Sequence[EvolvedArmRow]) -> Iterator[str]:
    """Say what arms lack: scores of trials, and answers of authors, without which an arm is not what it is called."""
    parts = [part for each in rows for part in (each.measures.overall, each.measures.replayed, each.measures.oracle)]
    unscored = sum(part.scheduled - part.scored for part in parts)
    if unscored:
        yield f"{plural(unscored, 'scheduled trial')} without a score: in no share, never counted as failed"
    for row in rows:
        unread = row.measures.revisions.unread
        if unread:
            asked = plural(unread, "question")
            yield f"{row.arm}: {asked} to the author without a readable answer: nothing was learnt by them"


ARMS: Final = TableView(
    EvolvedArmRow,
    "arm",
    (">learning", lambda row: share(row.learning)),
    (">T4 shift", lambda row: share(row.t4)),
    (">T5 trap", lambda row: share(row.t5)),
    (">T6 compose", lambda row: share(row.t6)),
    (">held out", lambda row: share(row.evaluation)),
    (">by groups", by_groups),
    (">replayed", lambda row: share(row.replayed)),
    (">skills", lambda row: str(row.skills)),
    empty=Text("no library has begun"),
    notes=_notes,
)


def told_failures(measures: ArmMeasures) -> str:
    """List why compositions failed."""
    return ", ".join(f"{name} {number}" for name, number in measures.compositions.failures.items()) or UNKNOWN


def told_patches(row: EvolvedArmRow) -> str:
    """List what became of what authors were asked for."""
    told = row.measures.revisions
    parts = ("applied", "unchanged", "refused", "rejected", "unread")
    return ", ".join(f"{getattr(told, part)} {part}" for part in parts if getattr(told, part)) or UNKNOWN


MEASURES: Final = TableView(
    EvolvedArmRow,
    "arm",
    (">traps resisted", lambda row: _of(row.measures.traps.resisted, row.measures.traps.trapped)),
    (">replay lift", lambda row: gained(row.measures.replay.lift)),
    (">recovered", lambda row: percent(row.measures.replay.recovery)),
    (">forgotten", lambda row: percent(row.measures.replay.regression)),
    (">oracle lift", lambda row: gained(row.measures.oracle_pairs.lift)),
    ("compositions fail by…", lambda row: told_failures(row.measures)),
    ("patches…", told_patches),
    (">harmful", lambda row: str(len(row.measures.health.harmful))),
)


def _of(part: int, other: int) -> str:
    return f"{part}/{part + other}" if part + other else UNKNOWN
