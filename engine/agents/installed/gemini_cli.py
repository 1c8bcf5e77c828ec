"""Google's Gemini CLI."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

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
    as_text,
    command_in,
    node,
)
from engine.agents.installed.agent import InstalledAgent

_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False},
}


class GeminiCli:
    """``gemini``, over Google's generateContent."""

    name: ClassVar[str] = "gemini-cli"
    package: ClassVar[str] = "@google/gemini-cli"
    version: ClassVar[str] = "0.61.0"

    def launch(self, order: LaunchRequest) -> Launch:
        """See ``Recipe``."""
        programme = f"{KIT}/node_modules/{self.package}/bundle/gemini.js"
        return Launch(
            argv=(node(), programme, "--yolo", "--output-format", "stream-json"),
            env={
                "GEMINI_CLI_HOME": STATE,
                "GEMINI_API_KEY": order.token,
                "GEMINI_MODEL": order.model,
                "GEMINI_CLI_TRUST_WORKSPACE": "true",
                "GOOGLE_GEMINI_BASE_URL": ADDRESS,
            },
            files={f"{STATE}/.gemini/settings.json": msgspec.json.encode(_SETTINGS).decode()},
            skills=f"{STATE}/.gemini/skills",
        )

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """See ``Recipe``. Words come in pieces; what is said last is the answer."""
        said = ""
        uses: dict[str, Json] = {}
        for line in lines:
            match line:
                case {"type": "message", "role": "assistant", "content": str(piece)}:
                    said += piece
                case {"type": "tool_use", "tool_id": str(name)}:
                    if said:
                        yield AgentMessage(said)
                    said = ""
                    uses[name] = line
                case {"type": "tool_result", "tool_id": str(name)} if name in uses:
                    yield _did(uses.pop(name), line)
                case _:
                    pass
        if said:
            yield AgentMessage(said, final=True)


def _did(use: Json, result: Json) -> ToolRun:
    code = None if result.get("status") == "success" else 1
    output = as_text(result.get("output") or result.get("error"))
    return ToolRun(str(use.get("tool_name")), command_in(use.get("parameters")), code, output)


def agent() -> InstalledAgent:
    """Make it."""
    return InstalledAgent(GeminiCli())
