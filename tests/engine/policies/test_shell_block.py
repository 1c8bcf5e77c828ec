"""Stories of finding where a block of an answer ends, or that nobody can tell."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.shell_block import Block, block_at


def block_in(text: str) -> Block:
    """Read the first block of a text which begins with it."""
    block = block_at(text, 0)
    assert block is not None
    return block


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```sh\nls\n```\n", "ls"),
        ("````bash\nls\n````", "ls"),
        ("~~~shell\nls\n~~~~", "ls"),
        ("```{.bash}\nls\n```", "ls"),
        ("```BASH title='x'\nls\n```", "ls"),
        ("   ```sh\n   cat <<E\n     a\n   E\n   ```", "cat <<E\n  a\nE"),
        ("\t```sh\n\tls\n\t```", "ls"),
        ("```sh\nls\n   ```", "ls"),
        ("````sh\ncat <<E\n```\nE\n````", "cat <<E\n```\nE"),
        ("~~~sh\ncat <<E\n```\nE\n~~~", "cat <<E\n```\nE"),
        ("```sh\ncat <<E > a.md\n```make\nall\n```\nE\n```", "cat <<E > a.md\n```make\nall\n```\nE"),
        ("```sh\ncat <<E\n```\na\n```\n```\nb\n```\nE\nls\n```", "cat <<E\n```\na\n```\n```\nb\n```\nE\nls"),
        ("```sh\necho 'x\n```js\ny\n```\n' > b\n```", "echo 'x\n```js\ny\n```\n' > b"),
        ("```sh\ncat <<E\n    ```\nE\n```", "cat <<E\n    ```\nE"),
        ("```sh\ncat <<E\n~~~\nE\n```", "cat <<E\n~~~\nE"),
    ],
)
def test_a_clear_block_is_taken_whole(text: str, code: str) -> None:
    """By CommonMark, and a fence in literal text of the script is the script's."""
    block = block_in(text)
    assert (block.code, block.problem, block.closed) == (code, "", True)
    assert block.end == len(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\nls\n", "it is never closed"),
        ("```sh\nls\n    ```", "it is never closed"),
        ("```sh\nls\n``", "it is never closed"),
        ("````sh\nls\n```", "it is never closed"),
        ("~~~sh\nls\n```", "it is never closed"),
        ("```sh\ncat <<E\na\n```", "its here-document E is never ended"),
        ("```sh\necho don't\n```", "its single quote is never ended"),
        ("```sh\necho `date\n```", "its backquote is never ended"),
        ("```sh\nls\n```python\nx\n```", "another block begins inside it"),
        ("```sh\ncat <<E\na\n```\nand\n```sh\nls\nE\n```", "a fence inside its here-document E is never closed"),
        ("```sh\necho don't\n```\nisn't\n```sh\nls\n```", "a fence inside its single quote is never closed"),
        ("```md\n# a\n```sh\nls\n```", "another block begins inside it"),
        ("```md\n# a", "it is never closed"),
    ],
)
def test_an_unclear_block_says_why(text: str, problem: str) -> None:
    """Two readings, or a cut: half of a command is never taken for one."""
    assert block_in(text).problem == problem


def test_prose_opens_no_block() -> None:
    """A fence stands at the beginning of its line, and an info string holds no backtick."""
    for line in ("ls", "a ```sh", "```sh ls```", "``sh", "> ```sh"):
        assert block_at(f"{line}\nls\n```", 0) is None


@given(st.text(alphabet="ab`~'\"<E\n $#()\\", max_size=60), st.sampled_from(["```", "~~~", "````"]))
def test_a_block_without_problem_holds_all_lines_up_to_its_fence(body: str, marks: str) -> None:
    """Whatever stands in it, nothing of it is lost or moved to what follows."""
    text = f"{marks}sh\n{body}\n{marks}\nrest"
    block = block_in(text)
    if not block.problem:
        inside = text[len(marks) + 3 : block.end].rstrip("\n").rpartition("\n")[0]
        assert block.code == inside.strip("\r\n")


def test_what_follows_a_block_begins_after_its_fence() -> None:
    """The reader of an answer goes on from there."""
    text = dedent("""\
        ```sh
        ls
        ```
        DONE
        """)
    assert text[block_in(text).end :] == "DONE\n"


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```sh\ncat <<E\na\n```", True),
        ("```sh\necho don't\n```\nmore", True),
        ("```sh\ncat <<E\na\n", False),
        ("````sh\ncat <<E\n```", False),
        ("```sh\ncat <<E\n```make", False),
        ("```sh\ncat <<E\n```make\n```", True),
    ],
)
def test_a_block_whose_script_is_never_ended_is_closed_if_a_fence_fell_into_it(text: str, *, closed: bool) -> None:
    """Then the answer was not cut short: what is missing is the script's own."""
    block = block_in(text)
    assert (block.closed, block.end) == (closed, len(text))
    assert "never ended" in block.problem or "never closed" in block.problem
