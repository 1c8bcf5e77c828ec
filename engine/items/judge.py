"""A judge: a model that says which assertions about an answer hold, where no rule can; its call is on record."""

from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import CapReached, ask_model
from engine.items.base import NeedsJudge, Rolled
from engine.items.registry import item_format
from engine.items.work import ItemWork
from engine.policies.inline_reasoning import split_reasoning
from events.digest import Digest
from events.types.budget import BudgetRefused
from events.types.decision import Text
from events.types.model import ModelAnswered


async def ask_judge(scope: Scope, work: ItemWork, rolled: Rolled) -> Text | BudgetRefused | None:
    """Have a judge say what no rule can; or say that there is no money for one.

    None: nobody has to, there is no judge, or it did not answer.

    Raises:
        Stopped: The item is stopped.
    """
    form, judges = item_format(work.item.format), work.terms.judges
    if rolled.ending != "answered" or not judges or not isinstance(form, NeedsJudge):
        return None
    answer = split_reasoning(await _text(scope, rolled.answer)).said
    asked = form.to_judge(work.item, answer)
    if not asked:
        return None
    prompts = work.terms.prompts
    told = prompts.fill(
        "item_judge",
        question=work.item.question,
        expected=(work.item.expected or {}).get("output") or "",
        answer=answer,
        assertions="\n".join(f"{number}. {each}" for number, each in enumerate(asked, start=1)),
    )
    said = (await ask_model(scope, lambda: judges[scope.era], extend(scope, EMPTY, [message("user", told)]))).outcome
    if isinstance(said, BudgetRefused | CapReached):
        return said if isinstance(said, BudgetRefused) else said.refused
    return Text(said.text, scope.at) if isinstance(said, ModelAnswered) and said.text is not None else None


async def _text(scope: Scope, digest: Digest | None) -> str:
    return "" if digest is None else (await scope.get(digest)).decode("utf-8", "replace")
