"""What the successful attempt did, command by command; source: SPARK, 4.1 block 2.

Fixes W23: no scores for the words of known benchmark tasks (crossref, openpyxl, pddl, ...). Every action counts
alike; when there is no room, output goes first, then the earliest actions, since the solution is at the end.
Fixes W24: programs of several lines stay programs, and each command says how it ended. Repeated commands
stay as well: an edit-test loop is what happened.
"""

from engine.policies.fences import fence_for
from engine.programs.explore.policies.evidence.block import (
    BlockName,
    ClaimDraft,
    EvidenceBlock,
    assemble,
    distinct,
    one_line,
    shortened,
)
from engine.programs.explore.policies.evidence.facts import EvidenceAction, EvidenceCaps, SolvedTrial

_CHAIN = BlockName("execution_chain", "Success Execution Chain")
_SHORTEST_NOTE = 20
_SECTION_ROOM = 400
"""Characters left free for headings."""


def execution_chain(solved: SolvedTrial, caps: EvidenceCaps) -> EvidenceBlock:
    """Gather the agent's notes, and then its actions in order."""
    notes = _notes(solved, caps)
    full = [_action(number, action, caps) for number, action in enumerate(solved.actions, start=1)]
    total = sum(len(entry.text) for entry in (*notes, *full))
    room = caps.execution_chain - sum(len(entry.text) for entry in notes) - _SECTION_ROOM
    shown = full
    if sum(len(entry.text) for entry in full) > room:
        shown = [_action(n, each, caps, output=each.exit_code != 0) for n, each in enumerate(solved.actions, start=1)]
    if sum(len(entry.text) for entry in shown) > room:
        bare = [_action(n, each, caps, output=False) for n, each in enumerate(solved.actions, start=1)]
        shown = _last_fitting(bare, room)
    return assemble(
        _CHAIN,
        [*notes, *_heading(shown, len(full)), *shown],
        cap=caps.execution_chain,
        total_chars=total + sum(len(entry.text) for entry in _heading(shown, len(full))),
    )


def _notes(solved: SolvedTrial, caps: EvidenceCaps) -> list[ClaimDraft]:
    said = [(one_line(note.text, caps.note), note.references) for note in solved.notes]
    telling = [each for each in distinct(said) if len(each[0]) >= _SHORTEST_NOTE][: caps.notes]
    if not telling:
        return []
    return [ClaimDraft("Notes of the agent:"), *(ClaimDraft(f"- {text}", references) for text, references in telling)]


def _heading(shown: list[ClaimDraft], count: int) -> list[ClaimDraft]:
    if count == 0:
        return [ClaimDraft("The agent ran no command.")]
    left_out = count - len(shown)
    omitted = f", the {left_out} earliest left out" if left_out else ""
    return [ClaimDraft(f"Actions in order ({count}{omitted}):")]


def _action(number: int, action: EvidenceAction, caps: EvidenceCaps, *, output: bool = True) -> ClaimDraft:
    ended = "was stopped" if action.exit_code is None else f"exit code {action.exit_code}"
    parts = [f"Action {number}, {ended}:", _fenced(shortened(action.command.strip("\n"), caps.command), "sh")]
    if output:
        parts += [
            f"{name}:\n{_fenced(shortened(text.strip(), caps.output), 'text')}"
            for name, text in (("stdout", action.stdout), ("stderr", action.stderr))
            if text.strip()
        ]
    return ClaimDraft("\n".join(parts), action.references)


def _fenced(text: str, language: str) -> str:
    fence = fence_for(text)
    return f"{fence}{language}\n{text}\n{fence}"


def _last_fitting(entries: list[ClaimDraft], room: int) -> list[ClaimDraft]:
    kept: list[ClaimDraft] = []
    for entry in reversed(entries):
        room -= len(entry.text)
        if room < 0 and kept:
            break
        kept.append(entry)
    return kept[::-1]
