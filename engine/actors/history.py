"""What a trial has learnt of its attempts, as its decisions and its evidence need it."""

from typing import NamedTuple

from engine.actors.attempt import AttemptResult
from engine.agents.base import Action
from engine.calls import Readable, text_of
from engine.policies import evidence_facts as facts
from engine.policies.intervention import Reading
from engine.policies.judging import Failed, Outcome
from engine.policies.memo import Memo
from events.base import Ref
from projections.checks import Checks
from projections.commands import joined_commands


class FailedBefore(NamedTuple):
    """A failed attempt, and what was learnt from it."""

    attempt: int
    status: str
    first_command: str | None
    checks: Checks
    judged: Ref
    memo: Memo | None = None
    memo_at: Ref | None = None


class TrialHistory:
    """Attempts so far. It grows with the trial's own events and holds nothing else."""

    def __init__(self) -> None:
        self.attempts = 0
        """Attempts of any kind."""
        self.outcomes: list[Outcome] = []
        """Of those that count: an attempt cut off by the death of our process does not."""
        self.failed: list[FailedBefore] = []
        self.readings: list[Reading | None] = []
        self.last: AttemptResult | None = None
        self.summary_before = ""
        """Rows of tests of the attempt before the last one; empty if there was none."""

    @property
    def steps(self) -> int:
        """Memos written before the latest one: 0 at the first reflection that succeeded (SPARK, 1.2)."""
        return sum(1 for each in self.failed if each.memo is not None) - 1

    @property
    def last_failed(self) -> bool:
        """Whether the last attempt was judged, and failed."""
        return bool(self.outcomes) and isinstance(self.outcomes[-1], Failed) and self._last_counts

    @property
    def _last_counts(self) -> bool:
        return self.last is not None and self.last.counts

    def add(self, result: AttemptResult, outcome: Outcome, concluded: Ref) -> None:
        """Take in an attempt that ended; `concluded` is the event that says so."""
        self.attempts += 1
        self.summary_before = "" if self.last is None else self.last.checks.summary
        self.last = result
        if result.counts:
            self.outcomes.append(outcome)
        if self.last_failed:
            first = result.actions[0].command if result.actions else None
            status = outcome_word(outcome)
            self.failed.append(FailedBefore(self.attempts, status, first, result.checks, concluded))

    def reflected(self, memo: Memo, at: Ref) -> None:
        """Take in the memo that was written after the last failure."""
        self.failed[-1] = self.failed[-1]._replace(memo=memo, memo_at=at)


def commands_of(result: AttemptResult) -> str:
    """What an attempt ran, as PDI reads it."""
    return joined_commands(action.command for action in result.actions)


def outcome_word(outcome: Outcome) -> str:
    """Say in a word or two how an attempt ended."""
    return f"failed with reward {outcome.reward:g}" if isinstance(outcome, Failed) else type(outcome).__name__.lower()


class TaskTexts(NamedTuple):
    """What the task itself says."""

    instruction: str
    dockerfile: str | None


async def solved_trial(
    blobs: Readable, decided: Ref, trial: str, history: TrialHistory, task: TaskTexts
) -> facts.SolvedTrial:
    """Gather what is recorded of a solved trial, each fact with the events it rests on.

    Args:
        blobs: Where the texts are.
        decided: The event that says that the trial is solved.
        trial: Its name.
        history: What it has learnt.
        task: What the task itself says.
    """
    last = history.last
    assert last is not None, "a solved trial has an attempt"
    judged = (decided,)
    actions = tuple([await _action(blobs, action) for action in last.actions])
    return facts.SolvedTrial(
        trial=trial,
        instruction=task.instruction,
        actions=actions,
        notes=tuple(facts.Note(note.text, (note.answered,)) for note in last.notes if note.text.strip()),
        rows=_rows(last.checks, judged),
        reward=last.facts.reward or 0.0,
        exception=last.facts.exception,
        verdict_references=judged,
        failed=tuple(_failed(each) for each in history.failed),
        dockerfile=task.dockerfile,
        raw_output="\n".join(action.stdout for action in actions),
        raw_references=tuple(action.observed for action in last.actions),
    )


async def _action(blobs: Readable, action: Action) -> facts.Action:
    stdout, stderr = await text_of(blobs, action.seen.stdout), await text_of(blobs, action.seen.stderr)
    return facts.Action(action.command, action.seen.exit_code, stdout, stderr, (action.observed,))


def _rows(checks: Checks, references: tuple[Ref, ...]) -> tuple[facts.CheckRow, ...]:
    return tuple(facts.CheckRow(row.name, row.passed, row.message, references) for row in checks.rows)


def _failed(before: FailedBefore) -> facts.FailedAttempt:
    return facts.FailedAttempt(
        attempt=before.attempt,
        status=before.status,
        first_command=before.first_command,
        rows=_rows(before.checks, (before.judged,)),
        memo=before.memo,
        references=(before.judged,),
        memo_references=() if before.memo_at is None else (before.memo_at,),
    )
