"""What is found odd about a task folder, and the rule that found it."""

from typing import Literal, TypeAlias

from msgspec import Struct

Weight = Literal["error", "warning", "note"]
"""error: it cannot work. warning: it probably does not do what its author meant. note: worth knowing."""

LintRule: TypeAlias = Literal[
    "agent-image-test-leak",
    "artifact-log-overlap",
    "compose-additional-capabilities",
    "compose-writable-bind-mount",
    "host-mount",
    "host-namespace",
    "privileged",
    "symlink",
    "symlink-mount",
    "unpinned-image",
    "unpinned-package",
    "unused-harborignore",
    "verifier-network-download",
]
"""Rules about what a task exposes, and about what it takes from elsewhere; docs/tasks.md says what each finds."""


class Oddity(Struct, frozen=True):
    """One thing about a task that its author should look at."""

    weight: Weight
    place: str
    """File, and line where there is one."""
    what: str
    remedy: str
    rule: LintRule | None = None
    """By which it was found. None: it is about the form of the task's files."""
