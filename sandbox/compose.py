"""``environment/docker-compose.yaml``: the part of it that tasks use. What is not understood is refused by name. Pure.

Harbor lays the file over its own definition of ``main``, so that a file may say as little as ``depends_on``.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct, structs

from sandbox.compose_values import LOGS, MAIN, Complaint, bytes_of, list_of, missing_in, pairs_of, seconds_of, table_of

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]

_IGNORED: Final = frozenset({
    "container_name", "deploy", "expose", "hostname", "labels", "logging", "platform", "ports", "pull_policy",
    "restart", "stdin_open", "stop_grace_period", "tty", "attach", "links", "mem_limit", "cpus", "stop_signal",
})  # fmt: skip
"""Keys that change nothing for who is inside, or that are said in another way."""
_TOP: Final = frozenset({"version", "services", "networks", "volumes", "name"})


class Probe(Struct, frozen=True):
    """``healthcheck``, in the engine's words: times in nanoseconds."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    retries: int = 0


class Mount(Struct, frozen=True):
    """One entry of ``volumes``."""

    source: str | None
    """A volume's name, or a path of the build context. None: a volume of its own."""
    target: str
    kind: Literal["volume", "material"]
    """material: a file or folder that comes with the task."""


class Build(Struct, frozen=True):
    """``build``."""

    context: str
    """Relative to ``environment/``."""
    dockerfile: str = "Dockerfile"
    args: dict[str, str] = {}
    target: str = ""


class Service(Struct, frozen=True):
    """One of ``services``."""

    name: str
    image: str | None = None
    build: Build | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    probe: Probe | None = None
    mounts: tuple[Mount, ...] = ()
    networks: dict[str, tuple[str, ...]] = {}
    """By name; with further names under which it is found there."""
    settings: dict[str, Any] = {}
    """Further settings of the container, as the engine's API has them."""
    host: dict[str, Any] = {}
    """The same for its ``HostConfig``."""


class Compose(Struct, frozen=True):
    """The whole file."""

    services: tuple[Service, ...]
    """In an order in which they can start."""
    internal: frozenset[str]
    """Networks that lead nowhere else."""
    refused: tuple[str, ...]
    """What is not understood, by name; then nothing else here is worth anything."""
    dropped: tuple[str, ...]
    """What is left out on purpose: folders of the host, variables without a value."""

    @property
    def main(self) -> Service:
        """What the file says of the task's own container."""
        return next((each for each in self.services if each.name == MAIN), Service(MAIN))

    @property
    def sidecars(self) -> tuple[Service, ...]:
        """The others."""
        return tuple(each for each in self.services if each.name != MAIN)


def read_compose(raw: object) -> Compose:
    """Read a file that was parsed and whose variables are filled in."""
    complaint = Complaint()
    top = table_of(raw, "docker-compose.yaml", complaint)
    for key in top:
        if key not in _TOP and not key.startswith("x-"):
            complaint.add(key)
    declared = table_of(top.get("networks") or {}, "networks", complaint)
    services = [
        _service(name, table_of(each or {}, f"services.{name}", complaint), complaint)
        for name, each in table_of(top.get("services") or {}, "services", complaint).items()
    ]
    if services and all(each.name != MAIN for each in services):
        services.append(Service(MAIN))
    internal = frozenset(name for name, each in declared.items() if isinstance(each, dict) and each.get("internal"))
    services = _with_shared_logs(services)
    for name in missing_in([structs.asdict(each) for each in services]):
        complaint.add(f"${{{name}}} has no value")
    ordered = tuple(_ordered({each.name: each for each in services}, complaint))
    return Compose(ordered, internal, tuple(complaint.refused), tuple(complaint.dropped))


def _with_shared_logs(services: list[Service]) -> list[Service]:
    """Give ``main`` a volume where another service wants the folder of the host that Harbor shares between them."""
    wanted = sorted({
        each.source for service in services if service.name != MAIN for each in service.mounts
        if each.source is not None and each.source.startswith(LOGS)
    })  # fmt: skip
    shared = tuple(Mount(each, f"/logs/{each.removeprefix(LOGS)}", "volume") for each in wanted)
    return [structs.replace(each, mounts=(*_own(each), *shared)) if each.name == MAIN else each for each in services]


def _own(main: Service) -> tuple[Mount, ...]:
    return tuple(each for each in main.mounts if each.source is None or not each.source.startswith(LOGS))


def _service(name: str, table: Mapping[str, Any], complaint: Complaint) -> Service:
    found = Service(name)
    for key, value in table.items():
        found = _with(found, key, value, f"services.{name}.{key}", complaint)
    return found


def _with(service: Service, key: str, value: Any, place: str, complaint: Complaint) -> Service:
    """Take in one key of a service."""
    if key in _IGNORED or value is None:
        return service
    if key in _READERS:
        return structs.replace(service, **{_FIELDS.get(key, key): _READERS[key](value, place, complaint)})
    if key in _SETTINGS:
        return structs.replace(service, settings={**service.settings, _SETTINGS[key]: value})
    if key in _HOST:
        name, read = _HOST[key]
        return structs.replace(service, host={**service.host, name: read(value, place, complaint)})
    if key == "network_mode":
        if value not in {"bridge", "none", "", "default"}:
            complaint.add(f"{place}: {value}")
        return structs.replace(service, host={**service.host, "NetworkMode": value}) if value == "none" else service
    complaint.add(place)
    return service


def _build(value: Any, place: str, complaint: Complaint) -> Build:
    table = {"context": value} if isinstance(value, str) else table_of(value, place, complaint)
    for key in table:
        if key not in {"context", "dockerfile", "args", "target", "network", "pull", "no_cache", "platforms"}:
            complaint.add(f"{place}.{key}")
    return Build(
        context=str(table.get("context", ".")),
        dockerfile=str(table.get("dockerfile", "Dockerfile")),
        args=pairs_of(table.get("args") or {}, f"{place}.args", complaint),
        target=str(table.get("target") or ""),
    )


def _environment(value: Any, place: str, complaint: Complaint) -> dict[str, str]:
    """Read variables. One that needs what nobody gave is left out: an empty secret would fail later and elsewhere."""
    pairs = pairs_of(value, place, complaint)
    for name, text in pairs.items():
        complaint.dropped.extend(f"{place}.{name}: ${{{each}}} has no value" for each in missing_in(text))
    return {name: text for name, text in pairs.items() if not missing_in(text)}


def _words(value: Any, place: str, complaint: Complaint) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(shlex.split(value))
    return tuple(str(each) for each in list_of(value, place, complaint))


def _depends(value: Any, place: str, complaint: Complaint) -> dict[str, Condition]:
    if isinstance(value, list):
        return {str(each): "service_started" for each in value}
    found: dict[str, Condition] = {}
    for name, each in table_of(value, place, complaint).items():
        match (each or {}).get("condition", "service_started"):
            case "service_started" | "service_healthy" | "service_completed_successfully" as condition:
                found[name] = condition
            case other:
                complaint.add(f"{place}.{name}.condition: {other}")
    return found


def _probe(value: Any, place: str, complaint: Complaint) -> Probe | None:
    table = table_of(value, place, complaint)
    if table.get("disable"):
        return Probe(test=("NONE",))
    test = table.get("test")
    words = ("CMD-SHELL", test) if isinstance(test, str) else tuple(str(each) for each in test or ())
    times = {key: seconds_of(table.get(key), f"{place}.{key}", complaint) for key in _TIMES}
    return Probe(test=words, retries=int(table.get("retries") or 0), **times)


def _mounts(value: Any, place: str, complaint: Complaint) -> tuple[Mount, ...]:
    found = (_mount(each, place, complaint) for each in list_of(value, place, complaint))
    return tuple(each for each in found if each is not None)


def _mount(value: Any, place: str, complaint: Complaint) -> Mount | None:
    """Read one volume. Folders of the host that are no part of the task are left out: they hold somebody's secrets."""
    if isinstance(value, str):
        source, _, rest = value.partition(":")
        target = rest.split(":")[0]
        if not target:
            return Mount(None, source, "volume")
    else:
        table = table_of(value, place, complaint)
        source, target = str(table.get("source") or ""), str(table.get("target") or "")
        if table.get("type") == "tmpfs" or not source:
            return Mount(None, target, "volume")
    if source.startswith(LOGS):
        return Mount(source, target, "volume")
    if not source.startswith((".", "/", "~")) and not missing_in(source):
        return Mount(source, target, "volume")
    if missing_in(source) or source.startswith(("~", "/")) or ".." in source.split("/"):
        complaint.dropped.append(f"{place}: {source}")
        return None
    return Mount(source.removeprefix("./"), target, "material")


def _networks(value: Any, place: str, complaint: Complaint) -> dict[str, tuple[str, ...]]:
    if isinstance(value, list):
        return {str(each): () for each in value}
    return {
        name: tuple(str(alias) for alias in (each or {}).get("aliases") or ())
        for name, each in table_of(value, place, complaint).items()
    }


def _strings(value: Any, place: str, complaint: Complaint) -> list[str]:
    return [str(each) for each in ([value] if isinstance(value, str) else list_of(value, place, complaint))]


def _tmpfs(value: Any, place: str, complaint: Complaint) -> dict[str, str]:
    return {path: options for path, _, options in (each.partition(":") for each in _strings(value, place, complaint))}


def _flag(value: Any, place: str, complaint: Complaint) -> bool:
    del place, complaint
    return bool(value)


def _ordered(services: Mapping[str, Service], complaint: Complaint) -> Iterator[Service]:
    """Each after those it depends on."""
    waiting, done = dict(services), set[str]()
    for service in services.values():
        for name in service.depends_on:
            if name not in services:
                complaint.add(f"services.{service.name}.depends_on: {name} is not there")
                done.add(name)
    while waiting:
        ready = [each for each in waiting.values() if set(each.depends_on) <= done]
        if not ready:
            complaint.add(f"services: {', '.join(waiting)} wait for each other")
            return
        for each in ready:
            done.add(each.name)
            yield waiting.pop(each.name)


_TIMES: Final = ("interval", "timeout", "start_period")
_READERS: Final = {
    "build": _build,
    "command": _words,
    "entrypoint": _words,
    "environment": _environment,
    "image": lambda value, *_: str(value) or None,
    "depends_on": _depends,
    "healthcheck": _probe,
    "volumes": _mounts,
    "networks": _networks,
}
_FIELDS: Final = {"healthcheck": "probe", "volumes": "mounts"}
_SETTINGS: Final = {"user": "User", "working_dir": "WorkingDir"}
_HOST: Final = {
    "cap_add": ("CapAdd", _strings),
    "cap_drop": ("CapDrop", _strings),
    "extra_hosts": ("ExtraHosts", _strings),
    "init": ("Init", _flag),
    "read_only": ("ReadonlyRootfs", _flag),
    "shm_size": ("ShmSize", bytes_of),
    "tmpfs": ("Tmpfs", _tmpfs),
}
