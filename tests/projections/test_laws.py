"""The laws of `projections.base`, asked of every registered projection over histories that nobody would think of."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.base import Recorded, StreamId
from events.codec import encode, tag_of
from projections.base import Projection, encode_state, state_digest
from projections.registry import GROUP, ProjectionUnknown, projection_named, registered
from tests.events.samples import sample
from tests.projections.histories import CLASSES, folded, histories, recorded

ROOT = Path(__file__).parents[2]
NAMES = tuple(each.name for each in registered())

_every = pytest.mark.parametrize("name", NAMES)
_often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@_every
@_often
@given(history=histories())
def test_what_it_does_not_look_at_leaves_it_as_it_is(name: str, history: list[Recorded]) -> None:
    """Total: nothing raises, and an event outside its tags could as well not be there."""
    projection = projection_named(name)
    looked_at = [each for each in history if projection.tags is None or tag_of(each.event) in projection.tags]
    assert _bytes(folded(projection, history)) == _bytes(folded(projection, looked_at))


@pytest.mark.slow
@_every
@_often
@given(history=histories(), cut=st.integers(0, 25))
def test_two_parts_make_the_whole(name: str, history: list[Recorded], cut: int) -> None:
    """A view may be folded up to now, and further later. Another fold in between is another fold."""
    projection = projection_named(name)
    first = folded(projection, history[:cut])
    whole = _bytes(folded(projection, history))
    assert _bytes(folded(projection, history[cut:], first)) == whole


@pytest.mark.slow
@_every
@_often
@given(history=histories(), cut=st.integers(0, 25))
def test_a_snapshot_and_the_rest_make_the_whole(name: str, history: list[Recorded], cut: int) -> None:
    """Whatever stands in a state survives JSON: keys that are numbers, rewards below zero, names with accents."""
    projection = projection_named(name)
    kept = _bytes(folded(projection, history[:cut]))
    state = msgspec.json.decode(kept, type=projection.state_type())
    assert _bytes(state) == kept
    assert _bytes(folded(projection, history[cut:], state)) == _bytes(folded(projection, history))


@pytest.mark.slow
@_every
@_often
@given(history=histories())
def test_a_fold_changes_nothing_but_its_state(name: str, history: list[Recorded]) -> None:
    """Events are shared by all who read them, and a new state by nobody."""
    projection = projection_named(name)
    new = _bytes(projection.initial())
    folded(projection, history)
    assert _bytes(projection.initial()) == new
    assert [encode(each.event) for each in history] == [each.payload for each in history]


@pytest.mark.slow
def test_the_bytes_of_a_state_depend_on_nothing_but_events() -> None:
    """The seed of hashing differs between processes, and must not show: digests are compared across machines."""
    ask = "from tests.projections.test_laws import digests; print(digests())"
    assert {_in_another_process(ask, PYTHONHASHSEED=seed) for seed in ("0", "1", "4242")} == {digests()}


def test_projections_are_found_by_name() -> None:
    """Ours are registered as an outsider's would be, and an unknown name says which there are."""
    assert set(NAMES) >= {"cost", "library", "memo", "pdi_steps", "trials"}
    assert projection_named("memo").name == "memo"
    with pytest.raises(ProjectionUnknown) as refused:
        projection_named("mmeo")
    assert "memo" in refused.value.remedy


_OUTSIDER = """
from projections.memo import Memo

class Stranger(Memo):
    name = "stranger"

NUMBER = 7
"""


@pytest.mark.parametrize(
    ("entry", "there", "wanted"),
    [
        ("stranger = outsider:Stranger", {*NAMES, "stranger"}, ""),
        ("memo = outsider:Stranger", {*NAMES} - {"memo"}, "two packages register that name"),
        ("odd = outsider:Stranger", {*NAMES}, "it calls itself 'stranger'"),
        ("gone = nowhere:Stranger", {*NAMES}, "No module named 'nowhere'"),
        ("number = outsider:NUMBER", {*NAMES}, "'int' object is not callable"),
        ("script = exits:Stranger", {*NAMES}, "SystemExit: 1"),
    ],
    ids=["as any other", "a name that is taken", "a name not its own", "no module", "no projection", "a script"],
)
def test_an_installed_package_brings_its_own(tmp_path: Path, entry: str, there: set[str], wanted: str) -> None:
    """Installing it is enough; one that cannot be used stops no other, and whoever names it is told why.

    Of two of one name neither is taken, since snapshots of one would be read as the other's.
    """
    installed = tmp_path / "outsider-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")
    (tmp_path / "outsider.py").write_text(_OUTSIDER)
    (tmp_path / "exits.py").write_text("raise SystemExit(1)")
    ask = f"""
from projections.registry import ProjectionBroken, projection_named, registered
print(*(each.name for each in registered()))
try:
    print(projection_named({entry.partition(" ")[0]!r}).name)
except ProjectionBroken as error:
    print(int(error.exit_code), error)
"""
    names, named = _in_another_process(ask, PYTHONPATH=str(tmp_path)).splitlines()
    assert names.split() == sorted(there)
    assert wanted in named
    assert named.startswith("2 the projection" if wanted else "stranger")


def _in_another_process(code: str, **environment: str) -> str:
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def digests() -> str:
    """Fold one of every event, in several streams, and name each state."""
    streams = [StreamId("r1", name) for name in ("trial/text é", "attempt/text é/1", "run", "session")]
    history = recorded((stream, sample(kind)) for stream in streams for kind in (*CLASSES, *reversed(CLASSES)))
    return " ".join(state_digest(_of_samples(each, history)) for each in registered())


def _of_samples(projection: Projection[Any], history: list[Recorded]) -> Any:
    """Fold events whose every blob holds the same text."""
    state = projection.initial()
    for each in history:
        state = projection.apply(state, each, dict.fromkeys(projection.needs(each), b"### Verified Facts\n- text"))
    return state


def _bytes(state: object) -> bytes:
    return encode_state(state)
