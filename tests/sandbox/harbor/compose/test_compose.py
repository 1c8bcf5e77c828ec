"""Stories of environments with services beside the main one."""

from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from sandbox.base import SandboxSpec, beginning
from sandbox.docker.backend import DockerBackend
from sandbox.docker.compose_services import after_main, before_main
from sandbox.docker.requirements import refused
from sandbox.docker.shared_dir import workspace_name
from sandbox.errors import SandboxUnavailable, TaskInvalid
from sandbox.harbor.compose.file import compose_of
from sandbox.harbor.compose.keys import TABLES
from sandbox.harbor.compose.reader import read_compose
from sandbox.harbor.compose.schema import Build, Compose, ComposeVolume
from sandbox.harbor.compose.values import filled, missing_in
from sandbox.harbor.task import load_task
from tests.architecture.source import ROOT
from tests.sandbox.conftest import ON_BOTH, WriteTask

FILE = "environment/docker-compose.yaml"


def read(text: str) -> Compose:
    """Read a file without variables."""
    return read_compose(yaml.safe_load(text))


def test_several_spellings_mean_the_same() -> None:
    """Lists and tables, words and lists of words, times with units."""
    text = """
services:
  main: {depends_on: {db: {condition: service_healthy}}}
  db:
    build: ./db
    command: serve --port "80 80"
    environment: [A=1, B=x=y, C]
    volumes: ["data:/data:rw", "./conf:/conf:ro", {type: volume, source: more, target: /more}, /own]
    healthcheck: {test: ready, interval: 1m30s, timeout: 500ms, retries: 4}
    networks: {front: {aliases: [store]}, back: null}
networks: {back: {internal: true}}
"""
    found = read(text)
    (db,) = found.sidecars
    assert found.refused == ()
    assert (db.build, db.command) == (Build("./db"), ("serve", "--port", "80 80"))
    assert db.environment == {"A": "1", "B": "x=y"}
    assert db.mounts == (
        ComposeVolume("data", "/data", "volume"),
        ComposeVolume("conf", "/conf", "material"),
        ComposeVolume("more", "/more", "volume"),
        ComposeVolume(None, "/own", "volume"),
    )
    assert db.probe is not None
    assert (db.probe.test, db.probe.interval, db.probe.timeout) == (("CMD-SHELL", "ready"), 90 * 10**9, 5 * 10**8)
    assert (db.networks, found.internal) == ({"front": ("store",), "back": ()}, frozenset({"back"}))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("services: {main: {privileged: true}}", "services.main.privileged"),
        ("services: {main: {network_mode: host}}", "services.main.network_mode: host"),
        ("services: {a: {build: {context: ., ssh: x}}}", "services.a.build.ssh"),
        ("services: {main: {depends_on: [db]}}", "services.main.depends_on: db is not there"),
        ("services: {a: {depends_on: [b]}, b: {depends_on: [a]}}", "services: a, b wait for each other"),
        ("services: {a: {depends_on: {main: {condition: odd}}}}", "services.a.depends_on.main.condition: odd"),
        ("secrets: {key: {file: x}}", "secrets"),
        ("services: [x]", "services (expected a table)"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_place(text: str, named: str) -> None:
    """A file that is half understood would be another environment than its author's."""
    assert [each for each in read(text).refused if each.partition(" (")[0] == named.partition(" (")[0]] != []


@pytest.mark.parametrize("place", [*TABLES])
def test_every_key_is_applied_or_named(place: str) -> None:
    """Nothing that a file says is passed over in silence: the table is what is done, key by key."""
    for name, key in TABLES[place].items():
        found = read(yaml.safe_dump(_wrapped(place.split("."), name)))
        told = [each for each in (*found.refused, *found.dropped) if f"{name}" in each and key.why in each]
        assert bool(told) == (key.how != "applied"), (place, name, found.refused, found.dropped)


def _wrapped(place: list[str], name: str) -> dict[str, Any]:
    """Write a file that says one key, with a value of the kind it takes."""
    inner: Any = VALUES.get(name, {"x": "y"})
    for part in reversed([*name.split(".")]):
        inner = {part: inner}
    for part in reversed([each for each in place if each]):
        inner = {"other" if part == "*" else part: inner}
    services = {"other": {"image": "x", **inner.get("services", {}).get("other", {})}}
    return {**inner, "services": services} if name != "services" else {"services": services}


VALUES: dict[str, Any] = {
    **{
        key: ["x"]
        for key in ("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "group_add", "command", "entrypoint")
    },
    **dict.fromkeys(("cpus", "cpu_quota", "cpu_period", "pids_limit", "retries", "scale", "replicas"), 1),
    **dict.fromkeys(("limits.cpus", "limits.pids"), 1),
    **dict.fromkeys(("mem_limit", "shm_size", "limits.memory"), "8m"),
    **dict.fromkeys(("interval", "timeout", "start_period"), "1s"),
    **dict.fromkeys(("init", "read_only", "tty", "stdin_open", "internal", "disable"), True),
    "aliases": ["x"],
    "build": ".",
    "depends_on": [],
    "deploy": {},
    "driver": None,
    "platform": "linux/amd64",
    "extra_hosts": ["a:1.2.3.4"],
    "healthcheck": {"test": "true"},
    "links": ["other"],
    "mode": "replicated",
    "network_mode": "none",
    "networks": {},
    "profiles": [],
    "resources": {},
    "restart": "always",
    "restart_policy": {"condition": "any"},
    "security_opt": ["no-new-privileges:true"],
    "sysctls": {"net.core.somaxconn": "1"},
    "test": "true",
    "tmpfs": "/t",
    "ulimits": {"nofile": 10},
    "volumes": [],
}


def test_a_page_of_the_docs_is_the_table() -> None:
    """Whoever writes a compose file reads there what becomes of each key."""
    lines = ["| key | | |", "| --- | --- | --- |"]
    for place, table in TABLES.items():
        lines += [f"| `{place}{name}` | {key.how} | {key.why} |" for name, key in table.items()]
    page = (ROOT / "docs" / "compose.md").read_text(encoding="utf-8")
    assert "\n".join(lines) in page, "put the table into docs/compose.md:\n" + "\n".join(lines)


LIMITS = """
services:
  main:
    deploy: {resources: {limits: {cpus: "0.5", memory: 512M, pids: 100}}}
    mem_limit: 1g
    restart: always
    tty: true
  db:
    image: x
    cpu_quota: 50000
    ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
    restart: on-failure:3
    deploy: {restart_policy: {condition: any}}
    container_name: store
    links: [cache, "web:www"]
    mem_limit: 256m
    tty: true
    scale: 1
  cache: {image: x, extra_hosts: {a: 1.2.3.4, b: ["1.1.1.1", "2.2.2.2"]}, volumes: ["v:/v:ro"]}
  web: {image: x}
  idle: {image: x, profiles: [debug]}
  gone: {image: x, deploy: {replicas: 0}}
"""


def test_limits_are_the_containers() -> None:
    """Said in either way, ``deploy`` is the stronger one; a service that is not started is named."""
    found = read(LIMITS)
    by_name = {each.name: each for each in found.services}
    assert found.refused == ()
    assert by_name["main"].host == {"Memory": 512 << 20, "MemorySwap": 512 << 20, "PidsLimit": 100}
    assert (by_name["main"].cpus, by_name["main"].settings) == (0.5, {})
    db = by_name["db"]
    assert (db.cpus, db.aliases, db.settings) == (0.5, ("store",), {"Tty": True})
    assert db.host["Ulimits"] == [{"Name": "nofile", "Soft": 10, "Hard": 20}, {"Name": "nproc", "Soft": 5, "Hard": 5}]
    assert db.host["RestartPolicy"] == {"Name": "always"}
    assert (db.depends_on, by_name["web"].aliases) == ({"cache": "service_started", "web": "service_started"}, ("www",))
    assert by_name["cache"].host["ExtraHosts"] == ["a:1.2.3.4", "b:1.1.1.1", "b:2.2.2.2"]
    assert by_name["cache"].mounts == (ComposeVolume("v", "/v", "volume", read_only=True),)
    assert sorted(by_name) == ["cache", "db", "main", "web"]
    assert [each.partition(" left out")[0] for each in found.dropped] == [
        "services.main.restart", "services.main.tty", "services.idle", "services.gone",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "reservations.devices"),
        (
            "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: NVIDIA-GPU}}]}}}",
            "reservations.generic_resources (sandboxes have no GPU",
        ),
        ("gpus: all", "gpus"),
        ("deploy: {replicas: 2}", "replicas: 2"),
        ("scale: 3", "scale: 3"),
        ("security_opt: ['seccomp:unconfined']", "security_opt: seccomp:unconfined"),
        ("sysctls: ['kernel.panic=1']", "sysctls.kernel.panic"),
        ("build: '../..'", "build.context: ../.."),
        ("build: 'https://host/x.git'", "build.context"),
        ("networks: {default: {ipv4_address: 10.0.0.2}}", "ipv4_address"),
        ("volumes: [{type: image, source: x, target: /x}]", "volumes.type: image"),
        ("mem_limit: lots", "mem_limit: lots"),
        (f"mem_limit: {'9' * 400}g", "mem_limit: 999"),
        ("cpus: many", "cpus: many"),
        (f"cpus: {'9' * 400}", "cpus: 999"),
        ("cpus: .nan", "cpus: nan"),
        (f"healthcheck: {{test: 'true', interval: {'9' * 400}s}}", "interval: 999"),
        ("colour: red", "colour (unknown key)"),
    ],
)
def test_what_a_sandbox_does_not_give_is_refused(text: str, named: str) -> None:
    """As environment.gpus is, and with the reason."""
    assert any(named in each for each in read(f"services: {{main: {{{text}}}}}").refused)


@pytest.mark.parametrize(
    "text",
    [
        "privileged: false",
        "devices: []",
        "ipc: private",
        "runtime: runc",
        "x-mine: 1",
        "ports:",
        "oom_kill_disable: false",
    ],
)
def test_what_asks_for_nothing_is_not_told(text: str) -> None:
    """A note on what changes nothing would hide those that matter."""
    found = read(f"version: '3'\nx-more: {{}}\nservices:\n  main:\n    {text}\n")
    assert (found.refused, found.dropped) == ((), ())


def test_a_variable_without_a_value_asks_for_it(write_task: WriteTask) -> None:
    """Harbor's own recipes do so; whoever does not give it is told, where it went without a word."""
    text = "services: {main: {environment: [GIVEN, LACKING, A=1]}, db: {image: x, environment: {GIVEN: , LACKING: }}}\n"
    found = compose_of(load_task(write_task({FILE: text})), {"GIVEN": "x"})
    assert found.main.environment == {"GIVEN": "x", "A": "1"}
    assert found.sidecars[0].environment == {"GIVEN": "x"}
    assert found.dropped == (
        "services.main.environment.LACKING left out, because ${LACKING} has no value",
        "services.db.environment.LACKING left out, because ${LACKING} has no value",
    )
    nameless = write_task({FILE: "services: {main: {container_name: '${WHO}'}}\n"}, name="nameless")
    assert compose_of(load_task(nameless), {}).refused == ()
    assert read("services: {db: {build: {context: ., args: [V]}}}").dropped == (
        "services.db.build.args.V left out, because it has no value",
    )


@pytest.mark.parametrize(
    ("platform", "there"),
    [("linux/amd64", True), ("linux/x86_64", True), ("amd64", True), ("linux/amd64/v2", True), ("linux/arm64", False),
     ("windows/amd64", False)],
)  # fmt: skip
def test_a_service_is_for_the_engines_own_platform(write_task: WriteTask, platform: str, *, there: bool) -> None:
    """Another one would be emulated, or fail in the middle of a run."""
    task = load_task(write_task({FILE: f"services: {{main: {{platform: {platform}}}}}\n"}))
    assert (list(refused(task, compose_of(task, {}), "amd64")) == []) == there


@pytest.mark.parametrize(
    ("table", "there"),
    [("cpus = 0", True), ("cpus = -1", False), ("memory_mb = 6", True), ("memory_mb = 5", False),
     ("memory_mb = 0", True), ("memory_mb = true", False)],
)  # fmt: skip
def test_limits_that_an_engine_takes(write_task: WriteTask, table: str, *, there: bool) -> None:
    """None is none; what is below the least would fail in the middle of a run."""
    task = load_task(write_task({"task.toml": f"[environment]\n{table}\n"}))
    assert (list(refused(task, compose_of(task, {}), "amd64")) == []) == there


def test_what_need_not_be_there_is_not_waited_for() -> None:
    """As Compose has it."""
    found = read("services: {main: {depends_on: {db: {condition: service_healthy, required: false}}}}")
    assert (found.refused, found.main.depends_on) == ((), {})


def test_folders_of_the_host_stay_out() -> None:
    """Published tasks mount their authors' cloud credentials."""
    found = read("services: {main: {volumes: ['/etc/cloud:/root/.aws:ro', '~/x:/x', './../up:/up', './in:/in']}}")
    assert found.main.mounts == (ComposeVolume("in", "/in", "material"),)
    assert len(found.dropped) == 3


def test_variables_are_filled_in_as_compose_does() -> None:
    """Defaults count for what is empty only with a colon; two signs are one; what nobody gave is named."""
    text = "${A} $A ${B:-x} ${B-x} ${C:-y} ${C-} $$HOME ${A:+set}"
    assert filled({"k": [text]}, {"A": "1", "B": ""}) == {"k": ["1 1 x  y  $HOME set"]}
    assert missing_in(filled({"k": ["${D} $E", "${E:?needed}"]}, {})) == ["D", "E"]


def test_log_folders_are_shared_only_where_another_service_has_one() -> None:
    """Harbor mounts its folders of the host; old tasks say so again for the main service, where they are anyway."""
    both = "services: {main: {volumes: ['/harbor/agent:/logs/agent']}, note: {volumes: ['/harbor/agent:/shared']}}"
    assert read(both).main.mounts == (ComposeVolume("/harbor/agent", "/logs/agent", "volume"),)
    assert read("services: {main: {volumes: ['/harbor/agent:/logs/agent']}}").main.mounts == ()


def test_services_start_before_or_after_the_main_one() -> None:
    """Those that wait for it, directly or not, come after."""
    found = read("services: {c: {depends_on: [b]}, b: {depends_on: [main]}, main: {depends_on: [a]}, a: {}}")
    assert [each.name for each in before_main(found)] == ["a"]
    assert [each.name for each in after_main(found)] == ["b", "c"]


def test_a_task_is_asked_for_what_nobody_gave(write_task: WriteTask) -> None:
    """A secret of the host is left out, and not passed on empty; where nothing goes without it the task is refused."""
    task = load_task(write_task({FILE: "services: {main: {environment: {KEY: '${SECRET}', CPUS: '${CPUS}'}}}\n"}))
    assert compose_of(task, {}).main.environment == {"CPUS": "1"}
    assert compose_of(task, {}).dropped == ("services.main.environment.KEY left out, because ${SECRET} has no value",)
    assert compose_of(task, {"SECRET": "x"}).main.environment == {"KEY": "x", "CPUS": "1"}
    needy = load_task(write_task({FILE: "services: {main: {}, db: {image: 'db:${VERSION}'}}\n"}, name="needy"))
    assert compose_of(needy, {}).refused == ("${VERSION} has no value",)
    with pytest.raises(TaskInvalid, match="not YAML"):
        compose_of(load_task(write_task({FILE: "a: ]"}, name="broken")), {})


TOWN = """
services:
  main: {volumes: ["shared:/shared", "./page:/page"]}
  writer:
    image: debian:bookworm-slim
    command: sh -c "echo from the writer > /shared/file; cp /conf/name /shared/name; echo more >> /page/index"
    volumes: ["shared:/shared", "./name:/conf/name:ro", "./page:/page"]
  reader:
    image: debian:bookworm-slim
    volumes: ["shared:/shared"]
    depends_on: {writer: {condition: service_completed_successfully}, main: {condition: service_started}}
    command: sh -c "cp /shared/file /shared/copy; exec sleep 1000"
    healthcheck: {test: [CMD, test, -e, /shared/copy], interval: 1s, retries: 30}
"""


@pytest.mark.docker
@pytest.mark.timeout(120)
@ON_BOTH
async def test_services_share_volumes_and_leave_nothing(
    backend: DockerBackend, write_task: WriteTask, tmp_path: Path
) -> None:
    """A volume, a folder and a file of the task; then all of it is gone, after a crash by way of the labels."""
    files = {FILE: TOWN, "environment/name": "configured\n", "environment/page/index": "page\n"}
    spec = SandboxSpec(id="town", task=load_task(write_task(files)))
    sandbox = await backend.open(spec)
    try:
        told = await sandbox.exec("cat /shared/copy /shared/name /page/index")
    finally:
        await sandbox.close()
    assert told.stdout.decode() == "from the writer\nconfigured\npage\nmore\n"
    await backend.open(spec)
    assert await backend.sweep(beginning("town")) == ("town",)
    ours = f"label=dev.stillroom={workspace_name(tmp_path / 'workspace')}"
    for kind in ("container", "network", "volume"):
        listed = await anyio.run_process([backend.name, kind, "ls", "-q", "--filter", ours])
        assert listed.stdout == b""


APPLIED = """
services:
  main:
    hostname: desk
    ulimits: {nofile: 321}
    deploy: {resources: {limits: {memory: 300M, cpus: "0.5", pids: 77}}}
    links: ["lasting:elsewhere"]
    volumes: ["./made:/made"]
  lasting: {image: "debian:bookworm-slim", tty: true, stdin_open: true, container_name: store, restart: always}
  idle: {image: "nowhere/at-all:1", profiles: [debug]}
"""


@pytest.mark.docker
@pytest.mark.timeout(120)
@ON_BOTH
async def test_what_a_file_says_is_so_in_the_containers(backend: DockerBackend, write_task: WriteTask) -> None:
    """Seen from inside; how large a file may become stays the sandbox's own affair."""
    task = load_task(write_task({FILE: APPLIED}))
    assert backend.check(task) == []
    sandbox = await backend.open(SandboxSpec(id="applied", task=task))
    show = "hostname; ulimit -n; getent hosts store elsewhere lasting | wc -l; ls -d /made"
    show += "; test $(ulimit -f) != unlimited"
    cgroup = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null"
    try:
        other = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max"
        told = await sandbox.exec(f"{show} && echo bound; {cgroup} || {other}")
    finally:
        await sandbox.close()
    assert told.stdout.decode().split() == ["desk", "321", "3", "/made", "bound", str(300 << 20), "77"]


@pytest.mark.docker
@pytest.mark.timeout(120)
async def test_a_service_that_fails_is_named_and_nothing_is_left(backend: DockerBackend, write_task: WriteTask) -> None:
    """It is never the agent's failure."""
    text = """
services:
  main: {depends_on: {db: {condition: service_completed_successfully}}}
  db: {image: "debian:bookworm-slim", command: "false"}
"""
    with pytest.raises(SandboxUnavailable, match="the service db ended with code 1"):
        await backend.open(SandboxSpec(id="failing", task=load_task(write_task({FILE: text}))))
