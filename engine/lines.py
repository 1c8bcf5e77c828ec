"""Opening the lines to models: one HTTP client for all, a provider for each role, scripts where the spec names one."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from engine.errors import KeyMissing
from engine.model_port import Line
from engine.planning import ROLES, SCRIPT, price_of
from engine.pools.pools import Pools
from engine.providers.openai_chat import OpenAIChat
from engine.providers.retry import Retry
from engine.providers.scripted.reading import load_script
from engine.providers.scripted.server import ScriptedEndpoint
from engine.providers.transport import open_client
from engine.setting import Setting, model_for
from engine.spec import ModelSpec, RunSpec
from engine.system import clock
from events.values import Role


async def open_lines(stack: AsyncExitStack, setting: Setting, spec: RunSpec, pools: Pools) -> Mapping[Role, Line]:
    """Open what the spec's roles need; the stack closes it again.

    Raises:
        KeyMissing: A model's key is to be read from a variable that is not set.
    """
    client = await stack.enter_async_context(open_client())
    endpoints: dict[str, str] = {}
    lines: dict[Role, Line] = {}
    for role in ROLES:
        model = model_for(spec, role)
        if model is None:
            continue
        if model.base_url not in endpoints:
            endpoints[model.base_url] = await _reached(stack, setting, model)
        provider = OpenAIChat(
            endpoints[model.base_url],
            api_key=_key(setting, model),
            client=client,
            retry=Retry(tries=model.tries),
            clock=clock,
        )
        lines[role] = Line(provider, price_of(spec, model), pools.calls(model.base_url, model.model))
    return lines


async def _reached(stack: AsyncExitStack, setting: Setting, model: ModelSpec) -> str:
    """Give the URL a model is reached at, starting the scripted endpoint where one is named."""
    if not model.base_url.startswith(SCRIPT):
        return model.base_url
    path: Path = setting.base / model.base_url.removeprefix(SCRIPT)
    endpoint = await stack.enter_async_context(ScriptedEndpoint(load_script(path)))
    return endpoint.base_url


def _key(setting: Setting, model: ModelSpec) -> str | None:
    if model.api_key_env is None:
        return None
    key = setting.variables.get(model.api_key_env)
    if not key:
        raise KeyMissing(model.model, model.api_key_env)
    return key
