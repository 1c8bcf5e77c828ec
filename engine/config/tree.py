"""A tree of values, as a file or a variable gives it, checked against the shape and taken apart into settings."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from msgspec import inspect

from engine.config.errors import ConfigProblem
from engine.config.program_registry import EVALUATE, EXPLORE, program_names
from engine.config.schema import Path, dotted, keys, names_of, pattern, root
from engine.config.values import Misfit, fit, found, out_of_range, words


class ConfigValue(NamedTuple):
    """One value and who gave it."""

    path: Path
    value: object
    """As the spec holds it; an empty dict for a table that is there and holds nothing."""
    origin: str
    """``default``, a file, a variable or a flag."""


def settings_of(tree: Mapping[str, object], origin: str) -> Iterator[ConfigValue | ConfigProblem]:
    """Take a tree apart; what is wrong comes out as a complaint, in its place."""
    yield from _table(tree, root(), (), origin)


def kind_of(path: Path) -> inspect.Type | None:
    """Find what a key holds. None: there is no such key."""
    kind: inspect.Type = root()
    for part in path:
        match kind:
            case inspect.StructType(fields=fields) if part in (names := {field.name: field.type for field in fields}):
                kind = names[part]
            case inspect.DictType(value_type=value) if part in (names_of(kind) or (part,)):
                kind = value
            case _:
                return None
    return kind


def parameter_joined(path: Path) -> Path:
    """Take what stands below a model's parameter as part of its name: ``thinking.type`` is one parameter."""
    below = 3  # models, role, parameters
    named = len(path) > below and (path[0], path[2]) == ("models", "parameters")
    return (*path[:below], ".".join(path[below:])) if named else path


def unknown(path: Path, origin: str) -> ConfigProblem:
    """Complain about a key that is not there, and guess which one was meant."""
    *before, last = path
    siblings = _names_below(tuple(before))
    near = get_close_matches(last, siblings, n=1, cutoff=0.6)
    if near:
        guess = dotted((*before, near[0]))
        return ConfigProblem(origin, dotted(path), f"unknown key {dotted(path)}", f"did you mean {guess}?")
    elsewhere = [key.name for key in keys() if key.path[-1] == last]
    remedy = (
        f"did you mean {elsewhere[0]}?"
        if elsewhere
        else f"{dotted(tuple(before)) or 'the top level'} takes: {', '.join(siblings)}"
    )
    return ConfigProblem(origin, dotted(path), f"unknown key {dotted(path)}", remedy)


def _names_below(path: Path) -> tuple[str, ...]:
    match kind_of(path):
        case inspect.StructType(fields=fields):
            return tuple(field.name for field in fields)
        case inspect.DictType() as kind:
            return names_of(kind) or ()
        case _:
            return ()


def _table(value: object, kind: inspect.Type, path: Path, origin: str) -> Iterator[ConfigValue | ConfigProblem]:
    if isinstance(value, Mapping) and parameter_joined((*path, "")) != (*path, ""):
        for name, below in value.items():
            yield from _table(below, kind, parameter_joined((*path, str(name))), origin)
        return
    if not isinstance(kind, inspect.StructType | inspect.DictType):
        yield _leaf(value, kind, path, origin)
        return
    if not isinstance(value, Mapping):
        yield _wrong(value, "a table", path, origin, f"write it as [{dotted(path)}] with its keys below it")
        return
    if not value and path:
        yield ConfigValue(path, {}, origin)
    for name, below in value.items():
        here = (*path, str(name))
        inner = kind_of(here)
        if inner is None:
            yield unknown(here, origin)
        else:
            yield from _table(below, inner, here, origin)


def _leaf(value: object, kind: inspect.Type, path: Path, origin: str) -> ConfigValue | ConfigProblem:
    try:
        fitted = fit(value, kind)
    except Misfit:
        return _wrong(value, words(kind), path, origin, _remedy(value, kind))
    limit = None if _is_strange(path) else out_of_range(".".join(pattern(path)), fitted)
    if limit is not None:
        return _wrong(value, limit, path, origin, f"write {dotted(path)} as {limit}")
    return ConfigValue(path, fitted, origin)


def _is_strange(path: Path) -> bool:
    """Say whether a key is of another package's program, whose own class says what it takes."""
    return path[0] in program_names() and path[0] not in {EXPLORE, EVALUATE}


def _wrong(value: object, expected: str, path: Path, origin: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(origin, dotted(path), f"{dotted(path)} must be {expected}, found {found(value)}", remedy)


def _remedy(value: object, kind: inspect.Type) -> str:
    match kind:
        case inspect.LiteralType(values=values):
            near = get_close_matches(str(value), [str(each) for each in values], n=1)
            return f'did you mean "{near[0]}"?' if near else f"write {words(kind)}"
        case _ if isinstance(value, str) and '"' not in words(kind):
            return f"write {words(kind)}, without quotes"
        case _:
            return f"write {words(kind)}"


def assemble(settings: Iterable[ConfigValue]) -> dict[str, object]:
    """Put settings together again; where two have the same key, the later one wins."""
    tree: dict[str, object] = {}
    for setting in settings:
        *before, last = setting.path
        table = tree
        for part in before:
            below = table.setdefault(part, {})
            assert isinstance(below, dict)
            table = below
        if setting.value != {}:
            table[last] = setting.value
        else:
            table.setdefault(last, {})
    return tree
