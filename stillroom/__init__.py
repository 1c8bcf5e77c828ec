"""Stillroom: what an own agent, provider, sandbox, projection, policy, method or program needs, and how to run one.

Everything here is public and typed. Names are imported when they are used, so a package that only has a policy loads no
HTTP client.
"""

import ast
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from stillroom.top_level import claim

_PACKAGES: Final = ("events", "projections", "sandbox", "engine", "replay", "views")
"""Ours. They lie at the top level, where a user may have modules of the same names."""


for _name in _PACKAGES:
    claim(_name)


class _Origin(NamedTuple):
    module: str
    name: str


@cache
def _where() -> Mapping[str, _Origin]:
    """Say from which module each public name comes: as the stub beside this file, which type checkers read, says it."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8"))
    imports = [each for each in stub.body if isinstance(each, ast.ImportFrom) and not each.level]
    return {name.asname or name.name: _Origin(str(each.module), name.name) for each in imports for name in each.names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is used first."""
    if name not in _where():
        raise AttributeError(f"module 'stillroom' has no attribute {name!r}")
    origin = _where()[name]
    module = import_module(origin.module)
    return getattr(module, origin.name) if hasattr(module, origin.name) else import_module(".".join(origin))


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(_where())
