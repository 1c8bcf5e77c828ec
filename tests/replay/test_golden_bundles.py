"""Runs that earlier versions of the package wrote: whatever changes, they are the same again.

Each file in ``tests/golden`` that ends in ``.bundle`` is one; ``docs/schema-change.md`` says when to add another.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import pytest

from engine.config.spec import read_spec
from engine.core.history import load_histories
from engine.effects.budget import BudgetKeeper, Caps
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import resume_run, start_run
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.integrity.verify import verify
from events.store.base import Row, Selection
from events.store.memory import MemoryLog
from events.types.decision import DecisionMade
from events.types.model import ModelAsked, TryMade
from events.types.run import RunOpened
from replay.redecide import decisions
from replay.rerun import rerun
from tests.cli.terminal import type_in
from tests.engine.runtime.test_resume import all_blobs
from tests.support.earlier import as_written_by_323f770
from tests.support.edits import edit_events
from tests.support.pretend import pretended
from tests.support.quiz_runs import make_items
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

GOLDEN: Final = sorted((Path(__file__).parents[1] / "golden").glob("*.bundle"))


@pytest.mark.slow
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_run_of_an_earlier_version_is_the_same_again(path: Path, tmp_path: Path) -> None:
    """Rebuilt, decided again and run again, from the bundle and from a log that it was brought into."""
    verified = type_in(tmp_path, "bundle", "verify", str(path), "--json")
    assert (verified.code, verified.rows[0]["sound"]) == (0, True)
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    for words in ((str(path),), ()):
        outcome = type_in(tmp_path, "replay", *words, "--json")
        assert outcome.code == 0, outcome.out
        by_kind = {row["kind"]: row for row in outcome.rows}
        assert by_kind["rerun"]["complete"] is True
        assert by_kind["rerun"]["events"] + 2 >= verified.rows[0]["events"] > 30
        assert by_kind.keys() >= {"view", "redecided"}


async def test_what_an_earlier_version_could_not_record_of_a_ruling_is_not_compared() -> None:
    """Its trials did not say what follows an attempt: that is worked out, and told nowhere as if it were on record."""
    log = MemoryLog(clock=Ticking())
    async with await BundleSource.open(GOLDEN[0].with_name("demo-323f770.bundle")) as bundle:
        (run,) = (await require_sound(bundle)).runs
        await copy(bundle, log, (run,))
    made = [each for each in await decisions(log, run) if each.point == "stopping"]
    assert any(each.entry.ruling.then is not None for each in made)
    for each in made:
        assert each.agrees
        assert "then" not in {*each.recorded, *each.decided}


def test_an_edited_event_of_an_earlier_version_is_named_by_its_fields_of_today(tmp_path: Path) -> None:
    """Lifting hides no difference, and makes none: 0 for *none follows* is none, 9 in place of 2 is another number."""
    (path,) = [each for each in GOLDEN if each.stem == "demo"]
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    edit_events(tmp_path / ".stillroom/log.db", "trial.next_decided", '"counted":2', '"counted":9')
    outcome = type_in(tmp_path, "replay", "--redecide", "--rerun", "--json")
    assert outcome.code == 4
    found = {(row["field"], row["recorded"], row["decided"]) for row in outcome.rows if row["kind"] == "difference"}
    assert {each for each in found if each[0] == "counted"} == {("counted", "9", "2")}


@pytest.mark.slow
async def test_a_run_that_an_earlier_version_began_goes_on_in_the_shapes_of_today(tmp_path: Path) -> None:
    """Resumed after each decision that it wrote in the old shape, it ends as it did; both shapes stand in it then."""
    whole, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(await setting(whole, base), spec())).run
    decided = [each.position async for each in whole.read(Selection(tags={"trial.next_chosen"}))]
    for position in decided[:-1]:
        older = await as_written_earlier(whole, position)
        report = await resume_run(await setting(older, base), run)
        assert report.outcomes == {"word": "solved"}
        tags = [row.tag async for page in older.rows() for row in page if row.tag.startswith("trial.next_")]
        assert {"trial.next_decided", "trial.next_chosen"} == set(tags)
        assert (await rerun(older, run)).complete
        assert (await verify(older)).sound
        assert await _without_inputs(older, run) == await _without_inputs(whole, run)


async def _without_inputs(log: MemoryLog, run: str) -> list[tuple[str, dict[str, object]]]:
    """List what each stream holds, without what an older shape of a decision could not say."""
    kept = []
    for name, history in (await load_histories(log, run)).by_stream.items():
        for each in history if name != "session" else ():
            fields: dict[str, object] = msgspec.json.decode(msgspec.json.encode(each.event))
            lacking = {"saw", "inputs", "rule", "point_revision", "then"}
            kept.append((name, {key: value for key, value in fields.items() if key not in lacking}))
    return sorted(kept, key=lambda each: each[0])


async def as_written_earlier(log: MemoryLog, position: int, *, in_tries: bool = False) -> MemoryLog:
    """Give a log up to a position as a version before would have left it; with calls in tries, if it was 323f770."""
    older = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        older.put(await log.get(name))
    source = await as_written_by_323f770(log, position) if in_tries else log
    async for page in source.rows(Selection(until=position)):
        await older.adopt([_older_call(row) if in_tries else _older(row) for row in page])
    return older


@pytest.mark.slow
async def test_a_run_whose_calls_an_earlier_version_tried_several_times_goes_on(tmp_path: Path) -> None:
    """Resumed after each call, answered or not: none that ended is asked again, and the tries before it are charged."""
    whole, base = MemoryLog(clock=Ticking()), make_base(tmp_path, CUT_ONCE)
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 100}, "tries": 1}
    asked = spec(
        models={"teacher": teacher}, prices={"teacher": {"input": "1", "output": "1"}}, budget={"run_usd": "1"}
    )
    run = (await start_run(await setting(whole, base), asked)).run
    ended = [each.position async for each in whole.read(Selection(tags={"model.call_answered", "model.call_failed"}))]
    tags: set[str] = set()
    for position in ended:
        older = await as_written_earlier(whole, position, in_tries=True)
        before = await _charged(older, run)
        await resume_run(await setting(older, base), run)
        calls = [each async for each in older.read(Selection(run=run)) if isinstance(each.event, ModelAsked)]
        causes = Counter([each.cause async for each in older.read(Selection(run=run)) if each.cause is not None])
        assert {causes[each.ref] for each in calls} == {1}
        assert await _charged(older, run) >= before > 0
        assert (await rerun(older, run)).complete
        assert (await verify(older)).sound
        tags |= {row.tag async for page in older.rows() for row in page}
    assert tags >= {"model.answered", "model.failed", "model.call_answered", "model.call_failed"}


async def _charged(log: MemoryLog, run: str) -> int:
    """Say what a budget keeper takes a run up with."""
    keeper = BudgetKeeper(Caps(None, None))
    keeper.fold((await load_histories(log, run)).by_stream)
    return keeper.committed


LAMPS: Final = (
    SCRIPT
    + """
[[rule]]
name = "reads it"
contains = ["Lamp 9 has K9."]
[[rule.turn]]
text = "<answer>K9</answer>"

[[rule]]
name = "knows nothing"
contains = ["lamp"]
[[rule.turn]]
text = "<answer>no idea</answer>"
"""
)
"""Whom the evaluations of e5eaad7 asked."""
ANSWERED: Final = frozenset({"model.call_answered"})


async def cut_evaluation(folder: Path) -> tuple[MemoryLog, str]:
    """Give the log that a killed process of e5eaad7 left in the middle of an evaluation, and make its world again."""
    make_base(folder, LAMPS)
    numbers = range(1, 12)
    told = {number: f"[DOC] Lamp {number} has K{number}." for number in numbers if number % 3 == 0}
    rows = [
        {"id": f"lamp-{n}", "question": f"Which code has lamp {n}?", "context": told.get(n), "answers": [f"K{n}"]}
        for n in numbers
    ]
    make_items(folder / "quiz", rows)
    log = MemoryLog(clock=Ticking())
    async with await BundleSource.open(GOLDEN[0].parent / "cut" / "evaluation-e5eaad7.bundle") as bundle:
        (run,) = (await require_sound(bundle)).runs
        await copy(bundle, log, (run,))
    return log, run


@pytest.mark.slow
async def test_an_evaluation_that_was_killed_under_an_earlier_version_goes_on_as_it_began(tmp_path: Path) -> None:
    """Given 15 scores of 36, it ends with all; nothing is asked again, and no event is in it that its shape has not."""
    log, run = await cut_evaluation(tmp_path)
    answered = {each.cause async for each in log.read(Selection(run=run, tags=ANSWERED))}
    assert len([each async for each in log.read(Selection(run=run, tags={"evaluation.scored"}))]) == 15
    report = await resume_run(pretended(log, tmp_path), run)
    assert len(report.outcomes) == 36
    assert {arm: report.outcomes[f"{arm}/word/1"] for arm in ("none", "two")} == {"none": "unsolved", "two": "solved"}
    causes = Counter([each.cause async for each in log.read(Selection(run=run, tags=ANSWERED))])
    assert {causes[each] for each in answered} == {1}
    tags = {row.tag async for page in log.rows() for row in page}
    assert "evaluation.compared" in tags
    assert not tags & {"set.opened", "looks.asked", "skills.given", "answers.asked"}
    points = {each.event.point async for each in log.read(Selection(run=run)) if isinstance(each.event, DecisionMade)}
    assert not points & {"next_cells", "skill_scan", "verifications"}
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))


async def test_a_fork_of_an_evaluation_of_an_earlier_version_goes_on_in_its_shape(tmp_path: Path) -> None:
    """Given one cut in the middle, a fork that changes nothing ends as the run itself would, and replays."""
    log, run = await cut_evaluation(tmp_path)
    opened = next(iter([each.event async for each in log.read(Selection(run=run, tags={"run.opened"}))]))
    assert isinstance(opened, RunOpened)
    same, head = read_spec(await log.get(opened.spec)), (await log.head()).position
    report = await fork_run(pretended(log, tmp_path), Fork(run, head, same, ()))
    assert len(report.outcomes) == 36
    tags = {row.tag async for page in log.rows() for row in page}
    assert "evaluation.compared" in tags
    assert not tags & {"set.opened", "looks.asked", "skills.given"}
    assert (await rerun(log, report.run)).complete


CUT_ONCE: Final = SCRIPT.replace('text = "I guess."', 'text = "I guess."\nerror = "half"\ntimes = 1', 1)
"""A model whose first answer is cut off once."""


def _older(row: Row) -> Row:
    if row.tag != "trial.next_chosen":
        return row
    fields = msgspec.json.decode(row.payload)
    old = {name: fields[name] for name in ("after", "decision", "counted", "reason")}
    old |= {"tag": "trial.next_decided", "counted": old["counted"] or 0}
    return row._replace(tag="trial.next_decided", payload=msgspec.json.encode(old))


def _older_call(row: Row) -> Row:
    """Write a call as if the try that it tells of had been the second of two, the first of them cut off."""
    if row.tag not in {"model.call_answered", "model.call_failed"}:
        return row
    fields = msgspec.json.decode(row.payload)
    today = {"reasoning", "status", "earlier"} if row.tag == "model.call_answered" else set(FAILED_TODAY)
    tries = [TryMade(200, "malformed", 0.5), TryMade(fields["status"], fields.get("kind"), 0.0)]
    old = {name: value for name, value in fields.items() if name not in today}
    old |= {"tag": row.tag.replace("call_", ""), "tries": msgspec.to_builtins(tries)}
    return row._replace(tag=old["tag"], payload=msgspec.json.encode(old))


FAILED_TODAY: Final = ("usage", "cost", "sent", "retryable", "retry_after_s", "earlier")
"""Fields of a failed call that the old shape had not."""
