"""Reflection and merging: what rollouts suggest, and one list of what several reflections suggested."""

from functools import partial

import msgspec

from engine.core.scope import Scope
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.edits.modes import UpdateItem
from engine.programs.train.optimizer import points
from engine.programs.train.optimizer.asking import OptimizerTalk, document_json
from engine.programs.train.optimizer.proposals import decode_proposals, encode_proposals
from engine.programs.train.optimizer.rulings import PatchAside
from engine.programs.train.optimizer.showing import show_rows
from engine.programs.train.optimizer.terms import Came, MergeBrief, Proposals, ReflectBrief, ReflectionOutcome
from engine.programs.train.optimizer.wording import fenced, word_document, word_proposals
from events.base import Ref
from events.types.decision import Held, Seen

# -- reflection -------------------------------------------------------------------------------------------------------


async def reflect(scope: Scope, brief: ReflectBrief) -> Came[ReflectionOutcome]:
    """Have rollouts studied, and changes proposed."""
    question = OptimizerTalk(scope, brief.terms)
    given = {"document": document_json(brief.document), "notes": msgspec.json.encode(brief.notes)}
    held = await question.open("reflect", given, [row.stream for row in brief.rows])
    return await question.until_stopped(partial(_reflect, question, brief, held["document"]))


async def _reflect(question: OptimizerTalk, brief: ReflectBrief, document: Held) -> Came[ReflectionOutcome]:
    shown = await show_rows(question, brief.rows)
    if not shown.number:
        reason = "no trajectory could be shown"
        return Came(None, "nothing_shown", reason, await question.close("nothing_shown", reason), question.hidden)
    told = (_system_of(brief), _user_of(question, brief, shown.text))

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.PatchSaw:
        return points.PatchSaw(
            answer=answer,
            name=brief.name,
            kind="success" if brief.kind == "success" else "failure",
            mode=brief.terms.mode,
            document=document,
            shown=shown.number,
            budget=brief.budget,
            appendix=brief.appendix,
            repairs=repairs,
        )

    async def make(reading: ReadAnswer, at: Ref) -> ReflectionOutcome:
        aside = await question.decoded(reading.beside, PatchAside)
        items, held = await _proposals(question, reading, at)
        proposals = Proposals(brief.name, brief.kind, items, held, {brief.name: shown.number})
        return ReflectionOutcome(proposals, aside.failures, aside.notes)

    return await question.came_of(await question.ask(told, points.PATCH_READ, saw), make)


async def _proposals(question: OptimizerTalk, reading: ReadAnswer, at: Ref) -> tuple[tuple[UpdateItem, ...], Held]:
    assert reading.value is not None, "it was read"
    data = await question.scope.get(reading.value)
    return decode_proposals(data, question.terms.mode), Held(reading.value, at)


def _system_of(brief: ReflectBrief) -> str:
    prompts = brief.terms.prompts
    names = [f"train_reflect_{brief.kind}", "train_data", f"train_form_{brief.terms.mode}"]
    return "\n".join(prompts.text(name) for name in [*names, *(["train_form_appendix"] if brief.appendix else [])])


def _user_of(question: OptimizerTalk, brief: ReflectBrief, trajectories: str) -> str:
    prompts = brief.terms.prompts
    limited = brief.budget is not None and brief.terms.mode != "full_rewrite"
    budget = prompts.fill("train_budget", budget=brief.budget or 0) if limited else prompts.text("train_no_budget")
    return prompts.fill(
        "train_reflect_user",
        document=word_document(brief.document.files),
        budget=budget.rstrip(),
        notes=question.or_nothing(brief.notes and fenced(brief.notes)),
        meta=question.or_nothing(brief.terms.meta),
        trajectories=trajectories,
    )


# -- merge ------------------------------------------------------------------------------------------------------------


async def merge(scope: Scope, brief: MergeBrief) -> Came[Proposals]:
    """Have several lists of proposals made one. Where that cannot be read, they are joined: nothing is lost."""
    question = OptimizerTalk(scope, brief.terms)
    given = {"document": document_json(brief.document)}
    held = await question.open("merge", given)
    return await question.until_stopped(partial(_merge, question, brief, held["document"]))


async def _merge(question: OptimizerTalk, brief: MergeBrief, document: Held) -> Came[Proposals]:
    prompts, mode = brief.terms.prompts, brief.terms.mode
    rows = {name: count for each in brief.group for name, count in each.rows.items()}
    names = ("train_merge_system", "train_data", f"train_form_{mode}")
    user = prompts.fill(
        "train_merge_user",
        document=word_document(brief.document.files),
        meta=question.or_nothing(brief.terms.meta),
        lists="\n\n".join(_list(each) for each in brief.group),
    )

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.MergeSaw:
        group = tuple(each.held for each in brief.group)
        return points.MergeSaw(answer, mode, document, group, tuple(sorted(rows.items())), brief.level, repairs)

    async def make(reading: ReadAnswer, at: Ref) -> Proposals:
        items, held = await _proposals(question, reading, at)
        return Proposals(brief.name, brief.kind, items, held, rows)

    system = "\n".join(prompts.text(name) for name in names)
    answered = await question.ask((system, user), points.MERGE_READ, saw)
    if answered.ending not in {"unreadable", "unanswered"}:
        return await question.came_of(answered, make)
    joined = tuple(item for each in brief.group for item in each.items)
    data = encode_proposals(joined)
    at = await question.close(answered.ending, answered.reason, data)
    value = Proposals(brief.name, brief.kind, joined, Held(question.scope.put_json(data), at), rows)
    return Came(value, answered.ending, answered.reason, at)


def _list(proposals: Proposals) -> str:
    count = sum(proposals.rows.values())
    return f"## {proposals.name} ({proposals.kind}, {count} items)\n\n{fenced(word_proposals(proposals.items))}"
