"""``environment/docker-compose.yaml``: what is not understood is refused by name, what is left out is named. Pure.

Harbor lays the file over its own definition of ``main``, so that a file may say as little as ``depends_on``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from sandbox.harbor.compose.keys import NETWORK, TOP, VOLUME
from sandbox.harbor.compose.schema import Compose, ComposeVolume, Service
from sandbox.harbor.compose.service import service_of
from sandbox.harbor.compose.values import LOGS, MAIN, ComposeProblems, missing_in, table_of, understood


def read_compose(raw: object) -> Compose:
    """Read a file that was parsed and whose variables are filled in."""
    complaint = ComposeProblems()
    top = understood(table_of(raw, "docker-compose.yaml", complaint), TOP, "", complaint)
    internal = frozenset(_networks(top, complaint))
    _volumes(top, complaint)
    services = [
        service_of(name, table_of(each or {}, f"services.{name}", complaint), complaint)
        for name, each in table_of(top.get("services") or {}, "services", complaint).items()
    ]
    if services and all(each.name != MAIN for each in services):
        services.append(Service(MAIN))
    services = _with_links(_with_shared_logs([each for each in services if each.started]))
    for name in missing_in([structs.asdict(each) for each in services]):
        complaint.add(f"${{{name}}} has no value")
    ordered = tuple(_ordered({each.name: each for each in services}, complaint))
    return Compose(ordered, internal, tuple(complaint.refused), tuple(complaint.dropped))


def _networks(top: Mapping[str, Any], complaint: ComposeProblems) -> Iterator[str]:
    """Read the networks; give those that lead nowhere else."""
    for name, each in table_of(top.get("networks") or {}, "networks", complaint).items():
        place = f"networks.{name}"
        table = understood(table_of(each or {}, place, complaint), NETWORK, place, complaint)
        if table.get("driver", "bridge") not in {"bridge", "default"}:
            complaint.add(f"{place}.driver: {table['driver']}")
        if table.get("internal"):
            yield name


def _volumes(top: Mapping[str, Any], complaint: ComposeProblems) -> None:
    for name, each in table_of(top.get("volumes") or {}, "volumes", complaint).items():
        place = f"volumes.{name}"
        table = understood(table_of(each or {}, place, complaint), VOLUME, place, complaint)
        if table.get("driver", "local") not in {"local", "default"}:
            complaint.add(f"{place}.driver: {table['driver']}")


def _with_shared_logs(services: list[Service]) -> list[Service]:
    """Give ``main`` a volume where another service wants the folder of the host that Harbor shares between them."""
    wanted = sorted({
        each.source for service in services if service.name != MAIN for each in service.mounts
        if each.source is not None and each.source.startswith(LOGS)
    })  # fmt: skip
    shared = tuple(ComposeVolume(each, f"/logs/{each.removeprefix(LOGS)}", "volume") for each in wanted)
    return [structs.replace(each, mounts=(*_own(each), *shared)) if each.name == MAIN else each for each in services]


def _own(main: Service) -> tuple[ComposeVolume, ...]:
    return tuple(each for each in main.mounts if each.source is None or not each.source.startswith(LOGS))


def _with_links(services: list[Service]) -> list[Service]:
    """Have what others link to start before them, and be found under the names that they use."""
    found: list[Service] = []
    for service in services:
        called = sorted({alias for other in services for name, alias in other.links if name == service.name})
        more = tuple(alias for alias in called if alias not in {service.name, *service.aliases})
        before = {name: "service_started" for name, _ in service.links}
        depends_on = {**before, **service.depends_on}
        found.append(structs.replace(service, aliases=(*service.aliases, *more), depends_on=depends_on))
    return found


def _ordered(services: Mapping[str, Service], complaint: ComposeProblems) -> Iterator[Service]:
    """Each after those it depends on."""
    waiting = {name: _without_absent(each, services, complaint) for name, each in services.items()}
    done = set[str]()
    while waiting:
        ready = [each for each in waiting.values() if set(each.depends_on) <= done]
        if not ready:
            complaint.add(f"services: {', '.join(waiting)} wait for each other")
            return
        for each in ready:
            done.add(each.name)
            yield waiting.pop(each.name)


def _without_absent(service: Service, services: Mapping[str, Service], complaint: ComposeProblems) -> Service:
    """Take away what a service need not wait for, since it is not there; refuse what it must wait for."""
    for name in service.depends_on:
        if name not in services and name not in service.optional:
            complaint.add(f"services.{service.name}.depends_on: {name} is not there")
    there = {name: how for name, how in service.depends_on.items() if name in services}
    return structs.replace(service, depends_on=there)
