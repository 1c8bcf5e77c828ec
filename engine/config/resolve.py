"""What a run is asked to do, put together from everywhere it may be said.

One order, weakest first: defaults, the user's file, the project's file, the run's file, the environment, flags.
Nothing here looks at the machine by itself: the caller names the files and hands in the environment.

Models as people name them: in one word, such as ``openai/gpt-5`` or ``script:answers.toml``, or by their provider.

What a provider brings is written into the specification, so that a run's record says all of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.files import read_tree
from engine.config.program_registry import EXPLORE, program_named, program_names
from engine.config.sandbox_kinds import sandbox_names
from engine.config.schema import REQUIRED, dotted, keys, pattern, split_key
from engine.config.schema import Path as KeyPath
from engine.config.skill_source import anchored_source
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue, assemble, kind_of, parameter_joined, settings_of, unknown
from engine.config.values import parse
from engine.core.errors import NameUnknown
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named, provider_names

SCRIPT: Final = "script:"
"""A ``base_url`` that begins so names a file, relative like ``tasks``."""
FILES: Final = "files:"
"""A ``base_url`` that begins so names a folder, relative like ``tasks``."""
_VARIABLE: Final = re.compile(r"\{([A-Z_]+)\}")
_BOUNDS: Final = frozenset({"max_tokens", "max_completion_tokens"})
"""Two words for the length of an answer."""
ADDRESSED: Final = ("base_url", "protocol", "api_key_env", "api_key_command", "api_key_header", "api_version")
"""Keys of a model that belong to its provider, and are not taken along to another one."""


def model_settings(text: str, *, role: str = "teacher") -> Iterator[ConfigValue]:
    """Say what ``-m`` stands for, as settings of one role.

    A name without a known provider goes into the request as it is; where it is reached is then said elsewhere.
    """
    provider, slash, model = text.partition("/")
    origin = f"-m {text}"
    if text.startswith(SCRIPT):
        yield ConfigValue(("models", role, "model"), "script", origin)
        yield ConfigValue(("models", role, "base_url"), text, origin)
    elif text.startswith(FILES):
        yield ConfigValue(("models", role, "model"), "files", origin)
        yield ConfigValue(("models", role, "base_url"), text, origin)
    elif slash and provider in provider_names():
        yield ConfigValue(("models", role, "model"), model, origin)
        yield ConfigValue(("models", role, "provider"), provider, origin)
    else:
        yield ConfigValue(("models", role, "model"), text, origin)


def completed(
    given: Mapping[KeyPath, ConfigValue], environment: Mapping[str, str]
) -> Iterator[ConfigValue | ConfigProblem]:
    """Say what the providers that are named bring to each model that does not say it itself.

    Args:
        given: Every setting by its key.
        environment: In which providers' variables are looked up.

    Raises:
        PluginBroken: The package that registers a provider cannot be imported.
    """
    for role in sorted({path[1] for path in given if path[0] == "models" and len(path) > 2}):
        yield from _Model(role, given, environment).completed()


def outdone(said_at: Mapping[KeyPath, int]) -> tuple[KeyPath, ...]:
    """Name the keys of models that belong to another provider than the one that is named in a stronger place.

    Args:
        said_at: Every key that is given, and how strong the place is that gave it last.
    """
    named = {path[1]: place for path, place in said_at.items() if path[0] == "models" and path[2:] == ("provider",)}
    return tuple(
        path
        for path, place in said_at.items()
        if path[0] == "models" and path[2:3] and path[2] in ADDRESSED and place < named.get(path[1], 0)
    )


def switches(provider: str | None) -> frozenset[str]:
    """List the parameters by which a provider switches thinking.

    Raises:
        NameUnknown, PluginBroken: The provider cannot be had.
    """
    both = None if provider is None else provider_named(provider).thinking
    return frozenset(name for each in both or () for name in each)


class _Model:
    """One role's settings."""

    def __init__(self, role: str, given: Mapping[KeyPath, ConfigValue], environment: Mapping[str, str]) -> None:
        self._table = ("models", role)
        self._given = {path[2:]: each for path, each in given.items() if path[:2] == self._table}
        self._environment = environment

    def completed(self) -> Iterator[ConfigValue | ConfigProblem]:
        """Give what its provider brings, and what cannot work."""
        named, provider = self._given.get(("provider",)), None
        origin = "" if named is None else named.origin
        if named is not None and isinstance(named.value, str):
            try:
                provider = provider_named(named.value)
            except NameUnknown as error:
                yield self._complaint("provider", error.problem, error.remedy)
                return
            for key, value in self._brought(provider):
                if not self._says(key):
                    yield ConfigValue((*self._table, key), value, origin)
            yield from self._address(provider, origin)
        yield from self._wrong(provider)
        yield from self._thinking(provider)

    def _brought(self, provider: ModelProvider) -> Iterator[tuple[str, object]]:
        yield "protocol", provider.protocol
        held = provider.api_key_env
        wanted = held is not None and (not provider.key_optional or self._environment.get(held))
        if wanted and not self._says("api_key_command"):
            yield "api_key_env", held

    def _address(self, provider: ModelProvider, origin: str) -> Iterator[ConfigValue | ConfigProblem]:
        if self._says("base_url"):
            return
        own = self._environment.get(provider.base_url_env or "")
        if own:
            own = own.rstrip("/") + ("" if own.rstrip("/").endswith(provider.base_path) else provider.base_path)
        found = own or provider.base_url
        variables = [provider.base_url_env or ""] if found is None else _VARIABLE.findall(found)
        missing = [name for name in variables if not self._environment.get(name)]
        if found is None or missing:
            key = dotted((*self._table, "base_url"))
            problem = f"the provider {provider.name} has no address without the variable {', '.join(missing)}"
            yield ConfigProblem(origin, key, problem, f"export {', '.join(missing)}, or give {key}")
        else:
            address = _VARIABLE.sub(lambda each: self._environment[each.group(1)], found)
            yield ConfigValue((*self._table, "base_url"), address, origin)

    def _wrong(self, provider: ModelProvider | None) -> Iterator[ConfigProblem]:
        if self._says("api_key_env") and self._says("api_key_command"):
            yield self._complaint("api_key_command", "api_key_env is set as well", "set only one of them")
        stated = self._given.get(("protocol",))
        by_messages = stated is not None and stated.value == "messages"
        needs = (() if provider is None else provider.needs) or (("max_tokens",) if by_messages else ())
        for name in needs:
            words = _BOUNDS if name in _BOUNDS else {name}
            if not any(("parameters", word) in self._given for word in words):
                key = dotted((*self._table, "parameters", name))
                whose = "Anthropic's protocol" if provider is None else f"the provider {provider.name}"
                origin = self._given[next(iter(self._given))].origin
                yield ConfigProblem(origin, key, f"{whose} requires {key}", f"add for example --set {key}=8192")

    def _thinking(self, provider: ModelProvider | None) -> Iterator[ConfigValue | ConfigProblem]:
        said = self._given.get(("thinking",))
        if said is None or not isinstance(said.value, bool):
            return
        if provider is None or provider.thinking is None:
            what = "no provider is named" if provider is None else f"{provider.name} has no such switch"
            remedy = "set the parameter that this model has for it under parameters, or name a provider that has one"
            yield self._complaint("thinking", what, remedy)
            return
        for name, value in provider.thinking[0 if said.value else 1].items():
            if ("parameters", name) not in self._given:
                yield ConfigValue((*self._table, "parameters", name), value, said.origin)

    def _says(self, key: str) -> bool:
        return (key,) in self._given and self._given[(key,)].value is not None

    def _complaint(self, key: str, problem: str, remedy: str) -> ConfigProblem:
        whole = dotted((*self._table, key))
        return ConfigProblem(self._given[(key,)].origin, whole, f"{whole}: {problem}", remedy)


PREFIX: Final = "STILLROOM_"
"""``STILLROOM_AGENT__MAX_TURNS`` sets ``agent.max_turns``: two underscores stand for a dot."""
VALUES: Final = "values"
"""Where a setting stood that a program gave itself."""
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
    values: Mapping[str, object] | None = None
    """A program's own, in tables as a file has them; its relative paths stay so. None: there are none."""

    @property
    def source(self) -> str:
        """Say what is blamed for a key that is missing."""
        return str(self.run_file or (VALUES if self.values is not None else "the command line"))


class Resolved(NamedTuple):
    """A specification, and where each of its values came from."""

    spec: RunSpec
    settings: tuple[ConfigValue, ...]
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
    complaints += _nowhere(winners)
    wrong = {each.key for each in complaints}
    program = winners.get(("program",))
    other = program is not None and program.value != EXPLORE
    missing = _missing([*winners, *tables], inputs.source, other=other)
    complaints += [each for each in missing if each.key not in wrong]
    if complaints:
        raise ConfigRefused(complaints)
    empty = [ConfigValue(path, {}, "") for path in tables]
    spec = _spec(assemble([*winners.values(), *empty]), inputs.source)
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
        problem = f"table [{others[0]}] belongs to another program than {program}"
        raise ConfigRefused([ConfigProblem(origin, others[0], problem, remedy)])
    try:
        own = msgspec.convert(tables.get(program, {}), program_named(program).spec)
        own_tree = {} if own == type(own)() else msgspec.to_builtins(own)
        return msgspec.convert({"tasks": "", **tree, "own": own_tree}, RunSpec)
    except msgspec.ValidationError as error:
        raise ConfigRefused(
            [ConfigProblem(origin, "", f"the program or the method: {error}", "leave it out")]
        ) from error


def gather(inputs: Inputs) -> tuple[ConfigValue, ...]:
    """List every key with its value, whether or not it is enough for a run. What is missing has the value ``REQUIRED``.

    Raises:
        ConfigUnreadable: A file is missing or malformed.
        ConfigRefused: With everything that is unknown or of the wrong kind.
    """
    winners, tables, complaints = _weighed(inputs)
    if complaints:
        raise ConfigRefused(complaints)
    return tuple(_with_defaults(winners, tables))


def flag_settings(flags: Sequence[Flag], folder: Path) -> list[ConfigValue]:
    """Read flags alone.

    Raises:
        ConfigRefused: With everything that is unknown or of the wrong kind.
    """
    given = list(_anchored(_from_flags(flags), folder))
    complaints = [each for each in given if isinstance(each, ConfigProblem)]
    if complaints:
        raise ConfigRefused(complaints)
    return [each for each in given if isinstance(each, ConfigValue)]


def _weighed(inputs: Inputs) -> tuple[dict[KeyPath, ConfigValue], list[KeyPath], list[ConfigProblem]]:
    """Let the strongest place win for each key; tables that are there, though empty, are listed beside."""
    places = [list(each) for each in _places(inputs)]
    given = [each for place in places for each in place]
    complaints = [each for each in given if isinstance(each, ConfigProblem)]
    settings = [each for each in given if isinstance(each, ConfigValue)]
    winners = {setting.path: setting for setting in settings if setting.value != {}}
    said_at = {
        each.path: number for number, place in enumerate(places) for each in place if isinstance(each, ConfigValue)
    }
    for path in outdone(said_at):
        winners.pop(path, None)
    complaints += _unregistered(winners.get(("sandbox",)))
    for each in completed(winners, inputs.environment):
        if isinstance(each, ConfigValue):
            winners[each.path] = each
        else:
            complaints.append(each)
    return winners, [setting.path for setting in settings if setting.value == {}], complaints


def _unregistered(sandbox: ConfigValue | None) -> list[ConfigProblem]:
    """Complain about a kind of sandbox that no installed package registers."""
    names = sandbox_names()
    if sandbox is None or sandbox.value in names:
        return []
    near = get_close_matches(str(sandbox.value), names, n=1)
    remedy = f'did you mean "{near[0]}"?' if near else f"name one of {', '.join(names)}, or install its package"
    return [ConfigProblem(sandbox.origin, "sandbox", f"unknown sandbox {sandbox.value!r}", remedy)]


def _places(inputs: Inputs) -> Iterator[Iterator[ConfigValue | ConfigProblem]]:
    """Give what each place says, the weakest first."""
    for path, base, optional in (
        (inputs.user_file, None, True),
        # Beside the folder it stands in, a project's tasks are named as they are anywhere else in the project.
        (inputs.project_file, inputs.project_file.parent.parent if inputs.project_file else None, True),
        (inputs.run_file, None, False),
    ):
        if path is not None and (path.exists() or not optional):
            yield _anchored(settings_of(read_tree(path), str(path)), base or path.parent)
    if inputs.values is not None:
        yield settings_of(inputs.values, VALUES)
    yield _anchored(_from_environment(inputs.environment), inputs.folder)
    yield _anchored(_from_flags(inputs.flags), inputs.folder)


def _from_environment(environment: Mapping[str, str]) -> Iterator[ConfigValue | ConfigProblem]:
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in NOT_KEYS:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield from _typed(path, environment[name], name)


def _from_flags(flags: Sequence[Flag]) -> Iterator[ConfigValue | ConfigProblem]:
    for flag in flags:
        yield from _typed(flag.key, flag.value, flag.name)


def _typed(path: KeyPath, value: object, origin: str) -> Iterator[ConfigValue | ConfigProblem]:
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


def _anchored(settings: Iterator[ConfigValue | ConfigProblem], base: Path) -> Iterator[ConfigValue | ConfigProblem]:
    """Make paths absolute from where they were said, so that they mean the same wherever the run is resumed.

    An empty text names nothing, and stays so.
    """
    paths, sources = ({key.path for key in keys() if getattr(key, kind)} for kind in ("is_path", "is_source"))
    for each in settings:
        if isinstance(each, ConfigProblem):
            yield each
            continue
        key = _arm_key(each.path)
        anchor: Callable[[str], str]
        if pattern(key) in sources:
            anchor = partial(anchored_source, anchor=partial(_absolute_at, base, is_path=True, is_model=False))
        else:
            anchor = partial(_absolute_at, base, is_path=pattern(key) in paths, is_model=_names_model(key))
        match each.value:
            case str(text):
                yield each._replace(value=anchor(text))
            case tuple(values):
                yield each._replace(value=tuple(anchor(value) if isinstance(value, str) else value for value in values))
            case _:
                yield each


def _arm_key(path: KeyPath) -> KeyPath:
    """Give the key that an arm of an evaluation sets, or an axis of its grid, where a setting is such a one."""
    match path:
        case (_, "arms", _, "set", key):
            return split_key(key)
        case (program, "grid", key):
            return split_key(key) if len(split_key(key)) > 1 else (program, "arms", "grid", key)
        case _:
            return path


def _names_model(path: KeyPath) -> bool:
    """Say whether a key says where a model is: its address, or an arm's model as ``-m`` takes it."""
    match path:
        case ("models", _, "base_url") | (_, "arms", _, "model"):
            return True
        case _:
            return False


def _absolute_at(base: Path, text: str, *, is_path: bool, is_model: bool) -> str:
    if is_model and text.startswith(SCRIPT):
        return SCRIPT + str(_absolute(base, text.removeprefix(SCRIPT)))
    if is_model and text.startswith(FILES):
        return FILES + str(_absolute(base, text.removeprefix(FILES)))
    return str(_absolute(base, text)) if is_path and text else text


def _absolute(base: Path, text: str) -> Path:
    return (base / Path(text).expanduser()).resolve()


def _nowhere(given: Mapping[KeyPath, ConfigValue]) -> Iterator[ConfigProblem]:
    """Complain about models of a provider that nobody knows, where no address says that they are no provider's."""
    for path, each in given.items():
        address = (*path[:2], "base_url")
        if path[:1] != ("models",) or path[2:] != ("model",) or {address, (*path[:2], "provider")} & given.keys():
            continue
        provider, slash, _ = str(each.value).partition("/")
        if slash:
            unknown, key = NameUnknown("provider", provider, provider_names()), dotted(address)
            remedy = f"{unknown.remedy}; a model of no provider needs {key}"
            yield ConfigProblem(each.origin, key, f"{key} is missing: {unknown.problem}", remedy)


def _missing(present: Sequence[KeyPath], origin: str, *, other: bool) -> Iterator[ConfigProblem]:
    """Complain about keys that have no default, wherever the table they belong to is there.

    Args:
        present: Keys that are given.
        origin: What is blamed.
        other: Whether the program is another than exploring, which may do without tasks.
    """
    patterns = [(path, pattern(path)) for path in present]
    for key in keys():
        if key.default is REQUIRED and not (key.path == ("tasks",) and other):
            depth = len(key.path) - 1
            tables = {path[:depth] for path, named in patterns if named[:depth] == key.path[:depth]} if depth else {()}
            for table in sorted(tables):
                if (*table, key.path[-1]) not in present:
                    name = dotted((*table, key.path[-1]))
                    yield ConfigProblem(origin, name, f"{name} is missing", f"set it: {key.doc or name}")


def _with_defaults(winners: Mapping[KeyPath, ConfigValue], tables: Sequence[KeyPath]) -> Iterator[ConfigValue]:
    """List every key once: given values, and the defaults of all that stands in a table that is there."""
    patterns = [(path, pattern(path)) for path in (*winners, *tables)]
    for key in keys():
        depth = next((index for index, part in enumerate(key.path) if part.startswith("<")), None)
        if depth is None:
            yield winners.get(key.path, ConfigValue(key.path, key.default, "default"))
            continue
        table = key.path[: depth + 1]
        for name in sorted({path[: depth + 1] for path, named in patterns if named[: depth + 1] == table}):
            below = (*name, *key.path[depth + 1 :])
            if not below[-1].startswith("<"):
                yield winners.get(below, ConfigValue(below, key.default, "default"))
            else:
                yield from (winners[path] for path in sorted(winners) if path[:-1] == below[:-1])
