"""The command that tries a provider."""

from engine.providers.conformance import conform
from engine.providers.registry import provider_named
from events.errors import ExitCode
from views.setup import providers
from views.terminal.options import ASIS, Given, Options


async def check_provider(name: str, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Run the conformance checks of a provider against a scripted endpoint; the real one is not called.

    Args:
        name: Provider name, as listed by `stillroom providers list`.
    """
    found = providers.promises(await conform(provider_named(name), machine.clock))
    options.screen(machine).show(found, providers.PROMISES)
    return ExitCode.DONE if all(row.result == "passed" for row in found) else ExitCode.NEGATIVE
