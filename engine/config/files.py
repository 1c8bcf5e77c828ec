"""Files that hold configuration: TOML, or YAML by their suffix; and ``.env`` files, which are only read when named."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from engine.config.errors import ConfigUnreadable
from sandbox.harbor.yaml_tree import YamlUnfit, compose_yaml, read_yaml

SUFFIXES: Final = (".toml", ".yaml", ".yml")


def read_tree(path: Path) -> dict[str, object]:
    """Read a file of keys and values.

    Raises:
        ConfigUnreadable: It is missing, or is not what its suffix says.
    """
    if path.suffix not in SUFFIXES and path.exists():
        raise ConfigUnreadable(
            str(path), f"the suffix {path.suffix or '(none)'} is neither TOML nor YAML",
            remedy="use *.toml, *.yaml or *.yml",
        )  # fmt: skip
    text = _text(path)
    return _toml(path, text) if path.suffix == ".toml" else _yaml(path, text)


def read_dotenv(path: Path) -> dict[str, str]:
    """Read ``NAME=value`` lines. Quotes around a value are taken off; nothing is expanded.

    Raises:
        ConfigUnreadable: It is missing, or has another line in it. The line is not shown: it may hold a key.
    """
    values: dict[str, str] = {}
    for number, raw in enumerate(_text(path).splitlines(), start=1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, sign, value = line.partition("=")
        if not sign or not name.strip().isidentifier():
            raise ConfigUnreadable(
                str(path), f"line {number} is not NAME=value", remedy="write one variable per line; # starts a comment"
            )
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name.strip()] = value
    return values


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigUnreadable(
            str(path), "the file does not exist", remedy="`stillroom init` writes one to start from"
        ) from None
    except OSError as error:
        raise ConfigUnreadable(str(path), error.strerror or str(error), remedy="choose a readable file") from error
    except UnicodeDecodeError as error:
        raise ConfigUnreadable(str(path), f"byte {error.start} is not UTF-8", remedy="save it as UTF-8 text") from error


def _toml(path: Path, text: str) -> dict[str, object]:
    try:
        # Money is exact: 0.1 in the file is a tenth, which no binary fraction is.
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ConfigUnreadable(
            str(path), f"not TOML: {error}", remedy="fix that line; put strings in quotes"
        ) from error


def _yaml(path: Path, text: str) -> dict[str, object]:
    try:
        _refuse_twice(compose_yaml(text))
        tree = read_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        why = " ".join(str(error).split())
        said = why if isinstance(error, YamlUnfit) else f"not YAML: {why}"
        raise ConfigUnreadable(str(path), said, remedy="fix that line") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigUnreadable(str(path), "holds no keys at its top level", remedy="write KEY: VALUE lines")
    return tree


def _refuse_twice(node: yaml.Node | None) -> None:
    """Refuse a key that is given twice: YAML itself lets the later one win in silence."""
    match node:
        case yaml.MappingNode(value=pairs):
            seen: set[str] = set()
            for key, value in pairs:
                if str(key.value) in seen:
                    raise ValueError(f"the key {key.value} is given twice, in line {key.start_mark.line + 1}")
                seen.add(str(key.value))
                _refuse_twice(value)
        case yaml.SequenceNode(value=items):
            for item in items:
                _refuse_twice(item)
        case _:
            pass
