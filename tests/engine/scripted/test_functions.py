"""Stories of scripts whose answers are computed: by functions of a package, from the request alone."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from engine.core import plugins
from engine.protocols.server_side import ServerRequest
from engine.scripted.errors import ScriptInvalid
from engine.scripted.reader import parse_script
from engine.scripted.script import ScriptedTurn
from tests.engine.scripted.test_server import ask, asked, served

ROOT: Final = Path(__file__).parents[3]
EXAMPLE: Final = ROOT / "examples" / "own_parts"
GUIDE: Final = ROOT / "docs" / "scripts.md"
RULE: Final = 'name = "computed"\n[[rule]]\nname = "any"\nfunction = "{}"\n'


def raising(request: ServerRequest) -> ScriptedTurn | None:
    """Fail, as a function with a fault does."""
    raise KeyError(request.model)


def listing(request: ServerRequest) -> ScriptedTurn | None:
    """Give a command that cannot stand in a fenced block."""
    return ScriptedTurn(command=f"cat <<E\n```\n{request.model}")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    """Install the example's function, and those above, as a package on the path is."""
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    info = tmp_path / "functions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: functions\nVersion: 1.0\n")
    own = [f"{name} = {value}" for name, value in points["stillroom.script_functions"].items()]
    own += [f"{each} = {__name__}:{each}" for each in ("raising", "listing")] + ["gone = no_such_module:gone"]
    (info / "entry_points.txt").write_text("\n".join(["[stillroom.script_functions]", *own]))
    sys.path += [str(tmp_path), str(EXAMPLE)]
    plugins.look_again()
    yield
    for each in (tmp_path, EXAMPLE):
        sys.path.remove(str(each))
    plugins.look_again()


async def answered(function: str, *texts: str, **more: object) -> tuple[int, dict[str, Any]]:
    """Ask an endpoint whose only rule names a function."""
    async with served(RULE.format(function)) as (_, client):
        response = await ask(client, asked(*texts, **more))
        return response.status_code, response.json()


async def test_a_function_answers_from_what_it_reads() -> None:
    """The same request twice is the same answer, and it is labelled as a script's."""
    first, second = await answered("echo", "Good\nmorning"), await answered("echo", "Good\nmorning")
    assert first == second
    assert first[1]["choices"][0]["message"]["content"] == "morning"
    assert first[1]["model"] == "script/computed"


async def test_what_a_function_does_not_answer_is_refused() -> None:
    """Nothing is made up, whether it says nothing, fails, cannot be loaded, or says what cannot be played."""
    for function, status, code, told in (
        ("echo", 400, "script_no_answer", "echo"),
        ("raising", 400, "script_function_failed", "KeyError: 'teacher'"),
        ("gone", 400, "script_function_failed", "no_such_module"),
        ("listing", 400, "script_command_fenced", "```"),
    ):
        found, body = await answered(function, "Good day\n")
        assert (found, body["error"]["code"]) == (status, code)
        assert told in body["error"]["message"]


def test_a_rule_with_a_function_that_nobody_registers_is_refused() -> None:
    """With the name that was probably meant; one that has turns, too, is refused as well."""
    with pytest.raises(ScriptInvalid, match="ecko") as caught:
        parse_script(RULE.format("ecko"), "s.toml")
    assert (caught.value.key, "did you mean `echo`?" in str(caught.value.remedy)) == ("function", True)
    with pytest.raises(ScriptInvalid, match="turns"):
        parse_script(RULE.format("echo") + '[[rule.turn]]\ntext = "a"\n', "s.toml")
    with pytest.raises(ScriptInvalid, match="length"):
        parse_script(RULE.format(""), "s.toml")


def test_the_function_that_the_guide_shows_is_the_shipped_one() -> None:
    """Line by line."""
    shown = GUIDE.read_text().split("import stillroom as st\n")[1].split("```")[0]
    source = (EXAMPLE / "own_parts" / "echo.py").read_text()
    assert source.endswith(shown.lstrip("\n"))
