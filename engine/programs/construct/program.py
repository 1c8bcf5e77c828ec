"""The program `construct`: a task for each prompt spec, or for each variant of a task, side by side."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from anyio import to_thread

from engine.config.program import ArmInputs, RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.gathering import ActorsHeldBack
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.effects.callers import callers_of
from engine.programs.construct.actor import HELD, ConstructionTerms, construct
from engine.programs.construct.briefs import BriefsPort
from engine.programs.construct.points import POINTS
from engine.programs.construct.publishing import PublishPort
from engine.programs.construct.rulings import POLICIES
from engine.programs.construct.spec import ConstructSpec, construct_spec, refuse_wrong
from engine.programs.construct.variants import OriginalsPort, briefs_of
from engine.programs.prove.program import TRIAL_POINTS, TRIAL_POLICIES, refuse_unisolated
from engine.programs.prove.proof import ProofTerms, proof_arms, proof_kind
from engine.programs.prove.spec import ProveSpec
from events.base import Event
from events.store.base import EventLog
from events.streams import CONSTRUCT, construct_stream, is_trial, read_proof_trial, trial_of
from events.types.construction import BriefsAsked, BriefsRead, OriginalsAsked, PublishAsked
from events.types.decision import Held
from events.types.run import RunOpened
from sandbox.harbor.task import Task

ROLES: Final[Mapping[str, str | None]] = MappingProxyType({"author": None, "critic": "author"})
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "published": "solved",
        "rejected": "unsolved",
        "unreadable": "unsolved",
        "refused": "unsolved",
        "not_proved": "infrastructure",
        "unanswered": "infrastructure",
        "budget": "budget",
        "stopped": "stopped",
    }
)
"""How a run counts each ending of a construction."""


class Construct:
    """Constructions side by side, one for each prompt spec."""

    name = "construct"
    needs_isolation: Literal[True] = True
    spec = ConstructSpec
    roles: Mapping[str, str | None] = ROLES
    families: Mapping[str, str] = {CONSTRUCT: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (*POINTS, *TRIAL_POINTS)
    policies: Mapping[str, Policy] = MappingProxyType({**TRIAL_POLICIES, **POLICIES})

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open what reads prompt specs and tasks to vary, and what publishes."""
        del ancestors
        return {BriefsAsked: BriefsPort(log), OriginalsAsked: OriginalsPort(log), PublishAsked: PublishPort(log)}

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the settings of each kind of trial of a proof."""
        return proof_arms(spec, _proof(spec))

    def arm_of(self, stream: str) -> str | None:
        """Name the kind of trial that a stream belongs to."""
        return proof_kind(stream)

    def author_acts(self, stream: str) -> bool:
        """Where the solution acts, or nobody does, nobody wants the reward."""
        return proof_kind(stream) in {"oracle", "nop"}

    def parent_of(self, stream: str) -> str | None:
        """A trial hangs below the construction of its task, whose name lacks the number of the round."""
        trial = read_proof_trial(trial_of(stream) or "") if is_trial(stream) else None
        return None if trial is None else construct_stream(trial.task.rpartition(".")[0])

    async def given(
        self, log: EventLog, base: Path, arm: str, spec: RunSpec, tasks: Sequence[Task]
    ) -> ArmInputs | None:
        """See that the settings can work, and that the prompt specs can be read, before anything is recorded.

        Raises:
            ConfigRefused: The settings cannot work.
            BriefInvalid: A prompt spec cannot be worked by, or a task cannot be varied.
            TaskInvalid: There is no task to vary.
        """
        del log, base, tasks
        if not arm:
            refuse_wrong(spec)
            refuse_unisolated(spec)
            await to_thread.run_sync(briefs_of, construct_spec(spec))
        return None

    def plan(
        self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts
    ) -> tuple[tuple[str, ...], ConstructionTerms]:
        """Plan; which tasks there will be follows from the prompt specs.

        Raises:
            ModelMissing: No author is named.
            PriceUnknown: A cap is set, and a model has no price.
        """
        del opened
        settings = _proof(specs[0])
        proof = ProofTerms(settings, tuple(proof_arms(each, _proof(each)) for each in specs), prompts)
        terms = ConstructionTerms(tuple(specs), prompts, {}, proof)
        _callers(terms, "")
        return (), terms

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Read the prompt specs, and construct a task of each."""
        terms: ConstructionTerms = plan.own
        own = construct_spec(terms.specs[0])
        asked = OriginalsAsked(own.variant_of, own.count) if own.variant_of else BriefsAsked(own.specs)
        read = await scope.effect(asked)
        if not isinstance(read, BriefsRead):
            return {"specs": "infrastructure"}
        names = [each.name for each in read.briefs]
        terms = terms._replace(callers={name: _callers(terms, name) for name in names})
        briefs = [Held(each.digest, scope.at) for each in read.briefs]
        children = [
            Child(construct_stream(name), partial(construct, name=name, brief=brief, terms=terms))
            for name, brief in zip(names, briefs, strict=True)
        ]
        endings = dict(zip(names, await scope.gather(children), strict=True))
        held = [construct_stream(name) for name, ending in endings.items() if ending == HELD]
        outcomes = {name: OUTCOMES[ending] for name, ending in endings.items() if ending != HELD}
        if held:
            raise ActorsHeldBack(held, outcomes)
        return outcomes


def _proof(spec: RunSpec) -> ProveSpec:
    own = construct_spec(spec)
    return ProveSpec(times=own.times, verifier_repeats=own.verifier_repeats)


def _callers(terms: ConstructionTerms, account: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(callers_of(spec, ROLES, account) for spec in terms.specs)


CONSTRUCTION: Final = Construct()
