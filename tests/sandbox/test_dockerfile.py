"""Dockerfiles: how they are read, and what the local backend makes of them."""

from pathlib import Path

import pytest

from sandbox.dockerfile import expand, parse_dockerfile
from sandbox.errors import TaskInvalid
from sandbox.recipe import CopyIn, MakeDir, Recipe, RunLine, recipe_of

REFUSED = {
    "RUN apt-get update && apt-get install -y git": "RUN apt-get (packages)",
    "RUN mkdir -p /a && pip install x": "RUN pip (packages)",
    "RUN python3 -m pip install x": "RUN python3 -m pip (packages)",
    "RUN curl -LsSf https://x.org/i.sh | sh": "RUN curl (packages)",
    "RUN make all": "RUN make",
    "RUN echo $(hostname)": "RUN with a command substitution",
    "RUN <<EOF\ntrue\nEOF": "RUN with a here-document",
    "RUN --mount=type=cache,target=/x true": "RUN --mount",
    "RUN useradd agent": "RUN useradd",
    "USER agent": "USER agent",
    'ENTRYPOINT ["/start.sh"]': 'ENTRYPOINT ["/start.sh"]',
    "HEALTHCHECK CMD true": "HEALTHCHECK CMD true",
    "ONBUILD RUN true": "ONBUILD RUN true",
    "COPY --from=other /a /b": "COPY --from",
    "COPY --chown=agent:agent a /b": "COPY --chown=agent:agent",
    "ADD https://x.org/y /y": "ADD of a URL",
    "ADD a.tar.gz /y": "ADD of an archive",
    'SHELL ["pwsh"]': 'SHELL ["pwsh"]',
}


def _recipe(text: str, context: Path) -> Recipe:
    return recipe_of(parse_dockerfile("answer", text), context)


@pytest.mark.parametrize(("line", "name"), REFUSED.items())
def test_what_local_cannot_honour_is_refused_by_name(line: str, name: str, tmp_path: Path) -> None:
    """With its line; never ignored."""
    assert _recipe(f"FROM debian\n{line}\n", tmp_path).refused == (f"Dockerfile line 2: {name}",)


def test_several_stages_and_an_ignore_file_are_refused(tmp_path: Path) -> None:
    """Both change what a COPY means."""
    (tmp_path / ".dockerignore").touch()
    assert _recipe("FROM a AS b\nFROM c\n", tmp_path).refused == (
        "Dockerfile: more than one FROM (a build in stages)",
        "environment/.dockerignore",
    )


def test_the_base_image_is_a_note(tmp_path: Path) -> None:
    """The programs are the host's: not refused, or nothing would run; not silent, or numbers would be compared."""
    recipe = _recipe("FROM --platform=linux/amd64 ubuntu:24.04\n", tmp_path)
    assert recipe.refused == ()
    assert recipe.notes == ("Dockerfile line 1: FROM ubuntu:24.04 (programs are this machine's instead)",)


def test_what_local_honours_becomes_steps(tmp_path: Path) -> None:
    """In order; variables and relative paths resolved as Docker does."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").touch()
    (tmp_path / "a.txt").touch()
    text = (
        '# syntax=docker/dockerfile:1\nARG BASE=debian\nFROM $BASE\nARG V=1\nENV DIR=/work NAME="a b"\n'
        "ENV OLD style value\n"
        "WORKDIR $DIR\nWORKDIR sub\nCOPY --chmod=755 a.txt ./b.txt\nCOPY data/ a.txt in/\nCOPY *.txt /etc2/\n"
        'VOLUME ["/v"]\nRUN mkdir -p x \\\n  # a comment between\n  && chmod 700 x\n'
        'RUN ["touch", "y z"]\nUSER root\nCMD ["x"]\n'
    )
    recipe = _recipe(text, tmp_path)
    env = {"DIR": "/work", "NAME": "a b", "OLD": "style value"}
    assert recipe.refused == ()
    assert (recipe.workdir, recipe.env) == ("/work/sub", env)
    folders = [step.path for step in recipe.steps if isinstance(step, MakeDir)]
    assert folders == ["/work", "/work/sub", "/v"]
    assert [step for step in recipe.steps if isinstance(step, CopyIn)] == [
        CopyIn(("a.txt",), "/work/sub/b.txt", 0o755),
        CopyIn(("data", "a.txt"), "/work/sub/in/", None),
        CopyIn(("a.txt",), "/etc2/", None),
    ]
    runs = [step for step in recipe.steps if isinstance(step, RunLine)]
    assert [" ".join(step.command.split()) for step in runs] == ["mkdir -p x && chmod 700 x", "touch 'y z'"]
    assert (runs[0].line, runs[0].workdir, runs[0].env["V"]) == (13, "/work/sub", "1")


def test_a_copy_of_what_is_not_there_names_the_line(tmp_path: Path) -> None:
    """Also when it lies outside the context, which a build cannot see."""
    for name in ("missing", "../../etc/passwd"):
        with pytest.raises(TaskInvalid, match="there is no such file in environment/") as caught:
            _recipe(f"FROM x\nCOPY {name} /y\n", tmp_path)
        assert caught.value.key == "line 2"


def test_here_documents_belong_to_their_instruction() -> None:
    """Their lines are no instructions; a quoted name keeps variables."""
    text = "FROM x\nCOPY <<EOF <<-'B' /d/\nFROM inside\nEOF\n\tRUN $x\n\tB\nUSER root\n"
    words = parse_dockerfile("answer", text).instructions
    assert [each.word for each in words] == ["FROM", "COPY", "USER"]
    assert [(each.name, each.body, each.expand) for each in words[1].heredocs] == [
        ("EOF", "FROM inside\n", True),
        ("B", "RUN $x\n", False),
    ]


def test_windows_line_ends_and_another_escape_are_read() -> None:
    """Both occur in tasks written on Windows."""
    words = parse_dockerfile("answer", "# escape=`\r\nFROM x\r\nRUN a `\r\n  b\r\n").instructions
    assert [(each.word, each.value) for each in words] == [("FROM", "x"), ("RUN", "a   b")]


def test_variables_are_replaced_as_docker_does() -> None:
    """Unset is empty; defaults and alternatives; an escaped dollar stays."""
    values = {"A": "1", "EMPTY": ""}
    assert expand("$A ${A} ${B:-d} ${EMPTY:-d} ${A:+yes} ${B:+no}|$B|\\$A ${B:-${A}}", values) == "1 1 d d yes ||$A 1"
