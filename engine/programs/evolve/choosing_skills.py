"""A model that chooses skills, as retrieval asks it."""

from functools import partial

from engine.core.scope import Scope, Stopped
from engine.programs.evolve.author.choosing import choose_skills
from engine.programs.evolve.author.points import OfferedSkill
from engine.programs.evolve.author.terms import AuthorTerms, ChoiceBrief
from engine.programs.evolve.retrieving import ChooserActor, Ranked, RankerSays
from events.types.session import ScopeStopped


def chooser_of(terms: AuthorTerms) -> ChooserActor:
    """Have the model of some terms choose among what the filters leave."""
    return partial(_choose, terms=terms)


async def _choose(scope: Scope, ranked: Ranked, terms: AuthorTerms) -> RankerSays:
    """Ask it; what fails is an outcome.

    Raises:
        Stopped: The actor is stopped.
    """
    request = ranked.request
    offered = tuple(
        OfferedSkill(each.skill, each.description) for each in ranked.skills if each.skill in ranked.offered
    )
    came = await choose_skills(scope, terms, ChoiceBrief(request.task, request.instruction, offered))
    if came.ending == "stopped":
        raise Stopped(ScopeStopped("cancelled", came.reason))  # its stream says so already
    if came.value is None:
        return RankerSays(problem=f"the chooser's answer was not used ({came.ending}): {came.reason}")
    return RankerSays(chosen=tuple(each for each in came.value if each in ranked.offered))
