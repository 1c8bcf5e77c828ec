"""Listing decisions from the command line."""

from pathlib import Path

from tests.cli.terminal import type_in
from tests.cli.test_replay import explored


def test_the_decisions_of_a_run_are_listed(tmp_path: Path) -> None:
    """Each with its place, its inputs, its rule and its ruling: a table for people, rows for programs."""
    explored(tmp_path)
    rows = type_in(tmp_path, "decisions", "--json").rows
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    stops = [row for row in rows if row["point"] == "stopping"]
    assert [row["ruling"]["decision"] for row in stops] == ["continue", "continue", "solved"]
    assert [len(row["saw"]["outcomes"]) for row in stops] == [0, 1, 2]
    assert {(row["policy"], row["rule"]["attempts"], row["missing"]) for row in stops} == {("spark", 5, "")}
    said = type_in(tmp_path, "decisions", "@latest", "--point", "stopping").out
    assert "trial/word@5" in said
    assert "decision=solved" in said
    assert "3 decisions: 3 stopping" in said
    assert type_in(tmp_path, "decisions", "--point", "stopping", "--json").rows == stops


def test_a_point_that_decided_nothing_is_refused_with_those_that_did(tmp_path: Path) -> None:
    """A word that nobody knows is no empty table."""
    explored(tmp_path)
    outcome = type_in(tmp_path, "decisions", "--point", "stoping")
    assert outcome.code == 2
    assert "stopping" in outcome.err
