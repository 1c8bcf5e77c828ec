"""Stories of a machine without bubblewrap, as `bash .ci/bare` makes one: what is refused there, and what still runs."""

from pathlib import Path

import pytest

from events.errors import ExitCode
from tests.cli.terminal import CommandOutcome, machine, type_in
from tests.support.isolation import isolates
from tests.support.runs import make_base

pytestmark = pytest.mark.skipif(isolates(), reason="bubblewrap works here; `bash .ci/bare` hides it")
ORACLE = ("-p", "tasks", "-a", "oracle", "--attempts", "1")


def typed(folder: Path, *words: str) -> CommandOutcome:
    """Type a command as somebody whose files ask for nothing."""
    return type_in(folder, *words, on=machine(folder, {"XDG_CONFIG_HOME": str(folder / "nowhere")}))


def test_a_run_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """It says what to install, and how to ask for no isolation."""
    ran = typed(make_base(tmp_path), "run", "explore", *ORACLE)
    assert ran.code == ExitCode.USAGE
    for said in ("without isolation", "apt-get install bubblewrap", "--sandbox docker", "--sandbox none"):
        assert said in ran.err
    assert "WITHOUT ISOLATION" not in ran.err, "nothing ran, so there is nothing to warn of"
    assert typed(tmp_path, "runs", "--json").rows == []


@pytest.mark.parametrize("how", ["flag", "spec"])
def test_it_starts_for_whoever_asks_for_that_by_name(how: str, tmp_path: Path) -> None:
    """On the command line, or in the spec; and says what that means."""
    base = make_base(tmp_path)
    (base / "run.toml").write_text('tasks = "tasks"\nsandbox = "none"\nagent.name = "oracle"\nmethod.attempts = 1\n')
    words = ("run", "explore", *ORACLE, "--sandbox", "none") if how == "flag" else ("run", "run.toml")
    ran = typed(base, *words)
    assert ran.code == 0
    assert "WITHOUT ISOLATION (as --sandbox none asks for)" in ran.err


def test_a_task_is_proved_there_only_if_asked_for(tmp_path: Path) -> None:
    """Its scripts come from elsewhere."""
    base = make_base(tmp_path)
    refused = typed(base, "tasks", "run", "tasks", "--sandbox", "local")
    assert refused.code == ExitCode.USAGE
    assert "--sandbox none" in refused.err
    assert typed(base, "tasks", "run", "tasks", "--sandbox", "none").code == 0


def test_a_check_says_that_a_run_would_be_refused(tmp_path: Path) -> None:
    """Whoever looks before paying sees it."""
    base = make_base(tmp_path)
    (base / "run.toml").write_text('tasks = "tasks"\nagent.name = "oracle"\n')
    rows = typed(base, "check", "run.toml", "--json").rows
    (row,) = [row for row in rows if row["what"] == "sandbox local"]
    assert row["state"] == "failed"
    assert "--sandbox none" in row["remedy"]


def test_the_demo_runs_and_says_so(tmp_path: Path) -> None:
    """Its commands are scripts of ours; what is recorded names the sandbox for what it is."""
    ran = typed(tmp_path, "demo")
    assert ran.code == 0
    assert "scripts that come with Stillroom" in ran.err
    assert "apt-get install bubblewrap" in ran.err
    assert "isolation: none" in typed(tmp_path, "show", "@latest:errors-per-hour/1").out
    assert typed(tmp_path, "replay").code == 0


def test_the_demo_that_proves_tasks_is_refused_before_its_author_is_asked(tmp_path: Path) -> None:
    """Nothing that it makes could be proved here, whoever wrote it."""
    ran = typed(tmp_path, "demo", "construct")
    assert ran.code == ExitCode.USAGE
    assert "apt-get install bubblewrap" in ran.err
    assert "--sandbox none" not in ran.err
    assert typed(tmp_path, "runs", "--json").rows == []
