"""Applying edits to the files of a skill, one after the other, each to what the one before it left; pure.

What the default promises: text outside an edit's one stretch stays as it is, no protected block changes, no file grows
beyond its budget, and what is not applied is refused with a reason that tells the optimizer what to do instead.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from engine.policies.edits.checks import refused_after
from engine.policies.edits.compatible import apply_compatible
from engine.policies.edits.edit import DELETE, DOCUMENT, AppliedEdits, Edit, EditOutcome, EditRefusal, EditRule
from engine.policies.edits.markers import strip_markers
from engine.policies.edits.nearby import line_at, quoted
from engine.policies.edits.paths import path_fault, suffix_of
from engine.policies.edits.splices import splice_for

_REMOVED: Final = "Markers of protected blocks were taken out of the content."


def apply_edits(files: Mapping[str, str], edits: Sequence[Edit], rule: EditRule) -> AppliedEdits:
    """Apply edits in order.

    Args:
        files: Text by path; of `DOCUMENT` the body alone. It may lack `DOCUMENT`, whose body is empty then.
        edits: As the optimizer gave them.
        rule: How.
    """
    texts, report = dict(files), []
    for index, edit in enumerate(edits, start=1):
        done = _as_skillopt(texts, edit) if rule.compatible else _spliced(texts, edit, rule)
        if isinstance(done, EditRefusal):
            report.append(EditOutcome(index, edit, done.status, applied=False, hint=done.hint))
            continue
        texts[edit.file] = done.text
        report.append(EditOutcome(index, edit, done.status, applied=True, hint=done.hint))
    return AppliedEdits(texts, tuple(report))


class _Done(NamedTuple):
    text: str
    status: str
    hint: str = ""


def _as_skillopt(files: Mapping[str, str], edit: Edit) -> _Done | EditRefusal:
    if edit.file not in files and edit.file != DOCUMENT:
        return EditRefusal("skipped_file_not_found", f"The skill has no file {edit.file!r}.")
    text, status = apply_compatible(files.get(edit.file, ""), edit)
    return _Done(text, status) if status.startswith("applied") else EditRefusal(status, "")


def _spliced(files: Mapping[str, str], edit: Edit, rule: EditRule) -> _Done | EditRefusal:
    fault = path_fault(files, edit, rule)
    if fault:
        return fault
    text = files.get(edit.file, "")
    splice = splice_for(text, edit, prose=suffix_of(edit.file) in (".md", ".txt"))
    if isinstance(splice, EditRefusal):
        return _elsewhere(files, edit, splice)
    refused = refused_after(text, splice, edit, rule)
    if refused:
        return refused
    marked = edit.op != DELETE and strip_markers(edit.content) != edit.content
    hint = " ".join(filter(None, (splice.note, _REMOVED if marked else "")))
    return _Done(splice.applied_to(text), f"applied_{edit.op}", hint)


def _elsewhere(files: Mapping[str, str], edit: Edit, refusal: EditRefusal) -> EditRefusal:
    """Add which other file a target stands in that the named one lacks."""
    if refusal.status != "refused_target_not_found":
        return refusal
    for path, text in sorted(files.items()):
        at = text.find(edit.target)
        if path != edit.file and at >= 0:
            where = f"It stands in {path}, line {line_at(text, at)}: {quoted(edit.target)}. Name that as 'file'."
            return EditRefusal(refusal.status, f"{refusal.hint} {where}")
    return refusal
