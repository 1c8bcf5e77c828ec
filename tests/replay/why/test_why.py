"""Why: stories of chains of causes, told once, in order, down to the bytes, and honest where bytes are gone."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from typing_extensions import override

from engine.core.history import load_histories
from engine.effects.conversation import ConversationReader
from engine.runtime.run import start_run
from events.base import Recorded, Ref
from events.catalog import AnyEvent
from events.digest import Digest, Fingerprint
from events.store.base import EVERYTHING, Selection
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.types.decision import DecisionMade
from events.types.model import ModelAnswered, ModelAsked
from events.types.pdi import InterventionChosen, PdiRead
from events.types.trial import AttemptPlanned, NextChosen
from replay.why.fetch import request_verified
from replay.why.nodes import BROKEN, Node
from replay.why.rules import BY_FIELDS, RESTS
from tests.support.causes import chain, decided, walked
from tests.support.runs import BABBLING, REFUSING, SCRIPT, SHADOWED, TWICE_WRONG, make_base, setting, spec
from tests.support.worlds import Ticking


async def lived(folder: Path, script: str = SCRIPT, **asked: object) -> tuple[MemoryLog, str]:
    """A run that has ended."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, make_base(folder, script)), spec(**asked))).run


async def skill_of(log: MemoryLog, run: str) -> Ref:
    """Find the event that saved the skill."""
    streams = (await load_histories(log, run)).by_stream
    return next(each.ref for each in streams["trial/word"] if type(each.event).__name__ == "SkillRevised")


def places(nodes: list[Node]) -> list[str]:
    """List events by stream and version, where they are told."""
    return [node.id.partition(":")[2] for node in nodes if node.kind == "event" and node.told == "here"]


def test_a_line_says_more_than_the_fields_of_its_event() -> None:
    """One that says what holds without it would be kept up for nothing. Decisions name their own causes.

    A revision of a skill is a decision in a trial; in a library it follows a ruling of its own, and has a line.
    """
    assert set(RESTS) <= set(get_args(AnyEvent))
    assert [kind for kind, looks in RESTS.items() if looks == BY_FIELDS] == []
    assert set(RESTS) & {NextChosen, AttemptPlanned, PdiRead, InterventionChosen, DecisionMade} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "asked"),
    [
        pytest.param(SCRIPT, {"method": SHADOWED}, id="shadows"),
        pytest.param(TWICE_WRONG, {"method": {"hint": True}}, id="interventions"),
        pytest.param(REFUSING, {}, id="no model"),
        pytest.param(BABBLING, {"method": {"attempts": 2}}, id="no memo"),
        pytest.param(SCRIPT.replace("name: word", "name: other"), {}, id="no skill"),
        pytest.param(SCRIPT, {"models": {}, "agent": {"name": "oracle"}}, id="oracle"),
    ],
)
async def test_every_decision_resolves_every_digest(tmp_path: Path, script: str, asked: dict[str, object]) -> None:
    """However the run went, its decisions are explained without a hole, and come out again."""
    log, run = await lived(tmp_path, script, **asked)
    found = await walked(log, run)
    assert (found.broken, found.differ) == ([], [])
    assert found.chains > 3


async def test_the_chain_of_a_skill_reaches_everything_it_came_from(tmp_path: Path) -> None:
    """Verdicts, what the verifier printed, commands, model calls, prompts, task and spec: each with its bytes."""
    log, run = await lived(tmp_path)
    nodes = await chain(log, run, await skill_of(log, run))
    tags = {node.tag for node in nodes}
    assert tags >= {
        "skill.evidence_gathered", "trial.next_chosen", "trial.attempt_concluded", "attempt.judged",
        "verify.rewarded", "attempt.agent_ended", "action.observed", "action.asked", "model.call_answered",
        "model.asked", "memo.rewritten", "pdi.read", "trial.attempt_planned", "sandbox.opened", "task.read",
        "trial.opened", "run.opened", "conversation", "references", "provenance", "request", "task", "prompt",
    }  # fmt: skip
    assert {node.label for node in nodes} >= {"spec", "dockerfile", "command", "stdout", "prompt distil_user"}
    events = {each.ref: each for each in (await load_histories(log, run)).by_stream["trial/word"]}
    for node in nodes:
        if node.kind == "event" and node.told == "here" and node.id.startswith(f"{run}:trial/word@"):
            event = events[Ref("trial/word", int(node.id.rpartition("@")[2]))].event
            below = {each.digest for each in nodes if each.parent == node.number}
            assert set(named_blobs(event)) <= below, node


async def test_a_chain_tells_each_event_once_and_in_the_order_of_the_story(tmp_path: Path) -> None:
    """So it is finite and can be read; where an event turns up again it says that it was told."""
    log, run = await lived(tmp_path, TWICE_WRONG)
    nodes = await chain(log, run, await skill_of(log, run))
    told = places(nodes)
    assert len(told) == len(set(told))
    concluded = [node.id for node in nodes if node.tag == "trial.attempt_concluded" and node.told == "here"]
    assert concluded == sorted(concluded, key=lambda place: int(place.rpartition("@")[2]))
    assert all(node.parent is not None and node.parent < node.number for node in nodes[1:])
    again = [node for node in nodes if node.told == "above" and node.kind == "event"]
    assert {node.id for node in again} <= {node.id for node in nodes if node.told == "here"}


async def test_a_turn_in_the_middle_names_the_one_before_it_and_keeps_its_chain_flat(tmp_path: Path) -> None:
    """The model saw the messages; each turn inside the next would be a tree nobody can read."""
    log, run = await lived(tmp_path)
    history = (await load_histories(log, run)).by_stream["attempt/word/2"]
    last = [each for each in history if isinstance(each.event, ModelAnswered)][-1]
    nodes = await chain(log, run, last.ref)
    assert [node.tag for node in nodes if node.told == "elsewhere"] == ["decision.made_inline"]
    messages = [node for node in nodes if node.label == "message" and node.kind == "blob"]
    assert len({node.digest for node in messages}) >= 4


async def test_nothing_below_the_depth_that_was_asked_for_is_told(tmp_path: Path) -> None:
    """And what has more below it says so."""
    log, run = await lived(tmp_path)
    at = await skill_of(log, run)
    whole = await chain(log, run, at)
    for depth in (0, 1, 3):
        nodes = await chain(log, run, at, depth)
        assert max(node.depth for node in nodes) == depth
        assert any(node.told == "below" for node in nodes)
        assert all(node.depth == depth for node in nodes if node.told == "below")
        assert {node.id for node in nodes} <= {node.id for node in whole}
    assert not any(node.told == "below" for node in whole)
    assert await chain(log, run, at, 99) == whole


async def test_a_decision_says_which_values_it_saw_and_by_which_rule(tmp_path: Path) -> None:
    """The intervention after two failures: its readings, its mode, and where the settings stand."""
    log, run = await lived(tmp_path, TWICE_WRONG)
    found = [each for each in await decided(log, run) if type(each.event).__name__ == "InterventionChosen"]
    nodes = await chain(log, run, found[-1].ref)
    again = nodes[0].again
    assert again is not None
    assert (again.point, again.agrees) == ("intervention", True)
    assert (again.revision, again.now, again.policy) == (1, 1, "spark")
    assert again.rule == {"mode": "intervene", "stale": "forget", "invalid": "trust"}
    soft = {"triggered": True, "level": "soft", "valid": False}
    assert dict(again.saw) == {"reading": soft, "latest": soft}
    below = {node.label: node for node in nodes if node.parent == 0}
    assert {"spec", "rule", "inputs", "reading, latest"} == set(below)
    assert b'"mode"' in await log.get(Digest(below["rule"].digest))
    assert below["reading, latest"].tag == "pdi.read"


async def test_an_erased_blob_says_why_and_is_no_hole(tmp_path: Path) -> None:
    """It was removed on purpose, and the log says so; what saw it is not made again, and says that. All else is."""
    log, run = await lived(tmp_path)
    at = await skill_of(log, run)
    history = (await load_histories(log, run)).by_stream["attempt/word/2"]
    observed = next(each.event for each in history if type(each.event).__name__ == "ActionObserved")
    await log.erase(next(iter(named_blobs(observed))), "a key was in it")
    nodes = await chain(log, run, at)
    erased = [node for node in nodes if node.verified == "erased"]
    assert erased
    assert {node.trouble for node in erased if node.kind == "blob"} == {"erased: a key was in it"}
    assert not [node for node in nodes if node.verified in BROKEN]
    made = [node.again for node in nodes if node.again is not None and node.told == "here"]
    unmade = [again for again in made if not again.agrees]
    assert {(again.point, again.agrees) for again in unmade} == {("observation", None), ("evidence", None)}
    assert all("a key was in it" in again.note for again in unmade)
    assert len(made) > 10


class Lacking(MemoryLog):
    """A log from which bytes were lost."""

    lost: Digest | None = None

    @override
    async def get(self, digest: Digest) -> bytes:
        """Give bytes, but not these: their name is all that is left."""
        return await super().get(Digest("0" * 64) if digest == self.lost else digest)


async def test_missing_bytes_are_a_hole_that_is_named(tmp_path: Path) -> None:
    """Wherever on the chain they are; a part of a conversation too."""
    log = Lacking(clock=Ticking())
    run = (await start_run(await setting(log, make_base(tmp_path, SCRIPT)), spec())).run
    at = await skill_of(log, run)
    whole = await chain(log, run, at)
    for tag in ("conversation", "part", "text", "prompt", "references", "provenance"):
        log.lost = next(Digest(node.digest) for node in whole if node.tag == tag)
        broken = [node for node in await chain(log, run, at) if node.verified in BROKEN]
        assert broken, tag
        assert log.lost in {node.digest for node in broken}
        assert all(node.trouble for node in broken)


async def test_a_request_that_would_be_built_otherwise_is_named(tmp_path: Path) -> None:
    """What was sent is not in the log, but it can be built again to the byte, or it cannot."""
    log, run = await lived(tmp_path)
    history = (await load_histories(log, run)).by_stream["attempt/word/1"]
    answer = next(each for each in history if isinstance(each.event, ModelAnswered))
    assert answer.cause is not None
    asked, reader = history[answer.cause.version - 1].event, ConversationReader(log)
    assert isinstance(asked, ModelAsked)
    assert isinstance(answer.event, ModelAnswered)
    assert await request_verified(log, reader, asked, answer.event.request) == ("rebuilt", "")
    other = msgspec.structs.replace(asked, model="another")
    assert (await request_verified(log, reader, other, answer.event.request))[0] == "differs"
    assert (await request_verified(log, reader, None, Fingerprint("0" * 64)))[0] == "unkept"


class WatchedLog(MemoryLog):
    """A log that knows which streams were read."""

    def __init__(self) -> None:
        super().__init__(clock=Ticking())
        self.streams_read: set[str] = set()

    @override
    async def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Read, and take note."""
        async for page in super().pages(selection):
            self.streams_read.update(each.stream.name for each in page)
            yield page


@pytest.mark.slow
async def test_a_chain_reads_only_the_trial_that_it_is_about(tmp_path: Path) -> None:
    """A log of a million events must not be read for one verdict in it."""
    log = WatchedLog()
    base = make_base(tmp_path, SCRIPT, "a", "b")
    run = (await start_run(await setting(log, base), spec())).run
    log.streams_read.clear()
    await chain(log, run, Ref("trial/a", (await log.streams(run))["trial/a"]))
    assert log.streams_read == {"run", "session", "trial/a", "attempt/a/1", "attempt/a/2"}


@pytest.mark.slow
async def test_a_run_rests_on_its_trials_and_every_event_has_a_chain(tmp_path: Path) -> None:
    """Whichever event a person points at, the walk comes to an end and the event stands first in it."""
    log, run = await lived(tmp_path)
    nodes = await chain(log, run, Ref("run", 2))
    assert "trial/word" in {node.id.partition(":")[2].partition("@")[0] for node in nodes if node.depth == 1}
    for history in (await load_histories(log, run)).by_stream.values():
        for each in history:
            nodes = await chain(log, run, each.ref)
            assert nodes[0].id == f"{run}:{each.ref.stream}@{each.version}"
            assert not [node for node in nodes if node.verified in BROKEN]


async def test_an_event_that_is_not_there_is_a_hole(tmp_path: Path) -> None:
    """A cause that points nowhere, as only damage can make it."""
    log, run = await lived(tmp_path)
    (node,) = await chain(log, run, Ref("trial/word", 999))
    assert node.verified == "missing"
    assert "trial/word@999" in node.trouble
