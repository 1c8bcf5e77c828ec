"""What commands print with ``--json``."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

Rows: TypeAlias = Mapping[str, tuple[type[msgspec.Struct], ...]]
"""For the generated reference: kinds of objects, by the commands that print them, named as they are typed."""
