"""Refused patches, told to their author."""

from collections.abc import Iterable

from engine.policies.library.patch import PatchRefusal


def render_refusals(refusals: Iterable[PatchRefusal]) -> tuple[str, ...]:
    """Word each refusal: where, what, the sentence, and what to do instead."""
    return tuple(_worded(each) for each in refusals)


def _worded(refusal: PatchRefusal) -> str:
    line = "" if refusal.line is None else f", line {refusal.line}"
    where = f"{refusal.path}{line}: " if refusal.path else ""
    sentence = f" Refused: {refusal.sentence}" if refusal.sentence else ""
    return f"{where}{refusal.problem[:1].upper()}{refusal.problem[1:].rstrip('.')}.{sentence} {refusal.remedy}"
