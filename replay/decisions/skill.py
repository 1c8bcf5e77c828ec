"""The skill check: what became of the distiller's answers."""

from typing import Any, NamedTuple, assert_never

from engine.actors.distil import BlockOrigin, Origin, refused_event, saved_event
from engine.policies.redistil import NoSkill, RepairSkill, SaveSkill, judge_skill_answer
from engine.policies.skill_finding import SkillContext
from events.base import Recorded
from events.digest import digest_of
from events.skill import SkillRefused, SkillRevised
from replay.decisions.answers import Answers
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class SkillStep(NamedTuple):
    """After evidence was gathered."""

    recorded: Recorded
    event: SkillRevised | SkillRefused
    task: str
    context: SkillContext
    answers: Answers
    blocks: tuple[BlockOrigin, ...]
    """What was gathered."""
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Check the answers again."""
        del chain
        rule, decided = method_rule(under.spec), self._decided()
        return decision("skill", self.recorded, rule=rule, inputs=self.inputs, decided=decided)

    def _decided(self) -> dict[str, Any]:
        skill = self.context.folder
        for repairs, answer in enumerate(self.answers.said):
            ruling = judge_skill_answer(answer.text, self.context, repairs_made=repairs)
            match ruling:
                case SaveSkill():
                    origin = Origin(skill, self.task, answer.ref, self.blocks)
                    return fields_of(saved_event(origin, ruling, digest_of))
                case NoSkill():
                    return fields_of(refused_event(skill, answer.digest, ruling))
                case RepairSkill():
                    continue
                case _:
                    assert_never(ruling)
        if self.answers.silence is not None:
            return fields_of(SkillRefused(skill, None, (self.answers.silence,)))
        return {"tag": "model.asked", "why": "the answer would be sent back to be repaired"}
