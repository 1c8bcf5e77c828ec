"""Which files of a skill an edit may name: those it has, and new texts below its folder.

An append may begin a new file. Text and data are taken as they come; a script, or any other kind of file, only by a
skill that has one of that kind already: a skill of words does not come to run code because an optimizer wrote some.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from engine.policies.edits.edit import APPEND, DOCUMENT, Edit, EditRefusal, EditRule

TEXT_SUFFIXES: Final = (".md", ".txt", ".csv", ".json", ".yaml", ".yml")
"""Of new files that any skill may come to have."""
_LONGEST: Final = 200
_DEEPEST: Final = 4


def path_fault(files: Mapping[str, str], edit: Edit, rule: EditRule) -> EditRefusal | None:
    """Say why an edit may not be applied to the file that it names. None: it may."""
    if edit.file in files or edit.file == DOCUMENT:
        return None
    problem = _unsafe(edit.file) or _taken(files, edit.file)
    if problem:
        return EditRefusal("refused_file", f"{problem} {_files(files, edit.file)}")
    if edit.op != APPEND:
        return EditRefusal("refused_file", f"The skill has no file {edit.file!r}. {_files(files, edit.file)}")
    suffix = suffix_of(edit.file)
    if suffix not in TEXT_SUFFIXES and suffix not in map(suffix_of, files):
        kinds = ", ".join(TEXT_SUFFIXES)
        return EditRefusal(
            "refused_file", f"A new file may end in {kinds} or as files of the skill do, not in {suffix!r}."
        )
    if rule.max_files is not None and len(files) >= rule.max_files:
        return EditRefusal(
            "refused_too_many_files", f"The skill has {len(files)} files, and {rule.max_files} is the most: extend one."
        )
    return None


def suffix_of(path: str) -> str:
    """Give what a file's name ends in, in lower case, with its dot; empty: the name has none."""
    name = path.rpartition("/")[2]
    stem, dot, last = name.rpartition(".")
    return f"{dot}{last}".lower() if stem and last else ""


def _unsafe(path: str) -> str:
    parts = path.split("/")
    if any(not part or part.startswith(".") or part != part.strip() for part in parts):
        return "A file is named by its path below the skill's folder, such as 'references/names.md'."
    if "\\" in path or ":" in path or not path.isprintable():
        return "A path has neither a backslash nor a colon nor a control character."
    if len(path) > _LONGEST or len(parts) > _DEEPEST:
        return f"A path has at most {_LONGEST} characters and {_DEEPEST} parts."
    return ""


def _taken(files: Mapping[str, str], path: str) -> str:
    """Say which file is in the way: on some disks case makes no difference, and no file is a folder."""
    folded = path.casefold()
    for file in files:
        other = file.casefold()
        if folded == other or folded.startswith(f"{other}/") or other.startswith(f"{folded}/"):
            return f"The skill has {file!r}, beside which {path!r} cannot be."
    return ""


def _files(files: Mapping[str, str], path: str) -> str:
    near = get_close_matches(path, files, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Its files are: {', '.join(sorted(files))}." if files else f"It has none but {DOCUMENT}."
