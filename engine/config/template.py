"""The commented spec that `stillroom init` writes, made from the texts and defaults of the keys; of exploring alone."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import inspect

from engine.config.program_registry import EXPLORE, program_names
from engine.config.schema import ConfigKey, Path, dotted, field_docs, keys
from engine.config.tree import kind_of
from engine.config.values import NONE

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
    tables: dict[Path, list[ConfigKey]] = {}
    others = set(program_names()) - {EXPLORE}
    for key in keys():
        if key.path[0] in others:
            continue
        tables.setdefault(key.path[:-1], []).append(key)
    lines = [_HEAD]
    # The top level first: in TOML, whatever follows a table's head belongs to that table.
    for table in sorted(tables, key=bool):
        lines.extend(_header(table))
        for key in tables[table]:
            lines.extend(_entry(key))
    return "\n".join(lines) + "\n"


def _header(table: Path) -> Iterator[str]:
    """Open a table. One that a user names stays a remark, or it would exist; the teacher's is there to be filled."""
    if not table:
        return
    named = tuple(_NAMES.get(part, part) for part in table)
    yield ""
    match kind_of(named):
        case inspect.StructType(cls=cls):
            yield from _remark(field_docs(cls)[""].partition("\n")[0])
        case _:
            pass
    live = table[0] == "models" or not any(part.startswith("<") for part in table)
    yield f"{'' if live else '# '}[{dotted(named)}]"


def _entry(key: ConfigKey) -> Iterator[str]:
    yield from _remark(key.doc)
    name = _NAMES.get(key.path[-1], key.path[-1])
    if key.name in _EXAMPLES:
        yield f"{name} = {toml(_EXAMPLES[key.name])}"
    else:
        yield f"# {name} = {toml(_NUMBERS.get(key.path[-1], key.default))}"


def _remark(text: str) -> list[str]:
    """Write a remark. The word for None is the one that this file would use."""
    plain = text.replace("None:", f'"{NONE}":')
    return textwrap.wrap(plain, width=110, initial_indent="# ", subsequent_indent="# ")


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
