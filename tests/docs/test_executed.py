"""The commands of the docs, typed in the order of each page; what a page shows of their output is what they print."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.terminal import machine, type_in
from tests.docs.snippets import pages, plain, queries, snippets, typed, unprinted
from tests.docs.stages import ELSEWHERE, EXECUTED, PageStage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[PageStage], Path]:
    """Prepare each stage once, and give each page a copy of it."""
    made: dict[Callable[[Path], None], Path] = {}

    def copied(stage: PageStage) -> Path:
        if stage.prepare not in made:
            made[stage.prepare] = tmp_path_factory.mktemp("stage")
            stage.prepare(made[stage.prepare])
        return shutil.copytree(made[stage.prepare], tmp_path_factory.mktemp("page") / "folder", symlinks=True)

    return copied


@pytest.mark.parametrize("page", EXECUTED)
def test_what_a_page_has_typed_works_and_prints_what_it_shows(
    page: str, folder_of: Callable[[PageStage], Path]
) -> None:
    """A line that the page shows is the beginning of one that the command prints, in its order."""
    stage = EXECUTED[page]
    if stage.needs is not None and not stage.needs.exists():
        pytest.skip(f"{stage.needs.name} is not beside the repository")
    folder = folder_of(stage)
    for snippet in snippets(page):
        for command in typed(snippet) if snippet.language != "usage" else ():
            words = stage.typed(command.words, folder)
            if words is not None:
                outcome = type_in(folder, *words, on=machine(folder, stage.environment))
                assert outcome.code == stage.code(command.words), (str(snippet), words, outcome.out, outcome.err)
                if command.into is not None:
                    (folder / command.into).write_text(outcome.out)
                assert unprinted(command.shown, outcome.out, plain) is None, (str(snippet), outcome.out)
        for query in queries(snippet):
            with sqlite3.connect(f"file:{folder / '.stillroom' / 'log.db'}?mode=ro", uri=True) as log:
                log.execute(query).fetchall()


def test_every_page_with_commands_is_executed() -> None:
    """A page that is not among them would show what nobody ever saw."""
    with_commands = [
        page
        for page in pages()
        if any(each.language in {"console", "sh"} and [*typed(each), *queries(each)] for each in snippets(page))
    ]
    assert sorted(set(with_commands) - set(EXECUTED) - set(ELSEWHERE)) == []
    assert all((ROOT / place).exists() for place in ELSEWHERE.values())


def test_every_reason_is_for_a_command_that_stands_there() -> None:
    """A reason outlives its command only unseen."""
    for page, stage in EXECUTED.items():
        lines = [" ".join(command.words) for snippet in snippets(page) for command in typed(snippet)]
        for beginning in stage.untried:
            assert any(line.startswith(beginning) for line in lines), (page, beginning)
        for reason in stage.untried.values():
            named = re.search(r"(?:tests|docs)/\S+", reason)
            assert named is None or ROOT.joinpath(named[0]).exists(), (page, reason)
        assert ROOT.joinpath(page).is_file()
