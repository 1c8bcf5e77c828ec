"""Reflection: after a failed attempt the memo is rewritten whole, or the old one stands."""

from collections.abc import Callable
from typing import NamedTuple, assert_never

from engine.calls import Caller, NoAnswer, answered, ask_model, problem_of, text_of
from engine.conversation import EMPTY, Conversation, extend, message
from engine.policies.memo import Memo, render_memo
from engine.policies.reflection import Accept, KeepOld, Repair, judge_reflection
from engine.prompting import Prompts
from engine.scope import Scope
from events.budget import BudgetRefused
from events.digest import Digest
from events.memo import MemoKept, MemoRewritten
from events.model import ModelAnswered
from projections.checks import Checks


class Failure(NamedTuple):
    """The failed attempt that is reflected on."""

    attempt: int
    label: str
    status: str
    reward: float
    checks: Checks
    commands: str
    failed_attempts: int
    """This one included."""


class Reflector(NamedTuple):
    """Who reflects, and with which words."""

    task: str
    instruction: str
    caller: Callable[[], Caller]
    """Says whom to ask now: a fork may have changed it."""
    prompts: Prompts


class MemoState(NamedTuple):
    """The memo in force."""

    memo: Memo | None
    digest: Digest | None


NO_MEMO = MemoState(None, None)


class Reflected(NamedTuple):
    """What came of a reflection."""

    state: MemoState
    rewritten: bool
    out_of_money: str | None
    """Why nothing more can be paid for. None: there may be money left."""


async def reflect(scope: Scope, by: Reflector, failure: Failure, before: MemoState) -> Reflected:
    """Ask for a new memo, once more if it is malformed; never let an error take its place."""
    talk = extend(scope, EMPTY, _opening(by, failure, before))
    repairs = 0
    while True:
        answer = (await ask_model(scope, by.caller, talk)).outcome
        if not isinstance(answer, ModelAnswered):
            return await _kept(scope, failure, before, answer)
        text = await text_of(scope, answer.text)
        ruling = judge_reflection(text, failed_attempts=failure.failed_attempts, repairs_made=repairs)
        match ruling:
            case Accept():
                return await _rewritten(scope, failure, before, ruling.memo, repaired=repairs > 0)
            case KeepOld():
                await scope.record(MemoKept(failure.attempt, before.digest, ruling.problems))
                return Reflected(before, rewritten=False, out_of_money=None)
            case Repair():
                repairs += 1
                talk = await _again(scope, by, failure, talk, answer, ruling)
            case _:
                assert_never(ruling)


def _opening(by: Reflector, failure: Failure, before: MemoState) -> list[bytes]:
    nothing = by.prompts.text("reflect_nothing")
    told = by.prompts.fill(
        "reflect_user",
        task=by.task,
        attempt=failure.label,
        status=failure.status,
        reward=f"{failure.reward:g}",
        passed=failure.checks.passed,
        total=failure.checks.total,
        failed_attempts=failure.failed_attempts,
        instruction=by.instruction,
        memo=by.prompts.text("reflect_first") if before.memo is None else render_memo(before.memo),
        commands=failure.commands or nothing,
        checks=failure.checks.summary or nothing,
    )
    return [message("system", by.prompts.text("reflect_system")), message("user", told)]


async def _again(
    scope: Scope, by: Reflector, failure: Failure, talk: Conversation, answer: ModelAnswered, ruling: Repair
) -> Conversation:
    """Name the faults; an answer that looks like an error dump is not quoted back."""
    told = by.prompts.fill(
        "reflect_repair",
        task=by.task,
        attempt=failure.label,
        problems="\n".join(f"* {problem}" for problem in ruling.problems),
    )
    said = await answered(scope, talk, answer) if ruling.quotable else talk
    return extend(scope, said, [message("user", told)])


async def _rewritten(scope: Scope, failure: Failure, before: MemoState, memo: Memo, *, repaired: bool) -> Reflected:
    event = rewritten_event(failure.attempt, memo, before.digest, repaired=repaired, put=scope.put)
    await scope.record(event)
    return Reflected(MemoState(memo, event.memo), rewritten=True, out_of_money=None)


def rewritten_event(
    attempt: int, memo: Memo, before: Digest | None, *, repaired: bool, put: Callable[[bytes], Digest]
) -> MemoRewritten:
    """Record a memo that was taken."""
    return MemoRewritten(attempt, put(render_memo(memo).encode()), before, repaired)


async def _kept(scope: Scope, failure: Failure, before: MemoState, outcome: NoAnswer) -> Reflected:
    problem = problem_of(outcome)
    await scope.record(MemoKept(failure.attempt, before.digest, (problem,)))
    return Reflected(before, rewritten=False, out_of_money=problem if isinstance(outcome, BudgetRefused) else None)
