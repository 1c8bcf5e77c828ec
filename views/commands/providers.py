"""Commands about providers of models."""

from typing import Final

from cyclopts import App

from views.commands.rows import Rows
from views.setup import providers
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "providers list": (providers.ProviderRow,),
    "providers check": (providers.PromiseRow,),
}


def list_providers(*, options: Options = ASIS, machine: Given) -> None:
    """List the available model providers."""
    options.screen(machine).show(providers.rows(machine.environment), providers.PROVIDERS)


app: Final = App(name="providers", help="List and check model providers.")
app.command(list_providers, name="list")
# Imported when it is typed: it needs an HTTP client.
app.command("views.commands.provider_check:check_provider", name="check")
