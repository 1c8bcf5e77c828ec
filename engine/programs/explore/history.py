"""What a trial has learnt of its attempts, as its decisions and its evidence need it."""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from engine.agents.base import Action
from engine.policies.judging import spark_status
from engine.programs.explore import points
from engine.programs.explore.attempt import AttemptResult
from engine.programs.explore.learning_points import ActionSaw, EvidenceSaw, ExitSeen, SolvedSeen, TriedSaw
from events.base import Ref
from events.digest import Digest, digest_of
from events.types.decision import Seen, Text
from events.types.trial import AttemptConcluded
from projections.commands import joined_commands

_NOTHING: Final = digest_of(b"")


class TrialHistory:
    """Attempts so far. It grows with the trial's own events and holds nothing else."""

    def __init__(self) -> None:
        self.attempts = 0
        """Attempts of any kind."""
        self.outcomes: list[Seen[points.Judged]] = []
        """Of those that count: an attempt cut off by the death of our process does not."""
        self.tried: list[TriedSaw] = []
        """Those that count, and what was learnt from each."""
        self.latest: Seen[points.ReadingSeen] | None = None
        """The last reading of PDI there was. None: there was none yet."""
        self.last: AttemptResult | None = None
        self.commands: Text | None = None
        """What the last attempt ran. None: there was no attempt."""
        self.summary: Text | None = None
        """Rows of tests of the last attempt."""
        self.summary_before: Text | None = None
        """Those of the attempt before the last one. None: there was none."""

    @property
    def steps(self) -> int:
        """Memos written before the latest one: 0 at the first reflection that succeeded (SPARK, 1.2)."""
        return sum(1 for each in self.tried if each.memo is not None) - 1

    @property
    def failed(self) -> int:
        """How many attempts failed."""
        return sum(1 for each in self.outcomes if each.value.outcome.kind == "failed")

    def add(self, result: AttemptResult, event: AttemptConcluded, concluded: Ref) -> None:
        """Take in an attempt that ended; `concluded` is where the event stands that says so."""
        self.attempts += 1
        self.summary_before, self.last = self.summary, result
        self.commands, self.summary = Text(event.commands, concluded), Text(event.test_summary, concluded)
        if result.counts:
            outcome = result.judged or Seen(concluded, points.Judged(result.outcome))
            self.outcomes.append(outcome)
            self.tried.append(_tried(self.attempts, result, outcome, concluded))

    def reflected(self, memo: Text) -> None:
        """Take in the memo that was written after the last attempt that counts."""
        self.tried[-1] = msgspec.structs.replace(self.tried[-1], memo=memo)


def _tried(number: int, result: AttemptResult, outcome: Seen[points.Judged], concluded: Ref) -> TriedSaw:
    return TriedSaw(
        attempt=number,
        outcome=outcome,
        concluded=concluded,
        ran=bool(result.actions),
        first_command=result.actions[0].asked if result.actions else None,
        verdict=result.verdict,
        memo=None,
    )


def commands_of(result: AttemptResult) -> str:
    """What an attempt ran, as PDI reads it."""
    return joined_commands(action.command for action in result.actions)


class TaskTexts(NamedTuple):
    """What the task itself says."""

    instruction: Text
    dockerfile: Text | None
    """None: its environment has none."""


def conclude(number: int, result: AttemptResult, put: Callable[[bytes], Digest]) -> AttemptConcluded:
    """Take note of how an attempt ended."""
    return AttemptConcluded(
        attempt=number,
        outcome=result.outcome,
        status=spark_status(result.facts).value,
        passed=result.checks.passed,
        total=result.checks.total,
        commands=put(commands_of(result).encode()),
        test_summary=result.checks.test_summary,
    )


def evidence_saw(trial: str, solved: Ref, history: TrialHistory, task: TaskTexts) -> EvidenceSaw:
    """Put together what the evidence for a skill is gathered from.

    Args:
        trial: Its name.
        solved: The decision that says that it is solved.
        history: What it has learnt.
        task: What the task itself says.
    """
    last = history.last
    assert last is not None, "a solved trial has an attempt"
    assert last.saw is not None, "which was judged"
    return EvidenceSaw(
        trial=trial,
        solved=Seen(solved, SolvedSeen("solved")),
        instruction=task.instruction,
        dockerfile=task.dockerfile,
        judging=last.saw,
        verdict=last.verdict,
        actions=tuple(map(_action_saw, last.actions)),
        notes=last.notes,
        before=tuple(history.tried[:-1]),
    )


def _action_saw(action: Action) -> ActionSaw:
    at, seen = action.observed, action.seen
    return ActionSaw(
        command=action.asked,
        exit=Seen(at, ExitSeen(seen.exit_code)),
        stdout=Text(seen.stdout, at),
        stderr=None if seen.stderr == _NOTHING else Text(seen.stderr, at),
    )
