"""Rules for the body of a skill; source: SPARK, 4.2, 4.3 and 13.7.

Fixes W22: of 50 released skills 15 end inside an open fence, 12 lack the mandatory reference, and SPARK notices
none of it.
"""

import re
from collections.abc import Iterator

from engine.policies.fences import CodeBlock, code_blocks, fenced_lines
from engine.policies.python_source import PythonFault, parse_python
from engine.policies.skill.finding import SkillFinding

ADVISED_LINES = 500
ADVISED_TOKENS = 5_000
CHARS_PER_TOKEN = 4
"""A rough measure; the advice is rough as well."""

_HEADING = re.compile(r"^(?P<level>#{1,6})\s+(?P<title>.*?)\s*#*$")
_STEP = re.compile(r"^\s*(?:\d+[.)]\s+\S|#{2,6}\s+\**(?:step\s+)?\d+\b)", re.IGNORECASE)
_PYTHON = frozenset({"python", "python3", "py"})
_SHELL = frozenset({"bash", "sh", "shell", "zsh"})


def body_errors(body: str, first_line: int) -> tuple[SkillFinding, ...]:
    """Check sections and code.

    Args:
        body: Markdown after the front matter, lines ending in LF.
        first_line: Its line in the file.
    """
    offset = first_line - 1
    blocks = code_blocks(body)
    return (*_sections(body, blocks, offset), *(each for block in blocks for each in _block(block, offset)))


def body_warnings(body: str, first_line: int) -> tuple[SkillFinding, ...]:
    """Check what is advised and not required."""
    found: list[SkillFinding] = []
    lines = first_line - 1 + body.count("\n") + 1
    if lines > ADVISED_LINES:
        found.append(SkillFinding("length-lines", f"The file has {lines} lines.", f"Keep it below {ADVISED_LINES}."))
    tokens = len(body) // CHARS_PER_TOKEN
    if tokens > ADVISED_TOKENS:
        found.append(
            SkillFinding("length-tokens", f"The body has about {tokens} tokens.", f"Keep it below {ADVISED_TOKENS}.")
        )
    blocks, steps = len(code_blocks(body)), _steps(body)
    if steps > blocks:
        found.append(
            SkillFinding(
                "code-per-step", f"{steps} steps have {blocks} code blocks.", "Give code for what is not obvious."
            )
        )
    return tuple(found)


def _headings(body: str) -> Iterator[tuple[int, int, str]]:
    """Line of the body, level and title in lower case, without a number before it."""
    for line in fenced_lines(body):
        match = None if line.fenced else _HEADING.match(line.text)
        if match:
            title = re.sub(r"^(?:[\dA-Z]{1,2}[.):]\s*)+", "", match["title"].strip("*_ ")).lower()
            yield line.number, len(match["level"]), title.strip("*_ ")


def _sections(body: str, blocks: tuple[CodeBlock, ...], offset: int) -> Iterator[SkillFinding]:
    if not _workflow(body):
        yield SkillFinding(
            "section-workflow", "There is no workflow.", "Add '## High-level workflow' with numbered steps."
        )
    elif not _steps(body):
        yield SkillFinding("section-workflow", "The workflow has no numbered steps.", "Number what is done, in order.")
    reference = next(
        (line for line, level, title in _headings(body) if (level, title) == (2, "reference implementation")), None
    )
    if reference is None:
        yield SkillFinding(
            "section-reference",
            "The section '## Reference Implementation' is missing.",
            "Add it with one code block that does the whole thing.",
        )
    elif not any(block.line > reference and block.code.strip() for block in blocks):
        yield SkillFinding(
            "section-reference", "The reference implementation has no code.", "Add one code block.", reference + offset
        )
    if len(blocks) < 2:
        yield SkillFinding("code-missing", "No step has code.", "Add a fenced block for each step that is not obvious.")


def _workflow(body: str) -> str:
    """The text of the workflow; empty when there is none."""
    headings = list(_headings(body))
    start = next((i for i, (_, _, title) in enumerate(headings) if "workflow" in title), None)
    if start is None:
        return ""
    line, level, _ = headings[start]
    end = next((n for n, other, _ in headings[start + 1 :] if other <= level), None)
    return "\n".join(body.split("\n")[line - 1 : end - 1 if end else None])


def _steps(body: str) -> int:
    lines = fenced_lines(_workflow(body))
    return sum(1 for line in lines if not line.fenced and line.number > 1 and _STEP.match(line.text))


def _block(block: CodeBlock, offset: int) -> Iterator[SkillFinding]:
    line = block.line + offset
    if not block.closed:
        yield SkillFinding(
            "fence-open",
            "A code fence is never closed; the answer seems cut short.",
            "Write the file to its end.",
            line,
        )
    elif block.language in _PYTHON and isinstance(fault := parse_python(block.code), PythonFault):
        where = line + fault.line if fault.line else line
        yield SkillFinding(
            "python-syntax", f"This is not Python: {fault.problem}.", "Mend it, or mark it as text.", where
        )
    elif block.language in _SHELL and not _has_command(block.code):
        yield SkillFinding(
            "shell-empty", "A shell block holds no command.", "Add the command, or remove the block.", line
        )


def _has_command(code: str) -> bool:
    return any(line.strip() and not line.strip().startswith("#") for line in code.split("\n"))
