"""The program `prove`: a proof for each task, side by side."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.gathering import ActorsHeldBack
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope, Stopped
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.rulings import choose_verifications, judge_attempt
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS
from engine.programs.prove.proof import ProofTerms, proof_arms, proof_kind, prove_task
from engine.programs.prove.spec import ProveSpec
from engine.proving.points import FURTHER_PROOF, PROOF
from engine.proving.rulings import POLICIES
from events.base import Event
from events.store.base import EventLog
from events.streams import TRIAL, is_trial, proof_stream, read_proof_trial, trial_of
from events.types.proving import ProofOpened, ProofVerdict
from events.types.run import RunOpened

HELD: Final = "held"
"""What a proof comes to in a process that lets go of it before its end."""
OUTCOMES: Final[Mapping[ProofVerdict, str]] = MappingProxyType(
    {"sound": "solved", "unsound": "unsolved", "not_proved": "infrastructure"}
)
"""How a run counts them."""
TRIAL_POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (
    PROOF,
    FURTHER_PROOF,
    VERIFICATIONS,
    VERIFICATION,
    *EXPLORE.points,
)
"""What is decided in a proof and its trials, by whichever program it is made."""
TRIAL_POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {**EXPLORE.policies, **POLICIES, VERIFICATIONS.name: choose_verifications, VERIFICATION.name: judge_attempt}
)
"""Who decides there."""


class Prove:
    """Proofs of tasks."""

    name = "prove"
    needs_isolation: Literal[True] = True
    spec = ProveSpec
    roles: Mapping[str, str | None] = MappingProxyType({})
    families: Mapping[str, str] = {TRIAL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = TRIAL_POINTS
    policies: Mapping[str, Policy] = TRIAL_POLICIES

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """None: every program has what this one touches."""
        del log, ancestors
        return {}

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the settings of each kind of trial."""
        return proof_arms(spec, _own(spec))

    def arm_of(self, stream: str) -> str | None:
        """Name the kind of trial that a stream belongs to."""
        return proof_kind(stream)

    def author_acts(self, stream: str) -> bool:
        """Where the solution acts, or nobody does, nobody wants the reward."""
        return proof_kind(stream) in {"oracle", "nop"}

    def parent_of(self, stream: str) -> str | None:
        """A trial hangs below the proof of its task."""
        trial = read_proof_trial(trial_of(stream) or "") if is_trial(stream) else None
        return None if trial is None else proof_stream(trial.task)

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], ProofTerms]:
        """Plan a proof for each task.

        Raises:
            ConfigRefused: The settings cannot work.
        """
        refuse_unisolated(specs[-1])
        own = _own(specs[0])
        problems = [
            ConfigProblem("the spec", f"prove.{name}", f"{value} is none", "set 1 or more")
            for name, value in (("times", own.times), ("verifier_repeats", own.verifier_repeats))
            if value < 1
        ]
        if problems:
            raise ConfigRefused(problems)
        terms = ProofTerms(own, tuple(proof_arms(each, _own(each)) for each in specs), prompts)
        return tuple(each.name for each in opened.tasks), terms

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Prove every task."""
        names = list(plan.names)
        children = [Child(proof_stream(name), partial(_proof, task=name, terms=plan.own)) for name in names]
        outcomes = dict(zip(names, await scope.gather(children), strict=True))
        held = [proof_stream(name) for name, outcome in outcomes.items() if outcome == HELD]
        if held:
            raise ActorsHeldBack(held, {name: each for name, each in outcomes.items() if each != HELD})
        return outcomes


def refuse_unisolated(spec: RunSpec) -> None:
    """Refuse a sandbox that isolates nothing: whoever looks for answers there finds those of the host.

    Raises:
        ConfigRefused: It is such a one.
    """
    if spec.sandbox == "none":
        what = "none isolates nothing: a cheat would find the task's own folder"
        raise ConfigRefused([ConfigProblem("the spec", "sandbox", what, "choose local or docker")])


def _own(spec: RunSpec) -> ProveSpec:
    return msgspec.convert(spec.own, ProveSpec)


async def _proof(scope: Scope, task: str, terms: ProofTerms) -> str:
    """Prove one task; give how a run counts it."""
    await scope.note(ProofOpened(task))
    try:
        proved = await prove_task(scope, task, terms)
    except Stopped:
        return "stopped"
    except ActorsHeldBack:
        return HELD
    await scope.flush()
    return OUTCOMES[proved.ruling.value.verdict]


PROVE: Final = Prove()
