"""PDI is shown as it was recorded, and computed again when other settings are asked for."""

import pytest

from projections.pdi.steps import PdiStepRow, PdiStepsState
from tests.views.drawing import drawn
from views.pdi.readings import render, rows
from views.terminal.options import PdiOptions


def step(monitor: str, weighted: float, *, valid: bool | None = True) -> PdiStepRow:
    """Make a step."""
    return PdiStepRow(
        run="r1", trial="greet", task="greet", attempt=1, monitor=monitor, step=0, method="token_overlap",
        proxy_exec=0.5, proxy_plan=0.25, proxy_oss=0.125, raw_pdi=weighted, weight=1.0, weighted_pdi=weighted,
        triggered=weighted < -0.5, level="soft" if weighted < -0.5 else None, valid=valid,
        reasons=() if valid else ("fewer than three steps",),
    )  # fmt: skip


STATE = PdiStepsState(rows=[step("again", -0.9)], recorded=[step("active", 0.1), step("careful", 0.2)])


def test_what_the_run_acted_on_is_shown_unless_asked_otherwise() -> None:
    """Shadows only looked on, so they are not in the list of what was acted on."""
    assert [(row.weighted_pdi, row.source) for row in rows(STATE, computed=False)] == [(0.1, "recorded")]


def test_other_settings_are_computed_again() -> None:
    """Without a call to any model."""
    assert [(row.weighted_pdi, row.source, row.level) for row in rows(STATE, computed=True)] == [
        (-0.9, "computed", "soft")
    ]


def test_a_record_without_readings_is_computed() -> None:
    """A folder of SPARK may hold memos and no snapshot."""
    assert [row.source for row in rows(PdiStepsState(rows=STATE.rows), computed=False)] == ["computed"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (PdiOptions(), None),
        (PdiOptions(method="js_divergence"), ("js_divergence", -0.5, 2)),
        (PdiOptions(threshold=-0.8), ("token_overlap", -0.8, 2)),
        (PdiOptions(warmup=0), ("token_overlap", -0.5, 0)),
    ],
)
def test_what_is_not_said_is_as_in_spark(asked: PdiOptions, expected: tuple[str, float, int] | None) -> None:
    """And saying nothing means: as it was recorded. A zero is something that was said."""
    settings = asked.settings
    assert (settings and (settings.method, settings.threshold, settings.warmup)) == expected


def test_why_a_value_is_not_to_be_relied_upon_is_said_once() -> None:
    """Below the table, not in every line."""
    shown = [*rows(PdiStepsState(rows=[step("again", 0.0, valid=False)] * 3), computed=True)]
    assert drawn(render(shown)).count("fewer than three steps") == 1
    assert "no reflect step" in drawn(render([]))
