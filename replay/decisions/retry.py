"""The retry: what an attempt is told beside its instruction."""

from typing import NamedTuple

from engine.actors.deciding import plan_attempt, word_retry
from engine.policies.intervention import Level
from engine.policies.memo import Memo
from engine.policies.retry import RetryPlace
from events.base import Recorded
from events.digest import digest_of
from events.trial import AttemptPlanned
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class RetryStep(NamedTuple):
    """Before each attempt."""

    recorded: Recorded
    event: AttemptPlanned
    hint: str
    """Empty: none was given."""
    failed: bool
    """Whether an attempt before it failed; there is nothing to tell otherwise."""
    memo: Memo | None
    counted: int
    """Its ordinal among the attempts that count, from 1."""
    level: Level
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Word it again."""
        level = chain.levels.get(self.event.attempt, self.level)
        prepared = self.hint if chain.hint is None else chain.hint
        text = prepared if under.spec.method.hint else ""
        if self.failed:
            place = RetryPlace(self.counted, under.spec.method.attempts)
            text += word_retry(under.method, self.memo, place, level, under.prompts)
        event = plan_attempt(self.event.attempt, level, text, digest_of)
        rule = method_rule(under.spec, "attempts", "hint")
        return decision("retry", self.recorded, rule=rule, inputs=self.inputs, decided=fields_of(event))
