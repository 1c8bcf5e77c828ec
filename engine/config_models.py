"""Models as people name them: in one word, such as ``openai/gpt-5`` or ``script:answers.toml``, or by their provider.

What a provider brings is written into the specification, so that a run's record says all of it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.config_errors import Complaint
from engine.config_shape import Path, dotted
from engine.config_tree import Setting
from engine.errors import NameUnknown
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named, provider_names

SCRIPT: Final = "script:"
"""A ``base_url`` that begins so names a file, relative like ``tasks``."""
_VARIABLE: Final = re.compile(r"\{([A-Z_]+)\}")
_BOUNDS: Final = frozenset({"max_tokens", "max_completion_tokens"})
"""Two words for the length of an answer."""
ADDRESSED: Final = ("base_url", "protocol", "api_key_env", "api_key_command", "api_key_header", "api_version")
"""Keys of a model that belong to its provider, and are not taken along to another one."""


def model_settings(text: str, *, role: str = "teacher") -> Iterator[Setting]:
    """Say what ``-m`` stands for, as settings of one role.

    A name without a known provider goes into the request as it is; where it is reached is then said elsewhere.
    """
    provider, slash, model = text.partition("/")
    origin = f"-m {text}"
    if text.startswith(SCRIPT):
        yield Setting(("models", role, "model"), "script", origin)
        yield Setting(("models", role, "base_url"), text, origin)
    elif slash and provider in provider_names():
        yield Setting(("models", role, "model"), model, origin)
        yield Setting(("models", role, "provider"), provider, origin)
    else:
        yield Setting(("models", role, "model"), text, origin)


def completed(given: Mapping[Path, Setting], environment: Mapping[str, str]) -> Iterator[Setting | Complaint]:
    """Say what the providers that are named bring to each model that does not say it itself.

    Args:
        given: Every setting by its key.
        environment: In which providers' variables are looked up.

    Raises:
        PluginBroken: The package that registers a provider cannot be imported.
    """
    for role in sorted({path[1] for path in given if path[0] == "models" and len(path) > 2}):
        yield from _Model(role, given, environment).completed()


def outdone(said_at: Mapping[Path, int]) -> tuple[Path, ...]:
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

    def __init__(self, role: str, given: Mapping[Path, Setting], environment: Mapping[str, str]) -> None:
        self._table = ("models", role)
        self._given = {path[2:]: each for path, each in given.items() if path[:2] == self._table}
        self._environment = environment

    def completed(self) -> Iterator[Setting | Complaint]:
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
                    yield Setting((*self._table, key), value, origin)
            yield from self._address(provider, origin)
        yield from self._wrong(provider)
        yield from self._thinking(provider)

    def _brought(self, provider: ModelProvider) -> Iterator[tuple[str, object]]:
        yield "protocol", provider.protocol
        held = provider.api_key_env
        wanted = held is not None and (not provider.key_optional or self._environment.get(held))
        if wanted and not self._says("api_key_command"):
            yield "api_key_env", held

    def _address(self, provider: ModelProvider, origin: str) -> Iterator[Setting | Complaint]:
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
            yield Complaint(origin, key, problem, f"export {', '.join(missing)}, or give {key}")
        else:
            address = _VARIABLE.sub(lambda each: self._environment[each.group(1)], found)
            yield Setting((*self._table, "base_url"), address, origin)

    def _wrong(self, provider: ModelProvider | None) -> Iterator[Complaint]:
        if self._says("api_key_env") and self._says("api_key_command"):
            yield self._complaint("api_key_command", "there is an api_key_env too", "give one of them")
        stated = self._given.get(("protocol",))
        by_messages = stated is not None and stated.value == "messages"
        needs = (() if provider is None else provider.needs) or (("max_tokens",) if by_messages else ())
        for name in needs:
            words = _BOUNDS if name in _BOUNDS else {name}
            if not any(("parameters", word) in self._given for word in words):
                key = dotted((*self._table, "parameters", name))
                whose = "Anthropic's protocol" if provider is None else f"the provider {provider.name}"
                origin = self._given[next(iter(self._given))].origin
                yield Complaint(origin, key, f"{whose} answers nothing without {key}", f"add --set {key}=8192, say")

    def _thinking(self, provider: ModelProvider | None) -> Iterator[Setting | Complaint]:
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
                yield Setting((*self._table, "parameters", name), value, said.origin)

    def _says(self, key: str) -> bool:
        return (key,) in self._given and self._given[(key,)].value is not None

    def _complaint(self, key: str, problem: str, remedy: str) -> Complaint:
        whole = dotted((*self._table, key))
        return Complaint(self._given[(key,)].origin, whole, f"{whole}: {problem}", remedy)
