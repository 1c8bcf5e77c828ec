"""Stories of trajectories that are imported: what they tell stands in the log, and nothing is made up."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine.core.fold import fold_many
from engine.importers.atif.files import NoTrajectory
from engine.importers.atif.importer import ImportedAtifTask, import_atif
from engine.importers.left_out import NothingImported
from engine.importers.streams import ALREADY
from events.base import Event
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.run import RunImported
from events.types.trajectory import ObservationImported, StepImported, TrajectoryImported
from events.types.trial import AttemptConcluded, TrialClosed
from projections.cost import Cost
from projections.trials.view import Trials
from tests.engine.importers.atif.made import acted, call, result, said, trajectory, written

E = TypeVar("E", bound=Event)
IMAGE = b"\x89PNG picture"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """An empty one."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as opened:
        yield opened


def put(folder: Path, **documents: Any) -> Path:
    """Write documents, by their names without the ending."""
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else written(document))
    return folder


async def one(log: MemoryLog, path: Path) -> ImportedAtifTask:
    """Import what is one task."""
    (found,) = (await import_atif(log, path)).found
    return found


async def every(log: MemoryLog, kind: type[E]) -> list[E]:
    """List all events of a kind."""
    return [each.event async for each in log.read(Selection()) if isinstance(each.event, kind)]


async def text(log: MemoryLog, digest: Any) -> str:
    """Read a blob."""
    return (await log.get(digest)).decode()


async def test_a_trajectory_becomes_a_run(log: MemoryLog, tmp_path: Path) -> None:
    """Who said what, which tools were called with what, what came of it, tokens, money and the model."""
    found = await one(log, put(tmp_path, greet=trajectory()) / "greet.json")
    assert (found.task, found.attempts, found.steps, dict(found.losses)) == ("greet", 1, 2, {})
    asked, answered = await every(log, StepImported)
    assert (asked.source, await text(log, asked.text)) == ("user", "Hello.")
    assert (answered.model, answered.cost, answered.answers) == ("small-1", 2_000_000, 1)
    assert answered.usage is not None
    assert (answered.usage.input_tokens, answered.usage.output_tokens) == (100, 20)
    assert (answered.calls[0].name, await text(log, answered.calls[0].arguments)) == ("bash", '{"command":"ls"}')
    (observed,) = await every(log, ObservationImported)
    assert observed.call == "c1"
    assert await text(log, observed.text) == "notes.txt\n"
    (concluded,) = await every(log, AttemptConcluded)
    assert await text(log, concluded.commands) == "ls"
    trials, cost = await fold_many(log, [Trials(), Cost()])
    run = trials.runs[found.run]
    attempt = run.trials["greet"].attempts["1"]
    assert (run.imported, attempt.agent, attempt.turns, attempt.actions) == ("atif", "harness", 1, 1)
    assert (attempt.tokens, attempt.cost, attempt.unknown_cost) == (120, 2_000_000, 0)
    assert cost.runs[found.run].lines["greet"]["teacher"]["small-1"].input_tokens == 100


async def test_what_nobody_judged_has_no_verdict(log: MemoryLog, tmp_path: Path) -> None:
    """It is not a zero, and the report says that nothing was found."""
    found = await one(log, put(tmp_path, greet=trajectory()))
    (judged,) = await every(log, AttemptJudged)
    (closed,) = await every(log, TrialClosed)
    assert (judged.outcome.kind, judged.outcome.reward) == ("no_verdict", None)
    assert (closed.outcome, closed.reward) == ("stopped", None)
    assert any("no verdict" in each for each in found.inferences)


async def test_a_foreign_word_is_no_verdict_of_ours(log: MemoryLog, tmp_path: Path) -> None:
    """Only what our export wrote is read as a verdict, and only if it makes sense."""
    verdict = {"kind": "solved", "reward": 1.0, "reason": ""}
    odd = {"kind": "solved", "reward": None, "reason": ""}
    put(tmp_path, a=trajectory(extra={"verdict": verdict}))
    put(tmp_path, b=trajectory(extra={"verdict": odd, "recorded_by": "stillroom 1", "trial": "b"}))
    put(tmp_path, c=trajectory(extra={"verdict": verdict, "recorded_by": "stillroom 1", "trial": "c"}))
    await import_atif(log, tmp_path)
    assert [each.outcome.kind for each in await every(log, AttemptJudged)] == ["no_verdict", "no_verdict", "solved"]


async def test_the_files_are_kept_as_they_were(log: MemoryLog, tmp_path: Path) -> None:
    """What has no place can be read there, and the run's first event says what that is."""
    document = written(trajectory(acted(reasoning_effort="high")))
    found = await one(log, put(tmp_path, greet=document))
    (opened,) = await every(log, RunImported)
    assert [await log.get(each.digest) for each in opened.files] == [document]
    assert dict(found.losses) == {"steps[].reasoning_effort": 1}
    assert "lost: steps[].reasoning_effort" in opened.warnings


async def test_the_same_files_are_the_same_run(log: MemoryLog, tmp_path: Path) -> None:
    """Importing twice changes nothing."""
    first = await one(log, put(tmp_path, greet=trajectory()))
    before = await every(log, Event)
    again = await one(log, tmp_path)
    assert (again.run, again.inferences) == (first.run, (ALREADY,))
    assert await every(log, Event) == before


async def test_one_bad_document_costs_no_more_than_itself(log: MemoryLog, tmp_path: Path) -> None:
    """It is left out by name, with its place and the remedy; the good ones around it are told."""
    put(tmp_path, a=trajectory(), b=trajectory(said(step_id=4)), c=trajectory())
    found = await import_atif(log, tmp_path)
    assert [each.task for each in found.found] == ["a", "c"]
    (left_out,) = found.left_out
    assert left_out.name == "b.json"
    assert "steps[0].step_id" in left_out.problem
    assert "nothing was imported" not in left_out.remedy


ODD: dict[str, Any] = {
    "empty": b"",
    "cut": written(trajectory())[:-40],
    "no number": written(trajectory()).replace(b"20", b"NaN"),
    "no UTF-8": written(trajectory()).replace(b"Hello", b"Hell\xff"),
    "UTF-16": written(trajectory()).decode().encode("utf-16"),
    "another version": trajectory(version="ATIF-v9.9"),
    "another kind of step": trajectory(said(source="tool")),
    "huge": trajectory(acted(metrics={"prompt_tokens": 10**400})),
    "two ids": trajectory(said(step_id=1), said(step_id=1)),
}


@pytest.mark.parametrize("odd", ODD)
async def test_whatever_is_odd_is_named_and_the_others_are_told(odd: str, log: MemoryLog, tmp_path: Path) -> None:
    """A folder of results holds what it holds; files of the system's own are nobody's results."""
    put(tmp_path, **{"one/trajectory": trajectory(), "two/trajectory": ODD[odd], "zoo/trajectory": trajectory()})
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX/trajectory.json").write_bytes(b"\0")
    found = await import_atif(log, tmp_path)
    assert [each.task for each in found.found] == ["one", "zoo"]
    assert [each.name for each in found.left_out] == ["two/trajectory.json"]


async def test_links_are_not_followed_out_and_name_themselves(log: MemoryLog, tmp_path: Path) -> None:
    """Neither a document elsewhere on this machine nor one that is gone passes without a word."""
    put(tmp_path, elsewhere=trajectory())
    folder = put(tmp_path / "job", **{"one/trajectory": trajectory()})
    for name, target in (("out", tmp_path / "elsewhere.json"), ("gone", tmp_path / "gone.json")):
        (folder / name).mkdir()
        (folder / name / "trajectory.json").symlink_to(target)
    found = await import_atif(log, folder)
    assert [each.task for each in found.found] == ["one"]
    assert {each.name: each.problem.partition(": ")[2] for each in found.left_out} == {
        "gone/trajectory.json": "it is a link to nothing",
        "out/trajectory.json": "it is a link that leads out of the folder",
    }


async def test_nothing_readable_leaves_no_trace(log: MemoryLog, tmp_path: Path) -> None:
    """All are named, and the log stays as it was."""
    put(tmp_path, a=trajectory(said(step_id=4)), b=trajectory(version="ATIF-v9.9"))
    with pytest.raises(NothingImported, match=r"a\.json.*b\.json"):
        await import_atif(log, tmp_path)
    assert await every(log, Event) == []


async def test_what_is_no_trajectory_is_passed_over_in_a_folder(log: MemoryLog, tmp_path: Path) -> None:
    """A folder of results holds other files; a folder of none is refused with words, like a path to nothing."""
    put(tmp_path, greet=trajectory(), result={"schema_version": "1.3", "reward": 1})
    assert (await one(log, tmp_path)).task == "greet"
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (empty, tmp_path / "nowhere.json"):
        with pytest.raises(NoTrajectory):
            await import_atif(log, path)


async def test_a_task_is_named_by_its_place_or_by_whoever_imports(log: MemoryLog, tmp_path: Path) -> None:
    """Harbor puts each trajectory into a folder of its trial. A name that is given makes all of them attempts at it."""
    put(tmp_path, **{"greet__x1/agent/trajectory": trajectory(), "word__y2/agent/trajectory": trajectory()})
    assert [each.task for each in (await import_atif(log, tmp_path)).found] == ["greet__x1", "word__y2"]
    (both,) = (await import_atif(log, tmp_path, task="greet")).found
    assert (both.task, both.attempts) == ("greet", 2)
    assert any("order of their files" in each for each in both.inferences)


async def test_agents_below_are_told_in_the_same_attempt(log: MemoryLog, tmp_path: Path) -> None:
    """Embedded ones and those in files of their own; what they cost is paid by the attempt."""
    inner = trajectory(acted(), trajectory_id="inner")
    embedded = trajectory(acted(), trajectory_id="below", subagent_trajectories=[inner])
    refs = [{"trajectory_id": "below"}, {"trajectory_path": "other.json"}, {"trajectory_path": "gone.json"}]
    top = trajectory(
        acted(observation={"results": [result(subagent_trajectory_ref=refs)]}),
        trajectory_id="top",
        subagent_trajectories=[embedded],
        continued_trajectory_ref="more.json",
    )
    more = trajectory(acted(is_copied_context=True), acted("Then I go on."))
    found = await one(log, put(tmp_path, main=top, other=trajectory(acted()), more=more) / "main.json")
    told = await every(log, TrajectoryImported)
    assert [(each.file, each.below) for each in told] == [
        ("main.json", None),
        ("main.json", "top"),
        ("main.json", "below"),
        ("more.json", None),
        ("other.json", None),
    ]
    (state,) = await fold_many(log, [Trials()])
    attempt = state.runs[found.run].trials["main"].attempts["1"]
    assert (attempt.turns, attempt.tokens) == (5, 5 * 120)
    assert any("gone.json" in each for each in found.inferences)


async def test_pictures_are_kept_where_they_are_there(log: MemoryLog, tmp_path: Path) -> None:
    """Beside the document or within it; nothing is fetched, and nothing above the folder is read."""
    folder = tmp_path / "job"
    (tmp_path / "secret.png").write_bytes(b"not for you")

    def picture(path: str) -> dict[str, Any]:
        return {"type": "image", "source": {"media_type": "image/png", "path": path}}

    paths = ("images/a.png", "data:image/png;base64,iVBO", "https://example.org/b.png", "../secret.png")
    seen = [{"type": "text", "text": "See:"}, *map(picture, paths)]
    put(folder, greet=trajectory(said(seen)))
    (folder / "images").mkdir()
    (folder / "images/a.png").write_bytes(IMAGE)
    found = await one(log, folder)
    (step,) = await every(log, StepImported)
    assert await text(log, step.text) == "See:"
    media = [part.media for part in step.parts if part.media is not None]
    assert [(each.path, each.content is not None) for each in media] == [
        ("images/a.png", True),
        ("data:image/png;base64,", True),
        ("https://example.org/b.png", False),
        ("../secret.png", False),
    ]
    assert media[0].content is not None
    assert await log.get(media[0].content) == IMAGE
    assert sum("only its name is kept" in each for each in found.inferences) == 2


async def test_a_link_out_of_the_folder_is_not_followed(log: MemoryLog, tmp_path: Path) -> None:
    """A folder of someone else's cannot make us copy our own files into a log."""
    folder = tmp_path / "job"
    (tmp_path / "secret.png").write_bytes(b"not for you")
    seen = [{"type": "image", "source": {"media_type": "image/png", "path": "a.png"}}]
    put(folder, greet=trajectory(said(seen)))
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    await one(log, folder)
    (step,) = await every(log, StepImported)
    assert step.parts[0].media is not None
    assert step.parts[0].media.content is None


async def test_commands_are_read_from_what_tools_were_given(log: MemoryLog, tmp_path: Path) -> None:
    """PDI reads them; a tool that is no shell is told with its arguments."""
    calls = [
        call("a", "make"),
        call("b", arguments={"cmd": ["git", "commit", "-m", "a b"]}),
        call("c", arguments={"path": "x"}, function_name="read_file"),
    ]
    await one(log, put(tmp_path, greet=trajectory(acted(tool_calls=calls, observation=None))))
    (concluded,) = await every(log, AttemptConcluded)
    assert (await text(log, concluded.commands)).splitlines() == [
        "make",
        "git commit -m 'a b'",
        'read_file {"path":"x"}',
    ]
