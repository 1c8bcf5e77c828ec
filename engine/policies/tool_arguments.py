"""The arguments of a call of the tool `run`, read as the command that is meant, or refused with the true reason; pure.

Models err in the form more than in the meaning: a key too many, a list of words, a line end that is not escaped. Such
arguments are read. What could mean two things is not guessed.
"""

import json
import re
import shlex
from typing import Any, Final, NamedTuple


def shortened(text: str, most: int) -> str:
    """Keep the beginning and the end of a text that is too long.

    Args:
        text: The text.
        most: Characters of it that are kept, at least 2.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters not shown ...]\n{text[-half:]}"


_OTHER_KEYS: Final = ("cmd", "script", "bash", "shell", "bash_command", "shell_command")
"""What models write for ``command``."""
_SYNONYMS: Final = ("cmd", "script", "bash_command", "shell_command")
"""Those that name nothing else: ``shell`` may say which one."""
_OPERATORS: Final = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "&>"})
_LENIENT: Final = json.JSONDecoder(strict=False)
"""Making one takes longer than reading what most calls give."""
_MARKED: Final = "\ufeff"
"""Byte order mark, which `json.loads` names where a decoder names no JSON."""
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Of a surrogate pair."""
_SHOWN: Final = 300
"""Characters of wrong arguments that are shown to the model again."""


class CommandGiven(NamedTuple):
    """A command."""

    text: str
    unused: tuple[str, ...]
    """Further keys, which have no effect."""


class BadArguments(NamedTuple):
    """No command."""

    problem: str
    """Said to the model."""


def read_arguments(arguments: str) -> CommandGiven | BadArguments:
    """Read the arguments of one call.

    Args:
        arguments: As the model wrote them.
    """
    if not arguments.strip():
        return BadArguments('the call of `run` came without arguments; they must be like {"command": "ls"}')
    text, value = arguments, decoded(arguments)
    if isinstance(value, str):  # encoded twice
        text, value = value, decoded(value)
    if isinstance(value, NotJson):
        return BadArguments(f"the arguments of `run` are not JSON ({value.problem}); they were: {_quoted(arguments)}")
    if not isinstance(value, dict):
        return BadArguments(f'the arguments of `run` must be an object like {{"command": "ls"}}, not {_kind(value)}')
    if twice := _given_twice(text):
        return BadArguments(
            f"the arguments of `run` give {_keys(twice)} twice, with different values; give each key once"
        )
    return _of_object(value)


def _keys(names: list[str]) -> str:
    return _quoted(", ".join(f"`{name}`" for name in names))


def _same(one: Any, other: Any) -> bool:
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except RecursionError:
        return False


def _given_twice(text: str) -> list[str]:
    """The keys that stand in one object of a JSON text several times with different values."""
    found: dict[str, None] = {}
    if text.count(":") < 2:  # each key has one behind it: most calls give one key
        return []

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, each in pairs:
            if key in value and not _same(value[key], each):
                found[key] = None
            value[key] = each
        return value

    json.loads(text, strict=False, object_pairs_hook=take)
    return list(found)


class NotJson(NamedTuple):
    """A text that is no JSON."""

    problem: str


def decoded(text: str) -> Any:
    """Read JSON as leniently as models write it: control characters may stand in strings.

    Returns:
        The value; `NotJson` where there is none.
    """
    try:
        return json.loads(text, strict=False) if text.startswith(_MARKED) else _LENIENT.decode(text)
    except (ValueError, RecursionError) as error:
        return NotJson(str(error))


def _of_object(value: dict[str, Any]) -> CommandGiven | BadArguments:
    keys = ["command"] if "command" in value else [key for key in _OTHER_KEYS if key in value]
    if len(keys) != 1:
        given = ", ".join(f"`{key}`" for key in value) or "none"
        return BadArguments(f"the arguments of `run` lack `command`, the command as one string; given: {given}")
    command = value[keys[0]]
    other = next(
        (key for key in _SYNONYMS if isinstance(value.get(key), str) and value[key] not in ("", command)), None
    )
    if other is not None and keys[0] == "command":
        return BadArguments(f"`command` and `{other}` give two different commands; give one, as `command`")
    text = _of_list(command) if isinstance(command, list) else command
    if not isinstance(text, str):
        return BadArguments(f'`{keys[0]}` must be one string, such as "ls -l /tmp", not {_kind(command)}')
    if wrong := wrong_text(text):
        return BadArguments(wrong)
    return CommandGiven(text, tuple(key for key in value if key != keys[0]))


def wrong_text(command: str) -> str:
    """Why a shell cannot be given this text; empty when it can."""
    if not command.strip():
        return "the command is empty"
    if "\0" in command:
        return "the command holds a NUL character, which no shell takes; write it as an escape, such as printf '\\0'"
    if _HALF.search(command):
        return "the command holds half of a surrogate pair, which is no character; write the character itself"
    return ""


def _of_list(words: list[Any]) -> Any:
    """Join the words of one program's call, which is exact; give the list back where it may mean something else."""
    if not words or not all(isinstance(word, str) for word in words):
        return words
    match words:
        case [only]:
            return only
        case ["bash" | "sh" | "/bin/bash" | "/bin/sh", "-c" | "-lc" | "-cl", script]:
            return script
        case [program, *rest] if not program.strip() or " " in program or _OPERATORS & {*rest}:
            return words
        case _:
            return shlex.join(words)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def _quoted(arguments: str) -> str:
    return shortened(arguments, _SHOWN).encode("utf-8", "replace").decode()
