"""The author of the demo of evolving: a script function that writes into skills what it is sent, and nothing else.

It knows no rule of the house. A rule that is told in trajectories or feedback goes into the skill of the family: in the
place of what the live skill says about the same, or at its end. Without the live text of a skill it can change none.
"""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from engine.protocols.server_side import ServerRequest
from engine.scripted.house_rules import HouseRule, rules_held, rules_told
from engine.scripted.script import ScriptedTurn

_STAGE: Final = re.compile(r"^Role: author\nStage: ([a-z ]+)$", re.MULTILINE)
_HEADINGS: Final = re.compile(
    r"^# (The family|Earlier decisions|Trajectories|Feedback|The library|What is asked)$", re.MULTILINE
)
_NAME: Final = re.compile(r"^Name: (.+)$", re.MULTILINE)
_FOLDER: Final = re.compile(r"^Folder of its skill: `([a-z0-9-]+)`$", re.MULTILINE)
_FILE: Final = re.compile(r"^File `([^`\n]+)`:\n+(`{3,})\w*\n(.*?)\n?\2$", re.MULTILINE | re.DOTALL)

Parts = Mapping[str, str]


def write(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer a request of the author; requests of other roles have no answer."""
    stage = _STAGE.search(asked.opening)
    answer = None if stage is None else _STAGES.get(stage[1])
    if answer is None:
        return None
    cut = _HEADINGS.split(asked.opening)
    parts = dict(zip(cut[1::2], cut[2::2], strict=True))
    return ScriptedTurn(text=f"```json\n{json.dumps(answer(parts), indent=1)}\n```")


def _draft(parts: Parts) -> dict[str, Any]:
    """Draft a skill from the name of its family alone: it says how to go about it, and no rule."""
    return _skill(parts, [])


def _learn(parts: Parts) -> dict[str, Any]:
    """Write what was told into the live skill of the family, or into a first one."""
    told = rules_told(f"{parts.get('Trajectories', '')}\n{parts.get('Feedback', '')}")
    live = {path: text for path, _, text in _FILE.findall(parts.get("The library", ""))}
    path = f"{_folder(parts)}/SKILL.md"
    if path not in live:
        return _skill(parts, told)
    text, new = _revised(live[path], told)
    if not new:
        return {"summary": "The skill says all that was told.", "operation": "revise", "files": {}}
    return {"summary": _summary(new), "operation": "revise", "files": {path: text}}


def _revised(text: str, told: list[HouseRule]) -> tuple[str, list[HouseRule]]:
    """Give a skill in which rules stand that were told, and those that did not stand in it."""
    held = {rule.about: rule for rule in rules_held(text)}
    new = [rule for rule in told if held.get(rule.about) != rule]
    for rule in new:
        if rule.about in held:
            text = text.replace(held[rule.about].line, rule.line)
        else:
            text = f"{text.rstrip()}\n{rule.line}\n"
    return text if text.endswith("\n") else f"{text}\n", new


def _skill(parts: Parts, rules: list[HouseRule]) -> dict[str, Any]:
    """Write a first skill."""
    folder, named = _folder(parts), _NAME.search(parts["The family"])
    name = folder if named is None else named[1]
    head = f"name: {folder}\ndescription: {name}. Use it when a task is to {folder.replace('-', ' ')}."
    lines = "".join(f"{rule.line}\n" for rule in rules)
    steps = "1. See what the task asks for, and what there is.\n2. Do it by what is known of this house.\n"
    text = f"---\n{head}\n---\n\n# {name}\n\n{steps}\n## Rules of this house\n\n{lines or 'None is known yet.'}"
    return {"summary": _summary(rules), "operation": "create", "files": {f"{folder}/SKILL.md": f"{text.rstrip()}\n"}}


def _folder(parts: Parts) -> str:
    found = _FOLDER.search(parts["The family"])
    assert found is not None, "the family is told with the folder of its skill"
    return found[1]


def _summary(rules: list[HouseRule]) -> str:
    return f"Rules on: {'; '.join(rule.about.lower() for rule in rules)}." if rules else "How to go about such tasks."


_STAGES: Final[Mapping[str, Callable[[Parts], dict[str, Any]]]] = MappingProxyType(
    {"zero shot": _draft, "induce": _learn, "revise": _learn, "reflect": _learn}
)
