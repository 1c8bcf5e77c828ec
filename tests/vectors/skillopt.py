"""Answers cases recorded from SkillOpt: ``python -m tests.vectors.skillopt FILE``.

FILE holds ``{"format", "conventions", "cases": [{"id", "kind", "inputs", "stub_response"?}]}``. For each case one
JSON object is printed on one line: ``got`` is what ours answers in the compatible method value, ``error`` an error
by which it refuses the input, ``refused`` why there is no such notion here; ``on_purpose`` names the defect that is
mended where an answer differs. What SkillOpt answered is not in FILE. Exit code 2 if it cannot be read.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.vectors import course_kinds, edit_kinds, scorer_kinds, training_run
from tests.vectors.values import Kind, OnPurpose, RefusedOnPurpose, written

KINDS: Final[dict[str, Kind]] = {**edit_kinds.KINDS, **scorer_kinds.KINDS, **course_kinds.KINDS, **training_run.KINDS}
"""What answers, by ``category/function``."""
REFUSED: Final[Mapping[str, str]] = {
    "config": "settings are typed tables of a TOML file, which nothing is cast or flattened into",
    "modes": "update modes are one of three names, and their items are written by a prompt of ours",
    "types": "an edit is typed; a field that is missing stays missing",
    "trainer": "there is no such helper: settings are typed, and secrets are redacted by their value",
    "slow_pairs": "the text that an optimizer reads is ours",
    "reflect": "the text that an optimizer reads is ours",
    "data": "splits lie in a folder, and are not written by a run",
    "officeqa": "targets search by commands, not by a tag in their answer",
    "sleep_budget": "there is no nightly training",
    "sleep_dream": "there is no nightly training",
    "sleep_gate": "there is no nightly training",
    "sleep_judge": "there is no nightly training",
    "sleep_memory": "there is no nightly training",
    "sleep_redact": "there is no nightly training",
    "sleep_score": "there is no nightly training",
    "sleep_split": "there is no nightly training",
}
"""Why a kind that nothing answers is refused, by category."""


class RecordedCase(msgspec.Struct, frozen=True):
    """What one case gives."""

    id: Any
    kind: str
    inputs: Any
    stub_response: Any = None
    """What the optimizer answers to every call. None: it is not asked."""


class CaseFile(msgspec.Struct, frozen=True):
    """The cases of a file."""

    cases: tuple[RecordedCase, ...]


def answers(cases: tuple[RecordedCase, ...]) -> Iterator[str]:
    """Answer each case, by one line."""
    for case in cases:
        named = {"id": case.id, "kind": case.kind}
        try:
            yield json.dumps({**named, **_answer(case)}, allow_nan=False)
        except RefusedOnPurpose as refusal:
            yield json.dumps({**named, "error": _named(refusal.error), "on_purpose": refusal.weakness})
        except Exception as error:  # noqa: BLE001 - whatever a case holds, its line is printed
            yield json.dumps({**named, "error": _named(error)})


def _answer(case: RecordedCase) -> dict[str, Any]:
    answer = KINDS.get(case.kind)
    if answer is None:
        category = case.kind.partition("/")[0]
        return {"refused": REFUSED.get(category, f"nothing here answers {case.kind}")}
    got = answer(case.inputs, case.stub_response)
    if isinstance(got, OnPurpose):
        return {"got": written(got.value), "on_purpose": got.weakness}
    return {"got": written(got)}


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def read_cases(file: Path) -> CaseFile:
    """Read the cases of a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no JSON.
        msgspec.MsgspecError: It holds no cases.
    """
    # Not msgspec's own reader: cases may hold half a surrogate pair, which only this one bears.
    return msgspec.convert(json.loads(file.read_bytes()), CaseFile)


def main(arguments: list[str]) -> int:
    """Print a line for each case of the file that is named, and say how that went."""
    try:
        (name,) = arguments
        found = read_cases(Path(name))
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        sys.stderr.write(f"cannot read cases from {' '.join(arguments) or 'no file'}: {error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in answers(found.cases))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
