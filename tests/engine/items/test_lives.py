"""Items in all lives of a run: killed and resumed, stopped, copied, explained; and those that are shipped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from engine.effects.conversation import ConversationReader
from engine.items.base import Split
from engine.items.formats.question import QUESTION
from engine.items.item_set import ItemSelection, ItemSet, load_items
from engine.items.points import ITEM_SCORE
from events.bundle.copy import copy
from events.digest import digest_of
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.control import CancelOrdered
from events.types.item import ItemScored, ItemUnanswered
from events.types.model import ModelAsked
from replay.rerun import rerun
from tests.engine.runtime.test_control import Stage
from tests.support.causes import chain, walked
from tests.support.crashes import CrashMatrix, ended, in_memory, world
from tests.support.orders import CountingClock
from tests.support.quiz import quiz_installed
from tests.support.quiz_runs import SKILL, STUDENT, make_items, quiz_spec, quizzed
from tests.support.runs import make_base

DEMO: Final = Path(__file__).parents[3] / "engine" / "demo" / "items"
ARMS: Final = {"none": "", "skill": SKILL}


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the quiz."""
    with quiz_installed(tmp_path_factory.mktemp("installed")):
        yield


async def _scores(log: EventLog) -> dict[str, Any]:
    found = [each async for each in log.read(Selection(tags={"item.scored"}))]
    return {each.stream.name: msgspec.structs.replace(each.event, inputs=None) for each in found}


@pytest.mark.parametrize("step", [pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 13])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """No answered call is paid for again, no cap is overdrawn, and every item is scored as it was."""
    async with world(tmp_path, script=STUDENT) as plain_world:
        make_items(plain_world.base / "items")
        spec = msgspec.structs.replace(plain_world.spec, program="quiz", own={"skills": ARMS})
        here: CrashMatrix = plain_world._replace(spec=spec)
        opened = in_memory()
        plain = await ended(here, (), opened)
        async with opened() as log:
            wanted = await _scores(log)
        assert len(wanted) == 4
        for moment in range(0, plain.moments[0], step):
            opened = in_memory()
            seen = await ended(here, (moment,), opened)
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            async with opened() as log:
                assert await _scores(log) == wanted, seen.deaths


async def test_an_item_that_is_stopped_is_not_scored(tmp_path: Path) -> None:
    """Its call is cut off, it says why, and the run ends; what was scored before stays."""
    stage = Stage(make_base(tmp_path, STUDENT.replace('text = "<answer>I do not know</answer>"', 'error = "hang"')))
    make_items(tmp_path / "items")

    async def story() -> None:
        await stage.until("item/quiz.blue.1", ItemScored)
        await stage.until("item/quiz.amber.1", ModelAsked)
        assert (await stage.order(CancelOrdered("ada", "it hangs", None))).done

    report = await stage.play(quiz_spec(), story)
    assert report.outcomes == {"item/quiz.amber.1": "stopped", "item/quiz.blue.1": "solved"}
    assert await stage.told("item/quiz.amber.1", ItemUnanswered, ItemScored) == [
        ItemUnanswered("stopped", "cancelled by ada: it hangs", 0, 0)
    ]
    assert await stage.same_again()


async def test_a_copy_of_the_log_has_all_that_an_item_names(tmp_path: Path) -> None:
    """Images, rows and conditions: whole, verified, and enough to live the run again."""
    (tmp_path / "items" / "test").mkdir(parents=True)
    (tmp_path / "items" / "test" / "page.png").write_bytes(b"\x89PNG a page")
    row = b'{"id": "p", "question": "Which lamp is on the page?", "answers": ["Amber"], "image": "page.png"}'
    (tmp_path / "items" / "test" / "rows.jsonl").write_bytes(row)
    answer = 'name = "x"\n[[rule]]\nname = "x"\ncontains = ["on the page"]\n[[rule.turn]]\ntext = "amber"\n'
    seen = await quizzed(tmp_path, quiz_spec(format="docvqa"), answer)
    assert seen.outcomes == {"item/quiz.p.1": "solved"}
    log = MemoryLog(clock=CountingClock())
    await copy(seen.log, log)
    assert await log.get(digest_of(b"\x89PNG a page")) == b"\x89PNG a page"
    (asked,) = [each.event async for each in log.read(Selection(tags={"model.asked"}))]
    assert isinstance(asked, ModelAsked)
    assert (await ConversationReader(log).read(asked.conversation)).images == (digest_of(b"\x89PNG a page"),)
    assert (await verify(log)).sound
    assert (await rerun(log, seen.run)).complete


async def test_a_score_is_explained_down_to_what_the_model_was_told(tmp_path: Path) -> None:
    """By references, and it comes out the same when it is made again."""
    seen = await quizzed(tmp_path, quiz_spec(skills=ARMS))
    found = await walked(seen.log, seen.run)
    assert (found.chains, found.broken, found.differ) == (4, [], [])
    scored = next(each for each in await seen.events("item.scored") if each.stream.name.startswith("item/skill"))
    nodes = await chain(seen.log, seen.run, scored.ref)
    assert nodes[0].again is not None
    assert (nodes[0].again.point, nodes[0].again.agrees) == (ITEM_SCORE.name, True)
    assert {"item.opened", "item.answered", "model.call_answered", "conversation"} <= {node.tag for node in nodes}


def _demo(split: Split) -> ItemSet:
    return load_items("jars", QUESTION, DEMO, ItemSelection(split=split), digest_of)


def test_the_shipped_items_are_enough_to_compare_arms() -> None:
    """Half of them need the skill, half can be read from their context; ten families and more in the test set."""
    assert [len(_demo(split).items) for split in get_args(Split)] == [12, 10, 24, 46]
    test = _demo("test").items
    assert len({each.family for each in test}) == 12
    assert {each.task_type for each in test} == {"label", "shelf"}
