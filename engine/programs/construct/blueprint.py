"""A blueprint: all that a task is made of, as its author gives it. The form is SPARK's, and read strictly; pure."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from engine.core.decision import PolicyContext
from events.types.decision import Held

DIFFICULTIES: Final = ("easy", "medium", "hard")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,_-]+\])?(?:==[A-Za-z0-9.!+_-]+)?")
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._/:@-]*")
_LONGEST: Final = 200
"""Letters of a support file's path: no file system takes a name of more than 255."""
_DEPTH: Final = 4
"""How deep a blueprint is nested; what a stranger nests deeper is no part of it."""
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class BlueprintEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Where the task is worked on."""

    base_image: str = "python:3.12-slim"
    workdir: str = "/root"
    apt_packages: tuple[str, ...] = ()
    pip_packages: tuple[str, ...] = ()
    build_timeout_sec: float = 600.0
    cpus: int = 1
    memory_mb: int = 2048
    storage_mb: int = 10240
    allow_internet: bool = False


class SupportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that stands in the working folder from the beginning."""

    relative_path: str
    content: str
    purpose: str = ""


class BlueprintVerifier(msgspec.Struct, frozen=True, kw_only=True):
    """How it is judged."""

    test_code: str
    """Python: functions ``test_…`` without parameters."""
    timeout_sec: float = 120.0
    pip_packages: tuple[str, ...] = ()


class BlueprintEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of the prompt spec that a part of the task rests on."""

    quote: str
    source_type: str = "prompt"
    evidence_id: str = ""
    source_name: str = ""
    rationale: str = ""


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be made. Keys that are not known are left out."""

    title: str
    instruction_md: str
    output_path: str
    oracle_python: str
    verifier: BlueprintVerifier
    task_id: str = ""
    difficulty: str = "medium"
    category: str = "general"
    tags: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()
    environment: BlueprintEnvironment = BlueprintEnvironment()
    support_files: tuple[SupportFile, ...] = ()
    data_builder_python: str = ""
    evidence: tuple[BlueprintEvidence, ...] = ()
    assumptions: tuple[str, ...] = ()
    agent_timeout_sec: float | None = None


def encoded(blueprint: Blueprint) -> bytes:
    """Write a blueprint as it is kept."""
    return _ENCODER.encode(blueprint)


def blueprint_in(desk: PolicyContext, part: Held) -> Blueprint:
    """Read a blueprint that inputs name."""
    return msgspec.json.decode(desk.read(part), type=Blueprint)


def read_blueprint(tree: Any) -> Blueprint | str:
    """Read what an author gave; or say what is wrong with its form."""
    try:
        found = msgspec.convert(_without_null(tree), Blueprint, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    required = {
        "title": found.title,
        "instruction_md": found.instruction_md,
        "output_path": found.output_path,
        "oracle_python": found.oracle_python,
        "verifier.test_code": found.verifier.test_code,
    }
    empty = [name for name, text in required.items() if not text.strip()]
    return f"empty: {', '.join(empty)}" if empty else found


def _without_null(tree: Any, depth: int = _DEPTH) -> Any:
    """Leave out members that hold null: whoever writes one means that there is none, as SPARK does."""
    if not depth:
        return tree
    if isinstance(tree, dict):
        return {key: _without_null(value, depth - 1) for key, value in tree.items() if value is not None}
    return [_without_null(each, depth - 1) for each in tree] if isinstance(tree, list) else tree


def faults_of_paths(blueprint: Blueprint, most_files: int, most_bytes: int) -> list[str]:
    """Say what of its paths and sizes keeps a blueprint from being a task at all: it is a stranger's."""
    told: list[str] = []
    if not _is_plain(blueprint.output_path):
        told.append(f"output_path {blueprint.output_path!r} is no plain absolute path")
    if not _is_plain(blueprint.environment.workdir):
        told.append(f"environment.workdir {blueprint.environment.workdir!r} is no plain absolute path")
    place = blueprint.environment
    told += [f"{name!r} is no name of a package" for name in place.apt_packages if not _NAME.fullmatch(name)]
    pips = (*place.pip_packages, *blueprint.verifier.pip_packages)
    told += [f"{name!r} is no name of a package" for name in pips if not _REQUIREMENT.fullmatch(name)]
    if not _IMAGE.fullmatch(place.base_image):
        told.append(f"environment.base_image {place.base_image!r} is no name of an image")
    names = [within(each.relative_path, place.workdir) for each in blueprint.support_files]
    told += _faults_of_names(names)
    if len(names) > most_files:
        told.append(f"{len(names)} support files, and {most_files} are allowed")
    size = len(encoded(blueprint))
    if size > most_bytes:
        told.append(f"it has {size} bytes, and {most_bytes} are allowed")
    return told


def _faults_of_names(names: Sequence[str]) -> Iterator[str]:
    """Say which support files cannot stand in one folder."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name in sorted(set(names)):
        if not is_inside(name):
            yield f"support file {name!r} has to lie in the working folder"
        elif len(name) > _LONGEST:
            yield f"support file {name[:20]}... has a path of {len(name)} letters, and {_LONGEST} are allowed"
        elif name in folders:
            yield f"support file {name!r} is the folder of another one"
        if names.count(name) > 1:
            yield f"support file {name!r} stands twice"


def within(path: str, workdir: str) -> str:
    """Give a path below the working folder, where it was written in full; any other stays as it is."""
    return path.removeprefix(workdir.rstrip("/") + "/").removeprefix("./")


def is_inside(path: str) -> bool:
    """Say whether a relative path stays in its folder, and is one that every system takes."""
    return bool(path) and not path.startswith("/") and _is_plain(f"/{path}")


def _is_plain(path: str) -> bool:
    """Say whether an absolute path names one file, in characters that mean nothing to a shell or a Dockerfile."""
    odd = set(path) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/")
    plain = not odd and "//" not in path and not {"..", "."} & set(path.split("/"))
    return plain and path.startswith("/") and not path.endswith("/")
