"""SkillOpt's recorded vectors of edits, protected blocks and JSON, through the compatible value."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from engine.policies.edits.edit import EditFault
from tests.vectors.edit_kinds import KINDS

VECTORS: Final = Path(__file__).parents[3] / "shared" / "vectors" / "skillopt.json"
OURS: Final = frozenset({"edit", "patch", "edit_protected", "slow_field", "appendix", "json", "modes"})
REFUSED: Final = frozenset({"modes/describe_item", "modes/short_item_summary"})
"""Texts of SkillOpt's prompts."""
NOT_COMPARED: Final = frozenset({"content_preview", "error"})

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not VECTORS.is_file(), reason="no recorded vectors on this machine"),
]


def _given() -> list[dict[str, Any]]:
    if not VECTORS.is_file():
        return []
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    return [each for each in vectors if each["category"] in OURS and _kind(each) not in REFUSED]


def _kind(vector: dict[str, Any]) -> str:
    return f"{vector['category']}/{vector['function']}"


def _without_free_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_free_keys(each) for key, each in value.items() if key not in NOT_COMPARED}
    return [_without_free_keys(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", _given(), ids=lambda vector: vector["id"])
def test_the_compatible_value_answers_as_skillopt_did(vector: dict[str, Any]) -> None:
    """Texts and lists exactly; where SkillOpt raised an error, one of ours is raised."""
    kind = KINDS[_kind(vector)]
    if "error" in vector:
        with pytest.raises(EditFault):
            kind(vector["inputs"], None)
        return
    assert _without_free_keys(kind(vector["inputs"], None)) == _without_free_keys(vector["output"])
