"""Every key of the Compose specification, and what becomes of it here. `docs/tasks.md` shows the same table. Pure.

A key that stands in none of these tables is refused by name: it is a typo, or newer than this list.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Handling = Literal["applied", "left out", "refused"]


class ComposeKey(NamedTuple):
    """What becomes of a key that says something; one without a value says nothing."""

    how: Handling
    """applied: the container is made so. left out: noted by name. refused: the task does not run."""
    why: str = ""
    """Reason of the last two; of an applied one, what it is bound to."""


def _table(**keys: ComposeKey) -> Mapping[str, ComposeKey]:
    return MappingProxyType(keys)


APPLIED: Final = ComposeKey("applied")
_LABELS: Final = ComposeKey("left out", "labels of a sandbox are reserved")
_OUTSIDE: Final = ComposeKey("refused", "it gives a container more of this machine than a sandbox may have")
_SHARES: Final = ComposeKey("left out", "it only matters where containers compete")
_WINDOWS: Final = ComposeKey("left out", "it is for Windows")
_FILES: Final = ComposeKey(
    "refused", "it references files that are not read here; move their contents into environment or volumes"
)
_SWARM: Final = ComposeKey("left out", "it is for clusters")
_SPEED: Final = ComposeKey("left out", "it changes how an image is built, and not what comes of it")
_ONCE: Final = ComposeKey("left out", "an image is built or fetched once, and used as it is")

TOP: Final = _table(
    configs=_FILES,
    include=ComposeKey("refused", "one file describes the environment"),
    models=ComposeKey("refused", "it asks for a model runner of Docker's"),
    name=ComposeKey("left out", "a sandbox has a name of its own"),
    networks=APPLIED,
    secrets=_FILES,
    services=APPLIED,
    version=ComposeKey("applied", "Compose gives it no meaning"),
    volumes=APPLIED,
)

SERVICE: Final = _table(
    annotations=_LABELS,
    attach=ComposeKey("left out", "a sandbox shows no output of services"),
    blkio_config=_SHARES,
    build=APPLIED,
    cap_add=APPLIED,
    cap_drop=APPLIED,
    cgroup=ComposeKey("refused", "only private is supported"),
    cgroup_parent=ComposeKey("left out", "sandboxes have the engine's"),
    command=APPLIED,
    configs=_FILES,
    container_name=ComposeKey("applied", "as a further name on its networks"),
    cpu_count=_WINDOWS,
    cpu_percent=_WINDOWS,
    cpu_period=ComposeKey("applied", "with cpu_quota, as a number of CPUs"),
    cpu_quota=ComposeKey("applied", "with cpu_period, as a number of CPUs"),
    cpu_rt_period=_SHARES,
    cpu_rt_runtime=_SHARES,
    cpu_shares=_SHARES,
    cpus=ComposeKey("applied", "at most those of the machine"),
    cpuset=ComposeKey("left out", "which CPUs those are is this machine's affair"),
    credential_spec=ComposeKey("refused", "it is for Windows"),
    depends_on=APPLIED,
    deploy=APPLIED,
    develop=ComposeKey("left out", "services are not edited while they run"),
    device_cgroup_rules=_OUTSIDE,
    devices=_OUTSIDE,
    dns=APPLIED,
    dns_opt=APPLIED,
    dns_search=APPLIED,
    domainname=APPLIED,
    entrypoint=APPLIED,
    env_file=_FILES,
    environment=APPLIED,
    expose=ComposeKey("left out", "services reach every port of each other"),
    extends=ComposeKey("refused", "write the keys out"),
    external_links=_OUTSIDE,
    extra_hosts=APPLIED,
    gpus=ComposeKey("refused", "sandboxes have no GPU, as environment.gpus"),
    group_add=APPLIED,
    healthcheck=APPLIED,
    hostname=APPLIED,
    image=APPLIED,
    init=APPLIED,
    ipc=ComposeKey("refused", "only private is supported"),
    isolation=_WINDOWS,
    label_file=_LABELS,
    labels=_LABELS,
    links=ComposeKey("applied", "as an order of start and further names"),
    logging=ComposeKey("left out", "a sandbox keeps no output of services"),
    mac_address=ComposeKey("left out", "the engine gives addresses"),
    mem_limit=APPLIED,
    mem_reservation=_SHARES,
    mem_swappiness=ComposeKey("left out", "a sandbox has no swap"),
    memswap_limit=ComposeKey("left out", "a sandbox has no swap"),
    models=ComposeKey("refused", "it asks for a model runner of Docker's"),
    network_mode=ComposeKey("applied", "bridge, default and none; others are refused"),
    networks=APPLIED,
    oom_kill_disable=ComposeKey("left out", "what is out of memory is ended"),
    oom_score_adj=_SHARES,
    pid=_OUTSIDE,
    pids_limit=APPLIED,
    platform=ComposeKey("applied", "refused unless it is the engine's own"),
    ports=ComposeKey("left out", "nothing outside the sandbox reaches its services; they reach each other"),
    post_start=ComposeKey("refused", "write it into command"),
    pre_stop=ComposeKey("left out", "a sandbox is not stopped in good order"),
    privileged=_OUTSIDE,
    profiles=ComposeKey("applied", "a service with profiles is not started, and that is noted"),
    provider=ComposeKey("refused", "it starts a programme of the host's"),
    pull_policy=_ONCE,
    pull_refresh_after=_ONCE,
    read_only=APPLIED,
    restart=ComposeKey("applied", "but for main, where it is left out: a sandbox whose first process ends is lost"),
    runtime=ComposeKey("refused", "only runc is supported"),
    scale=ComposeKey("applied", "0 and 1; more are refused"),
    secrets=_FILES,
    security_opt=ComposeKey("applied", "no-new-privileges; others are refused"),
    shm_size=APPLIED,
    stdin_open=ComposeKey("applied", "but for main, which is given commands otherwise"),
    stop_grace_period=ComposeKey("left out", "a sandbox is not stopped in good order"),
    stop_signal=ComposeKey("left out", "a sandbox is not stopped in good order"),
    storage_opt=ComposeKey("left out", "storage is watched, see environment.storage_mb"),
    sysctls=ComposeKey("applied", "those of a container's own; others are refused"),
    tmpfs=APPLIED,
    tty=ComposeKey("applied", "but for main, which is given commands otherwise"),
    ulimits=APPLIED,
    use_api_socket=_OUTSIDE,
    user=APPLIED,
    userns_mode=_OUTSIDE,
    uts=_OUTSIDE,
    volumes=ComposeKey("applied", "volumes, and files of environment/; folders of the host are left out"),
    volumes_from=ComposeKey("refused", "name the volume in both services"),
    working_dir=APPLIED,
)

BUILD: Final = _table(
    additional_contexts=ComposeKey("refused", "it needs BuildKit"),
    args=APPLIED,
    cache_from=_SPEED,
    cache_to=_SPEED,
    context=ComposeKey("applied", "a folder of the task"),
    dockerfile=APPLIED,
    dockerfile_inline=ComposeKey("refused", "write it into a file"),
    entitlements=_OUTSIDE,
    extra_hosts=ComposeKey("refused", "it needs BuildKit"),
    isolation=_WINDOWS,
    labels=_LABELS,
    network=ComposeKey("left out", "builds have the network that STILLROOM_BUILD_NETWORK says"),
    no_cache=_SPEED,
    no_cache_filter=_SPEED,
    platforms=ComposeKey("left out", "an image is built for the engine's own platform"),
    privileged=_OUTSIDE,
    provenance=_LABELS,
    pull=_ONCE,
    sbom=_LABELS,
    secrets=_FILES,
    shm_size=ComposeKey("left out", "a build has what the engine gives it"),
    ssh=_OUTSIDE,
    tags=_LABELS,
    target=APPLIED,
    ulimits=ComposeKey("left out", "a build has what the engine gives it"),
)

DEPLOY: Final = _table(
    endpoint_mode=_SWARM,
    labels=_LABELS,
    mode=ComposeKey("applied", "replicated; jobs are refused"),
    placement=_SWARM,
    replicas=ComposeKey("applied", "0 and 1; more are refused"),
    resources=APPLIED,
    restart_policy=ComposeKey("applied", "as restart"),
    rollback_config=_SWARM,
    update_config=_SWARM,
)

RESOURCES: Final = MappingProxyType({
    "limits.cpus": ComposeKey("applied", "at most those of the machine"),
    "limits.memory": APPLIED,
    "limits.pids": APPLIED,
    "reservations.cpus": _SHARES,
    "reservations.devices": ComposeKey("refused", "sandboxes have no GPU or other device, as environment.gpus"),
    "reservations.generic_resources": ComposeKey(
        "applied", "a GPU is refused, as environment.gpus; others are for clusters"
    ),
    "reservations.memory": _SHARES,
    "reservations.pids": _SHARES,
})  # fmt: skip
"""Below ``deploy.resources``."""

HEALTHCHECK: Final = _table(
    disable=APPLIED,
    interval=APPLIED,
    retries=APPLIED,
    start_interval=ComposeKey("left out", "engines before 25 do not know it; checks come at the usual interval"),
    start_period=APPLIED,
    test=APPLIED,
    timeout=APPLIED,
)

NETWORK: Final = _table(
    attachable=_SWARM,
    driver=ComposeKey("applied", "bridge; others are refused"),
    driver_opts=ComposeKey("left out", "networks are the engine's usual ones"),
    enable_ipv4=ComposeKey("left out", "networks are the engine's usual ones"),
    enable_ipv6=ComposeKey("left out", "networks are the engine's usual ones"),
    external=ComposeKey("refused", "sandboxes share no network"),
    internal=APPLIED,
    ipam=ComposeKey("left out", "the engine gives addresses"),
    labels=_LABELS,
    name=ComposeKey("left out", "a sandbox's networks have names of their own"),
)

MEMBERSHIP: Final = _table(
    aliases=APPLIED,
    driver_opts=ComposeKey("left out", "networks are the engine's usual ones"),
    gw_priority=ComposeKey("left out", "the engine chooses"),
    interface_name=ComposeKey("left out", "the engine chooses"),
    ipv4_address=ComposeKey("refused", "the engine gives addresses; services find each other by name"),
    ipv6_address=ComposeKey("refused", "the engine gives addresses; services find each other by name"),
    link_local_ips=ComposeKey("refused", "the engine gives addresses; services find each other by name"),
    mac_address=ComposeKey("left out", "the engine gives addresses"),
    priority=ComposeKey("left out", "the engine chooses"),
)
"""Below ``services.*.networks.*``."""

VOLUME: Final = _table(
    driver=ComposeKey("applied", "local; others are refused"),
    driver_opts=ComposeKey("refused", "a volume is an empty one of the sandbox's own"),
    external=ComposeKey("refused", "a volume is an empty one of the sandbox's own"),
    labels=_LABELS,
    name=ComposeKey("left out", "a sandbox's volumes have names of their own"),
)

TABLES: Final = MappingProxyType({
    "": TOP,
    "services.*.": SERVICE,
    "services.*.build.": BUILD,
    "services.*.deploy.": DEPLOY,
    "services.*.deploy.resources.": RESOURCES,
    "services.*.healthcheck.": HEALTHCHECK,
    "services.*.networks.*.": MEMBERSHIP,
    "networks.*.": NETWORK,
    "volumes.*.": VOLUME,
})  # fmt: skip
"""All of them, by where they stand in a file."""
