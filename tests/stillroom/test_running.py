"""Stories of a program of one's own that makes a spec, runs it, and opens its log."""

import tomllib
from pathlib import Path

import pytest

import stillroom as st
from engine.config.errors import ConfigRefused
from events.errors import LogNotOurs
from events.store.sqlite.lock import FileLock
from events.types.run import RunClosed, RunOpened
from tests.support.isolation import sandbox_here
from tests.support.runs import make_base

SPEC = {"tasks": "tasks", "agent": {"name": "oracle"}}
HERE = {**SPEC, "sandbox": sandbox_here()}


def _names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_a_spec_of_values_is_run_and_its_log_is_opened(tmp_path: Path) -> None:
    """Tasks, log and sandboxes lie where the folder says, which need not be the one of the process."""
    base = make_base(tmp_path)
    report = await st.run(st.spec_from(HERE), folder=base, log=Path("kept/log.db"))
    assert report.outcomes == {"word": "solved"}
    assert (base / "kept/log.db").exists()
    assert (base / ".stillroom/sandboxes").is_dir()
    async with st.open_log(base / "kept/log.db") as log:
        events = [each.event async for each in log.read()]
    opened = [each for each in events if isinstance(each, RunOpened)]
    assert [task.name for each in opened for task in each.tasks] == ["word"]
    assert [each.shape for each in opened] == [4]  # every decision is on record
    assert [each.solved for each in events if isinstance(each, RunClosed)] == [1]


def test_a_spec_of_a_file_is_what_its_values_are(tmp_path: Path) -> None:
    """With its paths taken from the folder of the file, wherever the process is."""
    (tmp_path / "run.toml").write_text('tasks = "tasks"\n[agent]\nname = "oracle"\n')
    assert st.spec_from(str(tmp_path / "run.toml")) == st.spec_from(tmp_path / "run.toml")
    assert st.spec_from(tmp_path / "run.toml") == st.spec_from({**SPEC, "tasks": str(tmp_path / "tasks")})


def test_values_of_a_program_are_read_as_a_file_is(tmp_path: Path) -> None:
    """A provider by its name, and the table of another program: neither has another form for those who embed us."""
    text = """
program = "evaluate"
tasks = "tasks"
[models.teacher]
provider = "openai"
model = "NAME"
[evaluate]
baseline = "none"
[evaluate.arms.none]
skills = ""
"""
    (tmp_path / "run.toml").write_text(text.replace('"tasks"', f'"{tmp_path / "tasks"}"'))
    values = {**tomllib.loads(text), "tasks": str(tmp_path / "tasks")}
    assert st.spec_from(values) == st.spec_from(tmp_path / "run.toml")


def test_a_spec_that_is_none_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    """With what is wrong with it."""
    (tmp_path / "run.toml").write_text('tasks = "tasks"\n[agent]\nnickname = "oracle"\n')
    with pytest.raises(ConfigRefused, match="nickname"):
        st.spec_from(tmp_path / "run.toml")
    with pytest.raises(ConfigRefused, match="nickname"):
        st.spec_from({"tasks": "tasks", "agent": {"nickname": "oracle"}})
    with pytest.raises(ConfigRefused, match=r"agent\.max_turns must be a whole number"):
        st.spec_from({"tasks": "tasks", "agent": {"max_turns": "many"}})


async def test_opening_a_log_that_is_not_there_makes_none(tmp_path: Path) -> None:
    """It is opened to be read: a wrong path must not look like a log without events."""
    with pytest.raises(LogNotOurs):
        async with st.open_log(tmp_path / "log.db"):
            pass
    assert _names(tmp_path) == []


async def test_an_opened_log_keeps_no_writer_out(tmp_path: Path) -> None:
    """The lock is held while it is opened and closed alone: a run may begin meanwhile, and what it records is read."""
    base = make_base(tmp_path)
    path = base / ".stillroom/log.db"
    await st.run(st.spec_from(HERE), folder=base)
    async with st.open_log(path) as log:
        before = await log.head()
        lock = FileLock(path, patience_s=0.0)
        with lock:
            assert await log.head() == before
        lock.close()
        report = await st.run(st.spec_from(HERE), folder=base)
        assert report.run in await log.runs()
        assert await log.head() != before
