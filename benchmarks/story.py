"""A turn of an agent as benchmarks record it: 20 events of 975 bytes of JSON on average, three secrets."""

from events.base import Draft, Event, Ref
from events.digest import Fingerprint, digest_of
from events.types.attempt import AgentEnded
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.model import ModelAnswered, ModelAsked, ToolCall
from events.types.pdi import PdiRead
from events.types.sandbox import ActionAsked, ActionObserved
from events.values import Usage

SECRETS = {
    "OPENAI_API_KEY": "made-up value of the first secret, 48 characters",
    "ANTHROPIC_API_KEY": "made-up value of the second one, 43 letters",
    "GITHUB_TOKEN": "made-up value of the third one, shorter",
}


def turn() -> list[Draft]:
    """Make the events of one turn: money, a question, an answer with calls of tools, what they did, PDI."""
    digests = [digest_of(b"%d" % number) for number in range(40)]
    calls = tuple(ToolCall(f"call_{number:08x}", "bash", digests[number]) for number in range(6))
    usage = Usage(12_345, 678, 9_000, None)
    asked = ModelAsked(
        "teacher",
        "openai/gpt-large-2026-10-01",
        digests[0],
        digests[1],
        {"temperature": 0.2, "max_tokens": 4096, "seed": 7, "reasoning_effort": "medium"},
        stream=True,
        timeout_s=600.0,
    )
    answered = ModelAnswered(
        Fingerprint("0" * 64), digests[2], digests[3], digests[4], calls, "tool_calls", "gpt-large-2026-10-01", usage,
        12_345_678, None, 200, (),
    )  # fmt: skip
    reasons = tuple(f"the memo's claim {number} names no command that was run: " + "x" * 60 for number in range(10))
    pdi = PdiRead(
        2, 1, "active", digests[6], "token_overlap", 0.25, 0.5, 0.125, 0.291666, 0.5, 0.145833,
        triggered=True, level="soft", valid=True, reasons=reasons, memo=digests[7], previous_memo=digests[8],
        commands=digests[9], test_summary=digests[10],
    )  # fmt: skip
    ended = AgentEnded("turn_limit", "the last thing it said was: " + "let me look at the tests again. " * 88, 30)
    events: list[Event] = [BudgetAsked("greet", 50_000_000), BudgetGranted(), asked, answered, answered]
    for number in range(4):
        events += [ActionAsked(digests[11 + number], 30.0), ActionObserved(0, "exited", digests[16], digests[17])]
    events += [pdi, answered, pdi, answered, ended, ended, ended]
    return [Draft(event, Ref("attempt/greet/1", 7) if number % 2 else None) for number, event in enumerate(events)]
