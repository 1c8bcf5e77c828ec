"""One service of a compose file: each of its keys is applied, left out with the reason, or refused by name. Pure."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import structs

from sandbox.harbor.compose.keys import BUILD, DEPLOY, HEALTHCHECK, MEMBERSHIP, RESOURCES, SERVICE
from sandbox.harbor.compose.schema import Build, ComposeVolume, Condition, Probe, Service
from sandbox.harbor.compose.values import (
    LOGS,
    MAIN,
    ComposeProblems,
    bytes_of,
    list_of,
    missing_in,
    number_of,
    pairs_of,
    seconds_of,
    strings_of,
    table_of,
    understood,
)

Reader = Callable[[Service, Any, str, ComposeProblems], Service]
_OWN_SYSCTLS: Final = ("net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue.")
"""Begins the names of kernel parameters that a container has for itself."""
_PERIOD: Final = 100_000
"""Microseconds of ``cpu_period`` where nothing is written."""


def service_of(name: str, table: Mapping[str, Any], complaint: ComposeProblems) -> Service:
    """Read one service."""
    found = Service(name)
    place = f"services.{name}"
    applied = understood(table, SERVICE, place, complaint)
    for key, value in sorted(applied.items(), key=lambda item: item[0] == "deploy"):  # it is the stronger one
        found = _READERS[key](found, value, f"{place}.{key}", complaint)
    return _with_quota(found, table)


def _with_quota(service: Service, table: Mapping[str, Any]) -> Service:
    quota, period = (number_of(table.get(f"cpu_{each}"), "", ComposeProblems()) for each in ("quota", "period"))
    return structs.replace(service, cpus=quota / (period or _PERIOD)) if quota and quota > 0 else service


def _with_host(service: Service, **settings: Any) -> Service:
    return structs.replace(service, host={**service.host, **settings})


def _with_settings(service: Service, **settings: Any) -> Service:
    return structs.replace(service, settings={**service.settings, **settings})


def _no_effect(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    del value, place, complaint
    return service


def _host(name: str, read: Callable[[Any, str, ComposeProblems], Any]) -> Reader:
    """Make a reader of what the engine's API has under another name in ``HostConfig``."""

    def take(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
        return _with_host(service, **{name: read(value, place, complaint)})

    return take


def _setting(name: str, read: Callable[[Any, str, ComposeProblems], Any]) -> Reader:
    """Make a reader of what the engine's API has under another name."""

    def take(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
        return _with_settings(service, **{name: read(value, place, complaint)})

    return take


def _field(name: str, read: Callable[[Any, str, ComposeProblems], Any]) -> Reader:
    """Make a reader of what is a field of a service."""

    def take(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
        return structs.replace(service, **{name: read(value, place, complaint)})

    return take


def _of_others(name: str) -> Reader:
    """Make a reader of a flag that does not concern ``main``."""

    def take(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
        if service.name == MAIN:
            complaint.leave(place, "main is given commands otherwise")
            return service
        return _with_settings(service, **{name: bool(value)})

    return take


def _text(value: Any, place: str, complaint: ComposeProblems) -> str:
    del place, complaint
    return str(value)


def _flag(value: Any, place: str, complaint: ComposeProblems) -> bool:
    del place, complaint
    return bool(value)


def _build(value: Any, place: str, complaint: ComposeProblems) -> Build:
    table = {"context": value} if isinstance(value, str) else table_of(value, place, complaint)
    kept = understood(table, BUILD, place, complaint)
    context = str(kept.get("context", "."))
    if "://" in context or context.startswith(("/", "~", "git@")) or context.split("/").count("..") > 1:
        complaint.add(f"{place}.context: {context} is not a folder of the task")
    return Build(
        context=context,
        dockerfile=str(kept.get("dockerfile", "Dockerfile")),
        args=pairs_of(kept.get("args") or {}, f"{place}.args", complaint),
        target=str(kept.get("target") or ""),
    )


def _environment(value: Any, place: str, complaint: ComposeProblems) -> dict[str, str]:
    """Read variables. One that needs what nobody gave is left out: an empty secret would fail later and elsewhere."""
    pairs = pairs_of(value, place, complaint)
    for name, text in pairs.items():
        for each in missing_in(text):
            complaint.leave(f"{place}.{name}", f"${{{each}}} has no value")
    return {name: text for name, text in pairs.items() if not missing_in(text)}


def _words(value: Any, place: str, complaint: ComposeProblems) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(shlex.split(value))
    return tuple(str(each) for each in list_of(value, place, complaint))


def _depends(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    if isinstance(value, list):
        value = {str(each): {} for each in value}
    found: dict[str, Condition] = {}
    table = {
        name: table_of(each or {}, f"{place}.{name}", complaint)
        for name, each in table_of(value, place, complaint).items()
    }
    for name, each in table.items():
        match each.get("condition", "service_started"):
            case "service_started" | "service_healthy" | "service_completed_successfully" as condition:
                found[name] = condition
            case other:
                complaint.add(f"{place}.{name}.condition: {other}")
        if each.get("restart"):
            complaint.leave(f"{place}.{name}.restart", "services are not restarted together")
    optional = frozenset(name for name, each in table.items() if each.get("required") is False)
    return structs.replace(service, depends_on={**service.depends_on, **found}, optional=optional)


def _probe(value: Any, place: str, complaint: ComposeProblems) -> Probe | None:
    table = understood(table_of(value, place, complaint), HEALTHCHECK, place, complaint)
    if table.get("disable"):
        return Probe(test=("NONE",))
    test = table.get("test")
    words = ("CMD-SHELL", test) if isinstance(test, str) else tuple(str(each) for each in test or ())
    times = {key: seconds_of(table.get(key), f"{place}.{key}", complaint) for key in _TIMES}
    return Probe(test=words, retries=int(number_of(table.get("retries"), f"{place}.retries", complaint) or 0), **times)


def _mounts(value: Any, place: str, complaint: ComposeProblems) -> tuple[ComposeVolume, ...]:
    found = (_mount(each, place, complaint) for each in list_of(value, place, complaint))
    return tuple(each for each in found if each is not None)


def _mount(value: Any, place: str, complaint: ComposeProblems) -> ComposeVolume | None:
    """Read one volume. Folders of the host that are no part of the task are left out: they hold somebody's secrets."""
    table = _mount_table(value, place, complaint)
    source, target = str(table.get("source") or ""), str(table.get("target") or "")
    read_only = table.get("read_only") is True
    if table.get("type") == "tmpfs" or not source:
        return ComposeVolume(None, target, "volume")
    if source.startswith(LOGS):
        return ComposeVolume(source, target, "volume")
    if table.get("type") != "bind" and not source.startswith((".", "/", "~")) and not missing_in(source):
        return ComposeVolume(source, target, "volume", read_only)
    if missing_in(source) or source.startswith(("~", "/")) or ".." in source.split("/"):
        complaint.leave(f"{place}: {source}", "it is not part of the task")
        return None
    if read_only:
        complaint.leave(f"{place}: {source}: read_only", "what is put into a container can be written to there")
    return ComposeVolume(source.removeprefix("./"), target, "material")


def _mount_table(value: Any, place: str, complaint: ComposeProblems) -> dict[str, Any]:
    """Read a volume in its long form, or bring the short one to it."""
    if isinstance(value, str):
        source, sign, rest = value.partition(":")
        target, _, options = rest.partition(":")
        return (
            {"source": source, "target": target, "read_only": "ro" in options.split(",")} if sign else {"target": value}
        )
    table = table_of(value, place, complaint)
    if table.get("type", "volume") not in {"bind", "volume", "tmpfs"}:
        complaint.add(f"{place}.type: {table['type']}")
    if (table.get("volume") or {}).get("subpath"):
        complaint.add(f"{place}.volume.subpath")
    return table


def _networks(value: Any, place: str, complaint: ComposeProblems) -> dict[str, tuple[str, ...]]:
    if isinstance(value, list):
        return {str(each): () for each in value}
    tables = {
        name: understood(table_of(each or {}, f"{place}.{name}", complaint), MEMBERSHIP, f"{place}.{name}", complaint)
        for name, each in table_of(value, place, complaint).items()
    }
    return {name: tuple(str(alias) for alias in each.get("aliases") or ()) for name, each in tables.items()}


def _network_mode(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    if value not in {"bridge", "none", "default"}:
        complaint.add(f"{place}: {value}")
    return _with_host(service, NetworkMode=value) if value == "none" else service


def _memory(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    size = bytes_of(value, place, complaint)
    return _with_host(service, Memory=size, MemorySwap=size)


def _cpus(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    return structs.replace(service, cpus=number_of(value, place, complaint) or service.cpus)


def _processes(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    most = int(number_of(value, place, complaint) or 0)
    return _with_host(service, PidsLimit=most) if most > 0 else service


def _ulimits(value: Any, place: str, complaint: ComposeProblems) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, each in table_of(value, place, complaint).items():
        both = each if isinstance(each, dict) else {"soft": each, "hard": each}
        soft, hard = (number_of(both.get(side), f"{place}.{name}.{side}", complaint) for side in ("soft", "hard"))
        found.append({"Name": name, "Soft": int(soft or 0), "Hard": int(hard or 0)})
    return found


def _sysctls(value: Any, place: str, complaint: ComposeProblems) -> dict[str, str]:
    found = pairs_of(value, place, complaint)
    for name in found:
        if not name.startswith(_OWN_SYSCTLS):
            complaint.add(f"{place}.{name} (it is the machine's)")
    return found


def _security(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    options = strings_of(value, place, complaint)
    for each in options:
        if each.replace("=", ":") not in {"no-new-privileges", "no-new-privileges:true", "no-new-privileges:false"}:
            complaint.add(f"{place}: {each}")
    return _with_host(service, SecurityOpt=[each for each in options if not each.endswith("false")])


def _restart(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    name, _, most = str(value).partition(":")
    if service.name == MAIN:
        if name != "no":
            complaint.leave(place, "a sandbox whose first process ends is lost")
        return service
    if name not in {"no", "always", "on-failure", "unless-stopped"}:
        complaint.add(f"{place}: {value}")
    count = number_of(most or None, place, complaint)
    policy = {"Name": name, "MaximumRetryCount": int(count)} if count else {"Name": name}
    return service if name == "no" else _with_host(service, RestartPolicy=policy)


def _tmpfs(value: Any, place: str, complaint: ComposeProblems) -> dict[str, str]:
    return {path: options for path, _, options in (each.partition(":") for each in strings_of(value, place, complaint))}


def _extra_hosts(value: Any, place: str, complaint: ComposeProblems) -> list[str]:
    if isinstance(value, dict):
        pairs = [(name, at) for name, each in value.items() for at in (each if isinstance(each, list) else [each])]
        return [f"{name}:{at}" for name, at in pairs]
    return [each.replace("=", ":", 1) for each in strings_of(value, place, complaint)]


def _links(value: Any, place: str, complaint: ComposeProblems) -> tuple[tuple[str, str], ...]:
    pairs = [each.partition(":") for each in strings_of(value, place, complaint)]
    return tuple((name, alias or name) for name, _, alias in pairs)


def _container_name(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    for each in missing_in(value):
        complaint.leave(place, f"${{{each}}} has no value")
    return service if missing_in(value) else structs.replace(service, aliases=(str(value),))


def _scale(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    many = number_of(value, place, complaint)
    if many == 0 and service.name != MAIN:
        complaint.leave(f"services.{service.name}", f"{place.rpartition('.')[2]} is 0")
        return structs.replace(service, started=False)
    if many != 1:
        complaint.add(f"{place}: {value} (a service is one container)")
    return service


def _profiles(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    if not value or service.name == MAIN:
        return service
    complaint.leave(f"services.{service.name}", "it has profiles, and none is asked for")
    del place
    return structs.replace(service, started=False)


def _deploy(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    table = understood(table_of(value, place, complaint), DEPLOY, place, complaint)
    if table.get("mode", "replicated") not in {"replicated", "global"}:
        complaint.add(f"{place}.mode: {table['mode']}")
    if "replicas" in table:
        service = _scale(service, table["replicas"], f"{place}.replicas", complaint)
    if "restart_policy" in table:
        service = _restart(service, _policy(table["restart_policy"]), f"{place}.restart_policy", complaint)
    resources = table_of(table.get("resources") or {}, f"{place}.resources", complaint)
    sides = {side: table_of(each or {}, f"{place}.resources.{side}", complaint) for side, each in resources.items()}
    flat = {f"{side}.{key}": each for side, table in sides.items() for key, each in table.items()}
    for key, each in understood(flat, RESOURCES, f"{place}.resources", complaint).items():
        service = _LIMITS[key](service, each, f"{place}.resources.{key}", complaint)
    return service


def _policy(value: Any) -> str:
    """Say a restart policy of ``deploy`` as ``restart`` does."""
    table = value if isinstance(value, dict) else {}
    name = {"none": "no", "any": "always"}.get(str(table.get("condition", "any")), str(table.get("condition")))
    return f"{name}:{table['max_attempts']}" if name == "on-failure" and table.get("max_attempts") else name


def _generic(service: Service, value: Any, place: str, complaint: ComposeProblems) -> Service:
    """Refuse a GPU that is asked for by its kind; what else a cluster would count is left out."""
    for each in list_of(value, place, complaint):
        if "gpu" in str(each).lower():
            complaint.add(f"{place} (sandboxes have no GPU, as environment.gpus)")
            return service
    complaint.leave(place, "it is for clusters")
    return service


_TIMES: Final = ("interval", "timeout", "start_period")
_LIMITS: Final[Mapping[str, Reader]] = {
    "limits.cpus": _cpus,
    "limits.memory": _memory,
    "limits.pids": _processes,
    "reservations.generic_resources": _generic,
}
_READERS: Final[Mapping[str, Reader]] = {
    "build": _field("build", _build),
    "cap_add": _host("CapAdd", strings_of),
    "cap_drop": _host("CapDrop", strings_of),
    "command": _field("command", _words),
    "container_name": _container_name,
    "cpu_period": _no_effect,
    "cpu_quota": _no_effect,
    "cpus": _cpus,
    "depends_on": _depends,
    "deploy": _deploy,
    "dns": _host("Dns", strings_of),
    "dns_opt": _host("DnsOptions", strings_of),
    "dns_search": _host("DnsSearch", strings_of),
    "domainname": _setting("Domainname", _text),
    "entrypoint": _field("entrypoint", _words),
    "environment": _field("environment", _environment),
    "extra_hosts": _host("ExtraHosts", _extra_hosts),
    "group_add": _host("GroupAdd", strings_of),
    "healthcheck": _field("probe", _probe),
    "hostname": _setting("Hostname", _text),
    "image": _field("image", _text),
    "init": _host("Init", _flag),
    "links": _field("links", _links),
    "mem_limit": _memory,
    "network_mode": _network_mode,
    "networks": _field("networks", _networks),
    "pids_limit": _processes,
    "platform": _field("platform", _text),
    "profiles": _profiles,
    "read_only": _host("ReadonlyRootfs", _flag),
    "restart": _restart,
    "scale": _scale,
    "security_opt": _security,
    "shm_size": _host("ShmSize", bytes_of),
    "stdin_open": _of_others("OpenStdin"),
    "sysctls": _host("Sysctls", _sysctls),
    "tmpfs": _host("Tmpfs", _tmpfs),
    "tty": _of_others("Tty"),
    "ulimits": _host("Ulimits", _ulimits),
    "user": _setting("User", _text),
    "volumes": _field("mounts", _mounts),
    "working_dir": _setting("WorkingDir", _text),
}
