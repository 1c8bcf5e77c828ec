"""Skills as a model is told them that has no folder to read them in: the text of each ``SKILL.md``."""

from collections.abc import Sequence
from typing import Final

from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects.model_calls import text_of
from events.digest import Digest
from events.types.condition import SkillRef

_SKILL: Final = "SKILL.md"


async def skill_texts(scope: Scope, skills: Sequence[SkillRef] | None, prompts: Prompts) -> str:
    """Word the skills of a condition. Empty: there are none."""
    return "\n".join(
        [
            prompts.fill("item_skill", name=each.name, text=await text_of(scope, _main_file(each)))
            for each in skills or ()
        ]
    )


def _main_file(skill: SkillRef) -> Digest | None:
    return next((each.digest for each in skill.files if each.name == _SKILL), None)
