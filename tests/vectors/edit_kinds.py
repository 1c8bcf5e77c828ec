"""What answers SkillOpt's vectors of edits, of protected blocks and of JSON in answers, in the compatible value.

``got`` is a value of JSON; an input that is refused raises the error that our reader raises.
"""

from typing import Any, Final

from engine.policies.edits.compatible import (
    CompatibleRegions,
    apply_compatible,
    earliest_protected_start,
    in_protected_region,
)
from engine.policies.edits.edit import Edit, EditFault, read_edit
from engine.policies.edits.markers import strip_markers_once
from engine.policies.edits.modes import FULL_REWRITE, PATCH, REWRITE
from engine.policies.json_answers import read_array, read_object
from tests.vectors.modes import read_mode
from tests.vectors.values import Inputs, Kind

_PREVIEW: Final = 200
"""Characters of a target and of a content that SkillOpt's report holds."""
_REGIONS: Final = CompatibleRegions()


def _edit_with_report(inputs: Inputs, stub: str | None) -> Any:
    edit = _read(inputs["edit"])
    applied = apply_compatible(inputs["skill"], edit)
    return {"skill": applied.text, "report": _row(edit, applied.status) | _said_operation(inputs["edit"])}


def _read(item: Any) -> Edit:
    """Read an edit; an operation that is no text is, for SkillOpt, one more that it does not know."""
    return read_edit({**item, "op": ""} if _said_operation(item) else item)


def _said_operation(item: Any) -> dict[str, Any]:
    """Give an operation that is no text, as its report has it."""
    return {"op": item["op"]} if isinstance(item, dict) and not isinstance(item.get("op", ""), str) else {}


def _row(edit: Edit, status: str) -> dict[str, Any]:
    content = strip_markers_once(edit.content.strip())
    return {
        "op": edit.op,
        "target": edit.target[:_PREVIEW],
        "content_preview": content[:_PREVIEW],
        "status": status,
    }


def _edit(inputs: Inputs, stub: str | None) -> Any:
    return apply_compatible(inputs["skill"], _read(inputs["edit"])).text


def _patch(inputs: Inputs, stub: str | None) -> Any:
    text, report = inputs["skill"], []
    for index, item in enumerate(inputs["patch"].get("edits", []), start=1):
        try:
            edit = _read(item)
        except EditFault as fault:
            report.append(_row(Edit(""), "error") | {"index": index, "error": str(fault)})
            continue
        text, status = apply_compatible(text, edit)
        report.append(_row(edit, status) | _said_operation(item) | {"index": index})
    return {"skill": text, "report": report}


def _notes(inputs: Inputs) -> tuple[str, ...]:
    return tuple(str(note) for note in inputs["new_notes"] or ())


_SKILLOPT_MODES: Final = {
    PATCH: "patch",
    REWRITE: "rewrite_from_suggestions",
    FULL_REWRITE: "full_rewrite_minibatch",
}


def _truncate(inputs: Inputs, stub: str | None) -> Any:
    container, most, key = inputs["container"], inputs["max_items"], read_mode(inputs["mode"]).key
    return container if most < 0 else container | {key: container.get(key, [])[:most]}


_EDIT: Final = "skillopt.optimizer.skill"
_SLOW: Final = "skillopt.optimizer.slow_update"
_APPENDIX: Final = "skillopt.optimizer.appendix"
_JSON: Final = "skillopt.utils.json_utils"

KINDS: Final[dict[str, Kind]] = {
    f"edit/{_EDIT}._apply_edit_with_report": _edit_with_report,
    f"edit/{_EDIT}.apply_edit": _edit,
    f"patch/{_EDIT}.apply_patch_with_report": _patch,
    f"edit_protected/{_EDIT}._is_in_protected_region": lambda i, _: in_protected_region(i["skill"], i["target"]),
    f"edit_protected/{_EDIT}._earliest_protected_start": lambda i, _: earliest_protected_start(i["skill"]),
    f"slow_field/{_SLOW}.replace_slow_update_field": lambda i, _: _REGIONS.with_slow_update(
        i["skill"], i["new_content"]
    ),
    f"slow_field/{_SLOW}.inject_empty_slow_update_field": lambda i, _: _REGIONS.with_slow_placeholder(i["skill"]),
    f"slow_field/{_SLOW}.extract_slow_update_field": lambda i, _: _REGIONS.slow_update(i["skill"]),
    f"slow_field/{_SLOW}.has_slow_update_field": lambda i, _: _REGIONS.has_slow_update(i["skill"]),
    f"appendix/{_APPENDIX}.append_to_appendix_field": lambda i, _: _REGIONS.with_appendix_notes(i["skill"], _notes(i)),
    f"appendix/{_APPENDIX}.extract_appendix_notes": lambda i, _: list(_REGIONS.appendix_notes(i["skill"])),
    f"appendix/{_APPENDIX}.inject_empty_appendix_field": lambda i, _: _REGIONS.with_appendix_placeholder(i["skill"]),
    "modes/payload_key": lambda i, _: read_mode(i["mode"]).key,
    "modes/skillopt.optimizer.update_modes.normalize_update_mode": lambda i, _: _SKILLOPT_MODES[read_mode(i["mode"])],
    "modes/truncate_payload": _truncate,
    f"json/{_JSON}.extract_json (json_repair installed)": lambda i, _: read_object(i["text"]),
    f"json/{_JSON}.extract_json_array": lambda i, _: read_array(i["text"]),
}
