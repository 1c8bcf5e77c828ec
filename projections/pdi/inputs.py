"""What a reading of PDI saw: for the monitors of a trial, for redecide, for imported runs and for every projection.

`PdiSaw` names texts; `given_to_read` is the one place where they become what the measure takes. `Trail` follows the
events of a trial, whoever recorded them, and says what each of its reflections gave to read.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from events.base import Event, Ref
from events.digest import Digest, digest_of
from events.types.decision import Earlier, Text
from events.types.memo import MemoImported, MemoRewritten
from events.types.pdi import PdiImported
from events.types.trial import AttemptConcluded
from projections.pdi.index import PdiInput, healthy

_BLANK: Final = digest_of(b"")


def read_of(event: Event) -> tuple[Digest, ...]:
    """Name the blobs that a `Trail` reads for an event: commands and rows of an attempt; a memo and the one before."""
    match event:
        case AttemptConcluded():
            return (event.commands, event.test_summary)
        case MemoRewritten() | MemoImported():
            return (event.memo,) if event.previous is None else (event.memo, event.previous)
        case _:
            return ()


class PdiSaw(msgspec.Struct, frozen=True, kw_only=True):
    """What one reflect step gives to read."""

    memo: Text
    """As just rewritten."""
    previous_memo: Text | None
    """Before that. None: this is the first."""
    commands: Text | None
    """What the attempt ran. None: no attempt is recorded."""
    summary: Text | None
    """Its rows of tests."""
    previous_summary: Text | None
    """Those of the attempt before. None: there was none."""
    step: int
    """0 for the first step; what an older rule recorded may be below 0."""
    earlier: Earlier | None
    """The step before. None: this is the first."""
    tie: bool | None = None
    """What the source of an imported reading ruled where its value is at the threshold. None: the value decides."""


def given_to_read(saw: PdiSaw, text: Callable[[Text | None], str]) -> PdiInput:
    """Give the texts of a step to the measure.

    Args:
        saw: Which they are.
        text: Reads one; None reads as no text at all.
    """
    memo = text(saw.memo)
    return PdiInput(
        memo=memo,
        previous_memo=text(saw.previous_memo),
        commands=text(saw.commands),
        summary=text(saw.summary),
        previous_summary=text(saw.previous_summary),
        step=saw.step,
        healthy=healthy(memo),
    )


class Trail(msgspec.Struct):
    """A trial's events, as far as PDI has to know them, in the order of its stream."""

    commands: Text | None = None
    """Of the last attempt. None: there was none yet, or the trial is over."""
    summary: Text | None = None
    summary_before: Text | None = None
    """Of the attempt before the last one."""
    archived: int = 0
    """Memos that were replaced by others; an empty one never counts."""
    imported_step: tuple[int, int] | None = None
    """Attempt and step of the last imported reading. It stands before its memo."""
    texts: dict[Digest, str] = {}
    """What the three texts above say, as far as it was given."""

    def concluded(self, event: AttemptConcluded, at: Ref, blobs: Mapping[Digest, bytes]) -> None:
        """Take note of an attempt that ended.

        Args:
            event: Which says so.
            at: Where it stands.
            blobs: What its texts say, of those that are wanted.
        """
        self.summary_before = self.summary
        self.commands, self.summary = Text(event.commands, at), Text(event.test_summary, at)
        kept = {part.text for part in (self.commands, self.summary, self.summary_before) if part is not None}
        known = self.texts | {digest: blobs[digest].decode("utf-8", "replace") for digest in kept & blobs.keys()}
        self.texts = {digest: text for digest, text in known.items() if digest in kept}

    def read(self, event: PdiImported) -> None:
        """Take note of an imported reading, for the memo behind it."""
        self.imported_step = (event.attempt, event.step)

    def rewritten(self, event: MemoRewritten | MemoImported, at: Ref) -> PdiSaw | None:
        """Give what a reflect step gives to read. None: no model wrote that memo; it is archived and not read."""
        self.archived += event.previous not in {None, _BLANK}
        if isinstance(event, MemoImported) and not event.reflected:
            return None
        return PdiSaw(
            memo=Text(event.memo, at),
            previous_memo=None if event.previous is None else Text(event.previous, at),
            commands=self.commands,
            summary=self.summary,
            previous_summary=self.summary_before,
            step=self._step(event.attempt),
            earlier=None,
        )

    def given(self, saw: PdiSaw, blobs: Mapping[Digest, bytes]) -> PdiInput:
        """Give what was just rewritten to the measure.

        Args:
            saw: What it gives to read.
            blobs: What the two memos say.
        """

        def text(part: Text | None) -> str:
            if part is None:
                return ""
            known = self.texts.get(part.text)
            return blobs[part.text].decode("utf-8", "replace") if part.text in blobs else known or ""

        return given_to_read(saw, text)

    def over(self) -> None:
        """Forget the texts of a trial that is over."""
        self.commands = self.summary = self.summary_before = None
        self.texts = {}

    def _step(self, attempt: int) -> int:
        """Give the step: what an imported reading of this attempt says (older rules began at -1), else ours."""
        if self.imported_step is not None and self.imported_step[0] == attempt:
            return self.imported_step[1]
        return self.archived
