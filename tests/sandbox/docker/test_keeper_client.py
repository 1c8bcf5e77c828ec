"""A keeper seen from outside, without a container: whoever plays it here writes into its pipes."""

import os
from pathlib import Path

import anyio
import pytest

from sandbox.docker.init_client import InitClient
from sandbox.docker.keeper_client import KeeperClient


@pytest.mark.parametrize("told", ["before", "behind"])
async def test_a_keeper_that_dies_is_seen_whether_it_began_before_its_order_or_behind_it(
    told: str, tmp_path: Path
) -> None:
    """A quick one tells who it is before it is given an order, and that must be read for its end to be seen."""
    keeper = KeeperClient(tmp_path / "1")
    try:
        # Given a keeper that has opened its pipe of news, and an order
        ends = os.open(tmp_path / "1" / "news", os.O_WRONLY)
        if told == "before":
            os.write(ends, b"kept 7\n")
        keeper.order()
        if told == "behind":
            os.write(ends, b"kept 7\n")
        # When it dies, by which its end of the pipe is closed
        os.close(ends)
        # Then that is seen
        with anyio.fail_after(20):
            while not keeper.gone:
                assert await keeper.ready() == {keeper.teller}
                keeper.news()
        assert keeper.pid == 7
    finally:
        keeper.shut()


async def test_only_the_words_of_a_runner_are_taken_for_its_shell(tmp_path: Path) -> None:
    """All of a container can write into that pipe, and what is taken for the shell runs as whoever verifies."""
    runner = InitClient(tmp_path, "first")
    try:
        told = os.open(tmp_path / "first.ready", os.O_WRONLY | os.O_NONBLOCK)
        os.write(told, b"/tmp/sh forks\nbash; touch x forks\nbash\n/bin/sh wai")
        with anyio.move_on_after(0.05) as early:
            await runner.ready()
        assert early.cancelled_caught
        os.write(told, b"bash forks\n/bin/sh waits\nbash forks or not\n")
        os.close(told)
        with anyio.fail_after(20):
            await runner.ready()
        assert (runner.shell, runner.apart) == ("/bin/sh", True)
    finally:
        runner.close()
