"""Stories of a method that another package brings: its policy fails, is mended, and one day the package is gone."""

from pathlib import Path

import pytest

from tests.cli.test_plugins import METADATA, ORACLE, Said, said
from tests.support.runs import make_base

HEAD = """
import stillroom as st

def hasty(saw, rule, desk):
"""
TAIL = """

HASTY = st.SPARK.but("hasty", stopping=hasty)
"""
MENDED = '    return st.SPARK.policies["stopping"](saw, rule, desk)'
RAISES = '    raise ValueError("no such weather")'
FAILS = {
    "raises": (RAISES, "ValueError: no such weather"),
    "returns nothing": ("    return None", "it returned a value of type NoneType, not Next"),
}
OWN = (*ORACLE, "--sandbox", "none", "--attempts", "1", "--set", "method.name=hasty")


def install(acme: Path, body: str) -> None:
    """Lay the package out, as an installed one lies on the path."""
    info = acme / "acme_stillroom-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(METADATA, encoding="utf-8")
    (info / "entry_points.txt").write_text("[stillroom.methods]\nhasty = acme_method:HASTY\n", encoding="utf-8")
    (acme / "acme_method.py").write_text(HEAD + body + TAIL, encoding="utf-8")


def blamed(done: Said, why: str) -> Path:
    """Check that trouble names point, policy and package, and give the file with the traceback."""
    assert done.code == 1, (done.out, done.err)
    assert "the policy acme_method.hasty (package acme-stillroom) failed at the decision point 'stopping'" in done.err
    assert why in done.err
    assert "fix the policy and resume" in done.err
    assert "please report" not in done.err
    return Path(done.err.rpartition("the traceback is in ")[2].strip())


@pytest.mark.slow
@pytest.mark.parametrize(("body", "why"), FAILS.values(), ids=FAILS)
def test_a_policy_that_fails_is_named_with_its_package_and_the_run_is_resumed_when_it_is_mended(
    tmp_path: Path, body: str, why: str
) -> None:
    """It is no mistake of ours to be reported: who wrote it is told where, and nothing recorded is lost."""
    acme = tmp_path / "acme"
    make_base(tmp_path)
    install(acme, body)
    report = blamed(said(acme, tmp_path, *OWN), why)
    assert "PolicyFailed" in report.read_text(encoding="utf-8")
    install(acme, MENDED)
    resumed = said(acme, tmp_path, "resume")
    assert resumed.code == 0, resumed.err
    assert said(acme, tmp_path, "replay").code == 0
    install(acme, body)
    blamed(said(acme, tmp_path, "replay"), why)
    blamed(said(acme, tmp_path, "what-if", "--set", "attempts=2"), why)


@pytest.mark.slow
def test_a_run_outlives_the_package_of_its_method(tmp_path: Path) -> None:
    """Uninstalled, its decisions are listed and nobody is asked; other runs are replayed and asked all the same."""
    acme = tmp_path / "acme"
    make_base(tmp_path)
    install(acme, MENDED)
    assert said(acme, tmp_path, *OWN).code == 0
    assert said(acme, tmp_path, *OWN[:-2]).code == 0
    other, own = (row["run"] for row in said(acme, tmp_path, "runs", "--json").rows[::-1])
    gone = tmp_path / "gone"
    gone.mkdir()
    asked = said(gone, tmp_path, "what-if", own, "--set", "method.name=spark")
    assert asked.code == 2, asked.err
    assert "decisions are listed, not asked: no installed package registers the method 'hasty'" in asked.err
    both = said(gone, tmp_path, "what-if", "--all", "--set", "attempts=2", "--json")
    assert both.code == 0, both.err
    assert {row["run"] for row in both.rows if row["kind"] == "unasked"} == {own}
    assert [row["runs"] for row in both.rows if row["kind"] == "what_if"] == [1]
    replayed = said(gone, tmp_path, "replay", "--all", "--json")
    assert replayed.code == 3, replayed.err
    why = {row["run"]: row["why"] for row in replayed.rows if row["kind"] == "not_rerun"}
    assert why.keys() == {own}
    assert "install the package that registered the method 'hasty'" in why[own]
    assert {row["run"] for row in replayed.rows if row["kind"] == "rerun"} == {other}
    alone = said(gone, tmp_path, "replay", own, "--rerun")
    assert alone.code == 3, alone.err
    assert "install the package that registered the method 'hasty'" in alone.out
    listed = said(gone, tmp_path, "decisions", own)
    assert listed.code == 0, listed.err
    assert "no installed package registers the method 'hasty'" in listed.out
    resumed = said(gone, tmp_path, "fork", own)
    assert resumed.code == 2
    assert "install the package that registered" in resumed.err
