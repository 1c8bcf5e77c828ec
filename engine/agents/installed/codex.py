"""OpenAI's Codex CLI."""

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
    as_text,
)
from engine.agents.installed.agent import InstalledAgent

_CONFIG = """\
model_provider = "stillroom"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.stillroom]
name = "stillroom"
base_url = "{address}/v1"
env_key = "STILLROOM_TOKEN"
wire_api = "responses"
"""
_TRIPLES = {"x64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}


class Codex:
    """``codex exec``, over OpenAI's responses. The sandbox is ours, so its own is off."""

    name: ClassVar[str] = "codex"
    package: ClassVar[str] = "@openai/codex"
    version: ClassVar[str] = "0.169.0"

    def launch(self, order: LaunchRequest) -> Launch:
        """See ``Recipe``."""
        programme = f"{KIT}/node_modules/@openai/codex-linux-{arch()}/vendor/{_TRIPLES[arch()]}/bin/codex"
        words = ("exec", "--json", "--skip-git-repo-check", "-C", order.workdir, "-m", order.model, "-")
        return Launch(
            argv=(programme, *words),
            env={"CODEX_HOME": f"{STATE}/.codex", "STILLROOM_TOKEN": order.token},
            files={f"{STATE}/.codex/config.toml": _CONFIG.format(address=ADDRESS)},
            skills=f"{STATE}/.codex/skills",
        )

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """See ``Recipe``. The last message before the end of a turn is the answer."""
        said: str | None = None
        for line in lines:
            match line:
                case {"type": "item.completed", "item": {"type": "agent_message", "text": str(text)}}:
                    if said is not None:
                        yield AgentMessage(said)
                    said = text
                case {"type": "item.completed", "item": {"type": "command_execution", "command": command, **rest}}:
                    if said is not None:
                        yield AgentMessage(said)
                    said = None
                    code = rest.get("exit_code")
                    output = as_text(rest.get("aggregated_output"))
                    yield ToolRun("command_execution", as_text(command), code if type(code) is int else None, output)
                case {"type": "item.completed", "item": {"type": "file_change" | "mcp_tool_call" as tool, **rest}}:
                    yield ToolRun(tool, as_text(rest), None, as_text(rest.get("status")))
                case _:
                    pass
        if said is not None:
            yield AgentMessage(said, final=True)


def agent() -> InstalledAgent:
    """Make it."""
    return InstalledAgent(Codex())
