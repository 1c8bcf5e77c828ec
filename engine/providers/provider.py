"""A provider of models as a value: where it is, how its key travels, and what its protocol is.

Most providers are nothing more. One that speaks a protocol of its own names what connects to it. Nothing here opens
anything or imports an HTTP client: commands that only look read these values.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from engine.protocols.request import RequestProtocol
from engine.providers.key_header import BEARER, KeyHeader

if TYPE_CHECKING:  # what connects needs an HTTP client; the table does not
    from engine.providers.base import ChatProvider
    from engine.providers.endpoint import ModelEndpoint

Switch = Mapping[str, str | int | float | bool]
"""Parameters that turn something on or off. A dot leads into a table."""


class ModelProvider(Struct, frozen=True, kw_only=True):
    """A provider, as the entry point group ``stillroom.providers`` leads to it.

    Attributes:
        name: As a spec and ``-m NAME/MODEL`` have it; that of its entry point.
        about: For people: what it is, in some words.
        base_url: Its address, with the version of the API if it has one there. ``{NAME}`` stands for the variable
            ``NAME`` of the environment. None: the spec has to give it.
        base_url_env: A variable in which people keep another address. None: nobody keeps one.
        base_path: Goes behind the address that this variable holds.
        api_key_env: The variable that holds the key. None: it takes none.
        key_optional: Whether it is also used without a key.
        protocol: How its requests and answers are written.
        path: Where requests go below the address, ``{model}`` for the model's name. None: as the protocol has it.
        version: The query parameter that names the version of the API, and the version where the spec says none.
            None: it has no such parameter.
        key_header: What carries a key.
        token_header: What carries a token that `api_key_command` printed.
        headers: Sent with every call. Never a key: they are public.
        echo: Fields of the model's message, as chat completions have it, that it wants back in the conversation.
        thinking: Parameters that let the model think first, and that keep it from it. None: it has no such switch.
        needs: Parameters without which it answers nothing.
        connect: What opens it. None: HTTP, as all of the above says.
    """

    name: str
    about: str
    base_url: str | None = None
    base_url_env: str | None = None
    base_path: str = ""
    api_key_env: str | None = None
    key_optional: bool = False
    protocol: RequestProtocol = "chat"
    path: str | None = None
    version: tuple[str, str] | None = None
    key_header: KeyHeader = BEARER
    token_header: KeyHeader = BEARER
    headers: Mapping[str, str] = {}
    echo: tuple[str, ...] = ()
    thinking: tuple[Switch, Switch] | None = None
    needs: tuple[str, ...] = ()
    connect: "Callable[[ModelProvider, ModelEndpoint], ChatProvider] | None" = None
