"""Evidence: which facts of a solved trial the distiller is shown."""

from typing import NamedTuple

from engine.actors.distil import gathered_event
from engine.policies.evidence import gather_evidence
from engine.policies.evidence_facts import SolvedTrial
from events.base import Recorded
from events.digest import digest_of
from events.skill import EvidenceGathered
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class EvidenceStep(NamedTuple):
    """After a trial was solved."""

    recorded: Recorded
    event: EvidenceGathered
    solved: SolvedTrial
    attempts: int
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Gather it again."""
        del chain
        _, event = gathered_event(self.attempts, gather_evidence(self.solved), digest_of)
        return decision(
            "evidence", self.recorded, rule=method_rule(under.spec), inputs=self.inputs, decided=fields_of(event)
        )
