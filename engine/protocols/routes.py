"""Which protocol a path belongs to."""

import re
from functools import lru_cache
from typing import Final

from engine.protocols.base import ApiProtocol
from engine.protocols.chat import Chat
from engine.protocols.chat_request import CHAT_PATH
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.responses import Responses

_ROUTES: Final[tuple[tuple[re.Pattern[str], ApiProtocol], ...]] = (
    (re.compile(f"(/v1)?{CHAT_PATH}"), Chat()),
    (re.compile(r"(/v1)?/responses"), Responses()),
    (re.compile(r"(/v1)?/messages"), Messages()),
    (re.compile(r"(/v1(beta)?)?/models/[^/:]+:(generateContent|streamGenerateContent)"), Gemini()),
)
_VERSION: Final = re.compile(r"/v1(beta)?(?=/)")


@lru_cache(maxsize=64)
def protocol_of(path: str) -> ApiProtocol | None:
    """Find the protocol that a path (without its query) belongs to. None: none the gateway knows."""
    return next((protocol for pattern, protocol in _ROUTES if pattern.fullmatch(path)), None)


def below(base_url: str, path: str) -> str:
    """Say where a request goes: a base that has a path of its own names the version, else the request's path does.

    Args:
        base_url: As in a spec, such as ``https://api.example/v1`` or ``https://api.example``.
        path: As the agent asked, with its query.
    """
    base = base_url.rstrip("/").removesuffix(CHAT_PATH).rstrip("/")
    bare = "/" not in base.split("://", 1)[-1]
    return base + (path if bare else _VERSION.sub("", path, count=1))
