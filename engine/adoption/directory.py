"""A person's folder of skills, into which skills are adopted, and from which they are taken back.

Beside the skills stands one folder of ours, ``.stillroom-adopted``::

    receipts/000001.json   what each adoption did
    blobs/DIGEST           bytes that stood in a skill's folder before
    staging/               a new folder while it is made, an old one while it is removed
    pending.json           the receipt of an adoption that is under way

The new folder is made in ``staging``, its receipt is written as ``pending.json``, and one call of the system exchanges
the two folders. From then on the adoption counts; ``pending.json`` becomes the receipt, and the old folder is removed.
A process may end at any of these steps: whoever opens the folder next sees by ``staging`` whether they were exchanged.
"""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final, Literal, NamedTuple, TypeAlias

from engine.adoption.errors import (
    AdoptionError,
    AdoptionUnclear,
    FolderBusy,
    FolderEdited,
    FolderForeign,
    NothingAdopted,
    ReceiptDamaged,
    SkillUnfit,
    TargetUnusable,
)
from engine.adoption.operations import FileOperations
from engine.adoption.receipt import (
    FORMAT,
    AdoptionReceipt,
    AdoptionSource,
    in_effect,
    latest,
    read_receipt,
    write_receipt,
)
from engine.adoption.tree import FILE_MODE, FOLDER_MODE, FolderTree, changes, is_safe_path, path_faults, skill_tree
from events.digest import Digest, Fingerprint, digest_of
from events.values import NamedDigest

OWN: Final = ".stillroom-adopted"
RECEIPTS: Final = f"{OWN}/receipts"
BLOBS: Final = f"{OWN}/blobs"
STAGING: Final = f"{OWN}/staging"
STAGED: Final = f"{STAGING}/folder"
PENDING: Final = f"{OWN}/pending.json"
_UNFINISHED: Final = f"{STAGING}/file"

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
    """Bytes of the files of the new folder."""
    standing: Standing
    """Of the folder as it is."""

    @property
    def needed(self) -> bool:
        """Whether it changes anything."""
        return self.receipt.before != self.receipt.after or self.standing not in ("absent", "adopted")


class RecoveredAdoption(NamedTuple):
    """What became of an adoption whose process ended."""

    receipt: AdoptionReceipt
    finished: bool
    """Whether the new folder is in place. False: the old one is, and nothing is left of the attempt."""


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
            if (name, each.number) != (_name(number), number):
                raise ReceiptDamaged(self._told(RECEIPTS), f"has no {_name(number)}")
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

    def carry_out(self, plan: AdoptionPlan) -> AdoptionReceipt:
        """Make a change that was planned, all of it or nothing.

        Raises:
            DirectoryLocked: Another process changes the folder of skills.
            FolderBusy: The skill's folder is not as it was planned for.
            TargetUnusable: The file system cannot exchange two folders.
            OSError: It cannot be written; the skill's folder is as it was.
        """
        with self._files.lock():
            self._recover()
            skill = plan.receipt.skill
            if self._files.scan(skill) != plan.receipt.before or len(self.receipts()) + 1 != plan.receipt.number:
                raise FolderBusy(self._told(skill))
            try:
                return self._exchanged(plan)
            except (OSError, AdoptionError):
                self._recover()
                raise

    def recover(self) -> RecoveredAdoption | None:
        """Finish or undo an adoption whose process ended. None: there is none.

        Raises:
            DirectoryLocked: Its process has not ended.
            AdoptionUnclear: What it left was changed since.
        """
        left = self._files.kind(STAGING) != "absent" and self._files.names(STAGING)
        if self._files.kind(PENDING) == "absent" and not left:
            return None
        with self._files.lock():
            return self._recover()

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

    def _exchanged(self, plan: AdoptionPlan) -> AdoptionReceipt:
        """Go through the steps."""
        receipt = plan.receipt
        for path in (OWN, RECEIPTS, BLOBS, STAGING):
            if self._files.kind(path) == "absent":
                self._files.make_folder(path, FOLDER_MODE)
        self._keep(receipt.skill, receipt.before)
        self._stage(receipt.after, plan.contents)
        self._write_whole(PENDING, write_receipt(receipt))
        self._files.sync(OWN)
        _exchange(self._files, receipt)
        # Somebody may have written to the old folder since it was read: then it is put back, with what they wrote.
        if receipt.before is not None and self._files.scan(STAGED) != receipt.before:
            _exchange(self._files, receipt, back=True)
            self._undo()
            raise FolderBusy(self._told(receipt.skill))
        self._finish(receipt)
        return receipt

    def _keep(self, skill: str, tree: FolderTree | None) -> None:
        """Keep the bytes of a folder that is about to be replaced."""
        for path, file in () if tree is None else tree.files.items():
            data = self._files.read(f"{skill}/{path}")
            if digest_of(data) != file.digest:
                raise FolderBusy(self._told(skill))
            if self._files.kind(f"{BLOBS}/{file.digest}") == "absent":
                self._write_whole(f"{BLOBS}/{file.digest}", data)
        self._files.sync(BLOBS)

    def _stage(self, tree: FolderTree | None, contents: Mapping[Digest, bytes]) -> None:
        """Make the new folder."""
        if tree is None:
            return
        for path in sorted(tree.folders):
            self._files.make_folder(_below(path), 0o700)
        for path, file in tree.files.items():
            self._files.write(_below(path), contents[file.digest], file.mode)
        # Modes of folders come last, the innermost first: one that may not be written to takes no file.
        for path in sorted(tree.folders, reverse=True):
            self._files.sync(_below(path))
            self._files.set_mode(_below(path), tree.folders[path])
        self._files.sync(STAGING)

    def _write_whole(self, path: str, data: bytes) -> None:
        """Write a file that is never seen in part."""
        self._files.write(_UNFINISHED, data, FILE_MODE)
        self._files.replace(_UNFINISHED, path)

    def _finish(self, receipt: AdoptionReceipt) -> None:
        self._files.sync("")
        self._files.replace(PENDING, f"{RECEIPTS}/{_name(receipt.number)}")
        self._files.sync(RECEIPTS)
        self._clear()

    def _undo(self) -> None:
        self._files.unlink(PENDING)
        self._files.sync(OWN)
        self._clear()

    def _clear(self) -> None:
        """Remove what is left in staging."""
        if self._files.kind(STAGING) == "absent":
            return
        for name in self._files.names(STAGING):
            self._remove(f"{STAGING}/{name}")

    def _remove(self, path: str) -> None:
        if self._files.kind(path) != "folder":
            self._files.unlink(path)
            return
        self._files.set_mode(path, 0o700)
        for name in self._files.names(path):
            self._remove(f"{path}/{name}")
        self._files.remove_folder(path)

    def _recover(self) -> RecoveredAdoption | None:
        if self._files.kind(PENDING) == "absent":
            self._clear()
            return None
        receipt = read_receipt(self._told(PENDING), self._files.read(PENDING))
        finished = self._is_exchanged(receipt)
        if finished:
            self._finish(receipt)
        else:
            self._undo()
        return RecoveredAdoption(receipt, finished)

    def _is_exchanged(self, receipt: AdoptionReceipt) -> bool:
        """Say whether the folders were exchanged before the process ended: our own folder tells.

        Raises:
            AdoptionUnclear: It was changed since.
        """
        staged = self._files.scan(STAGED)
        if staged == receipt.before:
            return True
        if staged == receipt.after:
            return False
        if self._files.scan(receipt.skill) == receipt.after:
            # The old folder was written to just before it was exchanged: it goes back, with what was written.
            _exchange(self._files, receipt, back=True)
            return False
        raise AdoptionUnclear(self._told(receipt.skill), self._told(STAGED))

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


def _exchange(files: FileOperations, receipt: AdoptionReceipt, *, back: bool = False) -> None:
    """Put the new folder where the old one is, and the old one where the new one was, in one step."""
    before, after = (receipt.after, receipt.before) if back else (receipt.before, receipt.after)
    if before is not None and after is not None:
        files.swap(STAGED, receipt.skill)
    elif after is not None:
        files.move(STAGED, receipt.skill)
    elif before is not None:
        files.move(receipt.skill, STAGED)


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


def _name(number: int) -> str:
    return f"{number:06}.json"


def _below(path: str) -> str:
    return f"{STAGED}/{path}" if path else STAGED
