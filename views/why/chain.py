"""Why: the chain of causes of a decision, as a tree for people and as rows for programs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from events.errors import ExitCode
from replay.errors import CauseLost
from replay.why.graph import Chain
from replay.why.nodes import Verified
from replay.why.plain_values import plain, plain_name
from views.terminal.files import write_file
from views.terminal.format import plural, size
from views.terminal.log_access import OpenedLog
from views.terminal.screen import OutputStyle
from views.terminal.tables import one_line
from views.why.opening import NO_SEAL, GivenSeal, opening
from views.why.page import bodies_of, page
from views.why.rows import AgainRow, CheckedRow, Checking, NodeRow, node_row
from views.why.target import EventAddress, find_place

SHOWN: Final = 3
"""Steps from what was asked for that people are shown unless they ask for more. All are read."""
SHORT: Final = 12
"""Characters of a digest that people are shown; they are enough to open it."""
MOST_SAID: Final = 160
"""Characters of the settings and of the values that a decision saw which people are shown."""

MORE: Final = "`stillroom show ID` prints a step; --depth N and --html FILE show more"

WORDS: Final[dict[Verified, str]] = {
    "kept": "rehashed",
    "rebuilt": "recomputed",
    "pinned": "as pinned",
    "unkept": "never kept as bytes",
    "erased": "erased on purpose",
    "missing": "missing",
    "damaged": "damaged",
    "differs": "not what was recorded",
}


class WhyOptions(NamedTuple):
    """How a chain is shown."""

    depth: int | None
    """Steps that are shown. None: as many as fit the manner."""
    html: Path | None = None
    """Where to write a page. None: nowhere."""
    seal: GivenSeal = NO_SEAL
    """What the page says of seals."""


async def tell(desk: OpenedLog, text: str, ask: WhyOptions) -> ExitCode:
    """Show why something is as it is.

    The whole chain is read and hashed, whatever is shown of it.

    Raises:
        IdUnknown, IdAmbiguous: What is asked for is not there, or could be several things.
        CauseLost: Bytes that it rests on are missing, damaged, or others than were recorded; what is there was shown.
    """
    place = await find_place(desk.log, text)
    target = f"{place.run}:{place.at.stream}@{place.at.version}"
    rows: list[Callable[[NodeRow], object]] = []
    whole: list[NodeRow] = []
    if ask.html is not None and ask.depth is None:
        rows.append(whole.append)
    if desk.screen.manner is not OutputStyle.JSON:
        nodes = await read(desk, place, SHOWN if ask.depth is None else ask.depth)
        desk.screen.out.print(render(nodes, target))
    elif ask.depth is None:
        rows.append(desk.screen.line)
    else:
        for row in await read(desk, place, ask.depth):
            desk.screen.line(row)
    checking = await check(desk, place, target, rows)
    desk.screen.draw(checking.row(), render_checked)
    if desk.screen.manner is not OutputStyle.JSON:
        desk.screen.out.print(Text(MORE, style="dim"))
    if ask.html is not None:
        shown = whole if ask.depth is None else await read(desk, place, ask.depth)
        said = await opening(desk.log, place, shown, ask.seal)
        text = page(shown, checking.row(), await bodies_of(desk.log, shown), WORDS, said)
        await write_file(ask.html, text.encode())
        desk.screen.say(f"written to {ask.html}")
    return verdict(checking)


async def read(desk: OpenedLog, place: EventAddress, depth: int) -> list[NodeRow]:
    """Read a chain as far as it is to be shown."""
    return [node_row(node) async for node in Chain(desk.log, place.run, depth=depth).walk(place.at)]


async def check(
    desk: OpenedLog, place: EventAddress, target: str, rows: Sequence[Callable[[NodeRow], object]] = ()
) -> Checking:
    """Walk a whole chain, down to its last byte.

    Args:
        desk: Where it is read.
        place: Where it begins.
        target: What was asked for.
        rows: Each is given the row of every step, as the walk comes to it.
    """
    checking = Checking(target)
    async for node in Chain(desk.log, place.run).walk(place.at):
        checking.see(node)
        if rows:
            row = node_row(node)
            for each in rows:
                each(row)
    return checking


def verdict(checking: Checking) -> ExitCode:
    """Say what a chain amounts to.

    Raises:
        CauseLost: It has a hole.
    """
    if checking.first is not None:
        raise CauseLost(*checking.first, checking.lost - 1)
    return ExitCode.DIVERGED if checking.row().differ else ExitCode.DONE


def render(nodes: Sequence[NodeRow], target: str) -> RenderableType:
    """Draw a chain as a tree."""
    run = target.partition(":")[0]
    lines: list[RenderableType] = []
    for node, (lead, below) in zip(nodes, _guides(nodes), strict=True):
        lines.append(one_line(Text.assemble((lead, "dim"), *_step(node, run))))
        if node.decision is not None and node.told != "above":
            lines += [one_line(Text.assemble((below, "dim"), *part)) for part in _again(node.decision)]
    return Group(*lines)


def _guides(nodes: Sequence[NodeRow]) -> list[tuple[str, str]]:
    """Give what stands before each step, and before further lines of it, so that lines join parents and children."""
    guides: list[tuple[str, str]] = []
    open_: set[int] = set()
    deeper = 0
    for node in reversed(nodes):
        bars = "".join("│  " if level in open_ else "   " for level in range(1, node.depth))
        joint = "" if node.depth == 0 else "├─ " if node.depth in open_ else "└─ "
        own = "" if node.depth == 0 else "│  " if node.depth in open_ else "   "
        guides.append((bars + joint, bars + own + ("│  " if deeper > node.depth else "   ")))
        deeper = node.depth
        open_ = {level for level in open_ if level < node.depth} | {node.depth}
    return guides[::-1]


def _step(node: NodeRow, run: str) -> Iterator[str | tuple[str, str]]:
    """Write one step on one line: how its parent rests on it, what it is, what opens it, and what it says."""
    yield (f"{node.label}  " if node.label else "", "bold")
    yield (f"{node.tag}  " if node.kind != "blob" else "", "")
    yield (f"{opens(node, run)}  ", "cyan")
    if node.kind == "blob" and not node.trouble:
        yield (f"{size(node.bytes)}  ", "dim")
    if node.trouble:
        yield (f"{node.verified.upper()}: {node.trouble}  ", "red")
    else:
        yield ("" if node.text.startswith('{"before"') else node.text, "")
    yield ({"above": "  (shown above)", "elsewhere": "  (not followed)", "below": "  …"}.get(node.told, ""), "dim")


def opens(node: NodeRow, run: str) -> str:
    """Shorten an id as far as `show` still takes it: within the run that is looked at, and by its first characters."""
    if node.kind == "blob":
        return node.id[: len("blob:") + SHORT]
    return node.id.removeprefix(f"{run}:")


def _again(again: AgainRow) -> Iterator[list[str | tuple[str, str]]]:
    """Write who ruled, what became of the ruling when it was made again, under which settings, and what it saw."""
    yield [_made_again(again), (f"  {again.note}" if again.note else "", "dim")]
    yield [("ruled  ", "dim"), ruled_by(again)]
    for name, values in (("rule", again.rule), ("saw", again.saw)):
        shown = {key: value for key, value in values.items() if value not in (None, [], {})}
        if shown:
            told = ", ".join(f"{plain_name(key)} = {_short(key, value)}" for key, value in shown.items())
            yield [(f"{name}  ", "dim"), told]


def _made_again(again: AgainRow) -> tuple[str, str]:
    if again.agrees is None:
        return "not re-evaluated", "yellow"
    if again.agrees:
        return "re-evaluated: same decision", "green"
    fields = ", ".join(again.differences)
    if again.revision != again.now:
        return f"re-evaluated under revision {again.now}: differs in {fields}", "yellow"
    return f"re-evaluated: differs in {fields}", "red"


def ruled_by(again: AgainRow) -> str:
    """Say at which point, under which revision and by whose policy a ruling was made."""
    revision = "" if again.revision is None else f", revision {again.revision}"
    since = "" if again.now in {None, again.revision} else f" (this version has {again.now})"
    policy = f", by the policy of {again.policy}" if again.policy else ""
    return f"{again.point}{revision}{since}{policy}" + (f", as shadow {again.shadow}" if again.shadow else "")


def _short(name: str, value: object) -> str:
    text = msgspec.json.encode(value).decode() if isinstance(value, str) else plain(name, value)
    return text if len(text) <= MOST_SAID else text[: MOST_SAID - 1] + "…"


def render_checked(row: CheckedRow) -> RenderableType:
    """Say what became of the whole chain."""
    counts = ", ".join(f"{count:,} {WORDS[word]}" for word, count in _ordered(row))  # type: ignore[index]
    lines = [Text(f"\nwhole chain   {plural(row.nodes, 'step')}, {plural(row.digests, 'digest')}: {counts}")]
    if row.decisions:
        others = row.decisions - row.agree - len(row.revised)
        said = "all the same" if row.agree == row.decisions else f"{row.agree} the same"
        said += f"; {len(row.revised)} differ under a newer revision of their point" if row.revised else ""
        said += f"; not: {', '.join(row.differ) or 'see above'}" if others else ""
        lines.append(Text(f"re-evaluated  {plural(row.decisions, 'decision')}: {said}"))
    return Group(*lines)


def _ordered(row: CheckedRow) -> Iterator[tuple[str, int]]:
    return ((word, row.verified[word]) for word in WORDS if word in row.verified)
