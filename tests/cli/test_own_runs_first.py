"""Stories of a log in which imported runs stand behind one's own: what is typed without a name means the latter."""

from pathlib import Path

from tests.cli.terminal import type_in
from tests.support.isolation import sandbox_here
from tests.support.runs import make_base


def imported(folder: Path) -> None:
    """Import a trajectory of another system, after whatever the log holds."""
    (folder / "other.json").write_text(
        '{"schema_version": "ATIF-v1.6", "session_id": "s", "agent": {"name": "a", "version": "1"}, "steps": '
        '[{"step_id": 1, "source": "user", "message": "Do it."}, {"step_id": 2, "source": "agent", "message": "Ok."}]}'
    )
    done = type_in(folder, "import", "atif", "other.json")
    assert done.code == 0, done.err


def test_latest_is_the_latest_run_of_ones_own(tmp_path: Path) -> None:
    """Whoever imports a hundred runs to compare with does not mean to resume the last of them."""
    base = make_base(tmp_path)
    ran = type_in(base, "run", "explore", "-d", "tasks", "-a", "oracle", "--attempts", "1", "--sandbox", sandbox_here())
    assert ran.code == 0, ran.err
    (own,) = [row["run"] for row in type_in(base, "runs", "--json").rows]
    imported(base)
    runs = [row["run"] for row in type_in(base, "runs", "--json").rows]
    assert (len(runs), runs[0]) == (2, own)
    for words in (("show",), ("show", "@latest"), ("replay", "--rebuild")):
        shown = type_in(base, *words, "--json")
        assert own in shown.out, words
        assert runs[1] not in shown.out, words
    (copied,) = type_in(base, "log", "copy", ".stillroom/log.db", "copy.db", "@latest", "--json").rows
    assert copied["runs"] == [own], "a file that is only read is asked as the log is"
    refused = type_in(base, "resume")
    assert (refused.code, own in refused.err) == (2, True), refused.err


def test_of_imported_runs_alone_latest_is_the_last(tmp_path: Path) -> None:
    """There is nothing of one's own to be meant."""
    imported(tmp_path)
    (run,) = [row["run"] for row in type_in(tmp_path, "runs", "--json").rows]
    assert run in type_in(tmp_path, "show", "--json").out
