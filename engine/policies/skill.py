"""Whether a text may be saved as a skill; source: SPARK, 4.3 and 13.7; Agent Skills, harbor.md (g).

Fixes W22: SPARK writes whatever returns, one release file being an error text of 396,843 characters. Total: any
text has a verdict.
"""

from engine.policies.error_dump import error_dump
from engine.policies.skill_body import body_errors, body_warnings
from engine.policies.skill_finding import Finding, SkillContext, SkillVerdict
from engine.policies.skill_leak import leak_findings
from engine.policies.skill_rules import front_matter_findings
from engine.policies.skill_split import SplitFault, normal_lines, split_skill

SKILL_MAX_CHARS = 200_000
"""Characters. Above this a text is refused unread; healthy released skills have at most some 36,000."""


def check_skill(text: str, context: SkillContext) -> SkillVerdict:
    """Check a text as it would be written to ``SKILL.md``.

    Args:
        text: The text; an answer goes through ``clean_answer`` before.
        context: What it is checked against.
    """
    if why := error_dump(text):
        return _refused(Finding("error-dump", f"The answer is no skill: {why}.", "Write the whole file."))
    if len(text) > SKILL_MAX_CHARS:
        problem = f"The file has {len(text)} characters."
        return _refused(Finding("length-chars", problem, f"Keep it below {SKILL_MAX_CHARS}."))
    text = normal_lines(text)
    parts = split_skill(text)
    if isinstance(parts, SplitFault):
        front = [Finding("front-matter", parts.problem, "Begin with front matter between two lines '---'.", 1)]
        body, line = text, 1
    else:
        front = list(front_matter_findings(parts.front, context.folder))
        body, line = parts.body, parts.body_line
    leaks, suspicions = leak_findings(text, context)
    return SkillVerdict(
        errors=(*front, *body_errors(body, line), *leaks),
        warnings=(*body_warnings(body, line), *suspicions),
    )


def _refused(finding: Finding) -> SkillVerdict:
    return SkillVerdict(errors=(finding,), warnings=())
