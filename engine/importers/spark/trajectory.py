"""Reading ``trajectory.jsonl`` (SPARK, 5.2): one record a line, each for itself, in the order in which it happened."""

from typing import Any

import msgspec

from engine.importers.spark.files import TRAJECTORY
from engine.importers.spark.reader import Fields, Warnings, read_lines
from engine.importers.spark.records import NO_TRIAL, STATUSES, Call, Facts, PdiSnapshot, Rewritten, SparkAttempt, Status
from events.values import Role
from projections.checks import read_checks
from projections.commands import printed_commands

_LARGE_MEMO = 32_000
"""Characters; healthy recorded memos have at most 6,729 (SPARK, 3)."""


class SparkTrajectory:
    """What the lines tell."""

    def __init__(self, data: bytes, warnings: Warnings) -> None:
        self.attempts: dict[int, SparkAttempt] = {}
        self.memos: list[Rewritten] = []
        self.snapshots: dict[int, PdiSnapshot] = {}
        self.distilled: list[Call] = []
        self.facts = Facts(None, None, None)
        self._told: Facts | None = None
        for record in read_lines(data, TRAJECTORY, warnings):
            self._read(record)
        if self._told is not None:
            told, found = self._told, self.facts
            self.facts = Facts(told.model or found.model, told.agent or found.agent, told.max_attempts)

    @property
    def readable(self) -> bool:
        """Whether anything was told."""
        return bool(self.attempts or self.memos or self.distilled or self._told)

    def _read(self, record: Fields) -> None:
        match record.text("type"):
            case "execution_result":
                self._tried(record)
            case "pdi_snapshot":
                self._measured(record)
            case "reflect_call":
                self._reflected(record)
            case "skill_gen_call":
                self.distilled.append(_call(record, "distiller", self._attempt(record)))
            case "task_summary":
                config = record.within("exploration_config")
                self._told = Facts(config.text("model"), config.text("agent"), config.count("max_retries"))
            case kind:
                record.warn(f"unknown type of record {(kind or 'none')[:40]!r}", "it is left out")

    def _tried(self, record: Fields) -> None:
        number = record.count("attempt")
        if number is None:
            number = max(self.attempts, default=-1) + 1
            record.warn("attempt has no number", f"it counts as {number}")
        if number in self.attempts:
            record.warn(f"attempt {number} is told twice", "the first telling stands")
            return
        self.attempts[number] = read_tried(record, number)
        agent = record.within("result_json").within("config").within("agent") if record.has("result_json") else None
        if agent is not None:
            model, name = self.facts.model or agent.text("model_name"), self.facts.agent or agent.text("name")
            self.facts = Facts(model, name, None)

    def _measured(self, record: Fields) -> None:
        snapshot, number = read_snapshot(record), self._attempt(record)
        if snapshot is None:
            return
        if number in self.snapshots:
            record.warn(f"PDI after attempt {number} is told twice", "the first telling stands")
            return
        self.snapshots[number] = snapshot

    def _reflected(self, record: Fields) -> None:
        number = self._attempt(record)
        if any(memo.attempt == number for memo in self.memos if memo.reflected):
            record.warn(f"the memo after attempt {number} is told twice", "the first telling stands")
            return
        call = _call(record, "reflector", number)
        memo = record.text("memo_after")
        if memo is None:
            memo = call.response or ""
            record.warn(
                "memo_after is missing", "the response stands for it" if memo else "an empty memo stands for it"
            )
        if len(memo) > _LARGE_MEMO:
            record.warn(f"the memo has {len(memo)} characters", "it is kept as it is")
        current = self.memos[-1].memo if self.memos else ""
        before = record.text("memo_before")
        if before is None:
            before = current
            record.warn("memo_before is missing", "the memo of the step before stands for it")
        elif before != current:
            self._unseen(record, before, current)
        self.memos.append(Rewritten(number, memo, before, True, self.snapshots.get(number), call))

    def _unseen(self, record: Fields, before: str, current: str) -> None:
        """Take note of a memo that no record tells of: the template of an attempt without a trial, or a lost line."""
        failed = [each.number for each in self.attempts.values() if not each.judged]
        if current or not failed:
            record.warn("memo_before is not the memo of the step before", "it is kept as recorded")
            return
        self.memos.append(Rewritten(failed[0], before, "", False, None, None))

    def _attempt(self, record: Fields) -> int:
        """Give the attempt a record belongs to: what it says, else the one told last."""
        number = record.count("attempt")
        if number is None:
            number = max(self.attempts, default=0)
            record.warn("attempt has no number", f"it counts for attempt {number}")
        return number


def read_tried(record: Fields, number: int) -> SparkAttempt:
    """Read an attempt; of ``attempts.json`` too, whose attempts have the same fields, but fewer."""
    reward = record.number("reward")
    if reward is None:
        record.warn("there is no readable reward", "the attempt counts as without a verdict")
    stdout, printed = record.text("agent_stdout_full"), record.text("test_stdout_full")
    commands, summary = record.text("agent_commands"), record.text("test_summary")
    checks = None
    if summary is None:
        checks = read_checks(printed or "", _json(record.value.get("ctrf_json")))
        summary = checks.summary
        record.warn("test_summary is missing", "it is read from the verifier's output")
    if commands is None:
        commands = printed_commands(stdout or "")
        record.warn("agent_commands is missing", "they are read from the agent's output")
    passed, total = record.count("n_passed"), record.count("n_tests")
    error = record.text("error") or ""
    trial = not summary.startswith(NO_TRIAL) and (record.has("result_json") or not error)
    return SparkAttempt(
        number=number,
        status=_status(record, reward),
        reward=reward,
        passed=passed if passed is not None else checks.passed if checks else 0,
        total=total if total is not None else checks.total if checks else 0,
        commands=commands,
        summary=summary,
        stdout=stdout,
        verifier_stdout=printed,
        error=error,
        trial=trial,
        injection=record.text("retry_injection"),
    )


def read_snapshot(record: Fields) -> PdiSnapshot | None:
    """Read recorded PDI. None: a value is missing, so that none of it can be relied upon."""
    names = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")
    step, triggered, level = record.whole("step"), record.flag("triggered"), record.text("level")
    numbers = [number for name in names if (number := record.number(name)) is not None]
    if step is None or triggered is None or len(numbers) < len(names):
        record.warn("a value of PDI is missing", "this reading is left out")
        return None
    match level:
        case None | "soft" | "strong":
            execs, plan, oss, raw, weight, weighted = numbers
            return PdiSnapshot(step, execs, plan, oss, raw, weight, weighted, triggered, level)
        case _:
            record.warn("level is neither soft nor strong", "this reading is left out")
            return None


def _status(record: Fields, reward: float | None) -> Status:
    """Give the recorded word; SPARK counts a reward of 1 as a success, whatever its trajectory says (SPARK, 2.5)."""
    word = record.text("status")
    if word in STATUSES:
        solved = reward is not None and reward >= 1.0 and word == "ERROR"
        return "PASS" if solved else STATUSES[word]
    status: Status = "FAIL"
    if reward is None:
        status = "ERROR"
    elif reward > 0:
        status = "PASS" if reward >= 1.0 else "PARTIAL"
    record.warn("status is none of SPARK's", f"{status} is taken from the reward")
    return status


def _call(record: Fields, role: Role, attempt: int) -> Call:
    return Call(
        role,
        attempt,
        record.text("model"),
        record.text("system_prompt"),
        record.text("user_prompt"),
        record.text("response"),
        record.count("input_tokens"),
        record.count("output_tokens"),
        record.number("latency_s"),
    )


def _json(value: Any) -> bytes | None:
    """Write a report again, so that it can be read like any other. None: there is none."""
    try:
        return msgspec.json.encode(value) if value else None
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
