"""The commented specification that `stillroom init` writes, made from the specification's own texts and defaults."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from engine.config_shape import Key, Path, dotted, field_docs, keys
from engine.config_values import NONE

_EXAMPLES: Final[Mapping[str, object]] = {
    "tasks": "tasks",
    "models.<role>.model": "MODEL",
    "models.<role>.base_url": "https://HOST/v1",
    "models.<role>.api_key_env": "OPENAI_API_KEY",
}
"""What stands in the file for what nobody can guess. These keys are live; all others are commented out."""
_NAMES: Final = {"<role>": "teacher", "<model>": "MODEL", "<name>": "loose", "<parameter>": "temperature"}
_NUMBERS: Final = {"<parameter>": 0.7, "input": 1.25, "output": 10.0}

_HEAD: Final = """\
# What a run is asked to do. `stillroom run FILE` does it; `stillroom config show FILE --origin` says what each
# value is and where it came from. A line that is commented out shows the default. Secrets do not belong here:
# a key is named by the variable that holds it. Amounts are US dollars; "none" means no limit.
"""


def template() -> str:
    """Write the file."""
    lines = [_HEAD]
    table: Path = ()
    for key in sorted(keys(), key=lambda key: len(key.path) > 1):
        if key.path[:-1] != table:
            table = key.path[:-1]
            lines.extend(_header(table))
        lines.extend(_entry(key))
    return "\n".join(lines) + "\n"


def _header(table: Path) -> Iterator[str]:
    """Open a table. One that holds only what a user names stays closed, or it would exist."""
    name = dotted(tuple(_NAMES.get(part, part) for part in table))
    live = "<" not in "".join(table) or table[0] == "models"
    yield ""
    yield f"[{name}]" if live else f"# [{name}]"


def _entry(key: Key) -> Iterator[str]:
    if key.doc:
        yield from textwrap.wrap(key.doc, width=110, initial_indent="# ", subsequent_indent="# ")
    name = _NAMES.get(key.path[-1], key.path[-1])
    if key.name in _EXAMPLES:
        yield f"{name} = {toml(_EXAMPLES[key.name])}"
    elif key.path[-1] in _NUMBERS:
        yield f"# {name} = {toml(_NUMBERS[key.path[-1]])}"
    else:
        yield f"# {name} = {toml(key.default)}"


def toml(value: object) -> str:
    """Write a value as TOML does; None is the word that stands for it."""
    match value:
        case None:
            return f'"{NONE}"'
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "[" + ", ".join(toml(each) for each in value) + "]"
        case str():
            # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
        case _:
            return str(value)


def about(table: type) -> str:
    """Give the sentence that says what a table is for."""
    return field_docs()[table.__name__][""]
