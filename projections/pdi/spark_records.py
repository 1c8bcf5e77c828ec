"""What PDI was given at each reflect step of a task that SPARK recorded, from parsed records alone; pure.

An oracle beside the log: `projections.pdi.steps` folds the same inputs from events, and both must agree with what
SPARK wrote down. Takes whatever is left of a task: a trajectory, else ``attempts.json``, else nothing.

Rules (``reference/spark.md`` 1.2, 2.2, 11.1): only an attempt that was reflected upon gives failed rows to the one
after it, for failures of execution and infrastructure stand there with rows of no tests; the step is the recorded one,
else the number of memos archived so far; an empty memo is never archived.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from projections.pdi.index import PdiInput, healthy

Record: TypeAlias = Mapping[str, Any]
"""A parsed JSON object. Fields that are missing, null or of another type count as empty."""

_NO_TRIAL = "Execution failed"
_NOT_REFLECTED = frozenset({"PASS", "INFRA_ERROR"})


class ReflectStep(NamedTuple):
    """What one reflect step gave to read."""

    attempt: int
    """As SPARK counts: from 0."""
    given: PdiInput


class _Attempt(NamedTuple):
    """What PDI is given of an attempt."""

    number: int
    commands: str
    summary: str


_NOTHING = _Attempt(0, "", "")


def reflect_steps(trajectory: Sequence[Record], attempts: Record | None) -> tuple[ReflectStep, ...]:
    """Give the inputs of every reflect step, in order.

    Args:
        trajectory: The lines of ``trajectory.jsonl`` that could be read; none if it is missing or empty.
        attempts: ``attempts.json``; None if it is missing. Read only where the trajectory holds no attempt.
    """
    if any(line.get("type") == "execution_result" for line in trajectory):
        return tuple(_from_trajectory(trajectory))
    return tuple(_from_attempts(attempts or {}))


def _from_trajectory(trajectory: Sequence[Record]) -> Iterator[ReflectStep]:
    steps = {_number(line, "attempt"): line["step"] for line in trajectory if _is_snapshot(line)}
    last, previous_summary, memo, archived, reflected = _NOTHING, "", "", 0, False
    for line in trajectory:
        match line.get("type"):
            case "execution_result":
                previous_summary = last.summary if reflected else ""
                last, reflected = _attempt(line), False
            case "reflect_call":
                before = line["memo_before"] if isinstance(line.get("memo_before"), str) else memo
                memo, reflected, archived = _text(line, "memo_after"), True, archived + bool(before)
                step = steps.get(last.number, archived)
                yield ReflectStep(last.number, _input((before, memo), last, previous_summary, step))
            case _:
                pass


def _from_attempts(record: Record) -> Iterator[ReflectStep]:
    attempts = [each for each in _list(record, "attempts") if isinstance(each, dict)]
    pdi = record.get("pdi")
    steps = [each["step"] for each in _list(pdi, "history") if _has_step(each)] if isinstance(pdi, dict) else []
    reflected = [number for number, each in enumerate(attempts) if _was_reflected(each)]
    memos = _memos(record, len(reflected), steps)
    archived = 0
    for place, (number, (before, memo)) in enumerate(zip(reflected, memos, strict=False)):
        archived += bool(before)
        follows = number > 0 and number - 1 in reflected
        previous_summary = _attempt(attempts[number - 1]).summary if follows else ""
        step = steps[place] if place < len(steps) else archived
        current = _attempt(attempts[number])
        yield ReflectStep(current.number, _input((before, memo), current, previous_summary, step))


def _memos(record: Record, reflected: int, steps: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Give the memo before and after each reflect call.

    ``memo_history`` holds no empty memo, so where one was, the recorded step stands still (W3, 1.2). One memo more
    than reflect calls is the template that a failed execution leaves; it comes first.
    """
    kept = [memo for memo in [*_list(record, "memo_history"), record.get("exploration_memo")] if isinstance(memo, str)]
    stalls = [after == before for before, after in pairwise(steps)]
    following = iter(kept)
    before = next(following, "") if len(kept) + sum(stalls) > reflected else ""
    for place in range(reflected):
        empty = place < len(stalls) and stalls[place]
        memo = "" if empty else next(following, "")
        yield before, memo
        before = memo


def _input(memos: tuple[str, str], attempt: _Attempt, previous_summary: str, step: int) -> PdiInput:
    before, memo = memos
    return PdiInput(
        memo=memo,
        previous_memo=before,
        commands=attempt.commands,
        summary=attempt.summary,
        previous_summary=previous_summary,
        step=step,
        healthy=healthy(memo),
    )


def _was_reflected(attempt: Record) -> bool:
    judged = attempt.get("status") not in _NOT_REFLECTED
    return judged and not _text(attempt, "test_summary").startswith(_NO_TRIAL)


def _attempt(record: Record) -> _Attempt:
    return _Attempt(_number(record, "attempt"), _text(record, "agent_commands"), _text(record, "test_summary"))


def _is_snapshot(line: Record) -> bool:
    return line.get("type") == "pdi_snapshot" and _has_step(line)


def _has_step(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("step"), int)


def _number(record: Record, key: str) -> int:
    value = record.get(key)
    return value if isinstance(value, int) else 0


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _list(record: Record, key: str) -> list[Any]:
    value = record.get(key)
    return value if isinstance(value, list) else []
