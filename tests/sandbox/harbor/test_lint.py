"""Stories of task folders that can be read, and are not quite right."""

import pytest

from sandbox.errors import TaskInvalid
from sandbox.harbor.lint import lint
from sandbox.harbor.task import load_task
from tests.sandbox.conftest import WriteTask


def test_the_usual_task_is_not_odd(write_task: WriteTask) -> None:
    """Scripts without a run bit are the rule, and no reason to be told anything but once."""
    assert [each for each in lint(load_task(write_task())) if each.weight != "note"] == []


@pytest.mark.parametrize(
    ("files", "weight", "said"),
    [
        ({"tests/test.sh": b"#!/bin/bash\r\nexit 0\r\n"}, "warning", "Windows line ends"),
        ({"task.toml": b"\xef\xbb\xbfsource = 'x'\n"}, "warning", "byte order mark"),
        ({"task.toml": "[task]\nname = 'Fix it'\nid = 'x'\n"}, "warning", "'Fix it' is not org/name"),
        ({"task.toml": "[task]\nversion = '1'\n"}, "warning", "task.name is missing"),
        ({"solution/solve.sh": "echo 42 > answer.txt\n"}, "note", "no interpreter"),
        ({"solution/solve.sh": None}, "note", "there is none"),
        ({"task.toml": "[agent]\ntimout_sec = 3\n"}, "warning", "unknown key agent.timout_sec"),
        ({"task.toml": '[verifier.env]\nKEY = "${THE_KEY}"\n'}, "note", "asks for ${THE_KEY}"),
        ({"environment/docker-compose.yml": "services: {}\n"}, "note", "not looked at"),
        ({"environment/Dockerfile": "FROM x\nCOPY data /data\n"}, "error", "data is not there"),
        (
            {"environment/Dockerfile": "FROM x\nCOPY environment/Dockerfile /d\n"},
            "error",
            "environment/Dockerfile is not there",
        ),
        ({"environment/Dockerfile": "FROM x\nWORKDIR /tests/work\n"}, "warning", "works in /tests/work"),
        ({"environment/Dockerfile": "FROM x\nCOPY Dockerfile /logs/agent/\n"}, "warning", "copies to /logs/agent/"),
        ({"task.toml": "[environment]\nmemory = 2048\n"}, "warning", "environment.memory = 2048 is no text"),
        ({"environment/Dockerfile": "FROM x\nCOPY Dockerfile /tests/\n"}, "warning", "copies to /tests/"),
    ],
)
def test_an_oddity_is_named_with_its_place_and_a_remedy(
    write_task: WriteTask, files: dict[str, str | bytes | None], weight: str, said: str
) -> None:
    """Each of these was found in published tasks."""
    found = lint(load_task(write_task(files)))
    (oddity,) = [each for each in found if said in each.what]
    assert oddity.weight == weight
    assert oddity.place
    assert oddity.remedy


def test_sources_that_are_there_are_no_oddity(write_task: WriteTask) -> None:
    """Patterns, other stages, addresses and here-documents are not looked for as files."""
    lines = [
        "FROM x AS one",
        "COPY *.txt /a/",
        "COPY --from=one /b /b",
        "ADD https://host/x /x",
        "COPY <<E /e",
        "hi",
        "E",
    ]
    files = {"environment/Dockerfile": "\n".join([*lines, ""]), "environment/a.txt": "a"}
    assert [
        each for each in lint(load_task(write_task(files))) if "Dockerfile" in each.place and each.rule is None
    ] == []


STAYS = ("/logs", "/logs/x", "/logs/verifiers", "/solution", "/solution/data", "/testsuite", "/app")


@pytest.mark.parametrize("folder", STAYS)
def test_what_stays_is_no_oddity(write_task: WriteTask, folder: str) -> None:
    """Harbor lays folders of its own over three below /logs, and over no other; dozens of tasks live there."""
    text = f"FROM x\nCOPY Dockerfile {folder}/\nWORKDIR {folder}\n"
    assert [
        each for each in lint(load_task(write_task({"environment/Dockerfile": text}))) if each.weight != "note"
    ] == []


def test_material_of_a_task_is_nobodys_script(write_task: WriteTask) -> None:
    """What the agent is to mend, or a test reads, may begin and end its lines as it likes."""
    files = {
        "environment/broken.sh": b"#!/bin/bash\r\nexit 1\r\n",
        "environment/tests/part.sh": b"echo no interpreter\n",
        "tests/lib.sh": b"f() { true; }\n",
    }
    assert [each.weight for each in lint(load_task(write_task(files))) if each.weight != "note"] == []


def test_what_else_is_built_is_looked_at_too(write_task: WriteTask) -> None:
    """The image of a service, under its own arguments and ignore file; and that of a verifier apart."""
    files = {
        "environment/docker-compose.yaml": (
            "services: {main: {}, db: {build: {context: db, dockerfile: D, args: {WHAT: gone}}}}\n"
        ),
        "environment/db/D": "FROM x\nARG WHAT=data\nCOPY $WHAT data /d/\n",
        "environment/db/data": "",
        "environment/db/D.dockerignore": "data\n",
        "task.toml": "[verifier.environment]\n",
        "tests/Dockerfile": "FROM x\nCOPY . /tests\nCOPY missing /m\n",
    }
    errors = [(each.place, each.what) for each in lint(load_task(write_task(files))) if each.weight != "note"]
    assert errors == [
        ("tests/Dockerfile line 3", "missing is not there"),
        ("environment/db/D line 3", "$WHAT is not there"),
        ("environment/db/D line 3", "data is left out by .dockerignore"),
    ]
    with pytest.raises(TaskInvalid, match="environment/db/D: is missing"):
        lint(load_task(write_task({**files, "environment/db/D": None}, "other")))


IMAGE = {"task.toml": "[environment]\ndocker_image = 'x:1'\n", "environment/Dockerfile": "FROM x\nCOPY gone /gone\n"}


def test_an_image_that_is_not_built_misses_nothing(write_task: WriteTask) -> None:
    """197 published tasks bring an image, and a Dockerfile for another build context."""
    (told,) = [each for each in lint(load_task(write_task(IMAGE))) if "gone" in each.what]
    assert told.weight == "note"


def test_a_number_beside_another_of_its_own_is_not_guessed(write_task: WriteTask) -> None:
    """Harbor rejects the file where they differ, and takes it where they are the same."""
    same = "[environment]\nmemory = '2G'\nmemory_mb = 2048.0\n"
    assert load_task(write_task({"task.toml": same}, "same")).config.environment.memory_mb == 2048
    with pytest.raises(TaskInvalid, match="'2G' is 2048 MB, and memory_mb = 4096 stands beside it"):
        load_task(write_task({"task.toml": same.replace("2048.0", "4096")}, "other"))
