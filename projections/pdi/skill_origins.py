"""Where each skill was distilled, and what the measures say of that trial, folded from the log.

For the question what such measures are worth: each is known before anybody has tried the skill.
"""

from collections import Counter
from math import fsum
from typing import TypeAlias

import msgspec

from events.base import Recorded
from events.digest import Digest, Fingerprint
from events.types.evaluation import CellOpened
from events.types.pdi import PdiImported, PdiRead
from events.types.skill import EvidenceGathered, SkillImported, SkillRevised
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.library import folder_digest
from projections.pdi.similarity import ALPHA, js_similarity, tokens
from projections.pdi.steps import ACTIVE


class SkillOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """A skill, and the trial that it was distilled in."""

    run: str
    trial: str
    task: str
    skill: str
    revision: int
    """From 1; 0 for an imported one."""
    digest: Fingerprint
    """Of its folder: by it an arm's skill is known, also one that was exported before."""
    online: float | None
    """Weighted PDI at the last reflection. None: there was none, or none after the first, which has no weight."""
    divergence: float | None
    """Mean Jensen-Shannon divergence, in [0, ln 2], of the commands of consecutive attempts. None: the first passed."""
    evidence: float | None
    """Share of the characters of evidence that the distiller was shown, in [0, 1]. None: the source does not say."""


class OriginTrial(msgspec.Struct):
    """A trial that is not over, as far as its skill's measures need it."""

    task: str
    commands: str | None = None
    """Of the last attempt with a verdict. None: there was none yet."""
    divergences: list[float] = []
    online: float | None = None
    evidence: float | None = None
    counted: bool = True
    """False: it is that of a student, and has left no skill so far."""


class SkillOriginsState(msgspec.Struct):
    """All skills, in the order of the log."""

    followed: dict[str, dict[str, OriginTrial]] = {}
    """By run and trial."""
    origins: list[SkillOrigin] = []
    trials: int = 0
    """Trials that explored, with or without a skill: those of students that were only to be scored do not count."""
    cells: dict[str, dict[str, Digest]] = {}
    """Names of the cells of evaluations in which no trial was opened, by run, with their keys."""


class ShownBlock(msgspec.Struct):
    """Of a block of evidence, how much was shown."""

    kept_chars: int
    total_chars: int


_Told: TypeAlias = AttemptConcluded | PdiRead | PdiImported | EvidenceGathered


class SkillOrigins:
    """The projection."""

    name = "skill_origins"
    revision = 2
    tags: frozenset[str] | None = frozenset(
        {
            "cell.opened",
            "trial.opened",
            "trial.attempt_concluded",
            "trial.closed",
            "pdi.read",
            "pdi.imported",
            "skill.evidence_gathered",
            "skill.revised",
            "skill.imported",
        }
    )

    def initial(self) -> SkillOriginsState:
        """No skills."""
        return SkillOriginsState()

    def state_type(self) -> type[SkillOriginsState]:
        """For snapshots."""
        return SkillOriginsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Commands of an attempt; what the blocks of evidence rest on."""
        match recorded.event:
            case AttemptConcluded() as event:
                return (event.commands,)
            case EvidenceGathered() as event:
                return (event.references,)
            case _:
                return ()

    def apply(self, state: SkillOriginsState, recorded: Recorded, blobs: Blobs) -> SkillOriginsState:
        """Fold one event in."""
        run, name = recorded.stream.run, recorded.stream.name.partition("/")[2]
        event = recorded.event
        if isinstance(event, CellOpened):
            state.cells.setdefault(run, {})[name] = event.key
            return state
        if isinstance(event, TrialOpened):
            explores = state.cells.get(run, {}).pop(name, None) is None
            state.followed.setdefault(run, {})[name] = OriginTrial(event.task, counted=explores)
            state.trials += explores
            return state
        trials = state.followed.get(run, {})
        trial = trials.get(name)
        match event:
            case TrialClosed():
                trials.pop(name, None)
            case SkillRevised() | SkillImported() if trial is not None:
                state.origins.append(_origin(run, name, trial, event))
                state.trials += not trial.counted
                trial.counted = True
            case AttemptConcluded() | PdiRead() | PdiImported() | EvidenceGathered() if trial is not None:
                _follow(trial, event, blobs)
            case _:
                pass
        return state


def _follow(trial: OriginTrial, event: _Told, blobs: Blobs) -> None:
    match event:
        case AttemptConcluded():
            if event.outcome.reward is not None:
                _tried(trial, blobs[event.commands].decode("utf-8", "replace"))
        case PdiImported():
            trial.online = event.weighted_pdi if event.weight > 0 else trial.online
        case PdiRead():
            if event.monitor == ACTIVE and event.weight > 0:
                trial.online = event.weighted_pdi
        case EvidenceGathered():
            trial.evidence = _share(blobs[event.references])


def _tried(trial: OriginTrial, commands: str) -> None:
    if trial.commands is not None:
        words = [Counter(tokens(text)) for text in (trial.commands, commands)]
        # Of fewer than two words `js_similarity` is 0, which here is no divergence of 1.
        trial.divergences.append(1 - js_similarity(*words, alpha=ALPHA) if len(words[0] | words[1]) > 1 else 0.0)
    trial.commands = commands


def _share(references: bytes) -> float | None:
    try:
        blocks = msgspec.json.decode(references, type=list[ShownBlock])
    except msgspec.MsgspecError:
        return None
    total = sum(block.total_chars for block in blocks)
    return sum(block.kept_chars for block in blocks) / total if total > 0 else None


def _origin(run: str, name: str, trial: OriginTrial, event: SkillRevised | SkillImported) -> SkillOrigin:
    return SkillOrigin(
        run=run,
        trial=name,
        task=trial.task,
        skill=event.skill,
        revision=event.revision if isinstance(event, SkillRevised) else 0,
        digest=folder_digest(event.files),
        online=trial.online,
        divergence=fsum(trial.divergences) / len(trial.divergences) if trial.divergences else None,
        evidence=trial.evidence,
    )
