"""The program for tests, installed as a package on the path is."""

from collections.abc import Iterator

import pytest

from tests.support.authoring import installed


@pytest.fixture(autouse=True, scope="module")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("installed")):
        yield
