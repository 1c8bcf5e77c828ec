"""Anthropic's Claude Code."""

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
    arch,
    tool_results,
)
from engine.agents.installed.agent import InstalledAgent


class ClaudeCode:
    """``claude -p``, over Anthropic's messages."""

    name: ClassVar[str] = "claude-code"
    package: ClassVar[str] = "@anthropic-ai/claude-code"
    version: ClassVar[str] = "2.1.330"

    def launch(self, order: LaunchRequest) -> Launch:
        """See ``Recipe``."""
        programme = f"{KIT}/node_modules/@anthropic-ai/claude-code-linux-{arch()}/claude"
        words = ("-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions")
        return Launch(
            argv=(programme, *words),
            env={
                "CLAUDE_CONFIG_DIR": f"{STATE}/.claude",
                "ANTHROPIC_API_KEY": order.token,
                "ANTHROPIC_BASE_URL": ADDRESS,
                "ANTHROPIC_MODEL": order.model,
                "ANTHROPIC_SMALL_FAST_MODEL": order.model,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "IS_SANDBOX": "1",  # it refuses to run as root elsewhere
            },
            files={},
            skills=f"{STATE}/.claude/skills",
        )

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """See ``Recipe``."""
        return tool_results(lines)


def agent() -> InstalledAgent:
    """Make it."""
    return InstalledAgent(ClaudeCode())
