"""Read an author's answers: each policy from the inputs of its point to a ruling; pure.

What cannot be read is asked for again as often as the settings say, and so is a patch that the rules of the library
refuse, with the sentences that they refuse. No text that cannot be read is ever kept as a skill (W22).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.core.decision import Policy, PolicyContext
from engine.effects.answer_points import ReadAnswer
from engine.effects.answer_reading import AnswerUnread, TakenAnswer, object_in, read_answer
from engine.policies.edits.edit import Edit, EditFault, read_edit
from engine.policies.library.patch import Patch
from engine.policies.library.patch_check import check_patch
from engine.policies.library.refusals import render_refusals
from engine.programs.evolve.author import points
from engine.programs.evolve.author.wording import word_decisions
from engine.programs.train.optimizer.points import DOCUMENT

_ECHOES: Final = ("cool-bread", "bake-bread")
"""Skills of the example in the prompts; small models repeat it as if it were a finding of theirs."""
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "files": ("files", "upsert_files"),
    "delete": ("delete", "delete_paths"),
    "operation": ("operation", "operation_type"),
}
"""Under which names an answer has its parts: ours, then SkillEvolBench's."""

# -- earlier patches ---------------------------------------------------------------------------------------------------


def tell_decisions(saw: points.DecisionsSaw, rule: points.DecisionsRule, desk: PolicyContext) -> points.WordedDecisions:
    """Word earlier patches: what they were, why they were refused, and, where there is feedback, what followed."""
    may_tell = rule.feedback != "none"
    known = [each for each in saw.history if may_tell or each.accepted or each.refusals]
    told = known[len(known) - min(len(known), rule.most) :]
    patches = [msgspec.json.decode(desk.read(each.patch), type=Patch) for each in told]
    text = word_decisions(list(zip(told, patches, strict=True)), measured=may_tell)
    return points.WordedDecisions(desk.put(text.encode()), len(told))


# -- patches -----------------------------------------------------------------------------------------------------------


def read_patch_answer(saw: points.AuthorPatchSaw, rule: points.PatchReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read a patch, and check it against the library that its author was told of."""
    library: dict[str, dict[str, str]] = msgspec.json.decode(desk.read(saw.library))
    owners: dict[str, str] = msgspec.json.decode(desk.read(saw.owners))

    def take(said: str) -> TakenAnswer:
        own = [skill for skill in library if owners.get(skill) == saw.family]
        patch = _patch(object_in(said), own)
        named = [*patch.files, *(each.file for each in patch.edits), *patch.delete]
        if echoed := sorted({part for each in named if (part := each.partition("/")[0]) in _ECHOES}):
            raise AnswerUnread(f"{', '.join(echoed)}: this repeats the example; write for the family that is named")
        refusals = render_refusals(check_patch(library, owners, patch, rule.patch).refusals)
        missing = () if named or saw.stage not in _WRITES else (f"no file is given: write `{saw.slug}/{DOCUMENT}`",)
        return TakenAnswer(msgspec.json.encode(patch), len(named), doubts=(*missing, *refusals))

    return read_answer(saw, rule.repairs, desk, take)


_WRITES: Final = frozenset({"zero shot", "induce"})
"""Stages in which there is no skill yet."""


def _patch(answer: Mapping[str, Any], own: Sequence[str]) -> Patch:
    """Read a patch.

    Raises:
        AnswerUnread: A part of it has another form than was asked for, or it has no part at all.
    """
    given = {part: next((answer[key] for key in keys if key in answer), None) for part, keys in _NAMES.items()}
    if given["files"] is None and given["delete"] is None and "edits" not in answer:
        raise AnswerUnread(
            "the answer has none of `files`, `edits` and `delete`; all three may be empty, and one stands"
        )
    faults: list[str] = []
    files = _files(given["files"], faults)
    edits = _edits(answer.get("edits"), own, faults)
    delete = _texts(given["delete"], "delete", faults)
    if faults:
        raise AnswerUnread(*faults)
    summary, operation = answer.get("summary"), given["operation"]
    return Patch(
        summary=summary.strip() if isinstance(summary, str) else "",
        operation=operation.strip() if isinstance(operation, str) else "",
        files=files,
        delete=delete,
        edits=edits,
    )


def _files(value: Any, faults: list[str]) -> dict[str, str]:
    """Read whole texts by path: an object, or a list of objects with ``path`` and ``content``."""
    if isinstance(value, list):
        listed = [(each.get("path"), each.get("content")) if isinstance(each, dict) else (None, None) for each in value]
    elif isinstance(value, dict):
        listed = list(value.items())
    else:
        listed = []
        if value is not None:
            faults.append("`files` must be an object: whole texts by path")
    wrong = [path for path, text in listed if not isinstance(path, str) or not isinstance(text, str)]
    if wrong:
        faults.append(f"`files`: the value of {wrong[0]!r} is no text")
    return {path: text for path, text in listed if isinstance(path, str) and isinstance(text, str)}


def _edits(value: Any, own: Sequence[str], faults: list[str]) -> tuple[Edit, ...]:
    """Read edits. One that names no file means the one skill of the family, if there is just one."""
    if value is None:
        return ()
    if not isinstance(value, list):
        faults.append("`edits` must be a list")
        return ()
    found: list[Edit] = []
    for number, each in enumerate(value, start=1):
        try:
            edit = read_edit(each)
        except EditFault as fault:
            faults.append(f"number {number} of `edits`: {fault}")
            continue
        if edit.file == DOCUMENT and len(own) == 1:
            edit = msgspec.structs.replace(edit, file=f"{own[0]}/{DOCUMENT}")
        found.append(edit)
    return tuple(found)


def _texts(value: Any, name: str, faults: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    faults.append(f"`{name}` must be a list of paths")
    return ()


# -- choice ------------------------------------------------------------------------------------------------------------


def read_skill_choice(saw: points.SkillChoiceSaw, rule: points.ChoiceReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read which skills a model chose; a name that was not offered is none."""
    offered = {each.skill for each in msgspec.json.decode(desk.read(saw.skills), type=tuple[points.OfferedSkill, ...])}

    def take(said: str) -> TakenAnswer:
        listed = object_in(said).get("skills")
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise AnswerUnread("`skills` must be a list of names; an empty one says that no skill helps")
        names = list(dict.fromkeys(listed))
        known = [each for each in names if each in offered]
        unknown = tuple(f"{each!r} is no skill of the library" for each in names if each not in offered)
        if unknown and not known:
            raise AnswerUnread(*unknown)
        kept = known[: rule.most]
        over = () if len(kept) == len(known) else (f"of {len(known)} skills the first {rule.most} are taken",)
        return TakenAnswer(msgspec.json.encode(kept), len(kept), problems=over, doubts=unknown)

    return read_answer(saw, rule.repairs, desk, take)


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {points.DECISIONS.name: tell_decisions, points.PATCH.name: read_patch_answer, points.CHOICE.name: read_skill_choice}
)
