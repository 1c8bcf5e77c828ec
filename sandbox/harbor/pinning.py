"""Lint rules about what a task takes from elsewhere each time: images, packages, downloads of tests. Runs nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandbox.harbor.compose.file import compose_of
from sandbox.harbor.dockerfile.parser import Dockerfile
from sandbox.harbor.dockerfile.words import Unbalanced, shell_words, unquoted
from sandbox.harbor.network_commands import network_commands
from sandbox.harbor.oddity import Oddity, Weight
from sandbox.harbor.task import COMPOSE, Task, verifier_of

_PIP: Final = re.compile(r"\bpip3?\s+(?:-\S+\s+)*install\b([^;&|\n]*)")
_TAKES_VALUE: Final = frozenset(
    {"-c", "--constraint", "-f", "--find-links", "-i", "-r", "--requirement"}
    | {"-t", "--target", "--prefix", "--platform", "--python-version", "--trusted-host"}
)
"""Options of ``pip install`` whose next word is no package, besides those that end in ``-url``."""
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]*\])?(?P<version>.*)", re.DOTALL)
_PINNED: Final = re.compile(r"\s*(?:===?[^=]|@)")


def pinning_of(task: Task) -> Iterator[Oddity]:
    """Find what may be another thing tomorrow.

    Raises:
        TaskInvalid: The compose file, or the Dockerfile of a verifier apart, cannot be read.
    """
    image = task.config.environment.docker_image
    if image is not None and is_unpinned(image):
        yield _image("task.toml: environment.docker_image", image)
    for service in compose_of(task, task.config.environment.env).services:
        if service.image is not None and is_unpinned(service.image):
            yield _image(f"environment/{COMPOSE}: services.{service.name}.image", service.image)
    judge = verifier_of(task) if task.config.verifier.separate else task
    for each in (task, judge) if judge is not task else (task,):
        if each.dockerfile is not None:
            yield from _built(each.dockerfile, f"{each.context}/Dockerfile")
    offline = judge.network_in("verify") == "no-network"
    for path in sorted({*task.path.glob("tests/**/*.sh"), *task.path.glob("steps/*/tests/**/*.sh")}):
        if path.is_file():
            yield from _script(path, path.relative_to(task.path).as_posix(), offline=offline)


def is_unpinned(image: str) -> bool:
    """Say whether a registry gives whatever is newest for this name; one with a variable is not judged.

    A digest is a tag here: ``NAME@sha256:…`` has its colon.
    """
    _, _, last = image.rpartition("/")
    _, _, tag = last.partition(":")
    local = image == "scratch" or "$" in image or "⟦" in image
    return not local and tag in {"", "latest"}


def unpinned_packages(text: str) -> Iterator[tuple[int, str]]:
    """Find packages that ``pip install`` takes in any version, with the number of their line.

    Files, addresses and what stands in a requirements file are not looked at.
    """
    for number, line in _logical_lines(text):
        for found in _PIP.findall("" if line.lstrip().startswith("#") else line):
            words = iter(_words(found))
            for word in words:
                if word in _TAKES_VALUE or word.endswith("-url"):
                    next(words, None)
                    continue
                package = _PACKAGE.fullmatch(word)
                if package and "/" not in word and "$" not in word and not _PINNED.match(package["version"]):
                    yield number, word


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join lines that go on, each with the number of its first."""
    parts: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield number - len(parts) + 1, " ".join(parts)
            parts = []


def _words(text: str) -> list[str]:
    try:
        return [unquoted(each) for each in shell_words(text)]
    except Unbalanced:
        return text.split()


def _built(dockerfile: Dockerfile, file: str) -> Iterator[Oddity]:
    stages: set[str] = set()
    for each in dockerfile.instructions:
        place, words = f"{file} line {each.line}", each.value.split()
        if each.word == "FROM" and words:
            if words[0].lower() not in stages and is_unpinned(words[0]):
                yield _image(place, words[0])
            stages.update(word.lower() for word in words[2:3])
        if each.word == "RUN":
            names = unpinned_packages("\n".join([each.value, *(heredoc.body for heredoc in each.heredocs)]))
            yield from _packages(place, [name for _, name in names])


def _script(path: Path, place: str, *, offline: bool) -> Iterator[Oddity]:
    text = path.read_text(encoding="utf-8", errors="replace")
    commands = list(network_commands(text))
    if commands:
        first = commands[0]
        weight: Weight = "warning" if offline else "note"
        why = "and the tests have no network" if offline else "without a network there is no verdict"
        what = f"the verifier downloads ({first.text.strip()}): {why}"
        remedy = "install what it needs in the image, or in that of a verifier of its own"
        yield Oddity(weight, f"{place} line {first.line}", what, remedy, "verifier-network-download")
    lines: dict[int, list[str]] = {}
    for line, name in unpinned_packages(text):
        lines.setdefault(line, []).append(name)
    for line, names in lines.items():
        yield from _packages(f"{place} line {line}", names)


def _packages(place: str, names: list[str]) -> Iterator[Oddity]:
    if names:
        what = f"installs any version of {', '.join(names)}"
        yield Oddity("note", place, what, f"pin it: {names[0].partition('>')[0]}==VERSION", "unpinned-package")


def _image(place: str, image: str) -> Oddity:
    what = f"{image} is whatever its registry has newest"
    return Oddity("note", place, what, "pin a tag, or better a digest: NAME@sha256:…", "unpinned-image")
