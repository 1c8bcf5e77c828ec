"""Alibaba's Qwen Code."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from engine.agents.installed.adapter import (
    ADDRESS,
    KIT,
    STATE,
    AgentMessage,
    Json,
    Launch,
    LaunchRequest,
    ToolRun,
    node,
    tool_results,
)
from engine.agents.installed.agent import InstalledAgent

_SETTINGS = """\
{"general": {"enableAutoUpdate": false}, "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false},
 "model": {"generationConfig": {"modalities": {"image": true}}}}
"""
"""It tells by a model's name whether it takes images unless it is said, and shows none to one that it does not know."""


class QwenCode:
    """``qwen``, over chat completions."""

    name: ClassVar[str] = "qwen-code"
    package: ClassVar[str] = "@qwen-code/qwen-code"
    version: ClassVar[str] = "0.24.4"

    def launch(self, order: LaunchRequest) -> Launch:
        """See ``Recipe``."""
        programme = f"{KIT}/node_modules/{self.package}/cli-entry.js"
        words = ("--auth-type", "openai", "--yolo", "--output-format", "stream-json")
        return Launch(
            argv=(node(), programme, *words),
            env={
                "QWEN_HOME": f"{STATE}/.qwen",
                "OPENAI_API_KEY": order.token,
                "OPENAI_BASE_URL": f"{ADDRESS}/v1",
                "OPENAI_MODEL": order.model,
                "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
            },
            files={f"{STATE}/.qwen/settings.json": _SETTINGS},
            skills=f"{STATE}/.qwen/skills",
        )

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """See ``Recipe``."""
        return tool_results(lines)


def agent() -> InstalledAgent:
    """Make it."""
    return InstalledAgent(QwenCode())
