"""The built-in scanner: every rule over every file of a skill; pure, and total over any bytes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from engine.policies.scan.code import code_faults
from engine.policies.scan.command_rules import COMMANDS
from engine.policies.scan.finding import LONGEST_TEXT, NO_CONTEXT, SEVERITIES, ScanContext, ScanFinding, Severity
from engine.policies.scan.folded import FoldedText, commands, prose
from engine.policies.scan.hidden_text import hidden_text, written_out
from engine.policies.scan.known_answers import repeated_answers
from engine.policies.scan.prose_rules import GRADER, INJECTION
from engine.policies.scan.rule import ScanRule
from engine.policies.scan.secret_shapes import masked, secrets_in
from engine.policies.scan.texts import readable_parts, text_of

_WARNED: Final = re.compile(r"(?i)\b(?:never|not|don.?t|avoid|forbidden|refuse|beware|dangerous)\b[^.;&|]{0,60}$")
"""Before a command that its reader is told to keep away from."""
_MARKDOWN: Final = (".md", ".markdown", ".mdx")


class _Hit(NamedTuple):
    """Something found, before its line is looked up."""

    kind: str
    severity: Severity
    line: int
    why: str
    found: str = ""
    """What a pattern matched, as it was folded. Empty: the line says it."""


def scan_skill(files: Mapping[str, bytes], context: ScanContext = NO_CONTEXT) -> tuple[ScanFinding, ...]:
    """Scan the files of skills.

    What a pattern finds may be harmless, and a text can be worded so that no pattern finds it: a scan is a look, not a
    proof.

    Args:
        files: By path, such as ``SKILL.md`` or ``greet/SKILL.md``.
        context: What they are scanned against.

    Returns:
        The findings, by file and line; what is of one kind on one line is told once, by the gravest.
    """
    return tuple(each for path, data in sorted(files.items()) for each in _of_file(path, data, context))


def _of_file(path: str, data: bytes, context: ScanContext) -> Iterator[ScanFinding]:
    read = text_of(data)
    text = read or readable_parts(data)
    lines = text.split("\n")
    found: dict[tuple[int, str], _Hit] = {}
    if read is None:
        why = "it is no text: only what is readable in it was looked through"
        yield ScanFinding("binary", "low", path, 1, f"{len(data):,} bytes", why)
    for hit in _hits(path, text, context):
        known = found.get((hit.line, hit.kind))
        if known is None or SEVERITIES.index(hit.severity) > SEVERITIES.index(known.severity):
            found[hit.line, hit.kind] = hit
    for (number, kind), hit in sorted(found.items()):
        yield ScanFinding(kind, hit.severity, path, number, _shown(lines[number - 1], hit.found), hit.why)


def _shown(line: str, found: str) -> str:
    """Give a line as a finding shows it: secrets masked, the unseen written out; of a long one, what was found."""
    shown = written_out(masked(line.strip()))
    if len(shown) <= LONGEST_TEXT:
        return shown
    part = written_out(masked(found.strip().replace("\n", " "))) or shown
    return part if len(part) <= LONGEST_TEXT else f"{part[: LONGEST_TEXT - 1]}…"


def _hits(path: str, text: str, context: ScanContext) -> Iterator[_Hit]:
    yield from _matched(prose(text), (*INJECTION, *GRADER), lambda rule, _: rule.severity)
    yield from _matched(commands(text), COMMANDS, _unless_warned)
    yield from (_Hit(each.kind, each.severity, each.line, each.why) for each in hidden_text(text))
    for number, line in enumerate(text.split("\n"), start=1):
        yield from (_Hit("secret", each.severity, number, each.why) for each in secrets_in(line))
    yield from (_Hit("answer", each.severity, each.line, each.why) for each in repeated_answers(text, context.answers))
    if path.lower().endswith(_MARKDOWN):
        yield from (_Hit("fence", each.severity, each.line, each.why) for each in code_faults(text))


def _matched(
    folded: FoldedText, rules: Sequence[ScanRule], severity: Callable[[ScanRule, str], Severity]
) -> Iterator[_Hit]:
    lower = folded.text.lower()
    for rule in rules:
        if rule.hints and not any(hint in lower for hint in rule.hints):
            continue
        for match in rule.pattern.finditer(folded.text):
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            before = folded.text[max(0, start - 120) : start].rpartition("\n")[2]
            yield _Hit(rule.kind, severity(rule, before), folded.line_at(start), rule.why, match[0])


def _unless_warned(rule: ScanRule, before: str) -> Severity:
    """Lower what a reader is told not to do by one step: a pattern cannot tell whether the warning is meant."""
    if rule.kind == "destructive" and _WARNED.search(before):
        return SEVERITIES[max(0, SEVERITIES.index(rule.severity) - 1)]
    return rule.severity
