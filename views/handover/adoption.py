"""Adoptions of skills as people see them: what one would change, what it wrote, and what is adopted where."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec
from anyio import to_thread
from rich.console import Group, RenderableType
from rich.text import Text

from engine.adoption.directory import AdoptionPlan, SkillDirectory, Standing
from engine.adoption.errors import TargetUnusable
from engine.adoption.journal import RECEIPTS, RecoveredAdoption
from engine.adoption.operations import DiskOperations
from engine.adoption.receipt import AdoptionReceipt, in_effect
from engine.adoption.tree import changes
from events.digest import Digest
from views.handover.adoptable import FoundRevision
from views.terminal.errors import UsageWrong
from views.terminal.format import plural, when
from views.terminal.host import Host
from views.terminal.screen import OutputStyle, Screen
from views.terminal.tables import TableView
from views.terminal.versions import package_version
from views.training.skill_diff import FileDiffRow, diff_rows, drawn_diff

T = TypeVar("T")


class AdoptionRow(msgspec.Struct, frozen=True, tag_field="row", tag="adoption"):
    """A change of a skill's folder, made or only shown."""

    skill: str
    action: Literal["adopt", "rollback"]
    path: str
    """The skill's folder."""
    was: Standing
    """How the folder stood before: ``absent``, ``adopted``, ``edited``, ``removed`` or ``foreign``."""
    revision: str | None
    """What is in the folder from then on, as `skills show` takes it. None: nothing of a log is."""
    pinned: str | None
    """Digest of that revision, as `skills list` prints it."""
    changes: tuple[str, ...]
    """What differs from the folder before, path by path, in words. Empty: nothing."""
    written: bool
    """False: nothing was to be changed, or nobody said that it should be."""
    receipt: str | None
    """File that says what was done. None: nothing was."""


class AdoptedRow(msgspec.Struct, frozen=True, tag_field="row", tag="adopted"):
    """A skill that was adopted into a folder of skills."""

    skill: str
    standing: Standing
    """``adopted``: as it was written. ``edited``, ``removed``: changed or removed since."""
    run: str
    revision: int | None
    """None: a candidate."""
    pinned: str
    """Digest of the revision, as `skills list` prints it."""
    event: str
    """Digest of the event that accepted it, in its log."""
    at: int
    """Microseconds since 1970, UTC."""
    receipt: str
    changes: tuple[str, ...]
    """What was changed since, in words."""


class ShownPlan(NamedTuple):
    """A change, with what a person looks at before it is made."""

    plan: AdoptionPlan
    row: AdoptionRow
    diff: tuple[FileDiffRow, ...]


async def within(folder: Path, machine: Host, work: Callable[[SkillDirectory], T]) -> T:
    """Work on a folder of skills, in a thread.

    Raises:
        AdoptionError: See `SkillDirectory`.
    """

    def run() -> T:
        files = DiskOperations(folder)
        try:
            return work(SkillDirectory(files, clock=machine.clock, package=package_version()))
        finally:
            files.close()

    try:
        return await to_thread.run_sync(run)
    except OSError as error:
        why = f"cannot be used: {error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        raise TargetUnusable(
            str(folder), why, "see that this user may read and write it, and that there is room"
        ) from error


async def recover(screen: Screen, folder: Path, machine: Host) -> None:
    """Finish or undo an adoption that was interrupted, and say so."""
    recovery: RecoveredAdoption | None = await within(folder, machine, lambda skills: skills.recover())
    if recovery is not None:
        done = "finished" if recovery.finished else "undone"
        names = ", ".join(each.skill for each in recovery.receipts)
        screen.warn(f"an interrupted {recovery.receipts[0].action} of {names} was {done}")


async def plan_adoption(
    folder: Path, machine: Host, found: FoundRevision, contents: Mapping[Digest, bytes], *, replace: bool
) -> ShownPlan:
    """Say what an adoption would change."""

    def work(skills: SkillDirectory) -> ShownPlan:
        plan = skills.plan_adoption(found.adoptable, contents, replace=replace)
        return _shown(folder, skills, plan, found.name)

    return await within(folder, machine, work)


async def plan_rollback(
    folder: Path, machine: Host, skill: str, *, replace: bool, together: bool = False
) -> list[ShownPlan]:
    """Say what taking an adoption back would change; with all that was adopted as one with it, if that is asked for."""

    def work(skills: SkillDirectory) -> list[ShownPlan]:
        if together:
            plans = skills.plan_rollback_together(skill, replace=replace)
        else:
            plans = [skills.plan_rollback(skill, replace=replace)]
        return [_shown(folder, skills, plan, _revision(plan.receipt)) for plan in plans]

    return await within(folder, machine, work)


async def carry_out(screen: Screen, folder: Path, machine: Host, plans: Sequence[ShownPlan], *, yes: bool) -> None:
    """Show changes, see that somebody wants them, and make them as one: all of them, or none.

    Raises:
        UsageWrong: Nobody said so.
        AdoptionError: See `SkillDirectory.carry_out_all`.
    """
    needed = [each for each in plans if each.plan.needed]
    # Of several skills all are adopted that were asked for, though the reader of the diff leaves.
    screen.keep_going()
    for each in plans:
        if each.diff:
            screen.show(each.diff, render_diff)
        if each not in needed:
            screen.draw(each.row, render)
    if not needed:
        return
    if not yes and not await _agreed(screen, machine, folder, needed):
        for each in needed:
            screen.draw(each.row, render)
        raise UsageWrong("nothing was written", remedy="look at the changes, then repeat the command with --yes")
    receipts = await within(folder, machine, lambda skills: skills.carry_out_all([each.plan for each in needed]))
    for each, receipt in zip(needed, receipts, strict=True):
        path = str(folder / RECEIPTS / f"{receipt.number:06}.json")
        screen.draw(msgspec.structs.replace(each.row, written=True, receipt=path), render)


async def _agreed(screen: Screen, machine: Host, folder: Path, needed: Sequence[ShownPlan]) -> bool:
    """Ask, where there is somebody to ask."""
    stdin = machine.stdin
    if screen.manner is OutputStyle.JSON or stdin is None or not (stdin.isatty() and machine.stderr.isatty()):
        return False
    names = ", ".join(each.row.skill for each in needed)
    screen.say(Text(f"change {names} in {folder}? [y/N] "))
    answer = await to_thread.run_sync(stdin.readline, abandon_on_cancel=True)
    return answer.strip().lower() in ("y", "yes")


def adopted_rows(folder: Path, skills: SkillDirectory) -> list[AdoptedRow]:
    """List what is adopted in a folder of skills, by name."""
    receipts = skills.receipts()
    rows = []
    for name in sorted({each.skill for each in receipts}):
        now = skills.folder(name)
        last = now.last
        if last is None or last.pinned is None or last.source is None or not in_effect(receipts, name):
            continue
        rows.append(
            AdoptedRow(
                skill=name,
                standing=now.standing,
                run=last.source.run,
                revision=last.source.revision,
                pinned=last.pinned,
                event=last.source.event,
                at=last.at,
                receipt=str(folder / RECEIPTS / f"{last.number:06}.json"),
                changes=tuple(changes(last.after, now.tree)),
            )
        )
    return rows


def _shown(folder: Path, skills: SkillDirectory, plan: AdoptionPlan, revision: str | None) -> ShownPlan:
    receipt = plan.receipt
    after = receipt.after
    new = {} if after is None else {path: plan.contents[each.digest] for path, each in after.files.items()}
    names = (str(folder / receipt.skill), revision or "before the adoption")
    diff = tuple(diff_rows(names, _texts(skills.contents(receipt.skill)), _texts(new)))
    row = AdoptionRow(
        skill=receipt.skill,
        action=receipt.action,
        path=str(folder / receipt.skill),
        was=plan.standing,
        revision=revision,
        pinned=receipt.pinned,
        changes=tuple(_changes(receipt)),
        written=False,
        receipt=None,
    )
    return ShownPlan(plan, row, diff)


def _changes(receipt: AdoptionReceipt) -> Iterable[str]:
    """Say what a change does to a folder."""
    if receipt.before is None and receipt.after is not None:
        return [f"{path} was added" for path in sorted(receipt.after.files)]
    return changes(receipt.before, receipt.after)


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: data.decode("utf-8", "replace") for path, data in files.items()}


def _revision(receipt: AdoptionReceipt) -> str | None:
    of = receipt.source
    if of is None:
        return None
    place = f"{of.library}/{receipt.skill}" if of.library else receipt.skill
    return f"{of.run}:{place}" + ("" if of.revision is None else f"@{of.revision}")


def render_diff(rows: Sequence[FileDiffRow]) -> RenderableType:
    """Draw the differences of a folder."""
    return Group(*[drawn_diff([*row.diff.splitlines(), ""]) for row in rows])


def render(row: AdoptionRow) -> RenderableType:
    """Draw what was done, or would be."""
    what = row.revision or ("the folder that stood there before" if row.action == "rollback" else "")
    gone = row.changes == ("the folder is missing",)
    if not row.changes:
        return Text.assemble((f"{row.skill}  ", "bold"), f"is already {what or 'so'}")
    done = ("removed" if gone else "now") if row.written else ("would be removed" if gone else "would be")
    told = [(f"{row.skill}  ", "bold"), f"{done} {'' if gone else what}".rstrip()]
    told += [(f"  sha256:{row.pinned[:12]}", "dim")] if row.pinned else []
    told += [f", was {row.was}; {plural(len(row.changes), 'change')}"]
    lines: list[RenderableType] = [Text.assemble(*told)]  # type: ignore[arg-type]
    lines += [Text(f"  receipt  {row.receipt}", style="dim")] if row.receipt else []
    return Group(*lines)


ADOPTED: Final = TableView(
    AdoptedRow,
    "skill…",
    "standing",
    ("revision", lambda row: "candidate" if row.revision is None else row.revision),
    "run…",
    ("digest", lambda row: row.pinned[:12]),
    ("when", lambda row: when(row.at)),
    ("changed…", lambda row: "; ".join(row.changes)),
    empty=Text("nothing is adopted there", style="dim"),
)
