"""Retrospective PDI of every trial that passed and left a skill, folded from the log.

Live and imported trials alike: what `projections.pdi.retrospective` wants to know of a trial is in its own stream.
Components are of one trial and final once its skill is there; scores are of one trial among others, change with each
that is added, and so are not kept: `scored` gives them.
"""

from collections.abc import Collection
from typing import NamedTuple, assert_never

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.types.memo import MemoImported, MemoRewritten
from events.types.skill import SkillImported, SkillRevised
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.pdi.index import PdiInput
from projections.pdi.inputs import Trail
from projections.pdi.retrospective import JS, FinishedRun, Phis, Retrospect, among, phis

SKILL_FILE = "SKILL.md"
FEWEST = 3
"""Complete trials below which a score among them says no more than a sign."""
ERROR_TEXT = "[LLM ERROR]"
"""How a text begins that an older SPARK stored as a skill, or a memo, when there was none."""

_Told = AttemptConcluded | MemoRewritten | MemoImported | SkillRevised | SkillImported
_LookedAt = TrialOpened | TrialClosed | _Told


class Followed(msgspec.Struct):
    """A trial that is not over: the texts its components will be measured on. Forgotten when it closes."""

    task: str
    solution: str | None = None
    """Commands of the attempt that passed. None: none has."""
    trail: Trail = msgspec.field(default_factory=Trail)
    steps: list[PdiInput] = []
    """One for each memo a model was asked for; their commands are left out, for nothing here reads them."""


class MeasuredTrial(msgspec.Struct, frozen=True):
    """A trial that passed and left a skill."""

    task: str
    revision: int
    """Of the skill: from 1; 0 for an imported one."""
    steps: int
    """How many memos were written on the way."""
    unhealthy: int
    """How many of them were none; above 0, phi_plan and phi_oss are too low (SPARK, W3)."""
    phis: Phis


class RetrospectiveState(msgspec.Struct):
    """All trials, by run and trial, in the order of the log."""

    followed: dict[str, dict[str, Followed]] = {}
    measured: dict[str, dict[str, MeasuredTrial]] = {}


class Retrospective:
    """The projection."""

    name = "retrospective"
    revision = 2
    tags: frozenset[str] | None = frozenset(
        {
            "trial.opened",
            "trial.attempt_concluded",
            "memo.rewritten",
            "memo.imported",
            "skill.revised",
            "skill.imported",
            "trial.closed",
        }
    )

    def initial(self) -> RetrospectiveState:
        """No trials."""
        return RetrospectiveState()

    def state_type(self) -> type[RetrospectiveState]:
        """For snapshots."""
        return RetrospectiveState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Commands and rows of an attempt; a memo and the one before it; the skill's text."""
        match recorded.event:
            case AttemptConcluded() as event:
                solution = (event.commands,) if event.outcome.kind == "solved" else ()
                return (event.test_summary, *solution)
            case MemoRewritten() | MemoImported() as event:
                return (event.memo,) if event.previous is None else (event.memo, event.previous)
            case SkillRevised() | SkillImported() as event:
                return _skill_text(event)
            case _:
                return ()

    def apply(self, state: RetrospectiveState, recorded: Recorded, blobs: Blobs) -> RetrospectiveState:
        """Fold one event in."""
        event = recorded.event
        if not isinstance(event, _LookedAt):
            return state
        run, name = recorded.stream.run, recorded.stream.name.partition("/")[2]
        trials = state.followed.setdefault(run, {})
        if isinstance(event, TrialOpened):
            trials[name] = Followed(event.task)
        elif isinstance(event, TrialClosed):
            trials.pop(name, None)
        elif name in trials:
            found = _follow(trials[name], event, recorded.ref, blobs)
            if found is not None:
                state.measured.setdefault(run, {})[name] = found
        return state


class ScoredTrial(NamedTuple):
    """A measured trial among the others."""

    run: str
    trial: str
    measured: MeasuredTrial
    score: Retrospect

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why its PDI is none, or should not be relied upon; empty if it may be."""
        found, of = self.measured, self.score.of
        lacking = "no memo was written: the first attempt passed" if not found.steps else "one memo: no two to compare"
        return tuple(
            reason
            for reason, holds in (
                (lacking, self.score.pdi is None),
                (f"{found.unhealthy} of {found.steps} memos are none, which lowers plan and oss", found.unhealthy > 0),
                (f"{of} complete {'trial' if of == 1 else 'trials'}: below {FEWEST}, a score is a sign", of < FEWEST),
            )
            if holds
        )


def scored_trials(state: RetrospectiveState, runs: Collection[str] | None = None) -> tuple[ScoredTrial, ...]:
    """Score every measured trial against the others, as `scored` does, and give each with what it was measured on."""
    chosen = [run for run in state.measured if runs is None or run in runs]
    found = [(run, name, each) for run in chosen for name, each in state.measured[run].items()]
    return tuple(ScoredTrial(*each, score) for each, score in zip(found, scored(state, runs), strict=True))


def scored(state: RetrospectiveState, runs: Collection[str] | None = None) -> tuple[Retrospect, ...]:
    """Score every measured trial against the others, in the order of the log.

    An imported run has one task, so scores of imports need several runs.

    Args:
        state: Of the projection.
        runs: Whose trials are compared with each other. None: those of all runs.
    """
    chosen = [run for run in state.measured if runs is None or run in runs]
    return among([(f"{run}/{name}", each.phis) for run in chosen for name, each in state.measured[run].items()])


def _follow(trial: Followed, event: _Told, at: Ref, blobs: Blobs) -> MeasuredTrial | None:
    """Take note of what happened in a trial, and measure it if that is a skill."""
    match event:
        case AttemptConcluded():
            _conclude(trial, event, at, blobs)
        case MemoRewritten() | MemoImported():
            _rewrite(trial, event, at, blobs)
        case SkillRevised() | SkillImported():
            return _measure(trial, event, blobs)
        case _:
            assert_never(event)
    return None


def _conclude(trial: Followed, event: AttemptConcluded, at: Ref, blobs: Blobs) -> None:
    trial.trail.concluded(event, at, {event.test_summary: blobs[event.test_summary]})
    if event.outcome.kind == "solved":
        trial.solution = _text(blobs, event.commands)


def _rewrite(trial: Followed, event: MemoRewritten | MemoImported, at: Ref, blobs: Blobs) -> None:
    """Take a memo that a model was asked for; a template is no reflection."""
    saw = trial.trail.rewritten(event, at)
    if saw is not None:
        trial.steps.append(trial.trail.given(saw, blobs))


def _measure(trial: Followed, event: SkillRevised | SkillImported, blobs: Blobs) -> MeasuredTrial | None:
    """Measure a trial by its skill. None: nothing passed, or the text is no skill (SPARK, 2.1)."""
    skill = "".join(_text(blobs, digest) for digest in _skill_text(event))
    if trial.solution is None or not skill.strip() or skill.startswith(ERROR_TEXT):
        return None
    finished = FinishedRun(name=trial.task, skill=skill, commands=trial.solution, steps=tuple(trial.steps))
    revision = event.revision if isinstance(event, SkillRevised) else 0
    unhealthy = sum(1 for step in trial.steps if not step.healthy)
    return MeasuredTrial(trial.task, revision, len(trial.steps), unhealthy, phis(finished, JS))


def _skill_text(event: SkillRevised | SkillImported) -> tuple[Digest, ...]:
    return tuple(file.digest for file in event.files if file.name == SKILL_FILE)[:1]


def _text(blobs: Blobs, digest: Digest) -> str:
    return blobs[digest].decode("utf-8", "replace")
