"""Items are rolled out under a condition and scored: everything is on record, and nothing is a score that is none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.errors import WayUnsupported
from engine.items.points import RolloutSpec
from events.store.base import EventLog
from events.types.item import ItemAnswered, ItemOpened, ItemScored, ItemUnanswered
from events.types.model import ModelAsked
from events.values import Ratio
from projections.cost import Cost
from replay.ledger import read_ledger
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.mutation import mutate
from tests.support.provider import Provider, serving, whole
from tests.support.quiz import quiz_installed
from tests.support.quiz_runs import SKILL, STUDENT, Quizzed, make_items, quiz_spec, quizzed

ARMS: Final = {"none": "", "skill": SKILL}


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the quiz."""
    with quiz_installed(tmp_path_factory.mktemp("installed")):
        yield


async def test_what_the_model_is_told_decides_and_the_score_is_on_record(tmp_path: Path) -> None:
    """Given a student who knows only what it is sent, when it has the skill, then it solves what the skill says."""
    seen = await quizzed(tmp_path, quiz_spec(skills=ARMS))
    assert seen.outcomes == {
        "item/none/quiz.amber.1": "unsolved",
        "item/none/quiz.blue.1": "solved",
        "item/skill/quiz.amber.1": "solved",
        "item/skill/quiz.blue.1": "solved",
    }
    scored = {each.stream.name: each.event for each in await seen.events("item.scored")}
    assert set(scored) == set(seen.outcomes)
    failed = scored["item/none/quiz.amber.1"]
    assert isinstance(failed, ItemScored)
    assert (failed.hard, failed.soft, failed.answer) == (False, Ratio(0, 1), "I do not know")
    assert failed.reasons == ("it equals none of the expected answers",)


async def test_all_arms_are_told_the_same_bytes_but_for_the_skill(tmp_path: Path) -> None:
    """Without the skill's own text, what both arms were sent is equal: the skill has its place in both."""
    seen = await quizzed(tmp_path, quiz_spec(skills=ARMS))
    told = {name: await _told(seen.log, digest) for name, digest in await _conversations(seen)}
    block = load_prompts().fill("item_skill", name="told", text=SKILL)
    for item in ("amber", "blue"):
        bare, with_skill = (told[f"item/{arm}/quiz.{item}.1"] for arm in ARMS)
        assert with_skill != bare
        assert with_skill.replace(json.dumps(block, ensure_ascii=False)[1:-1].encode(), b"") == bare


async def test_what_is_expected_never_reaches_the_model(tmp_path: Path) -> None:
    """The scorer's answers are in the log, beside the item, and in no request."""
    rows = [{"id": "x", "question": "Say anything.", "context": None, "answers": ["an-answer-nobody-guesses"]}]
    make_items(tmp_path / "items", rows)
    seen = await quizzed(tmp_path, quiz_spec())
    assert [b"nobody-guesses" in await _told(seen.log, digest) for _, digest in await _conversations(seen)] == [False]
    (opened,) = await seen.events("item.opened")
    assert isinstance(opened.event, ItemOpened)
    assert b"nobody-guesses" in await seen.log.get(opened.event.digest)


async def test_it_comes_out_the_same_from_the_log_alone(tmp_path: Path) -> None:
    """A rerun needs neither the folder of the items nor a model, and each ruling is made again."""
    seen = await quizzed(tmp_path, quiz_spec(skills=ARMS, repeats=2))
    (tmp_path / "items" / "test" / "items.json").unlink()
    assert (await rerun(seen.log, seen.run)).complete
    entries = (await read_ledger(seen.log, seen.run)).entries
    assert [each.name for each in entries] == ["item_score"] * 8
    assert all(each.agrees for each in await decisions(seen.log, seen.run))
    assert (await mutate(seen.log, seen.run, ("item_score",))).found == ()


REFUSING: Final = STUDENT.replace('text = "<answer>I do not know</answer>"', 'error = "bad_request"\nrepeat = true')
TOO_LONG: Final = STUDENT.replace('text = "<answer>I do not know</answer>"', 'error = "context_length"\nrepeat = true')


@pytest.mark.parametrize("script", [REFUSING, TOO_LONG])
async def test_a_call_that_failed_is_no_answer_and_no_score(tmp_path: Path, script: str) -> None:
    """Neither a question that is refused nor one that is too long for the model says anything of the condition."""
    seen = await quizzed(tmp_path, quiz_spec({"tries": 1}), script)
    assert seen.outcomes == {"item/quiz.amber.1": "infrastructure", "item/quiz.blue.1": "solved"}
    (ended,) = await seen.events("item.unanswered")
    assert isinstance(ended.event, ItemUnanswered)
    assert (ended.event.ending, ended.event.turns) == ("infrastructure", 0)
    scored = next(each.event for each in await seen.events("item.scored") if each.stream == ended.stream)
    assert isinstance(scored, ItemScored)
    assert (scored.hard, scored.soft) == (None, None)
    assert (await rerun(seen.log, seen.run)).complete


async def test_what_no_money_is_left_for_is_not_scored(tmp_path: Path) -> None:
    """A cap that lets no call pass is an outcome of the item, and never a 0."""
    priced = {"prices": {"teacher": {"input": "1", "output": "1"}}, "budget": {"run_usd": "0.000001"}}
    seen = await quizzed(tmp_path, quiz_spec(settings=priced))
    assert set(seen.outcomes.values()) == {"budget"}
    assert await seen.events("item.scored", "model.asked") == []
    assert (await rerun(seen.log, seen.run)).complete


async def test_what_an_item_cost_is_counted_to_it(tmp_path: Path) -> None:
    """Each item under each arm is an account of its own, by the name of its stream."""
    priced = {"prices": {"teacher": {"input": "1", "output": "1"}}, "budget": {"run_usd": "1"}}
    seen = await quizzed(tmp_path, quiz_spec(skills=ARMS, settings=priced))
    state = Cost().initial()
    async for each in seen.log.read():
        state = Cost().apply(state, each, {})
    run = state.runs[seen.run]
    accounts = {name.removeprefix("item/") for name in seen.outcomes}
    assert set(run.lines) == accounts == set(run.committed_by_trial)
    assert all(run.committed_by_trial[each] > 0 for each in accounts)


async def test_an_answer_that_is_empty_is_wrong_and_not_missing(tmp_path: Path) -> None:
    """A model that says nothing has answered: that is its own doing."""
    seen = await quizzed(tmp_path, quiz_spec({"tries": 1}), STUDENT.replace("I do not know", " "))
    assert seen.outcomes["item/quiz.amber.1"] == "unsolved"


async def test_an_answer_that_was_only_thought_of_is_none(tmp_path: Path) -> None:
    """Reasoning that a model writes beside its answer is not read."""
    thought = "<think><answer>K7</answer></think>I do not know."
    seen = await quizzed(tmp_path, quiz_spec(), STUDENT.replace("<answer>I do not know</answer>", thought))
    assert seen.outcomes["item/quiz.amber.1"] == "unsolved"


async def test_items_that_cannot_be_read_whole_are_an_outcome_of_the_effect(tmp_path: Path) -> None:
    """Nothing is rolled out of a set with a row that is wrong."""
    make_items(tmp_path / "items", [{"id": "x", "question": "?", "answers": ["a"]}, {"id": "y", "answers": ["a"]}])
    seen = await quizzed(tmp_path, quiz_spec())
    assert seen.outcomes == {"quiz": "unreadable"}
    assert await seen.events("item.opened") == []


async def test_a_way_in_which_a_format_cannot_be_scored_is_refused(tmp_path: Path) -> None:
    """What can be asked in one call alone is not rolled out in a folder: it is an error of the spec."""
    asked = quiz_spec(format="calls_only", rollout={"way": "tools"})
    lines = ["[stillroom.items]", "calls_only = tests.support.quiz:CALLS_ONLY"]
    with quiz_installed(tmp_path / "installed", *lines), pytest.raises(WayUnsupported, match="'tools'") as caught:
        await quizzed(tmp_path, asked)
    assert caught.value.remedy == "use one of: call"


# -- the tool loop ----------------------------------------------------------------------------------------------------


def _called(name: str, **arguments: Any) -> bytes:
    """An answer that calls a tool."""
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    return _message({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")


def _said(text: str) -> bytes:
    return _message({"role": "assistant", "content": text}, "stop")


def _message(message: dict[str, Any], finish: str) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "message": message}
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return whole(json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
                            ).encode())  # fmt: skip


def _reports(base: Path) -> None:
    """One question of OfficeQA's kind, with the report that holds its answer."""
    folder = base / "items" / "test"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "1940.txt").write_text("Summary\nTotal receipts: 2,602 million\n")
    row = {"uid": "U1", "question": "What were total receipts in 1940?", "answer": "2602", "source_files": "1940.txt"}
    (folder / "items.json").write_text(json.dumps([row]))


async def _looped(base: Path, *says: bytes, skills: dict[str, str] | None = None, **rollout: Any) -> Quizzed:
    _reports(base)
    async with serving(Provider(*says)) as provider:
        asked = quiz_spec(
            {"base_url": provider.base_url, "tries": 1},
            format="officeqa",
            skills=skills or {},
            rollout={"way": "tools", **rollout},
        )
        return await quizzed(base, asked)


async def test_a_model_looks_into_the_folder_until_it_answers(tmp_path: Path) -> None:
    """What it finds is shown to it, bounded, and the answer without a call is the last one."""
    seen = await _looped(
        tmp_path, _called("glob", pattern="*"), _called("grep", text="RECEIPTS"), _said("<answer>$2,602</answer>"),
        skills={"skill": SKILL},
    )  # fmt: skip
    assert list(seen.outcomes.values()) == ["solved"]
    (answered,) = await seen.events("item.answered")
    assert isinstance(answered.event, ItemAnswered)
    assert (answered.event.turns, answered.event.tool_calls) == (3, 2)
    *_, (_, last) = await _conversations(seen)
    told = await _told(seen.log, last)
    assert b"1940.txt\\nskills/told/SKILL.md" in told
    assert b"1940.txt:2: Total receipts: 2,602 million" in told
    assert (await rerun(seen.log, seen.run)).complete
    assert (await mutate(seen.log, seen.run, ("item_turn", "item_score"))).found == ()
    turns = [each.ruling for each in (await read_ledger(seen.log, seen.run)).entries if each.name == "item_turn"]
    sizes = [sum([len(await seen.log.get(blob)) for blob in (each.own, *each.told) if blob]) for each in turns]
    assert [each.size for each in turns] == sizes
    assert [size > 0 for size in sizes] == [True, True, False]


async def test_a_loop_that_takes_too_many_turns_is_unsolved(tmp_path: Path) -> None:
    """It had its turns, and never answered: that is the model's doing, and a score."""
    seen = await _looped(tmp_path, _called("glob", pattern="*"), _called("read", path="1940.txt"), turns=2)
    assert list(seen.outcomes.values()) == ["unsolved"]
    (ended,) = await seen.events("item.unanswered")
    assert isinstance(ended.event, ItemUnanswered)
    assert (ended.event.ending, ended.event.turns, ended.event.tool_calls) == ("turn_limit", 2, 1)
    assert (await rerun(seen.log, seen.run)).complete


def test_the_defaults_of_a_loop_are_those_of_the_benchmark() -> None:
    """OfficeQA shows 50 paths, 4,000 characters and 20 hits."""
    assert msgspec.structs.astuple(RolloutSpec())[:5] == ("call", 12, 50, 4000, 20)


# -- reading back -----------------------------------------------------------------------------------------------------


async def _conversations(seen: Quizzed) -> list[tuple[str, Any]]:
    asked = await seen.events("model.asked")
    return [(each.stream.name, each.event.conversation) for each in asked if isinstance(each.event, ModelAsked)]


async def _told(log: EventLog, conversation: Any) -> bytes:
    return b"\n".join(await ConversationReader(log).messages(conversation))
