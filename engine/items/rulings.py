"""Policies for items: each from the inputs of its point to a ruling; pure."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.agents.points import AnswerSeen
from engine.core.decision import NoSettings, Policy, PolicyContext
from engine.effects.conversation import message, tool_message
from engine.items import points
from engine.items.base import Folder, Rolled
from engine.items.item_set import decode_item
from engine.items.registry import item_format
from engine.items.scoring import score
from engine.items.tools import ToolLimits, use_tool
from engine.items.worlds.base import HasWorld, world_named
from engine.policies.assistant_message import sendable
from engine.policies.fences import code_blocks
from engine.policies.inline_reasoning import split_reasoning
from events.digest import Digest
from events.types.condition import read_condition
from events.types.decision import Text
from events.values import Ratio
from projections.exposure import Exposure, exposure_in


def read_item_turn(saw: points.ItemTurnSaw, rule: points.ItemTurnRule, desk: PolicyContext) -> points.ItemTurn:
    """Decide what is done about an answer in a tool loop: without a call of a tool it is the last one."""
    answer = saw.answer.value
    if not answer.tool_calls:
        return points.ItemTurn("answer", None, (), 0, 0)
    if saw.turns >= rule.turns:
        return points.ItemTurn("stop", None, (), 0, 0)
    return _told(answer, saw, rule, desk)


def _told(
    answer: AnswerSeen, saw: points.ItemTurnSaw, rule: points.ItemTurnRule, desk: PolicyContext
) -> points.ItemTurn:
    """Carry out the calls, and word what they show."""
    files = msgspec.json.decode(desk.read(saw.folder), type=Folder).files
    limits = ToolLimits(rule.paths, rule.chars, rule.hits)
    calls = {call.id: call for call in reversed(answer.tool_calls)}  # one result answers an id
    results = [
        (id_, use_tool(calls[id_].name, desk.named(calls[id_].arguments), files, limits)) for id_ in reversed(calls)
    ]
    messages = [tool_message(id_, result.text) for id_, result in results]
    own = sendable(desk.named(answer.message).encode(), calls=True)
    return points.ItemTurn(
        act="tell",
        own=None if own is None else desk.put(own),
        told=tuple(desk.put(each) for each in messages),
        size=len(own or b"") + sum(map(len, messages)),
        ran=sum(result.ran for _, result in results),
    )


_PYTHON: Final = frozenset({"python", "python3", "py"})
_OPEN: Final = "the block of the program does not end: write it again, shorter, and close the block with ```"


def read_item_code(saw: points.ItemCodeSaw, rule: points.ItemCodeRule, desk: PolicyContext) -> points.ItemCode:
    """Decide what is done about an answer of a model that writes programs: the last program in it is run."""
    answer = saw.answer.value
    said = "" if answer.text is None else split_reasoning(desk.named(answer.text)).said
    blocks = [each for each in code_blocks(said.replace("\r\n", "\n")) if each.language in _PYTHON]
    last = saw.turns >= rule.turns
    if not blocks or (last and not blocks[-1].closed):
        return points.ItemCode("done", None, last, None, (), 0)
    own = sendable(desk.named(answer.message).encode(), calls=False) or b""
    kept = desk.put(own) if own else None
    if not blocks[-1].closed:
        told = message("user", _OPEN)
        return points.ItemCode("tell", None, last, kept, (desk.put(told),), len(own) + len(told))
    return points.ItemCode("run", desk.put(_command(blocks[-1].code).encode()), last, kept, (), len(own))


def _command(code: str) -> str:
    """Word the command that keeps a program and runs it."""
    end = "PROGRAM"
    while end in code.split("\n"):
        end += "_"
    return f"cat > program.py <<'{end}'\n{code}\n{end}\npython3 program.py"


_ACTION: Final = re.compile(r"<action>(.*?)</action>", re.IGNORECASE | re.DOTALL)


def read_item_step(saw: points.ItemStepSaw, rule: points.ItemStepRule, desk: PolicyContext) -> points.ItemStep:
    """Carry out the action of an answer: the last one between tags, or its last line."""
    answer, item = saw.answer.value, decode_item(desk.read(saw.item))
    form = item_format(item.format)
    assert isinstance(form, HasWorld), "only formats that have a world name this way"
    world = world_named(form.world)
    said = "" if answer.text is None else split_reasoning(desk.named(answer.text)).said
    actions = _ACTION.findall(said) or said.strip().splitlines()[-1:] or [""]
    action = str(actions[-1]).strip()
    before = world.begin(item.expected).state if saw.before is None else _world(saw.before.value.state, desk)
    step = world.step(before, action)
    state = desk.put(_encoder.encode(step.state))
    if step.done or saw.turns >= rule.turns:
        return points.ItemStep("over", action, state, None, (), 0)
    own, told = sendable(desk.named(answer.message).encode(), calls=False), message("user", step.observation)
    kept = None if own is None else desk.put(own)
    return points.ItemStep("tell", action, state, kept, (desk.put(told),), len(own or b"") + len(told))


def _world(state: Digest, desk: PolicyContext) -> Mapping[str, Any]:
    return msgspec.json.decode(desk.named(state).encode(), type=dict[str, Any])


def score_item(saw: points.ItemScoreSaw, rule: NoSettings, desk: PolicyContext) -> points.ItemScore:
    """Score what came back of an item."""
    del rule
    at = {each.text: each for each in saw.files}
    judged = None if saw.judged is None else desk.text(saw.judged)
    mark = score(decode_item(desk.read(saw.item)), _rolled(saw), _reader(saw, desk, at), judged, _exposure(saw, desk))
    soft = None if mark.soft is None else Ratio.of(mark.soft)
    return points.ItemScore(mark.outcome, mark.hard, soft, mark.answer, mark.reasons)


def _exposure(saw: points.ItemScoreSaw, desk: PolicyContext) -> Mapping[str, Exposure] | None:
    """Say which of its skills an agent read. None: nobody can know."""
    if saw.condition is None:
        return None
    skills = [each.name for each in read_condition(desk.read(saw.condition)).skills or ()]
    run = () if saw.run is None else (saw.run,)
    return exposure_in(skills, [each.value.reads for each in (*saw.commands, *run)], heads=bool(run))


def _rolled(saw: points.ItemScoreSaw) -> Rolled:
    """Put together what came back; how many turns it took has no say in the score."""
    if saw.answered is not None:
        value = saw.answered.value
        return Rolled("answered", "", value.answer, 0, 0, value.files)
    assert saw.unanswered is not None, "it ended one way or the other"
    return Rolled(saw.unanswered.value.ending, saw.unanswered.value.detail, None, 0, 0)


def _reader(saw: points.ItemScoreSaw, desk: PolicyContext, files: Mapping[Digest, Text]) -> Callable[[Digest], bytes]:
    """Read a file by its part of the inputs, and the answer by the event that names it."""
    answer = None if saw.answered is None else saw.answered.value.answer

    def read(digest: Digest) -> bytes:
        return desk.named(digest).encode() if digest == answer else desk.read(files[digest])

    return read


_encoder: Final = msgspec.json.Encoder(order="deterministic")

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {"item_turn": read_item_turn, "item_code": read_item_code, "item_step": read_item_step, "item_score": score_item}
)
