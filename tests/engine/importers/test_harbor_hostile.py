"""Stories of job folders that are broken, or not to be trusted: nothing is half imported, and no secret is kept."""

import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from engine.importers.harbor import import_harbor
from engine.importers.harbor_files import HarborWrong
from events.attempt import ImportedAttempt
from events.errors import StillroomError
from events.memory import MemoryLog
from events.run import RunImported
from replay.redecide import decisions
from tests.engine.importers.harbor_made import every, exception, job, trial, write


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
    found = await import_harbor(log, job(tmp_path / "nightly", story))
    assert any("SOME_API_KEY" in each for each in found.warnings)
    (opened,) = await every(log, RunImported)
    kept = [await log.get(each.digest) for each in opened.files]
    payloads = [each.payload async for each in log.read()]
    assert not [data for data in (*kept, *payloads) if value.encode() in data]
    assert all(each.agrees for each in await decisions(log, found.run))


BROKEN = {
    "cut off": ("word__bbbbbbb/result.json", '{"id": "a851', "result.json"),
    "another thing": ("word__bbbbbbb/result.json", {"hello": 1}, "missing required field"),
    "a reward that is none": (
        "word__bbbbbbb/result.json",
        {"verifier_result": {"rewards": {"reward": "x"}}},
        "rewards",
    ),
    "a job that is none": ("config.json", "[]", "config.json"),
    "a trajectory that is none": ("word__bbbbbbb/agent/trajectory.json", {"schema_version": "ATIF-v1.6"}, "trajectory"),
    "a step above": ("word__bbbbbbb/result.json", {"step_results": [{"step_name": "../../x"}]}, "above its trial"),
}


@pytest.mark.parametrize("story", BROKEN)
async def test_a_broken_file_is_named_and_nothing_is_half_imported(story: str, log: MemoryLog, tmp_path: Path) -> None:
    """The good trial before it is not imported either."""
    good, bad = trial("word__aaaaaaa", "word"), trial("word__bbbbbbb", "word")
    name, broken, told = BROKEN[story]
    if name.endswith("bbbbbbb/result.json") and isinstance(broken, dict) and "hello" not in broken:
        broken = {**bad[name], **broken}
    folder = write(job(tmp_path / "nightly", good, bad), {name: broken})
    with pytest.raises(HarborWrong, match=told) as raised:
        await import_harbor(log, folder)
    assert str(folder / name) in raised.value.problem
    assert "nothing was imported" in raised.value.remedy
    assert not [each async for each in log.read()]


async def test_a_link_that_leads_out_is_not_followed(log: MemoryLog, tmp_path: Path) -> None:
    """A job folder from elsewhere must not bring files of this machine into the log."""
    (tmp_path / "private").write_text("PASSED mine\n")
    folder = job(tmp_path / "nightly", trial("word__aaaaaaa", "word"))
    (folder / "word__aaaaaaa/verifier").mkdir()
    (folder / "word__aaaaaaa/verifier/test-stdout.txt").symlink_to(tmp_path / "private")
    found = await import_harbor(log, folder)
    (attempt,) = await every(log, ImportedAttempt)
    assert attempt.verifier_stdout is None
    assert found.losses["files of verifier"] == 1


async def test_what_is_no_job_is_refused(log: MemoryLog, tmp_path: Path) -> None:
    """A file, an empty folder, and a folder of jobs."""
    job(tmp_path / "jobs/nightly", trial("word__aaaaaaa", "word"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text(json.dumps({}))
    for name in ("file", "empty", "jobs", "nowhere"):
        with pytest.raises(StillroomError, match=name):
            await import_harbor(log, tmp_path / name)
    assert not [each async for each in log.read()]
