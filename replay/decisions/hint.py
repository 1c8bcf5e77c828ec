"""The hint: what the agent may see of the verifier."""

from typing import NamedTuple

from engine.actors.deciding import prepare_hint
from events.base import Recorded
from events.digest import digest_of
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class HintStep(NamedTuple):
    """Before the first attempt."""

    recorded: Recorded
    """`HintPrepared`; where the run asked for no hint, the event that read the task."""
    asked: bool
    """Whether a hint was prepared."""
    test_source: str | None
    instruction: str
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Redact again. Where no hint was prepared, nothing was recorded, and the decision was to give none."""
        rule = method_rule(under.spec, "hint")
        if not under.spec.method.hint:
            chain.hint = "" if under.changed else None
            made = decision("hint", self.recorded, rule=rule, inputs=self.inputs, decided={})
            return made if self.asked else made._replace(recorded={})
        text, event = prepare_hint(under.method, under.prompts, self.test_source, self.instruction, digest_of)
        chain.hint = text if under.changed else None
        made = decision("hint", self.recorded, rule=rule, inputs=self.inputs, decided=fields_of(event))
        return made if self.asked else made._replace(recorded={})
