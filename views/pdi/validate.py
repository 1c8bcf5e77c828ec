"""What PDI is worth: the measures of a skill beside what the skill did for a student, and what cannot be told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold_kept
from events.digest import Digest, Fingerprint, digest_of
from events.errors import BlobMissing
from events.store.base import EventLog
from events.types.condition import Condition, read_condition
from projections.evaluations import Evaluation, Evaluations
from projections.pdi.retrospective_view import RetrospectiveState, scored_trials
from projections.pdi.skill_origins import SkillOrigin
from projections.pdi.validation import (
    ItemEffect,
    ItemScope,
    Measure,
    MeasuredSkill,
    MeasureWorth,
    StoredScore,
    item_effects,
    skill_effects,
    worth_of,
)
from views.pdi.skill_trials import SkillTrials, read_skill_trials
from views.terminal.format import plural, short
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

ALPHA: Final = Fraction(1, 20)
"""How often an interval may miss."""


class WorthRow(msgspec.Struct, frozen=True, tag_field="kind", tag="worth"):
    """How one measure orders skills, beside how their effects do. Values are unrounded."""

    measure: Measure
    """``retrospective``: the paper's PDI. ``online``: that of the last reflection. ``divergence``: how much attempts
    differ. ``evidence``: share of the evidence that the distiller was shown."""
    items: ItemScope
    """Whether effects on the task count that a skill was distilled from."""
    skills: int
    """With the figure and a measured effect."""
    tasks: int
    """They were distilled from; each counts once."""
    rho: float | None
    """Spearman's rank correlation, in [-1, 1]. None: `limits` say why."""
    low: float | None
    """Lower end of its 95 % interval over tasks. None, here and below: there is no interval."""
    high: float | None
    method: str | None
    """Of the interval."""
    limits: tuple[str, ...]
    """What cannot be told from these data."""


class SkillEffectRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skill_effect"):
    """A skill, what was known of it, and what it did."""

    skill: str
    digest: str
    """Of its folder."""
    run: str
    trial: str
    """Where it was distilled."""
    task: str
    retrospective: float | None
    """None, here and below: there is no such figure."""
    online: float | None
    divergence: float | None
    evidence: float | None
    items: int
    """On which it was tried, with scores of the same student without a skill. 0: on none."""
    scores: int
    """Of both sides together."""
    effect: float | None
    """Mean over items of the score with it less that without, in [-1, 1]. None: it was not tried."""
    on_own_task: bool
    """Whether one of the items is the task that it was distilled from."""
    effect_elsewhere: float | None
    """The same over the other items. None: there are none."""


class ValidationRow(msgspec.Struct, frozen=True, tag_field="kind", tag="validation"):
    """What all figures rest on."""

    trials: int
    """That explored; those of students do not count."""
    skills: int
    """Distinct skills that trials left."""
    tried: int
    """With a measured effect."""
    twice: int
    """Skills that were distilled again with the same bytes; the first trial counts."""
    several: int
    """Scores of students that were given several skills at once: no figure of one skill describes them."""
    unpaired: int
    """Scores with a skill beside which there is none of the same student without."""
    unreadable: int
    """Scores of which a part was erased."""
    limits: tuple[str, ...]


_Row: TypeAlias = WorthRow | SkillEffectRow | ValidationRow


class _Scores(NamedTuple):
    scores: list[StoredScore]
    several: int
    unreadable: int


async def tell(desk: OpenedLog, runs: Sequence[str]) -> None:
    """Relate the measures of skills to their measured effects.

    Args:
        desk: The log, whose stored evaluations say what skills did.
        runs: Whose skills count. Empty: those of all runs.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        BlobMissing: A text that a measure rests on is gone.
    """
    found = await read_skill_trials(desk, runs)
    origins = found.origins
    skills = _measured(origins, found.retrospective)
    read = await _read_scores(desk.log, frozenset(skills))
    effects = item_effects(read.scores)
    worth = worth_of(list(skills.values()), effects, ALPHA)
    first = {each.digest: each for each in reversed(origins)}
    listed = [_skill_row(first[digest], skills[digest], effects) for digest in skills]
    rows: list[_Row] = [*map(_worth_row, worth), *listed, _scope(found, listed, read, effects)]
    desk.screen.show(rows, render)


def _measured(origins: Iterable[SkillOrigin], state: RetrospectiveState) -> dict[Fingerprint, MeasuredSkill]:
    """Give each skill once, as the first trial left it that did."""
    scores = {(each.run, each.trial): each.score.pdi for each in scored_trials(state)}
    found: dict[Fingerprint, MeasuredSkill] = {}
    for each in origins:
        measured = MeasuredSkill(
            digest=each.digest,
            task=each.task,
            retrospective=scores.get((each.run, each.trial)),
            online=each.online,
            divergence=each.divergence,
            evidence=each.evidence,
        )
        found.setdefault(each.digest, measured)
    return found


async def _read_scores(log: EventLog, known: frozenset[Fingerprint]) -> _Scores:
    """Read the stored scores of students that were given one of these skills, or none."""
    state = await fold_kept(log, Evaluations(), await log.head())
    conditions: dict[Digest, Condition | None] = {}
    scores, several, unreadable = list[StoredScore](), 0, 0
    for stored in (each for found in state.stored.values() for each in found):
        if stored.condition not in conditions:
            conditions[stored.condition] = await _condition(log, stored.condition)
        condition = conditions[stored.condition]
        if condition is None:
            unreadable += 1
            continue
        given = [each.digest for each in condition.skills or ()]
        if len(given) > 1 and known.intersection(given):
            several += 1
        if condition.skills is None or len(given) > 1 or not known.issuperset(given):
            continue
        place = await _place(log, stored, condition)
        if place is None:
            unreadable += 1
            continue
        scores.append(StoredScore(given[0] if given else None, stored.item, place, stored.solved))
    return _Scores(scores, several, unreadable)


async def _condition(log: EventLog, digest: Digest) -> Condition | None:
    try:
        return read_condition(await log.get(digest))
    except (BlobMissing, msgspec.MsgspecError):
        return None


async def _place(log: EventLog, stored: Evaluation, condition: Condition) -> str | None:
    """Name everything that reached the model or the verifier but the skill and which fresh repeat it was."""
    try:
        parts = msgspec.json.decode(await log.get(stored.key), type=dict[str, object])
    except (BlobMissing, msgspec.MsgspecError):
        return None
    parts["condition"] = msgspec.structs.replace(condition, skills=()).digest
    for name in ("repeat", "series"):
        parts.pop(name, None)
    return digest_of(msgspec.json.encode(parts, order="sorted"))


def _worth_row(worth: MeasureWorth) -> WorthRow:
    interval = worth.correlation.interval
    return WorthRow(
        measure=worth.measure,
        items=worth.items,
        skills=worth.skills,
        tasks=worth.correlation.tasks,
        rho=worth.correlation.rho,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        method=None if interval is None else interval.method,
        limits=worth.limits,
    )


def _skill_row(origin: SkillOrigin, skill: MeasuredSkill, effects: Sequence[ItemEffect]) -> SkillEffectRow:
    own = [each for each in effects if each.skill == origin.digest]
    return SkillEffectRow(
        skill=origin.skill,
        digest=origin.digest,
        run=origin.run,
        trial=origin.trial,
        task=origin.task,
        retrospective=skill.retrospective,
        online=skill.online,
        divergence=skill.divergence,
        evidence=skill.evidence,
        items=len(own),
        scores=sum(each.scores for each in own),
        effect=_effect(skill_effects(own, {}), origin.digest),
        on_own_task=any(each.item == origin.task for each in own),
        effect_elsewhere=_effect(skill_effects(own, {origin.digest: origin.task}), origin.digest),
    )


def _effect(effects: Mapping[Fingerprint, Fraction], skill: Fingerprint) -> float | None:
    return float(effects[skill]) if skill in effects else None


def _scope(
    found: SkillTrials,
    listed: Sequence[SkillEffectRow],
    read: _Scores,
    effects: Sequence[ItemEffect],
) -> ValidationRow:
    paired = {(each.skill, each.item) for each in effects}
    unpaired = sum(each.skill is not None and (each.skill, each.item) not in paired for each in read.scores)
    tried = sum(row.items > 0 for row in listed)
    row = ValidationRow(
        trials=found.trials,
        skills=len(listed),
        tried=tried,
        twice=len(found.origins) - len(listed),
        several=read.several,
        unpaired=unpaired,
        unreadable=read.unreadable,
        limits=(),
    )
    return msgspec.structs.replace(row, limits=tuple(_limits(row)))


def _limits(row: ValidationRow) -> Iterator[str]:
    """Say what no figure above can tell."""
    if row.trials > row.skills + row.twice:
        left = row.trials - row.skills - row.twice
        yield f"selection: {plural(left, 'trial')} of {row.trials} left no skill, and nobody knows what theirs would do"
    if row.skills > row.tried:
        yield f"selection: {row.skills - row.tried} of {plural(row.skills, 'skill')} have no measured effect"
    if row.twice:
        yield f"distilled again with the same bytes: {row.twice}; the first trial counts"
    if row.several:
        yield f"scores with several skills at once: {row.several}; they count for none (use per-item: or run:RUN/NAME)"
    if row.unpaired:
        yield f"scores beside which there is none without a skill: {row.unpaired}; they count for none"
    if row.unreadable:
        yield f"scores of which a part was erased: {row.unreadable}"


# -- for people -------------------------------------------------------------------------------------------------------


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:+.2f}"


def _interval(row: WorthRow) -> str | None:
    return None if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"


WORTH: Final = TableView(
    WorthRow,
    "measure items >skills >tasks",
    (">rank correlation", lambda row: _figure(row.rho)),
    (">95 %", _interval),
)
SKILLS: Final = TableView(
    SkillEffectRow,
    "skill",
    ("run", lambda row: short(row.run)),
    "task",
    (">retrospective", lambda row: _figure(row.retrospective)),
    (">online", lambda row: _figure(row.online)),
    (">divergence", lambda row: _figure(row.divergence)),
    (">evidence", lambda row: None if row.evidence is None else f"{row.evidence:.0%}"),
    ">items >scores",
    (">effect", lambda row: _figure(row.effect)),
    (">elsewhere", lambda row: _figure(row.effect_elsewhere)),
    empty=Text("no trial left a skill", style="dim"),
)


def render(rows: Sequence[_Row]) -> RenderableType:
    """Draw what the measures are worth, skill by skill, and what cannot be told."""
    worth = [row for row in rows if isinstance(row, WorthRow)]
    skills = [row for row in rows if isinstance(row, SkillEffectRow)]
    limits = [*_joined(worth), *(limit for row in rows if isinstance(row, ValidationRow) for limit in row.limits)]
    return Group(
        WORTH(worth),
        "",
        SKILLS(skills),
        "",
        Text(
            "effect: solved with the skill less solved without any, by the same student; mean over items", style="dim"
        ),
        *[Text(f"cannot tell  {limit}", style="yellow") for limit in limits],
    )


def _joined(worth: Sequence[WorthRow]) -> Iterator[str]:
    """Say each limit once, with the measures that it is one of."""
    for limit in dict.fromkeys(limit for row in worth for limit in row.limits):
        of = [f"{row.measure}, {row.items}" for row in worth if limit in row.limits]
        yield f"{limit} ({'every measure' if len(of) == len(worth) else '; '.join(of)})"
