"""The demo's decisions, explained down to the bytes."""

import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.config.spec import RunSpec
from engine.runtime.run import start_run
from tests.demo.test_demo import DEMO, setting_of
from tests.support.causes import walked


@pytest.mark.slow
async def test_why_resolves_every_digest_of_every_decision(tmp_path: Path) -> None:
    """A refusal to explain is itself an error: not one of the demo's decisions may have one."""
    setting = await setting_of(tmp_path, "plain")
    told = msgspec.convert(tomllib.loads((DEMO / "run.toml").read_text(), parse_float=Decimal), RunSpec)
    run = (await start_run(setting, told)).run
    found = await walked(setting.log, run)
    assert (found.broken, found.differ) == ([], [])
    assert found.chains > 80
    assert len(found.digests) > 700
