"""Stories of job folders that are broken, or not to be trusted: what is odd costs itself, and no secret is kept."""

import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.importers.harbor.importer import import_harbor
from engine.importers.left_out import NothingImported
from engine.importers.streams import ALREADY
from events.errors import StillroomError
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged, ImportedAttempt, UsageImported
from events.types.run import RunImported
from events.types.trajectory import StepImported
from events.types.trial import TrialClosed
from replay.redecide import decisions
from tests.engine.importers.atif.made import acted, call, said, trajectory
from tests.engine.importers.harbor.made import every, exception, job, only, rewarded, took, trial, write


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Open a log in memory."""
    times = count(1_790_000_000_000_000, 1_000)
    async with MemoryLog(clock=lambda: next(times)) as opened:
        yield opened


async def test_keys_in_a_configuration_are_replaced_everywhere(log: MemoryLog, tmp_path: Path) -> None:
    """Harbor writes what it was given; a warning names the variable, never its value."""
    value = "not-a-real-value-0123456789"
    story = trial("word__aaaaaaa", "word", {"verifier/test-stdout.txt": f"PASSED {value}\n"})
    told = story["word__aaaaaaa/result.json"]
    told["config"]["agent"]["env"] = {"SOME_API_KEY": value}
    told["exception_info"] = exception("RuntimeError", f"refused {value}")
    found = await only(log, job(tmp_path / "nightly", story))
    assert any("SOME_API_KEY" in each for each in found.warnings)
    (opened,) = await every(log, RunImported)
    kept = [await log.get(each.digest) for each in opened.files]
    payloads = [each.payload async for each in log.read()]
    assert not [data for data in (*kept, *payloads) if value.encode() in data]
    assert all(each.agrees for each in await decisions(log, found.run))


GOOD = {"verifier_result": rewarded(reward=1.0)}
NAME = "word__bbbbbbb/result.json"
LEFT_OUT: dict[str, tuple[Any, str]] = {
    "empty": ("", "is empty"),
    "cut off": ('{"id": "a851', "no whole JSON"),
    "another thing": ({"hello": 1}, "no result of a trial"),
    "a list": ("[]", "no JSON object"),
    "a step above": ({"step_results": [{"step_name": "../../x"}]}, "above its trial"),
    "too deep": ("[" * 100_000, "too deeply"),
    "endless digits": ('{"id": 1' + "0" * 5_000 + "}", "too many digits"),
}


@pytest.mark.parametrize("story", LEFT_OUT)
async def test_a_trial_that_cannot_be_read_costs_no_more_than_itself(
    story: str, log: MemoryLog, tmp_path: Path
) -> None:
    """It is left out by name, with the reason and the remedy; those before and after it are told."""
    names = ("word__aaaaaaa", "word__bbbbbbb", "word__ccccccc")
    first, bad, last = (trial(name, "word", **GOOD) for name in names)
    broken, told = LEFT_OUT[story]
    if isinstance(broken, dict) and "hello" not in broken:
        broken = {**bad[NAME], **broken}
    folder = write(job(tmp_path / "nightly", first, bad, last), {NAME: broken})
    found = await import_harbor(log, folder)
    (imported,), (left_out,) = found.found, found.left_out
    assert (imported.trials, left_out.name) == (2, "word__bbbbbbb")
    assert told in left_out.problem
    assert left_out.remedy
    (opened,) = await every(log, RunImported)
    assert any(each.startswith("left out: word__bbbbbbb") for each in opened.warnings)
    assert all(each.agrees for each in await decisions(log, imported.run))


@pytest.mark.parametrize("value", [None, "1.0", [1.0], 10**400, {"reward": 1}])
async def test_a_malformed_reward_is_no_verdict_and_never_a_zero(value: Any, log: MemoryLog, tmp_path: Path) -> None:
    """Harbor writes null for the NaN of a reward.json; what else is no finite number says as little."""
    await _malformed(log, tmp_path, {"rewards": {"reward": value}})


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_reward_that_is_no_number_of_json_is_malformed(word: str, log: MemoryLog, tmp_path: Path) -> None:
    """Writers that are less careful than Harbor leave these."""
    await _malformed(log, tmp_path, {"rewards": {"reward": "@"}}, {'"@"': word})


@pytest.mark.parametrize("verdict", [{"rewards": 1.0}, {"rewards": [0.0]}, "solved", [1.0]])
async def test_rewards_without_names_are_malformed(verdict: Any, log: MemoryLog, tmp_path: Path) -> None:
    """Which one counts, nobody says."""
    await _malformed(log, tmp_path, verdict)


async def _malformed(log: MemoryLog, folder: Path, verdict: Any, words: Mapping[str, str] | None = None) -> None:
    """Import a good trial and one with an odd verdict; see that the odd one has none."""
    bad = trial("word__bbbbbbb", "other", verifier_result=verdict)
    text = json.dumps(bad[NAME])
    for word, instead in (words or {}).items():
        text = text.replace(word, instead)
    bad[NAME] = text
    found = await import_harbor(log, job(folder / "nightly", trial("word__aaaaaaa", "word", **GOOD), bad))
    (imported,) = found.found
    assert found.left_out == ()
    closed = await every(log, TrialClosed)
    assert sorted((each.outcome, each.reward) for each in closed) == [("infrastructure", None), ("solved", 1.0)]
    judged = [each.outcome for each in await every(log, AttemptJudged) if each.outcome.kind == "no_verdict"]
    assert [each.reason.partition(":")[0] for each in judged] == ["malformed_reward"]
    assert any("word__bbbbbbb" in each and "malformed" in each for each in imported.warnings)
    assert all(each.agrees for each in await decisions(log, imported.run))


LOOSE: dict[str, tuple[dict[str, Any], str]] = {
    "a count that is a text": ({"agent_result": took(n_input_tokens="many")}, "agent_result.n_input_tokens"),
    "a count below none": ({"agent_result": took(n_input_tokens=-1, n_output_tokens=5)}, "n_input_tokens is -1"),
    "a count of 400 digits": ({"agent_result": took(n_output_tokens=10**400)}, "beyond 2^53"),
    "a price beyond belief": ({"agent_result": took(cost_usd=1e12)}, "cost_usd"),
    "no agent": ({"agent_info": None}, "agent_info is missing"),
    "no task": ({"task_name": 7}, "task_name is missing"),
    "an exception that is a text": ({"exception_info": "it broke"}, "exception_info"),
    "times that are numbers": ({"started_at": 17}, "started_at"),
    "steps that are texts": ({"step_results": ["one"]}, "step_results[0]"),
}


@pytest.mark.parametrize("story", LOOSE)
async def test_a_field_of_another_type_counts_as_missing(story: str, log: MemoryLog, tmp_path: Path) -> None:
    """It is named; the verdict beside it stands."""
    changes, told = LOOSE[story]
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", **{**GOOD, **changes})))
    assert [each.outcome.reward for each in await every(log, AttemptJudged)] == [1.0]
    assert any(told in each for each in imported.warnings), imported.warnings
    assert [each.usage.input_tokens for each in await every(log, UsageImported)] in ([], [None])
    assert all(each.agrees for each in await decisions(log, imported.run))


@pytest.mark.parametrize("written", ["utf-8-sig", "CRLF"])
async def test_how_a_result_is_written_does_not_matter(written: str, log: MemoryLog, tmp_path: Path) -> None:
    """A file that went through another system's editor says what it said."""
    folder = job(tmp_path / "nightly", trial("word__aaaaaaa", "word", **GOOD))
    path = folder / "word__aaaaaaa/result.json"
    text = path.read_text()
    path.write_bytes(text.replace("\n", "\r\n").encode() if written == "CRLF" else text.encode(written))
    found = await import_harbor(log, folder)
    assert found.left_out == ()
    assert [each.outcome.reward for each in await every(log, AttemptJudged)] == [1.0]


async def test_bytes_that_are_no_text_are_replaced_and_named(log: MemoryLog, tmp_path: Path) -> None:
    """The file is kept as it was."""
    folder = job(tmp_path / "nightly", trial("word__aaaaaaa", "word", **GOOD, exception_info=exception("X", "a@b")))
    path = folder / "word__aaaaaaa/result.json"
    path.write_bytes(path.read_bytes().replace(b"a@b", b"a\xffb"))
    imported = await only(log, folder)
    (attempt,) = await every(log, ImportedAttempt)
    assert attempt.error == "X: a\ufffdb"
    assert any("no UTF-8" in each for each in imported.warnings)
    (opened,) = await every(log, RunImported)
    assert path.read_bytes() in [await log.get(each.digest) for each in opened.files]


async def test_a_trajectory_that_cannot_be_read_costs_no_verdict(log: MemoryLog, tmp_path: Path) -> None:
    """It is named with its place, and kept as it was."""
    files = {"agent/trajectory.json": {"schema_version": "ATIF-v1.6"}}
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, **GOOD)))
    assert [each.outcome.kind for each in await every(log, AttemptJudged)] == ["solved"]
    assert any("agent/trajectory.json is no trajectory" in each for each in imported.warnings)
    (opened,) = await every(log, RunImported)
    assert "word__aaaaaaa/agent/trajectory.json" in {each.name for each in opened.files}


@pytest.mark.parametrize("said", ["[]", "{", "", "\0"])
async def test_documents_of_the_job_that_cannot_be_read_cost_no_trial(
    said: str, log: MemoryLog, tmp_path: Path
) -> None:
    """What they would have said is named."""
    folder = write(
        job(tmp_path / "nightly", trial("word__aaaaaaa", "word", **GOOD)), {"config.json": said, "result.json": said}
    )
    imported = await only(log, folder)
    assert (imported.job, imported.trials) == ("nightly", 1)
    assert any("config.json of the job" in each for each in imported.warnings)


async def test_a_single_trial_is_a_job_of_one(log: MemoryLog, tmp_path: Path) -> None:
    """Published trials come one by one; its neighbours are not meant."""
    stories = [trial(f"word__{letter * 7}", "word", **GOOD) for letter in "ab"]
    folder = job(tmp_path / "nightly", *stories)
    found = await import_harbor(log, folder / "word__aaaaaaa")
    (imported,) = found.found
    assert (imported.trials, found.left_out) == (1, ())
    assert (await import_harbor(log, folder / "word__aaaaaaa")).found[0].warnings == (ALREADY,)
    (whole,) = (await import_harbor(log, folder)).found
    assert any(f"1 of its 2 trials stand in run {imported.run} too" in each for each in whole.warnings)
    assert all(each.agrees for each in await decisions(log, imported.run))


async def test_jobs_are_found_below_and_within_each_other(log: MemoryLog, tmp_path: Path) -> None:
    """Each folder is a job, a trial, or is named; hidden ones are nobody's results."""
    jobs = tmp_path / "jobs"
    job(jobs / "week/monday", trial("word__aaaaaaa", "word", **GOOD))
    job(jobs / "friday", trial("word__bbbbbbb", "word", **GOOD))
    job(jobs / "friday/again", trial("word__ccccccc", "word", **GOOD))
    write(jobs, {"friday/late__ddddddd/config.json": {"task": {"path": "x"}}, "notes/read.me": "", ".git/x": ""})
    (jobs / "friday/.DS_Store").write_bytes(b"\0")
    (jobs / "friday/gone").symlink_to(tmp_path / "nowhere")
    (jobs / "week/loop").symlink_to(jobs)
    found = await import_harbor(log, jobs)
    assert {each.job: each.trials for each in found.found} == {"friday": 1, "again": 1, "monday": 1}
    assert sorted(each.name for each in found.left_out) == ["friday/late__ddddddd", "gone", "notes", "week/loop"]


async def test_a_folder_that_was_copied_is_named(log: MemoryLog, tmp_path: Path) -> None:
    """Two folders with the id of one trial both count, and that is said."""
    imported = await only(
        log, job(tmp_path / "nightly", *(trial(f"word__{letter * 7}", "word", **GOOD) for letter in "ab"))
    )
    assert imported.trials == 2
    assert any("word__bbbbbbb: its id is that of word__aaaaaaa" in each for each in imported.warnings)


@pytest.mark.parametrize(
    ("name", "head", "told"),
    [
        ("job.zip", b"PK\x03\x04", "zip archive"),
        ("job.tar.gz", b"\x1f\x8b\x08", "gzip archive"),
        ("job.tar", b"\0" * 257 + b"ustar\x0000", "tar archive"),
        ("result.json", b"{}", "is a file"),
    ],
)
async def test_an_archive_is_to_be_unpacked_first(
    name: str, head: bytes, told: str, log: MemoryLog, tmp_path: Path
) -> None:
    """The remedy says so."""
    (tmp_path / name).write_bytes(head)
    with pytest.raises(NothingImported, match=told):
        await import_harbor(log, tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NothingImported, match="link to nothing"):
        await import_harbor(log, tmp_path / "link")


async def test_a_result_that_is_a_link_out_is_not_read(log: MemoryLog, tmp_path: Path) -> None:
    """A job folder from elsewhere must not bring files of this machine into the log."""
    folder = job(tmp_path / "nightly", *(trial(f"word__{letter * 7}", "word", **GOOD) for letter in "ab"))
    path = folder / "word__bbbbbbb/result.json"
    path.rename(tmp_path / "private.json")
    path.symlink_to(tmp_path / "private.json")
    (folder / "word__aaaaaaa/exception.txt").symlink_to(tmp_path / "private.json")
    found = await import_harbor(log, folder)
    assert [each.name for each in found.left_out] == ["word__bbbbbbb"]
    (opened,) = await every(log, RunImported)
    assert not any("exception.txt" in each.name for each in opened.files)


async def test_a_link_that_leads_out_is_not_followed(log: MemoryLog, tmp_path: Path) -> None:
    """A job folder from elsewhere must not bring files of this machine into the log."""
    (tmp_path / "private").write_text("PASSED mine\n")
    folder = job(tmp_path / "nightly", trial("word__aaaaaaa", "word"))
    (folder / "word__aaaaaaa/verifier").mkdir()
    (folder / "word__aaaaaaa/verifier/test-stdout.txt").symlink_to(tmp_path / "private")
    found = await only(log, folder)
    (attempt,) = await every(log, ImportedAttempt)
    assert attempt.verifier_stdout is None
    assert found.losses["files of verifier"] == 1


async def test_what_is_no_job_is_refused(log: MemoryLog, tmp_path: Path) -> None:
    """A file, an empty folder, and a folder of nothing of Harbor's."""
    write(tmp_path / "jobs", {"nightly/read.me": "", "nightly/word/notes.json": {}})
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text(json.dumps({}))
    for name in ("file", "empty", "jobs", "nowhere"):
        with pytest.raises(StillroomError, match=name):
            await import_harbor(log, tmp_path / name)
    assert not [each async for each in log.read()]


STEPS: dict[str, tuple[dict[str, Any], int, str]] = {
    "a text that is an object": (
        acted(tool_calls=[call(arguments='{"command": "ls"}')]), 3, "steps[1].tool_calls[0].arguments: it is a text",
    ),
    "a text that is none": (
        acted(tool_calls=[call(arguments="ls")]), 3, "steps[1].tool_calls[0].arguments: it is a text",
    ),
    "a list": (acted(tool_calls=[call(arguments=["ls"])]), 2, "steps[1] of the trajectory is left out: Expected"),
    "no source": ({"message": "x"}, 2, "steps[1] of the trajectory is left out"),
    "a time that is none": (acted(timestamp="soon"), 2, "steps[1] of the trajectory is left out: 'soon' is no time"),
    "a number that is none": (acted(step_id="two"), 3, "numbered anew"),
    "a number out of order": (acted(step_id=7), 3, "numbered anew"),
}  # fmt: skip


@pytest.mark.parametrize("story", STEPS)
async def test_an_odd_step_costs_no_more_than_itself(story: str, log: MemoryLog, tmp_path: Path) -> None:
    """The others are told, in their order, and the odd one is named; the file is kept as it was."""
    step, many, told = STEPS[story]
    document = trajectory(said("First."), step, acted("Last."))
    files = {"agent/trajectory.json": document}
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, **GOOD)))
    steps = await every(log, StepImported)
    texts = [(await log.get(each.text)).decode() for each in steps]
    assert (len(texts), texts[0], texts[-1]) == (many, "First.", "Last.")
    assert any(told in each for each in imported.warnings), imported.warnings
    (opened,) = await every(log, RunImported)
    kept = next(each for each in opened.files if each.name.endswith("trajectory.json"))
    assert json.loads(await log.get(kept.digest)) == document
    assert all(each.agrees for each in await decisions(log, imported.run))


CLAUDE = (
    '{"type": "system", "subtype": "init", "session_id": "s", "model": "m"}\n'
    '{"type": "assistant", "message": {"id": "a", "content": [{"type": "text", "text": "I look."}]}}\n'
)


async def test_a_torn_trajectory_leaves_the_agents_own_record(log: MemoryLog, tmp_path: Path) -> None:
    """It is named as torn, and what the agent wrote itself is told."""
    files = {"agent/trajectory.json": json.dumps(trajectory())[:-40], "agent/claude-code.txt": CLAUDE}
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, **GOOD)))
    assert imported.steps == 1
    assert any("agent/trajectory.json is no trajectory that can be read" in each for each in imported.warnings)
    assert any("told from agent/claude-code.txt" in each for each in imported.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ", and agent/claude-code.txt is empty"),
        (" \n", ", and agent/claude-code.txt is empty"),
        ("Killed\n", ", and agent/claude-code.txt holds no steps that can be read"),
        ('{"type": 1', ", and agent/claude-code.txt holds no steps that can be read"),
        (None, ", nor any record of its own"),
    ],
)
async def test_a_record_that_tells_nothing_is_not_called_absent(
    text: str | None, said: str, log: MemoryLog, tmp_path: Path
) -> None:
    """Whoever looks for what the agent did knows where to look, and what not to expect."""
    files = {} if text is None else {"agent/claude-code.txt": text}
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", files, **GOOD)))
    (told,) = [each for each in imported.warnings if "what the agent did is not known" in each]
    assert said in told


@pytest.mark.parametrize(
    ("value", "counts", "said"),
    [
        (True, 1.0, "rewards['reward'] is true: it counts as 1.0, as for Harbor"),
        (False, 0.0, "rewards['reward'] is false: it counts as 0.0, as for Harbor"),
        (-3, -3.0, "rewards['reward'] is -3, below 0: it counts as it is"),
        (0, 0.0, None),
        (1, 1.0, None),
    ],
)
async def test_an_odd_reward_counts_as_for_harbor_and_is_named(
    value: float, counts: float, said: str | None, log: MemoryLog, tmp_path: Path
) -> None:
    """Harbor takes any number; its author may have meant another."""
    verdict = {"rewards": {"reward": value}}
    imported = await only(log, job(tmp_path / "nightly", trial("word__aaaaaaa", "word", verifier_result=verdict)))
    assert [each.outcome.reward for each in await every(log, AttemptJudged)] == [counts]
    told = [each for each in imported.warnings if "rewards[" in each]
    assert [each.endswith(said) for each in told if said] == [True] * (said is not None)
    assert len(told) == (said is not None)
