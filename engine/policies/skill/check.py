"""Whether a text may be saved as a skill; source: SPARK, 4.3 and 13.7; Agent Skills, harbor.md (g).

Fixes W22: SPARK writes whatever returns, one release file being an error text of 396,843 characters. Total: any
text has a verdict.

Constants of the verifier inside a skill; source: SPARK, 13.6 and 13.7. Fixes W5 for what is published.

Numbers are compared by value. Error or warning goes by how likely chance is: a number of four digits or with a
fraction, or a text which is no plain word, does not get into a skill by itself; ``255`` or ``columns`` may.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from engine.policies.error_dump import error_dump
from engine.policies.redaction import said_in
from engine.policies.skill.body import body_errors, body_warnings
from engine.policies.skill.finding import SkillContext, SkillFinding, SkillVerdict
from engine.policies.skill.front_matter import front_matter_findings
from engine.policies.skill.literals import significant_digits
from engine.policies.skill.split import SplitFault, normal_lines, split_skill

_NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?!\w)")
_PLAIN_WORD = re.compile(r"[A-Za-z_]+")
_REMEDY = "Remove it: describe how the value is computed or where it is read from."


def leak_findings(text: str, context: SkillContext) -> tuple[tuple[SkillFinding, ...], tuple[SkillFinding, ...]]:
    """Find constants which the task's instruction does not tell: errors, then warnings.

    The findings go into the log and back to the model, so they name a line and never the value.
    """
    errors: list[SkillFinding] = []
    warnings: list[SkillFinding] = []
    for line, strong, what in (*_numbers(text, context), *_texts(text, context)):
        problem = f"A {what} on this line is also a constant of the verifier."
        (errors if strong else warnings).append(SkillFinding("leak", problem, _REMEDY, line))
    return tuple(errors), tuple(warnings)


def _numbers(text: str, context: SkillContext) -> Iterator[tuple[int, bool, str]]:
    told = {value for value, _, _ in numbers_in(context.instruction)}
    secret = {Decimal(number).copy_abs() for number in context.literals.numbers} - told
    for value, line, written in numbers_in(text):
        if value in secret:
            yield line, significant_digits(written) >= 4 or "." in written, "number"


def _texts(text: str, context: SkillContext) -> Iterator[tuple[int, bool, str]]:
    lines = text.split("\n")
    for secret in context.literals.texts:
        if secret in context.instruction:
            continue
        if "\n" in secret:
            if secret in text:
                yield text[: text.index(secret)].count("\n") + 1, True, "text"
            continue
        found = [number for number, line in enumerate(lines, start=1) if secret in line and said_in(secret, line)]
        yield from ((number, not _PLAIN_WORD.fullmatch(secret), "text") for number in found)


def numbers_in(text: str) -> Iterator[tuple[Decimal, int, str]]:
    """Give each number of a text: its value, its line from 1, and how it is written, without separators."""
    for number, line in enumerate(text.split("\n"), start=1):
        for match in _NUMBER.finditer(line):
            written = match[0].replace(",", "").replace("_", "")
            yield Decimal(written), number, written


SKILL_MAX_CHARS = 200_000
"""Characters. Above this a text is refused unread; healthy released skills have at most some 36,000."""


def check_skill(text: str, context: SkillContext) -> SkillVerdict:
    """Check a text as it would be written to ``SKILL.md``.

    Args:
        text: The text; an answer goes through ``clean_answer`` before.
        context: What it is checked against.
    """
    if why := error_dump(text):
        return _refused(SkillFinding("error-dump", f"The answer is no skill: {why}.", "Write the whole file."))
    if len(text) > SKILL_MAX_CHARS:
        problem = f"The file has {len(text)} characters."
        return _refused(SkillFinding("length-chars", problem, f"Keep it below {SKILL_MAX_CHARS}."))
    text = normal_lines(text)
    parts = split_skill(text)
    if isinstance(parts, SplitFault):
        front = [SkillFinding("front-matter", parts.problem, "Begin with front matter between two lines '---'.", 1)]
        body, line = text, 1
    else:
        front = list(front_matter_findings(parts.front, context.folder))
        body, line = parts.body, parts.body_line
    leaks, suspicions = leak_findings(text, context)
    return SkillVerdict(
        errors=(*front, *body_errors(body, line), *leaks),
        warnings=(*body_warnings(body, line), *suspicions),
    )


def _refused(finding: SkillFinding) -> SkillVerdict:
    return SkillVerdict(errors=(finding,), warnings=())
