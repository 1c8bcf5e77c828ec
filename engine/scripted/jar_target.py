"""The target of the training demo: a script function that labels jars by rules in its skill, and by nothing else."""

import re
from hashlib import sha256
from typing import Final

from engine.protocols.server_side import ServerRequest
from engine.scripted.jar_rules import label_of, rules_in, shelf_in
from engine.scripted.script import ScriptedTurn

_SKILLS: Final = re.compile(r"<skills>(.*?)</skills>", re.DOTALL)
_JAR: Final = re.compile(r"A( smudged)? jar holds (.+?)\. Which label does it get\?")
_SHELF: Final = re.compile(r"On which shelf does ([a-z]+) stand\?")
_UNKNOWN: Final = "I do not know."


def label_jar(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer a question of the demo's family; others have no answer."""
    skills = "\n".join(_SKILLS.findall(asked.opening))
    question = _SKILLS.sub("", asked.opening)
    if (jar := _JAR.search(question)) is not None:
        label = label_of(jar[2], rules_in(skills))
        return _says("" if jar[1] and _misread(asked.opening) else label)
    if (shelf := _SHELF.search(question)) is not None:
        return _says(shelf_in(question, shelf[1]) or "")
    return _says("") if "<context>" in question else None


def _misread(opening: str) -> bool:
    """Say whether a smudged jar is misread: about every second time, and always or never under the same skill."""
    return sha256(opening.encode()).digest()[0] % 2 == 0


def _says(answer: str) -> ScriptedTurn:
    return ScriptedTurn(text=f"<answer>{answer or _UNKNOWN}</answer>")
