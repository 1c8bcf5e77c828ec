"""Lint rules about what a task's containers reach of the host: privileges, namespaces, mounts, links. Runs nothing."""

import posixpath
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import yaml

from sandbox.harbor.oddity import LintRule, Oddity
from sandbox.harbor.task import COMPOSE, Task
from sandbox.harbor.yaml_tree import compose_yaml

_TRUE: Final = frozenset({"true", "yes", "on"})
_NAMESPACES: Final = frozenset({"cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts"})
_MIGHTY: Final = frozenset({"ALL", "SYS_ADMIN"})
"""Capabilities with which a container is as good as the host."""
_HOST: Final = ("/", "~", "$HOME", "${HOME}")
"""Begins a path of the host."""
_LOGS: Final = ("/logs/verifier", "/logs/agent")
_PARTS: Final = ("environment", "tests", "solution")
"""Folders that are copied one by one, so that a link from one to another leads nowhere."""


def exposure_of(task: Task) -> Iterator[Oddity]:
    """Find what of the host a task's containers could reach, and links that do not travel with it."""
    for folder in ("environment", "tests") if task.config.verifier.separate else ("environment",):
        yield from _services(task, f"{folder}/{COMPOSE}")
    for each in task.dockerfile.instructions if task.dockerfile else ():
        if each.word == "RUN" and each.flag("security") == "insecure":
            place = f"environment/Dockerfile line {each.line}"
            yield _privileged(place, "RUN --security=insecure builds with all rights of the host")
    yield from _links(task)
    yield from _overlaps(task)
    yield from _ignore_files(task)


def _services(task: Task, file: str) -> Iterator[Oddity]:
    path = task.path / file
    if not path.is_file():
        return
    try:
        root = compose_yaml(path.read_bytes())
    except yaml.YAMLError:
        return  # whoever reads the file for its meaning says so
    for key, services in _entries(root):
        for name, service in _entries(services) if key.value == "services" else ():
            for setting, value in _entries(service):
                place = f"{file} line {setting.start_mark.line + 1}"
                yield from _setting(place, name.value, setting.value, value)
                if setting.value == "volumes":
                    yield from _mounts(task, path, value)


def _setting(place: str, service: str, key: str, value: yaml.Node) -> Iterator[Oddity]:
    said = _texts(value)
    if key == "privileged" and said and said[0].lower() in _TRUE:
        yield _privileged(place, f"service {service} is privileged")
    mighty = sorted(_MIGHTY & {each.upper().removeprefix("CAP_") for each in said}) if key == "cap_add" else ()
    for each in mighty:
        yield _privileged(place, f"service {service} is given the capability {each}")
    if key == "cap_add" and said and not mighty:
        what = f"service {service} is given {', '.join(said)}"
        yield Oddity("note", place, what, "leave out what it does not need", "compose-additional-capabilities")
    if key in _NAMESPACES and said == ["host"]:
        what = f"service {service} shares the host's {key}"
        yield Oddity("warning", place, what, "leave it out: a task has its own", "host-namespace")


def _privileged(place: str, what: str) -> Oddity:
    return Oddity("warning", place, what, "leave it out, or name the one capability that is needed", "privileged")


def _mounts(task: Task, file: Path, volumes: yaml.Node) -> Iterator[Oddity]:
    for item in volumes.value if isinstance(volumes, yaml.SequenceNode) else ():
        source = _source(item)
        bound = source.startswith((".", *_HOST)) or "bind" in _table(item).get("type", ())
        place = f"{file.relative_to(task.path).as_posix()} line {item.start_mark.line + 1}"
        found = posixpath.normpath(posixpath.join(file.parent.relative_to(task.path).as_posix(), source))
        if source.startswith(_HOST) or found.startswith(".."):
            what = f"mounts {source} of the host"
            yield Oddity("warning", place, what, "bring it below environment/, or use a named volume", "host-mount")
        elif source.startswith(".") and any(each.is_symlink() for each in _way(task.path, found)):
            what = f"mounts {source}, which is a link"
            yield Oddity("warning", place, what, "mount what it leads to", "symlink-mount")
        if source and bound and not _read_only(item):
            what = f"mounts {source} so that it can be written to"
            remedy = "mount it read-only, or use a named volume"
            yield Oddity("note", place, what, remedy, "compose-writable-bind-mount")


def _way(root: Path, path: str) -> Iterator[Path]:
    """Give a path below a folder, and each folder on the way to it."""
    yield from (root / each for each in (PurePosixPath(path), *PurePosixPath(path).parents) if str(each) != ".")


def _source(item: yaml.Node) -> str:
    """Read what a volume mounts; empty if that is a volume of its own."""
    if isinstance(item, yaml.ScalarNode):
        source, sign, _ = str(item.value).partition(":")
        return source if sign else ""
    return "".join(_table(item).get("source", ())[:1])


def _read_only(item: yaml.Node) -> bool:
    """Say whether what a volume mounts cannot be changed through it."""
    if isinstance(item, yaml.ScalarNode):
        return "ro" in str(item.value).rpartition(":")[2].split(",")
    return any(each.lower() in _TRUE for each in _table(item).get("read_only", ()))


def _table(node: yaml.Node) -> dict[str, list[str]]:
    """Read the texts of a table by its keys. Empty: it is none."""
    return {str(key.value): _texts(value) for key, value in _entries(node)}


def _entries(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Give the keys of a table with their values, merged ones (``<<``) included."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode) and key.value == "<<":
            for each in value.value if isinstance(value, yaml.SequenceNode) else (value,):
                yield from _entries(each)
        elif isinstance(key, yaml.ScalarNode):
            yield key, value


def _texts(node: yaml.Node) -> list[str]:
    """Read one text, or a list of them."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [str(each.value) for each in nodes if isinstance(each, yaml.ScalarNode)]


def _links(task: Task) -> Iterator[Oddity]:
    rule: LintRule = "symlink"
    roots = [task.path, *(task.path / "steps" / each.name for each in task.steps)]
    for folder in [root / part for root in roots for part in _PARTS]:
        for path in sorted(each for each in folder.rglob("*") if each.is_symlink()):
            place = path.relative_to(task.path).as_posix()
            if not path.exists():
                yield Oddity("warning", place, "is a link to nothing", "remove it, or add what it leads to", rule)
            elif not path.resolve().is_relative_to(folder.resolve()):
                what = f"is a link out of {folder.relative_to(task.path).as_posix()}/, which is copied alone"
                yield Oddity("warning", place, what, "replace it with a copy of the file", rule)


def _overlaps(task: Task) -> Iterator[Oddity]:
    """Find artifacts that a verifier apart would get over the folders of its own logs, or of the agent's."""
    steps = (each.verifier.environment_mode == "separate" for each in task.steps)
    if not task.config.verifier.separate and not any(steps):
        return
    named = [(f"artifacts[{at}]", each.source) for at, each in enumerate(task.config.artifacts)]
    for step in task.steps:
        named += [(f"step {step.name}: artifacts[{at}]", each.source) for at, each in enumerate(step.artifacts)]
    for place, source in named:
        path = PurePosixPath(posixpath.normpath(source))
        if any(path.is_relative_to(log) or PurePosixPath(log).is_relative_to(path) for log in _LOGS):
            what = f"takes {source}, which overlaps the logs of verifier or agent"
            remedy = "name what is to be judged, below a folder of its own"
            yield Oddity("warning", f"task.toml: {place}", what, remedy, "artifact-log-overlap")


def _ignore_files(task: Task) -> Iterator[Oddity]:
    for path in sorted(task.path.rglob(".harborignore")):
        place = path.relative_to(task.path).as_posix()
        what = "is not read: what Harbor 0.26 leaves out by it is here"
        yield Oddity("note", place, what, "remove the files that it names", "unused-harborignore")
