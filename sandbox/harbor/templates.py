"""Host values in a task's environment tables: ``${NAME}`` and ``${NAME:-default}``, as a whole value only."""

import re
from collections.abc import Mapping
from typing import Final

from events.errors import ExitCode
from sandbox.errors import SandboxError

_TEMPLATE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\}", re.DOTALL)


class TemplateUnresolved(SandboxError):
    """Raised when a task asks for a host value that was not given.

    Attributes:
        key: The variable of the task that wants it.
        variable: The host variable it names.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, key: str, variable: str) -> None:
        super().__init__(
            f"the task's variable {key} asks for ${{{variable}}}, which was not given",
            remedy=f"pass {variable} to the run, or set a default in task.toml: ${{{variable}:-value}}",
        )
        self.key = key
        self.variable = variable


def wanted(env: Mapping[str, str]) -> tuple[str, ...]:
    """Host variables that a table asks for, sorted: Harbor asks a person's leave for these."""
    found = (_TEMPLATE.fullmatch(value) for value in env.values())
    return tuple(sorted({match[1] for match in found if match is not None}))


def resolve(env: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The table with its templates filled in. ``pre-${X}`` is not a template and stays as it is.

    Raises:
        TemplateUnresolved: A template has neither a value nor a default.
    """
    return {key: _resolve_one(key, value, given) for key, value in env.items()}


def _resolve_one(key: str, value: str, given: Mapping[str, str]) -> str:
    match = _TEMPLATE.fullmatch(value)
    if match is None:
        return value
    found = given.get(match[1], match[2])
    if found is None:
        raise TemplateUnresolved(key, match[1])
    return found
