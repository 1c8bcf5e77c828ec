"""Every event there is. Adding one means one class in its family's file and one line here."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import json

from events.types.agent import (
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
from events.types.attempt import (
    AgentEnded,
    AttemptAbandoned,
    AttemptJudged,
    AttemptOpened,
    ImportedAttempt,
    InjectionImported,
    UsageImported,
)
from events.types.authoring import (
    AuthorClosed,
    AuthorOpened,
    SessionAsked,
    SessionFound,
    SessionMissing,
    TraceAsked,
    TraceMissing,
    TraceRead,
)
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintProposed,
    BlueprintRepaired,
    BriefsAsked,
    BriefsMissing,
    BriefsRead,
    ConstructionClosed,
    ConstructionOpened,
    OriginalsAsked,
    PublishAsked,
    PublishRefused,
    RenderAsked,
    RenderRefused,
    TaskPublished,
    TaskRendered,
)
from events.types.control import CancelOrdered, DrainOrdered, OrderMet, PauseOrdered, TuneOrdered, UnpauseOrdered
from events.types.decision import DecisionMade, InlineDecisionMade, ShadowFailed
from events.types.evaluation import (
    AnswersAsked,
    AnswersRead,
    ArmsCompared,
    CellOpened,
    CellUnscored,
    EvaluationAsked,
    EvaluationFound,
    EvaluationMissing,
    EvaluationScored,
    LooksAsked,
    LooksFound,
    SkillsGiven,
)
from events.types.evolution import (
    EvolutionPlanned,
    FreezeChosen,
    LearningChosen,
    LibraryClosed,
    LibraryOpened,
    MaintenanceChosen,
    NoteWritten,
    PatchChecked,
    RetrievalMade,
    RevisionRuled,
    SkillNarrowed,
    SkillQuarantined,
    SkillReadsAsked,
    SkillReadsFound,
    TracesChosen,
    TrialsScored,
)
from events.types.item import (
    ItemAnswered,
    ItemOpened,
    ItemsAsked,
    ItemScored,
    ItemsRead,
    ItemsUnreadable,
    ItemUnanswered,
)
from events.types.item_set import SetOpened
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported, RetryAsked, RetryDue
from events.types.optimizing import (
    OptimizerClosed,
    OptimizerOpened,
    TrajectoryAsked,
    TrajectoryMissing,
    TrajectoryRead,
)
from events.types.pdi import InterventionChosen, PdiImported, PdiRead
from events.types.pool import PoolLimited, PoolsOpened
from events.types.proving import InspectionAsked, InspectionFailed, ProofConcluded, ProofOpened, TaskInspected
from events.types.retrieval import RankingAsked, RankingFailed, RankingFound
from events.types.run import RunClosed, RunImported, RunOpened
from events.types.sandbox import (
    ActionAsked,
    ActionObserved,
    FilesAsked,
    FilesTaken,
    KeepAsked,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SandboxOpened,
    SandboxReleased,
    SolutionAsked,
    StateKept,
    VerifierRewarded,
    VerifierSilent,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.session import (
    ArmSkillsPinned,
    BackgroundFailed,
    CallLeftOpen,
    ImageSkillsFound,
    InFlightFound,
    InputsChanged,
    InputsLeftOut,
    RunForked,
    RunNamed,
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
from events.types.skill import (
    EvidenceGathered,
    LibraryFrozen,
    SkillImported,
    SkillProposed,
    SkillRefused,
    SkillRejected,
    SkillRetired,
    SkillRevised,
    SkillRolledBack,
)
from events.types.steps import StepAsked, StepBegun, StepJudged, StepVerifyAsked
from events.types.suite import SuiteAsked, SuiteMissing, SuiteRead
from events.types.training import (
    AppendixNoted,
    BatchBroken,
    BufferNoted,
    CandidateMade,
    DoNothingScored,
    EditsMerged,
    EditsSelected,
    EpochPlanned,
    GateDecided,
    MetaWritten,
    PatchesGathered,
    PauseAsked,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SlowProposed,
    StepOpened,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
    TrainingResumed,
)
from events.types.trajectory import ObservationImported, StepImported, TrajectoryImported
from events.types.trial import (
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
from events.types.whatif import DecisionFlipped, PathLeft, WhatIfAnswered

AnyEvent: TypeAlias = (
    RunOpened
    | RunClosed
    | RunImported
    | SessionStarted
    | InFlightFound
    | ScriptsPinned
    | SkillsPinned
    | ArmSkillsPinned
    | ImageSkillsFound
    | InputsLeftOut
    | InputsChanged
    | SandboxesSwept
    | SandboxRebuilt
    | SandboxReopened
    | SandboxNotReopened
    | RunForked
    | RunNamed
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
    | InlineDecisionMade
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
    | FilesAsked
    | FilesTaken
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
    | ItemsAsked
    | ItemsRead
    | ItemsUnreadable
    | ItemOpened
    | ItemAnswered
    | ItemUnanswered
    | ItemScored
    | EvidenceGathered
    | SkillRevised
    | SkillProposed
    | SkillRejected
    | SkillRetired
    | LibraryFrozen
    | SkillRefused
    | SkillImported
    | DecisionFlipped
    | PathLeft
    | WhatIfAnswered
    | CellOpened
    | EvaluationAsked
    | EvaluationFound
    | EvaluationMissing
    | SkillsGiven
    | AnswersAsked
    | AnswersRead
    | EvaluationScored
    | CellUnscored
    | ArmsCompared
    | SetOpened
    | LooksAsked
    | LooksFound
    | ShadowFailed
    | KeepAsked
    | StateKept
    | VerifyAgainAsked
    | TrainingPlanned
    | DoNothingScored
    | EpochPlanned
    | StepOpened
    | RolloutsScored
    | BatchBroken
    | PauseAsked
    | TrainingResumed
    | PatchesGathered
    | EditsMerged
    | RateChosen
    | EditsSelected
    | CandidateMade
    | GateDecided
    | SkillAccepted
    | StepSkipped
    | BufferNoted
    | SlowProposed
    | MetaWritten
    | AppendixNoted
    | TrainingClosed
    | TrajectoryAsked
    | TrajectoryRead
    | TrajectoryMissing
    | OptimizerOpened
    | OptimizerClosed
    | EvolutionPlanned
    | LibraryOpened
    | RetrievalMade
    | TracesChosen
    | NoteWritten
    | LearningChosen
    | PatchChecked
    | RevisionRuled
    | FreezeChosen
    | TrialsScored
    | SkillReadsAsked
    | SkillReadsFound
    | MaintenanceChosen
    | SkillQuarantined
    | SkillNarrowed
    | LibraryClosed
    | SuiteAsked
    | SuiteRead
    | SuiteMissing
    | RankingAsked
    | RankingFound
    | SkillRolledBack
    | TraceAsked
    | TraceRead
    | TraceMissing
    | SessionAsked
    | SessionFound
    | SessionMissing
    | AuthorOpened
    | AuthorClosed
    | RankingFailed
    | ProofOpened
    | InspectionAsked
    | TaskInspected
    | InspectionFailed
    | ProofConcluded
    | BriefsAsked
    | BriefsRead
    | BriefsMissing
    | OriginalsAsked
    | ConstructionOpened
    | BlueprintProposed
    | BlueprintRepaired
    | BlueprintCritiqued
    | RenderAsked
    | TaskRendered
    | RenderRefused
    | PublishAsked
    | TaskPublished
    | PublishRefused
    | ConstructionClosed
    | CallLeftOpen
)
"""The closed union of all events: `match` over it, and the checker counts."""


def catalog_words() -> frozenset[str]:
    """List tags, names of fields, and words that a field may hold by its type."""
    (schema,), components = json.schema_components([AnyEvent])
    return frozenset(word for word in _words([schema, components]) if isinstance(word, str))


def _words(schema: Any) -> Iterator[Any]:
    """Find the words of a JSON schema."""
    match schema:
        case dict():
            yield from schema.get("properties", ())
            yield from schema.get("enum", ())
            yield from _words(list(schema.values()))
        case list():
            for each in schema:
                yield from _words(each)
        case _:
            pass
