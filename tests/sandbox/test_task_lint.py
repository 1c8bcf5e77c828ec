"""Stories of task folders that can be read, and are not quite right."""

import pytest

from sandbox.task import load_task
from sandbox.task_lint import lint
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
        ({"solution/solve.sh": "echo 42 > answer.txt\n"}, "warning", "no interpreter"),
        ({"solution/solve.sh": None}, "note", "there is none"),
        ({"task.toml": "[agent]\ntimout_sec = 3\n"}, "warning", "unknown key agent.timout_sec"),
        ({"task.toml": '[verifier.env]\nKEY = "${THE_KEY}"\n'}, "note", "asks for ${THE_KEY}"),
        ({"environment/docker-compose.yml": "services: {}\n"}, "note", "not looked at"),
        ({"environment/Dockerfile": "FROM x\nCOPY data /data\n"}, "error", "data is not in environment/"),
        (
            {"environment/Dockerfile": "FROM x\nCOPY environment/Dockerfile /d\n"},
            "error",
            "environment/Dockerfile is not",
        ),
        ({"environment/Dockerfile": "FROM x\nWORKDIR /solution/work\n"}, "warning", "works in /solution/work"),
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
    assert [each for each in lint(load_task(write_task(files))) if "Dockerfile" in each.place] == []
