"""The gate study: simulated worlds whose truth is known, played by the gates that are shipped."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.gate_study import GATES, main, parts_of
from benchmarks.gates.frontier import FrontierPoint, frontier_figure
from benchmarks.gates.simulation import play
from benchmarks.gates.world import WorldSpec, edited, first_version
from engine.policies.gates.strict import ForceGate

numpy: Any = pytest.importorskip("numpy")
KEYS = ["n", "gate", "gain", "gain_se", "useless", "harmful", "helpful", "bias", "item_runs"]


def test_a_world_file_gives_one_object_for_each_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else: other programs read it."""
    (tmp_path / "w.json").write_text('{"n": [10, 20], "runs": 3, "rates": {"iid": 0.4}}')
    assert main(["--world", str(tmp_path / "w.json"), "--gate", "level", "--json", "--processes", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(each) for each in rows] == [KEYS, KEYS]
    assert [(each["n"], each["gate"], each["item_runs"]) for each in rows] == [(10, "level", 170), (20, "level", 340)]


def test_the_same_world_gives_the_same_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Draws derive from the seed; another seed gives others."""
    said = []
    for seed in (1, 1, 2):
        (tmp_path / "w.json").write_text(json.dumps({"n": [20], "runs": 4, "seed": seed}))
        main(["--world", str(tmp_path / "w.json"), "--gate", "strict", "--json", "--processes", "1"])
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize("text", ["{", '{"edit": "odd"}', '{"size": 3}'])
def test_what_is_no_world_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """With exit code 2, by name."""
    (tmp_path / "w.json").write_text(text)
    assert main(["--world", str(tmp_path / "w.json"), "--json"]) == 2
    assert "w.json is no world" in capsys.readouterr().err


@pytest.mark.parametrize("edit", ["sparse", "smooth", "mixed"])
@pytest.mark.parametrize(("kind", "points"), [("helpful", 5), ("harmful", -5), ("useless", 0)])
def test_candidates_move_the_mean_by_what_the_world_says(edit: Any, kind: Any, points: float) -> None:
    """On average over many items; a mixed edit moves half of the items up by twice as much, and half down."""
    points = points / 2 if edit == "mixed" else points
    world = WorldSpec(items=60_000, edit=edit)
    draw = numpy.random.default_rng(5)
    old = first_version(world, draw)
    new = edited(old, kind, world, draw)
    assert 100 * float(new.true.mean() - old.true.mean()) == pytest.approx(points, abs=0.3)


def test_sticky_outcomes_repeat() -> None:
    """A version that repeats itself always gives its hidden outcomes; the next version has others."""
    world = WorldSpec(sticky=1.0)
    draw = numpy.random.default_rng(5)
    old = first_version(world, draw)
    items = numpy.arange(100)
    assert list(old.run(items)) == list(old.run(items)) == list(old.true[:100])
    assert list(edited(old, "useless", world, draw).run(items)) != list(old.run(items))


def test_the_budget_bounds_what_is_spent_but_for_a_look_that_was_begun() -> None:
    """Baseline, candidates, further looks and a last pass included."""
    world = WorldSpec(candidates=None, candidate_cost=0.1)
    for name, make in GATES.items():
        for n in (10, 30):
            played = play(world, make(world), n, 3)
            assert played.runs <= 18 * n, name


def test_the_same_candidates_meet_every_gate() -> None:
    """So gates are told apart by what they do with them."""
    world = WorldSpec(passes=5, candidates=4)
    tried: dict[int, Counter[Any]] = {}
    for name in ("strict", "level", "force"):
        for number in range(4):
            found = play(world, GATES[name](world), 10, number)
            assert tried.setdefault(number, found.tried) == found.tried


def test_whoever_accepts_all_has_accepted_all() -> None:
    """The control arm's rates are all 100 %, and its gain is that of its candidates together."""
    played = play(WorldSpec(passes=9, candidates=8), ForceGate(), 20, 1)
    assert played.accepted == played.tried
    assert played.tried.total() == 8


@pytest.mark.parametrize(
    ("candidates", "cost", "parts"), [(16, 0.0, 1), (None, 0.0, 4), (None, 0.25, 2), (None, 0.6, 1)]
)
def test_cheap_candidates_are_looked_at_in_parts(candidates: int | None, cost: float, parts: int) -> None:
    """Four while a candidate costs under a quarter of a pass, two up to half, else one; of a fixed supply, one."""
    assert parts_of(WorldSpec(candidates=candidates, candidate_cost=cost)) == parts


def test_the_frontier_is_a_picture_that_says_its_numbers() -> None:
    """Each mark is in the description, for those who cannot see it, with its power beside its harm."""
    points = [FrontierPoint("A", 50, gate, "s", 1.0, 2.0, 30.0) for gate in ("strict", "level", "items", "adaptive")]
    picture = frontier_figure(points, "svg").decode()
    assert "A, items s: gain +1.0 points, harmful 2.0 %, helpful 30 %" in picture
    assert picture == frontier_figure(points, "svg").decode()


def test_worlds_read_back_as_they_were_written() -> None:
    """Every key of the format has its field."""
    text = (
        '{"items":600,"rates":{"beta":[0.5,0.5]},"edit":"sparse","effect":0.05,'
        '"shares":{"useless":0.6,"harmful":0.2,"helpful":0.2},"sticky":0.0,"n":[20,50,200],"passes":17,'
        '"candidates":16,"candidate_cost":0.0,"runs":600,"seed":1}'
    )
    assert msgspec.json.decode(text, type=WorldSpec) == WorldSpec()
    assert msgspec.json.encode(WorldSpec()).decode() == text
