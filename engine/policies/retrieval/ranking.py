"""Which skills of a library are given to an agent for a task: filters, scores, and how many; pure.

What comes out is the whole ranking, with the reason why each skill that is left out is.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

COMPOSITION: Final = "composition"
"""Role of tasks that need skills of several families."""
DIGITS: Final = 12
"""Behind the point, to which scores are rounded."""

RetrievalMethod = Literal["all", "bm25", "embedding", "model", "oracle"]
"""How skills are chosen. all: all that the filters leave. bm25: by words in common. embedding: by the cosine of
vectors. model: by a model that reads their descriptions. oracle: those that the task requires, and, where it states
none, as `RetrievalRule.otherwise` says."""
ScoringMethod = Literal["all", "bm25", "embedding", "model"]
RetrievalPhase = Literal["learning", "evaluation"]


class RetrievalRule(Struct, frozen=True, kw_only=True):
    """How skills are retrieved."""

    method: RetrievalMethod = "bm25"
    k: int = 8
    """Most skills that are given; ``all`` and ``oracle`` give what they give, however many. 1 or more."""
    phase_aware: bool = True
    """Whether only skills of the task's family count while it is learnt from, and only skills of its environment
    later."""
    family_boost: float = 0.0
    """Added to the score of skills of the task's family, unless the task is a composition. 0 or more."""
    otherwise: ScoringMethod = "bm25"
    """What ``oracle`` goes by where a task requires no skill by name."""


class RetrievalTask(Struct, frozen=True):
    """A task, as far as retrieval looks at it."""

    task: str
    family: str
    environment: str
    role: str
    """``canonical``, ``enriched``, ``variant``, ``context-shift``, ``adversarial`` or ``composition``."""
    phase: RetrievalPhase
    required: tuple[str, ...] = ()
    """Skills that it requires, each as ``FAMILY.SKILL``, such as ``E1-LS2.pagination``. Empty: it states none."""


class ScoredSkill(Struct, frozen=True):
    """A skill and how well it fits a task."""

    skill: str
    family: str
    environment: str
    score: float
    """Rounded to 12 digits behind the point; more is better."""


class RankedSkill(Struct, frozen=True, omit_defaults=True):
    """A skill in a ranking."""

    skill: str
    family: str
    score: float
    """With the boost; rounded to 12 digits behind the point."""
    left_out: str = ""
    """Why it is not given: ``family``, ``environment``, ``narrowed``, ``no match``, ``beyond k``, ``not chosen`` or
    ``not required``. Empty: it is given."""


class Ranking(NamedTuple):
    """What a retrieval comes to."""

    chosen: tuple[str, ...]
    """Skills that are given, the best first."""
    ranking: tuple[RankedSkill, ...]
    """All skills of the library: those that are given first, then by score, then by name."""
    required: tuple[str, ...]
    """Skills of the library that the task requires."""
    missing: tuple[str, ...]
    """What it requires and the library does not hold, as the task names it."""
    precision: float | None
    """Share of the chosen that are required; 0 if none is chosen. None: the task requires none by name."""
    recall: float | None
    """Share of what is required that is chosen. None: as `precision`."""
    hit: bool | None
    """Whether all that is required is chosen. None: as `precision`."""


def choose(
    task: RetrievalTask,
    scores: Mapping[ScoringMethod, Sequence[ScoredSkill]],
    rule: RetrievalRule,
    narrowed: Collection[str] = (),
) -> Ranking | None:
    """Choose the skills that an agent is given.

    Args:
        task: What it is to work on.
        scores: By method, every skill of the library with its score; ``all`` has them at 0, ``model`` those that it
            chose above 0.
        rule: How.
        narrowed: Skills that are not to be used in the task's environment.

    Returns:
        None: nothing says how the method scores the skills.
    """
    held = next(iter(scores.values()), ())
    required = required_skills(held, task.required)
    by_name = rule.method == "oracle" and bool(task.required)
    method = _scoring(rule)
    if not by_name and method not in scores:
        return None
    ordered = _ordered(task, held if by_name else scores[method], rule)
    if by_name:
        ranked = [_left_out(each, "" if each.skill in required.held else "not required") for each in ordered]
        ranked.sort(key=lambda each: required.held.index(each.skill) if each.skill in required.held else len(ordered))
    else:
        ranked = _within_k(ordered, partial(_kept_out, task, rule, narrowed), rule, method)
    ranked.sort(key=lambda each: bool(each.left_out))
    chosen = tuple(each.skill for each in ranked if not each.left_out)
    return Ranking(chosen, tuple(ranked), required.held, required.missing, *_measures(task, chosen, required))


def candidates(
    task: RetrievalTask, held: Sequence[ScoredSkill], rule: RetrievalRule, narrowed: Collection[str] = ()
) -> tuple[str, ...]:
    """Name the skills that the filters leave, by name."""
    return tuple(sorted(each.skill for each in held if not _kept_out(task, rule, narrowed, each)))


class RequiredSkills(NamedTuple):
    """What a task requires, in the names of a library."""

    held: tuple[str, ...]
    """Skills, in the order in which the task names them."""
    by_need: tuple[tuple[str, ...], ...]
    """For each thing that it requires and the library holds, the skills that stand for it."""
    missing: tuple[str, ...]
    """What the library does not hold, as the task names it."""


def required_skills(held: Sequence[ScoredSkill], required: Sequence[str]) -> RequiredSkills:
    """Find the skills that a task requires.

    A library in which agents name the skills may have no skill of the name: all skills of its family stand for it then.

    Args:
        held: Skills of the library.
        required: As `RetrievalTask.required`.
    """
    found, missing = [], []
    for need in required:
        family, _, name = need.rpartition(".")
        named = [each.skill for each in held if each.skill == name and family in ("", each.family)]
        skills = named or sorted(each.skill for each in held if family and each.family == family)
        if skills:
            found.append(tuple(skills))
        else:
            missing.append(need)
    flat = tuple(dict.fromkeys(skill for skills in found for skill in skills))
    return RequiredSkills(flat, tuple(found), tuple(missing))


def rounded(score: float) -> float:
    """Round a score, so that it is the same on every machine."""
    return round(score, DIGITS) + 0.0


def _scoring(rule: RetrievalRule) -> ScoringMethod:
    return rule.otherwise if rule.method == "oracle" else rule.method


def _ordered(task: RetrievalTask, scores: Sequence[ScoredSkill], rule: RetrievalRule) -> list[ScoredSkill]:
    """Give skills with their boosts, the best first; among equals by name."""
    boost = 0.0 if task.role == COMPOSITION else rule.family_boost
    boosted = [
        replace(each, score=rounded(each.score + (boost if each.family == task.family else 0.0))) for each in scores
    ]
    return sorted(boosted, key=lambda each: (-each.score, each.skill))


def _within_k(
    ordered: Sequence[ScoredSkill],
    kept_out: Callable[[ScoredSkill], str],
    rule: RetrievalRule,
    method: ScoringMethod,
) -> list[RankedSkill]:
    ranked, given = [], 0
    for each in ordered:
        why = kept_out(each) or _unfit(each, method)
        if not why and method != "all" and given >= rule.k:
            why = "beyond k"
        given += not why
        ranked.append(_left_out(each, why))
    return ranked


def _kept_out(task: RetrievalTask, rule: RetrievalRule, narrowed: Collection[str], skill: ScoredSkill) -> str:
    """Say which filter keeps a skill out. Empty: none does."""
    if skill.skill in narrowed:
        return "narrowed"
    if not rule.phase_aware:
        return ""
    if task.phase == "learning":
        return "" if skill.family == task.family else "family"
    return "" if skill.environment == task.environment else "environment"


def _unfit(skill: ScoredSkill, method: ScoringMethod) -> str:
    if method == "all" or skill.score > 0:
        return ""
    return "not chosen" if method == "model" else "no match"


def _left_out(skill: ScoredSkill, why: str) -> RankedSkill:
    return RankedSkill(skill.skill, skill.family, skill.score, why)


def _measures(
    task: RetrievalTask, chosen: Sequence[str], required: RequiredSkills
) -> tuple[float | None, float | None, bool | None]:
    """Say how well the chosen meet what the task requires: precision, recall, whether all of it is there."""
    if not task.required:
        return None, None, None
    right = sum(skill in required.held for skill in chosen)
    met = sum(any(skill in chosen for skill in skills) for skills in required.by_need)
    precision = right / len(chosen) if chosen else 0.0
    return rounded(precision), rounded(met / len(task.required)), met == len(task.required)
