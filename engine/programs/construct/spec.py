"""Settings of constructing. The texts below the fields are the reference."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import ClassVar, Final

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.spec import RunSpec


class ConstructSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is constructed, and how much may be spent on it."""

    path_keys: ClassVar = frozenset({"specs", "variant_of", "output"})

    specs: str = ""
    """A prompt spec (JSON or TOML), or a folder of them; see docs/construct.md."""
    variant_of: str = ""
    """A task folder, or a folder of them, in place of prompt specs: variants of each are made, by the same procedure
    with new data."""
    count: int = 1
    """Variants of each of these tasks; 1 to 1,000."""
    output: str = ""
    """Folder in which published tasks stand, each in a folder of its own; nothing there is overwritten. Empty:
    ``constructed``, beside the prompt specs, or beside the task that is varied."""
    rounds: int = 4
    """Blueprints per task: the first, and revisions of it; 1 to 100."""
    critique: bool = True
    """Whether a model looks through each blueprint besides the rules: the critic's, which defaults to the author's."""
    critique_revisions: int = 1
    """Revisions for what was found in a blueprint alone, before a task is made of it. Further ones follow its proof."""
    answer_repairs: int = 2
    """How often an answer that cannot be read is asked for again; in SPARK ``schema_retries``."""
    allow_internet: bool = False
    """Whether tasks may have a network. Without it, every task is closed off, whatever its author says."""
    most_files: int = 40
    """Support files of a blueprint; 0 to 10,000."""
    most_bytes: int = 1_000_000
    """Bytes of all that a blueprint holds; 1 to 10,000,000."""
    base_image: str = "python:3.12-slim"
    """Image that authors are told of; Python has to be in it."""
    times: int = 2
    """Trials of the solution, and of nobody, in a proof; 1 to 100."""
    verifier_repeats: int = 2
    """How often the verifier judges each of their final states; 1 to 100."""


_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "rounds": (1, 100),
    "count": (1, 1000),
    "most_bytes": (1, 10_000_000),
    "times": (1, 100),
    "verifier_repeats": (1, 100),
    "critique_revisions": (0, 100),
    "answer_repairs": (0, 100),
    "most_files": (0, 10_000),
}
"""Least and most; beyond them nobody means what is written."""


def output_of(own: ConstructSpec) -> str:
    """Name the folder in which published tasks stand."""
    return own.output or str(PurePath(own.variant_of or own.specs).parent / "constructed")


def construct_spec(spec: RunSpec) -> ConstructSpec:
    """Read the program's own settings."""
    return msgspec.convert(spec.own, ConstructSpec)


def refuse_wrong(spec: RunSpec) -> None:
    """See that the settings can work.

    Raises:
        ConfigRefused: They cannot.
    """
    own = construct_spec(spec)
    problems: list[ConfigProblem] = []
    if not own.specs and not own.variant_of:
        what = "there is nothing to construct"
        remedy = "name a prompt spec, or a folder of them, or a task to vary in construct.variant_of"
        problems.append(ConfigProblem("the spec", "construct.specs", what, remedy))
    if own.specs and own.variant_of:
        what = "a run makes tasks of prompt specs, or variants of tasks"
        problems.append(ConfigProblem("the spec", "construct.variant_of", what, "leave one of them out"))
    if spec.tasks:
        problems.append(ConfigProblem("the spec", "tasks", "tasks are made here, and none is read", "leave it empty"))
    problems += _out_of_bounds(own)
    if problems:
        raise ConfigRefused(problems)


def _out_of_bounds(own: ConstructSpec) -> Iterator[ConfigProblem]:
    for name, (least, most) in _BOUNDS.items():
        value, key = getattr(own, name), f"construct.{name}"
        if value < least:
            yield ConfigProblem("the spec", key, f"{value} is too few", f"set {least} or more")
        if value > most:
            yield ConfigProblem("the spec", key, f"{value} is too many", f"set {most} or less")
