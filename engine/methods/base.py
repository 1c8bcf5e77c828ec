"""A method: a frozen value that names a policy for every point of decision. An ablation is one changed field."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.policies.hint import HintReport, NoHint, verifier_hint
from engine.policies.intervention import Intervention, InterventionRule, Level, Reading, intervene
from engine.policies.judging import Outcome, VerdictFacts, judge
from engine.policies.memo import Memo
from engine.policies.retry import RetryPlace, RetryWording, retry_text
from engine.policies.stopping import Decision, StoppingRule, decide_next


class Method(NamedTuple):
    """Who decides what. Every field is a pure function; the actors call them and record what they say."""

    name: str
    judge: Callable[[VerdictFacts], Outcome]
    """What a verdict means."""
    go_on: Callable[[Sequence[Outcome], StoppingRule, str | None], Decision]
    """Whether there is another attempt; the last argument says which budget is used up."""
    intervene: Callable[[Sequence[Reading | None], InterventionRule], Intervention]
    """How the next attempt is spoken to, from what PDI showed."""
    hint: Callable[[str | None, str], HintReport | NoHint]
    """What of the verifier the agent is shown, from its tests and the instruction."""
    retry: Callable[[Memo | None, RetryPlace, Level, RetryWording], str]
    """What an attempt is told of those before."""


def _go_on(outcomes: Sequence[Outcome], rule: StoppingRule, budget: str | None) -> Decision:
    return decide_next(outcomes, rule, budget=budget)


SPARK = Method("spark", judge, _go_on, intervene, verifier_hint, retry_text)
"""SPARK's exploration loop (SPARK, 2)."""
