"""Tasks that are varied: read whole, so that an author can keep the procedure, and rules can see what is new."""

from pathlib import Path
from typing import Final

from anyio import to_thread

from engine.core.ports import EffectAddress
from engine.programs.construct.briefs import (
    BriefInvalid,
    Original,
    OriginalFile,
    PromptSpec,
    canonical_brief,
    read_briefs,
    slug,
)
from engine.programs.construct.spec import ConstructSpec
from engine.programs.construct.variant_texts import settled
from engine.programs.train.optimizer.wording import fenced
from events.base import Event
from events.digest import digest_of
from events.errors import StillroomError
from events.store.base import BlobStore
from events.types.construction import BriefsMissing, BriefsRead, OriginalsAsked
from events.values import NamedDigest
from sandbox.harbor.task import INSTRUCTION, Task, find_tasks, package_files

_LONGEST: Final = 40_000
"""Bytes of a file whose text an author is told; of a longer one, its name."""
_LARGEST: Final = 400_000
"""Bytes of all that is told of a task."""
_NAME_CHARS: Final = 48


def briefs_of(own: ConstructSpec) -> dict[str, PromptSpec]:
    """Read what tasks are made of, by the names of these tasks: prompt specs, or tasks that are varied.

    Raises:
        BriefInvalid: Tasks cannot be made of it.
        TaskInvalid: There is no task to vary.
    """
    return read_variants(Path(own.variant_of), own.count) if own.variant_of else read_briefs(Path(own.specs))


def read_variants(path: Path, count: int) -> dict[str, PromptSpec]:
    """Read a task, or those of a folder, and describe variants of each.

    Raises:
        BriefInvalid: One cannot be read, or cannot be varied.
        TaskInvalid: There is none.
    """
    folders = find_tasks(path)
    for broken in folders.incomplete:
        raise BriefInvalid(broken.name, f"{broken.place}: {broken.detail}", broken.remedy)
    found: dict[str, PromptSpec] = {}
    for task in folders.tasks:
        for number in range(1, count + 1):
            brief = _described(task, number, count)
            if brief.name in found:
                raise BriefInvalid(task.name, f"another variant is called {brief.name}", "rename its folder")
            found[brief.name] = brief
    return found


def _described(task: Task, number: int, count: int) -> PromptSpec:
    if task.steps:
        raise BriefInvalid(task.name, "it has several steps, and tasks of one step are made", "name another task")
    files = tuple(_file(task.path, path) for path in package_files(task.path) if path != INSTRUCTION)
    name = f"{slug(task.name)[:_NAME_CHARS]} variant {number}"
    brief = PromptSpec(task.instruction, name, original=Original(task.name, task.digest, number, count, files))
    size = len(canonical_brief(brief))
    if size > _LARGEST:
        raise BriefInvalid(task.name, f"its texts have {size} bytes", f"name a task of at most {_LARGEST}")
    return brief


def _file(folder: Path, path: str) -> OriginalFile:
    data = (folder / path).read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return OriginalFile(path, digest_of(data))
    return OriginalFile(path, digest_of(settled(text).encode()), text if len(data) <= _LONGEST else None)


def told_of(brief: PromptSpec, original: Original) -> dict[str, str]:
    """Word a task for the prompt of a variant."""
    files = [f"`{each.path}`:\n\n{fenced(each.text)}" for each in original.files if each.text is not None]
    others = [f"`{each.path}`: left out, as it is long or no text." for each in original.files if each.text is None]
    return {
        "number": str(original.number),
        "count": str(original.count),
        "instruction": fenced(brief.prompt),
        "files": "\n\n".join((*files, *others)),
    }


class OriginalsPort:
    """Answers `OriginalsAsked` from task folders of the user."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Read them as they are now. They were looked at before the run began."""
        del place
        assert isinstance(asked, OriginalsAsked)
        try:
            found = await to_thread.run_sync(read_variants, Path(asked.path), asked.count)
        except StillroomError as error:
            return BriefsMissing(error.problem)
        except OSError as error:
            return BriefsMissing(f"{asked.path} cannot be read: {error.strerror}")
        return BriefsRead(
            tuple(NamedDigest(name, self._blobs.put_json(canonical_brief(brief))) for name, brief in found.items())
        )
