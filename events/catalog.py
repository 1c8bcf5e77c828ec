"""Every event there is. Adding one means one class in its family's file and one line here."""

from typing import TypeAlias

from events.agent import (
    AgentActed,
    AgentRunAsked,
    AgentRunFinished,
    AgentSaid,
    CallAnswered,
    CallAsked,
    CallFailed,
    CallReceived,
    CallRefused,
)
from events.attempt import (
    AgentEnded,
    AttemptAbandoned,
    AttemptJudged,
    AttemptOpened,
    ImportedAttempt,
    InjectionImported,
    UsageImported,
)
from events.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.control import CancelOrdered, DrainOrdered, OrderMet, PauseOrdered, TuneOrdered, UnpauseOrdered
from events.decision import DecisionMade
from events.memo import MemoImported, MemoKept, MemoRewritten
from events.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported, RetryAsked, RetryDue
from events.pdi import InterventionChosen, PdiImported, PdiRead
from events.pool import PoolLimited, PoolsOpened
from events.run import RunClosed, RunImported, RunOpened
from events.sandbox import (
    ActionAsked,
    ActionObserved,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SandboxOpened,
    SandboxReleased,
    SolutionAsked,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from events.session import (
    BackgroundFailed,
    InFlightFound,
    InputsChanged,
    InputsLeftOut,
    RunForked,
    SandboxesSwept,
    SandboxNotReopened,
    SandboxRebuilt,
    SandboxReopened,
    ScopeStopped,
    ScriptsPinned,
    SessionEnded,
    SessionStarted,
    SignalReceived,
    SkillsPinned,
)
from events.skill import EvidenceGathered, SkillImported, SkillRefused, SkillRevised
from events.steps import StepAsked, StepBegun, StepJudged, StepVerifyAsked
from events.trajectory import ObservationImported, StepImported, TrajectoryImported
from events.trial import (
    AttemptConcluded,
    AttemptPlanned,
    HintPrepared,
    NextChosen,
    TaskAsked,
    TaskRead,
    TaskReadInSteps,
    TrialClosed,
    TrialOpened,
)
from events.whatif import DecisionFlipped, PathLeft, WhatIfAnswered

AnyEvent: TypeAlias = (
    RunOpened
    | RunClosed
    | RunImported
    | SessionStarted
    | InFlightFound
    | ScriptsPinned
    | SkillsPinned
    | InputsLeftOut
    | InputsChanged
    | SandboxesSwept
    | SandboxRebuilt
    | SandboxReopened
    | SandboxNotReopened
    | RunForked
    | BackgroundFailed
    | SignalReceived
    | SessionEnded
    | ScopeStopped
    | PauseOrdered
    | UnpauseOrdered
    | DrainOrdered
    | CancelOrdered
    | TuneOrdered
    | OrderMet
    | PoolsOpened
    | PoolLimited
    | TrialOpened
    | TaskAsked
    | TaskRead
    | TaskReadInSteps
    | HintPrepared
    | AttemptPlanned
    | AttemptConcluded
    | DecisionMade
    | NextChosen
    | TrialClosed
    | AttemptOpened
    | AgentEnded
    | AttemptJudged
    | AttemptAbandoned
    | ImportedAttempt
    | InjectionImported
    | UsageImported
    | TrajectoryImported
    | StepImported
    | ObservationImported
    | SandboxAsked
    | SandboxOpened
    | SandboxFailed
    | ActionAsked
    | SolutionAsked
    | ActionObserved
    | StepAsked
    | StepBegun
    | StepVerifyAsked
    | StepJudged
    | VerifyAsked
    | VerifierRewarded
    | VerifierSilent
    | ReleaseAsked
    | SandboxReleased
    | AgentRunAsked
    | AgentRunFinished
    | AgentActed
    | AgentSaid
    | CallReceived
    | CallAsked
    | CallRefused
    | CallAnswered
    | CallFailed
    | ModelAsked
    | ModelAnswered
    | ModelFailed
    | RetryAsked
    | RetryDue
    | ModelImported
    | BudgetAsked
    | BudgetGranted
    | BudgetRefused
    | MemoRewritten
    | MemoKept
    | MemoImported
    | PdiRead
    | InterventionChosen
    | PdiImported
    | EvidenceGathered
    | SkillRevised
    | SkillRefused
    | SkillImported
    | DecisionFlipped
    | PathLeft
    | WhatIfAnswered
)
"""The closed union of all events: `match` over it, and the checker counts."""
