"""Proofs of tasks: what each step found, by run and task."""

from typing import Any

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest, Fingerprint
from events.types.proving import InspectionAsked, ProofConcluded, ProofFinding, ProofVerdict, TaskInspected
from projections.base import Blobs


class ProofRecord(msgspec.Struct):
    """The proof of a task."""

    task: str
    stream: str
    digest: Fingerprint | None = None
    """Package digest of the task's folder. None: it could not be read."""
    verdict: ProofVerdict | None = None
    """None: it has not ended."""
    findings: tuple[ProofFinding, ...] = ()
    at: Ref | None = None
    """Where the conclusion stands. None: there is none."""


class ProofsState(msgspec.Struct):
    """All proofs of a log."""

    runs: dict[str, dict[str, ProofRecord]] = {}
    """By run and task, in the order in which they were begun."""
    open: dict[str, str] = {}
    """By run and stream, separated by a space: the task that is being proved there."""


class Proofs:
    """The projection."""

    name = "proofs"
    revision = 1
    tags: frozenset[str] | None = frozenset({"proof.inspection_asked", "proof.inspected", "proof.concluded"})

    def initial(self) -> ProofsState:
        """Give the state before any event."""
        return ProofsState({}, {})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: ProofsState, recorded: Recorded, blobs: Blobs) -> ProofsState:
        """Fold one event in."""
        del blobs
        run, stream = recorded.stream.run, recorded.stream.name
        key = f"{run} {stream}"
        if isinstance(recorded.event, InspectionAsked):
            state.open[key] = recorded.event.task
            state.runs.setdefault(run, {})[recorded.event.task] = ProofRecord(recorded.event.task, stream)
            return state
        proof = state.runs.get(run, {}).get(state.open.get(key, ""))
        if proof is None:
            return state
        if isinstance(recorded.event, TaskInspected):
            proof.digest = recorded.event.digest
        if isinstance(recorded.event, ProofConcluded):
            proof.verdict, proof.findings, proof.at = recorded.event.verdict, recorded.event.findings, recorded.ref
            del state.open[key]
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return ProofsState
