"""Stories of reading the arguments of a call: the command that is meant, or the true reason why there is none."""

import pytest

from engine.policies.tool_arguments import BadArguments, CommandGiven, read_arguments


@pytest.mark.parametrize(
    ("arguments", "command", "unused"),
    [
        ('{"command": "ls"}', "ls", ()),
        ('{"command": "ls", "timeout": 30, "why": null}', "ls", ("timeout", "why")),
        ('{"cmd": "ls"}', "ls", ()),
        ('{"script": "ls", "timeout": 1}', "ls", ("timeout",)),
        ('{"command": ["bash", "-lc", "cd a && ls"]}', "cd a && ls", ()),
        ('{"command": ["ls", "-l", "a b"]}', "ls -l 'a b'", ()),
        ('{"command": ["ls -l"]}', "ls -l", ()),
        ('{"command": "cat <<E\na\tb\nE"}', "cat <<E\na\tb\nE", ()),
        ('"{\\"command\\": \\"ls\\"}"', "ls", ()),
        ('{"command": "echo \\ud83d\\ude00"}', "echo 😀", ()),
        ('{"command": "ls", "at": NaN}', "ls", ("at",)),
        ('{"command": "ls", "command": "ls"}', "ls", ()),
        ('{"command": "ls", "cmd": "ls"}', "ls", ("cmd",)),
        ('{"command": "ls", "cmd": ""}', "ls", ("cmd",)),
        ('{"command": "ls", "shell": "bash"}', "ls", ("shell",)),
    ],
)
def test_what_is_meant_is_read(arguments: str, command: str, unused: tuple[str, ...]) -> None:
    """The form is forgiven where the meaning is one."""
    assert read_arguments(arguments) == CommandGiven(command, unused)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("", "without arguments"),
        ('{"command": "echo a', "not JSON (Unterminated string"),
        ("ls", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"ls"', "not JSON"),
        ("null", "an object like"),
        ('["ls"]', "not a list"),
        ("7", "not a number"),
        ("{}", "given: none"),
        ('{"path": "a", "text": "b"}', "given: `path`, `text`"),
        ('{"cmd": "ls", "script": "rm a"}', "given: `cmd`, `script`"),
        ('{"command": "ls", "command": "rm"}', "`command` twice, with different values"),
        ('{"cmd": "ls", "cmd": "rm"}', "`cmd` twice"),
        ('{"command": 1, "command": true}', "`command` twice"),
        ('{"a": {"b": 1, "b": 2}, "command": "ls"}', "`b` twice"),
        ('"{\\"command\\": \\"ls\\", \\"command\\": \\"rm\\"}"', "`command` twice"),
        ('{"' + "a" * 9000 + '": 1, "' + "a" * 9000 + '": 2}', "twice"),
        ('{"command": "ls", "script": "rm"}', "`command` and `script` give two different commands"),
        ('{"command": 7}', "not a number"),
        ('{"command": true}', "not true or false"),
        ('{"command": null}', "not null"),
        ('{"command": {"a": "ls"}}', "not an object"),
        ('{"command": ["cd a", "ls"]}', "not a list"),
        ('{"command": ["ls", "|", "wc"]}', "not a list"),
        ('{"command": ["ls", 7]}', "not a list"),
        ('{"command": []}', "not a list"),
        ('{"command": " \\n"}', "is empty"),
        ('{"command": "a\\u0000b"}', "NUL"),
        ('{"command": "echo \\ud83d"}', "surrogate"),
    ],
)
def test_what_is_wrong_is_said_as_it_is(arguments: str, why: str) -> None:
    """A model that is told an untrue reason repeats its answer."""
    read = read_arguments(arguments)
    assert isinstance(read, BadArguments)
    assert why in read.problem
    assert len(read.problem.encode()) < 600
