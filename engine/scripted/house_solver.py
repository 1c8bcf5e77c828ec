"""The solver of the demo of evolving: a script function that works at a shell by rules it can read, and by no others.

It understands what a task asks for, and takes a step for each. How this house wants a step done it reads in skills
whose description fits, where they are mounted; in `house.txt` beside the task; and in notes on earlier tasks in its
prompt. Where none of them tells of a rule, it does what anybody would.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import engine
from engine.protocols.server_side import ServerRequest
from engine.scripted.house_rules import rules_told
from engine.scripted.script import ScriptedTurn

_HANDS: Final = Path(engine.__file__).parent / "demo" / "evolve" / "hands"
"""What it types for each step: the agent's own text, which runs in the sandbox."""
_TASK: Final = re.compile(r"^Task: .+\nAttempt: .+\n\n((?:.+\n?)+)", re.MULTILINE)
"""An instruction is one paragraph; what is noted comes after it."""
_SKILL: Final = re.compile(r"^- [^:\n]+: (.+) \((/\S+)\)$", re.MULTILINE)
_FIRST: Final = re.compile(r"`(?:sh /app/ask\.sh )?(\w+)(?:\.json)?` (?:gives|is) the first")


class _Step(NamedTuple):
    """Something that a task may ask for."""

    name: str
    asked: str
    """How a task asks for it."""
    subject: str
    """Which word a description has that fits."""


_STEPS: Final = (
    _Step("average", "Average the weights", "weights"),
    _Step("match", "Match the codes", "codes"),
    _Step("pages", "Read all pages", "pages"),
    _Step("send", "Send the orders", "orders"),
)


def work_at(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer a solver's request; tasks of other families have no answer."""
    task = _TASK.search(asked.opening)
    if task is None:
        return None
    instruction = " ".join(task[1].split())
    steps = sorted(
        (each for each in _STEPS if each.asked in instruction), key=lambda each: instruction.index(each.asked)
    )
    if not steps:
        return None
    turns = [_look(steps, asked.opening), _work(steps, instruction, asked.opening)]
    if "clerk.sh" in instruction:
        turns.append(ScriptedTurn(text="I hand it in.", command="sh clerk.sh"))
    return turns[asked.turn] if asked.turn < len(turns) else ScriptedTurn(text="DONE")


def _fitting(steps: Sequence[_Step], opening: str) -> list[str]:
    """Name the files of skills whose description fits, in the order of the steps that they fit."""
    offered = _SKILL.findall(opening.partition("\nTask: ")[0])
    found = (path for step in steps for description, path in offered if step.subject in description.lower())
    return list(dict.fromkeys(found))


def _look(steps: Sequence[_Step], opening: str) -> ScriptedTurn:
    skills = "".join(f"cat {path}\n" for path in _fitting(steps, opening))
    return ScriptedTurn(
        text="I see what there is, and read what is said of this house.",
        command=f"ls\ncat house.txt 2>/dev/null\n{skills}true",
    )


def _work(steps: Sequence[_Step], instruction: str, opening: str) -> ScriptedTurn:
    first = _FIRST.search(instruction)
    notes = opening[opening.index("\nAttempt: ") :]
    given = {
        "READ": ["house.txt", *_fitting(steps, opening)],
        "NOTED": [each.told for each in rules_told(notes)],
        "FIRST": None if first is None else first[1],
    }
    before = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    parts = [
        (_HANDS / f"{name}.py").read_text(encoding="utf-8") for name in ("reading", *(each.name for each in steps))
    ]
    typed = "\n\n".join([before, *parts])
    return ScriptedTurn(
        text="I do what the task asks for, as far as I have read how this house does it.",
        command=f"python3 - <<'HAND'\n{typed}HAND",
    )
