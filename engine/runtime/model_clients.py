"""Opening the lines to models: one HTTP client for all, a provider for each role, scripts where the spec names one."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from engine.concurrency.pools import Pools
from engine.config.program_registry import roles_of, specs_of
from engine.config.spec import FILES, SCRIPT, ModelSpec, RunSpec, model_for
from engine.core.errors import KeyMissing
from engine.core.system import clock
from engine.effects.answer_files import AnswerFolder
from engine.effects.callers import price_of
from engine.effects.models import ModelClient
from engine.providers.credentials import CommandToken, Credential, StaticKey, token_of
from engine.providers.endpoint import ModelEndpoint
from engine.providers.http import connect, embedding_provider, generic, other_carrier
from engine.providers.key_header import key_header
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named
from engine.providers.transport import Client, open_client
from engine.providers.upstream import Upstream
from engine.runtime.context import RunContext
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.values import Role

_NOWHERE: Final = "http://files.invalid/v1"
"""What stands for the address of a folder: nothing is sent there."""
Terms: TypeAlias = tuple[int, str | None]
"""Which spec counts: by era, and by arm; None as the arm: the run's own."""


async def open_model_clients(
    stack: AsyncExitStack, setting: RunContext, specs: Mapping[Terms, RunSpec], pools: Pools
) -> Mapping[Terms, Mapping[Role, ModelClient]]:
    """Open what the roles of some specs need, by era and arm; the stack closes it again.

    Raises:
        KeyMissing: A model's key is to be read from a variable that is not set.
    """
    shared = _Shared(await stack.enter_async_context(open_client()), {}, pools, {}, {})
    return {terms: await _lines_of(stack, setting, spec, shared) for terms, spec in specs.items()}


async def require_models(setting: RunContext, spec: RunSpec) -> None:
    """See that what the models of a spec need is here, before anything is recorded: keys, and scripts that can be read.

    Raises:
        KeyMissing: A model's key is to be read from a variable that is not set.
        KeyCommandFailed: The command that should print a token does not.
        NameUnknown, PluginBroken: A provider cannot be had.
        ScriptInvalid: A script stands in for a model, and cannot be read.
    """
    roles = roles_of(spec).items()
    named = [model_for(each, role, other) for each in specs_of(spec) for role, other in roles]
    models = [model for model in named if model is not None]
    for model in models:
        _key(setting, model)
        _provider_of(model)
        if model.base_url.startswith(SCRIPT):
            load_script(setting.base / model.base_url.removeprefix(SCRIPT))
    for command in dict.fromkeys(model.api_key_command for model in models):
        if command is not None:
            await token_of(command, setting.base, clock())


def answered_by_files(spec: RunSpec) -> bool:
    """Say whether files answer for a model of a spec or of its arms."""
    return any(model.base_url.startswith(FILES) for each in specs_of(spec) for model in each.models.values())


class _Shared(NamedTuple):
    """What the lines of all eras have in common."""

    client: Client
    endpoints: dict[str, str]
    """Where each base URL of a spec is reached, as far as it was looked up."""
    pools: Pools
    tokens: dict[str, CommandToken]
    """By command: roles that share one share its token."""
    folders: dict[tuple[str, float], AnswerFolder]
    """By address and wait: roles that share one wait for each other's answers."""


async def _lines_of(
    stack: AsyncExitStack, setting: RunContext, spec: RunSpec, shared: _Shared
) -> Mapping[Role, ModelClient]:
    lines: dict[Role, ModelClient] = {}
    for role, other in roles_of(spec).items():
        model = model_for(spec, role, other)
        if model is None:
            continue
        if model.base_url not in shared.endpoints:
            shared.endpoints[model.base_url] = await _reached(stack, setting, model)
        price = price_of(spec, model)
        provider = _provider_of(model)
        endpoint = ModelEndpoint(
            shared.endpoints[model.base_url],
            shared.client,
            clock,
            _credential(setting, model, shared),
            None if model.api_key_header is None else key_header(model.api_key_header),
            model.api_version,
        )
        reach = Upstream(
            endpoint.base_url, endpoint.credential, price, model.timeout_s, other_carrier(provider, endpoint)
        )
        room = shared.pools.calls(model.base_url, model.model)
        lines[role] = ModelClient(connect(provider, endpoint), price, room, reach, _files_of(setting, model, shared))
    return lines


async def _reached(stack: AsyncExitStack, setting: RunContext, model: ModelSpec) -> str:
    """Give the URL a model is reached at, starting the scripted endpoint where one is named."""
    if model.base_url.startswith(FILES):
        return _NOWHERE
    if not model.base_url.startswith(SCRIPT):
        return model.base_url
    path: Path = setting.base / model.base_url.removeprefix(SCRIPT)
    endpoint = await stack.enter_async_context(ScriptedEndpoint(load_script(path)))
    return endpoint.base_url


def _files_of(setting: RunContext, model: ModelSpec, shared: _Shared) -> AnswerFolder | None:
    """Give the folder that answers for a model, one for all its roles. None: no folder does."""
    if not model.base_url.startswith(FILES):
        return None
    folder, key = setting.base / model.base_url.removeprefix(FILES), (model.base_url, model.timeout_s)
    if key not in shared.folders:
        shared.folders[key] = AnswerFolder(folder, model.timeout_s, setting.log.redactor.replace)
    return shared.folders[key]


def _provider_of(model: ModelSpec) -> ModelProvider:
    if model.provider is None:
        return generic(model.protocol or "chat")
    provider = provider_named(model.provider)
    return embedding_provider(provider) if model.protocol == "embeddings" else provider


def _credential(setting: RunContext, model: ModelSpec, shared: _Shared) -> Credential:
    command = model.api_key_command
    if command is None:
        return StaticKey(_key(setting, model))
    if command not in shared.tokens:
        protect = partial(setting.log.redactor.add, "api_key_command")
        shared.tokens[command] = CommandToken(command, setting.base, clock, protect)
    return shared.tokens[command]


def _key(setting: RunContext, model: ModelSpec) -> str | None:
    if model.api_key_env is None:
        return None
    key = setting.variables.get(model.api_key_env)
    if not key:
        raise KeyMissing(model.model, model.api_key_env)
    return key
