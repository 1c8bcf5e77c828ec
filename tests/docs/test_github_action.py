"""The workflow of examples/github-action: its commands are typed in their order; GitHub's own parts were never seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import cli
from tests.architecture.source import ROOT
from tests.cli.terminal import type_in
from tests.docs.snippets import Snippet, TypedCommand, typed
from tests.docs.stages import furnished
from tests.support.isolation import isolates

PATH: Final = "examples/github-action/stillroom.yml"
NOT_HERE: Final = {"docker": "local", "openai/NAME": "script:script.toml"}

PRICES: Final = ("--set", "prices.script.input=1", "--set", "prices.script.output=1")
"""No known price is a script's."""


def _steps() -> list[dict[str, Any]]:
    jobs = yaml.safe_load((ROOT / PATH).read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def _commands() -> Iterator[TypedCommand]:
    for step in _steps():
        yield from typed(Snippet(PATH, 1, "sh", str(step.get("run", "")).replace("python -m pip", "pip")))


def test_each_step_does_one_thing_and_what_must_be_kept_is_uploaded() -> None:
    """Also after a step that failed, as then somebody wants to look; what it uploads was written by a step before."""
    steps = _steps()
    assert all(("run" in step) != ("uses" in step) for step in steps)
    upload = next(step for step in steps if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "${{ !cancelled() }}"
    typed_before = "\n".join(str(step.get("run")) for step in steps)
    for path in upload["with"]["path"].split():
        assert path in typed_before or path == ".stillroom/log.db", path
    assert upload["with"]["include-hidden-files"], "else a folder that begins with a dot is left out"


def test_its_commands_can_be_typed() -> None:
    """With the flags that they are shown with."""
    commands = list(_commands())
    assert {each.words[0] for each in commands} >= {"tasks", "evaluate", "log", "replay", "report"}
    for each in commands:
        cli.app.parse_args(list(each.words), print_error=False, exit_on_error=False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_its_commands_end_well_one_after_the_other(tmp_path: Path) -> None:
    """In a folder of tasks and a skill, with a scripted model; a report and a log are there in the end."""
    if not isolates():
        pytest.skip("tasks are proved in a sandbox that isolates: install bubblewrap")
    furnished(tmp_path)
    for command in _commands():
        words = [NOT_HERE.get(word, word) for word in command.words]
        outcome = type_in(tmp_path, *words, *(PRICES if words[0] == "evaluate" else ()))
        assert outcome.code == 0, (words, outcome.out, outcome.err)
    assert (tmp_path / "report.html").stat().st_size > 1000
    assert (tmp_path / ".stillroom" / "log.db").is_file()
