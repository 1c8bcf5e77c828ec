"""Kits for the stories of real agents: installed once for this user, as they are for a run."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache() -> Path:
    """Give the folder where this user's kits are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache"  # noqa: TID251 - a test finds its place
    return Path(home) / "stillroom"
