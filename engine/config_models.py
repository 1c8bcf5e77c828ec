"""Models as people name them in one word: ``openai/gpt-5``, ``script:answers.toml``, or the name an endpoint knows."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from engine.config import SCRIPT, Flag


class Known(NamedTuple):
    """An API that speaks chat completions, by the variables people keep for it."""

    base_url: str
    key: str
    """Variable that holds the key."""
    base: str | None
    """Variable that names another address. None: nobody keeps one."""


PROVIDERS: Final[Mapping[str, Known]] = {
    "openai": Known("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "openrouter": Known("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", None),
    "deepseek": Known("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", None),
    "gemini": Known("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", None),
}


def named_model(text: str, environment: Mapping[str, str], *, role: str = "teacher") -> Iterator[Flag]:
    """Say what ``-m`` stands for, as settings of one role.

    A name without a known provider goes into the request as it is; where it is reached is then said elsewhere.
    """
    provider, slash, model = text.partition("/")
    known = PROVIDERS.get(provider) if slash else None
    origin = f"-m {text}"
    if text.startswith(SCRIPT):
        yield Flag(origin, ("models", role, "model"), "script")
        yield Flag(origin, ("models", role, "base_url"), text)
    elif known is None:
        yield Flag(origin, ("models", role, "model"), text)
    else:
        yield Flag(origin, ("models", role, "model"), model)
        yield Flag(origin, ("models", role, "base_url"), environment.get(known.base or "") or known.base_url)
        yield Flag(origin, ("models", role, "api_key_env"), known.key)
