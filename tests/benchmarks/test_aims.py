"""The table of aims lists what was promised, and tells what it saw, or why it saw nothing. No speed is asserted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.aims.__main__ import BENCHES
from benchmarks.aims.base import Aim, Benchmark, BenchScale, CannotRun, Contender
from benchmarks.aims.table import as_json, as_lines, measure

PROMISED = {
    "turns-raw-wall": 0.8,
    "turns-raw-cpu": 0.6,
    "turns-grouped": 2.5,
    "rebuild-eventsourcing": 4,
    "rebuild-hand": 0.7,
    "turn-1000": 0.8,
    "turn-inspect": 15,
    "sandboxes": 1.2,
    "call-aiohttp": 1.4,
    "call-httpx-aiohttp": 1.0,
    "trials-ideal": 1.2,
    "exec-1": 3,
    "exec-8": 20,
    "exec-32": 60,
    "gateway": 1.5,
    "storm-throughput": 1.0,
    "storm-refusals": 0.1,
}
QUICK = BenchScale(quick=True, peers=Path("/nowhere"))
FAST = Aim("fast", "a over b", "a", "b", "wall", "times as fast", 2, "1")
CHEAP = Aim("cheap", "a over b", "a", "b", "cpu", "times the cost", 0.5, "0.9")
SMALL = Aim("small", "a", "a", None, "refusals", "figure", 3, "")
QUOTED = Aim("quoted", "a over b", "a", "b", "wall", "times as fast", None, "9", "flatters us")


def _bench(*aims: Aim, a: Contender | None = None, b: Contender | None = None) -> Benchmark:
    @contextmanager
    def contenders(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
        del scale
        yield {
            "a": a or (lambda: {"wall": 1.0, "cpu": 3.0, "refusals": 3.0}),
            "b": b or (lambda: {"wall": 2.0, "cpu": 6.0}),
        }

    return Benchmark("some work", "us an item", contenders, aims)


def test_every_aim_of_the_issue_is_in_the_table_with_its_figure() -> None:
    """An aim that is dropped, or lowered until it is met, would otherwise go unseen."""
    assert {aim.name: aim.aim for bench in BENCHES for aim in bench.aims if aim.aim is not None} == PROMISED


def test_names_are_unique_and_every_aim_says_what_was_before() -> None:
    """`--only` names one row, and a figure without the one before it shows no change."""
    aims = [aim for bench in BENCHES for aim in bench.aims]
    assert len({aim.name for aim in aims}) == len(aims)
    assert all(aim.before for aim in aims if aim.aim is not None)


@pytest.mark.parametrize(
    ("aim", "value", "met"), [(FAST, 2.0, True), (CHEAP, 0.5, True), (SMALL, 3.0, True), (QUOTED, 2.0, None)]
)
def test_a_ratio_is_that_of_one_round(aim: Aim, value: float, met: bool | None) -> None:  # noqa: FBT001 - a case
    """Twice as fast is half the time; a cost is told the other way round; an aim is met when it is just reached."""
    (row,) = as_json(measure(_bench(aim), [aim], QUICK))
    assert (row["after"], row["met"]) == (value, met)


@pytest.mark.parametrize("aim", [FAST._replace(aim=2.01), CHEAP._replace(aim=0.49), SMALL._replace(aim=2.99)])
def test_what_is_missed_by_little_is_told_as_missed(aim: Aim) -> None:
    """Rounding in its own favour is how a benchmark begins to flatter."""
    measured = measure(_bench(aim), [aim], QUICK)
    assert as_json(measured)[0]["met"] is False
    assert any("MISSED" in line for line in as_lines(measured))


def test_contenders_take_turns_and_each_round_begins_with_another() -> None:
    """Whatever the machine does beside must meet both sides alike."""
    order: list[str] = []

    def tell(name: str) -> Mapping[str, float]:
        order.append(name)
        return {"wall": float(len(order)), "cpu": 1.0}

    bench = _bench(FAST, a=lambda: tell("a"), b=lambda: tell("b"))._replace(rounds=3)
    (row,) = measure(bench, [FAST], QUICK._replace(quick=False))
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert row.values == (2 / 1, 3 / 4, 6 / 5)


def test_only_what_the_wanted_rows_need_is_run() -> None:
    """One row is to be had without waiting for all."""
    ran: list[str] = []

    def run() -> Mapping[str, float]:
        ran.append("b")
        return {"wall": 1.0}

    measure(_bench(FAST, SMALL, b=run), [SMALL], QUICK)
    assert ran == []


def test_a_row_whose_peer_is_not_installed_says_so_and_the_others_are_told() -> None:
    """Nothing stands in the place of a figure that nobody saw."""

    def absent() -> Mapping[str, float]:
        QUICK.python_of("eventsourcing")
        raise AssertionError

    rows = measure(_bench(FAST, SMALL, b=absent), [FAST, SMALL], QUICK)
    missing, seen = as_json(rows)
    assert (missing["after"], missing["met"], seen["after"]) == (None, None, 3.0)
    assert "python3 -m venv /nowhere/eventsourcing" in str(missing["why_not"])
    assert any("not run: eventsourcing is not installed" in line for line in as_lines(rows))


def test_a_bench_that_cannot_run_at_all_says_why_in_each_of_its_rows() -> None:
    """No Docker is a reason, not an end of the table."""

    @contextmanager
    def nowhere(scale: BenchScale) -> Iterator[Mapping[str, Contender]]:
        del scale
        raise CannotRun("no Docker engine answers")
        yield {}

    rows = measure(Benchmark("containers", "ms", nowhere, (FAST, SMALL)), [FAST, SMALL], QUICK)
    assert [row.why_not for row in rows] == ["no Docker engine answers"] * 2


def test_a_row_shows_both_sides_and_the_ratio_by_cpu_beside_that_by_wall() -> None:
    """On a busy machine CPU holds where wall does not."""
    text = "\n".join(as_lines(measure(_bench(FAST, QUOTED), [FAST, QUOTED], QUICK)))
    assert "aim at least 2; before 1; after 2 [2 to 2]: met; by cpu 2 [2 to 2]" in text
    assert "a: wall 1, cpu 3, refusals 3  |  b: wall 2, cpu 6" in text
    assert "no aim; before 9; after 2" in text
    assert text.endswith("flatters us")
