"""Both ways of the local backend keep every promise they make, and say by name which they do not make."""

from pathlib import Path

import pytest

from sandbox.conformance.suite import CHECKS, ConformanceCheck, run_check
from sandbox.local.backend import LocalBackend

NOT_PROMISED_BY_PLAIN = {
    "files of the host are not seen",
    "tests and solution are not seen",
    "programs of others, and mounts, cannot be changed",
    "processes of the host are not seen",
    "no network means none",
    "a fork bomb is contained",
    "the process limit holds",
    "no process escapes halt",
    "a command cannot end the sandbox",
}


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.number:02}-{check.name}".replace(" ", "-"))
async def test_bubblewrap_keeps(check: ConformanceCheck, confined: LocalBackend, tmp_path: Path) -> None:
    """Every check passes; none may be unsupported."""
    found = await run_check(check, confined, tmp_path)
    assert found.result == "passed", found.reason


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.number:02}-{check.name}".replace(" ", "-"))
async def test_plain_keeps_or_says_that_it_does_not(
    check: ConformanceCheck, plain: LocalBackend, tmp_path: Path
) -> None:
    """What it does not promise is listed here by name, so that nothing degrades unseen."""
    found = await run_check(check, plain, tmp_path)
    if check.name in NOT_PROMISED_BY_PLAIN:
        assert found.result == "unsupported"
        assert "does not promise" in found.reason
    else:
        assert found.result == "passed", found.reason


def test_the_numbers_of_checks_are_theirs() -> None:
    """Numbers run from 1, and names do not repeat: reports are compared by both."""
    assert [check.number for check in CHECKS] == list(range(1, len(CHECKS) + 1))
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert {check.name for check in CHECKS} >= NOT_PROMISED_BY_PLAIN
