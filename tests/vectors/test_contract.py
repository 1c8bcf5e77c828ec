"""What was recorded from SkillOpt is answered the same, or differs by the number of a defect that is mended."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.compare import MOST_ON_PURPOSE, ROOT, VECTORS, case_of, compare, may_be_refused, report, run, same
from tests.vectors.skillopt import KINDS, RecordedCase, answers


def _answer(kind: str, stub: str | None = None, **inputs: Any) -> dict[str, Any]:
    (line,) = answers((RecordedCase("one", kind, inputs, stub),))
    answer: dict[str, Any] = json.loads(line)
    assert (answer.pop("id"), answer.pop("kind")) == ("one", kind)
    return answer


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.vectors.skillopt", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.shared
@pytest.mark.skipif(not VECTORS.is_file(), reason="the recorded vectors are not on this machine")
def test_every_recorded_case_is_answered() -> None:
    """508 cases: 366 must be answered; of those, what differs names a defect, and few do."""
    found = run(VECTORS)
    assert [each for each in found if each.outcome == "different"] == []
    count = Counter(each.outcome for each in found)
    assert count.total() == 508
    assert count["refused"] <= 142
    assert count["on_purpose"] <= MOST_ON_PURPOSE
    assert {each.detail for each in found if each.outcome == "on_purpose"} <= {"W33", "W36"}


@pytest.mark.slow
@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"cases": [{"id": "x"}]}', '{"cases": 3}', "\xff"])
def test_a_file_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, text: str | None) -> None:
    """On the other channel than answers, by exit code 2."""
    file = tmp_path / "cases.json"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    done = _run(str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cannot read cases from ")
    assert "Traceback" not in done.stderr
    assert _run().returncode == _run(str(file), str(file)).returncode == 2


def test_every_case_gets_one_line(tmp_path: Path) -> None:
    """Whatever it holds: an answer, an error, or why there is none."""
    cases: list[dict[str, Any]] = [
        {"id": "1", "kind": "score/skillopt.utils.scoring.skill_hash", "inputs": {"content": "a\n\u2028"}},
        {"id": "2", "kind": "config/apply_overrides", "inputs": {}},
        {"id": "3", "kind": "nothing/at all", "inputs": {}, "stub_response": "x"},
        {"id": 4, "kind": "gate/skillopt.evaluation.gate.evaluate_gate", "inputs": [1], "stub_response": {}},
        *({"id": f"x{kind}", "kind": kind, "inputs": {}} for kind in KINDS),
        *(
            {"id": f"y{kind}", "kind": kind, "inputs": dict.fromkeys(("skill", "edit", "text"), "\ud800")}
            for kind in KINDS
        ),
    ]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"format": "f", "conventions": {}, "cases": cases}), "utf-8")
    done = _run(str(file))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in lines] == [case["id"] for case in cases]
    assert all(len({"got", "error", "refused"} & line.keys()) == 1 for line in lines)
    assert lines[0]["got"] == "e47d91ae6e18356e"
    assert {"refused"} <= lines[1].keys() & lines[2].keys()


def test_what_is_no_number_is_written_as_a_word() -> None:
    """Going in and coming out, as the conventions have it."""
    kind = "gate_score/skillopt.evaluation.gate.select_gate_score"
    for word in ("NaN", "Infinity", "-Infinity"):
        assert _answer(kind, hard=word, soft=0, metric="hard") == {"got": word}


def test_a_mended_defect_is_named_only_where_it_shows() -> None:
    """An answer that is the same carries no number."""
    kind = "officeqa/skillopt.envs.officeqa.evaluator.evaluate"
    assert _answer(kind, prediction="5 million", gold="5 billion")["on_purpose"] == "W36"
    assert "on_purpose" not in _answer(kind, prediction="5 million", gold="5")
    kind = "data/SplitDataLoader.build_eval_batch"
    assert _answer(kind, env_num=1, split="valid_unseen", seed=0) == {"got": ["x0"]}
    refusal = _answer(kind, env_num=1, split="bogus", seed=0)
    assert refusal == {"error": refusal["error"], "on_purpose": "W33"}
    assert refusal["error"].startswith("SplitUnknown: ")


def test_a_failed_call_is_no_answer() -> None:
    """Its text is that of an error, and is not read."""
    kind = "lr_autonomous/skillopt.optimizer.lr_autonomous.decide_autonomous_learning_rate"
    read = _answer(kind, '{"learning_rate": 2}', available_items=6)["got"]
    assert (read["learning_rate"], read["fallback"]) == (2, False)
    failed = _answer(kind, "RuntimeError('learning_rate 3')", available_items=6)["got"]
    assert (failed["learning_rate"], failed["fallback"]) == (0, True)


@pytest.mark.parametrize(
    ("wanted", "got", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1, 1 + 2e-9, False),
        (1, True, True),
        (1, "1", False),
        ("a", "a ", False),
        (None, 0, False),
        (None, None, True),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": 1, "reasoning": "x"}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": {"raw_response": 1}}, {"a": {}}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, False),
        ("NaN", "NaN", True),
    ],
)
def test_values_are_compared_as_the_contract_says(wanted: Any, got: Any, *, equal: bool) -> None:
    """Numbers closely, the rest exactly, and six keys not at all."""
    assert same(wanted, got) is equal


def test_cases_come_out_in_four_ways() -> None:
    """What has to be answered and is refused is different, as is a case without a line."""
    vectors: list[dict[str, Any]] = [
        {"id": "a", "category": "gate", "function": "f", "inputs": {}, "output": 1, "stub_response": None},
        {"id": "b", "category": "gate", "function": "f", "inputs": {}, "output": None, "error": "ValueError: x"},
        {"id": "c", "category": "modes", "function": "f", "inputs": {}, "output": 1},
        {"id": "d", "category": "gate", "function": "f", "inputs": {}, "output": 1},
        {"id": "e", "category": "gate", "function": "f", "inputs": {}, "output": 1},
        {"id": "f", "category": "gate", "function": "f", "inputs": {}, "output": 1},
        {"id": "g", "category": "gate", "function": "f", "inputs": {}, "output": 1},
        {"id": "h", "category": "gate", "function": "f", "inputs": {}, "output": None, "error": "ValueError: x"},
    ]
    lines = [
        {"id": "a", "got": 1.0},
        {"id": "b", "error": "SettingUnknown: y"},
        {"id": "c", "refused": "no"},
        {"id": "d", "refused": "no"},
        {"id": "e", "got": 2, "on_purpose": "W15"},
        {"id": "g", "error": "SplitUnknown: y", "on_purpose": "W33"},
        {"id": "h", "got": None},
    ]
    found = compare(vectors, map(json.dumps, lines))
    assert "".join(each.outcome[0] for each in found) == "ssrdodod"
    assert list(report(found))[:4] == ["      same: 2", "on_purpose: 2", "   refused: 1", " different: 3"]
    assert case_of(vectors[0]) == {"id": "a", "kind": "gate/f", "inputs": {}}


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        ("sleep_gate/f", True),
        ("types/f", True),
        ("trainer/_normalise_patches", True),
        ("trainer/_filter", False),
        ("data/SplitDataLoader ratio materialisation", True),
        ("data/_parse_split_ratio", False),
        ("modest/f", False),
        ("trainer_e2e/f", False),
    ],
)
def test_few_kinds_may_be_refused(kind: str, *, may: bool) -> None:
    """Those that the contract names."""
    assert may_be_refused(kind) is may
