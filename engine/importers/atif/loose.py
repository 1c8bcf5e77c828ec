"""An ATIF trajectory of which single steps break the format, read without them; each of those is named.

`read_atif` refuses such a document whole, since whoever imports a trajectory can mend it. Beside a trial's verdict it
is evidence as it was found, and one odd step must not hide what the agent did in all others.
"""

import json
from typing import Any

import msgspec
from msgspec import structs

from engine.importers.atif.reader import AtifWrong, Document, read_atif
from engine.importers.atif.rules import faults
from engine.importers.atif.schema import READ, AtifAgent, AtifStep, AtifTrajectory


def read_loose_atif(data: bytes, name: str) -> Document:
    """Read a trajectory. Steps that cannot be read are left out, and the others are numbered without gaps.

    Arguments of a tool that are a text are taken for the JSON object that they hold, or stand below ``text``.

    Args:
        data: The document.
        name: How errors call it.

    Raises:
        AtifWrong: It is no trajectory, no step of it can be read, or it is odd in another place than a step.
    """
    try:
        return read_atif(data, name)
    except AtifWrong as error:
        if not error.where.startswith("steps"):
            raise
        value = json.loads(data.decode("utf-8-sig"))
        steps, doubts = _readable(value["steps"] if isinstance(value["steps"], list) else [])
        if not steps:
            raise
        document = read_atif(json.dumps({**value, "steps": steps}).encode(), name)
    return document._replace(data=data, inferences=(*document.inferences, *doubts))


def _readable(steps: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Give the steps that can be read, numbered from 1, and say what became of the others."""
    kept: list[dict[str, Any]] = []
    doubts: list[str] = []
    for place, written in enumerate(steps):
        step, mended = _with_arguments(written)
        problem = _problem(step)
        if problem is None:
            kept.append({**step, "step_id": len(kept) + 1})
            doubts += [f"steps[{place}].{each}: it is a text, and is taken for what it holds" for each in mended]
        else:
            doubts.append(f"steps[{place}] of the trajectory is left out: {problem}")
    ids = [each.get("step_id") if isinstance(each, dict) else None for each in steps]
    if ids != list(range(1, len(kept) + 1)):
        doubts.append("the steps of the trajectory are numbered anew, in their order")
    return kept, doubts


def _with_arguments(step: Any) -> tuple[Any, list[str]]:
    """Put an object in place of arguments that are a text; give the places."""
    calls = step.get("tool_calls") if isinstance(step, dict) else None
    if not isinstance(calls, list):
        return step, []
    odd = [
        place for place, each in enumerate(calls) if isinstance(each, dict) and isinstance(each.get("arguments"), str)
    ]
    mended = [
        {**each, "arguments": _object(each["arguments"])} if place in odd else each for place, each in enumerate(calls)
    ]
    return {**step, "tool_calls": mended}, [f"tool_calls[{place}].arguments" for place in odd]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"text": text}


def _problem(step: Any) -> str | None:
    """Say what is wrong with a step by itself, whatever its number. None: nothing."""
    try:
        read = structs.replace(msgspec.convert(step, AtifStep), step_id=1)
    except msgspec.ValidationError as error:
        # Its number does not matter, but one that is none is no reason to lose the step.
        if isinstance(step, dict) and not isinstance(step.get("step_id"), int):
            return _problem({**step, "step_id": 1})
        return str(error)
    alone = AtifTrajectory(schema_version=READ[-1], agent=AtifAgent("", ""), steps=(read,))
    fault = next(faults(alone), None)
    return None if fault is None else f"{fault.problem} - at `{fault.where.removeprefix('steps[0].')}`"
