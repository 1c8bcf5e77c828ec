"""``.well-known/agent-skills/index.json``: a folder of skills, published so that agents find them by digest.

The form is that of the Agent Skills Discovery RFC, draft 0.2.0 of March 2026, which agentskills/agentskills#254
proposes for the specification: one artifact for each skill, ``SKILL.md`` or an archive, with its SHA-256.
"""

import gzip
import io
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import yaml
from anyio import to_thread
from rich.text import Text

from engine.agents.installed.skill_set import FILE, SkillSet, read_skills
from engine.policies.skill.front_matter import is_skill_name
from engine.policies.skill.split import SplitFault, split_skill
from events.errors import ExitCode
from views.terminal.errors import UsageWrong
from views.terminal.format import size
from views.terminal.tables import TableView

ArtifactState: TypeAlias = Literal["new", "same", "changed", "missing"]
SCHEMA: Final = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
"""Names the draft that an index follows; clients compare it, and need not open it."""
PLACE: Final = ".well-known/agent-skills"
INDEX: Final = "index.json"
_LONGEST: Final = 1024
"""Characters of a description."""


class IndexedSkill(msgspec.Struct, frozen=True):
    """An entry of an index."""

    name: str
    type: Literal["skill-md", "archive"]
    description: str
    url: str
    digest: str
    """``sha256:`` and the SHA-256 of the artifact, in hexadecimal."""


class SkillIndex(msgspec.Struct, frozen=True):
    """An index."""

    schema: str = msgspec.field(name="$schema")
    skills: tuple[IndexedSkill, ...] = ()


class IndexedRow(msgspec.Struct, frozen=True, tag_field="row", tag="indexed"):
    """A skill of an index."""

    skill: str
    type: str
    """``skill-md``: its only file. ``archive``: a ``.tar.gz`` of its folder."""
    url: str
    digest: str
    path: str
    """Where the artifact is written."""
    bytes: int
    state: ArtifactState
    """How what stood at the path compares. ``missing``: nothing stood there, though the index names it."""


class _Site(NamedTuple):
    """What is published: the index, and every artifact by its path below `PLACE`."""

    listed: SkillIndex
    artifacts: Mapping[str, bytes]


class IndexWish(NamedTuple):
    """How an index is written."""

    base: str
    """Before the paths of artifacts. Empty: they are told from the root of the site."""
    replace: bool
    """Whether what is there and differs may be written over."""
    check: bool
    """Compare, and write nothing."""


async def publish(folder: Path, site: Path, wish: IndexWish) -> tuple[list[IndexedRow], ExitCode]:
    """Write an index of a folder of skills, or compare one.

    Args:
        folder: Skills, each a folder.
        site: Root of a web site; everything is written below `PLACE` in it.
        wish: How.

    Raises:
        SkillsUnusable: A skill cannot be read.
        UsageWrong: A skill cannot be published, or something is there that differs.
    """
    made = _site(await to_thread.run_sync(read_skills, folder), wish.base)
    rows = await to_thread.run_sync(_compared, made, site / PLACE)
    index = await to_thread.run_sync(_read, site / PLACE / INDEX)
    differs = [row.skill for row in rows if row.state == "changed"]
    if wish.check:
        wrong = index != _encoded(made.listed) or any(row.state != "same" for row in rows)
        return rows, ExitCode.NEGATIVE if wrong else ExitCode.DONE
    if not wish.replace and (differs or (index is not None and index != _encoded(made.listed))):
        what = ", ".join(differs) or INDEX
        raise UsageWrong(f"{site / PLACE} is there, and {what} differs", remedy="--replace writes over it")
    await to_thread.run_sync(_write, made, site / PLACE)
    return rows, ExitCode.DONE


def _site(skills: SkillSet, base: str) -> _Site:
    by_skill: dict[str, dict[str, bytes]] = {}
    for path, data in sorted(skills.files.items()):
        name, _, below = path.partition("/")
        by_skill.setdefault(name, {})[below] = data
    entries: list[IndexedSkill] = []
    artifacts: dict[str, bytes] = {}
    for name, files in by_skill.items():
        kind: Literal["skill-md", "archive"] = "skill-md" if [*files] == [FILE] else "archive"
        path = f"{name}/{FILE}" if kind == "skill-md" else f"{name}.tar.gz"
        artifacts[path] = files[FILE] if kind == "skill-md" else archive(files)
        digest = f"sha256:{sha256(artifacts[path]).hexdigest()}"
        url = f"{base.rstrip('/')}/{PLACE}/{path}"
        entries.append(IndexedSkill(name, kind, _description(name, files[FILE]), url, digest))
    return _Site(SkillIndex(SCHEMA, tuple(entries)), artifacts)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Pack a skill's folder; equal folders make equal bytes, so that a digest changes just when a skill does."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in sorted(files.items(), key=lambda each: (each[0] != FILE, each[0])):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, out, mtime=0) as file:
        file.write(packed.getvalue())
    return out.getvalue()


def _description(name: str, document: bytes) -> str:
    """Read what an index says of a skill.

    Raises:
        UsageWrong: The skill breaks a rule that every reader of an index relies on.
    """
    parts = split_skill(document.decode("utf-8", "replace"))
    front = None if isinstance(parts, SplitFault) else yaml.safe_load(parts.front)
    fields = front if isinstance(front, dict) else {}
    description = fields.get("description")
    if not is_skill_name(name) or fields.get("name") != name:
        remedy = "name folder and skill alike: a-z, 0-9, single hyphens"
        raise UsageWrong(f"{name} is no name for an index", remedy=remedy)
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= _LONGEST:
        remedy = "write one in its front matter"
        raise UsageWrong(f"{name} has no description of 1 to {_LONGEST} characters", remedy=remedy)
    return description.strip()


def _encoded(index: SkillIndex) -> bytes:
    return msgspec.json.format(msgspec.json.encode(index), indent=2) + b"\n"


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _compared(site: _Site, place: Path) -> list[IndexedRow]:
    rows = []
    published = _read(place / INDEX)
    for entry, (path, data) in zip(site.listed.skills, site.artifacts.items(), strict=True):
        found = _read(place / path)
        told = published is not None and f'"{entry.name}"'.encode() in published
        rows.append(
            IndexedRow(
                skill=entry.name,
                type=entry.type,
                url=entry.url,
                digest=entry.digest,
                path=str(place / path),
                bytes=len(data),
                state=_state(found, data, told=told),
            )
        )
    return rows


def _state(found: bytes | None, data: bytes, *, told: bool) -> ArtifactState:
    if found is None:
        return "missing" if told else "new"
    return "same" if found == data else "changed"


def _write(site: _Site, place: Path) -> None:
    """Write artifacts, and then the index: whoever reads it in between finds what it names, or refuses it."""
    for path, data in [*site.artifacts.items(), (INDEX, _encoded(site.listed))]:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        half = (place / path).with_name(f".{(place / path).name}.partial")
        half.write_bytes(data)
        half.replace(place / path)


INDEXED: Final = TableView(
    IndexedRow,
    "skill…",
    "type",
    ("size", lambda row: size(row.bytes)),
    "state",
    ("digest", lambda row: row.digest.removeprefix("sha256:")[:12]),
    "url…",
    empty=Text("no skills", style="dim"),
)
