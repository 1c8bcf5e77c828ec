"""What to do with a distiller's answer: save it, have it repaired, or record that there is no skill.

Source: SPARK, 2.2 (step 7) and 4.3. Fixes W22: there a call is repeated only while the answer is blank, anything
else is saved, and a task without a skill still counts as distilled. Here nothing broken is ever saved. That a
call failed is the caller's fact; it never reaches this function.
"""

from msgspec import Struct

from engine.policies.error_dump import error_dump
from engine.policies.inline_reasoning import split_reasoning
from engine.policies.skill.check import check_skill
from engine.policies.skill.finding import SkillContext, SkillFinding, SkillVerdict
from engine.policies.skill.split import clean_answer


class SaveSkill(Struct, frozen=True, tag="save"):
    """The skill is sound."""

    text: str
    """What to write: the answer without a fence around it, ending in one line end."""
    warnings: tuple[SkillFinding, ...]


class RepairSkill(Struct, frozen=True, tag="repair"):
    """Ask again, naming the findings."""

    findings: tuple[SkillFinding, ...]
    quotable: bool
    """False when the answer is an error text: then it must not be shown to the model as its own words."""


class NoSkill(Struct, frozen=True, tag="no_skill"):
    """The task is solved, and nothing worth keeping was written."""

    reason: str
    findings: tuple[SkillFinding, ...]


Distillation = SaveSkill | RepairSkill | NoSkill

_ONLY_REASONING = SkillVerdict(
    errors=(SkillFinding("only-reasoning", "The answer holds only reasoning.", "Write the whole file after it."),),
    warnings=(),
)


def judge_skill_answer(
    answer: str, context: SkillContext, *, repairs_made: int = 0, repairs_allowed: int = 2
) -> Distillation:
    """Decide what becomes of an answer.

    Args:
        answer: The model's text.
        context: What the skill is checked against.
        repairs_made: How many repairs were asked for already.
        repairs_allowed: How many may be asked for in all.
    """
    said = split_reasoning(answer)
    text = clean_answer(said.said)
    verdict = check_skill(text, context) if text or not said.reasoning else _ONLY_REASONING
    if not verdict.errors:
        return SaveSkill(text + "\n", verdict.warnings)
    if repairs_made < repairs_allowed:
        return RepairSkill(verdict.errors, quotable=error_dump(text) is None)
    rules = ", ".join(sorted({finding.rule for finding in verdict.errors}))
    return NoSkill(f"after {repairs_made} repairs the skill still breaks: {rules}", verdict.errors)


def name_finding(finding: SkillFinding) -> str:
    """Word a finding as the model is told it."""
    line = "" if finding.line is None else f"line {finding.line}: "
    return f"{line}{finding.problem} {finding.remedy}"
