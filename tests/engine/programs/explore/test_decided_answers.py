"""Stories of what is made of a model's answers: each decision is recorded with what it saw, and steers a replay."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.decision import Method, Policy, PolicyContext
from engine.core.errors import ReplayDiverged
from engine.core.history import load_histories
from engine.effects.conversation import ConversationReader
from engine.programs.explore.method import SPARK
from engine.runtime.plan import recorded_plan
from engine.runtime.rehearse import Rehearsed, rehearse
from engine.runtime.run import start_run
from events.base import Event, Recorded
from events.digest import Digest
from events.store.base import Row
from events.store.memory import MemoryLog
from events.types.decision import Decided, DecisionMade, seen_in
from events.types.memo import MemoRewritten
from events.types.model import ModelAnswered, ModelAsked
from events.types.run import RunOpened
from events.types.sandbox import ActionObserved
from events.types.skill import EvidenceGathered, SkillRevised
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs
from tests.support.pretend import pretended
from tests.support.rulings import ERRING, POINTS
from tests.support.runs import make_base, spec
from tests.support.worlds import Ticking

NAMES = ("turn", "observation", "reflection", "evidence", "skill")


class ErringRun:
    """A run whose model errs at first: a claim, a memo and a skill that are none."""

    def __init__(self, log: MemoryLog, run: str, history: Sequence[Recorded]) -> None:
        self.log = log
        self.run = run
        self.history = history

    def of(self, kind: type[Event], point: str | None = None) -> list[Any]:
        """Pick events of a kind, or decisions at a point."""
        found: list[Any] = [each for each in self.history if isinstance(each.event, kind)]
        return found if point is None else [each for each in found if each.event.point == point]

    async def saw(self, recorded: Recorded) -> dict[str, Any]:
        """Read what a decision saw."""
        event = recorded.event
        assert isinstance(event, Decided)
        seen = seen_in(event)
        if seen is None:
            assert event.inputs is not None
            seen = await self.log.get(event.inputs)
        fields: dict[str, Any] = msgspec.json.decode(seen)
        return fields


async def live(folder: Path, *, tools: bool = False, chars: int = 4000) -> ErringRun:
    """Live it."""
    log = MemoryLog(clock=Ticking())
    teacher = {"model": "teacher", "base_url": "script:script.toml", "tools": tools}
    asked = spec(models={"teacher": teacher}, agent={"observation_chars": chars})
    run = (await start_run(pretended(log, make_base(folder, ERRING)), asked)).run
    return ErringRun(log, run, [each async for each in log.read()])


@pytest.mark.parametrize("tools", [False, True])
async def test_whatever_a_model_is_told_comes_from_a_prompt_or_a_ruling(tmp_path: Path, *, tools: bool) -> None:
    """There is no third source: who changes a word in the code changes no request of an older run."""
    life = await live(tmp_path, tools=tools)
    ruled = set()
    for each in life.of(DecisionMade):
        ruled |= {each.event.ruling.get("own"), each.event.ruling.get("quoted"), *each.event.ruling.get("told", ())}
    talks = ConversationReader(life.log)
    prompts = {(await life.log.get(each.digest)).strip() for each in life.of(RunOpened)[0].event.prompts}
    said: Counter[str] = Counter()
    for each in life.of(ModelAsked):
        opening, rest = 2, await _digests(life, each.event.conversation)
        assert len(rest) == len(await talks.messages(each.event.conversation))
        if each.event.role == "teacher":
            assert set(rest[opening:]) <= ruled
            assert (each.event.tools is not None) is tools
            if tools:
                assert (await life.log.get(each.event.tools)) in prompts
        said[each.event.role] += len(rest[opening:])
    assert min(said.values()) > 1
    assert (await rerun(life.log, life.run)).complete


async def _digests(life: ErringRun, node: Digest) -> list[str]:
    part = msgspec.json.decode(await life.log.get(node))
    before = [] if part["before"] is None else await _digests(life, part["before"])
    return [*before, *part["messages"]]


async def test_each_answer_and_each_command_is_decided_upon(tmp_path: Path) -> None:
    """The inputs name the event they came from, and no text stands in them."""
    life = await live(tmp_path)
    answers = {each.ref: each for each in life.of(ModelAnswered)}
    turns = life.of(DecisionMade, "turn")
    assert len(turns) == sum(1 for ref in answers if ref.stream.startswith("attempt/"))
    for each in turns:
        stream, version = (await life.saw(each))["answer"]["seen"]
        assert (stream, version) == (each.stream.name, each.version - 1)
        assert [stream, version] in [[ref.stream, ref.version] for ref in answers]
    assert [each.event.ruling["act"] for each in turns if each.stream.name.endswith("/1")][:2] == ["question", "run"]
    observed = life.of(ActionObserved)
    assert len(life.of(DecisionMade, "observation")) == len(observed) > 1
    for each in life.of(DecisionMade, "observation"):
        saw = await life.saw(each)
        assert saw["outcome"]["seen"] == [each.stream.name, each.version - 1]
        ran = next(turn for turn in turns if [turn.stream.name, turn.version] == saw["turn"]["seen"])
        assert saw["turn"]["value"]["note"] == ran.event.ruling["note"]


async def test_a_repair_is_a_decision_and_its_answer_another(tmp_path: Path) -> None:
    """What was wrong is on record with what was seen; then comes the event that says what was taken."""
    life = await live(tmp_path)
    (asked,) = life.of(DecisionMade, "reflection")
    (memo,) = life.of(MemoRewritten)
    assert asked.event.ruling["verdict"] == "repair"
    assert "title" in asked.event.ruling["problems"][0]
    assert [(await life.saw(each))["repairs"] for each in (asked, memo)] == [0, 1]
    assert memo.event.repaired
    (asked,) = life.of(DecisionMade, "skill")
    (skill,) = life.of(SkillRevised)
    assert asked.event.ruling["verdict"] == "repair"
    assert [(await life.saw(each))["repairs"] for each in (asked, skill)] == [0, 1]
    assert {each.event.point_revision for each in (asked, memo, skill, *life.of(EvidenceGathered))} == {2}
    assert (await rerun(life.log, life.run)).events == (await life.log.head()).position


async def test_evidence_is_gathered_from_what_events_name(tmp_path: Path) -> None:
    """Commands, outputs, words, checks and memos stand in blobs; the inputs say which event names each."""
    life = await live(tmp_path)
    (gathered,) = life.of(EvidenceGathered)
    saw = await life.saw(gathered)
    at: dict[Any, Any] = {(each.stream.name, each.version): each for each in life.history}
    (action,) = saw["actions"]
    assert (await life.log.get(action["command"]["text"])).startswith(b"cat words.txt")
    assert at[tuple(action["command"]["at"])].event.command == action["command"]["text"]
    assert at[tuple(action["exit"]["seen"])].event.stdout == action["stdout"]["text"]
    (before,) = saw["before"]
    assert at[tuple(before["memo"]["at"])].event.memo == before["memo"]["text"]
    assert at[tuple(before["verdict"]["printed"]["at"])].event.stdout == before["verdict"]["printed"]["text"]
    assert at[tuple(saw["solved"]["seen"])].event.decision == saw["solved"]["value"]["decision"] == "solved"


def other(policy: Policy, name: str) -> Policy:
    """Change what a policy rules, in a field that its point has."""

    def ruled(saw: Any, rule: Any, desk: PolicyContext) -> Any:
        ruling = policy(saw, rule, desk)
        match name:
            case "turn":
                return msgspec.structs.replace(ruling, note=ruling.note + "!")
            case "observation":
                return msgspec.structs.replace(ruling, told=(desk.put(b"{}"),))
            case "evidence":
                return msgspec.structs.replace(ruling, references=desk.put(b"[]"))
            case _:
                return msgspec.structs.replace(ruling, problems=(*ruling.problems, "!"))

    return ruled


def with_another(name: str) -> Method:
    """Give a method whose policy at a point rules otherwise."""
    return SPARK.but("other", **{name: other(SPARK.policies[name], name)})


@pytest.mark.parametrize("name", NAMES)
async def test_another_ruling_under_the_same_revision_is_a_fault(tmp_path: Path, name: str) -> None:
    """Nobody said that the point changed, so the run is not the same."""
    life = await live(tmp_path)
    with pytest.raises(ReplayDiverged):
        await rerun(life.log, life.run, method=with_another(name))


@pytest.mark.parametrize("name", NAMES)
async def test_another_ruling_under_another_revision_is_a_note(tmp_path: Path, name: str) -> None:
    """The run comes out as it was: what is recorded steers it, requests to models included."""
    life = await live(tmp_path)
    older = await as_ruled_earlier(life, name)
    again = await rehearsed(older, life.run, with_another(name))
    assert again.frontier is None
    assert again.deciding.revisions == {name: (POINTS[name].revision + 1, POINTS[name].revision)}
    assert {each.point for each in again.deciding.notes} == {name}
    assert not (await rehearsed(older, life.run, SPARK)).deciding.notes


async def as_ruled_earlier(life: ErringRun, name: str) -> MemoryLog:
    """Give the log as if a version with another revision of a point had written it."""
    older, point = MemoryLog(clock=Ticking()), POINTS[name]
    for digest in await all_blobs(life.log):
        older.put(await life.log.get(digest))
    ruled = {each.position for each in life.history if point.ruling_in(each.event) is not None}

    def written(row: Row) -> Row:
        if row.position not in ruled:
            return row
        before, after = (f'"point_revision":{number}'.encode() for number in (point.revision, point.revision + 1))
        return row._replace(payload=row.payload.replace(before, after))

    async for page in life.log.rows():
        await older.adopt([written(row) for row in page])
    return older


async def rehearsed(log: MemoryLog, run: str, method: Method) -> Rehearsed:
    """Run it again under a method."""
    histories = await load_histories(log, run)
    assert histories.opened is not None
    plan = await recorded_plan(log, histories.opened, histories.lineage)
    return await rehearse(log, run, plan.under(method), histories)


async def test_how_much_of_an_output_is_shown_is_a_rule(tmp_path: Path) -> None:
    """It stands beside the inputs, so that another value can be asked of the same observation."""
    life = await live(tmp_path, chars=2)
    for each in life.of(DecisionMade, "observation"):
        assert msgspec.json.decode(await life.log.get(each.event.rule)) == {"observation_chars": 2}
        assert "observation_chars" not in str(await life.saw(each))


def test_points_name_their_policies() -> None:
    """A method that lacked one would fail in the middle of a run."""
    assert SPARK.policies.keys() == POINTS.keys()
