"""The author and the critic of the demo of constructing: script functions that go by what they are sent.

The author takes the kind of data and every path from the description. Its first answer is hasty; a later one is mended
where what was found says so, and nowhere else.
"""

import json
import re
from typing import Any, Final

from engine.protocols.server_side import ServerRequest
from engine.scripted.script import ScriptedTurn
from engine.scripted.task_kits import KITS, TaskKit

_ROLE: Final = re.compile(r"^Role: (author|critic)\nStage: construct$", re.MULTILINE)
_DESCRIPTION: Final = re.compile(r"^# The description\n+(`{3,})\w*\n(?P<brief>.*?)\n\1$", re.MULTILINE | re.DOTALL)
_FOUND: Final = re.compile(r"^# What was found\n(?P<found>.*?)^# What is asked$", re.MULTILINE | re.DOTALL)
_PATH: Final = re.compile(r"(?<![\w./])(/(?:[\w.-]+/)*[\w-]+\.\w+)")
_IMAGE: Final = re.compile(r"`base_image` \(such as `([^`]+)`")
_ORACLE: Final = "oracle: FAILED"
_NOP: Final = "nop: FAILED"
_BAKED: Final = "where the agent can read it"
"""What is found of a hasty piece."""


def draft_task(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer as the author; None: it knows nothing of such data."""
    brief = _brief(asked, "author")
    kit = None if brief is None else _kit(brief["prompt"])
    if brief is None or kit is None:
        return None
    return _answer(_task(brief, kit, asked.opening))


def look_through(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer as the critic: it has nothing against a task, but for a tolerance that the agent is not told."""
    brief = _brief(asked, "critic")
    if brief is None:
        return None
    issues = []
    if "%" in brief["prompt"] and "%" not in asked.opening.partition("# The task\n")[2]:
        told = "The description gives a tolerance, and the agent is told none."
        issues.append({"severity": "warning", "area": "instruction_md", "message": told})
    return _answer({"issues": issues})


def _brief(asked: ServerRequest, role: str) -> dict[str, Any] | None:
    speaks, described = _ROLE.search(asked.opening), _DESCRIPTION.search(asked.opening)
    if speaks is None or speaks[1] != role or described is None:
        return None
    brief: dict[str, Any] = json.loads(described["brief"])
    return brief


def _kit(prompt: str) -> TaskKit | None:
    return next((kit for kit in KITS if all(word in prompt.lower() for word in kit.words)), None)


def _task(brief: dict[str, Any], kit: TaskKit, opening: str) -> dict[str, Any]:
    """Put a task together from a kit, with the paths of the description."""
    found = _FOUND.search(opening)
    told, earlier = ("", "") if found is None else (found["found"], opening)
    paths = [path for path in _PATH.findall(brief["prompt"].replace("`", " ")) if path.count("/") > 1]
    output = next(path for path in paths if path.endswith(".json"))
    workdir = output.rpartition("/")[0]
    given = next((path for path in paths if path.endswith(kit.suffix)), f"{workdir}/{kit.source}")
    places = {"input": given, "output": output, "workdir": workdir, "source": given.rpartition("/")[2]}
    # A piece that was mended once stays so: the task so far, which is sent along, says which it is.
    solve = kit.hasty if kit.hasty and _ORACLE not in told and not _stands(kit.solve, places, earlier) else kit.solve
    mended = {_NOP, _BAKED}
    hasty = kit.hasty_tests and not any(each in told for each in mended) and not _stands(kit.tests, places, earlier)
    tests = kit.hasty_tests if hasty else kit.tests
    solved = f"import json, pathlib\n\n{_fill(solve, places)}\n"
    checked = f"import json, pathlib\nfrom pristine import fresh_data\n\n{_fill(kit.solve, places)}\n"
    image = _IMAGE.search(opening)
    return {
        "task_id": f"{brief.get('task_name_hint', 'task')} v{1 if not told else 2}",
        "title": kit.title,
        "difficulty": "Medium",
        "category": "data",
        "tags": ["python", kit.suffix.lstrip(".")],
        "instruction_md": _fill(kit.instruction, places),
        "output_path": output,
        "acceptance_criteria": ["The report has every key, and every value is right within its tolerance."],
        "environment": {
            "base_image": "" if image is None else image[1],
            "workdir": workdir,
            "pip_packages": ["json"],
            "memory_mb": 1024,
        },
        "support_files": [{"relative_path": f"{workdir}/{name}", "content": text} for name, text in kit.files],
        "data_builder_python": _fill(kit.builder, places),
        "oracle_python": f"{solved}pathlib.Path({output!r}).write_text(json.dumps(solve(pathlib.Path({workdir!r}))))\n",
        "verifier": {"test_code": checked + _fill(tests, places), "timeout_sec": 60, "pip_packages": ["pytest"]},
        "evidence": [{"quote": brief["prompt"].splitlines()[0][:120]}],
    }


def _stands(piece: str, places: dict[str, str], earlier: str) -> bool:
    """Say whether a piece stands in the task so far, which is sent as JSON."""
    return bool(earlier) and json.dumps(_fill(piece, places))[1:-1] in earlier


def _fill(text: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        text = text.replace("{" + name + "}", value)
    return text.replace("{{", "{").replace("}}", "}")


def _answer(value: dict[str, Any]) -> ScriptedTurn:
    return ScriptedTurn(text=f"```json\n{json.dumps(value, indent=1)}\n```")
