"""A change that an author proposes for a library of skills, what it may do, and why one is refused."""

from typing import Literal

from msgspec import Struct

from engine.policies.edits.edit import Edit

TierThree = Literal["optional", "required"]
"""Whether a skill has files besides ``SKILL.md``. required: a patch leaves at least one in the skills that it
changes."""


class Patch(Struct, frozen=True, omit_defaults=True):
    """A change of a library, as an author proposes it."""

    summary: str
    """What changes and why, in a line or two."""
    operation: str = ""
    """The author's own word for it, such as ``revise``; what it comes to is read from the change itself."""
    files: dict[str, str] = {}
    """Whole texts by path, such as ``greet/SKILL.md``. The first part names the skill."""
    delete: tuple[str, ...] = ()
    """Paths of files that are taken out, or names of skills that are retired."""
    edits: tuple[Edit, ...] = ()
    """Changes within files, each with the path of its file as in `files`; applied to the files in force, before `files`
    and `delete`."""


class PatchRule(Struct, frozen=True, kw_only=True):
    """What a patch may do."""

    family: str
    """Family whose author proposes it: it changes no skill of another one."""
    may_create: bool = True
    """Whether it may add skills."""
    may_retire: bool = False
    """Whether it may retire skills."""
    tier3: TierThree = "optional"
    max_chars: int = 20_000
    """Of one file, in characters."""
    max_files: int = 16
    """Of one skill."""
    max_skill_chars: int = 60_000
    """Of all files of a skill."""
    max_skills: int = 64
    """Of a library."""
    max_library_chars: int = 1_000_000
    """Of all files of a library."""
    max_new_skills: int = 1
    """That one patch adds."""


class PatchRefusal(Struct, frozen=True, omit_defaults=True):
    """Why a patch is not taken."""

    rule: str
    """Stable name, such as ``path`` or ``ownership``."""
    path: str
    """File or skill that it is about. Empty: the whole patch."""
    problem: str
    remedy: str
    line: int | None = None
    """Of the file, from 1. None: it is about no line."""
    sentence: str = ""
    """Text that is refused, secrets masked. Empty: there is none."""
