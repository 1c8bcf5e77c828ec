"""What an agent may see of the verifier: its code with every possible answer taken out.

Source: SPARK, 2.3 and 13.8. Fixes W5: SPARK strips by line and only what is assigned to certain names, so that
scalar constants, literals in assertions and floats survive; three of 66 released hints show the final answer,
one of which is then printed in the released skill. Here literals are found in the syntax tree, all are hidden
but those which the instruction tells anyway (``redaction.py``), and names that spell a hidden value are renamed.
Also unlike SPARK a method has to ask for the hint: it is off by default.

What a hint may still tell: how an answer is computed, when the verifier computes it in plain sight.
"""

import ast
import re

from msgspec import Struct

from engine.policies.python_source import PythonFault, parse_python
from engine.policies.redaction import HiddenLiteral, KeptLiteral, LiteralRedactor, bound_names, said_in
from engine.policies.skill.literals import significant_digits

HINT_MAX_CHARS = 6_000
"""Characters of code, as SPARK has it."""


class HintReport(Struct, frozen=True, tag="hint"):
    """The code to show, and what is not shown."""

    text: str
    """Redacted code; to be put into the prompt ``hint``."""
    hidden: tuple[HiddenLiteral, ...]
    kept: tuple[KeptLiteral, ...]
    total_chars: int
    """Of the redacted code before it was cut; equal to the length of ``text`` when it was not."""


class NoHint(Struct, frozen=True, tag="no_hint"):
    """Nothing can be shown safely."""

    reason: str


def verifier_hint(test_source: str | None, instruction: str, *, max_chars: int = HINT_MAX_CHARS) -> HintReport | NoHint:
    """Redact a verifier.

    Args:
        test_source: Text of ``tests/test_outputs.py``; None when the task has no such file.
        instruction: What the agent is told anyway.
        max_chars: Where to cut the code, at the end of a line.
    """
    if test_source is None or not test_source.strip():
        return NoHint("the task has no Python verifier")
    first_line = test_source.lstrip().partition("\n")[0]
    if first_line.startswith("#!") and "python" not in first_line:  # a short shell script may well parse as Python
        return NoHint("the verifier is a script and not Python")
    tree = parse_python(test_source)
    if isinstance(tree, PythonFault):
        return NoHint(f"the verifier is not Python: {tree.problem}")
    try:
        return _redacted(tree, instruction, max_chars)
    except RecursionError:
        return NoHint("the verifier is too deeply nested to redact")


def _redacted(tree: ast.Module, instruction: str, max_chars: int) -> HintReport:
    secrets = _secrets(tree, instruction)
    redactor = LiteralRedactor(instruction)
    code = ast.unparse(ast.fix_missing_locations(redactor.visit(tree)))
    for name, harmless in _telltales(tree, secrets).items():
        code = re.sub(rf"\b{re.escape(name)}\b", harmless, code)
    hidden = tuple(HiddenLiteral(each.line, each.kind, _without(each.where, secrets)) for each in redactor.hidden)
    kept = tuple(KeptLiteral(each.line, each.text, _without(each.where, secrets)) for each in redactor.kept)
    return HintReport(_cut(code, max_chars), hidden, kept, len(code))


def _secrets(tree: ast.Module, instruction: str) -> tuple[str, ...]:
    """How the telling constants of a tree would be spelt within a name: longest first."""
    values = {
        str(node.value).strip()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str)
    }
    telling = {each for each in values if significant_digits(each) >= 3 or 6 <= len(each) <= 80}
    secret = [each for each in telling if not said_in(each, instruction)]
    spelt = {re.sub(r"\W+", "_", each).strip("_") for each in secret}
    spelt |= {re.sub(r"\D", "", each).lstrip("0") for each in secret if significant_digits(each) >= 3}
    return tuple(sorted((each for each in spelt if each), key=lambda each: (-len(each), each)))


def _telltales(tree: ast.Module, secrets: tuple[str, ...]) -> dict[str, str]:
    """Names which the verifier gives and which spell a secret, with the name to show instead."""
    shown = {name: _without(name, secrets) for name in sorted(set(bound_names(tree)))}
    return {name: harmless for name, harmless in shown.items() if harmless != name}


def _without(name: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        name = re.sub(rf"(?<![a-zA-Z0-9]){re.escape(secret)}(?![a-zA-Z0-9])", "hidden", name, flags=re.IGNORECASE)
    return name


def _cut(code: str, max_chars: int) -> str:
    if len(code) <= max_chars:
        return code
    whole_lines = code[: max_chars + 1].rpartition("\n")[0]
    return f"{whole_lines}\n# ... cut here: {len(code) - len(whole_lines)} more characters"
