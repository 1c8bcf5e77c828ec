"""Stories of agents' own event streams: what they print becomes actions and words of ours."""

from engine.agents.installed.adapter import AgentMessage, ToolRun, lines_of
from engine.agents.installed.codex import Codex
from engine.agents.installed.gemini_cli import GeminiCli
from engine.agents.installed.opencode import OpenCode
from engine.agents.installed.qwen_code import QwenCode

CODEX = b"""\
Reading prompt from stdin...
{"type":"thread.started","thread_id":"t"}
{"type":"item.completed","item":{"id":"0","type":"agent_message","text":"I look."}}
{"type":"item.started","item":{"id":"1","type":"command_execution","command":"ls","exit_code":null}}
{"type":"item.completed","item":{"id":"1","type":"command_execution","command":"ls","aggregated_output":"a\\n","exit_code":2}}
{"type":"item.completed","item":{"id":"2","type":"agent_message","text":"Done."}}
{"type":"turn.completed","usage":{"input_tokens":1}}
{"type":"item.completed","item":"cut
"""

QWEN = b"""\
{"type":"assistant","message":{"content":[{"type":"text","text":"I look."}]}}
{"type":"assistant","message":{"content":[{"type":"tool_use","id":"c","name":"run_shell_command","input":{"command":"ls"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"c","is_error":true,"content":"no such"}]}}
{"type":"assistant","message":{"content":[{"type":"text","text":"Done."}]}}
{"type":"result","subtype":"success","result":"Done."}
"""

OPENCODE = b"""\
{"type":"step_start","part":{"type":"step-start"}}
{"type":"text","part":{"type":"text","text":"I look."}}
{"type":"tool_use","part":{"tool":"bash","state":{"input":{"command":"ls"},"output":"a\\n","metadata":{"exit":0}}}}
{"type":"tool_use","part":{"tool":"read","state":{"input":{"filePath":"/x"},"error":"no such file"}}}
{"type":"text","part":{"type":"text","text":"Done."}}
"""

GEMINI = b"""\
YOLO mode is enabled.
{"type":"message","role":"user","content":"do it"}
{"type":"message","role":"assistant","content":"I ","delta":true}
{"type":"message","role":"assistant","content":"look.","delta":true}
{"type":"tool_use","tool_name":"run_shell_command","tool_id":"c","parameters":{"command":"ls"}}
{"type":"tool_result","tool_id":"c","status":"error","error":{"message":"no"}}
{"type":"message","role":"assistant","content":"Done.","delta":true}
{"type":"result","status":"success"}
"""


def test_codex_tells_its_commands_and_its_answer() -> None:
    """Lines that are no events, or cut ones, are passed over."""
    told = list(Codex().read(lines_of(CODEX)))
    assert told == [
        AgentMessage("I look."),
        ToolRun("command_execution", "ls", 2, "a\n"),
        AgentMessage("Done.", final=True),
    ]


def test_qwen_tells_its_tools_and_says_its_answer_once() -> None:
    """It prints its answer as a message and as its result; that is one answer."""
    told = list(QwenCode().read(lines_of(QWEN)))
    assert told == [
        AgentMessage("I look."),
        ToolRun("run_shell_command", "ls", 1, "no such"),
        AgentMessage("Done.", final=True),
    ]


def test_opencode_tells_its_tools_and_the_last_text_is_its_answer() -> None:
    """A tool without a command is told by what it was given; one that failed, by its error."""
    told = list(OpenCode().read(lines_of(OPENCODE)))
    assert told == [
        AgentMessage("I look."),
        ToolRun("bash", "ls", 0, "a\n"),
        ToolRun("read", '{"filePath":"/x"}', None, "no such file"),
        AgentMessage("Done.", final=True),
    ]


def test_gemini_speaks_in_pieces() -> None:
    """They are one text up to the next tool, or to the end; what the user said is not the agent's."""
    told = list(GeminiCli().read(lines_of(GEMINI)))
    failed = ToolRun("run_shell_command", "ls", 1, '{"message":"no"}')
    assert told == [AgentMessage("I look."), failed, AgentMessage("Done.", final=True)]
