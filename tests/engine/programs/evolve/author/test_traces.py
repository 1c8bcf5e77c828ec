"""What is told of a trial holds names of tools and what came of their calls, whoever the agent was (W2)."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pytest

from engine.core.ports import EffectAddress
from engine.policies.feedback import HIDDEN
from engine.programs.evolve.traces import TracePort
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest
from events.store.memory import MemoryLog
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import AgentEnded, AttemptJudged, AttemptOpened
from events.types.authoring import FailedCheck, RubricShare, TraceAsked, TraceMissing, TraceRead
from events.types.evaluation import CellUnscored, EvaluationScored
from events.types.sandbox import VerifierRewarded
from events.types.trial import TrialOpened
from events.values import NamedDigest, Outcome
from tests.events.samples import sample
from tests.support.orders import CountingClock

LONG: Final = "row\n" * 2_000
"""What a tool printed."""


class TracedCell(NamedTuple):
    """A trace, with the texts of its parts."""

    read: TraceRead
    parts: list[tuple[str, str, str]]
    """Kind, label and text of each."""


class MadeUpRun:
    """A log with a trial of an installed agent."""

    def __init__(self) -> None:
        self.log = MemoryLog(clock=CountingClock())
        stale = {"public": {"total": 1, "passed": 0, "results": [{"name": "stale", "passed": False}]}}
        self.before = (NamedDigest("outcome_report.json", self.put(json.dumps(stale))),)
        """Report of a verification before the last one, which counts no more."""

    def put(self, text: str) -> Digest:
        """Keep a text."""
        return self.log.put(text.encode())

    async def record(self, stream: str, *events: Event) -> None:
        """Write a stream."""
        drafts = [Draft(each, None) for each in events]
        await self.log.append(StreamId("run-1", stream), drafts, expected_version=0)

    async def ask(self) -> Event:
        """Ask for the trace of the cell."""
        return await TracePort(self.log)(TraceAsked("cell/a/t/1"), EffectAddress("run-1", "author/a/E1/t", 1))

    async def trial(self, reports: Mapping[str, Any], summary: str) -> None:
        """Write the trial, with reports that its verifier left."""
        files = tuple(NamedDigest(name, self.put(json.dumps(each))) for name, each in reports.items())
        await self.record("trial/a/t/1", sample(TrialOpened))
        await self.record(
            "attempt/a/t/1/1",
            AttemptOpened("a/t/1", 1, "codex", self.put("Sum the rows.")),
            AgentSaid(self.put("I look first."), final=False),
            AgentActed("read_file", self.put("/app/rows.txt"), 0, self.put(LONG)),
            AgentEnded("done", "", 3),
            VerifierRewarded({"reward": 0.0}, 0.0, 0, self.put(""), self.put(""), self.before),
            VerifierRewarded({"reward": 0.25}, 0.25, 0, self.put(""), self.put(""), files),
            AttemptJudged(Outcome("failed", 0.25, ""), 0, 1, self.put(summary)),
        )
        scored = EvaluationScored(self.log.put(b"{}"), False, 0.25, Ref("trial/a/t/1", 1), ())
        await self.record("cell/a/t/1", scored)


async def traced(reports: Mapping[str, Any], summary: str = "") -> TracedCell:
    """Give the trace of such a trial."""
    run = MadeUpRun()
    await run.trial(reports, summary)
    found = await run.ask()
    assert isinstance(found, TraceRead), found
    return TracedCell(found, [(each.kind, each.label, (await run.log.get(each.text)).decode()) for each in found.parts])


async def test_tools_of_an_installed_agent_keep_their_names_and_all_of_their_output() -> None:
    """Each call is named as the agent names it, and its output is as long as it was; there is no verdict."""
    cell = await traced({}, "FAILED\n  ✗ tests::total - assert 7 == 'eleven'")
    assert cell.parts == [
        ("question", "", "Sum the rows."),
        ("said", "", "I look first."),
        ("call", "read_file", "/app/rows.txt"),
        ("output", "exit code 0", LONG),
        ("checks", "how the agent ended", "done"),
    ]
    assert (cell.read.solved, cell.read.reward, cell.read.turns) == (False, 0.25, 3)


async def test_reports_are_read_by_groups_and_their_messages_hide_values() -> None:
    """What was made is right, how is not; a message quotes nothing that the task does not say."""
    passed = {"name": "t_total", "passed": True, "error": None}
    failed = {"name": "test_h2_no_guess", "passed": False, "error": "found 'eleven' at 11: look at Sum"}
    cell = await traced(
        {
            "outcome_report.json": {"public": {"total": 1, "passed": 1, "results": [passed]}},
            "process_report.json": {"hidden": {"total": 1, "passed": 0, "results": [failed]}},
            "score_report.json": {
                "total_score": 25,
                "max_score": 100,
                "dimensions": [
                    {"name": "total", "weight": 60, "tests_matched": 4, "tests_passed": 1},
                    {"name": "way", "weight": 40, "score": 10},
                    {"name": "unsaid"},
                ],
            },
        },
        "FAILED\n  ✗ tests::not_told_twice - no",
    )
    assert (cell.read.outcome, cell.read.process) == (True, False)
    message = f"found '{HIDDEN}' at {HIDDEN}: look at Sum"
    assert cell.read.failed == (FailedCheck("process", "test_h2_no_guess", message),)
    assert cell.read.rubric == (RubricShare("total", 0.25), RubricShare("way", 0.25))


async def test_without_reports_failed_rows_are_read() -> None:
    """They belong to no group, and what they quote is hidden as well."""
    cell = await traced({}, "FAILED (fix these):\n  ✗ tests::total - assert 7 == 'eleven'\n  ✗ tests::bare")
    assert (cell.read.outcome, cell.read.process) == (None, None)
    assert cell.read.failed == (
        FailedCheck("", "tests::total", f"assert {HIDDEN} == '{HIDDEN}'"),
        FailedCheck("", "tests::bare", ""),
    )


@pytest.mark.parametrize("scored", [False, True])
async def test_a_cell_without_a_score_has_no_trace_and_says_why(*, scored: bool) -> None:
    """Infrastructure that failed is nothing to learn from; nor is a trial in which nothing was done."""
    run = MadeUpRun()
    if scored:
        await run.record("trial/a/t/1", sample(TrialOpened))
        event: Event = EvaluationScored(run.log.put(b"{}"), False, 0.25, Ref("trial/a/t/1", 1), ())
    else:
        event = CellUnscored("infrastructure", None)
    await run.record("cell/a/t/1", event)
    found = await run.ask()
    assert isinstance(found, TraceMissing)
    assert ("infrastructure" in found.reason) is not scored
