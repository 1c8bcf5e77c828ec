"""What the optimizer is told of the steps before, within an epoch: what failed, and which edits did not help; pure."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from engine.policies.training.minibatches import failed


class ReasonedRow(Protocol):
    """What counts of a scored row."""

    @property
    def item(self) -> str:
        """Name of the item."""

    @property
    def hard(self) -> float:
        """From 0 to 1; 1 is solved."""

    @property
    def reason(self) -> str | None:
        """Why it failed, as its scorer or verifier says. None: it says nothing."""


class NamedFailure(Struct, frozen=True):
    """A kind of failure that a reflection named.

    Attributes:
        failure: Its name.
        description: What it says of it; may be empty.
        items: Items that this reflection saw.
    """

    failure: str
    description: str
    items: tuple[str, ...] = ()


class Pattern(Struct, frozen=True):
    """Items that failed alike.

    Attributes:
        label: How.
        items: Names, in the order of their rows.
        seen: Whether ``items`` are those that a reflection saw when it named this, of which not each need have
            failed so.
            False: each of them did, by what its scorer said.
    """

    label: str
    items: tuple[str, ...]
    seen: bool = False


class StepNote(Struct, frozen=True):
    """One step, as it is remembered until the epoch ends.

    Attributes:
        step: Which one, from 1 over the whole run.
        action: What became of its candidate.
        rows: Rows it rolled out.
        failed: How many of them failed.
        patterns: How.
        before: Score of the last pass of the revision in force, whatever the gate believes of it. None: it was
            accepted, or nothing says.
        after: Its gate score. None: it was accepted, or has none.
        edits: What was tried in vain, each in one line or more. Empty if it was accepted.
        hints: Why edits were refused, and what would have worked.
    """

    step: int
    action: str
    rows: int
    failed: int
    patterns: tuple[Pattern, ...] = ()
    before: float | None = None
    after: float | None = None
    edits: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def patterns_of(
    rows: Sequence[ReasonedRow], findings: Sequence[NamedFailure], *, compatible: bool = False
) -> tuple[Pattern, ...]:
    """Group the rows that failed by what their scorer said before the first colon, and name what reflections found.

    Args:
        rows: Of the step.
        findings: Of its reflections, in order.
        compatible: Whether the first group is called by the first finding, the second by the second, and so on,
            which says false things of which items failed why (W16). False: findings stand by themselves, with the
            items that were seen.
    """
    groups: dict[str, list[str]] = {}
    for row in rows:
        if failed(row, compatible=compatible):
            reason = "unknown" if row.reason is None else row.reason
            groups.setdefault(reason.partition(":")[0].strip() if ":" in reason else reason, []).append(row.item)
    if compatible:
        labels = [_label(each) for each in findings[: len(groups)]]
        labels += [""] * (len(groups) - len(labels))
        named = zip(labels, groups.items(), strict=True)
        return tuple(Pattern(label or reason, tuple(items)) for label, (reason, items) in named)
    told = tuple(Pattern(reason, tuple(items)) for reason, items in groups.items())
    return told + tuple(Pattern(_label(each), each.items, seen=True) for each in findings)


def render_notes(notes: Sequence[StepNote]) -> str:
    """Write the notes of an epoch as the optimizer reads them; empty if there are none."""
    return "\n\n".join("\n".join(_lines(each)) for each in notes)


def _lines(note: StepNote) -> list[str]:
    lines = [f"Step {note.step}: {note.action}; {note.failed} of {note.rows} items failed."]
    for pattern in note.patterns:
        items = ", ".join(pattern.items)
        whose = f"seen among {items}" if pattern.seen else f"{len(pattern.items)}: {items}"
        lines.append(f"- {pattern.label} ({whose})")
    if note.edits:
        scores = (
            ""
            if note.after is None or note.before is None
            else f", which scored {note.after:.4g} against {note.before:.4g}"
        )
        lines.append(f"Tried in vain{scores}:")
        lines += [f"{at}. {edit}" for at, edit in enumerate(note.edits, 1)]
    lines += [f"Refused: {hint}" for hint in note.hints]
    return lines


def _label(finding: NamedFailure) -> str:
    return f"{finding.failure}: {finding.description}" if finding.description else finding.failure
