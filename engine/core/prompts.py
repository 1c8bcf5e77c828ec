"""The prompts: loaded once, digested, and filled strictly.

The texts live in ``prompts/*.md`` of ``engine/items`` and of the programs. Their digests go into the log, so that a
resume or a replay notices when a prompt has changed.
"""

from importlib.resources import files
from typing import Final

from msgspec import Struct

from engine.core.template import TemplateMismatchError, fill, placeholders
from events.digest import Digest, digest_of
from events.errors import StillroomError

_PACKAGES: Final = (
    "engine.programs.explore",
    "engine.items",
    "engine.programs.train",
    "engine.programs.evolve",
    "engine.programs.construct",
)
"""Whose prompts are read; no two have one of the same name."""
OPTIMIZER_ONLY: Final = ("train_", "evolve_", "construct_")
"""What the names of prompts begin with that reach an optimizer or an author, and never whoever works on an item."""


class RetryWording(Struct, frozen=True):
    """The texts, each as its file has it."""

    header: str
    no_memo: str
    """Stands for the memo when there is none."""
    urgency: str
    """Placeholders: attempt, attempts, remaining. For three attempts and more."""
    urgency_few: str
    """The same, when two attempts are left, this one included."""
    urgency_last: str
    """The same, for the last one."""
    soft: str
    strong: str
    footer: str
    footer_strong: str


__all__ = [
    "Prompt",
    "Prompts",
    "TemplateMismatchError",
    "UnknownPromptError",
    "fill",
    "load_prompts",
    "make_prompts",
    "placeholders",
]


class UnknownPromptError(StillroomError):
    """Raised when a prompt is asked for which no file holds."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown prompt {name!r}", remedy=f"use one of: {', '.join(known)}")
        self.name = name


class Prompt(Struct, frozen=True):
    """One text for a model."""

    name: str
    """The file's name without ``.md``."""
    text: str
    digest: Digest
    """Of the text in UTF-8."""


class Prompts(Struct, frozen=True):
    """All texts of a run."""

    prompts: tuple[Prompt, ...]
    """By name, in order."""

    @property
    def digests(self) -> dict[str, Digest]:
        """What to record, by name."""
        return {prompt.name: prompt.digest for prompt in self.prompts}

    @property
    def reaching_items(self) -> dict[str, Digest]:
        """Those that can reach whoever works on an item, by name: they are part of its condition, unlike others."""
        return {name: digest for name, digest in self.digests.items() if not name.startswith(OPTIMIZER_ONLY)}

    def text(self, name: str) -> str:
        """One text as its file has it.

        Raises:
            UnknownPromptError: No file holds it.
        """
        for prompt in self.prompts:
            if prompt.name == name:
                return prompt.text
        raise UnknownPromptError(name, tuple(prompt.name for prompt in self.prompts))

    def digest(self, name: str) -> Digest:
        """Digest of one text.

        Raises:
            UnknownPromptError: No file holds it.
        """
        return digest_of(self.text(name).encode())

    def addition(self, name: str) -> str:
        """One text that runs of earlier versions lack; empty in theirs, so that they are replayed as they were."""
        return next((prompt.text for prompt in self.prompts if prompt.name == name), "")

    def fill_addition(self, name: str, before: str, /, **values: str | int) -> str:
        """One text with its placeholders replaced, without its last line end.

        Args:
            name: Of a text that runs of earlier versions lack.
            before: What stands for it in theirs: the template that their code held.
            values: By placeholder.

        Raises:
            TemplateMismatchError: The values are not those it asks for.
        """
        return fill(self.addition(name).rstrip("\n") or before, **values)

    def fill(self, prompt: str, /, **values: str | int) -> str:
        """One text with its placeholders replaced.

        Raises:
            UnknownPromptError: No file holds it.
            TemplateMismatchError: The values are not those it asks for.
        """
        return fill(self.text(prompt), **values)

    def retry_wording(self) -> RetryWording:
        """The texts that ``retry_text`` takes."""
        return RetryWording(
            header=self.text("retry_header"),
            no_memo=self.text("retry_no_memo"),
            urgency=self.text("retry_urgency"),
            urgency_few=self.text("retry_urgency_few"),
            urgency_last=self.text("retry_urgency_last"),
            soft=self.text("retry_soft"),
            strong=self.text("retry_strong"),
            footer=self.text("retry_footer"),
            footer_strong=self.text("retry_footer_strong"),
        )


def make_prompts(texts: dict[str, str]) -> Prompts:
    """Prompts from texts by name."""
    return Prompts(
        tuple(Prompt(name, text, digest_of(text.encode())) for name, text in sorted(texts.items())),
    )


def load_prompts() -> Prompts:
    """Read the prompts which are shipped. Blocking, and small."""
    folders = [files(package) / "prompts" for package in _PACKAGES]
    return make_prompts(
        {
            entry.name.removesuffix(".md"): entry.read_text("utf-8")
            for folder in folders
            for entry in folder.iterdir()
            if entry.name.endswith(".md")
        }
    )
