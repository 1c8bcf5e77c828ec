"""The figure of dynamics: every row in words and in marks, and the same bytes for the same trials."""

import xml.etree.ElementTree as ET

import pytest

from projections.pdi.dynamics import AttemptPoint, DynamicsReading, TrialDynamics
from views.figures.charts import FigureFormat
from views.figures.dynamics import dynamics_caption, dynamics_figure

SVG = "{http://www.w3.org/2000/svg}"


def reading(pdi: float | None, level: str | None = None, *, valid: bool | None = True) -> DynamicsReading:
    """Make a reading."""
    return DynamicsReading(pdi=pdi, threshold=-0.5, level=level, valid=valid)  # type: ignore[arg-type]


def trial(name: str, *points: AttemptPoint, mode: str = "intervene") -> TrialDynamics:
    """Make a trial."""
    attempts = {str(each.number): each for each in points}
    return TrialDynamics(run="r1", trial=name, task=name, mode=mode, attempts=attempts)  # type: ignore[arg-type]


WITH = trial(
    "greet",
    AttemptPoint(number=1, outcome="failed", reward=0.0, intervention="none", reading=reading(0.0, valid=False)),
    AttemptPoint(number=2, outcome="failed", reward=0.25, intervention="none", reading=reading(-1.5, "soft")),
    AttemptPoint(number=3, outcome="infrastructure", intervention="soft"),
    AttemptPoint(number=4, outcome="solved", reward=1.0, intervention="soft"),
)
WITHOUT = trial("a $name$ that is no formula\x1b", AttemptPoint(number=1, outcome="failed", reward=0.0), mode="observe")


def texts(svg: bytes) -> list[str]:
    """List what is written in a picture."""
    root = ET.fromstring(svg)
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def test_a_row_says_whose_it_is_and_each_mark_is_named() -> None:
    """Names as they are, be there a dollar or an escape in them; only marks that are used are in the legend."""
    said = texts(dynamics_figure([WITH, WITHOUT]))
    assert "r1:greet   PDI intervene, solved at attempt 4" in said
    assert "r1:a $name$ that is no formula\ufffd   PDI observe, not ended" in said
    assert {"solved", "failed", "no verdict", "told: soft", "PDI (not valid)", "PDI triggers: soft", "threshold"} <= {
        *said
    }
    assert "told: strong" not in said
    assert "no reading: nothing was reflected upon" in said
    assert {"reward", "PDI (weighted)", "attempt", "after attempt"} <= {*said}


def test_who_cannot_see_it_reads_the_same() -> None:
    """The description is in the file, where screen readers look."""
    caption = dynamics_caption([WITH])
    assert caption.description == (
        "r1:greet: 4 attempts, rewards 0, 0.25, none, 1; PDI triggers: soft after 2; "
        "told: soft at attempt 3, soft at attempt 4; PDI intervene, solved at attempt 4."
    )
    root = ET.fromstring(dynamics_figure([WITH]))
    assert root.get("role") == "img"
    assert [each.text for each in root.iter(f"{SVG}desc")] == [caption.description]
    assert [each.text for each in root.iter(f"{SVG}title")] == [caption.title]


@pytest.mark.slow
@pytest.mark.parametrize(("form", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_equal_trials_give_equal_bytes(form: FigureFormat, magic: bytes) -> None:
    """No date and no random id, in any format."""
    first = dynamics_figure([WITH, WITHOUT], form)
    assert first.startswith(magic)
    assert dynamics_figure([WITH, WITHOUT], form) == first
    assert dynamics_figure([WITHOUT, WITH], form) != first


def test_what_could_not_be_measured_is_no_zero() -> None:
    """A reading without a value has no mark; a reward that is none is a cross, and not a failure."""
    silent = trial("t", AttemptPoint(number=1, outcome="no_verdict", reading=reading(None)))
    said = texts(dynamics_figure([silent]))
    assert "no verdict" in said
    assert "failed" not in said
    assert "PDI" not in said
