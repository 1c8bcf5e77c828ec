"""Stories of what a Dockerfile wants of its build context: each was asked of BuildKit, which answered so."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.dockerfile.parser import parse_dockerfile
from sandbox.harbor.dockerfile.sources import absent_sources

FILES = ("a.txt", "b c.txt", "sub/d.txt", "sub/e.md", "kept/f", "kept/g", "secret")
IGNORE = "# what stays at home\nkept/*\n!kept/f\nsecret\n**/*.md\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with files, an ignore file, a link within, one that leads out, and one that leads nowhere."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text(IGNORE)
    for name, target in (("inside", "sub/d.txt"), ("out", "/etc/hostname"), ("nowhere", "gone"), ("round", "round")):
        (tmp_path / name).symlink_to(target)
    return tmp_path


def absent(context: Path, text: str, args: Mapping[str, str] | None = None, *, file: str = "Dockerfile") -> list[str]:
    """Name the sources that are not found."""
    dockerfile = parse_dockerfile("task", text)
    return [each.source for each in absent_sources(dockerfile, BuildContext(context, dockerfile=file), args or {})]


THERE = [
    "COPY a.txt /d/",
    "COPY /a.txt /d/",
    "COPY ../a.txt /d/",
    "COPY sub/../a.txt a.txt /d/",
    "COPY a.txt/ /d/",
    "COPY . /d",
    "COPY / /d",
    "COPY sub /d",
    "COPY kept/ /d",
    "COPY kept/f /d",
    'COPY ["b c.txt", "/d/"]',
    'COPY "a.txt" /d/',
    "COPY inside /d",
    "COPY nothing* a.[a-z]xt */d.txt /d/",
    "copy --chmod=755 --link a.txt /d/",
    "COPY --exclude=*.txt sub /d/",
    "COPY --parents sub/./d.txt a.txt /d/",
    "COPY --from=other /gone /d",
    "COPY --from=0 gone /d",
    "ADD https://host/x.tgz git@host:a/b.git git://host/c /d/",
    "COPY <<EOF <<'END' /d/\nCOPY gone /gone\nEOF\nEND",
    "ARG DIR=sub\nCOPY $DIR/d.txt ${DIR}/d.txt /d/",
    "ENV DIR sub\nCOPY ${DIR:-gone}/d.txt /d/",
    "COPY $UNKNOWN/gone /d/",
    "RUN --mount=type=bind,source=sub,target=/m --mount=type=cache,target=/c ls /m",
    "RUN --mount=type=bind,from=other,source=gone,target=/m ls /m",
    "RUN --mount=target=/m ls /m",
    "ONBUILD COPY gone /d",
]


@pytest.mark.parametrize("line", THERE)
def test_what_a_build_finds_is_not_missed(context: Path, line: str) -> None:
    """A false word here keeps a good task from running."""
    assert absent(context, f"FROM x AS other\nFROM x\n{line}\n") == []


GONE = {
    "COPY gone /d/": ["gone"],
    "COPY A.txt /d/": ["A.txt"],
    "COPY a.txt gone sub/gone /d/": ["gone", "sub/gone"],
    'COPY ["gone too", "/d/"]': ["gone too"],
    "COPY secret /d/": ["secret"],
    "COPY kept/g sub/e.md /d/": ["kept/g", "sub/e.md"],
    "COPY out nowhere round /d/": ["out", "nowhere", "round"],
    "COPY --parents sub/./gone /d/": ["sub/./gone"],
    "COPY https://host/x /d/": ["https://host/x"],
    "COPY << EOF /d/x\nhi\nEOF": ["<<"],
    "ARG DIR=gone\nCOPY $DIR/a.txt /d/": ["$DIR/a.txt"],
    "RUN --mount=type=bind,src=gone,target=/m ls /m": ["gone"],
    "RUN --mount=source=gone,target=/m --mount=type=cache,target=/c ls /m": ["gone"],
    "COPY a.txt": ["a.txt"],
}


@pytest.mark.parametrize(("line", "names"), GONE.items())
def test_what_a_build_does_not_find_is_named(context: Path, line: str, names: list[str]) -> None:
    """In every stage, also in one that another one only copies from."""
    assert absent(context, f"FROM x AS other\n{line}\nFROM x\n") == names


def test_variables_are_those_of_the_stage(context: Path) -> None:
    """An ARG before the first FROM counts where it is named again; a stage has what its base has; an argument wins."""
    text = "ARG DIR=gone\nFROM x AS one\nARG DIR\n{}\nFROM one\nCOPY $DIR/d.txt /d/\n"
    assert absent(context, text.format("")) == ["$DIR/d.txt"]
    assert absent(context, text.format("ENV DIR=sub")) == []
    assert absent(context, text.format(""), {"DIR": "sub"}) == []


def test_the_reason_tells_what_is_ignored_from_what_is_not_there(context: Path) -> None:
    """The remedy is another one."""
    dockerfile = parse_dockerfile("task", "FROM x\nCOPY gone secret /d/\n")
    told = [(each.why, each.remedy) for each in absent_sources(dockerfile, BuildContext(context))]
    assert told == [("is not there", "add it"), ("is left out by .dockerignore", "bring it back with a line !secret")]


def test_an_ignore_file_of_the_dockerfiles_own_comes_first(context: Path) -> None:
    """As BuildKit has it; the other one does not count then."""
    (context / "Dockerfile.dockerignore").write_text("a.txt\n")
    assert absent(context, "FROM x\nCOPY a.txt secret /d/\n") == ["a.txt"]
    assert absent(context, "FROM x\nCOPY a.txt secret /d/\n", file="Dockerfile.other") == ["secret"]


def test_what_a_build_sees_is_all_but_what_is_ignored(context: Path) -> None:
    """The folder of a file that is brought back is needed for it."""
    seen = set(BuildContext(context).visible())
    assert {"kept", "kept/f", "sub", "sub/d.txt", "out"} <= seen
    assert not {"kept/g", "secret", "sub/e.md"} & seen
