"""Stories of resuming: a run cut off anywhere goes on, and repeats nothing that was answered."""

from collections import Counter
from pathlib import Path

import pytest

from engine.core.errors import InputsDiffer, NothingToResume
from engine.core.history import load_histories
from engine.core.prompts import make_prompts
from engine.runtime.run import resume_run, start_run
from events.base import Draft, Event
from events.digest import Digest
from events.integrity.blobs import names_in, names_in_blob
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptAbandoned
from events.types.model import ModelAnswered, ModelAsked
from events.types.session import InFlightFound, InputsChanged, SandboxesSwept
from events.types.trial import AttemptConcluded
from replay.rerun import rerun
from sandbox.scratch import make
from tests.support.pretend import PretendBackend, pretended
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking


async def cut(log: MemoryLog, position: int) -> MemoryLog:
    """Give the log as it would be if the process had died after this position."""
    kept = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        kept.put(await log.get(name))
    async for each in log.read(Selection(until=position)):
        await kept.append(each.stream, [Draft(each.event, each.cause)], expected_version=each.version - 1)
    return kept


async def all_blobs(log: EventLog) -> set[Digest]:
    """List every blob that an event names, itself or through other blobs."""
    waiting = [named async for each in log.read() for named in names_in(each.position, each.event)]
    found: dict[Digest, str] = {}
    while waiting:
        named = waiting.pop()
        if named.kind != "bytes" and found.get(named.digest) != named.kind:
            waiting += names_in_blob(named, await log.get(named.digest))
        found[named.digest] = named.kind
    return set(found)


async def answered(log: EventLog, run: str) -> Counter[tuple[str, int]]:
    """Count the answers of each call, by the place of the request."""
    counts: Counter[tuple[str, int]] = Counter()
    for name, history in (await load_histories(log, run)).by_stream.items():
        for each in history:
            if isinstance(each.event, ModelAnswered) and each.cause is not None:
                counts[name, each.cause.version] += 1
    return counts


@pytest.mark.slow
async def test_a_run_cut_off_after_any_event_goes_on_and_repeats_no_answer(tmp_path: Path) -> None:
    """The whole matrix of one run: every event is the last one once. With pretended sandboxes, for there are many."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    whole = await start_run(pretended(log, base), spec())
    end = (await log.head()).position
    for position in range(4, end - 1):
        rest = await cut(log, position)
        report = await resume_run(pretended(rest, base), whole.run)
        assert report.outcomes == {"word": "solved"}, position
        assert set((await answered(rest, whole.run)).values()) == {1}, position
        assert (await rerun(rest, whole.run)).complete, position


@pytest.mark.slow
async def test_an_attempt_whose_sandbox_died_is_abandoned_and_does_not_count(tmp_path: Path) -> None:
    """It is neither a failure nor a score, and the next one is told the same number."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    whole = await start_run(await setting(log, base), spec(on_loss="abandon"))
    rest = await cut(log, await place_of(log, ModelAnswered))
    await resume_run(await setting(rest, base), whole.run)
    histories = (await load_histories(rest, whole.run)).by_stream
    assert isinstance(histories["attempt/word/1"][-1].event, AttemptAbandoned)
    concluded = [each.event for each in histories["trial/word"] if isinstance(each.event, AttemptConcluded)]
    assert [event.outcome.reward for event in concluded] == [None, 0.0, 1.0]


async def test_a_call_that_was_in_flight_is_reported_and_asked_again(tmp_path: Path) -> None:
    """A person can see what may have been paid for twice."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path)
    whole = await start_run(await setting(log, base), spec())
    position = max([each.position async for each in log.read() if isinstance(each.event, ModelAsked)])
    rest = await cut(log, position)
    await resume_run(await setting(rest, base), whole.run)
    session = (await load_histories(rest, whole.run)).by_stream["session"]
    found = [each.event for each in session if isinstance(each.event, InFlightFound)]
    assert [ref.stream for event in found for ref in event.asked] == ["trial/word"]


async def test_a_task_that_has_changed_is_named_before_anything_is_spent(tmp_path: Path) -> None:
    """Half a run on other inputs is not half a run."""
    log, base, run = await interrupted(tmp_path)
    (base / "tasks/word/instruction.md").write_text("Do something else.\n")
    with pytest.raises(InputsDiffer, match="task word"):
        await resume_run(await setting(log, base), run)


@pytest.mark.slow
async def test_changed_inputs_are_gone_on_with_only_when_a_person_says_so(tmp_path: Path) -> None:
    """And then the log says what they were and what they are."""
    log, base, run = await interrupted(tmp_path)
    (base / "tasks/word/README.md").write_text("Said more.\n")
    report = await resume_run(await setting(log, base), run, accept_changes=True)
    assert report.outcomes == {"word": "solved"}


@pytest.mark.slow
async def test_what_a_person_has_gone_on_with_is_not_asked_about_again(tmp_path: Path) -> None:
    """Cut off once more: what was accepted is what the run now stands on, and going back is a change as well."""
    log, base, run = await interrupted(tmp_path)
    instruction = base / "tasks/word/instruction.md"
    before = instruction.read_text()
    instruction.write_text(before + "Said more.\n")
    await resume_run(await setting(log, base), run, accept_changes=True)
    rest = await cut(log, await place_of(log, AttemptConcluded))
    instruction.write_text(before)
    with pytest.raises(InputsDiffer, match="task word"):
        await resume_run(await setting(rest, base), run)
    instruction.write_text(before + "Said more.\n")
    assert (await resume_run(await setting(rest, base), run)).outcomes == {"word": "solved"}


@pytest.mark.slow
@pytest.mark.parametrize("change", ["another word", "gone"])
async def test_a_script_that_was_changed_is_named(change: str, tmp_path: Path) -> None:
    """It stands in for a model: what it says from here on would not be what the run began with."""
    # Given a run that was cut off, whose script is another one by now, or is no more
    log, base, run = await interrupted(tmp_path)
    script = base / "script.toml"
    before = script.read_text()
    script.unlink() if change == "gone" else script.write_text(f"# {change}\n{before}")
    # When it is resumed, then the script is named, and nothing was done
    end = (await log.head()).position
    with pytest.raises(InputsDiffer, match=r"script script\.toml"):
        await resume_run(await setting(log, base), run)
    assert (await log.head()).position == end
    # And with the script as it was, or if a person says so, it goes on
    if change == "gone":
        script.write_text(before)
    report = await resume_run(await setting(log, base), run, accept_changes=change != "gone")
    assert report.outcomes == {"word": "solved"}


async def test_sandboxes_that_are_kept_apart_less_than_before_are_named(tmp_path: Path) -> None:
    """A machine on which nothing isolates is another place to run commands that a model wrote."""
    log, base, run = await interrupted(tmp_path)
    here = (await setting(log, base)).backend.describe()
    if here.level == "none":
        pytest.skip(here.reason)
    with pytest.raises(InputsDiffer, match="isolation of sandboxes: was namespaces, is none"):
        await resume_run((await setting(log, base))._replace(backend=PretendBackend()), run)


@pytest.mark.slow
async def test_another_version_of_the_package_goes_on_and_the_log_says_from_where(tmp_path: Path) -> None:
    """The history is what is recorded, whatever this version would decide; prompts are those that the run pins."""
    log, base, run = await interrupted(tmp_path)
    here = await setting(log, base)
    texts = {each.name: f"{each.text} More." for each in here.prompts.prompts}
    await resume_run(here._replace(package="newer", prompts=make_prompts(texts)), run)
    noted = [each.event async for each in log.read(Selection(tags={"session.inputs_changed"}))]
    (event,) = noted
    assert isinstance(event, InputsChanged)
    named = {each.what: each.now for each in event.changes}
    assert named["package stillroom"] == "newer"
    assert {each for each in named if each.startswith("prompt ")} == {f"prompt {name}" for name in texts}
    assert (await rerun(log, run)).complete


async def test_a_complete_run_has_nothing_to_resume(tmp_path: Path) -> None:
    """Resuming twice must not run twice."""
    log = MemoryLog(clock=Ticking())
    here = await setting(log, make_base(tmp_path))
    report = await start_run(here, spec())
    with pytest.raises(NothingToResume):
        await resume_run(here, report.run)


async def place_of(log: EventLog, kind: type[Event]) -> int:
    """Give the position of the first event of a kind."""
    return min([each.position async for each in log.read() if isinstance(each.event, kind)])


async def interrupted(folder: Path) -> tuple[MemoryLog, Path, str]:
    """A run that was cut off after its first answer."""
    log = MemoryLog(clock=Ticking())
    base = make_base(folder)
    whole = await start_run(await setting(log, base), spec())
    return await cut(log, await place_of(log, ModelAnswered)), base, whole.run


@pytest.mark.slow
async def test_what_a_dead_process_left_of_its_sandboxes_is_swept_and_named(tmp_path: Path) -> None:
    """A folder that stands in the way of a sandbox being asked for again must not cost the trial an attempt."""
    log, base, run = await interrupted(tmp_path)
    left = make(base / "sandboxes", f"{run}-attempt-word-1")
    stranger = make(base / "sandboxes", "another-run-attempt-word-1")
    report = await resume_run(await setting(log, base), run)
    session = (await load_histories(log, run)).by_stream["session"]
    assert [each.event.names for each in session if isinstance(each.event, SandboxesSwept)] == [(left.folder.name,)]
    assert stranger.folder.is_dir()
    assert report.outcomes == {"word": "solved"}
