"""Texts that an optimizer writes: a document anew, advice from an epoch, notes for itself, fewer notes."""

from functools import partial

import msgspec

from engine.core.scope import Scope
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.edits.edit import EditRule
from engine.policies.edits.modes import SkillCandidate
from engine.policies.edits.rewriting import rewritten
from engine.programs.train.optimizer import points
from engine.programs.train.optimizer.asking import OptimizerTalk, document_json
from engine.programs.train.optimizer.proposals import encode_proposals
from engine.programs.train.optimizer.showing import show_pairs
from engine.programs.train.optimizer.terms import (
    Came,
    ConsolidateBrief,
    MetaBrief,
    Proposals,
    RewriteBrief,
    RewrittenSkill,
    SkillDocument,
    SlowBrief,
)
from engine.programs.train.optimizer.wording import fenced, word_document, word_proposals
from events.base import Ref
from events.types.decision import Held, Seen

# -- the document -----------------------------------------------------------------------------------------------------


async def rewrite(scope: Scope, brief: RewriteBrief) -> Came[RewrittenSkill]:
    """Have a document written anew by suggestions. What others keep in it stays."""
    question = OptimizerTalk(scope, brief.terms)
    given = {"document": document_json(brief.document), "proposals": encode_proposals(brief.proposals.items)}
    held = await question.open("rewrite", given)
    return await question.until_stopped(partial(_rewrite, question, brief, held["document"]))


async def _rewrite(question: OptimizerTalk, brief: RewriteBrief, document: Held) -> Came[RewrittenSkill]:
    prompts = brief.terms.prompts
    user = prompts.fill(
        "train_rewrite_user",
        document=word_document(brief.document.files),
        notes=question.or_nothing(brief.notes and fenced(brief.notes)),
        proposals=fenced(word_proposals(brief.proposals.items)),
    )

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.RewriteSaw:
        return points.RewriteSaw(answer, document, repairs)

    async def make(reading: ReadAnswer, at: Ref) -> RewrittenSkill:
        assert reading.value is not None, "it was read"
        files = await question.decoded(reading.value, dict[str, str])
        return RewrittenSkill(files, await question.decoded(reading.beside, str), Held(reading.value, at))

    system = "\n".join((prompts.text("train_rewrite_system"), prompts.text("train_data")))
    return await question.came_of(await question.ask((system, user), points.REWRITE_READ, saw), make)


def first_draft(proposals: Proposals, document: SkillDocument, rule: EditRule) -> RewrittenSkill | None:
    """Give the document of the first draft that can stand, with what others keep in the one before. None: none can."""
    before = document.files.get(points.DOCUMENT, "")
    for each in proposals.items:
        if not isinstance(each, SkillCandidate):
            continue
        taken = rewritten(before, each.new_skill, rule)
        if taken.text is not None:
            files = {**document.files, points.DOCUMENT: taken.text}
            return RewrittenSkill(files, "\n".join(each.change_summary), proposals.held)
    return None


# -- an epoch ---------------------------------------------------------------------------------------------------------


async def slow_update(scope: Scope, brief: SlowBrief) -> Came[str]:
    """Have advice drawn from what the documents of two epochs did with the same items."""
    question = OptimizerTalk(scope, brief.terms)
    await question.open("slow", _epoch(brief), _cells(brief))
    return await question.until_stopped(partial(_slow, question, brief))


async def _slow(question: OptimizerTalk, brief: SlowBrief) -> Came[str]:
    user = brief.terms.prompts.fill(
        "train_slow_user",
        before=word_document(brief.before.files),
        document=word_document(brief.document.files),
        guidance=question.or_nothing(brief.guidance and fenced(brief.guidance)),
        pairs=(await show_pairs(question, brief.pairs)).text,
    )
    return await _advice(question, "train_slow_system", user, points.SLOW_READ)


async def meta_skill(scope: Scope, brief: MetaBrief) -> Came[str]:
    """Have the optimizer note for itself what an epoch taught it about changing the document."""
    question = OptimizerTalk(scope, brief.terms)
    await question.open("meta", _epoch(brief), _cells(brief))
    return await question.until_stopped(partial(_meta, question, brief))


async def _meta(question: OptimizerTalk, brief: MetaBrief) -> Came[str]:
    user = brief.terms.prompts.fill(
        "train_meta_user",
        before=word_document(brief.before.files),
        document=word_document(brief.document.files),
        earlier=question.or_nothing(brief.terms.meta),
        pairs=(await show_pairs(question, brief.pairs)).text,
    )
    return await _advice(question, "train_meta_system", user, points.META_READ)


async def _advice(question: OptimizerTalk, name: str, user: str, point: points.ReadingPoint) -> Came[str]:
    async def make(reading: ReadAnswer, at: Ref) -> str:
        del at
        return str(await question.decoded(reading.value, str))

    prompts = question.terms.prompts
    system = "\n".join((prompts.text(name), prompts.text("train_data")))
    return await question.came_of(await question.ask((system, user), point, points.GuidanceSaw), make)


def _epoch(brief: SlowBrief | MetaBrief) -> dict[str, bytes]:
    return {"before": document_json(brief.before), "document": document_json(brief.document)}


def _cells(brief: SlowBrief | MetaBrief) -> list[str]:
    return [row.stream for pair in brief.pairs for row in (pair.before, pair.now)]


# -- an appendix ------------------------------------------------------------------------------------------------------


async def consolidate(scope: Scope, brief: ConsolidateBrief) -> Came[tuple[str, ...]]:
    """Have the notes of an appendix made fewer."""
    question = OptimizerTalk(scope, brief.terms)
    held = await question.open("appendix", {"notes": msgspec.json.encode(brief.notes)})
    return await question.until_stopped(partial(_consolidate, question, brief, held["notes"]))


async def _consolidate(question: OptimizerTalk, brief: ConsolidateBrief, notes: Held) -> Came[tuple[str, ...]]:
    listed = "\n".join(f"- {each}" for each in brief.notes)
    user = question.terms.prompts.fill("train_consolidate", notes=fenced(listed), count=len(brief.notes))

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.NotesSaw:
        return points.NotesSaw(answer, notes, repairs)

    async def make(reading: ReadAnswer, at: Ref) -> tuple[str, ...]:
        del at
        return tuple(await question.decoded(reading.value, tuple[str, ...]))

    told = (question.terms.prompts.text("train_data"), user)
    return await question.came_of(await question.ask(told, points.NOTES_READ, saw), make)
