"""Where a role's model is reached. Nothing here opens anything: commands that only look read such values."""

from typing import NamedTuple

from engine.providers.credentials import Credential
from engine.providers.key_header import KeyHeader
from engine.providers.prices import Price


class Upstream(NamedTuple):
    """A provider that a role's model is reached at."""

    base_url: str
    credential: Credential
    price: Price | None
    """None: unknown; only the provider's own figure can then say what a call cost."""
    timeout_s: float
    """Seconds until a call is complete."""
    carrier: KeyHeader | None = None
    """What carries the key or token. None: the header of the protocol that the agent uses."""
