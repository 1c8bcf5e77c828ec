"""Dockerfiles: how they are read, and what the local backend makes of them."""

from pathlib import Path

import pytest

from sandbox.errors import TaskInvalid
from sandbox.harbor.dockerfile.parser import parse_dockerfile
from sandbox.harbor.dockerfile.words import expand
from sandbox.local.build_steps import BuildRecipe, CopyIn, MakeDir, RunLine, recipe_of

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


def _recipe(text: str, context: Path) -> BuildRecipe:
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
        with pytest.raises(TaskInvalid, match="no such file in environment/") as caught:
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


HEREDOCS: dict[str, tuple[list[tuple[str, str, bool]], int]] = {
    "RUN << EOF\na\nEOF": ([("EOF", "a\n", True)], 1),
    "RUN cat << 'EOF' > /f\n$a\nEOF": ([("EOF", "$a\n", False)], 1),
    'RUN python3 <<\t "EOF"\nimport os\nEOF': ([("EOF", "import os\n", False)], 1),
    "RUN 3<<EOF cat <<-END\na\nEOF\n\tb\n\tEND": ([("EOF", "a\n", True), ("END", "b\n", True)], 1),
    "RUN cat <<a.sh <<b-c\n1\na.sh\n2\nb-c": ([("a.sh", "1\n", True), ("b-c", "2\n", True)], 1),
    "RUN cat <<'one two'\nx\none two": ([("one two", "x\n", False)], 1),
    "RUN cat <<E'O'F\nx\nEOF": ([("EOF", "x\n", False)], 1),
    "RUN true && \\\n  # said\n  cat << EOF\n# kept\nEOF": ([("EOF", "# kept\n", True)], 1),
    "ADD <<EOF /a\nx\\\ny\nEOF": ([("EOF", "x\\\ny\n", True)], 1),
    "ONBUILD RUN <<EOF\nx\nEOF": ([("EOF", "x\n", True)], 1),
    "RUN <<EOF\r\na\r\nEOF\r": ([("EOF", "a\r\n", True)], 1),
    "RUN echo '<<EOF' \"<< EOF\" \\<<EOF": ([], 1),
    "RUN cat <<<EOF": ([], 1),
    "RUN cat<<EOF": ([], 1),
    "RUN echo $((1 << 3))": ([], 1),
    'RUN ["echo", "<<EOF"]': ([], 1),
    "RUN echo it's <<EOF": ([], 1),
    "CMD cat <<EOF": ([], 1),
}


@pytest.mark.parametrize(("text", "found"), HEREDOCS.items())
def test_here_documents_are_those_that_buildkit_reads(
    text: str, found: tuple[list[tuple[str, str, bool]], int]
) -> None:
    """A space before the name since 0.22; none in quotes, and none that is not a word of its own."""
    words = parse_dockerfile("answer", f"FROM x\n{text}\n").instructions[1:]
    told = [(each.name, each.body, each.expand) for each in words[0].heredocs]
    assert (told, len(words)) == found


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("RUN cat <<- EOF\nhello\nEOF", 3, "line 2 opens no here-document that BuildKit reads: write <<NAME"),
        ("RUN cat<<EOF\nhello\nEOF", 3, "line 2 opens no here-document"),
        ("CMD cat <<EOF\nhello\nEOF", 3, "line 2 opens no here-document that BuildKit reads: CMD takes none"),
        ("RUN cat << EOF\nhello", 2, "write EOF on a line of its own"),
        ("RUN cat <<EOF;\nhello\nEOF", 2, "write EOF; on a line of its own"),
        ("RUN true\nhello", 3, "a continued line needs a backslash"),
        ("# escape=x\nRUN true", 2, "is not an instruction"),
    ],
)
def test_what_buildkit_does_not_read_is_told_once_with_what_helps(text: str, line: int, remedy: str) -> None:
    """The line that is wrong is often the one before, and its number stands in the message once."""
    if text.startswith("# escape"):
        with pytest.raises(TaskInvalid, match="escape=x"):
            parse_dockerfile("answer", f"{text}\n")
        return
    with pytest.raises(TaskInvalid) as caught:
        parse_dockerfile("answer", f"FROM x\n{text}\n")
    assert caught.value.key == f"line {line}"
    assert caught.value.problem.count(f"line {line}") == 1
    assert remedy in caught.value.remedy


def test_directives_stand_before_anything_else() -> None:
    """A comment that looks like one ends them; several of them may stand there."""
    head = "# syntax=docker/dockerfile:1\n# check=error=true\n# escape=`\n"
    text = head + "from --platform=$BUILDPLATFORM x as one\nRUN a `\n b"
    words = parse_dockerfile("answer", text).instructions
    assert [(each.word, each.value) for each in words] == [("FROM", "x as one"), ("RUN", "a  b")]
    late = parse_dockerfile("answer", "# made=by hand\n# escape=`\nFROM x\nRUN a \\\n b").instructions
    assert late[1].value == "a  b"


def test_flags_may_be_repeated_and_quoted() -> None:
    """All of them are seen: of two mounts the first is as good as the last."""
    text = (
        "FROM x\nRUN --mount=type=secret,id=a --mount=type=cache,target=/c --network=none ls\n"
        'COPY --link --chown="a b" --exclude=*.o --exclude=*.a x /y\n'
        "HEALTHCHECK --interval=5s --start-interval=1s CMD true\n"
    )
    run, copy, health = parse_dockerfile("answer", text).instructions[1:]
    assert run.flags == {"mount": ("type=secret,id=a", "type=cache,target=/c"), "network": ("none",)}
    assert (run.value, run.flag("network"), run.flag("security")) == ("ls", "none", None)
    assert copy.flags == {"link": ("",), "chown": ("a b",), "exclude": ("*.o", "*.a")}
    assert (health.flags, health.value) == ({"interval": ("5s",), "start-interval": ("1s",)}, "CMD true")


def test_only_arguments_stand_before_the_first_base() -> None:
    """BuildKit says so too, and later."""
    assert parse_dockerfile("answer", "ARG V=1\nFROM x:$V\n").bases == ("x:$V",)
    with pytest.raises(TaskInvalid, match="line 1: RUN stands before the first FROM"):
        parse_dockerfile("answer", "RUN true\nFROM x\n")


def test_a_pattern_that_matches_nothing_copies_nothing(tmp_path: Path) -> None:
    """BuildKit goes on, and so do we; a name that is not there is another matter."""
    assert [step for step in _recipe("FROM x\nCOPY none* /y/\n", tmp_path).steps if isinstance(step, CopyIn)] == []
