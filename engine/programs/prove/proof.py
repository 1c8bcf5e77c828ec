"""The proof of a task, on the stream of whoever needs it: its trials side by side, and what they come to."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from engine.agents.oracle import Nop, Oracle
from engine.config.spec import AgentSpec, RunSpec
from engine.core.decision import Made
from engine.core.open_decision import made_event
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.programs.explore.spec import SparkSpec
from engine.programs.explore.trial import EndedTrial, TrialPlan, TrialTerms, ended_trial
from engine.programs.prove.spec import ProofKind, ProveSpec
from engine.proving.cheats import Cheater, cheats_of
from engine.proving.points import (
    FURTHER_PROOF,
    PROOF,
    FurtherProof,
    FurtherProofSaw,
    FurtherSeen,
    InspectedSeen,
    LookSeen,
    ProofSaw,
    RepeatsSeen,
    TaskProof,
    TriedProof,
    TriedRepeats,
    VerdictSeen,
)
from events.streams import ProofTrial, read_proof_trial, trial_of, trial_stream
from events.types.decision import Decided, Seen
from events.types.proving import InspectionAsked, ProofConcluded, ProofStep, TaskInspected

_AGENTS: Final[Mapping[ProofKind, str]] = MappingProxyType(
    {"oracle": Oracle.name, "nop": Nop.name, "cheat": Nop.name}
)  # who cheats is no agent that a spec could name
CONDITION: Final = "proof"


def proof_arms(spec: RunSpec, settings: ProveSpec) -> dict[str, RunSpec]:
    """Give the settings of each kind of trial: one attempt, no model, and each final state verified more than once."""
    method = SparkSpec(attempts=1, reflect=False, distil=False)
    alike = replace(spec, models={}, method=method, repeats=1)
    own: dict[ProofKind, dict[str, int]] = {
        "oracle": {"verifier_repeats": settings.verifier_repeats},
        "nop": {"verifier_repeats": settings.verifier_repeats},
        "cheat": {"verifier_repeats": 1},
    }
    return {kind: replace(alike, agent=_acting(spec.agent, name), own=own[kind]) for kind, name in _AGENTS.items()}


def _acting(agent: AgentSpec, name: str) -> AgentSpec:
    """Give the limits of a spec to who acts instead of its agent."""
    return AgentSpec(name=name, timeout_s=agent.timeout_s, command_timeout_s=agent.command_timeout_s)


def proof_kind(stream: str) -> str | None:
    """Say to which kind of trial of a proof a stream belongs. None: to none."""
    trial = trial_of(stream)
    found = None if trial is None else read_proof_trial(trial)
    return None if found is None else found.kind


class ProofTerms(NamedTuple):
    """What proofs of a run go by. A fork may change it, but for who acts."""

    settings: ProveSpec
    eras: tuple[Mapping[str, RunSpec], ...]
    """Arms, by era."""
    prompts: Prompts

    def plan(self, trial: ProofTrial, agent: Oracle | Nop | Cheater) -> TrialPlan:
        """Plan a trial."""
        return TrialPlan(
            name=trial.name,
            task=trial.task,
            condition=CONDITION,
            prompts=self.prompts,
            eras=tuple(TrialTerms(arms[trial.kind], agent, {}) for arms in self.eras),
            again=trial.kind != "cheat",
            kept=False,
        )


class PlannedProofTrial(NamedTuple):
    """A trial of a proof, and what it is tried for."""

    step: ProofStep
    plan: TrialPlan


class Proved(NamedTuple):
    """What a proof came to, and how each of its trials ended."""

    ruling: Seen[TaskProof]
    trials: Mapping[str, EndedTrial]
    """By name."""


async def prove_task(scope: Scope, task: str, terms: ProofTerms) -> Proved:
    """Prove a task of the run: look through its folder, begin every trial at once, and conclude.

    Args:
        scope: Of whoever needs the proof; the conclusion stands on its stream.
        task: Its name.
        terms: What is tried, and by what.

    Raises:
        Stopped: Before anything was tried.
    """
    inspected = await scope.effect(InspectionAsked(task))
    found = Seen(scope.at, _inspected(inspected)) if isinstance(inspected, TaskInspected) else None
    planned = _planned(task, terms, inspected) if isinstance(inspected, TaskInspected) else ()
    tried = await _try(scope, planned)
    further = await _make_up(scope, task, terms, tried)
    saw = ProofSaw(
        inspected=found,
        trials=tuple(_tried(each.step, end) for each, end in tried),
        look=_look(tried),
        steps=terms.settings.steps,
        further=further,
    )
    ruling = await scope.decide(PROOF, saw, _concluded)
    return Proved(ruling, {each.plan.name: end for each, end in tried})


Tried: TypeAlias = list[tuple[PlannedProofTrial, EndedTrial]]


async def _try(scope: Scope, planned: Sequence[PlannedProofTrial]) -> Tried:
    """Begin trials side by side, and wait for all."""
    children = [Child(trial_stream(each.plan.name), partial(ended_trial, plan=each.plan)) for each in planned]
    return list(zip(planned, await scope.gather(children), strict=True))


async def _make_up(scope: Scope, task: str, terms: ProofTerms, tried: Tried) -> Seen[FurtherSeen] | None:
    """Begin further trials where all final states were lost that the verifier was to look at again.

    A process that dies just then has judged its trials once, so that none of them is tried again by itself.

    Returns:
        What was decided last. None: nothing was lost, or an earlier version made nothing up.
    """
    further, ruled = 0, None
    while any(map(_lost, tried)):
        saw = FurtherProofSaw(tuple(map(_repeats, tried)), further)
        ruled = await scope.decide(FURTHER_PROOF, saw, _further_made)
        then = ruled.value.then
        if then not in {"oracle", "nop"}:
            break
        further += 1
        trial = ProofTrial(task, then, 1 + sum(each.step == then for each, _ in tried))
        agent = Oracle() if then == "oracle" else Nop()
        tried += await _try(
            scope, [PlannedProofTrial("oracle" if then == "oracle" else "nop", terms.plan(trial, agent))]
        )
    if ruled is None or ruled.value.then == "as_before":
        return None
    return Seen(ruled.seen, FurtherSeen(ruled.value.then))


def _further_made(ruling: FurtherProof, made: Made) -> Decided | None:
    return None if ruling.then == "as_before" else made_event(FURTHER_PROOF, ruling, made)


def _lost(tried: tuple[PlannedProofTrial, EndedTrial]) -> bool:
    """Say whether a final state was to be verified more often than it was."""
    _, ended = tried
    wanted = None if ended.last is None else ended.last.verifications
    spoken = [each for each in ended.again if each.value.outcome.kind != "infrastructure"]
    return wanted is not None and len(spoken) + 1 < wanted.value.number


def _repeats(tried: tuple[PlannedProofTrial, EndedTrial]) -> TriedRepeats:
    planned, ended = tried
    wanted = None if ended.last is None else ended.last.verifications
    found = _tried(planned.step, ended)
    number = None if wanted is None else Seen(wanted.seen, RepeatsSeen(wanted.value.number))
    return TriedRepeats(found.step, number, found.outcomes, found.again)


def _inspected(event: TaskInspected) -> InspectedSeen:
    return InspectedSeen(event.solved, event.answers, event.exposed, event.tested, event.told)


def _planned(task: str, terms: ProofTerms, inspected: TaskInspected) -> tuple[PlannedProofTrial, ...]:
    """Plan every trial. Without a solution there is nothing for the oracle to run."""
    settings, numbers = terms.settings, range(1, terms.settings.times + 1)
    oracles = numbers if "oracle" in settings.steps and inspected.solved else ()
    idle = numbers if "nop" in settings.steps else ()
    cheats = cheats_of(inspected) if "cheat" in settings.steps else ()
    return (
        *(PlannedProofTrial("oracle", terms.plan(ProofTrial(task, "oracle", k), Oracle())) for k in oracles),
        *(PlannedProofTrial("nop", terms.plan(ProofTrial(task, "nop", k), Nop())) for k in idle),
        *(
            PlannedProofTrial(cheat.step, terms.plan(ProofTrial(task, "cheat", k), Cheater(cheat)))
            for k, cheat in enumerate(cheats, start=1)
        ),
    )


def _tried(step: ProofStep, ended: EndedTrial) -> TriedProof:
    outcomes = tuple(Seen(each.seen, VerdictSeen(each.value.outcome)) for each in ended.outcomes)
    again = tuple(Seen(each.seen, VerdictSeen(each.value.outcome)) for each in ended.again)
    return TriedProof(step, ended.outcome, outcomes, again)


def _look(tried: Tried) -> Seen[LookSeen] | None:
    """Find what looking through the file system came upon: the first command of who looks for the solution."""
    for each, end in tried:
        if each.step == "cheat_solution" and end.last is not None and end.last.actions:
            action = end.last.actions[0]
            return Seen(action.observed, LookSeen(action.seen.exit_code, action.seen.ended, action.seen.stdout))
    return None


def _concluded(ruling: TaskProof, made: Made) -> ProofConcluded:
    del made
    return ProofConcluded(ruling.verdict, ruling.findings)
