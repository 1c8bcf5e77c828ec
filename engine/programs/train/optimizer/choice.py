"""Choosing among proposals: which of them are made first, and how many."""

from functools import partial

import msgspec

from engine.core.scope import Scope
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.training.selection import first_items
from engine.programs.train.optimizer import points
from engine.programs.train.optimizer.asking import OptimizerTalk, document_json
from engine.programs.train.optimizer.proposals import encode_proposals
from engine.programs.train.optimizer.terms import Came, RankBrief, RateBrief
from engine.programs.train.optimizer.wording import fenced, word_document, word_proposals
from events.base import Ref
from events.types.decision import Seen


async def rank(scope: Scope, brief: RankBrief) -> Came[tuple[int, ...]]:
    """Have the best proposals chosen. Where that cannot be read, the first ones stand."""
    question = OptimizerTalk(scope, brief.terms)
    await question.open("rank", _given(brief))
    return await question.until_stopped(partial(_rank, question, brief))


async def _rank(question: OptimizerTalk, brief: RankBrief) -> Came[tuple[int, ...]]:
    prompts, items = brief.terms.prompts, brief.proposals.items
    user = prompts.fill(
        "train_rank_user",
        document=word_document(brief.document.files),
        meta=question.or_nothing(brief.terms.meta),
        proposals=fenced(word_proposals(items)),
        budget=brief.budget,
        available=len(items),
    )

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.RankingSaw:
        return points.RankingSaw(answer, len(items), brief.budget, repairs)

    async def make(reading: ReadAnswer, at: Ref) -> tuple[int, ...]:
        del at
        return tuple(await question.decoded(reading.value, tuple[int, ...]))

    system = "\n".join((prompts.text("train_rank_system"), prompts.text("train_data")))
    answered = await question.ask((system, user), points.RANKING_READ, saw)
    if answered.ending not in {"unreadable", "unanswered"}:
        return await question.came_of(answered, make)
    first = first_items(len(items), brief.budget)
    at = await question.close(answered.ending, answered.reason, msgspec.json.encode(first))
    return Came(first, answered.ending, answered.reason, at)


async def choose_rate(scope: Scope, brief: RateBrief) -> Came[int]:
    """Have it chosen how many proposals are made. What cannot be read is no number, and not 0 either."""
    question = OptimizerTalk(scope, brief.terms)
    await question.open("rate", _given(brief))
    return await question.until_stopped(partial(_rate, question, brief))


async def _rate(question: OptimizerTalk, brief: RateBrief) -> Came[int]:
    prompts, items = brief.terms.prompts, brief.proposals.items
    user = prompts.fill(
        "train_rate_user",
        document=word_document(brief.document.files),
        rows=brief.rows,
        hard=f"{brief.hard:.4g}",
        soft=f"{brief.soft:.4g}",
        notes=question.or_nothing(brief.notes and fenced(brief.notes)),
        meta=question.or_nothing(brief.terms.meta),
        proposals=fenced(word_proposals(items)),
        available=len(items),
    )

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.RateSaw:
        return points.RateSaw(answer, len(items), repairs)

    async def make(reading: ReadAnswer, at: Ref) -> int:
        del at
        return int(await question.decoded(reading.value, int))

    system = "\n".join((prompts.text("train_rate_system"), prompts.text("train_data")))
    return await question.came_of(await question.ask((system, user), points.RATE_READ, saw), make)


def _given(brief: RankBrief | RateBrief) -> dict[str, bytes]:
    return {"document": document_json(brief.document), "proposals": encode_proposals(brief.proposals.items)}
