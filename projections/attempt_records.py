"""What each attempt was given, ran and left: names of texts, folded from the log, so that two attempts can be compared.

Live and imported attempts alike. What it ran is a command for each action where actions are recorded; of a source that
records none, the text of the commands as PDI reads it.
"""

from typing import Literal

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.streams import attempt_of, trial_of
from events.types.agent import AgentActed
from events.types.attempt import InjectionImported
from events.types.memo import MemoImported, MemoRewritten
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialOpened
from projections.base import Blobs


class RanCommand(msgspec.Struct):
    """One command."""

    command: Digest
    """Blob."""
    exit_code: int | None = None
    """None: it has not ended, was killed, or the agent does not say."""


class RecordedAttempt(msgspec.Struct, kw_only=True):
    """One attempt."""

    number: int
    """As the run counts: from 1; imported ones as the source counts."""
    outcome: Literal["solved", "failed", "no_verdict", "infrastructure"] | None = None
    """None: it has not ended."""
    reward: float | None = None
    passed: int = 0
    total: int = 0
    """Tests; 0 if the verifier counts none."""
    intervention: Literal["none", "soft", "strong"] | None = None
    """What it was told. None: unknown."""
    told: Digest | None = None
    """Blob: the text that was added to its instruction, the memo included. None: nothing was, or the source does not
    say."""
    ran: list[RanCommand] = []
    commands: Digest | None = None
    """Blob: its commands as PDI reads them. None: it has not ended."""
    tests: Digest | None = None
    """Blob: rows of passed and failed tests. None: it has not ended."""


class TrialRecord(msgspec.Struct):
    """One trial."""

    memos: dict[str, Digest] = {}
    """Blobs, by the number of the attempt after which each was written, as text."""
    attempts: dict[str, RecordedAttempt] = {}
    """By number, written as text."""

    def memo_at(self, attempt: int) -> Digest | None:
        """Name the memo that was in force when an attempt began. None: there was none."""
        before = [int(number) for number in self.memos if int(number) < attempt]
        return self.memos[str(max(before))] if before else None


class AttemptRecordsState(msgspec.Struct):
    """All trials, by run and trial."""

    runs: dict[str, dict[str, TrialRecord]] = {}


class AttemptRecords:
    """The projection."""

    name = "attempt_records"
    revision = 1
    tags: frozenset[str] | None = frozenset(
        {
            "trial.opened",
            "trial.attempt_planned",
            "trial.attempt_concluded",
            "attempt.injection_imported",
            "action.asked",
            "action.observed",
            "agent.acted",
            "memo.rewritten",
            "memo.imported",
        }
    )

    def initial(self) -> AttemptRecordsState:
        """No trials."""
        return AttemptRecordsState()

    def state_type(self) -> type[AttemptRecordsState]:
        """For snapshots."""
        return AttemptRecordsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Nothing but the events: texts are read when they are shown."""
        del recorded
        return ()

    def apply(self, state: AttemptRecordsState, recorded: Recorded, blobs: Blobs) -> AttemptRecordsState:
        """Fold one event in."""
        del blobs
        run, name = recorded.stream.run, trial_of(recorded.stream.name)
        if name is None:
            return state
        if isinstance(recorded.event, TrialOpened):
            state.runs.setdefault(run, {})[name] = TrialRecord()
            return state
        trial = state.runs.get(run, {}).get(name)
        number = attempt_of(recorded.stream.name)
        if trial is not None and number is None:
            _in_trial(trial, recorded)
        elif trial is not None and number is not None:
            _in_attempt(trial, number, recorded)
        return state


def _in_trial(trial: TrialRecord, recorded: Recorded) -> None:
    match recorded.event:
        case AttemptPlanned() as planned:
            attempt = _record(trial, planned.attempt)
            attempt.intervention, attempt.told = planned.intervention, planned.injection
        case AttemptConcluded() as concluded:
            attempt = _record(trial, concluded.attempt)
            attempt.outcome, attempt.reward = concluded.outcome.kind, concluded.outcome.reward
            attempt.passed, attempt.total = concluded.passed, concluded.total
            attempt.commands, attempt.tests = concluded.commands, concluded.test_summary
        case MemoRewritten() | MemoImported() as memo:
            trial.memos[str(memo.attempt)] = memo.memo
        case _:
            pass


def _in_attempt(trial: TrialRecord, number: int, recorded: Recorded) -> None:
    match recorded.event:
        case InjectionImported() as told:
            attempt = _record(trial, number)
            attempt.intervention, attempt.told = told.intervention, told.injection
        case ActionAsked() as asked:
            _record(trial, number).ran.append(RanCommand(asked.command))
        case ActionObserved() as observed:
            for last in _record(trial, number).ran[-1:]:
                last.exit_code = observed.exit_code
        case AgentActed() as acted:
            _record(trial, number).ran.append(RanCommand(acted.command, acted.exit_code))
        case _:
            pass


def _record(trial: TrialRecord, number: int) -> RecordedAttempt:
    return trial.attempts.setdefault(str(number), RecordedAttempt(number=number))
