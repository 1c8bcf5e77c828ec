"""Providers of models, as a spec may name them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from engine.core.plugins import PluginBroken
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named, provider_names
from sandbox.conformance.suite import CheckResult
from views.terminal.tables import TableView

_VARIABLE: Final = re.compile(r"\{(\w+)\}")
"""A variable in an address."""


class ProviderRow(msgspec.Struct, frozen=True):
    """A provider that some installed package registers."""

    provider: str
    state: Literal["ok", "no key", "no address", "broken"]
    """``no key``: it takes a key, and the variable that holds it is not set; ``no address``: that of its address."""
    key: str
    """The variable that holds its key; empty if it takes none."""
    protocol: str
    address: str
    """Its own, or the variable that names it; ``{NAME}`` stands for a variable."""
    about: str
    """What it is, or what is wrong with it."""


class PromiseRow(msgspec.Struct, frozen=True):
    """One promise that was tried."""

    number: int
    name: str
    result: Literal["passed", "failed", "unsupported"]
    reason: str
    """Empty when it passed."""


def rows(environment: Mapping[str, str]) -> list[ProviderRow]:
    """List all providers; values of variables are not looked at, only whether they are set."""
    return [_row(name, environment) for name in provider_names()]


def _row(name: str, environment: Mapping[str, str]) -> ProviderRow:
    try:
        provider: ModelProvider = provider_named(name)
    except PluginBroken as error:
        return ProviderRow(name, "broken", "", "", "", error.problem)
    key = provider.api_key_env or ""
    lacking = key and not provider.key_optional and not environment.get(key)
    address = provider.base_url or (provider.base_url_env or "") + provider.base_path
    variables = _VARIABLE.findall(provider.base_url or f"{{{provider.base_url_env}}}")
    named = environment.get(provider.base_url_env or "") or all(environment.get(each) for each in variables)
    state: Literal["ok", "no key", "no address"] = "no key" if lacking else "ok" if named else "no address"
    return ProviderRow(name, state, key, provider.protocol, address, provider.about)


PROVIDERS: Final = TableView(ProviderRow, "provider state key protocol address…", ("what…", lambda row: row.about))


def promises(results: Sequence[CheckResult]) -> list[PromiseRow]:
    """Tell how a suite went."""
    return [PromiseRow(each.number, each.name, each.result, each.reason) for each in results]


PROMISES: Final = TableView(
    PromiseRow, ("#", lambda row: row.number), ("promise…", lambda row: row.name), "result reason…"
)
