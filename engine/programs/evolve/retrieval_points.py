"""Points of decision of retrieval: whether a model is asked to rank, and which skills a trial is given.

Words are always ranked, which costs nothing: so what another method without a model, another k or no filter would have
given can be told of any run.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy, PolicyContext
from engine.policies.retrieval.ranking import (
    Ranking,
    RetrievalRule,
    RetrievalTask,
    ScoredSkill,
    ScoringMethod,
    candidates,
    choose,
)
from engine.policies.retrieval.searched import SearchedSkill, by_cosine, by_order, unscored
from engine.programs.evolve.spec import arm_of_spec
from events.digest import Digest, Fingerprint
from events.types.decision import Text
from events.types.evolution import RetrievalMade, SkillGiven, TrialPass

AskedMethod: TypeAlias = Literal["none", "embedding", "model"]
_skills: Final = msgspec.json.Decoder(tuple[SearchedSkill, ...])
_scores: Final = msgspec.json.Decoder(tuple[ScoredSkill, ...])
_vectors: Final = msgspec.json.Decoder(tuple[tuple[float, ...], ...])
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def _rule(spec: RunSpec, saw: Any) -> RetrievalRule:
    """Read how an arm retrieves. The shadow of a composition is given what that requires, whatever the arm does."""
    settings = arm_of_spec(spec).retrieval
    return RetrievalRule(
        method="oracle" if saw.passing == "oracle" else settings.method,
        k=settings.k,
        phase_aware=settings.phase_aware,
        family_boost=settings.family_boost,
    )


# -- whether a model is asked ------------------------------------------------------------------------------------------


class RankerSaw(msgspec.Struct, frozen=True):
    """A task that is about to be given skills."""

    task: RetrievalTask
    passing: TrialPass
    skills: Text | None
    """JSON list of `SearchedSkill`. None: the library is empty."""
    narrowed: tuple[str, ...]
    """Skills that are not to be used in the task's environment."""


class RankerChoice(msgspec.Struct, frozen=True):
    """Who ranks, besides the words."""

    ask: AskedMethod
    """embedding: the embedder. model: the chooser. none: nobody."""
    offered: tuple[str, ...]
    """Skills that are shown to whoever is asked, by name."""


RANKER: Final = Point(
    name="ranker",
    revision=1,
    saw=RankerSaw,
    settings=RetrievalRule,
    ruling=RankerChoice,
    decisive=("ask", "offered"),
    steers=True,
    rule=_rule,
)


def choose_ranker(saw: RankerSaw, rule: RetrievalRule, desk: PolicyContext) -> RankerChoice:
    """Ask a model where the method goes by one and there is something to choose from."""
    skills = () if saw.skills is None else _skills.decode(desk.read(saw.skills))
    offered = candidates(saw.task, unscored(skills), rule, saw.narrowed)
    if not offered or rule.method not in ("embedding", "model"):
        return RankerChoice("none", ())
    return RankerChoice("embedding" if rule.method == "embedding" else "model", offered)


# -- what a trial is given ---------------------------------------------------------------------------------------------


class RetrievalSaw(msgspec.Struct, frozen=True):
    """What there is to choose from, and how it was ranked."""

    task: RetrievalTask
    passing: TrialPass
    snapshot: Fingerprint
    """Of the library."""
    held: tuple[SkillGiven, ...]
    """Skills of the library that may be given, by name."""
    skills: Text | None
    """JSON list of `SearchedSkill`, by name. None: the library is empty."""
    words: Text | None
    """JSON list of `ScoredSkill`: by words in common. None: the library is empty, or nothing here can rank."""
    vectors: Text | None
    """JSON list: the vector of the query, then one for each of `offered`. None: no embedder was asked, or it failed."""
    narrowed: tuple[str, ...]
    """Skills that are not to be used in the task's environment."""
    offered: tuple[str, ...]
    """Skills that whoever was asked was shown."""
    chosen: tuple[str, ...] | None
    """Skills that the chooser named, the best first. None: no chooser was asked, or it failed."""
    problem: str
    """Why whoever was asked did not answer. Empty: it did, or nobody was asked."""


class Retrieved(msgspec.Struct, frozen=True):
    """What a trial is given."""

    task: str
    passing: TrialPass
    snapshot: Fingerprint
    skills: tuple[SkillGiven, ...]
    ranking: Digest
    how: str
    precision: float | None
    recall: float | None
    hit: bool | None
    missing: tuple[str, ...]
    problem: str


def _known_rule(spec: RunSpec, saw: RetrievalSaw) -> RetrievalRule | None:
    """Read how an arm retrieves. None: that needs a model that was not asked, so nobody can know what it would say."""
    rule = _rule(spec, saw)
    unasked = {"embedding": saw.vectors is None, "model": saw.chosen is None}.get(rule.method, False)
    return None if unasked and not saw.problem and saw.offered else rule


RETRIEVAL: Final = Point(
    name="retrieval",
    revision=1,
    saw=RetrievalSaw,
    settings=RetrievalRule,
    ruling=Retrieved,
    decisive=("skills",),
    steers=True,
    rule=_known_rule,
    events=(RetrievalMade,),
)


def retrieve_skills(saw: RetrievalSaw, rule: RetrievalRule, desk: PolicyContext) -> Retrieved:
    """Choose the skills of a trial; where whoever should rank them did not answer, go by words, and say so."""
    scores = _scores_of(saw, desk)
    ranking, how, problem = choose(saw.task, scores, rule, saw.narrowed), rule.method, ""
    if ranking is None:
        problem = saw.problem or f"no scores by {rule.method}"
        how = "bm25" if "bm25" in scores else "all"
        ranking = choose(saw.task, scores, msgspec.structs.replace(rule, method=how), saw.narrowed)
        problem = f"{problem}; {how} was used"
    assert ranking is not None, "all skills can always be given"
    return _retrieved(saw, ranking, how, problem, desk)


def _scores_of(saw: RetrievalSaw, desk: PolicyContext) -> dict[ScoringMethod, tuple[ScoredSkill, ...]]:
    skills = () if saw.skills is None else _skills.decode(desk.read(saw.skills))
    scores: dict[ScoringMethod, tuple[ScoredSkill, ...]] = {"all": unscored(skills)}
    if saw.words is not None:
        scores["bm25"] = _scores.decode(desk.read(saw.words))
    elif not skills:
        scores["bm25"] = ()
    offered = tuple(each for each in skills if each.skill in saw.offered)
    rest = unscored([each for each in skills if each.skill not in saw.offered])
    if saw.vectors is not None:
        query, *vectors = _vectors.decode(desk.read(saw.vectors))
        scores["embedding"] = (*by_cosine(offered, query, vectors), *rest)
    if saw.chosen is not None:
        scores["model"] = by_order(skills, saw.chosen)
    if not saw.offered:
        scores.setdefault("embedding", rest)
        scores.setdefault("model", rest)
    return scores


def _retrieved(saw: RetrievalSaw, ranking: Ranking, how: str, problem: str, desk: PolicyContext) -> Retrieved:
    digests = {each.skill: each for each in saw.held}
    return Retrieved(
        task=saw.task.task,
        passing=saw.passing,
        snapshot=saw.snapshot,
        skills=tuple(digests[name] for name in sorted(ranking.chosen)),
        ranking=desk.put(_encoder.encode(ranking.ranking)),
        how=how,
        precision=ranking.precision,
        recall=ranking.recall,
        hit=ranking.hit,
        missing=ranking.missing,
        problem=problem,
    )


POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (RANKER, RETRIEVAL)
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({RANKER.name: choose_ranker, RETRIEVAL.name: retrieve_skills})
