"""Folders that nobody could have written on purpose: whatever is in them, an import ends soon, and says what it did."""

import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.fold import fold_many
from engine.importers.left_out import NothingImported
from engine.importers.streams import ALREADY
from events.base import Draft, StreamId
from events.integrity.verify import verify
from events.store.memory import MemoryLog
from events.types.model import ModelImported
from events.types.run import RunImported
from events.types.sandbox import ActionAsked
from events.types.trial import TrialClosed
from projections.registry import registered
from tests.engine.importers.spark.made import as_lines, attempts, codex, reflection, result, snapshot, tasks, tried

NAMES = ("SKILL.md", "attempts.json", "trajectory.jsonl")
WHOLE = {
    "SKILL.md": "---\nname: greet\ndescription: Greets.\n---\n\n# Greeting\n",
    "attempts.json": json.dumps(attempts(tried(0), tried(1, 1.0))),
    "trajectory.jsonl": as_lines(
        result(0, agent_stdout_full=codex("ls")), snapshot(0), reflection(0), result(1, reward=1.0)
    ),
}


def new_log() -> MemoryLog:
    """Make an empty log."""
    ticks = count(1)
    return MemoryLog(clock=lambda: next(ticks))


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Give an empty log."""
    async with new_log() as made:
        yield made


def task(folder: Path, **files: str | bytes) -> Path:
    """Make a task's folder; names have ``_`` for the dot."""
    made = folder / "greet"
    made.mkdir(parents=True)
    for name, content in files.items():
        (made / name.replace("_", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    return made


@pytest.mark.parametrize("filler", ["A" * 200_000, "A_KEY" * 40_000, "\\" * 200_000, '\\"' * 100_000])
@pytest.mark.timeout(20)
async def test_a_long_line_that_was_cut_is_looked_through_in_time(log: MemoryLog, tmp_path: Path, filler: str) -> None:
    """Keys are looked for in what cannot be parsed, too; that took longer than a run, once."""
    cut = json.dumps(result(0, agent_stdout_full=filler))[:-1]
    (imported,) = await tasks(log, task(tmp_path, trajectory_jsonl=f"{cut}\n{json.dumps(result(1))}"))
    assert imported.attempts == 1
    assert any("line 1: no JSON" in text for text in imported.warnings)


async def test_a_key_that_stands_twice_is_named(log: MemoryLog, tmp_path: Path) -> None:
    """JSON readers do not agree on which one counts, so a person should know that there are two."""
    line = json.dumps(result(0))[:-1] + ', "reward": 1.0}'
    (imported,) = await tasks(log, task(tmp_path, trajectory_jsonl=line))
    assert "trajectory.jsonl line 1: the key 'reward' stands twice in an object; the last one counts" in (
        imported.warnings
    )
    assert (await _all(log, TrialClosed))[0].reward == 1.0


async def test_calls_keep_how_long_they_took(log: MemoryLog, tmp_path: Path) -> None:
    """Reflection is part of what a run costs in time; NaN is no time."""
    lines = as_lines(
        result(0), reflection(0, latency_s=22.5), result(1), reflection(1, latency_s=float("nan"), memo_before=None)
    )
    (imported,) = await tasks(log, task(tmp_path, trajectory_jsonl=lines))
    assert [event.latency_s for event in await _all(log, ModelImported)] == [22.5, None]
    assert any("latency_s is the number nan instead of a finite number" in text for text in imported.warnings)


async def test_an_import_by_another_version_stands(log: MemoryLog, tmp_path: Path) -> None:
    """A later version may tell the same files in more events: they are not put beside the ones that are there."""
    folder = task(tmp_path, trajectory_jsonl=WHOLE["trajectory.jsonl"])
    async with new_log() as other:
        (wanted,) = await tasks(other, folder)
    for stream, event in (("run", _imported()), ("trial/greet", TrialClosed("solved", 1, 1.0))):
        await log.append(StreamId(wanted.run, stream), [Draft(event, None)], expected_version=0)
    (again,) = await tasks(log, folder)
    assert again.warnings == (ALREADY,)
    assert (await log.head()).position == 2


_JSON = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
        *(st.sampled_from([codex("ls"), "\ud800", "PASS", "soft", "### Verified Facts\n- a"]), st.just("\\u0000")),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_KINDS: tuple[dict[str, Any], ...] = (
    *(result(0), snapshot(0), reflection(0), tried(0)),
    *({"type": "skill_gen_call"}, {"type": "task_summary"}),
)
_RECORDS = st.sampled_from(_KINDS).flatmap(
    lambda record: st.fixed_dictionaries(
        {}, optional={key: st.just(value) | _JSON for key, value in {**record, "ts": 1.0}.items()}
    ).map(lambda changed: {**record, **changed})
)
_LINES = st.lists(_RECORDS | _JSON, max_size=6).map(lambda records: as_lines(*records).encode())
_ENDING = st.fixed_dictionaries(
    {}, optional={key: st.just(value) | st.lists(_RECORDS) | _JSON for key, value in attempts(tried(0)).items()}
).map(lambda record: json.dumps(record).encode())


@pytest.mark.slow
@given(files=st.fixed_dictionaries({}, optional={"trajectory.jsonl": _LINES, "attempts.json": _ENDING}))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_records_of_any_shape_are_imported(files: dict[str, bytes]) -> None:
    """Any field may hold anything. What comes of it can be verified, and every view can be folded."""
    await _survives({"SKILL.md": b"a skill", **files})


@pytest.mark.slow
@given(name=st.sampled_from(NAMES), start=st.integers(0, 900), cut=st.integers(0, 40), put=st.binary(max_size=6))
@settings(max_examples=60, deadline=None)
async def test_damage_anywhere_costs_no_more_than_what_it_hits(name: str, start: int, cut: int, put: bytes) -> None:
    """Bytes lost, bytes changed, bytes put in: at any place of any file."""
    data = WHOLE[name].encode()
    damaged = data[:start] + put + data[start + cut :]
    await _survives({**{each: text.encode() for each, text in WHOLE.items()}, name: damaged})


async def _survives(files: dict[str, bytes]) -> None:
    """Import, look at everything, and import again."""
    async with new_log() as log:
        with TemporaryDirectory() as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            try:
                (imported,) = await tasks(log, Path(folder))
            except NothingImported:
                return
            (opened,) = await _all(log, RunImported)
            if not any("holds the value of" in text for text in opened.warnings):
                assert {file.name: await log.get(file.digest) for file in opened.files} == files
            assert (await verify(log)).sound
            await fold_many(log, registered())
            head = await log.head()
            assert await tasks(log, Path(folder)) == [imported._replace(warnings=(ALREADY,))]
            assert await log.head() == head


def _imported() -> RunImported:
    return RunImported("spark", "greet", (), None, None, None, ())


async def _all(log: MemoryLog, kind: type[Any]) -> list[Any]:
    """Give the events of a class."""
    return [recorded.event async for recorded in log.read() if isinstance(recorded.event, kind)]


async def test_commands_survive_whatever_stands_around_them(log: MemoryLog, tmp_path: Path) -> None:
    """An agent prints what it likes before and after the line that tells of a command."""
    stdout = "\n".join(["{", "\x00\x1b[31m", "[" * 50_000, codex("ls"), '{"item": {"type": "command_execution"}}'])
    await tasks(log, task(tmp_path, trajectory_jsonl=json.dumps(result(0, agent_stdout_full=stdout))))
    (asked,) = await _all(log, ActionAsked)
    assert await log.get(asked.command) == b"ls"
