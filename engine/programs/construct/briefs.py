"""Prompt specs: what a task is to be about, in SPARK's form; read whole or refused by name."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
from anyio import to_thread

from engine.core.ports import EffectAddress
from events.base import Event
from events.digest import Digest
from events.errors import ExitCode, StillroomError
from events.store.base import BlobStore
from events.types.construction import BriefsAsked, BriefsMissing, BriefsRead
from events.values import NamedDigest

_SUFFIXES: Final = (".json", ".toml")
_LARGEST: Final = 200_000
"""Bytes of a prompt spec."""
_NAME_CHARS: Final = 80
"""Of the first line of a prompt, where a name is made of it."""
_ELSEWHERE: Final[Mapping[str, str]] = {
    "output_dir": "set construct.output, or --output",
    "structure_template": "describe the structure in the prompt: templates were never published",
    "content_overrides": "describe the content in the prompt",
    "original": "name the task that is to be varied: construct.variant_of, or --variant-of",
}
"""Keys of SPARK's that mean nothing here, and what does instead."""


class OriginalFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file of a task that is varied."""

    path: str
    """POSIX path below the task's folder."""
    digest: Digest
    """Of its text, without line ends and spaces that an editor may change; of its bytes if it is no text."""
    text: str | None = None
    """None: it is no text, or too long to be told."""


class Original(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task that is varied."""

    name: str
    digest: Digest
    """Package digest of its folder."""
    number: int
    """Of the variant, from 1."""
    count: int
    """Variants of it that are made."""
    files: tuple[OriginalFile, ...]
    """Environment, tests, solution and settings."""


class PromptSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a task is to be about."""

    prompt: str
    task_name_hint: str = ""
    available_tools: tuple[str, ...] = ()
    environment_hints: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    original: Original | None = None
    """The task that is to be varied; its instruction is the prompt. None: a new task is made. No file may name it."""

    @property
    def name(self) -> str:
        """The task's name: of the hint, or of the first line of the prompt."""
        return slug(self.task_name_hint or self.prompt.strip().splitlines()[0][:_NAME_CHARS])

    @property
    def said(self) -> str:
        """All that it says, for quotes to be looked for in."""
        return "\n".join((self.prompt, *self.available_tools, *self.environment_hints, *self.constraints))


class BriefInvalid(StillroomError):
    """A prompt spec cannot be worked by."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, file: str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {what}", remedy=remedy)


def slug(text: str) -> str:
    """Make a name of a text: lower case, anything but letters and digits replaced by single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-")


def canonical_brief(brief: PromptSpec) -> bytes:
    """Write a prompt spec the same way everywhere."""
    return msgspec.json.encode(brief, order="deterministic")


def read_briefs(path: Path) -> dict[str, PromptSpec]:
    """Read a prompt spec, or those of a folder, by the names of their tasks.

    Raises:
        BriefInvalid: One cannot be read, two are of the same name, or there is none.
    """
    if not path.exists():
        raise BriefInvalid(str(path), "is not there", "give the path of a prompt spec, or of a folder of them")
    files = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES) if path.is_dir() else [path]
    found: dict[str, PromptSpec] = {}
    for file in files:
        brief = _read(file)
        if brief.name in found:
            raise BriefInvalid(file.name, f"another one is called {brief.name}", "give it a task_name_hint of its own")
        found[brief.name] = brief
    if not found:
        raise BriefInvalid(str(path), "holds no prompt spec", "add a file NAME.json with a prompt")
    return found


def _read(file: Path) -> PromptSpec:
    tree = {key: value for key, value in _tree(file).items() if value is not None}  # SPARK writes null for none
    for key, remedy in _ELSEWHERE.items():
        if tree.pop(key, None):
            raise BriefInvalid(file.name, f"{key} is not supported", remedy)
    try:
        brief = msgspec.convert(tree, PromptSpec)
    except msgspec.ValidationError as error:
        raise BriefInvalid(file.name, str(error), "see docs/construct.md for its keys") from error
    if not brief.prompt.strip() or not brief.name:
        raise BriefInvalid(
            file.name,
            "it says nothing to make a task of",
            "write a prompt, or a task_name_hint, with Latin letters or digits",
        )
    return brief


def _tree(file: Path) -> dict[str, Any]:
    """Read a file, whichever form it has."""
    try:
        if not file.is_file():  # a pipe or a device might never end
            raise BriefInvalid(file.name, "it is no file", "give the path of a prompt spec")
        size = file.stat().st_size
        if size > _LARGEST:
            raise BriefInvalid(file.name, f"it has {size} bytes", f"say it in {_LARGEST}")
        data = file.read_bytes()
    except OSError as error:
        raise BriefInvalid(file.name, f"cannot be read: {error.strerror}", "make it readable") from error
    try:
        tree: Any = tomllib.loads(data.decode("utf-8-sig")) if file.suffix == ".toml" else msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        raise BriefInvalid(file.name, f"cannot be read: {error}", "fix its syntax") from error
    if not isinstance(tree, dict):
        raise BriefInvalid(file.name, "it is no object", "write an object with a prompt")
    return tree


class BriefsPort:
    """Answers `BriefsAsked` from files of the user."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Read them as they are now. They were looked at before the run began."""
        del place
        assert isinstance(asked, BriefsAsked)
        try:
            found = await to_thread.run_sync(read_briefs, Path(asked.path))
        except BriefInvalid as error:
            return BriefsMissing(error.problem)
        return BriefsRead(
            tuple(NamedDigest(name, self._blobs.put_json(canonical_brief(brief))) for name, brief in found.items())
        )
