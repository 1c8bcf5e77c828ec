"""Refused edits, told to the optimizer."""

from collections.abc import Sequence

from engine.policies.edits.edit import DOCUMENT, EditOutcome
from engine.policies.edits.nearby import quoted


def render_refusals(report: Sequence[EditOutcome]) -> str:
    """List what was not applied and why, one line each, in the order of the edits; empty: all of it was.

    What was asked for is quoted shortened; the whole of it stands in the report.
    """
    return "\n".join(f"- {line}" for line in refusal_lines(report))


def refusal_lines(report: Sequence[EditOutcome]) -> tuple[str, ...]:
    """Say of each edit that was not applied what was asked for, shortened, and why it was not."""
    return tuple(_line(outcome) for outcome in report if not outcome.applied)


def _line(outcome: EditOutcome) -> str:
    edit = outcome.edit
    where = "" if edit.file == DOCUMENT else f" in {edit.file}"
    target = f" at {quoted(edit.target)}" if edit.target else ""
    content = f" of {quoted(edit.content)}" if edit.content else ""
    reason = outcome.hint or outcome.status.replace("_", " ")
    return f"{edit.op or 'no operation'}{where}{target}{content}: {reason}"
