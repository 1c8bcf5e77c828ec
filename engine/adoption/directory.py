"""A person's folder of skills, into which skills are adopted, and from which they are taken back.

Beside the skills stands one folder of ours, ``.stillroom-adopted``::

    receipts/000001.json   what each adoption did
    blobs/DIGEST           bytes that stood in a skill's folder before
    staging/               a new folder while it is made, an old one while it is removed
    pending.json           the receipt of an adoption that is under way, or the receipts of several

How changes are made is told in `engine.adoption.journal`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from engine.adoption.errors import (
    AdoptedOver,
    AdoptionError,
    FolderBusy,
    FolderEdited,
    FolderForeign,
    NothingAdopted,
    ReceiptDamaged,
    SkillUnfit,
    TargetUnusable,
)
from engine.adoption.journal import (
    BLOBS,
    OWN,
    RECEIPTS,
    STAGING,
    ChangeJournal,
    PlannedChange,
    RecoveredAdoption,
    receipt_name,
)
from engine.adoption.operations import FileOperations
from engine.adoption.receipt import (
    FORMAT,
    AdoptionReceipt,
    AdoptionSource,
    in_effect,
    latest,
    read_receipt,
)
from engine.adoption.tree import (
    FolderTree,
    changes,
    is_safe_path,
    one_name,
    path_faults,
    skill_tree,
)
from events.digest import Digest, Fingerprint, digest_of
from events.values import NamedDigest

Standing: TypeAlias = Literal["absent", "adopted", "edited", "removed", "foreign"]
"""How a skill's folder stands to the receipts. adopted: it is as an adoption left it. edited, removed: it was adopted,
and changed or removed since. foreign: it is there, and nothing of ours is in it."""


class AdoptedFolder(NamedTuple):
    """A skill's folder as it is."""

    standing: Standing
    tree: FolderTree | None
    last: AdoptionReceipt | None
    """The last change of it. None: there was none."""


class Adoptable(NamedTuple):
    """A revision that is to be adopted."""

    skill: str
    files: tuple[NamedDigest, ...]
    pinned: Fingerprint
    source: AdoptionSource


class AdoptionPlan(NamedTuple):
    """A change of one skill's folder, to be looked at before it is made."""

    receipt: AdoptionReceipt
    contents: Mapping[Digest, bytes]
    """Bytes of files of the new folder."""
    standing: Standing
    """Of the folder as it is."""

    @property
    def needed(self) -> bool:
        """Whether it changes anything."""
        return self.receipt.before != self.receipt.after or self.standing not in ("absent", "adopted")


class SkillDirectory:
    """A folder of skills."""

    def __init__(self, files: FileOperations, *, clock: Callable[[], int], package: str) -> None:
        """Look at a folder.

        Args:
            files: The folder.
            clock: Microseconds since 1970, UTC.
            package: Version of stillroom.

        Raises:
            TargetUnusable: Our own folder in it is a link or no folder.
        """
        self._files = files
        self._journal = ChangeJournal(files)
        self._clock = clock
        self._package = package
        for path in (OWN, RECEIPTS, BLOBS, STAGING):
            if files.kind(path) not in ("absent", "folder"):
                raise TargetUnusable(
                    f"{files.place}/{path}", "is no folder", "move it away: adoptions keep receipts there"
                )
            if files.kind(path) == "absent":
                break

    def receipts(self) -> list[AdoptionReceipt]:
        """Read all receipts, oldest first.

        Raises:
            ReceiptDamaged: One was changed, or is missing.
        """
        names = [] if self._files.kind(RECEIPTS) == "absent" else self._files.names(RECEIPTS)
        found = [
            read_receipt(self._told(f"{RECEIPTS}/{name}"), self._files.read(f"{RECEIPTS}/{name}")) for name in names
        ]
        for number, (name, each) in enumerate(zip(names, found, strict=True), start=1):
            if (name, each.number) != (receipt_name(number), number):
                raise ReceiptDamaged(self._told(RECEIPTS), f"has no {receipt_name(number)}")
        return found

    def folder(self, skill: str) -> AdoptedFolder:
        """Say how a skill's folder stands.

        Raises:
            TargetUnusable: It is a link or no folder, or holds what an adoption could not bring back.
        """
        _require_name(skill)
        tree = self._files.scan(skill)
        if tree is not None and tree.others:
            path, kind = next(iter(tree.others.items()))
            why = "is a link" if kind == "link" else "is no regular file"
            raise TargetUnusable(self._told(f"{skill}/{path}"), why, "move it out of the skill's folder")
        last = latest(self.receipts(), skill)
        return AdoptedFolder(_standing(tree, last), tree, last)

    def contents(self, skill: str) -> dict[str, bytes]:
        """Read the files of a skill's folder, by path. Empty: it is not there."""
        tree = self.folder(skill).tree
        return {} if tree is None else {path: self._files.read(f"{skill}/{path}") for path in sorted(tree.files)}

    def plan_adoption(self, skill: Adoptable, contents: Mapping[Digest, bytes], *, replace: bool) -> AdoptionPlan:
        """Say what an adoption would change.

        Args:
            skill: What is to be adopted.
            contents: Bytes of its files.
            replace: Whether a folder that is foreign, or was edited, may be replaced.

        Raises:
            SkillUnfit: Its name or a path of it leads elsewhere.
            FolderForeign, FolderEdited: Something stands there that no adoption wrote.
            TargetUnusable: See `folder`.
        """
        _require_name(skill.skill)
        faults = list(path_faults(skill.files))
        if faults:
            raise SkillUnfit(skill.skill, faults)
        now = self.folder(skill.skill)
        self._require_ours(skill.skill, now, replace=replace)
        return self._planned(now, skill.skill, skill_tree(skill.files), (skill.pinned, skill.source), contents)

    def plan_rollback(self, skill: str, *, replace: bool) -> AdoptionPlan:
        """Say what taking back the last adoption of a skill would change.

        Raises:
            NothingAdopted: There is none.
            FolderEdited: The folder was changed since, and `replace` is not set.
            ReceiptDamaged: Bytes that are to be brought back are not as they were.
            TargetUnusable: See `folder`.
        """
        receipts = self.receipts()
        standing = in_effect(receipts, skill)
        if not standing:
            known = sorted({each.skill for each in receipts if in_effect(receipts, each.skill)})
            raise NothingAdopted(self._files.place, skill, known)
        now, undone = self.folder(skill), standing[-1]
        if now.standing == "removed" and not replace:
            raise FolderEdited(self._told(skill), changes(undone.after, now.tree))
        self._require_ours(skill, now, replace=replace)
        tree = undone.before
        contents = {} if tree is None else {each.digest: self._kept(each.digest) for each in tree.files.values()}
        earlier = standing[-2] if standing[1:] and standing[-2].after == tree else None
        of = (None, None) if earlier is None else (earlier.pinned, earlier.source)
        return self._planned(now, skill, tree, of, contents, undoes=undone.number)

    def plan_rollback_together(self, skill: str, *, replace: bool) -> list[AdoptionPlan]:
        """Say what taking back the last adoption of a skill would change, with all that was adopted as one with it.

        Raises:
            AdoptedOver: One of them was adopted again since.
            NothingAdopted, FolderEdited, ReceiptDamaged, TargetUnusable: See `plan_rollback`, of each.
        """
        receipts = self.receipts()
        standing = in_effect(receipts, skill)
        first, last = (standing[-1].together if standing else None) or (0, -1)
        skills = [each.skill for each in receipts[first - 1 : last]] if last > 0 else [skill]
        for name in skills:
            now = in_effect(receipts, name)
            if last > 0 and now and now[-1].number > last:
                raise AdoptedOver(self._files.place, skill, name)
        return [self.plan_rollback(name, replace=replace) for name in skills]

    def carry_out(self, plan: AdoptionPlan) -> AdoptionReceipt:
        """Make a change that was planned, all of it or nothing; see `carry_out_all`."""
        return self.carry_out_all([plan])[0]

    def carry_out_all(self, plans: Sequence[AdoptionPlan]) -> list[AdoptionReceipt]:
        """Make changes that were planned as one: all of them or none.

        Args:
            plans: Of different skills, one or more, all planned since the last change.

        Raises:
            DirectoryLocked: Another process changes the folder of skills.
            FolderBusy: A skill's folder is not as it was planned for.
            SkillUnfit: Two of the skills have one folder on some systems.
            TargetUnusable: The file system cannot exchange two folders.
            AdoptionUnclear: It went wrong, and a folder was changed meanwhile that would have to be put back.
            OSError: It cannot be written; the skills' folders are as they were.
        """
        _require_different(each.receipt.skill for each in plans)
        with self._files.lock():
            self._journal.recover()
            number = len(self.receipts()) + 1
            for plan in plans:
                skill = plan.receipt.skill
                if plan.receipt.number != number or self._files.scan(skill) != plan.receipt.before:
                    raise FolderBusy(self._told(skill))
            together = (number, number + len(plans) - 1) if plans[1:] else None
            receipts = [
                msgspec.structs.replace(plan.receipt, number=number + place, together=together)
                for place, plan in enumerate(plans)
            ]
            planned = [PlannedChange(each, plan.contents) for each, plan in zip(receipts, plans, strict=True)]
            try:
                self._journal.carry_out(planned)
            except (OSError, AdoptionError):
                self._journal.recover()
                raise
            return receipts

    def recover(self) -> RecoveredAdoption | None:
        """Finish or undo an adoption whose process ended. None: there is none.

        Raises:
            DirectoryLocked: Its process has not ended.
            AdoptionUnclear: What it left was changed since.
        """
        if self._journal.is_empty:
            return None
        with self._files.lock():
            return self._journal.recover()

    def _planned(
        self,
        now: AdoptedFolder,
        skill: str,
        after: FolderTree | None,
        of: tuple[Fingerprint | None, AdoptionSource | None],
        contents: Mapping[Digest, bytes],
        undoes: int | None = None,
    ) -> AdoptionPlan:
        receipt = AdoptionReceipt(
            format=FORMAT,
            number=len(self.receipts()) + 1,
            action="adopt" if undoes is None else "rollback",
            skill=skill,
            at=self._clock(),
            package=self._package,
            pinned=of[0],
            source=of[1],
            before=now.tree,
            after=after,
            undoes=undoes,
        )
        return AdoptionPlan(receipt, contents, now.standing)

    def _require_ours(self, skill: str, now: AdoptedFolder, *, replace: bool) -> None:
        if replace:
            return
        if now.standing == "foreign":
            raise FolderForeign(self._told(skill))
        if now.standing == "edited":
            assert now.last is not None, "what was edited was adopted"
            raise FolderEdited(self._told(skill), changes(now.last.after, now.tree))

    def _kept(self, digest: Digest) -> bytes:
        """Read bytes that stood in a folder before.

        Raises:
            ReceiptDamaged: They are not as they were.
        """
        path = f"{BLOBS}/{digest}"
        if self._files.kind(path) != "file":
            raise ReceiptDamaged(self._told(path), "is missing, and the folder that is to be brought back has it")
        data = self._files.read(path)
        if digest_of(data) != digest:
            raise ReceiptDamaged(self._told(path), "was changed: its bytes are not those of its name")
        return data

    def _told(self, path: str) -> str:
        return f"{self._files.place}/{path}"


def _standing(tree: FolderTree | None, last: AdoptionReceipt | None) -> Standing:
    ours = last is not None and last.pinned is not None
    if tree is None:
        return "removed" if ours else "absent"
    if not ours:
        return "foreign"
    return "adopted" if last is not None and tree == last.after else "edited"


def _require_name(skill: str) -> None:
    """See that a skill's name is that of a folder beside ours, and of nothing else.

    Raises:
        SkillUnfit: It is not.
    """
    if not is_safe_path(skill) or PurePosixPath(skill).name != skill or skill.startswith("."):
        raise SkillUnfit(skill, [f"{skill!r} is no name of a folder"])


def _require_different(skills: Iterable[str]) -> None:
    """See that each skill has a folder of its own, on any system.

    Raises:
        SkillUnfit: Two have one.
    """
    seen: dict[str, str] = {}
    for skill in skills:
        if (name := one_name(skill)) in seen:
            raise SkillUnfit(skill, [f"{seen[name]} and {skill} are one folder on some systems"])
        seen[name] = skill
