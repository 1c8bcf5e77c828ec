"""Judging: what the verifier's answer means, in the attempt's own stream and where its trial takes note of it."""

from typing import NamedTuple

from engine.actors.attempt import AttemptResult, judged_event, outcome_of
from engine.actors.deciding import conclude
from events.attempt import AttemptJudged
from events.base import Recorded
from events.digest import digest_of
from events.trial import AttemptConcluded
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class JudgedStep(NamedTuple):
    """An attempt's verdict."""

    recorded: Recorded
    result: AttemptResult
    """Read from what the agent did and what the verifier left."""
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Judge again."""
        del chain
        event = judged_event(under.method.judge(self.result.facts), self.result.checks, digest_of)
        return decision(
            "judging", self.recorded, rule=method_rule(under.spec), inputs=self.inputs, decided=fields_of(event)
        )


class ConcludedStep(NamedTuple):
    """What the trial noted of an attempt."""

    recorded: Recorded
    event: AttemptConcluded
    result: AttemptResult
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Judge again, and take note again."""
        outcome = under.method.judge(self.result.facts)
        if under.changed and outcome != outcome_of(self.event.outcome):
            chain.outcomes[self.event.attempt] = outcome
        event = conclude(self.event.attempt, self.result, outcome, digest_of)
        return decision(
            "judging", self.recorded, rule=method_rule(under.spec), inputs=self.inputs, decided=fields_of(event)
        )


def is_verdict(recorded: Recorded) -> bool:
    """Say whether an event of an attempt's stream is its verdict."""
    return isinstance(recorded.event, AttemptJudged)
