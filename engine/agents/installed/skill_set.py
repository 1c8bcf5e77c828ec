"""The skills an agent is given: read and checked before a run starts, so that no arm of a comparison is without them.

A folder that cannot be given whole is refused with everything that is wrong with it: an agent passes over a skill that
it cannot read, and says nothing.
"""

import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from engine.agents.installed.errors import SkillsUnusable
from engine.policies.skill.front_matter import is_skill_name
from engine.policies.skill.split import SplitFault, split_skill
from events.digest import Digest
from events.types.condition import SkillRef
from events.values import NamedDigest
from sandbox.harbor.yaml_tree import read_yaml

FILE: Final = "SKILL.md"
_OF_FILE: Final = "What was learnt about tasks of this kind. Read it before working on one."
"""Description of a skill that is one file and says nothing of itself."""
_WORDS: Final = re.compile(r"[^a-z0-9]+")
MOST_FILES: Final = 10_000
"""Files of all skills together."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of all skills together; each attempt has a copy, and the log has one."""


class LeftOutFolder(NamedTuple):
    """A folder beside the skills that is none."""

    name: str
    why: str


class SkillSet(NamedTuple):
    """Skills as they were read; every attempt of the run is given these bytes."""

    files: Mapping[str, bytes]
    """By path below the folder of skills, such as ``greet/SKILL.md``."""
    left_out: tuple[LeftOutFolder, ...]
    misnamed: tuple[str, ...]
    """Skills whose name is not as Agent Skills has it, and why: strict agents pass over them, and say nothing."""


NONE: Final = SkillSet({}, (), ())


def read_skills(folder: Path) -> SkillSet:
    """Read a folder of skills, each a folder with a ``SKILL.md``; or a folder that is itself one, or one Markdown file.

    Raises:
        SkillsUnusable: There is none, or one that could not be given as it is; says everything that is wrong.
    """
    if folder.suffix == ".md" and folder.name != FILE and folder.is_file():  # that of a folder is read with its others
        return _of_file(folder)
    reader = _Reader(folder)
    try:
        skills = dict(reader.skills())
        files = {f"{name}/{path}": data for name, place in skills.items() for path, data in reader.files(name, place)}
    except OSError as error:
        raise SkillsUnusable(folder, [f"{error.filename}: {error.strerror}"]) from error
    files = {path: _without_bom(path, data) for path, data in files.items()}
    reader.check_names(files)
    if reader.faults:
        raise SkillsUnusable(folder, reader.faults)
    return SkillSet(files, tuple(reader.left_out), tuple(reader.misnamed))


class _Reader:
    """Goes through a folder once."""

    def __init__(self, folder: Path) -> None:
        self.faults: list[str] = []
        self.left_out: list[LeftOutFolder] = []
        self.misnamed: list[str] = []
        self._folder = folder
        self._count = 0
        self._bytes = 0

    def skills(self) -> Iterator[tuple[str, Path]]:
        """Find the skills by name."""
        if not self._folder.is_dir():
            self.faults.append("it is a file" if self._folder.exists() else "the folder does not exist")
            return
        children = sorted(self._folder.iterdir())
        found = [(child.name, child) for child in children if (child / FILE).is_file()]
        if (self._folder / FILE).is_file():
            if found:
                self.faults.append(
                    f"it holds a {FILE} of its own beside {found[0][0]}/{FILE}: is it one skill, or many?"
                )
            yield self._folder.resolve().name, self._folder
            return
        for child in children:
            self._look(child)
        if not found and not self.faults:
            self.faults.append(f"it holds no skill: none of its folders has a {FILE}")
        yield from found

    def _look(self, child: Path) -> None:
        """Say what a child is that is no skill."""
        if child.name.lower() == FILE.lower() and child.name != FILE:
            self.faults.append(f"{child.name} is to be called {FILE}")
        if child.is_symlink() and not child.exists():
            self.faults.append(f"{child.name} is a link to nothing")
        if not child.is_dir() or (child / FILE).is_file():
            return
        named = next((each.name for each in sorted(child.iterdir()) if each.name.lower() == FILE.lower()), None)
        group = next(iter(sorted(child.glob(f"*/{FILE}"))), None)
        if named is not None:
            what = "is no file" if named == FILE else f"is to be called {FILE}"
            self.faults.append(f"{child.name}/{named} {what}")
        elif group is not None:
            inside = group.parent.name
            self.faults.append(
                f"{child.name} is a group of skills ({child.name}/{inside}): name it, or move {inside} up"
            )
        elif not child.name.startswith("."):
            self.left_out.append(LeftOutFolder(child.name, f"it holds no {FILE}"))

    def files(self, name: str, skill: Path) -> Iterator[tuple[str, bytes]]:
        """Read all files of a skill, links within it followed."""
        root = skill.resolve()
        todo: list[tuple[str, Path, tuple[Path, ...]]] = [("", root, (root,))]
        while todo and self._count <= MOST_FILES and self._bytes <= MOST_BYTES:
            below, folder, above = todo.pop()
            for entry in sorted(folder.iterdir()):
                path = f"{below}{entry.name}"
                fault = _fault(entry, (root, self._folder.resolve()), above)
                if fault is not None:
                    self.faults.append(f"{name}/{os.fsencode(path).decode(errors='backslashreplace')} {fault}")
                elif entry.is_dir():
                    todo.append((f"{path}/", entry, (*above, entry.resolve())))
                else:
                    yield path, self._read(entry)
        if self._count > MOST_FILES or self._bytes > MOST_BYTES:
            self.faults.append(f"{name} makes it more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB")

    def _read(self, file: Path) -> bytes:
        self._count += 1
        self._bytes += file.stat().st_size
        return file.read_bytes() if self._bytes <= MOST_BYTES else b""

    def check_names(self, files: Mapping[str, bytes]) -> None:
        """See that an agent would find each skill by its front matter, and no two by the same name."""
        seen: dict[str, str] = {}
        for path, data in files.items():
            skill, _, rest = path.partition("/")
            if rest != FILE:
                continue
            head = head_of(data)
            if isinstance(head, SplitFault):
                self.faults.append(f"{path}: {head.problem} An agent would pass over it")
                continue
            called = head.name
            if called in seen:
                self.faults.append(f"{seen[called]} and {skill} are both called {called!r} in their front matter")
            else:
                seen[called] = skill
                self._name_as_specified(skill, called)

    def _name_as_specified(self, skill: str, called: str) -> None:
        """See that the name follows Agent Skills."""
        if not is_skill_name(called):
            form = "1 to 64 of a-z and 0-9, in words joined by single hyphens"
            self.misnamed.append(f"{skill}/{FILE}: the name {called[:80]!r} is not a valid Agent Skills name: {form}")
        elif called != skill:
            self.misnamed.append(
                f"{skill}/{FILE}: its name is {called!r}, and its folder's {skill!r}: make them the same"
            )


def _fault(entry: Path, roots: tuple[Path, ...], above: tuple[Path, ...]) -> str | None:
    """Say why an entry cannot be given to an agent. None: it can.

    Args:
        entry: A file, a folder, a link or anything else.
        roots: Folders that links may lead into.
        above: Folders that it is in, however they were reached.
    """
    try:
        entry.name.encode()
        target = entry.resolve(strict=True)
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    except FileNotFoundError:
        return "is a link to nothing" if entry.is_symlink() else "is gone"
    except (OSError, RuntimeError):
        return "is a link that leads round in a circle"
    wrong = {
        "is a link out of the folder": not any(map(target.is_relative_to, roots)),
        "is a link that leads round in a circle": target in above,
        "is neither a file nor a folder": not target.is_dir() and not target.is_file(),
        "cannot be read": not os.access(target, os.R_OK),
    }
    return next((what for what, holds in wrong.items() if holds), None)


def _without_bom(path: str, data: bytes) -> bytes:
    """Take the mark of some editors off a skill's own file: agents look for ``---`` in its first bytes."""
    return data.removeprefix(BOM_UTF8) if path.count("/") == 1 and path.endswith(f"/{FILE}") else data


class SkillHead(NamedTuple):
    """What an agent is told of a skill before it reads it."""

    name: str
    description: str


def skill_refs(files: Mapping[str, bytes], put: Callable[[bytes], Digest]) -> tuple[SkillRef, ...]:
    """Name skills by what was found in their folders.

    Args:
        files: By path below the folder of skills, as `read_skills` gives them.
        put: Keeps their bytes.
    """
    found: dict[str, list[NamedDigest]] = {}
    for path, data in sorted(files.items()):
        skill, _, below = path.partition("/")
        found.setdefault(skill, []).append(NamedDigest(below, put(data)))
    return tuple(
        SkillRef(name, _description(files.get(f"{name}/{FILE}", b"")), tuple(of_it)) for name, of_it in found.items()
    )


def _description(data: bytes) -> str:
    head = head_of(data)
    return "" if isinstance(head, SplitFault) else head.description


def _of_file(file: Path) -> SkillSet:
    """Read a skill that is one Markdown file, as SkillOpt writes them; without front matter it is given one.

    The text itself stays byte for byte what it was, so that protected blocks of it are still found.

    Raises:
        SkillsUnusable: It cannot be read, or its front matter is wrong.
    """
    try:
        data = file.read_bytes().removeprefix(BOM_UTF8)
        bare = isinstance(split_skill(data.decode()), SplitFault) and not data.startswith(b"---")
    except (OSError, UnicodeDecodeError) as error:
        raise SkillsUnusable(file, [str(error)]) from error
    name = _WORDS.sub("-", file.stem.lower()).strip("-")[:64].rstrip("-") or "skill"
    if bare:
        data = f"---\nname: {name}\ndescription: {_OF_FILE}\n---\n\n".encode() + data
    head = head_of(data)
    if isinstance(head, SplitFault):
        raise SkillsUnusable(file, [f"{head.problem} An agent would pass over it"])
    if not is_skill_name(head.name):
        raise SkillsUnusable(file, [f"the name {head.name[:80]!r} is not a valid Agent Skills name"])
    return SkillSet({f"{head.name}/{FILE}": data}, (), ())


def head_of(data: bytes) -> SkillHead | SplitFault:
    """Read the front matter of a ``SKILL.md``. An agent needs a name and a description, and no more."""
    try:
        parts = split_skill(data.decode())
        if isinstance(parts, SplitFault):
            return parts
        front = read_yaml(parts.front)
    except UnicodeDecodeError:
        return SplitFault("It is not UTF-8.")
    except yaml.YAMLError as error:
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        return SplitFault(f"Its front matter is not valid YAML: {problem}.")
    fields = front if isinstance(front, dict) else {}
    for key in ("name", "description"):
        if not str(fields.get(key) or "").strip():
            return SplitFault(f"Its front matter has no {key!r}.")
    return SkillHead(str(fields["name"]).strip(), str(fields["description"]).strip())
