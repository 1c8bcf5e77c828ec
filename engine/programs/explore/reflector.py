"""Reflection: after a failed attempt the memo is rewritten whole, or the old one stands."""

from collections.abc import Callable
from typing import NamedTuple, assert_never

from engine.core.decision import Made, Says
from engine.core.open_decision import made_event
from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import Caller, NoAnswer, ask_model, problem_of, quoting, text_of
from engine.programs.explore.learning_points import REFLECTION, Reflection, ReflectionSaw, WordsSeen
from engine.programs.explore.points import CountedChecks
from events.digest import Digest
from events.types.budget import BudgetRefused
from events.types.decision import Decided, Seen, Text
from events.types.memo import MemoKept, MemoRewritten
from events.types.model import ModelAnswered


class ReflectedFailure(NamedTuple):
    """The failed attempt that is reflected on."""

    attempt: int
    label: str
    status: str
    reward: float
    checks: CountedChecks
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


class Reflected(NamedTuple):
    """What came of a reflection."""

    memo: Text | None
    """The new memo. None: the old one stands."""
    out_of_money: str | None
    """Why nothing more can be paid for. None: there may be money left."""


async def reflect(scope: Scope, by: Reflector, failure: ReflectedFailure, before: Text | None) -> Reflected:
    """Ask for a new memo, once more if it is malformed; never let an error take its place."""
    old = None if before is None else before.text
    rows = await text_of(scope, failure.checks.test_summary)
    talk = extend(scope, EMPTY, _opening(by, failure, await text_of(scope, old), rows))
    repairs = 0
    while True:
        answer = (await ask_model(scope, by.caller, talk)).outcome
        if not isinstance(answer, ModelAnswered):
            return await _kept(scope, failure, old, answer)
        seen = Seen(scope.at, WordsSeen(answer.message, answer.text))
        ruled = await scope.decide(REFLECTION, ReflectionSaw(seen, repairs), _says(failure, old, repairs))
        match ruled.value.verdict:
            case "accept":
                assert ruled.value.memo is not None, "there is a new memo"
                return Reflected(Text(ruled.value.memo, ruled.seen), out_of_money=None)
            case "keep":
                return Reflected(None, out_of_money=None)
            case "repair":
                repairs += 1
                talk = await quoting(scope, talk, ruled.value.quoted)
                talk = extend(scope, talk, [_again(by, failure, ruled.value)])
            case _:
                assert_never(ruled.value.verdict)


def _says(failure: ReflectedFailure, before: Digest | None, repairs: int) -> Says:
    """Say which event records a ruling."""

    def says(ruling: Reflection, made: Made) -> Decided:
        match ruling.verdict:
            case "accept":
                assert ruling.memo is not None, "there is a new memo"
                return MemoRewritten(failure.attempt, ruling.memo, before, repairs > 0)
            case "keep":
                return MemoKept(failure.attempt, before, ruling.problems)
            case "repair":
                return made_event(REFLECTION, ruling, made)
            case _:
                assert_never(ruling.verdict)

    return says


def _opening(by: Reflector, failure: ReflectedFailure, memo: str, rows: str) -> list[bytes]:
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
        memo=memo or by.prompts.text("reflect_first"),
        commands=failure.commands or nothing,
        checks=rows or nothing,
    )
    return [message("system", by.prompts.text("reflect_system")), message("user", told)]


def _again(by: Reflector, failure: ReflectedFailure, ruling: Reflection) -> bytes:
    """Name the faults."""
    told = by.prompts.fill(
        "reflect_repair",
        task=by.task,
        attempt=failure.label,
        problems="\n".join(f"* {problem}" for problem in ruling.problems),
    )
    return message("user", told)


async def _kept(scope: Scope, failure: ReflectedFailure, before: Digest | None, outcome: NoAnswer) -> Reflected:
    problem = problem_of(outcome)
    await scope.record(MemoKept(failure.attempt, before, (problem,)))
    return Reflected(None, out_of_money=problem if isinstance(outcome, BudgetRefused) else None)
