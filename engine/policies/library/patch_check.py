"""Whether an author's patch may be taken into a library; pure.

A patch is taken whole or not at all. Whatever is refused is told with its sentence and a remedy, all of it at once, so
that the author can mend it in one answer.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, Literal, NamedTuple, TypeAlias

from msgspec.structs import replace

from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import EditRule
from engine.policies.library.citations import uncited
from engine.policies.library.grader_talk import grader_talk
from engine.policies.library.layout import HEAD, PathFault, path_in_the_way, skill_path, slug_fault, tier_of
from engine.policies.library.patch import Patch, PatchRefusal, PatchRule
from engine.policies.scan.finding import NO_CONTEXT, ScanContext, at_least
from engine.policies.scan.scan import scan_skill
from engine.policies.skill.front_matter import front_matter_findings
from engine.policies.skill.split import SplitFault, normal_lines, split_skill

PatchOperation: TypeAlias = Literal["none", "create", "revise", "retire"]
"""What a patch comes to. none: nothing changes. create: it adds a skill. retire: it takes one out and adds none.
revise: any other change."""
Files: TypeAlias = Mapping[str, str]
"""Texts of a skill by path below its folder."""
_FENCE: Final = "fence"
_GRADER: Final = "grader"


class CheckedPatch(NamedTuple):
    """What a patch comes to."""

    skills: Mapping[str, Files | None]
    """New state of each skill that changes, by name, then path; None: it is retired. Empty if refused or unchanged."""
    refusals: tuple[PatchRefusal, ...]
    """Empty: it is taken."""
    unchanged: bool
    """Whether it is taken and leaves every file as it is."""
    operation: PatchOperation
    """``none`` if refused or unchanged."""


class _Draft(NamedTuple):
    """A library as a patch would leave it."""

    touched: dict[str, dict[str, str] | None]
    """State of each skill that the patch names; None: retired."""
    refusals: list[PatchRefusal]


def check_patch(
    library: Mapping[str, Files],
    owners: Mapping[str, str],
    patch: Patch,
    rule: PatchRule,
    context: ScanContext = NO_CONTEXT,
) -> CheckedPatch:
    """Check a patch against the library that it is meant for.

    Texts that differ in line ends, or in blank lines at their end, count as the same.

    Args:
        library: Texts of the skills in force, by skill.
        owners: Family of each skill, of those that are no more in force too: a name is not taken again by another
            family.
        patch: What is proposed.
        rule: What it may do.
        context: What tasks expect, which no skill may repeat.
    """
    draft = _drafted(library, patch, rule)
    refusals = [*draft.refusals, *_permissions(library, owners, draft, rule)]
    if not refusals:
        refusals += _contents(library, draft, rule, context)
    if refusals:
        return CheckedPatch({}, tuple(dict.fromkeys(refusals)), unchanged=False, operation="none")
    changed = {name: files for name, files in draft.touched.items() if files != library.get(name)}
    if not changed:
        return CheckedPatch({}, (), unchanged=True, operation="none")
    return CheckedPatch(changed, (), unchanged=False, operation=_operation(library, changed))


def _operation(library: Mapping[str, Files], changed: Mapping[str, Files | None]) -> PatchOperation:
    if any(name not in library for name in changed):
        return "create"
    return "retire" if None in changed.values() else "revise"


# -- what the patch would leave ----------------------------------------------------------------------------------------


def _drafted(library: Mapping[str, Files], patch: Patch, rule: PatchRule) -> _Draft:
    draft = _Draft({}, [])
    _apply_edits(library, patch, rule, draft)
    _write_files(library, patch, draft)
    _delete(library, patch, draft)
    return draft


def _state(library: Mapping[str, Files], draft: _Draft, skill: str) -> dict[str, str]:
    """Give the state of a skill so far, which is the draft's from here on."""
    state = draft.touched.get(skill)
    if state is None:
        state = draft.touched[skill] = dict(library.get(skill, {}))
    return state


def _apply_edits(library: Mapping[str, Files], patch: Patch, rule: PatchRule, draft: _Draft) -> None:
    """Apply edits to the files in force, in order."""
    for edit in patch.edits:
        at = skill_path(edit.file)
        if isinstance(at, PathFault):
            draft.refusals.append(_of_fault(edit.file, at))
        elif at.skill not in library:
            draft.refusals.append(_unknown(library, edit.file, at.skill))
        else:
            state = _state(library, draft, at.skill)
            limits = EditRule(max_chars=rule.max_chars, max_files=rule.max_files)
            applied = apply_edits(state, [replace(edit, file=at.path)], limits)
            outcome = applied.report[0]
            if outcome.applied:
                draft.touched[at.skill] = dict(applied.files)
            elif outcome.status != "refused_no_change":
                draft.refusals.append(
                    PatchRefusal(
                        "edit", edit.file, outcome.hint or outcome.status, "Change the edit, or give the whole file."
                    )
                )


def _write_files(library: Mapping[str, Files], patch: Patch, draft: _Draft) -> None:
    """Write whole files; one that says what it said before is left as it is."""
    edited = {edit.file for edit in patch.edits}
    for path, text in patch.files.items():
        at = skill_path(path)
        if isinstance(at, PathFault):
            draft.refusals.append(_of_fault(path, at))
            continue
        if path in edited:
            draft.refusals.append(
                PatchRefusal("conflict", path, "The patch gives edits and a whole text.", "Give one of them.")
            )
        if fault := _unreadable(text):
            draft.refusals.append(PatchRefusal("text", path, fault, "Write plain text in UTF-8."))
            continue
        state = _state(library, draft, at.skill)
        other = path_in_the_way(state, at.path)
        if other is not None:
            problem = f"The skill has {other!r}, beside which {at.path!r} cannot be."
            draft.refusals.append(PatchRefusal("path", path, problem, "Choose another name."))
        elif at.path not in state or not _same(state[at.path], text):
            state[at.path] = text


def _delete(library: Mapping[str, Files], patch: Patch, draft: _Draft) -> None:
    """Take out what is named: a file alone, or a whole skill."""
    for path in patch.delete:
        if path in patch.files or any(edit.file == path for edit in patch.edits):
            problem = "The patch writes what it deletes."
            draft.refusals.append(PatchRefusal("conflict", path, problem, "Do one of them."))
            continue
        if "/" not in path:
            _retire(library, path, draft)
            continue
        at = skill_path(path)
        if isinstance(at, PathFault):
            draft.refusals.append(_of_fault(path, at))
        elif at.path not in library.get(at.skill, {}):
            draft.refusals.append(_unknown(library, path, at.skill))
        elif at.path == HEAD:
            remedy = f"To retire the skill, delete {at.skill!r}; else give the text that the file should have."
            draft.refusals.append(PatchRefusal("front-matter", path, "A skill has a SKILL.md.", remedy))
        else:
            _state(library, draft, at.skill).pop(at.path, None)


def _retire(library: Mapping[str, Files], skill: str, draft: _Draft) -> None:
    if fault := slug_fault(skill):
        draft.refusals.append(_of_fault(skill, fault))
    elif skill not in library:
        draft.refusals.append(_unknown(library, skill, skill))
    elif skill in draft.touched:
        problem = "The patch changes the skill that it retires."
        draft.refusals.append(PatchRefusal("conflict", skill, problem, "Do one of them."))
    else:
        draft.touched[skill] = None


def _same(before: str, after: str) -> bool:
    return normal_lines(before).rstrip("\n") == normal_lines(after).rstrip("\n")


def _unreadable(text: str) -> str:
    if "\0" in text:
        return "The text holds a null character."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "The text holds half of a character."
    return ""


# -- what its author may do --------------------------------------------------------------------------------------------


def _permissions(
    library: Mapping[str, Files], owners: Mapping[str, str], draft: _Draft, rule: PatchRule
) -> Iterator[PatchRefusal]:
    created = sorted(name for name in draft.touched if name not in library)
    for name in sorted(draft.touched):
        owner = owners.get(name, rule.family if name not in library else "")
        if owner != rule.family:
            whose = f"the family {owner}" if owner else "nobody"
            problem = f"The skill belongs to {whose}."
            yield PatchRefusal("ownership", name, problem, "Change skills of your own family only; choose other names.")
        elif draft.touched[name] is None and not rule.may_retire:
            yield PatchRefusal(
                "retire", name, "Skills are not retired here.", "Revise the skill, or leave it as it is."
            )
    if created and not rule.may_create:
        yield PatchRefusal("create", created[0], "No skill is added here.", "Revise the skills that there are.")
    elif len(created) > rule.max_new_skills:
        problem = f"The patch adds {len(created)} skills."
        yield PatchRefusal("create", created[0], problem, f"Add at most {rule.max_new_skills}.")


# -- what the skills hold ----------------------------------------------------------------------------------------------


def _contents(
    library: Mapping[str, Files], draft: _Draft, rule: PatchRule, context: ScanContext
) -> Iterator[PatchRefusal]:
    changed = {name: files for name, files in draft.touched.items() if files is not None and files != library.get(name)}
    for name, files in sorted(changed.items()):
        before = library.get(name, {})
        yield from _document(name, files)
        yield from _sizes(name, before, files, rule)
        yield from _tier_three(name, before, files)
        yield from _scanned(name, before, files, context)
    if changed and rule.tier3 == "required" and not any(tier_of(path) == 3 for path in chain(*changed.values())):
        yield PatchRefusal(
            "tier3-required",
            min(changed),
            "No skill that the patch changes has a file besides SKILL.md.",
            "Add a file below scripts/, references/ or assets/, and cite it in the body.",
        )
    yield from _library_sizes(library, draft.touched, rule)


def _document(name: str, files: Files) -> Iterator[PatchRefusal]:
    """Check front matter and body."""
    path = f"{name}/{HEAD}"
    if HEAD not in files:
        yield PatchRefusal("front-matter", path, "The skill has no SKILL.md.", f"Give {path!r}.")
        return
    parts = split_skill(normal_lines(files[HEAD]))
    if isinstance(parts, SplitFault):
        remedy = "Begin with front matter between two lines '---'."
        yield PatchRefusal("front-matter", path, parts.problem, remedy, 1)
        return
    for each in front_matter_findings(parts.front, name):
        yield PatchRefusal(each.rule, path, each.problem, each.remedy, each.line)
    if not parts.body.strip():
        yield PatchRefusal("body", path, "The skill has no body.", "Say what is to be done.", parts.body_line)


def _sizes(name: str, before: Files, files: Files, rule: PatchRule) -> Iterator[PatchRefusal]:
    """Check the budgets of a skill; what is beyond one already may only become less."""
    if rule.max_files < len(files) > len(before):
        yield PatchRefusal("budget", name, f"The skill has {len(files)} files.", f"Keep at most {rule.max_files}.")
    for path, text in sorted(files.items()):
        if rule.max_chars < len(text) > len(before.get(path, "")):
            problem = f"The file has {len(text)} characters."
            yield PatchRefusal("budget", f"{name}/{path}", problem, f"Keep at most {rule.max_chars}.")
    total = _chars(files)
    if rule.max_skill_chars < total > _chars(before):
        remedy = f"Keep at most {rule.max_skill_chars}."
        yield PatchRefusal("budget", name, f"The skill has {total} characters.", remedy)


def _library_sizes(
    library: Mapping[str, Files], touched: Mapping[str, Files | None], rule: PatchRule
) -> Iterator[PatchRefusal]:
    """Check the budgets of the library, as `_sizes` does."""
    after = {name: files for name, files in {**library, **touched}.items() if files is not None}
    if rule.max_skills < len(after) > len(library):
        problem = f"The library would have {len(after)} skills."
        yield PatchRefusal("budget", "", problem, f"Keep at most {rule.max_skills}: extend a skill that there is.")
    total = sum(map(_chars, after.values()))
    if rule.max_library_chars < total > sum(map(_chars, library.values())):
        problem = f"The library would have {total} characters."
        yield PatchRefusal("budget", "", problem, f"Keep at most {rule.max_library_chars}: say it shorter.")


def _chars(files: Files) -> int:
    return sum(map(len, files.values()))


def _tier_three(name: str, before: Files, files: Files) -> Iterator[PatchRefusal]:
    """Refuse files that nothing cites, but for those that were so before and stay as they are."""
    old = uncited(before)
    for path in uncited(files):
        if path not in old or files[path] != before.get(path):
            remedy = f"Say in the body of {name}/{HEAD} when to use {path!r}, by this path, or leave the file out."
            yield PatchRefusal("tier3-uncited", f"{name}/{path}", "The body does not cite the file.", remedy)


def _scanned(name: str, before: Files, files: Files, context: ScanContext) -> Iterator[PatchRefusal]:
    """Look through what is new for secrets, answers, orders to a reader's model, and talk of graders."""
    for path, text in sorted(files.items()):
        if text == before.get(path):
            continue
        old = frozenset(line.strip() for line in normal_lines(before.get(path, "")).split("\n"))
        lines = normal_lines(text).split("\n")
        at = f"{name}/{path}"
        for talk in grader_talk(text):
            if lines[talk.line - 1].strip() not in old:
                yield PatchRefusal(_GRADER, at, talk.why, _ABOUT_WORK, talk.line, talk.sentence)
        for found in at_least(scan_skill({path: text.encode()}, context), "medium"):
            refused = found.kind == _FENCE or found.severity == "high"
            if refused and found.kind != _GRADER and lines[found.line - 1].strip() not in old:
                yield PatchRefusal(found.kind, at, found.why, _REMOVE, found.line, found.text)


_ABOUT_WORK: Final = (
    "Say how the work is done and how its result is checked, not who judges it or what a judge expects; "
    "leave the sentence out."
)
_REMOVE: Final = "Take it out."


def _of_fault(path: str, fault: PathFault) -> PatchRefusal:
    return PatchRefusal(fault.rule, path[:200].encode("utf-8", "replace").decode(), fault.problem, fault.remedy)


def _unknown(library: Mapping[str, Files], path: str, skill: str) -> PatchRefusal:
    files = library.get(skill)
    if files is None:
        there = ", ".join(sorted(library)) or "none"
        return PatchRefusal("unknown", path, f"There is no skill {skill!r}.", f"Skills in force: {there}.")
    return PatchRefusal("unknown", path, "There is no such file.", f"Files of the skill: {', '.join(sorted(files))}.")
