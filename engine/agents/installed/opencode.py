"""SST's OpenCode."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

import msgspec

from engine.agents.installed.adapter import (
    ADDRESS,
    KIT,
    STATE,
    AgentMessage,
    Json,
    Launch,
    LaunchRequest,
    ToolRun,
    arch,
    as_text,
    command_in,
)
from engine.agents.installed.agent import InstalledAgent

_NO_AVX2 = "-baseline"
"""The build that every machine of its kind can run."""


_SETTINGS = f"{STATE}/opencode"
_FOLDERS = {f"XDG_{what}_HOME": f"{STATE}/{what.lower()}" for what in ("DATA", "STATE", "CACHE", "CONFIG")}
"""It knows no other way to keep its sessions out of the home folder."""
_NO_FOLDERS = f"{STATE}/bash_env"
"""What bash reads first: the programs that the agent runs are to find the folders of their user."""

_MODALITIES: Final = {"input": ["text", "image"], "output": ["text"]}
"""It puts an error in the place of every image unless a model is said to take some."""


class OpenCode:
    """``opencode run``, over chat completions."""

    name: ClassVar[str] = "opencode"
    package: ClassVar[str] = "opencode-ai"
    version: ClassVar[str] = "1.18.33"

    def launch(self, order: LaunchRequest) -> Launch:
        """See ``Recipe``."""
        build = f"opencode-linux-{arch()}{_NO_AVX2 if arch() == 'x64' else ''}"
        model = f"stillroom/{order.model}"
        provider: dict[str, Any] = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "stillroom",
            "options": {"baseURL": f"{ADDRESS}/v1", "apiKey": order.token},
            "models": {order.model: {"name": order.model, "attachment": True, "modalities": _MODALITIES}},
        }
        settings = {
            "autoupdate": False,
            "share": "disabled",
            "permission": {"*": "allow"},
            "model": model,
            "small_model": model,
            "provider": {"stillroom": provider},
        }
        return Launch(
            argv=(f"{KIT}/node_modules/{build}/bin/opencode", "run", "--format", "json"),
            env={
                **_FOLDERS,
                "BASH_ENV": _NO_FOLDERS,
                "OPENCODE_CONFIG_DIR": _SETTINGS,
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
            },
            files={
                f"{_SETTINGS}/opencode.json": msgspec.json.encode(settings).decode(),
                _NO_FOLDERS: f"unset {' '.join(_FOLDERS)} BASH_ENV\n",
            },
            skills=f"{_SETTINGS}/skills",
        )

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """See ``Recipe``. The last text is the answer."""
        said: str | None = None
        for line in lines:
            match line:
                case {"type": "text", "part": {"text": str(text)}}:
                    if said is not None:
                        yield AgentMessage(said)
                    said = text
                case {"type": "tool_use", "part": {"tool": str(tool), "state": dict(state)}}:
                    if said is not None:
                        yield AgentMessage(said)
                    said = None
                    yield _did(tool, state)
                case _:
                    pass
        if said is not None:
            yield AgentMessage(said, final=True)


def _did(tool: str, state: Json) -> ToolRun:
    metadata = state.get("metadata")
    code = metadata.get("exit") if isinstance(metadata, dict) else None
    output = as_text(state.get("output") or state.get("error"))
    return ToolRun(tool, command_in(state.get("input")), code if type(code) is int else None, output)


def agent() -> InstalledAgent:
    """Make it."""
    return InstalledAgent(OpenCode())
