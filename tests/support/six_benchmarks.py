"""Scripted models that work on items of every benchmark by what they are sent, and by nothing else.

The target does what its skill says and no more: it reads clues as they stand until a rule tells it to read them
backwards, and passes by what is closed until a rule tells it to open it. The optimizer proposes what it reads in failed
items.
"""

import json
import re
from base64 import b64encode
from io import BytesIO
from typing import Any, Final

from engine.agents.base import SKILLS
from engine.agents.installed.adapter import STATE
from engine.items.world_doors import DOOR
from engine.protocols.server_side import ServerRequest
from engine.scripted.jar_optimizer import propose
from engine.scripted.script import ScriptedTurn

RULE: Final = "Read clues backwards."
TOLD: Final = f"Rule of the house: {RULE}"
OPEN: Final = "Open what is closed."
_SKILLS: Final = re.compile(r"<skills>(.*?)</skills>", re.DOTALL)
_CLUE: Final = re.compile(r"Clue: ([\w.]*\w)")
_ROOMS: Final = re.compile(r"in the [a-z ]+: ([a-z, ]+)")
_GOAL: Final = re.compile(r"Put the (\w+) in the (\w+)\.")


def work(asked: ServerRequest) -> ScriptedTurn | None:
    """Work on an item."""
    skills = "\n".join(_SKILLS.findall(asked.opening))
    question = _SKILLS.sub("", asked.opening)
    if "simulated world" in question:
        return _act(question, asked, skills)
    if "The answer stands in these cells: A1" in question:
        return _write_workbook(question, asked.turn, skills)
    if any(each.name == "glob" for each in asked.tools):
        return _search(asked, skills)
    if asked.images:
        return _answer(asked.images[0].digest[:8], skills)
    found = _CLUE.search(question)
    return None if found is None else _answer(found[1], skills)


def learn(asked: ServerRequest) -> ScriptedTurn | None:
    """Propose the rules that failed items tell; answer other stages as the optimizer of the demo does."""
    if "Stage: reflect failures" not in asked.opening:
        return propose(asked)
    _, _, shown = asked.opening.partition("# Trajectories")
    shown, _, document = shown.partition("# The document")
    told = [RULE] if TOLD in shown else []
    told += [OPEN] if "It is closed." in shown else []
    edits = [{"op": "append", "content": f"- {each}", "from": [1]} for each in told if each not in document]
    answer = {"findings": [{"type": "unknown rule", "count": 1, "description": "a rule is not known"}], "edits": edits}
    return ScriptedTurn(text=f"```json\n{json.dumps(answer)}\n```")


def _read(clue: str, skills: str) -> str:
    return clue[::-1] if RULE in skills else clue


def _answer(clue: str, skills: str) -> ScriptedTurn:
    return ScriptedTurn(text=f"<answer>{_read(clue, skills)}</answer>")


def _search(asked: ServerRequest, skills: str) -> ScriptedTurn:
    """List the documents, read the first one, and answer by what stands in it."""
    if asked.turn == 0:
        return ScriptedTurn(tool="glob", arguments={"pattern": "*.txt"})
    if asked.turn == 1:
        return ScriptedTurn(tool="read", arguments={"path": asked.later.splitlines()[0]})
    found = _CLUE.search(asked.later)
    return ScriptedTurn(text="<answer>none</answer>") if found is None else _answer(found[1], skills)


def _write_workbook(question: str, turn: int, skills: str) -> ScriptedTurn:
    """Write a program that leaves the workbook; then look no further."""
    found, named = _CLUE.search(question), re.search(r"(\w+)_input\.xlsx", question)
    if turn > 0 or found is None or named is None:
        return ScriptedTurn(text="DONE")
    data = b64encode(workbook(_read(found[1], skills))).decode()
    code = f'import base64\nopen("{named[1]}_answer.xlsx", "wb").write(base64.b64decode("{data}"))'
    return ScriptedTurn(text=f"```python\n{code}\n```")


def workbook(value: str | None) -> bytes:
    """Write a workbook with one cell."""
    openpyxl: Any = __import__("openpyxl")
    book = openpyxl.Workbook()
    book.active["A1"] = value
    kept = BytesIO()
    book.save(kept)
    return kept.getvalue()


def _act(question: str, asked: ServerRequest, skills: str) -> ScriptedTurn:
    """Look for an object from place to place, and put it where it is to be."""
    goal, seen = _GOAL.search(question), asked.later
    assert goal is not None
    thing, there = goal.groups()
    places = [each for room in _ROOMS.findall(question) for each in room.split(", ")]
    last = seen.strip().rsplit("\n", 1)[-1]
    at = re.findall(r"You are at the (\w+)\.", seen)
    return ScriptedTurn(text=f"<action>{_next((thing, there), places, at, (last, seen), skills)}</action>")


def _next(goal: tuple[str, str], places: list[str], at: list[str], told: tuple[str, str], skills: str) -> str:
    (thing, there), (last, seen) = goal, told
    held = f"You take the {thing}" in seen
    if "It is closed." in last and OPEN in skills:
        return f"open {at[-1]}"
    if held:
        return f"put {thing} in {there}" if at[-1] == there else f"go to {there}"
    if "In it you see" in last and re.search(rf"\b{thing}\b", last):
        return f"take {thing} from {at[-1]}"
    left = [each for each in places if each not in at]
    return f"go to {left[0]}" if left else "look"


_READ: Final = f"cat {SKILLS}/*/SKILL.md {STATE}/*/skills/*/SKILL.md {STATE}/.*/skills/*/SKILL.md 2>/dev/null"
"""Shows the skills that an agent finds in its sandbox, wherever it looks for them."""


def work_by_command(asked: ServerRequest) -> ScriptedTurn | None:
    """Work on an item in a sandbox, by one command that reads what lies there: its skills, too."""
    return ScriptedTurn(text="DONE") if asked.turn else ScriptedTurn(command=f"{_READ} > /tmp/known; {_done(asked)}")


def _done(asked: ServerRequest) -> str:
    """Word a command that answers, reading clues backwards or opening what is closed where a skill says so."""
    question = asked.opening
    if "simulated world" in question:
        return _walk(question)
    turned = f"if grep -q '{RULE}' /tmp/known; then rev; else cat; fi"
    if (named := re.search(r"(\w+)_input\.xlsx", question)) and (found := _CLUE.search(question)):
        told, other = (b64encode(workbook(each)).decode() for each in (found[1][::-1], found[1]))
        data = f"if grep -q '{RULE}' /tmp/known; then echo {told}; else echo {other}; fi"
        return f"({data}) | base64 -d > {named[1]}_answer.xlsx"
    if "image-1.png" in question:
        return f"sha256sum image-1.png | cut -c1-8 | ({turned}) > answer.txt"
    if found := _CLUE.search(question):
        return f"echo {found[1]} | ({turned}) > answer.txt"
    return f"cat bulletin_*.txt; sed -n 's/Clue: //p' bulletin_*.txt | ({turned}) > answer.txt"


def _walk(question: str) -> str:
    """Look for an object from place to place, and put it where it is to be."""
    goal, act = _GOAL.search(question), f"{DOOR}/act"
    assert goal is not None
    thing, there = goal.groups()
    places = " ".join(each for room in _ROOMS.findall(question) for each in room.split(", "))
    return f"""for place in {places}; do
seen=$({act} go to $place)
if echo "$seen" | grep -q closed && grep -q '{OPEN}' /tmp/known; then seen=$({act} open $place); fi
echo "$seen"
if echo "$seen" | grep -q {thing}; then
{act} take {thing} from $place; {act} go to {there}; {act} put {thing} in {there}; break
fi
done"""
