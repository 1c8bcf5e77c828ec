"""Stories of documents that are read: all of each or nothing of it, and nothing left out in silence."""

from typing import Any

import msgspec
import pytest

from engine.importers.atif.reader import AtifWrong, looks_like_atif, read_atif
from engine.importers.atif.schema import READ
from tests.engine.importers.atif.made import acted, call, result, said, trajectory, written


def wrong(document: Any) -> AtifWrong:
    """Read what cannot be read."""
    data = document if isinstance(document, bytes) else written(document)
    with pytest.raises(AtifWrong) as caught:
        read_atif(data, "trajectory.json")
    return caught.value


@pytest.mark.parametrize("version", READ)
def test_every_published_version_is_read(version: str) -> None:
    """The format only grew, and Harbor's own models read fields of later versions in earlier ones."""
    document = read_atif(written(trajectory(version=version)), "trajectory.json")
    assert [step.source for step in document.trajectory.steps] == ["user", "agent"]
    assert document.trajectory.agent.name == "harness"
    assert (dict(document.losses), document.inferences) == ({}, ())


@pytest.mark.parametrize(
    ("document", "where", "problem"),
    [
        (b"\xff{}", "", "no UTF-8"),
        (b'{"schema_version": "ATIF-v1.7", ', "line 1", "no JSON"),
        (b'{"schema_version": "ATIF-v1.7", "x": NaN}', "", "NaN"),
        (b'{"schema_version": "ATIF-v1.7", "x": 1e999}', "", "too large"),
        (b'{"schema_version": "ATIF-v1.7", "schema_version": "ATIF-v1.7"}', "", "stands twice"),
        (b"[" * 100_000, "", "nested too deeply"),
        (b"[]", "", "no JSON object"),
        (trajectory(version="ATIF-v2.0"), "schema_version", "no version we read"),
        ({"agent": {}}, "schema_version", "there is no schema_version"),
        ({**trajectory(), "agent": {"name": "harness"}}, "agent", "missing required field `version`"),
        ({**trajectory(), "steps": []}, "steps", "no step"),
        (trajectory(said(step_id="1")), "steps[0].step_id", "Expected `int`"),
        (trajectory(said(), said(step_id=3)), "steps[1].step_id", "out of order"),
        (trajectory(said(), said(step_id=1)), "steps[1].step_id", "two steps"),
        (trajectory(said(source="tool")), "steps[0].source", "Invalid enum value"),
        (trajectory(said(tool_calls=[call()])), "steps[0].tool_calls", "only an agent"),
        (trajectory(said(timestamp="yesterday")), "steps[0].timestamp", "no time"),
        (trajectory(acted(llm_call_count=0)), "steps[0]", "no model was asked"),
        (trajectory(acted(metrics={"prompt_tokens": -1})), "steps[0].metrics.prompt_tokens", "no count"),
        (trajectory(acted(metrics={"cost_usd": -0.1})), "steps[0].metrics.cost_usd", "no price"),
        (
            trajectory(acted(observation={"results": [result("c9")]})),
            "steps[0].observation.results[0].source_call_id",
            "no tool call",
        ),
        (trajectory(said([{"type": "image"}])), "steps[0].message[0]", "has source"),
        (
            trajectory(subagent_trajectories=[trajectory()]),
            "subagent_trajectories[0].trajectory_id",
            "no id",
        ),
        (
            trajectory(subagent_trajectories=[trajectory(trajectory_id="a"), trajectory(trajectory_id="a")]),
            "subagent_trajectories[1].trajectory_id",
            "two of them",
        ),
        (
            trajectory(subagent_trajectories=[trajectory(said(step_id=7), trajectory_id="a")]),
            "subagent_trajectories[0].steps[0].step_id",
            "out of order",
        ),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_place(document: Any, where: str, problem: str) -> None:
    """A person finds the fault by the path, and knows that nothing of the document was taken."""
    error = wrong(document)
    assert error.where == where
    assert problem in error.problem
    assert error.problem.startswith("trajectory.json")
    assert error.remedy.endswith("nothing was imported")


def test_trajectories_within_trajectories_have_an_end() -> None:
    """A document cannot make the reader run out of stack."""
    document = trajectory(trajectory_id="t")
    for _ in range(40):
        document = trajectory(trajectory_id="t", subagent_trajectories=[document])
    assert "embedded in one another" in wrong(document).problem


def test_what_has_no_place_is_counted_by_its_path() -> None:
    """Whoever imports sees what only the document itself still holds; null says nothing and is no loss."""
    metrics = {"prompt_tokens": 1, "logprobs": [-0.1], "completion_token_ids": [1, 2], "prompt_token_ids": None}
    below = trajectory(acted(reasoning_effort="high"), trajectory_id="a", colour="red")
    document = trajectory(
        acted(metrics=metrics, extra={"any": {"thing": 1}}),
        acted(metrics=metrics, reasoning_effort=0.5),
        subagent_trajectories=[below],
        final_metrics={"total_steps": 2, "extra": {"wall_s": 4}},
    )
    assert dict(read_atif(written(document), "t").losses) == {
        "final_metrics.extra": 1,
        "steps[].metrics.completion_token_ids": 2,
        "steps[].metrics.logprobs": 2,
        "steps[].reasoning_effort": 1,
        "subagent_trajectories[].colour": 1,
        "subagent_trajectories[].steps[].reasoning_effort": 1,
    }


def test_what_was_inferred_is_said() -> None:
    """What a document leaves open is not decided in silence."""
    ref = [{"session_id": "s-2"}]
    document = trajectory(
        acted(observation={"results": [result(), result(None, "a note")]}),
        acted(observation=None, llm_call_count=None),
        acted(tool_calls=[call("c1"), call("c1")], metrics={"cost_usd": 1e-12}),
        acted(is_copied_context=True, observation={"results": [result(subagent_trajectory_ref=ref)]}),
        final_metrics={"total_steps": 9, "total_prompt_tokens": 1, "total_cost_usd": 5.0},
    )
    said_so = "\n".join(read_atif(written(document), "t").inferences)
    for doubt in (
        "a result names no tool call",
        "a tool call has no result",
        "counts as one call of a model",
        "have one id",
        "rounded",
        "copied context",
        "only its name is kept",
        "total_steps is 9",
        "total_prompt_tokens is 1",
        "total_cost_usd is 5.0",
    ):
        assert doubt in said_so


def test_half_a_surrogate_pair_is_replaced_and_named() -> None:
    """Python writes such texts, and nothing else reads them."""
    document = read_atif(written(trajectory(said("a \ud83d b"))), "t")
    assert document.trajectory.steps[0].message == "a \ufffd b"
    assert "U+FFFD" in document.inferences[0]
    assert msgspec.json.encode(document.trajectory)


def test_a_trajectory_is_known_by_its_look() -> None:
    """In a folder there may be other files."""
    assert looks_like_atif(written(trajectory()))
    assert not looks_like_atif(b'{"schema_version": "1.4"}')
