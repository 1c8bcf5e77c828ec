"""What a run is asked to do, put together from everywhere it may be said.

One order, weakest first: defaults, the user's file, the project's file, the run's file, the environment, flags.
Nothing here looks at the machine by itself: the caller names the files and hands in the environment.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.config_errors import Complaint, ConfigRefused
from engine.config_files import read_tree
from engine.config_models import SCRIPT, completed, outdone
from engine.config_shape import REQUIRED, dotted, keys, pattern
from engine.config_shape import Path as KeyPath
from engine.config_tree import Setting, assemble, kind_of, parameter_joined, settings_of, unknown
from engine.config_values import parse
from engine.programs.registry import EXPLORE, program_named, program_names
from engine.sandbox_kinds import sandbox_names
from engine.spec import RunSpec

PREFIX: Final = "STILLROOM_"
"""``STILLROOM_AGENT__MAX_TURNS`` sets ``agent.max_turns``: two underscores stand for a dot."""
NOT_KEYS: Final = frozenset({"STILLROOM_LOG"})
"""Variables with our prefix that are not keys of a run."""


class Flag(NamedTuple):
    """A value given on the command line."""

    name: str
    """As it was typed, such as ``--tasks``."""
    key: KeyPath
    value: object
    """A `str` is read like a variable; anything else is taken as it is."""


class Inputs(NamedTuple):
    """Everything a run's specification is put together from, but for the defaults."""

    folder: Path
    """What relative paths in variables and flags start from."""
    user_file: Path | None = None
    """Of the user. None, or not there: the user has none."""
    project_file: Path | None = None
    """Of the project. None, or not there: it has none."""
    run_file: Path | None = None
    """Named by the user, so it has to be there. None: everything is said elsewhere."""
    environment: Mapping[str, str] = {}
    flags: Sequence[Flag] = ()


class Resolved(NamedTuple):
    """A specification, and where each of its values came from."""

    spec: RunSpec
    settings: tuple[Setting, ...]
    """Every key with its value, defaults included, in the order of the specification."""


def user_file(environment: Mapping[str, str]) -> Path | None:
    """Say where the user's own file is, by the XDG rule. None: the environment names no home."""
    if environment.get("XDG_CONFIG_HOME"):
        return Path(environment["XDG_CONFIG_HOME"]) / "stillroom" / "config.toml"
    return Path(environment["HOME"]) / ".config" / "stillroom" / "config.toml" if environment.get("HOME") else None


def project_file(folder: Path) -> Path:
    """Say where the project's file is."""
    return folder / ".stillroom" / "config.toml"


def resolve(inputs: Inputs) -> Resolved:
    """Put a specification together.

    Raises:
        ConfigUnreadable: A file is missing or malformed.
        ConfigRefused: With everything that is unknown, missing or of the wrong kind.
    """
    winners, tables, complaints = _weighed(inputs)
    wrong = {each.key for each in complaints}
    missing = _missing([*winners, *tables], str(inputs.run_file or "the command line"))
    complaints += [each for each in missing if each.key not in wrong]
    if complaints:
        raise ConfigRefused(complaints)
    empty = [Setting(path, {}, "") for path in tables]
    spec = _spec(assemble([*winners.values(), *empty]), str(inputs.run_file or "the command line"))
    return Resolved(spec, tuple(_with_defaults(winners, tables)))


def _spec(tree: dict[str, Any], origin: str) -> RunSpec:
    """Make the spec, with the settings of its program and its method by their own classes.

    Raises:
        ConfigRefused: A key is not one of that program or method.
    """
    program = tree.get("program", EXPLORE)
    tables = {name: tree.pop(name) for name in program_names() if name in tree}
    others = [name for name, table in tables.items() if name != program and table]
    if others:
        remedy = f'leave out [{others[0]}], or set program = "{others[0]}"'
        problem = f"the table [{others[0]}] belongs to another program than {program}"
        raise ConfigRefused([Complaint(origin, others[0], problem, remedy)])
    try:
        own = msgspec.convert(tables.get(program, {}), program_named(program).spec)
        own_tree = {} if own == type(own)() else msgspec.to_builtins(own)
        return msgspec.convert({**tree, "own": own_tree}, RunSpec)
    except msgspec.ValidationError as error:
        raise ConfigRefused([Complaint(origin, "", f"the program or the method: {error}", "leave it out")]) from error


def gather(inputs: Inputs) -> tuple[Setting, ...]:
    """List every key with its value, whether or not it is enough for a run. What is missing has the value ``REQUIRED``.

    Raises:
        ConfigUnreadable: A file is missing or malformed.
        ConfigRefused: With everything that is unknown or of the wrong kind.
    """
    winners, tables, complaints = _weighed(inputs)
    if complaints:
        raise ConfigRefused(complaints)
    return tuple(_with_defaults(winners, tables))


def flag_settings(flags: Sequence[Flag], folder: Path) -> list[Setting]:
    """Read flags alone.

    Raises:
        ConfigRefused: With everything that is unknown or of the wrong kind.
    """
    given = list(_anchored(_from_flags(flags), folder))
    complaints = [each for each in given if isinstance(each, Complaint)]
    if complaints:
        raise ConfigRefused(complaints)
    return [each for each in given if isinstance(each, Setting)]


def _weighed(inputs: Inputs) -> tuple[dict[KeyPath, Setting], list[KeyPath], list[Complaint]]:
    """Let the strongest place win for each key; tables that are there, though empty, are listed beside."""
    places = [list(each) for each in _places(inputs)]
    given = [each for place in places for each in place]
    complaints = [each for each in given if isinstance(each, Complaint)]
    settings = [each for each in given if isinstance(each, Setting)]
    winners = {setting.path: setting for setting in settings if setting.value != {}}
    said_at = {each.path: number for number, place in enumerate(places) for each in place if isinstance(each, Setting)}
    for path in outdone(said_at):
        winners.pop(path, None)
    complaints += _unregistered(winners.get(("sandbox",)))
    for each in completed(winners, inputs.environment):
        if isinstance(each, Setting):
            winners[each.path] = each
        else:
            complaints.append(each)
    return winners, [setting.path for setting in settings if setting.value == {}], complaints


def _unregistered(sandbox: Setting | None) -> list[Complaint]:
    """Complain about a kind of sandbox that no installed package registers."""
    names = sandbox_names()
    if sandbox is None or sandbox.value in names:
        return []
    near = get_close_matches(str(sandbox.value), names, n=1)
    remedy = f'did you mean "{near[0]}"?' if near else f"name one of {', '.join(names)}, or install its package"
    return [Complaint(sandbox.origin, "sandbox", f"there is no sandbox {sandbox.value!r}", remedy)]


def _places(inputs: Inputs) -> Iterator[Iterator[Setting | Complaint]]:
    """Give what each place says, the weakest first."""
    for path, base, optional in (
        (inputs.user_file, None, True),
        # Beside the folder it stands in, a project's tasks are named as they are anywhere else in the project.
        (inputs.project_file, inputs.project_file.parent.parent if inputs.project_file else None, True),
        (inputs.run_file, None, False),
    ):
        if path is not None and (path.exists() or not optional):
            yield _anchored(settings_of(read_tree(path), str(path)), base or path.parent)
    yield _anchored(_from_environment(inputs.environment), inputs.folder)
    yield _anchored(_from_flags(inputs.flags), inputs.folder)


def _from_environment(environment: Mapping[str, str]) -> Iterator[Setting | Complaint]:
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in NOT_KEYS:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield from _typed(path, environment[name], name)


def _from_flags(flags: Sequence[Flag]) -> Iterator[Setting | Complaint]:
    for flag in flags:
        yield from _typed(flag.key, flag.value, flag.name)


def _typed(path: KeyPath, value: object, origin: str) -> Iterator[Setting | Complaint]:
    path = parameter_joined(path)
    kind = kind_of(path)
    if kind is None:
        yield unknown(path, origin)
        return
    tree: object = parse(value, kind) if isinstance(value, str) else value
    for part in reversed(path):
        tree = {part: tree}
    assert isinstance(tree, dict)
    yield from settings_of(tree, origin)


def _anchored(settings: Iterator[Setting | Complaint], base: Path) -> Iterator[Setting | Complaint]:
    """Make paths absolute from where they were said, so that they mean the same wherever the run is resumed."""
    for each in settings:
        match each:
            case Setting(path=("tasks",), value=str(text)):
                yield each._replace(value=str(_absolute(base, text)))
            case Setting(path=("models", _, "base_url"), value=str(text)) if text.startswith(SCRIPT):
                yield each._replace(value=SCRIPT + str(_absolute(base, text.removeprefix(SCRIPT))))
            case _:
                yield each


def _absolute(base: Path, text: str) -> Path:
    return (base / Path(text).expanduser()).resolve()


def _missing(present: Sequence[KeyPath], origin: str) -> Iterator[Complaint]:
    """Complain about keys that have no default, wherever the table they belong to is there."""
    for key in keys():
        if key.default is REQUIRED:
            depth = len(key.path) - 1
            tables = {path[:depth] for path in present if _is_below(path, key.path[:-1])} if depth else {()}
            for table in sorted(tables):
                if (*table, key.path[-1]) not in present:
                    name = dotted((*table, key.path[-1]))
                    yield Complaint(origin, name, f"{name} is missing", f"give it: {key.doc or name}")


def _is_below(path: KeyPath, table: KeyPath) -> bool:
    return pattern(path)[: len(table)] == table


def _with_defaults(winners: Mapping[KeyPath, Setting], tables: Sequence[KeyPath]) -> Iterator[Setting]:
    """List every key once: given values, and the defaults of all that stands in a table that is there."""
    present = [*winners, *tables]
    for key in keys():
        depth = next((index for index, part in enumerate(key.path) if part.startswith("<")), None)
        if depth is None:
            yield winners.get(key.path, Setting(key.path, key.default, "default"))
            continue
        for name in sorted({path[: depth + 1] for path in present if _is_below(path, key.path[: depth + 1])}):
            below = (*name, *key.path[depth + 1 :])
            if below[-1] != "<parameter>":
                yield winners.get(below, Setting(below, key.default, "default"))
            else:
                yield from (winners[path] for path in sorted(winners) if path[:-1] == below[:-1])
