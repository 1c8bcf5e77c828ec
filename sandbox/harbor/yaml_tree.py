"""YAML that somebody hands over, read into plain values; aliases that would grow without end are refused first.

An alias stands for a whole value, and aliases of aliases multiply: a file of 1 KB may describe billions of values
("billion laughs"). They are counted on the parsed file, where each value stands once, before anything is made of it.
"""

from typing import Final, NamedTuple

import yaml

MOST_REPEATED: Final = 100_000
"""Values that the aliases of one file may repeat, all together; a text counts once for each 64 characters of it."""
DEEPEST: Final = 200
"""Lists and mappings within each other, aliases followed."""
_CHARACTERS: Final = 64


class YamlUnfit(yaml.YAMLError):
    """Raised when a text is YAML by its form, and no value is made of it; its text says why."""


class _Size(NamedTuple):
    """Of a value, with its aliases written out."""

    values: int
    depth: int


def compose_yaml(text: str | bytes) -> yaml.Node | None:
    """Parse a text, and make no values of it. None: it is empty.

    Raises:
        yaml.YAMLError: It is no YAML, or its aliases repeat more than `MOST_REPEATED` values.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _bound(root)
    except RecursionError as error:
        raise YamlUnfit("it is nested too deeply") from error
    return root


def read_yaml(text: str | bytes) -> object:
    """Read a text into plain values. None: it is empty.

    Raises:
        yaml.YAMLError: As `compose_yaml`; or a value is not what its tag says, such as a date in month 13.
    """
    compose_yaml(text)
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise YamlUnfit("it is nested too deeply") from error
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise YamlUnfit(f"a value in it is not of its kind: {error}") from error


def _bound(root: yaml.Node) -> None:
    """Refuse aliases that repeat too much, or lead into themselves."""
    sizes: dict[yaml.Node, _Size | None] = {}
    whole = _size(root, sizes)
    written = sum(_own(node) for node in sizes)
    if whole.values - written > MOST_REPEATED:
        raise YamlUnfit(f"its aliases (*name) repeat more than {MOST_REPEATED} values: write out what is meant")
    if whole.depth > DEEPEST:
        raise YamlUnfit(f"it is nested more than {DEEPEST} deep")


def _size(node: yaml.Node, sizes: dict[yaml.Node, _Size | None]) -> _Size:
    """Measure a node once, however many aliases stand for it; None marks those that are being measured."""
    if node in sizes:
        found = sizes[node]
        if found is None:
            raise YamlUnfit(f"the value in line {node.start_mark.line + 1} holds an alias of itself")
        return found
    sizes[node] = None
    below = [_size(each, sizes) for each in _children(node)]
    size = _Size(_own(node) + sum(each.values for each in below), 1 + max((each.depth for each in below), default=0))
    sizes[node] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    match node:
        case yaml.MappingNode(value=pairs):
            return [each for pair in pairs for each in pair]
        case yaml.SequenceNode(value=items):
            return list(items)
        case _:
            return []


def _own(node: yaml.Node) -> int:
    """Count a node without what is in it."""
    return 1 + len(node.value) // _CHARACTERS if isinstance(node, yaml.ScalarNode) else 1
