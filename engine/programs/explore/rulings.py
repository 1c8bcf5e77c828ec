"""SPARK's policies: each from the inputs of its point to a ruling; pure. They rest on `engine.policies`."""

from collections.abc import Sequence
from typing import Final, Literal, assert_never

import msgspec

from engine.core.decision import NoSettings, PolicyContext
from engine.core.prompts import RetryWording
from engine.core.template import fill
from engine.policies.judging import Failed, Infrastructure, NoVerdict, Outcome, Solved, VerdictFacts, judge
from engine.programs.explore import points
from engine.programs.explore.policies.hint import NoHint, verifier_hint
from engine.programs.explore.policies.intervention import (
    InterventionSettings,
    Invalid,
    Level,
    PdiMode,
    ReadingFacts,
    Stale,
    intervene,
)
from engine.programs.explore.policies.memo import MemoFault, MemoSections, parse_memo
from engine.programs.explore.policies.retry import RetryPlace, retry_text
from engine.programs.explore.policies.stopping import (
    BudgetReached,
    Cancelled,
    Continue,
    Counting,
    Exhausted,
    GiveUpInfrastructure,
    StoppingSettings,
    TrialSolved,
    decide_next,
)
from engine.programs.explore.policies.stopping import Decision as Ending
from engine.programs.explore.verification_points import Verifications, VerificationsRule, VerificationsSaw
from events import values
from events.digest import Digest
from events.types.decision import Seen
from projections.checks import NO_CHECKS, Checks, read_checks
from projections.pdi import index
from projections.pdi.inputs import PdiSaw, given_to_read

NO_HINT = "hints are off"
"""Why there is none where the settings ask for none."""
RETRY_WORDING: Final = tuple(RetryWording.__struct_fields__)
"""Names of the prompts of a retry, without what they share."""
_SCORELESS_FACTOR: Final = 3
"""Attempts without a score in all that end a trial, for each one in a row that does, where nobody sets their number."""


def checks_in(verdict: points.VerdictSaw | None, desk: PolicyContext) -> Checks:
    """Read the checks of a verifier from what it left. None: it left nothing."""
    if verdict is None:
        return NO_CHECKS
    return read_checks(desk.text(verdict.printed), None if verdict.report is None else desk.read(verdict.report))


def count_checks(saw: points.VerdictSaw, rule: NoSettings, desk: PolicyContext) -> points.CountedChecks:
    """Count the checks of a verifier, and word which passed."""
    del rule
    checks = checks_in(saw, desk)
    return points.CountedChecks(checks.passed, checks.total, desk.put(checks.summary.encode()))


def facts_of(saw: points.JudgingSaw) -> VerdictFacts:
    """Put together what is known when an attempt has ended."""
    if saw.said is not None:
        return VerdictFacts(saw.said.reward, saw.said.silence or None, saw.said.broken)
    assert saw.ended is not None, "an attempt of ours ends before it is judged"
    reason = saw.ended.value.reason
    exception = None if reason == "done" else reason
    if saw.rewarded is not None:
        return VerdictFacts(saw.rewarded.value.reward, exception, None)
    if saw.silent is not None:
        return VerdictFacts(None, f"{saw.silent.value.reason}: {saw.silent.value.detail}", None)
    if saw.broken is not None:
        return VerdictFacts(None, exception, f"{saw.broken.value.kind}: {saw.broken.value.detail}")
    return VerdictFacts(reward=None, exception=None, infrastructure=saw.ended.value.detail)


def choose_verifications(saw: VerificationsSaw, rule: VerificationsRule, desk: PolicyContext) -> Verifications:
    """Verify as often as is asked for; a task of several steps once."""
    del desk
    return Verifications(1 if saw.steps else rule.repeats)


def judge_attempt(saw: points.JudgingSaw, rule: points.JudgingRule, desk: PolicyContext) -> points.Judged:
    """Say how an attempt ended. A verdict that another log of ours had reached stands."""
    del desk
    if saw.said is not None and saw.said.verdict is not None:
        return points.Judged(saw.said.verdict)
    return points.Judged(recorded_outcome(judge(facts_of(saw), solved_at=rule.solved_at)))


def recorded_outcome(outcome: Outcome) -> values.Outcome:
    """Write an outcome as events have it."""
    match outcome:
        case Solved():
            return values.Outcome("solved", outcome.reward, "")
        case Failed():
            return values.Outcome("failed", outcome.reward, "")
        case NoVerdict():
            return values.Outcome("no_verdict", None, outcome.reason)
        case Infrastructure():
            return values.Outcome("infrastructure", None, outcome.reason)
        case _:
            assert_never(outcome)


def outcome_of(recorded: values.Outcome) -> Outcome:
    """Read an outcome back."""
    match recorded.kind:
        case "solved":
            return Solved(recorded.reward or 0.0)
        case "failed":
            return Failed(recorded.reward or 0.0)
        case "no_verdict":
            return NoVerdict(recorded.reason)
        case "infrastructure":
            return Infrastructure(recorded.reason)
        case _:
            assert_never(recorded.kind)


def decide_whether_to_go_on(saw: points.StoppingSaw, rule: points.StoppingRule, desk: PolicyContext) -> points.Next:
    """Decide after an attempt, or before the first one."""
    del desk
    outcomes = [outcome_of(each.value.outcome) for each in saw.outcomes]
    total = rule.scoreless_attempts
    trying = StoppingSettings(
        max_attempts=rule.attempts,
        max_scoreless_in_a_row=rule.infrastructure_retries,
        max_scoreless=_SCORELESS_FACTOR * rule.infrastructure_retries if total is None else total,
        counting=Counting(rule.counting),
    )
    ending = decide_next(outcomes, trying, budget=saw.money, cancelled=saw.cancelled)
    counted = ending.counted if isinstance(ending, Continue) else None
    failed = saw.last_counts and isinstance(outcomes[-1], Failed)
    return points.Next(word_of(ending), counted, ending.reason, _then(ending, rule, failed=failed))


def _then(ending: Ending, rule: points.StoppingRule, *, failed: bool) -> Literal["reflect", "distil"] | None:
    if isinstance(ending, Continue):
        return "reflect" if failed and rule.reflect else None
    return "distil" if isinstance(ending, TrialSolved) and rule.distil else None


def word_of(
    ending: Ending,
) -> Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]:
    """Say in the log's word what was decided."""
    match ending:
        case Continue():
            return "continue"
        case TrialSolved():
            return "solved"
        case Exhausted():
            return "exhausted"
        case GiveUpInfrastructure():
            return "give_up_infrastructure"
        case BudgetReached():
            return "budget_reached"
        case Cancelled():
            return "cancelled"
        case _:
            assert_never(ending)


def prepare_hint(saw: points.HintSaw, rule: points.HintRule, desk: PolicyContext) -> points.Hint:
    """Decide what the agent may see of the verifier."""
    if not rule.hint:
        return points.Hint(None, desk.put(b"[]"), NO_HINT)
    tests = None if saw.tests is None else desk.text(saw.tests)
    found = desk.once(desk.inputs, "hint", lambda: verifier_hint(tests, desk.text(saw.instruction)))
    if isinstance(found, NoHint):
        return points.Hint(None, desk.put(b"[]"), found.reason)
    text = fill(desk.text(saw.wording), code=found.text)
    return points.Hint(desk.put(text.encode()), desk.put(msgspec.json.encode(found.hidden)), "")


def word_retry(saw: points.RetrySaw, rule: points.RetryRule, desk: PolicyContext) -> points.Retry:
    """Word what an attempt is told beside its instruction."""
    level = Level.NONE if saw.level is None else Level(saw.level.value.level)
    hint = "" if saw.hint is None or saw.hint.value.hint is None or not rule.hint else desk.named(saw.hint.value.hint)
    told = ""
    if any(each.value.outcome.kind == "failed" for each in saw.before):
        counted = saw.next.value.counted
        assert counted is not None, "an attempt is planned where another one is made"
        wording = RetryWording(**{name: desk.text(part) for name, part in saw.wording.items()})
        memo = None if saw.memo is None else memo_in(desk.text(saw.memo))
        told = retry_text(memo, RetryPlace(counted, rule.attempts), level, wording)
    injection = hint + told
    return points.Retry(level.value, desk.put(injection.encode()) if injection else None)


def memo_in(text: str) -> MemoSections | None:
    """Read a memo back. None: it is none that can be parsed."""
    memo = parse_memo(text)
    return None if isinstance(memo, MemoFault) else memo


def choose_intervention(
    saw: points.InterventionSaw, rule: points.InterventionRule, desk: PolicyContext
) -> points.Intervention:
    """Choose the intervention for the next attempt."""
    del desk
    acting = InterventionSettings(mode=PdiMode(rule.mode), stale=Stale(rule.stale), invalid=Invalid(rule.invalid))
    chosen = intervene(_readings([saw.latest, saw.reading]), acting)
    return points.Intervention(chosen.level.value, rule.mode, chosen.reason)


def _readings(seen: Sequence[Seen[points.ReadingSeen] | None]) -> list[ReadingFacts | None]:
    return [
        None if each is None else ReadingFacts(each.value.triggered, each.value.level, each.value.valid is not False)
        for each in seen
    ]


def read_pdi(saw: PdiSaw, settings: index.PdiSettings, desk: PolicyContext) -> points.PdiRuling:
    """Read PDI at a step, after all those before it under the same settings."""

    def step(state: index.PdiState, each: PdiSaw, inputs: Digest) -> index.PdiState:
        return read_one(state, each, inputs, settings, desk)[0]

    state = desk.fold(saw.earlier, PdiSaw, index.PdiState(), step)
    after, reading = read_one(state, saw, desk.inputs, settings, desk)
    desk.keep(after)
    return points.PdiRuling(**{name: getattr(reading, name) for name in points.PdiRuling.__struct_fields__})


def read_one(
    state: index.PdiState, saw: PdiSaw, inputs: Digest, settings: index.PdiSettings, desk: PolicyContext
) -> tuple[index.PdiState, index.Reading]:
    """Read PDI at one step, given the state before it."""
    measuring = (
        settings.likeness, settings.alpha, settings.facts_share, settings.sections, settings.method == "calibrated"
    )  # fmt: skip
    given, found = desk.once(inputs, measuring, lambda: _measured(saw, settings, desk))
    after, reading = index.judge(state, given, settings, found)
    if saw.tie is None or not _by_rounding(reading, settings):
        return after, reading
    return (
        msgspec.structs.replace(after, triggered=saw.tie),
        msgspec.structs.replace(reading, triggered=saw.tie, level=_level(state) if saw.tie else None),
    )


def _level(state: index.PdiState) -> index.Level:
    return "strong" if state.triggered else "soft"


def _by_rounding(reading: index.Reading, settings: index.PdiSettings) -> bool:
    """Say whether the source's own rule put the value so near the threshold that its last bit decided (SPARK, W2).

    A longer warm-up leaves the value of later steps as it is; any other setting makes another value of it.
    """
    weighted, default = reading.weighted_pdi, index.PdiSettings(warmup=settings.warmup)
    return settings == default and weighted is not None and abs(weighted - settings.limit) < index.AT_THRESHOLD


def _measured(saw: PdiSaw, settings: index.PdiSettings, desk: PolicyContext) -> tuple[index.PdiInput, index.Components]:
    given = given_to_read(saw, desk.text)
    return given, index.measure(given, settings)
