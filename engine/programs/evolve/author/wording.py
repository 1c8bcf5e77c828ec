"""How a library and earlier patches are put to an author; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.policies.library.patch import Patch
from engine.policies.skill.split import SplitFault, split_skill
from engine.programs.evolve.author.points import PastDecision
from engine.programs.train.optimizer.points import DOCUMENT
from engine.programs.train.optimizer.wording import fenced, shortened, word_document

_MOST_TEXT: Final = 1_500
"""Characters that are told of the text of a refused patch."""


def word_library(library: Mapping[str, Mapping[str, str]], skills: Sequence[str]) -> str:
    """Write skills down whole: each file by its path in the library, fenced, ``SKILL.md`` of each skill first."""
    return "\n\n".join(
        word_document({f"{skill}/{path}": text for path, text in library[skill].items()}) for skill in sorted(skills)
    )


def word_others(library: Mapping[str, Mapping[str, str]], skills: Sequence[str]) -> str:
    """Write down what an agent sees of skills before it opens them: their front matter."""
    return fenced("\n\n".join(_front(library[skill].get(DOCUMENT, "")) or skill for skill in sorted(skills)))


def _front(text: str) -> str:
    parts = split_skill(text)
    return "" if isinstance(parts, SplitFault) else parts.front.strip()


def word_decisions(history: Sequence[tuple[PastDecision, Patch]], *, measured: bool) -> str:
    """List earlier patches, the oldest first. Empty: there are none.

    Args:
        history: Each with what its author had written.
        measured: Whether it is told what trials came to.
    """
    if not history:
        return ""
    entries = ["\n".join(_entry(number, *each, measured=measured)) for number, each in enumerate(history, start=1)]
    return fenced("\n\n".join(entries))


def _entry(number: int, decision: PastDecision, patch: Patch, *, measured: bool) -> Iterator[str]:
    whose = f"after {decision.task}" if decision.task else "first draft"
    became = "taken" if decision.accepted else "refused"
    yield f"{number}. {whose}, {became}: {_one_line(patch.summary) or '(no summary)'}"
    yield from (f"   {what}: {', '.join(paths)}" for what, paths in _parts(patch) if paths)
    yield from (f"   why it was refused: {_one_line(each)}" for each in decision.refusals)
    if measured:
        yield from (f"   what trials with it came to: {_one_line(each)}" for each in decision.measured)
        after = [f"{each.task} {_ENDED[each.score.value.solved]}" for each in decision.followed]
        if after:
            yield f"   what followed: {', '.join(after)}"
    if not decision.accepted:
        yield from (f"   | {line}" for line in shortened(_text(patch), _MOST_TEXT).split("\n") if line.strip())


_ENDED: Final = {True: "solved", False: "not solved", None: "without a score"}


def _parts(patch: Patch) -> Iterator[tuple[str, Sequence[str]]]:
    yield "wrote", list(patch.files)
    yield "edited", list(dict.fromkeys(each.file for each in patch.edits))
    yield "deleted", list(patch.delete)


def _text(patch: Patch) -> str:
    return "\n".join([*patch.files.values(), *(each.content for each in patch.edits)])


def _one_line(text: str) -> str:
    return " ".join(text.split())
