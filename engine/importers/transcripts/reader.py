"""Finds the records of installed agents in a trial's folder, and reads each by its content."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeGuard

from msgspec import structs, to_builtins

from engine.agents.installed.adapter import Json
from engine.importers.atif.schema import AtifStep, AtifTrajectory
from engine.importers.left_out import leads_out
from engine.importers.transcripts import claude, codex, gemini
from engine.importers.transcripts import streams as transcript_streams
from engine.importers.transcripts.base import StatedUsage, Transcript, records

_PATTERNS: Final = ("*.txt", "*.jsonl", "*.trajectory.json", "sessions/**/*.jsonl", ".codex/sessions/**/*.jsonl")
"""Below ``agent/``: what an agent printed, and its own records where Harbor puts them."""
_MOST: Final = 200
"""Files of one trial that are read as transcripts."""


class Read(NamedTuple):
    """What the transcripts of a trial tell."""

    told: tuple[Transcript, ...]
    """The agent's own first. Empty: none can be read."""
    spent: StatedUsage | None
    """Sums, where no step counts. None: none are stated."""
    doubts: tuple[str, ...]
    files: tuple[str, ...] = ()
    """Those that anything was read of."""
    silent: tuple[str, ...] = ()
    """Those that tell nothing, each with the reason, where none tells anything."""


def transcripts_below(folder: Path) -> list[Path]:
    """List files that may be transcripts; links that lead out are not followed."""
    found = dict.fromkeys(path for pattern in _PATTERNS for path in sorted(folder.glob(pattern)))
    return [path for path in found if path.is_file() and not leads_out(path, folder)][:_MOST]


def read_transcripts(files: Mapping[str, bytes]) -> Read:
    """Read files by what they hold.

    Args:
        files: By path below the trial's folder; others than transcripts are passed over.
    """
    seen: set[str] = set()
    found: list[Transcript] = []
    unread: list[str] = []
    for name, data in sorted(files.items(), key=_order):
        each = _read(name, data, seen)
        if each is not None:
            found.append(each)
        elif b"{" in data:
            unread.append(name)
    whole = [each for each in found if each.trajectory.steps]
    streams = [each for each in found if each.told]
    # A record of calls says more than an event stream; the stream of the same agent says what it came to.
    kind = _family(whole[0]) if whole else ""
    sessions = [each for each in whole if each.format == whole[0].format]
    told = sessions or streams[:1]
    if not told:
        names = [*unread, *(each.file for each in found)]
        doubts = [f"{name} is no record of an agent that can be read" for name in names]
        silent = [_silent(name, data) for name, data in files.items()]
        return Read((), None, tuple(doubts), (), tuple(silent))
    own = [each for each in found if each.spent is not None and (not whole or _family(each) == kind)]
    stated = [each.spent for each in own if _counted(each.spent)]
    doubts = [f"{each.file} ({each.format}): {doubt}" for each in told for doubt in each.doubts]
    doubts += [f"{each.file} states 0 tokens: its count is unknown" for each in own if not _counted(each.spent)]
    doubts.append(f"no trajectory: what the agent did is told from {_named(told)}")
    kept = tuple(each.file for each in found)
    return _settled(Read(tuple(told), _most(stated), tuple(doubts), kept))


def spent_in(printed: bytes) -> StatedUsage | None:
    """Give the sums that an event stream states, of what an agent printed. None: it states none."""
    read = _read("", printed, set())
    spent = None if read is None or read.trajectory.steps else read.spent
    return spent if _counted(spent) else None


def _silent(name: str, data: bytes) -> str:
    return f"{name} is empty" if not data.strip() else f"{name} holds no steps that can be read"


def _counted(spent: StatedUsage | None) -> TypeGuard[StatedUsage]:
    """Say whether sums are more than nothing: endpoints that do not count make some agents state 0."""
    return spent is not None and bool(spent.usage.input_tokens or spent.usage.output_tokens or spent.cost)


def _order(each: tuple[str, bytes]) -> tuple[bool, bool, str]:
    """Sort key: the agent's sessions, its own before those of agents below it, then what it printed."""
    name = each[0]
    return "/sessions/" not in name, name.rpartition("/")[2].startswith("agent-") or "/subagents/" in name, name


def _read(name: str, data: bytes, seen: set[str]) -> Transcript | None:
    """Read a file. None: it is no transcript that is known."""
    if name.endswith(".json"):
        lines, doubts = gemini.messages_in(data)
    else:
        lines, doubts = records(data)
    if not lines:
        return None
    try:
        found = _told(name, lines, seen)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Agents vary, and a reader of ours that stumbles must not take the trial's verdict from it.
        return None
    return None if found is None else found._replace(doubts=(*doubts, *found.doubts))


def _told(name: str, lines: list[Json], seen: set[str]) -> Transcript | None:
    """Tell what lines hold. None: they are of no record that is known."""
    kind, stream = claude.kind_of(lines), transcript_streams.stream_of(lines)
    if kind is not None:
        return claude.read(name, lines, kind, seen)
    if gemini.wrote(lines):
        return gemini.read(name, lines)
    if stream is not None:
        return transcript_streams.read(name, lines, stream)
    return codex.read(name, lines) if codex.wrote(lines) else None


def _family(transcript: Transcript) -> str:
    return re.split(r"[ -]", transcript.format)[0]


def _named(told: list[Transcript]) -> str:
    more = len(told) - 1
    others = f" and {more} more" if more else ""
    return f"{told[0].file} ({told[0].format}){others}"


def _most(stated: list[StatedUsage]) -> StatedUsage | None:
    """Choose sums: with a price before those without."""
    priced = [each for each in stated if each.cost is not None]
    return next(iter(priced or stated), None)


def _settled(read: Read) -> Read:
    """Let either the steps count or the sums: where the sums say more or other, they are the agent's own bill."""
    steps = [step for each in read.told for step in each.trajectory.steps]
    if read.spent is None or not any(step.metrics is not None for step in steps):
        return read
    came = (_sum(steps, "prompt_tokens"), _sum(steps, "completion_tokens"))
    stated = (read.spent.usage.input_tokens, read.spent.usage.output_tokens)
    if None in stated or (came == stated and read.spent.cost is None):
        return read._replace(spent=None)
    told = tuple(each._replace(trajectory=_beside(each.trajectory)) for each in read.told)
    doubts = read.doubts
    if came != stated:
        what = f"the steps come to {came[0]} tokens read and {came[1]} written"
        doubts = (*doubts, f"{what}, and the agent states {stated[0]} and {stated[1]}: what it states counts")
    return read._replace(told=told, doubts=doubts)


def _sum(steps: list[AtifStep], name: str) -> int:
    return sum(getattr(step.metrics, name) or 0 for step in steps if step.metrics is not None)


def _beside(trajectory: AtifTrajectory) -> AtifTrajectory:
    """Put what the steps took beside them, so that it is kept and does not count a second time."""
    steps = [
        step
        if step.metrics is None
        else structs.replace(step, metrics=None, extra={**(step.extra or {}), "took": to_builtins(step.metrics)})
        for step in trajectory.steps
    ]
    return structs.replace(trajectory, steps=tuple(steps))
