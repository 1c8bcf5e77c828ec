"""Edits whose fields have other types than text, as SkillOpt takes or refuses them."""

from typing import Any

import pytest

from engine.policies.edits.edit import EditFault
from tests.vectors.edit_kinds import KINDS

ONE = KINDS["edit/skillopt.optimizer.skill._apply_edit_with_report"]
ALL = KINDS["patch/skillopt.optimizer.skill.apply_patch_with_report"]


@pytest.mark.parametrize("operation", [None, 5, ["append"]])
def test_an_operation_that_is_no_text_is_an_unknown_one(operation: Any) -> None:
    """It stands in the report as it was given."""
    got = ONE({"skill": "a", "edit": {"op": operation, "content": "x"}}, None)
    report = {"op": operation, "target": "", "content_preview": "x", "status": "skipped_unknown_op"}
    assert got == {"skill": "a", "report": report}


def test_a_target_that_is_no_text_is_an_error_and_ends_no_patch() -> None:
    """Alone it is raised; in a patch it is a row, and the next edit is applied."""
    edit = {"op": "append", "content": "x", "target": None}
    with pytest.raises(EditFault):
        ONE({"skill": "a", "edit": edit}, None)
    got = ALL({"skill": "a", "patch": {"edits": [edit, {"op": "append", "content": "y"}, {"op": 5}]}}, None)
    assert got["skill"] == "a\n\ny\n"
    assert [(row["index"], row["op"], row["status"]) for row in got["report"]] == [
        (1, "", "error"),
        (2, "append", "applied_append"),
        (3, 5, "skipped_unknown_op"),
    ]
