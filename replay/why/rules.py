"""What each kind of event rests on, beside its cause and the blobs it names.

A kind needs a line only where that is more than its fields say: one without rests on the events that it names and,
where it neither names nor answers one, on the first of its stream. A decision rests on what its inputs name. An event
that can record one has a line only where it can also take note of what no policy decided: what another system
decided, or that no model answered.

Everything in it looks back, so a chain of causes has an end. The one exception is `NextEvent`: a reading of PDI that
was imported stands before the memo it was taken of, as its source recorded it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from events.base import Event
from events.streams import TRAIN
from events.types.agent import (
    AgentActed,
    AgentRunAsked,
    AgentRunFinished,
    AgentSaid,
    CallAsked,
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
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintRepaired,
    ConstructionClosed,
    PublishAsked,
    PublishRefused,
    RenderAsked,
    RenderRefused,
    TaskPublished,
    TaskRendered,
)
from events.types.control import CancelOrdered, DrainOrdered, OrderMet, PauseOrdered, TuneOrdered, UnpauseOrdered
from events.types.decision import DecisionMade
from events.types.evaluation import AnswersAsked, CellOpened, EvaluationAsked, SkillsGiven
from events.types.evolution import MaintenanceChosen, PatchChecked, RevisionRuled, SkillNarrowed, SkillQuarantined
from events.types.item import ItemAnswered, ItemOpened, ItemsAsked, ItemsRead, ItemUnanswered
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
from events.types.pdi import PdiImported
from events.types.pool import PoolLimited, PoolsOpened
from events.types.proving import InspectionAsked, ProofConcluded
from events.types.run import RunClosed
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
    SolutionAsked,
    StateKept,
    VerifierRewarded,
    VerifierSilent,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.session import (
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
from events.types.suite import SuiteAsked
from events.types.training import (
    BatchBroken,
    EditsMerged,
    EpochPlanned,
    GateDecided,
    PatchesGathered,
    PauseAsked,
    RolloutsScored,
    SkillAccepted,
    StepOpened,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
)
from events.types.trajectory import ObservationImported, StepImported, TrajectoryImported
from events.types.trial import (
    AttemptConcluded,
    AttemptPlanned,
    NextChosen,
    TaskAsked,
    TaskRead,
    TaskReadInSteps,
    TrialClosed,
    TrialOpened,
)
from events.types.whatif import DecisionFlipped, PathLeft, WhatIfAnswered
from events.values import Role
from replay.why.selectors import (
    AttemptEnd,
    ByRole,
    Every,
    ItemWorkEnd,
    Latest,
    LatestRuling,
    LatestSame,
    Look,
    Mention,
    NamedEvents,
    NextEvent,
    Opening,
    RunPrompts,
    Since,
    StreamEnds,
    StreamOpening,
    TrialDecisions,
    TrialEnds,
)

_TURNS: Final = (ModelAnswered, ModelFailed, BudgetRefused, ActionObserved, SandboxFailed, DecisionMade)
_GOING_ON: Final = ("limit", "call_retry")
"""Points whose rulings are told where they end something or have it tried again, and not at every turn."""
_OUTCOMES: Final = (ModelAnswered, ModelFailed, BudgetRefused)
_CONCLUDED: Final = Latest("attempt", (AttemptConcluded,))
_TASK: Final = Latest("task", (TaskRead, TaskReadInSteps))
_TRIAL: Final = Latest("trial", (TrialOpened,))
_ITEM: Final = Latest("item", (ItemOpened,))
_SANDBOX: Final = Latest("sandbox", (SandboxOpened,), quiet=True)
_ATTEMPT: Final = Latest("attempt", (AttemptOpened, ImportedAttempt), quiet=True)
_RUN: Final = Opening("run", quiet=True)
_SESSION: Final = Latest("session", (SessionStarted,))
_QUESTION: Final = Latest("question", (OptimizerOpened,), quiet=True)
_STEP: Final = Latest("step", (StepOpened,), quiet=True)
_UPKEEP: Final = (Latest("decision", (MaintenanceChosen, PatchChecked)),)
_AGAIN: Final = Since("made again", (RetryDue,), (ModelAsked,))
_OF_ATTEMPT: Final = (AttemptConcluded,)
_OF_EVIDENCE: Final = (EvidenceGathered,)

_ASKED: Final[Mapping[Role, tuple[Look, ...]]] = {
    "teacher": (
        _ATTEMPT,
        RunPrompts("prompt", ("teacher_", "attempt_")),
        Mention("after", (ActionObserved, ModelAnswered, DecisionMade), but=_GOING_ON),
        Latest("budget", (BudgetGranted,)),
        _AGAIN,
    ),
    "student": (
        _ITEM,
        RunPrompts("prompt", ("item_",)),
        Latest("after", (DecisionMade,)),
        Latest("budget", (BudgetGranted,)),
        _AGAIN,
    ),
    "reflector": (
        _CONCLUDED,
        Latest("decision", (NextChosen,)),
        _TASK,
        Latest("memo before", (MemoRewritten,)),
        RunPrompts("prompt", ("reflect_", "attempt_")),
        Since("answer before", (ModelAnswered, DecisionMade), _OF_ATTEMPT),
        Latest("budget", (BudgetGranted,)),
        _AGAIN,
    ),
    "optimizer": (
        _QUESTION,
        Every("trajectory", (TrajectoryRead, TrajectoryMissing)),
        RunPrompts("prompt", ("train_",)),
        Latest("answer before", (DecisionMade,)),
        Latest("budget", (BudgetGranted,)),
        _AGAIN,
    ),
    "distiller": (
        Latest("evidence", (EvidenceGathered,)),
        _TASK,
        RunPrompts("prompt", ("distil_",)),
        Since("answer before", (ModelAnswered, DecisionMade), _OF_EVIDENCE),
        Latest("budget", (BudgetGranted,)),
        _AGAIN,
    ),
}

_ASKED_BY_OTHERS: Final[tuple[Look, ...]] = (
    Mention("after", (ActionObserved, ModelAnswered, DecisionMade), but=_GOING_ON),
    Latest("budget", (BudgetGranted,)),
    _AGAIN,
)

BY_FIELDS: Final[tuple[Look, ...]] = (NamedEvents(), StreamOpening("opening"))
"""For every other kind: the events that it names."""

RESTS: Final[Mapping[type[Event], tuple[Look, ...]]] = {
    RunClosed: (TrialEnds("trial"), StreamEnds("training", lambda _: (TRAIN,))),
    SessionStarted: (),
    InFlightFound: (_SESSION, NamedEvents()),
    ScriptsPinned: (_SESSION,),
    SkillsPinned: (_SESSION,),
    InputsLeftOut: (_SESSION,),
    InputsChanged: (_SESSION, Opening("run")),
    **dict.fromkeys(
        (
            SandboxesSwept,
            SandboxRebuilt,
            SandboxReopened,
            SandboxNotReopened,
            BackgroundFailed,
            SignalReceived,
        ),
        (_SESSION,),
    ),
    **dict.fromkeys((PauseOrdered, UnpauseOrdered, DrainOrdered, CancelOrdered, TuneOrdered, OrderMet), (_SESSION,)),
    **dict.fromkeys((PoolsOpened, PoolLimited, SessionEnded), (_SESSION,)),
    RunForked: (),
    ScopeStopped: (_SANDBOX,),
    TrialOpened: (Opening("run"),),
    TaskAsked: (_TRIAL,),
    AttemptConcluded: (AttemptEnd("verdict"), Latest("planned", (AttemptPlanned,))),
    TrialClosed: (Every("attempt", (AttemptConcluded,)), Latest("decision", (NextChosen,)), _TRIAL),
    AttemptOpened: (TrialDecisions("planned"),),
    AgentEnded: (_ATTEMPT, Every("turn", _TURNS, but=_GOING_ON)),
    AttemptJudged: (
        Latest("agent", (AgentEnded,)),
        Latest("verifier", (VerifierRewarded, VerifierSilent, SandboxFailed)),
        _ATTEMPT,
        Since("turn", (*_TURNS, StepImported), (ImportedAttempt,)),
    ),
    AttemptAbandoned: (Latest("stopped by", (ScopeStopped, SandboxFailed)), _ATTEMPT),
    ImportedAttempt: (Opening("run"),),
    InjectionImported: (_ATTEMPT,),
    UsageImported: (_ATTEMPT,),
    TrajectoryImported: (_ATTEMPT,),
    StepImported: (Latest("trajectory", (TrajectoryImported,), quiet=True),),
    ObservationImported: (),
    CellOpened: (Opening("run"),),
    SkillsGiven: (Opening("run"),),
    AnswersAsked: (Opening("run"),),
    EvaluationAsked: (Latest("cell", (CellOpened,)),),
    ItemsAsked: (Opening("run"),),
    SetOpened: (Opening("run"), Latest("items", (ItemsRead,))),
    SuiteAsked: (Opening("run"),),
    ItemOpened: (Opening("run"),),
    ItemAnswered: (_ITEM, Latest("answer", (ModelAnswered,)), ItemWorkEnd("left")),
    ItemUnanswered: (
        _ITEM,
        Every("turn", (ModelAnswered, ModelFailed, BudgetRefused, ScopeStopped)),
        ItemWorkEnd("attempt"),
    ),
    SandboxAsked: (_ATTEMPT,),
    ActionAsked: (_SANDBOX, Latest("asked by", (DecisionMade, ModelAnswered, ImportedAttempt))),
    SolutionAsked: (_ATTEMPT, _SANDBOX),
    KeepAsked: (_SANDBOX,),
    VerifyAgainAsked: (Mention("after", (AgentEnded,)), Latest("kept", (StateKept,)), _SANDBOX),
    VerifyAsked: (Mention("after", (AgentEnded,)), Every("step", (StepJudged,)), _SANDBOX),
    StepAsked: (_ATTEMPT, _SANDBOX),
    StepVerifyAsked: (Latest("step", (StepBegun,)), _SANDBOX),
    FilesAsked: (Latest("after", (AgentEnded,)), _SANDBOX),
    ReleaseAsked: (Latest("after", (AttemptJudged, FilesTaken)), _SANDBOX),
    AgentRunAsked: (_ATTEMPT, _SANDBOX),
    AgentActed: (Latest("run", (AgentRunFinished, ImportedAttempt)),),
    AgentSaid: (Latest("run", (AgentRunFinished, ImportedAttempt)),),
    CallReceived: (),
    CallAsked: (Latest("received", (CallReceived,)),),
    CallRefused: (Latest("received", (CallReceived,)),),
    ModelAsked: (ByRole(_ASKED, _ASKED_BY_OTHERS),),
    RetryAsked: (Latest("failed", (ModelFailed,)), Since("decision", (DecisionMade,), (ModelFailed,))),
    ModelImported: (Opening("run"),),
    BudgetAsked: (_RUN,),
    MemoKept: (_CONCLUDED, Latest("memo before", (MemoRewritten,)), Since("answer", _OUTCOMES, _OF_ATTEMPT)),
    MemoImported: (_CONCLUDED, Latest("memo before", (MemoImported,))),
    PdiImported: (_CONCLUDED, NextEvent("memo", (MemoImported,))),
    SkillRefused: (Latest("evidence", (EvidenceGathered,)), Since("answer", _OUTCOMES, _OF_EVIDENCE)),
    SkillProposed: (LatestSame("before", (SkillRevised,), "skill"), Latest("check", (PatchChecked,))),
    SkillRetired: (LatestSame("revision", (SkillRevised,), "skill"), *_UPKEEP),
    SkillQuarantined: (LatestSame("revision", (SkillRevised,), "skill"), *_UPKEEP),
    SkillNarrowed: (LatestSame("revision", (SkillRevised,), "skill"), *_UPKEEP),
    SkillRolledBack: (LatestSame("revision", (SkillRevised,), "skill"), *_UPKEEP),
    LibraryFrozen: (Every("revision", (SkillRevised,)), Every("retired", (SkillRetired,))),
    SkillImported: (Every("attempt", (AttemptConcluded,)), Opening("run")),
    TrainingPlanned: (Opening("run"),),
    StepOpened: (Latest("epoch", (EpochPlanned,)), Latest("revision", (SkillAccepted, TrainingPlanned), quiet=True)),
    RolloutsScored: (_STEP,),
    BatchBroken: (_STEP,),
    PauseAsked: (Latest("broken", (BatchBroken,)),),
    PatchesGathered: (
        Latest("rollouts", (RolloutsScored,)),
        StreamEnds("reflection", lambda event: [each.stream for each in event.patches]),
    ),
    EditsMerged: (Latest("patches", (PatchesGathered,)), StreamEnds("merge", lambda event: event.merges)),
    StepSkipped: (_STEP, Latest("patches", (PatchesGathered, BatchBroken))),
    SkillAccepted: (NamedEvents(),),
    SkillRevised: (*BY_FIELDS, Latest("ruling", (RevisionRuled,))),
    SkillRejected: (NamedEvents(), LatestRuling("gate", (GateDecided,)), Latest("ruling", (RevisionRuled,))),
    OptimizerOpened: (StreamEnds("rollout", lambda event: event.cells), _RUN),
    TrajectoryAsked: (_QUESTION, StreamEnds("rollout", lambda event: (event.cell,))),
    OptimizerClosed: (_QUESTION, Every("read", (DecisionMade,)), Every("failed", (ModelFailed, BudgetRefused))),
    TrainingClosed: (
        Every("accepted", (SkillAccepted,)),
        Every("rejected", (SkillRejected,)),
        Latest("measured", (RolloutsScored,)),
    ),
    RenderAsked: (Latest("blueprint", (BlueprintRepaired,)), Latest("looked through", (BlueprintCritiqued,))),
    InspectionAsked: (Latest("rendered", (TaskRendered,)), Opening("run")),
    PublishAsked: (Latest("rendered", (TaskRendered,)), Latest("proof", (ProofConcluded,))),
    ConstructionClosed: (
        Latest("published", (TaskPublished, PublishRefused, RenderRefused)),
        Latest("proof", (ProofConcluded,)),
        Latest("looked through", (BlueprintCritiqued,)),
        Every("read", (DecisionMade,)),
        StreamOpening("opening"),
    ),
    WhatIfAnswered: (Every("flip", (DecisionFlipped, PathLeft)), Opening("run")),
}
"""By kind of event, where its fields say too little. Order is the order of the story: what came first is told first,
and later ones point to it."""


class Beside(NamedTuple):
    """What belongs to a decision's story beside what it saw."""

    before: tuple[Look, ...] = ()
    after: tuple[Look, ...] = ()


BESIDE: Final[Mapping[type[Event], Beside]] = {
    AgentEnded: Beside(before=(_ATTEMPT, Every("turn", _TURNS, but=_GOING_ON))),
    AttemptJudged: Beside(after=(Since("checks", (DecisionMade,), (VerifierRewarded, VerifierSilent)),)),
}
"""By the event that records it: the turns of an attempt for its end, the count of checks for a verdict."""
