"""Stories of rules about what a task exposes and takes from elsewhere: what trips each, and what nearly does."""

from pathlib import Path
from typing import get_args

import pytest

from sandbox.harbor.lint import lint
from sandbox.harbor.oddity import LintRule
from sandbox.harbor.task import load_task
from tests.architecture.source import ROOT
from tests.sandbox.conftest import WriteTask

COMPOSE = "environment/docker-compose.yaml"
FILE = "environment/Dockerfile"
Files = dict[str, str | bytes | None]


def service(text: str) -> Files:
    """A compose file with one further service, whose settings begin in line 4."""
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    return {COMPOSE: f"services:\n  db:\n    image: db:1\n{lines}\n"}


def offline(script: str) -> Files:
    """A task whose tests have no network."""
    return {"task.toml": "[environment]\nnetwork_mode = 'no-network'\n", "tests/test.sh": script}


TRIPS: list[tuple[LintRule, str, str, Files]] = [
    ("privileged", "warning", f"{COMPOSE} line 4", service("privileged: true")),
    ("privileged", "warning", f"{COMPOSE} line 4", service("cap_add: [NET_RAW, cap_sys_admin]")),
    ("privileged", "warning", f"{FILE} line 2", {FILE: "FROM x:1\nRUN --security=insecure true\n"}),
    ("host-namespace", "warning", f"{COMPOSE} line 4", service("pid: host")),
    ("host-namespace", "warning", f"{COMPOSE} line 5", service("x-note: 1\nnetwork_mode: host")),
    ("host-mount", "warning", f"{COMPOSE} line 5", service("volumes:\n  - /var/run/docker.sock:/docker.sock")),
    ("host-mount", "warning", f"{COMPOSE} line 4", service("volumes: [{type: bind, source: ../../x, target: /x}]")),
    ("host-mount", "warning", f"{COMPOSE} line 4", service("volumes: ['~/.ssh:/ssh:ro']")),
    ("compose-additional-capabilities", "note", f"{COMPOSE} line 4", service("cap_add: [NET_ADMIN]")),
    ("compose-writable-bind-mount", "note", f"{COMPOSE} line 4", service("volumes: ['./data:/x']")),
    ("compose-writable-bind-mount", "note", f"{COMPOSE} line 4", service("volumes: ['./data:/x:cached']")),
    ("compose-writable-bind-mount", "note", f"{COMPOSE} line 4", service("volumes: [{type: bind, source: x}]")),
    ("compose-writable-bind-mount", "note", f"{COMPOSE} line 4", service("volumes: ['/srv:/x']")),
    (
        "artifact-log-overlap",
        "warning",
        "task.toml: artifacts[1]",
        {"task.toml": "artifacts = ['/app', '/logs/verifier/out']\n[verifier]\nenvironment_mode = 'separate'\n"},
    ),
    (
        "artifact-log-overlap",
        "warning",
        "task.toml: artifacts[0]",
        {"task.toml": "artifacts = ['/logs']\n[verifier]\nenvironment_mode = 'separate'\n"},
    ),
    ("unused-harborignore", "note", "tests/.harborignore", {"tests/.harborignore": "*.log\n"}),
    ("unpinned-image", "note", f"{FILE} line 1", {FILE: "FROM debian\n"}),
    ("unpinned-image", "note", f"{FILE} line 2", {FILE: "ARG A=1\nFROM host:5000/debian:latest AS one\nFROM one\n"}),
    (
        "unpinned-image",
        "note",
        "task.toml: environment.docker_image",
        {"task.toml": "[environment]\ndocker_image = 'host:5000/x'\n"},
    ),
    ("unpinned-image", "note", f"{COMPOSE}: services.db.image", {COMPOSE: "services: {db: {image: db}}\n"}),
    (
        "unpinned-package",
        "note",
        f"{FILE} line 2",
        {FILE: "FROM x:1\nRUN pip install -r a.txt numpy==1.0 'scipy>=1'\n"},
    ),
    ("unpinned-package", "note", "tests/test.sh line 2", {"tests/test.sh": "#!/bin/bash\npip install pytest\n"}),
    (
        "unpinned-package",
        "note",
        "tests/test.sh line 2",
        {"tests/test.sh": "#!/bin/sh\npip install \\\n  x==1 \\\n  y"},
    ),
    ("verifier-network-download", "note", "tests/test.sh line 2", {"tests/test.sh": "#!/bin/sh\nuvx x==1\n"}),
    ("verifier-network-download", "warning", "tests/test.sh line 1", offline("apt-get install -y curl\n")),
]
NEARLY: list[Files] = [
    service("privileged: false"),
    service("cap_add: []"),
    service("network_mode: none"),
    service("ipc: private"),
    service("volumes: ['data:/data', './data:/x:ro', './more:/y:z,ro', '/anonymous']"),
    service("volumes: [{type: bind, source: ./data, target: /x, read_only: true}]"),
    {"task.toml": "artifacts = ['/logs/artifacts', '/logs/agents']\n[verifier]\nenvironment_mode = 'separate'\n"},
    {"task.toml": "artifacts = ['/logs/verifier']\n"},
    {FILE: "FROM debian:bookworm AS one\nFROM ONE AS two\nFROM scratch\nFROM $BASE\nFROM x@sha256:00\n"},
    {FILE: "FROM x:1\nRUN pip install numpy==1.0 'x @ https://h/x.whl' ./own && pip install -r list.txt -t lib\n"},
    {FILE: "FROM x:1\nRUN pip install --any-url name\n"},
    {"tests/test.sh": "#!/bin/sh\n# pip install pytest\ncurl http://localhost:8000/\n"},
    {"solution/solve.sh": "#!/bin/sh\npip install numpy\n"},
]


@pytest.mark.parametrize(("rule", "weight", "place", "files"), TRIPS)
def test_what_trips_a_rule_is_named_with_weight_line_and_remedy(
    write_task: WriteTask, rule: LintRule, weight: str, place: str, files: Files
) -> None:
    """Once, where it stands."""
    (found,) = [each for each in lint(load_task(write_task(files))) if each.rule == rule]
    assert (found.weight, found.place) == (weight, place)
    assert found.what
    assert found.remedy


@pytest.mark.parametrize("files", NEARLY)
def test_what_nearly_does_is_let_be(write_task: WriteTask, files: Files) -> None:
    """What only looks like it is no finding."""
    assert [each for each in lint(load_task(write_task(files))) if each.rule is not None] == []


def test_settings_that_are_merged_in_count(write_task: WriteTask) -> None:
    """``<<`` brings them from an anchor, whose line is told."""
    text = "x-base: &base\n  privileged: yes\nservices:\n  db:\n    <<: *base\n    image: db:1\n"
    (found,) = [each for each in lint(load_task(write_task({COMPOSE: text}))) if each.rule == "privileged"]
    assert found.place == f"{COMPOSE} line 2"


def link(folder: Path, at: str, to: str) -> None:
    """Make a link in a task's folder."""
    (folder / at).parent.mkdir(parents=True, exist_ok=True)
    (folder / at).symlink_to(to)


def test_a_link_from_one_part_to_another_does_not_travel(write_task: WriteTask) -> None:
    """Nor one to nothing; one within its part does."""
    folder = write_task({"tests/data/in.txt": "1", "environment/in.txt": "1"})
    link(folder, "tests/out.txt", "../environment/in.txt")
    link(folder, "tests/none.txt", "nothing")
    link(folder, "tests/same.txt", "data/in.txt")
    found = [(each.place, each.rule) for each in lint(load_task(folder)) if each.rule is not None]
    assert found == [("tests/none.txt", "symlink"), ("tests/out.txt", "symlink")]


def test_a_link_that_is_mounted_is_named(write_task: WriteTask) -> None:
    """An engine mounts what it leads to, or nothing; so does a folder on the way to it."""
    folder = write_task({**service("volumes: ['./data/x:/x:ro', './real/x:/y:ro']"), "environment/real/x": "1"})
    link(folder, "environment/data", "real")
    found = [(each.rule, each.what) for each in lint(load_task(folder)) if each.rule is not None]
    assert found == [("symlink-mount", "mounts ./data/x, which is a link")]


def test_a_verifier_apart_is_looked_at_by_its_own_files(write_task: WriteTask) -> None:
    """Its image, its services, and its network, whatever the agent's are."""
    files: Files = {
        "task.toml": "[environment]\nnetwork_mode = 'no-network'\n[verifier.environment]\nnetwork_mode = 'public'\n",
        "tests/test.sh": "#!/bin/sh\nuvx pytest\n",
        "tests/Dockerfile": "FROM python\nCOPY . /tests\n",
        "tests/docker-compose.yaml": "services:\n  main:\n    privileged: true\n",
    }
    found = {(each.rule, each.weight, each.place) for each in lint(load_task(write_task(files))) if each.rule}
    assert found == {
        ("privileged", "warning", "tests/docker-compose.yaml line 3"),
        ("unpinned-image", "note", "tests/Dockerfile line 1"),
        ("verifier-network-download", "note", "tests/test.sh line 2"),
    }


def test_every_rule_is_in_the_docs() -> None:
    """What a finding is called can be looked up."""
    page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    assert [rule for rule in get_args(LintRule) if f"| `{rule}` |" not in page] == []
