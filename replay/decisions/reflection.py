"""Reflection: what became of the reflector's answers."""

from typing import Any, NamedTuple, assert_never

from engine.actors.reflect import rewritten_event
from engine.policies.reflection import Accept, KeepOld, Repair, judge_reflection
from events.base import Recorded
from events.digest import Digest, digest_of
from events.memo import MemoKept, MemoRewritten
from replay.decisions.answers import Answers
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class ReflectionStep(NamedTuple):
    """After a failed attempt that another one follows."""

    recorded: Recorded
    event: MemoRewritten | MemoKept
    answers: Answers
    failed_attempts: int
    before: Digest | None
    """The memo until then. None: there was none."""
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Rule on the answers again."""
        del chain
        rule, decided = method_rule(under.spec), self._decided()
        return decision("reflection", self.recorded, rule=rule, inputs=self.inputs, decided=decided)

    def _decided(self) -> dict[str, Any]:
        repairs = 0
        for answer in self.answers.said:
            ruling = judge_reflection(answer.text, failed_attempts=self.failed_attempts, repairs_made=repairs)
            match ruling:
                case Accept():
                    made = rewritten_event(
                        self.event.attempt, ruling.memo, self.before, repaired=repairs > 0, put=digest_of
                    )
                    return fields_of(made)
                case KeepOld():
                    return fields_of(MemoKept(self.event.attempt, self.before, ruling.problems))
                case Repair():
                    repairs += 1
                case _:
                    assert_never(ruling)
        if self.answers.silence is not None:
            return fields_of(MemoKept(self.event.attempt, self.before, (self.answers.silence,)))
        return {"tag": "model.asked", "why": "the answer would be sent back to be repaired"}
