"""Stories of the suite: every registered provider passes it, and one that does not is told why."""

from typing import Any

import pytest
from msgspec import structs
from typing_extensions import override

from engine.core.system import clock
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.providers.base import Gate
from engine.providers.conformance import CHECKS, conform
from engine.providers.endpoint import ModelEndpoint
from engine.providers.http import HttpProvider
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named, provider_names
from engine.scripted.forms import FORMS
from engine.scripted.script import Script
from engine.scripted.server import ScriptedEndpoint


@pytest.mark.parametrize("name", provider_names())
async def test_every_registered_provider_keeps_every_promise(name: str) -> None:
    """At an endpoint that takes its own form and no other."""

    def serve(script: Script) -> ScriptedEndpoint:
        return ScriptedEndpoint(script, form=FORMS[name])

    results = await conform(provider_named(name), clock, serve)
    assert [each.reason for each in results if each.result != "passed"] == []
    assert [each.number for each in results] == list(range(1, len(CHECKS) + 1))


class _Careless(HttpProvider):
    """Asks twice, with a temperature of its own the second time."""

    @override
    async def complete(self, request: ChatRequest, gate: Gate = ...) -> ChatReply:  # type: ignore[assignment]
        """See ``ChatProvider``."""
        await super().complete(request, gate)
        parameters: dict[str, Any] = {**request.parameters, "temperature": 0.0}
        return await super().complete(structs.replace(request, parameters=parameters), gate)


async def test_a_provider_that_breaks_a_promise_is_told_which() -> None:
    """By the number and the name of the check."""

    def careless(provider: ModelProvider, endpoint: ModelEndpoint) -> HttpProvider:
        return _Careless(provider, endpoint)

    broken = structs.replace(provider_named("openai"), connect=careless)
    failed = {each.number: each.reason for each in await conform(broken, clock) if each.result == "failed"}
    assert set(failed) == {4}
    assert "2 requests" in failed[4]


async def test_an_endpoint_that_does_not_answer_fails_all_and_ends_nothing() -> None:
    """The suite says so of each check."""

    def elsewhere(script: Script) -> ScriptedEndpoint:
        return ScriptedEndpoint(script, form=FORMS["anthropic"])

    results = await conform(provider_named("openai"), clock, elsewhere)
    assert {each.result for each in results} == {"failed"}
