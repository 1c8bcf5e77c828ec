"""Files that describe a suite: ``suite.toml``, ``task-spec.yaml`` and ``meta.yaml``, each read with all its faults."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
import yaml

from engine.suites.errors import SuiteFault
from events.types.suite import Composition, TaskPhase, TaskRole
from sandbox.harbor.yaml_tree import read_yaml

SPEC_FILE: Final = "task-spec.yaml"
META_FILE: Final = "meta.yaml"
SUITE_FILE: Final = "suite.toml"
_Document = TypeVar("_Document", bound=msgspec.Struct)


class TaskDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What ``task-spec.yaml`` says of a task. Other keys of it say nothing here."""

    task_id: str
    task_slug: str
    environment_id: str
    family_id: str
    latent_skill_id: str
    task_index: int
    role: TaskRole
    phase: TaskPhase
    primary_skill: str | None = None
    required_skills: tuple[str, ...] = ()
    required_skill_compose_order: tuple[str, ...] = ()
    composition_type: Composition = "none"
    trap_types: tuple[str, ...] = ()


class FamilyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What ``meta.yaml`` says of a family."""

    family_id: str
    environment_id: str
    latent_skill_id: str
    slug: str
    name: str
    description: str
    task_ids: tuple[str, ...]
    curated_skill_path: str | None = "SKILL.md"
    """None: there is no curated skill."""
    gap_1_summary: str = ""
    gap_2_summary: str = ""


class SuiteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What ``suite.toml`` says."""

    name: str | None = None
    release: str | None = None


def suite_document(folder: Path) -> tuple[SuiteDocument, list[SuiteFault]]:
    """Read ``suite.toml``, which may be missing."""
    file = folder / SUITE_FILE
    if not file.is_file():
        return SuiteDocument(), []
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        return SuiteDocument(), [SuiteFault(SUITE_FILE, f"cannot be read: {error}", "write it as TOML")]
    unknown = sorted(set(fields) - set(SuiteDocument.__struct_fields__))
    faults = [SuiteFault(f"{SUITE_FILE}: {key}", "is an unknown key", "it takes name and release") for key in unknown]
    read, wrong = convert(SuiteDocument, SUITE_FILE, fields)
    faults += [
        SuiteFault(f"{SUITE_FILE}: {key}", "holds a control character", "write it in one line of text")
        for key in ("name", "release")
        if not str(fields.get(key, "")).isprintable()
    ]
    return read or SuiteDocument(), [*faults, *wrong]


def yaml_document(kind: type[_Document], root: Path, file: Path) -> tuple[_Document | None, list[SuiteFault]]:
    """Read a YAML file into a value of a kind; None where a field of it is wrong, each named.

    Args:
        kind: What is wanted of it.
        root: Folder of the suite, for naming the file.
        file: Which.
    """
    place = file.relative_to(root).as_posix()
    if not file.is_file():
        return None, [SuiteFault(place, "is missing", "write it; docs/suites.md has its keys")]
    try:
        found = read_yaml(file.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        return None, [SuiteFault(place, f"cannot be read: {' '.join(str(error).split())}", "write it as YAML")]
    if not isinstance(found, dict):
        return None, [SuiteFault(place, "is no mapping of keys", "write it; docs/suites.md has its keys")]
    return convert(kind, place, {str(key): value for key, value in found.items()})


def convert(kind: type[_Document], place: str, fields: Mapping[str, Any]) -> tuple[_Document | None, list[SuiteFault]]:
    """Read each field by itself, so that every wrong one is named."""
    hints = get_type_hints(kind)
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    values: dict[str, Any] = {}
    faults: list[SuiteFault] = []
    for name, hint in hints.items():
        if name not in fields:
            if name in required:
                faults.append(SuiteFault(f"{place}: {name}", "is missing", "write it; docs/suites.md has its keys"))
            continue
        try:
            values[name] = msgspec.convert(fields[name], hint)
        except msgspec.ValidationError as error:
            if fields[name] is not None or name in required:
                faults.append(SuiteFault(f"{place}: {name}", f"{error}", "write what docs/suites.md says"))
    return (None if faults else kind(**values)), faults
