"""A keeper seen from outside, without a container: whoever plays it here writes into its pipes."""

import os
from pathlib import Path

import anyio
import pytest

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
