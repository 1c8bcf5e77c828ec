"""Compares what ours answers with what SkillOpt answered: ``python -m tests.vectors.compare FILE``.

FILE holds ``{"vectors": [{"id", "category", "function", "inputs", "output", "stub_response"?, "error"?}]}``. Its
cases are answered by ``python -m tests.vectors.skillopt`` in a process of its own. Exit code 1 if one that has to be
the same is not.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, NamedTuple

Outcome = Literal["same", "on_purpose", "refused", "different"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("same", "on_purpose", "refused", "different")
ROOT: Final = Path(__file__).parents[2]
VECTORS: Final = ROOT.parent / "shared" / "vectors" / "skillopt.json"
"""What is recorded, where it is at hand."""
MOST_ON_PURPOSE: Final = 25
_NOT_COMPARED: Final = frozenset({"reasoning", "content_preview", "raw_response", "confidence", "risk_notes", "error"})
_CLOSE: Final = 1e-9
_MAY_BE_REFUSED: Final = frozenset({"config", "modes", "types"})
_MAY_BE_REFUSED_OF: Final = {
    "trainer": (
        "_resolve_role_backends", "_redact_cfg", "_safe_pair_id", "_format_step_buffer", "_compute_task_type_buckets",
        "_extract_failure_patterns", "_normalise_", "_resolve_train_size",
    ),
    "slow_pairs": ("format_comparison_text",),
    "reflect": ("fmt_trajectory",),
    "data": ("ratio materialisation", "make_base_seeds"),
    "edit_protected": ("_earliest_protected_start",),
    "officeqa": ("_extract_search_queries",),
}  # fmt: skip


class Compared(NamedTuple):
    """How one case came out."""

    id: str
    kind: str
    outcome: Outcome
    detail: str = ""
    """Number of the defect that is mended, why it is refused, or both answers."""


def kind_of(vector: Mapping[str, Any]) -> str:
    """Name the kind of a recorded case."""
    return f"{vector['category']}/{vector['function']}"


def case_of(vector: Mapping[str, Any]) -> dict[str, Any]:
    """Give of a recorded case what is asked."""
    stub = vector.get("stub_response")
    asked = {"id": vector["id"], "kind": kind_of(vector), "inputs": vector["inputs"]}
    return asked if stub is None else {**asked, "stub_response": stub}


def compare(vectors: Sequence[Mapping[str, Any]], lines: Iterable[str]) -> list[Compared]:
    """Compare each recorded case with the line that answers it. A case without a line is different."""
    answers = {answer["id"]: answer for answer in map(json.loads, lines)}
    return [_compared(vector, answers.get(vector["id"], {"refused": "it has no line"})) for vector in vectors]


def run(file: Path) -> list[Compared]:
    """Have the cases of a file answered, and compare them."""
    recorded = json.loads(file.read_bytes())
    vectors = recorded["vectors"]
    with TemporaryDirectory() as folder:
        cases = Path(folder) / "cases.json"
        head = {key: recorded.get(key) for key in ("format", "conventions")}
        cases.write_text(json.dumps({**head, "cases": [case_of(each) for each in vectors]}), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "tests.vectors.skillopt", str(cases)],
            cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60,
        )  # fmt: skip
    return compare(vectors, done.stdout.splitlines())


def same(wanted: Any, got: Any) -> bool:
    """Compare two values: numbers to a billionth, a truth value being one; texts and lists as they stand."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        keys = wanted.keys() - _NOT_COMPARED
        return keys == got.keys() - _NOT_COMPARED and all(same(wanted[key], got[key]) for key in keys)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return abs(wanted - got) <= _CLOSE
    return type(wanted) is type(got) and bool(wanted == got)


def may_be_refused(kind: str) -> bool:
    """Say whether a kind is one that has no counterpart here."""
    category, _, function = kind.partition("/")
    some = _MAY_BE_REFUSED_OF.get(category, ())
    return category in _MAY_BE_REFUSED or category.startswith("sleep_") or any(part in function for part in some)


def _compared(vector: Mapping[str, Any], answer: Mapping[str, Any]) -> Compared:
    kind = kind_of(vector)
    if "refused" in answer:
        outcome: Outcome = "refused" if may_be_refused(kind) else "different"
        return Compared(vector["id"], kind, outcome, answer["refused"])
    if "error" in vector or "error" in answer:
        agree = "error" in vector and "error" in answer
    else:
        agree = same(vector["output"], answer["got"])
    if agree:
        return Compared(vector["id"], kind, "same")
    if "on_purpose" in answer:
        return Compared(vector["id"], kind, "on_purpose", answer["on_purpose"])
    wanted, got = vector.get("error", vector["output"]), answer.get("error", answer.get("got"))
    return Compared(vector["id"], kind, "different", f"expected {json.dumps(wanted)}, got {json.dumps(got)}")


def report(found: Sequence[Compared]) -> Iterator[str]:
    """Say how many cases came out how, and which differ."""
    for outcome in OUTCOMES:
        yield f"{outcome:>10}: {sum(each.outcome == outcome for each in found)}"
    for each in found:
        if each.outcome in {"on_purpose", "different"}:
            yield f"{each.outcome}: {each.id} {each.kind}: {each.detail[:2000]}"


def main(arguments: Sequence[str]) -> int:
    """Print how the cases of a file came out, or that they are not at hand."""
    file = Path(arguments[0]) if arguments else VECTORS
    if not file.is_file():
        sys.stdout.write(f"skipped: the recorded cases are not on this machine ({file} is not there)\n")
        return 0
    found = run(file)
    sys.stdout.writelines(f"{line}\n" for line in report(found))
    purposely = sum(each.outcome == "on_purpose" for each in found)
    return int(purposely > MOST_ON_PURPOSE or any(each.outcome == "different" for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
