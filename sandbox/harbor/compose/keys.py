"""Every key of the Compose specification, and what becomes of it here. `docs/tasks.md` shows the same table. Pure.

A key that stands in none of these tables is refused by name: it is a typo, or newer than this list.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Handling = Literal["applied", "left out", "refused"]


class Key(NamedTuple):
    """What becomes of a key that says something; one without a value says nothing."""

    how: Handling
    """applied: the container is made so. left out: noted by name. refused: the task does not run."""
    why: str = ""
    """Reason of the last two; of an applied one, what it is bound to."""


def _table(**keys: Key) -> Mapping[str, Key]:
    return MappingProxyType(keys)


APPLIED: Final = Key("applied")
_LABELS: Final = Key("left out", "labels of a sandbox are reserved")
_OUTSIDE: Final = Key("refused", "it gives a container more of this machine than a sandbox may have")
_SHARES: Final = Key("left out", "it only matters where containers compete")
_WINDOWS: Final = Key("left out", "it is for Windows")
_FILES: Final = Key(
    "refused", "it references files that are not read here; move their contents into environment or volumes"
)
_SWARM: Final = Key("left out", "it is for clusters")
_SPEED: Final = Key("left out", "it changes how an image is built, and not what comes of it")
_ONCE: Final = Key("left out", "an image is built or fetched once, and used as it is")

TOP: Final = _table(
    configs=_FILES,
    include=Key("refused", "one file describes the environment"),
    models=Key("refused", "it asks for a model runner of Docker's"),
    name=Key("left out", "a sandbox has a name of its own"),
    networks=APPLIED,
    secrets=_FILES,
    services=APPLIED,
    version=Key("applied", "Compose gives it no meaning"),
    volumes=APPLIED,
)

SERVICE: Final = _table(
    annotations=_LABELS,
    attach=Key("left out", "a sandbox shows no output of services"),
    blkio_config=_SHARES,
    build=APPLIED,
    cap_add=APPLIED,
    cap_drop=APPLIED,
    cgroup=Key("refused", "only private is supported"),
    cgroup_parent=Key("left out", "sandboxes have the engine's"),
    command=APPLIED,
    configs=_FILES,
    container_name=Key("applied", "as a further name on its networks"),
    cpu_count=_WINDOWS,
    cpu_percent=_WINDOWS,
    cpu_period=Key("applied", "with cpu_quota, as a number of CPUs"),
    cpu_quota=Key("applied", "with cpu_period, as a number of CPUs"),
    cpu_rt_period=_SHARES,
    cpu_rt_runtime=_SHARES,
    cpu_shares=_SHARES,
    cpus=Key("applied", "at most those of the machine"),
    cpuset=Key("left out", "which CPUs those are is this machine's affair"),
    credential_spec=Key("refused", "it is for Windows"),
    depends_on=APPLIED,
    deploy=APPLIED,
    develop=Key("left out", "services are not edited while they run"),
    device_cgroup_rules=_OUTSIDE,
    devices=_OUTSIDE,
    dns=APPLIED,
    dns_opt=APPLIED,
    dns_search=APPLIED,
    domainname=APPLIED,
    entrypoint=APPLIED,
    env_file=_FILES,
    environment=APPLIED,
    expose=Key("left out", "services reach every port of each other"),
    extends=Key("refused", "write the keys out"),
    external_links=_OUTSIDE,
    extra_hosts=APPLIED,
    gpus=Key("refused", "sandboxes have no GPU, as environment.gpus"),
    group_add=APPLIED,
    healthcheck=APPLIED,
    hostname=APPLIED,
    image=APPLIED,
    init=APPLIED,
    ipc=Key("refused", "only private is supported"),
    isolation=_WINDOWS,
    label_file=_LABELS,
    labels=_LABELS,
    links=Key("applied", "as an order of start and further names"),
    logging=Key("left out", "a sandbox keeps no output of services"),
    mac_address=Key("left out", "the engine gives addresses"),
    mem_limit=APPLIED,
    mem_reservation=_SHARES,
    mem_swappiness=Key("left out", "a sandbox has no swap"),
    memswap_limit=Key("left out", "a sandbox has no swap"),
    models=Key("refused", "it asks for a model runner of Docker's"),
    network_mode=Key("applied", "bridge, default and none; others are refused"),
    networks=APPLIED,
    oom_kill_disable=Key("left out", "what is out of memory is ended"),
    oom_score_adj=_SHARES,
    pid=_OUTSIDE,
    pids_limit=APPLIED,
    platform=Key("applied", "refused unless it is the engine's own"),
    ports=Key("left out", "nothing outside the sandbox reaches its services; they reach each other"),
    post_start=Key("refused", "write it into command"),
    pre_stop=Key("left out", "a sandbox is not stopped in good order"),
    privileged=_OUTSIDE,
    profiles=Key("applied", "a service with profiles is not started, and that is noted"),
    provider=Key("refused", "it starts a programme of the host's"),
    pull_policy=_ONCE,
    pull_refresh_after=_ONCE,
    read_only=APPLIED,
    restart=Key("applied", "but for main, where it is left out: a sandbox whose first process ends is lost"),
    runtime=Key("refused", "only runc is supported"),
    scale=Key("applied", "0 and 1; more are refused"),
    secrets=_FILES,
    security_opt=Key("applied", "no-new-privileges; others are refused"),
    shm_size=APPLIED,
    stdin_open=Key("applied", "but for main, which is given commands otherwise"),
    stop_grace_period=Key("left out", "a sandbox is not stopped in good order"),
    stop_signal=Key("left out", "a sandbox is not stopped in good order"),
    storage_opt=Key("left out", "storage is watched, see environment.storage_mb"),
    sysctls=Key("applied", "those of a container's own; others are refused"),
    tmpfs=APPLIED,
    tty=Key("applied", "but for main, which is given commands otherwise"),
    ulimits=APPLIED,
    use_api_socket=_OUTSIDE,
    user=APPLIED,
    userns_mode=_OUTSIDE,
    uts=_OUTSIDE,
    volumes=Key("applied", "volumes, and files of environment/; folders of the host are left out"),
    volumes_from=Key("refused", "name the volume in both services"),
    working_dir=APPLIED,
)

BUILD: Final = _table(
    additional_contexts=Key("refused", "it needs BuildKit"),
    args=APPLIED,
    cache_from=_SPEED,
    cache_to=_SPEED,
    context=Key("applied", "a folder of the task"),
    dockerfile=APPLIED,
    dockerfile_inline=Key("refused", "write it into a file"),
    entitlements=_OUTSIDE,
    extra_hosts=Key("refused", "it needs BuildKit"),
    isolation=_WINDOWS,
    labels=_LABELS,
    network=Key("left out", "builds have the network that STILLROOM_BUILD_NETWORK says"),
    no_cache=_SPEED,
    no_cache_filter=_SPEED,
    platforms=Key("left out", "an image is built for the engine's own platform"),
    privileged=_OUTSIDE,
    provenance=_LABELS,
    pull=_ONCE,
    sbom=_LABELS,
    secrets=_FILES,
    shm_size=Key("left out", "a build has what the engine gives it"),
    ssh=_OUTSIDE,
    tags=_LABELS,
    target=APPLIED,
    ulimits=Key("left out", "a build has what the engine gives it"),
)

DEPLOY: Final = _table(
    endpoint_mode=_SWARM,
    labels=_LABELS,
    mode=Key("applied", "replicated; jobs are refused"),
    placement=_SWARM,
    replicas=Key("applied", "0 and 1; more are refused"),
    resources=APPLIED,
    restart_policy=Key("applied", "as restart"),
    rollback_config=_SWARM,
    update_config=_SWARM,
)

RESOURCES: Final = MappingProxyType({
    "limits.cpus": Key("applied", "at most those of the machine"),
    "limits.memory": APPLIED,
    "limits.pids": APPLIED,
    "reservations.cpus": _SHARES,
    "reservations.devices": Key("refused", "sandboxes have no GPU or other device, as environment.gpus"),
    "reservations.generic_resources": Key("applied", "a GPU is refused, as environment.gpus; others are for clusters"),
    "reservations.memory": _SHARES,
    "reservations.pids": _SHARES,
})  # fmt: skip
"""Below ``deploy.resources``."""

HEALTHCHECK: Final = _table(
    disable=APPLIED,
    interval=APPLIED,
    retries=APPLIED,
    start_interval=Key("left out", "engines before 25 do not know it; checks come at the usual interval"),
    start_period=APPLIED,
    test=APPLIED,
    timeout=APPLIED,
)

NETWORK: Final = _table(
    attachable=_SWARM,
    driver=Key("applied", "bridge; others are refused"),
    driver_opts=Key("left out", "networks are the engine's usual ones"),
    enable_ipv4=Key("left out", "networks are the engine's usual ones"),
    enable_ipv6=Key("left out", "networks are the engine's usual ones"),
    external=Key("refused", "sandboxes share no network"),
    internal=APPLIED,
    ipam=Key("left out", "the engine gives addresses"),
    labels=_LABELS,
    name=Key("left out", "a sandbox's networks have names of their own"),
)

MEMBERSHIP: Final = _table(
    aliases=APPLIED,
    driver_opts=Key("left out", "networks are the engine's usual ones"),
    gw_priority=Key("left out", "the engine chooses"),
    interface_name=Key("left out", "the engine chooses"),
    ipv4_address=Key("refused", "the engine gives addresses; services find each other by name"),
    ipv6_address=Key("refused", "the engine gives addresses; services find each other by name"),
    link_local_ips=Key("refused", "the engine gives addresses; services find each other by name"),
    mac_address=Key("left out", "the engine gives addresses"),
    priority=Key("left out", "the engine chooses"),
)
"""Below ``services.*.networks.*``."""

VOLUME: Final = _table(
    driver=Key("applied", "local; others are refused"),
    driver_opts=Key("refused", "a volume is an empty one of the sandbox's own"),
    external=Key("refused", "a volume is an empty one of the sandbox's own"),
    labels=_LABELS,
    name=Key("left out", "a sandbox's volumes have names of their own"),
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
