"""Each decision of a trial: its policy, what the policy is given, and the event that records it; pure.

The actors call these as they live, and `replay.redecide` calls them over the record: there is no second copy of either.
"""

from collections.abc import Callable, Sequence

import msgspec

from engine.actors.attempt import AttemptResult, recorded_outcome
from engine.actors.endings import word_of
from engine.actors.history import commands_of
from engine.methods.base import Method
from engine.policies.hint import NoHint
from engine.policies.intervention import Intervention, InterventionRule, Invalid, Level, PdiMode, Reading
from engine.policies.judging import Outcome, spark_status
from engine.policies.memo import Memo, render_memo
from engine.policies.retry import RetryPlace
from engine.policies.stopping import Cancelled, Continue, Decision, StoppingRule, TrialSolved
from engine.prompting import Prompts
from engine.spec import MethodSpec
from events.digest import Digest
from events.pdi import InterventionChosen
from events.trial import AttemptConcluded, AttemptPlanned, HintPrepared, NextChosen
from projections.pdi import PdiInput

Put = Callable[[bytes], Digest]
"""Takes bytes in, or only names them."""


def prepare_hint(
    method: Method, prompts: Prompts, test_source: str | None, instruction: str, put: Put
) -> tuple[str, HintPrepared]:
    """Decide what the agent may see of the verifier; the text is empty if it is nothing."""
    found = method.hint(test_source, instruction)
    if isinstance(found, NoHint):
        return "", HintPrepared(None, put(b"[]"), found.reason)
    text = prompts.fill("hint", code=found.text)
    return text, HintPrepared(put(text.encode()), put(msgspec.json.encode(found.hidden)), "")


def decide_whether(
    method: Method,
    settings: MethodSpec,
    outcomes: Sequence[Outcome],
    *,
    attempts: int,
    money: str | None,
    cancelled: str | None,
) -> tuple[Decision, NextChosen]:
    """Decide whether to go on.

    Args:
        method: Whose policy.
        settings: How many attempts there may be, and how many may be lost.
        outcomes: Of the attempts that count.
        attempts: How many there were of any kind.
        money: Why nothing more can be paid for. None: there may be money left.
        cancelled: Who ordered a stop, and why. None: nobody did. A success that has arrived wins over it.
    """
    rule = StoppingRule(
        max_attempts=settings.attempts,
        max_scoreless_in_a_row=settings.infrastructure_retries,
        max_scoreless=3 * settings.infrastructure_retries,
    )
    decision = method.go_on(outcomes, rule, money)
    if cancelled is not None and not isinstance(decision, TrialSolved):
        decision = Cancelled(cancelled)
    counted = decision.counted if isinstance(decision, Continue) else None
    return decision, NextChosen(attempts, word_of(decision), counted, decision.reason)


def plan_attempt(number: int, level: Level, injection: str, put: Put) -> AttemptPlanned:
    """Say what an attempt will be told beside its instruction."""
    return AttemptPlanned(number, level.value, put(injection.encode()) if injection else None)


def word_retry(method: Method, memo: Memo | None, place: RetryPlace, level: Level, prompts: Prompts) -> str:
    """Word what an attempt is told of those before it, of which one at least failed."""
    return method.retry(memo, place, level, prompts.retry_wording())


def conclude(number: int, result: AttemptResult, outcome: Outcome, put: Put) -> AttemptConcluded:
    """Take note of how an attempt ended."""
    return AttemptConcluded(
        attempt=number,
        outcome=recorded_outcome(outcome),
        status=spark_status(result.facts).value,
        passed=result.checks.passed,
        total=result.checks.total,
        commands=put(commands_of(result).encode()),
        test_summary=put(result.checks.summary.encode()),
    )


def given_to_pdi(memo: Memo, before: Memo | None, result: AttemptResult, *, summary_before: str, step: int) -> PdiInput:
    """Put together what PDI reads after a reflection.

    Args:
        memo: As just rewritten.
        before: The one in its place until then. None: there was none.
        result: The attempt that was reflected on.
        summary_before: Rows of tests of the attempt before that; empty if there was none.
        step: From 0.
    """
    return PdiInput(
        memo=render_memo(memo),
        previous_memo="" if before is None else render_memo(before),
        commands=commands_of(result),
        summary=result.checks.summary,
        previous_summary=summary_before,
        step=step,
    )


def choose_intervention(
    method: Method, settings: MethodSpec, readings: Sequence[Reading | None], attempt: int
) -> tuple[Intervention, InterventionChosen]:
    """Choose how an attempt is spoken to, from one reading for each attempt before it."""
    mode = settings.pdi.mode
    chosen = method.intervene(readings, InterventionRule(mode=PdiMode(mode), invalid=Invalid.TRUST))
    return chosen, InterventionChosen(attempt, chosen.level.value, mode, chosen.reason)
