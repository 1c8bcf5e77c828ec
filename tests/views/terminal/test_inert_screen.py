"""What a terminal is shown of names and outputs that it would act on."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import machine, type_in
from tests.sandbox.conftest import MINIMAL

HOSTILE = "a\x1b]0;owned\x07b\x9b2Jc\u202egpj"


@pytest.mark.parametrize("words", [(), ("--plain",)])
def test_a_name_of_somebody_elses_task_moves_no_cursor(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It is written out in full on a terminal, whoever named it, with colours or without; data stay as they are."""
    for path, content in MINIMAL.items():
        file = tmp_path / "tasks" / HOSTILE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(content))
    on = machine(tmp_path, {"TERM": "xterm", "COLUMNS": "100"}, terminal=True)
    seen = type_in(tmp_path, "tasks", "check", "tasks", *words, on=on)
    assert not [each for each in ("\x1b]0", "\x9b", "\u202e") if each in seen.out + seen.err]
    assert "a\\u001b]0;owned\\u0007b\\u009b2Jc\\u202egpj " in seen.out
    assert ("\x1b[" in seen.out) == (not words)
    rows = [json.loads(line) for line in type_in(tmp_path, "tasks", "check", "tasks", "--json").out.splitlines()]
    assert HOSTILE in {row["task"] for row in rows}
