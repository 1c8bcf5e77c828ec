"""Retrieval as an actor goes through it: words are ranked, a model is asked where the arm goes by one, skills chosen.

Each retrieval has a stream of its own below the library's. So those of a frozen library go on at once, and what another
method would have given can be told of each of them.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from engine.core.scope import Child, Scope, Stopped
from engine.effects.model_calls import Caller
from engine.policies.retrieval.ranking import RetrievalTask
from engine.policies.retrieval.searched import SearchedSkill, searched_skill
from engine.programs.evolve.embedding import EmbeddingBrief, embed
from engine.programs.evolve.retrieval_points import RANKER, RETRIEVAL, AskedMethod, RankerSaw, RetrievalSaw, Retrieved
from events.base import Ref
from events.digest import Digest, Fingerprint
from events.types.decision import Seen, Text
from events.types.evolution import RetrievalMade, SkillGiven, TrialPass
from events.types.retrieval import RankingAsked, RankingFailed, RankingFound
from events.types.session import ScopeStopped
from events.types.suite import SuiteTask

_encoder: Final = msgspec.json.Encoder(order="deterministic")


class HeldSkill(NamedTuple):
    """A skill of a library that may be given."""

    skill: str
    family: str
    environment: str
    digest: Fingerprint
    """Of its folder."""
    files: Mapping[str, str]
    """Texts by path; ``SKILL.md`` is searched."""
    narrowed: tuple[str, ...] = ()
    """Environments in which it is not to be used."""


class RetrievalRequest(NamedTuple):
    """A task that is to be given skills."""

    task: SuiteTask
    instruction: Digest
    """Blob: what the task says."""
    passing: TrialPass
    snapshot: Fingerprint
    """Of the library, as `snapshot_digest` has it."""
    held: Sequence[HeldSkill]
    """Without those that are quarantined."""
    stream: str
    """Of the retrieval, below that of the library."""


class Ranked(NamedTuple):
    """A task whose skills were ranked by words."""

    request: RetrievalRequest
    skills: tuple[SearchedSkill, ...]
    searched: Text | None
    """The same, as they are kept. None: the library is empty."""
    words: Text | None
    """None: the library is empty, or nothing here can rank."""
    ask: AskedMethod
    """Which model is to be asked."""
    offered: tuple[str, ...]
    """Skills that it is shown."""
    problem: str
    """Why nothing here can rank. Empty: it can."""


class RankerSays(NamedTuple):
    """What a model that was asked says."""

    vectors: Text | None = None
    """As `Embedded.vectors`. None: no embedder was asked, or it failed."""
    chosen: tuple[str, ...] | None = None
    """Skills, the best first. None: no chooser was asked, or it failed."""
    problem: str = ""
    """Why it failed. Empty: it did not, or nobody was asked."""


SILENT: Final = RankerSays()
"""No model was asked."""
ChooserActor: TypeAlias = Callable[[Scope, "Ranked"], Coroutine[Any, Any, RankerSays]]
"""Asks a model which of the offered skills a task should be given, on the stream of the retrieval."""


class RetrievalTerms(NamedTuple):
    """Whom to ask."""

    embedders: Sequence[Caller] = ()
    """Of the role ``embedder``, one for each run of the line, oldest first. Empty: the spec names none."""
    chooser: ChooserActor | None = None
    """None: the spec names none."""


async def retrieve(scope: Scope, request: RetrievalRequest, terms: RetrievalTerms) -> Seen[Retrieved]:
    """Choose the skills that a trial is given.

    Raises:
        Stopped: An operator ended it.
    """
    return (await retrieve_all(scope, [request], terms))[0]


async def retrieve_all(
    scope: Scope, requests: Sequence[RetrievalRequest], terms: RetrievalTerms
) -> tuple[Seen[Retrieved], ...]:
    """Choose the skills of several trials at once.

    Args:
        scope: Of the library's actor.
        requests: Each with a stream of its own.
        terms: Whom to ask where an arm goes by a model.

    Raises:
        Stopped: An operator ended one of them.
    """
    children = [Child(each.stream, partial(_retrieve, request=each, terms=terms)) for each in requests]
    found = []
    for came in await scope.gather(children):
        if isinstance(came, ScopeStopped):
            raise Stopped(came)
        found.append(came)
    return tuple(found)


async def _retrieve(scope: Scope, request: RetrievalRequest, terms: RetrievalTerms) -> Seen[Retrieved] | ScopeStopped:
    """Choose the skills of a trial, on a stream of its own."""
    try:
        ranked = await _rank(scope, request)
        says = SILENT if ranked.ask == "none" else await _ask(scope, ranked, terms)
        return await _decide(scope, ranked, says)
    except Stopped as stop:
        return stop.event


async def _rank(scope: Scope, request: RetrievalRequest) -> Ranked:
    """Rank skills by words, and have it decided whether a model is asked besides."""
    held = sorted(request.held, key=_by_name)
    skills = tuple(searched_skill(each.skill, each.family, each.environment, each.files) for each in held)
    searched, words, problem = None, None, ""
    if skills:
        kept = scope.put_json(_encoder.encode(skills))
        outcome = await scope.effect(RankingAsked(request.instruction, kept, "bm25"))
        searched = Text(kept, Ref(scope.at.stream, scope.at.version - 1))  # of the question, which names them
        if isinstance(outcome, RankingFound):
            words = Text(outcome.scores, scope.at)
        else:
            assert isinstance(outcome, RankingFailed)
            problem = outcome.problem
    saw = RankerSaw(_task_of(request), request.passing, searched, _narrowed(request))
    ruled = (await scope.decide(RANKER, saw)).value
    return Ranked(request, skills, searched, words, ruled.ask, ruled.offered, problem)


async def _ask(scope: Scope, ranked: Ranked, terms: RetrievalTerms) -> RankerSays:
    """Ask a model."""
    if ranked.ask == "embedding":
        if not terms.embedders:
            return _unnamed("embedder")
        instruction = (await scope.get(ranked.request.instruction)).decode("utf-8", "replace")
        texts = (instruction, *(each.text for each in ranked.skills if each.skill in ranked.offered))
        found = await embed(scope, EmbeddingBrief(texts, terms.embedders))
        return RankerSays(vectors=found.vectors, problem=found.problem)
    return _unnamed("chooser") if terms.chooser is None else await terms.chooser(scope, ranked)


def _unnamed(role: str) -> RankerSays:
    return RankerSays(problem=f"the spec names no model for the role {role}")


async def _decide(scope: Scope, ranked: Ranked, says: RankerSays) -> Seen[Retrieved]:
    """Have it decided which skills a trial is given."""
    request = ranked.request
    saw = RetrievalSaw(
        task=_task_of(request),
        passing=request.passing,
        snapshot=request.snapshot,
        held=tuple(SkillGiven(each.skill, each.digest) for each in sorted(request.held, key=_by_name)),
        skills=ranked.searched,
        words=ranked.words,
        vectors=says.vectors,
        narrowed=_narrowed(request),
        offered=ranked.offered,
        chosen=says.chosen,
        problem="; ".join(filter(None, (ranked.problem, says.problem))),
    )
    return await scope.decide(RETRIEVAL, saw, lambda ruling, _: RetrievalMade(**msgspec.structs.asdict(ruling)))


def _by_name(skill: HeldSkill) -> str:
    return skill.skill


def _task_of(request: RetrievalRequest) -> RetrievalTask:
    task = request.task
    required = task.order or task.required_skills
    return RetrievalTask(task.task, task.family, task.environment, task.role, task.phase, required)


def _narrowed(request: RetrievalRequest) -> tuple[str, ...]:
    """Name the skills that are not to be used in the task's environment."""
    return tuple(sorted(each.skill for each in request.held if request.task.environment in each.narrowed))
