"""Stories of agents' own event streams: what they print becomes actions and words of ours."""

from engine.agents.codex import Codex
from engine.agents.qwen_code import QwenCode
from engine.installed.base import Did, Spoke, lines_of

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


def test_codex_tells_its_commands_and_its_answer() -> None:
    """Lines that are no events, or cut ones, are passed over."""
    told = list(Codex().read(lines_of(CODEX)))
    assert told == [Spoke("I look."), Did("command_execution", "ls", 2, "a\n"), Spoke("Done.", final=True)]


def test_qwen_tells_its_tools_and_says_its_answer_once() -> None:
    """It prints its answer as a message and as its result; that is one answer."""
    told = list(QwenCode().read(lines_of(QWEN)))
    assert told == [Spoke("I look."), Did("run_shell_command", "ls", 1, "no such"), Spoke("Done.", final=True)]
