"""What holds for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How busy a machine is, is no property of the code; what must be fast has a benchmark.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def cache() -> Path:
    """Give the folder where this user's kits are kept: real agents are installed once, as they are for a run."""
    home = os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache"  # noqa: TID251 - a test finds its place
    return Path(home) / "stillroom"
