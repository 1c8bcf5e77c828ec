"""Stories of environments with services beside the main one."""

import anyio
import pytest
import yaml

from sandbox.base import SandboxSpec, beginning
from sandbox.compose import Build, Compose, Mount, read_compose
from sandbox.compose_file import compose_of
from sandbox.compose_values import filled, missing_in
from sandbox.docker import DockerBackend
from sandbox.docker_town import after_main, before_main
from sandbox.errors import SandboxUnavailable, TaskInvalid
from sandbox.task import load_task
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
        Mount("data", "/data", "volume"),
        Mount("conf", "/conf", "material"),
        Mount("more", "/more", "volume"),
        Mount(None, "/own", "volume"),
    )
    assert db.probe is not None
    assert (db.probe.test, db.probe.interval, db.probe.timeout) == (("CMD-SHELL", "ready"), 90 * 10**9, 5 * 10**8)
    assert (db.networks, found.internal) == ({"front": ("store",), "back": ()}, frozenset({"back"}))


@pytest.mark.parametrize(
    ("text", "refused"),
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
def test_what_is_not_understood_is_refused_by_its_place(text: str, refused: str) -> None:
    """A file that is half understood would be another environment than its author's."""
    assert refused in read(text).refused


def test_folders_of_the_host_stay_out() -> None:
    """Published tasks mount their authors' cloud credentials."""
    found = read("services: {main: {volumes: ['/etc/cloud:/root/.aws:ro', '~/x:/x', './../up:/up', './in:/in']}}")
    assert found.main.mounts == (Mount("in", "/in", "material"),)
    assert len(found.dropped) == 3


def test_variables_are_filled_in_as_compose_does() -> None:
    """Defaults count for what is empty only with a colon; two signs are one; what nobody gave is named."""
    text = "${A} $A ${B:-x} ${B-x} ${C:-y} ${C-} $$HOME ${A:+set}"
    assert filled({"k": [text]}, {"A": "1", "B": ""}) == {"k": ["1 1 x  y  $HOME set"]}
    assert missing_in(filled({"k": ["${D} $E", "${E:?needed}"]}, {})) == ["D", "E"]


def test_log_folders_are_shared_only_where_another_service_has_one() -> None:
    """Harbor mounts its folders of the host; old tasks say so again for the main service, where they are anyway."""
    both = "services: {main: {volumes: ['/harbor/agent:/logs/agent']}, note: {volumes: ['/harbor/agent:/shared']}}"
    assert read(both).main.mounts == (Mount("/harbor/agent", "/logs/agent", "volume"),)
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
    assert compose_of(task, {}).dropped == ("services.main.environment.KEY: ${SECRET} has no value",)
    assert compose_of(task, {"SECRET": "x"}).main.environment == {"KEY": "x", "CPUS": "1"}
    needy = load_task(write_task({FILE: "services: {main: {}, db: {image: 'db:${VERSION}'}}\n"}, name="needy"))
    assert compose_of(needy, {}).refused == ("docker-compose.yaml: ${VERSION} has no value",)
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
async def test_services_share_volumes_and_leave_nothing(backend: DockerBackend, write_task: WriteTask) -> None:
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
    for kind in ("container", "network", "volume"):
        listed = await anyio.run_process(
            [backend.name, kind, "ls", "-q", "--filter", "label=dev.stillroom.sandbox=town"]
        )
        assert listed.stdout == b""


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
