"""Stories of Dockerfiles that need BuildKit, told to a builder that does not have it."""

from pathlib import Path

import pytest

from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.dockerfile.classic import STAGE, Classic, classic
from sandbox.harbor.dockerfile.parser import parse_dockerfile


def told(folder: Path, *lines: str) -> Classic:
    """Rewrite a Dockerfile of these lines."""
    text = "\n".join(["FROM debian:bookworm-slim", *lines, ""])
    return classic(parse_dockerfile("task", text), BuildContext(folder))


def test_what_needs_nothing_is_left_as_it_stands(tmp_path: Path) -> None:
    """Byte for byte: a builder's cache depends on it."""
    assert told(tmp_path, "RUN echo a && \\", "    echo b", "COPY --chown=1:1 a b").text is None


def test_a_script_becomes_an_argument(tmp_path: Path) -> None:
    """The shell is given what it would have been given, quotes and newlines included."""
    found = told(tmp_path, "RUN <<EOF", 'echo "it\'s" > /a', "echo $HOME", "EOF")
    assert found.text is not None
    assert r'RUN ["/bin/sh", "-c", "echo \"it' in found.text
    assert r"echo $HOME\n" in found.text


def test_a_script_is_given_to_the_shell_in_force(tmp_path: Path) -> None:
    """SHELL counts, and only within its stage."""
    found = told(
        tmp_path, 'SHELL ["/bin/bash", "-ec"]', "RUN <<EOF", "x", "EOF", "FROM debian", "RUN <<EOF", "y", "EOF"
    )
    assert found.text is not None
    assert 'RUN ["/bin/bash", "-ec", "x\\n"]' in found.text
    assert 'RUN ["/bin/sh", "-c", "y\\n"]' in found.text


def test_input_of_a_command_stays_its_input(tmp_path: Path) -> None:
    """``cat <<EOF > file`` is a here-document of the shell, too."""
    found = told(tmp_path, "RUN cat <<'END' > /a", "$x", "END")
    assert found.text is not None
    assert r'''"cat <<'END' > /a\n$x\nEND\n"''' in found.text


def test_a_file_goes_into_the_context(tmp_path: Path) -> None:
    """Variables are replaced unless the name is quoted; the name is the file's where a folder is the target."""
    found = told(
        tmp_path, "ENV WHO=you", "COPY --chmod=755 <<a.sh <<'b.sh' /bin/", "hi $WHO", "a.sh", "hi $WHO", "b.sh"
    )
    assert [(each.path, each.data, each.mode) for each in found.written] == [
        (f"{STAGE}/3/a.sh", b"hi you\n", 0o755),
        (f"{STAGE}/3/b.sh", b"hi $WHO\n", 0o755),
    ]
    assert found.text is not None
    assert f'COPY ["{STAGE}/3/a.sh", "/bin/"]' in found.text


def test_a_mode_is_given_by_a_second_place_in_the_context(tmp_path: Path) -> None:
    """A file may be copied twice, with different modes."""
    (tmp_path / "tool").write_text("")
    found = told(tmp_path, "COPY --chmod=700 --link tool /bin/tool", "COPY tool /lib/tool")
    assert [(each.path, each.mode) for each in found.placed] == [(f"{STAGE}/2/tool", 0o700)]
    assert found.text is not None
    assert found.text.splitlines()[1:] == [f'COPY ["{STAGE}/2/tool", "/bin/tool"]', 'COPY ["tool", "/lib/tool"]']


def test_a_cache_is_left_out(tmp_path: Path) -> None:
    """It makes a build faster, and changes nothing of what is built."""
    found = told(tmp_path, "RUN --mount=type=cache,target=/root/.cache pip install x")
    assert found.text is not None
    assert found.text.splitlines()[1] == "RUN pip install x"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("RUN --mount=type=secret,id=key cat /run/secrets/key", "line 2: RUN --mount=type=secret,id=key"),
        ("RUN --mount=type=bind,source=x,target=/x ls /x", "line 2: RUN --mount=type=bind"),
        ("RUN --security=insecure id", "line 2: RUN --security"),
        ("RUN --mount=type=secret,id=key --mount=type=cache,target=/c true", "RUN --mount=type=secret,id=key"),
        ("COPY --parents a/b /c", "line 2: COPY --parents of a/b, which is not there"),
        ("COPY --from=x --exclude=*.o a /c", "line 2: COPY --from with --exclude"),
        ("COPY --chmod=u+x Dockerfile /c", "line 2: COPY --chmod=u+x"),
        ("COPY --chmod=999 Dockerfile /c", "line 2: COPY --chmod=999"),
        ("COPY --chmod=755 $WHAT /c", "line 2: COPY --chmod of $WHAT"),
        ("ADD --chmod=755 https://host/x /x", "line 2: ADD of a URL with --chmod"),
        ("ADD https://host/a/b.git#v1 /x", "line 2: ADD of a git repository"),
        ("ADD --keep-git-dir=true git@host:a/b.git /x", "line 2: ADD --keep-git-dir"),
        ("COPY --chmod=755 nothing /c", "line 2: COPY --chmod of nothing"),
        ("ADD --checksum=sha256:0 https://host/x /x", "line 2: ADD --checksum"),
    ],
)
def test_what_has_no_equivalent_is_refused_by_name(tmp_path: Path, line: str, said: str) -> None:
    """Left out in silence, it would make another image than the author meant."""
    assert any(said in each for each in told(tmp_path, line).refused)


def test_a_space_before_the_name_changes_nothing(tmp_path: Path) -> None:
    """BuildKit takes it since 0.22, the shell always did."""
    found = told(tmp_path, "RUN python3 << 'END'", "import json", "END", "RUN << EOF", "true", "EOF")
    assert found.text is not None
    assert found.text.splitlines()[1:] == [
        """RUN ["/bin/sh", "-c", "python3 << 'END'\\nimport json\\nEND\\n"]""",
        'RUN ["/bin/sh", "-c", "true\\n"]',
    ]


def test_a_pattern_that_matches_nothing_is_left_out(tmp_path: Path) -> None:
    """The classic builder fails on it; BuildKit copies the others, or nothing."""
    (tmp_path / "a").write_text("")
    found = told(tmp_path, "COPY a none* /x/", "COPY none? /y/", "COPY ../a /z")
    assert found.text is not None
    assert found.text.splitlines()[1:] == ['COPY ["a", "/x/"]', 'COPY ["a", "/z"]']


def test_what_is_excluded_stays_out_and_parents_come_along(tmp_path: Path) -> None:
    """Both by a second place in the context; a mode goes with them."""
    for name in ("src/deep/a.c", "src/deep/a.o", "src/b.o"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = told(tmp_path, "COPY --exclude=**/*.o src /out/", "COPY --parents --chmod=600 src/./deep/a.c /out")
    assert [(each.path, each.mode) for each in found.placed] == [
        (f"{STAGE}/2/src/deep", None),
        (f"{STAGE}/2/src/deep/a.c", None),
        (f"{STAGE}/3/0/deep/a.c", 0o600),
    ]
    assert found.text is not None
    assert found.text.splitlines()[1:] == [f'COPY ["{STAGE}/2/src", "/out/"]', f'COPY ["{STAGE}/3/0", "/out/"]']
    assert found.refused == ()


def test_what_is_done_later_is_rewritten_too(tmp_path: Path) -> None:
    """A script in an ONBUILD; a first check that comes sooner is left to come later."""
    found = told(tmp_path, "ONBUILD RUN <<EOF", "x", "EOF", "HEALTHCHECK --start-interval=1s --retries=2 CMD true")
    assert found.text is not None
    assert found.text.splitlines()[1:] == [
        'ONBUILD RUN ["/bin/sh", "-c", "x\\n"]',
        "HEALTHCHECK --retries=2 CMD true",
    ]
