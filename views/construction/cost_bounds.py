"""What bounds calls, tokens, cost and time of a construction before there is any: its settings, prompts and prices.

Tokens of a text are at most its bytes, and an answer that is sent again has at most the tokens that it may have, so a
bound is far above what a construction comes to.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.config.spec import RunSpec, model_for
from engine.core.prompts import Prompts
from engine.effects.callers import most_output, price_of
from engine.programs.construct.actor import MOST_FOUND
from engine.programs.construct.policies.repairs import LONGEST_LIMIT_S
from engine.programs.construct.program import ROLES
from engine.programs.construct.rulings import MOST_PROBLEMS_TOLD
from engine.programs.construct.spec import ConstructSpec, construct_spec
from engine.providers.prices import upper_bound
from engine.proving.cheats import CHEATS

_BYTES: Final = 4
"""Of a character, at most."""
_ADDED: Final = 4_000
"""Bytes that a blueprint gains by what is put right, and by keys that its author left out."""


class ConstructionBounds(NamedTuple):
    """The most that the construction of one task takes."""

    tokens: int | None
    """Sent and answered. None: nothing bounds them."""
    nano_usd: int | None
    """In units of 10^-9 US dollars. None: nothing bounds it, or a price is unknown."""
    lacks: str
    """The setting that would bound what is unbounded. Empty: there is none."""
    sandbox_s: float
    """Seconds of sandboxes, all together: how long images are built, agents act and verifiers judge."""


class _Call(NamedTuple):
    """Calls of one size."""

    role: str
    sent: int
    """Bytes, with tokens for what a model said before."""
    number: int


def bounds_of(spec: RunSpec, prompts: Prompts, brief: int) -> ConstructionBounds:
    """Bound the construction of one task.

    Args:
        spec: Of the run, with its prices.
        prompts: All that models are told.
        brief: Bytes of its prompt spec.
    """
    time = _sandbox_s(spec, construct_spec(spec))
    models = {role: model_for(spec, role, other) for role, other in ROLES.items()}
    answers: dict[str, int] = {}
    for role, model in models.items():
        most = None if model is None else most_output(model)
        if most is None:
            return ConstructionBounds(None, None, f"models.{role}.parameters.max_tokens", time)
        answers[role] = most
    calls = list(_calls(construct_spec(spec), prompts, brief, answers))
    tokens = sum(each.number * (each.sent + answers[each.role]) for each in calls)
    cost = 0
    for each in calls:
        model = models[each.role]
        assert model is not None, "it was bounded"
        price = price_of(spec, model)
        if price is None:
            return ConstructionBounds(tokens, None, f"prices.{model.model}", time)
        cost += each.number * upper_bound(each.sent, answers[each.role], price)
    return ConstructionBounds(tokens, cost, "", time)


def _calls(own: ConstructSpec, prompts: Prompts, brief: int, answers: dict[str, int]) -> Iterator[_Call]:
    """List what is asked at most: each answer as often as it may be repaired, each round with all that came before."""
    told = {each.name: len(each.text.encode()) for each in prompts.prompts if each.name.startswith("construct_")}
    layout = told["construct_layout"] + told["construct_system"] + told["construct_variant"] + len(own.base_image)
    repair = told["construct_repair"] + MOST_PROBLEMS_TOLD * _BYTES
    blueprint = answers["author"] + _ADDED
    first = layout + told["construct_user"] + brief
    later = layout + told["construct_revise_user"] + brief + blueprint + MOST_FOUND * _BYTES
    critique = told["construct_critique_system"] + told["construct_critique_user"] + told["construct_variant"]
    for again in range(1 + own.answer_repairs):
        yield _Call("author", first + again * (answers["author"] + repair), 1)
        yield _Call("author", later + again * (answers["author"] + repair), own.rounds - 1)
        if own.critique:
            sent = critique + brief + blueprint + again * (answers["critic"] + repair)
            yield _Call("critic", sent, own.rounds)


def _sandbox_s(spec: RunSpec, own: ConstructSpec) -> float:
    """Bound the time of sandboxes by the limits that a blueprint may set, and by those of the run."""
    acts = LONGEST_LIMIT_S if spec.agent.timeout_s is None else min(spec.agent.timeout_s, LONGEST_LIMIT_S)
    tried = 2 * own.times * (acts + own.verifier_repeats * LONGEST_LIMIT_S)
    return own.rounds * (LONGEST_LIMIT_S + tried + CHEATS * (acts + LONGEST_LIMIT_S))
