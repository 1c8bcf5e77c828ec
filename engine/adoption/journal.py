"""Changes of folders of skills, made as one: all of them, or none, whenever the process ends.

The new folder is made in ``staging``, its receipt is written as ``pending.json``, and one call of the system exchanges
the two folders. From then on the adoption counts; the receipt is put to the others, and the old folder is removed.
A process may end at any of these steps: whoever opens the folder next sees by ``staging`` whether they were exchanged.

Several changes are made as one: all new folders are made first, ``pending.json`` lists all receipts, and the folders
are exchanged one after the other. They count from the last exchange on. Whoever finds that not all were exchanged puts
the old folders back.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from engine.adoption.errors import AdoptionUnclear, FolderBusy
from engine.adoption.operations import FileOperations
from engine.adoption.receipt import AdoptionReceipt, read_pending, write_pending, write_receipt
from engine.adoption.tree import FILE_MODE, FOLDER_MODE, FolderTree
from events.digest import Digest, digest_of

OWN: Final = ".stillroom-adopted"
RECEIPTS: Final = f"{OWN}/receipts"
BLOBS: Final = f"{OWN}/blobs"
STAGING: Final = f"{OWN}/staging"
STAGED: Final = f"{STAGING}/folder"
"""The new folder, and after the exchange the old one; of several changes those behind the first one end in a number."""
PENDING: Final = f"{OWN}/pending.json"
_UNFINISHED: Final = f"{STAGING}/file"


class PlannedChange(NamedTuple):
    """A change of one skill's folder, and the bytes that it takes."""

    receipt: AdoptionReceipt
    contents: Mapping[Digest, bytes]
    """Of the files of the new folder."""


class RecoveredAdoption(NamedTuple):
    """What became of changes whose process ended."""

    receipts: tuple[AdoptionReceipt, ...]
    """More than one: they were to be made as one."""
    finished: bool
    """Whether all new folders are in place. False: all old ones are, and nothing is left of the attempt."""


class _Change(NamedTuple):
    """A change under way."""

    receipt: AdoptionReceipt
    staged: str
    """Where the new folder is until the exchange, and the old one after it."""


class ChangeJournal:
    """What is under way in a folder of skills. Whoever calls it holds the folder's lock."""

    def __init__(self, files: FileOperations) -> None:
        """Look at a folder of skills."""
        self._files = files

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of a process that ended."""
        left = self._files.kind(STAGING) != "absent" and self._files.names(STAGING)
        return self._files.kind(PENDING) == "absent" and not left

    def carry_out(self, plans: Sequence[PlannedChange]) -> None:
        """Make changes; whatever it raises, `recover` undoes what was done.

        Raises:
            FolderBusy: A folder is not as its receipt says.
            OSError: It cannot be written.
        """
        for path in (OWN, RECEIPTS, BLOBS, STAGING):
            if self._files.kind(path) == "absent":
                self._files.make_folder(path, FOLDER_MODE)
        receipts = [each.receipt for each in plans]
        under_way = _changes(receipts)
        for plan, change in zip(plans, under_way, strict=True):
            self._keep(change.receipt.skill, change.receipt.before)
            self._stage(change, plan.contents)
        self._write_whole(PENDING, write_pending(receipts))
        self._files.sync(OWN)
        for change in under_way:
            _exchange(self._files, change)
            self._require_unwritten(change)
        for change in under_way:
            self._require_unwritten(change)
        self._finish(receipts)

    def _require_unwritten(self, change: _Change) -> None:
        """See that nobody wrote to the old folder since it was read: whoever recovers puts it back otherwise."""
        before = change.receipt.before
        if before is not None and self._files.scan(change.staged) != before:
            raise FolderBusy(self._told(change.receipt.skill))

    def _keep(self, skill: str, tree: FolderTree | None) -> None:
        """Keep the bytes of a folder that is about to be replaced."""
        for path, file in () if tree is None else tree.files.items():
            data = self._files.read(f"{skill}/{path}")
            if digest_of(data) != file.digest:
                raise FolderBusy(self._told(skill))
            if self._files.kind(f"{BLOBS}/{file.digest}") == "absent":
                self._write_whole(f"{BLOBS}/{file.digest}", data)
        self._files.sync(BLOBS)

    def _stage(self, change: _Change, contents: Mapping[Digest, bytes]) -> None:
        """Make the new folder."""
        tree = change.receipt.after
        if tree is None:
            return
        below = partial(_below, change.staged)
        for path in sorted(tree.folders):
            self._files.make_folder(below(path), 0o700)
        for path, file in tree.files.items():
            self._files.write(below(path), contents[file.digest], file.mode)
        # Modes of folders come last, the innermost first: one that may not be written to takes no file.
        for path in sorted(tree.folders, reverse=True):
            self._files.sync(below(path))
            self._files.set_mode(below(path), tree.folders[path])
        self._files.sync(STAGING)

    def _write_whole(self, path: str, data: bytes) -> None:
        """Write a file that is never seen in part."""
        if self._files.kind(_UNFINISHED) != "absent":
            self._files.unlink(_UNFINISHED)
        self._files.write(_UNFINISHED, data, FILE_MODE)
        self._files.replace(_UNFINISHED, path)

    def _finish(self, receipts: Sequence[AdoptionReceipt]) -> None:
        self._files.sync("")
        for each in receipts:
            path = f"{RECEIPTS}/{receipt_name(each.number)}"
            if self._files.kind(path) == "absent":
                self._write_whole(path, write_receipt(each))
        self._files.sync(RECEIPTS)
        self._forget()

    def _forget(self) -> None:
        """Forget what is under way."""
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

    def recover(self) -> RecoveredAdoption | None:
        """Finish or undo changes whose process ended. None: there are none.

        Raises:
            AdoptionUnclear: What it left was changed since.
            ReceiptDamaged: ``pending.json`` was.
        """
        if self._files.kind(PENDING) == "absent":
            self._clear()
            return None
        receipts = read_pending(self._told(PENDING), self._files.read(PENDING))
        unclear: AdoptionUnclear | None = None
        exchanged: list[_Change] = []
        for change in _changes(receipts):
            try:
                exchanged += [change] if self._is_exchanged(change) else []
            except AdoptionUnclear as error:
                unclear = unclear or error
        if len(exchanged) == len(receipts):
            self._finish(receipts)
            return RecoveredAdoption(receipts, finished=True)
        for change in reversed(exchanged):
            try:
                self._put_back(change)
            except AdoptionUnclear as error:
                unclear = unclear or error
        if unclear is not None:
            raise unclear
        self._forget()
        return RecoveredAdoption(receipts, finished=False)

    def _put_back(self, change: _Change) -> None:
        """Put an old folder back, as not all that were to be exchanged as one were.

        Raises:
            AdoptionUnclear: The new folder was changed since: it stays where it is.
        """
        receipt = change.receipt
        if self._files.scan(receipt.skill) != receipt.after:
            raise AdoptionUnclear(self._told(receipt.skill), self._told(change.staged))
        _exchange(self._files, change, back=True)
        if self._files.scan(change.staged) != receipt.after:
            _exchange(self._files, change)
            raise AdoptionUnclear(self._told(receipt.skill), self._told(change.staged))

    def _is_exchanged(self, change: _Change) -> bool:
        """Say whether the folders were exchanged before the process ended: our own folder tells.

        Raises:
            AdoptionUnclear: It was changed since.
        """
        receipt, staged = change.receipt, self._files.scan(change.staged)
        if staged == receipt.before:
            return True
        if staged == receipt.after:
            return False
        if self._files.scan(receipt.skill) == receipt.after:
            # The old folder was written to just before it was exchanged: it goes back, with what was written.
            _exchange(self._files, change, back=True)
            return False
        raise AdoptionUnclear(self._told(receipt.skill), self._told(change.staged))

    def _told(self, path: str) -> str:
        return f"{self._files.place}/{path}"


def _changes(receipts: Sequence[AdoptionReceipt]) -> list[_Change]:
    return [_Change(each, f"{STAGED}-{place}" if place else STAGED) for place, each in enumerate(receipts)]


def _exchange(files: FileOperations, change: _Change, *, back: bool = False) -> None:
    """Put the new folder where the old one is, and the old one where the new one was, in one step."""
    receipt, staged = change
    before, after = (receipt.after, receipt.before) if back else (receipt.before, receipt.after)
    if before is not None and after is not None:
        files.swap(staged, receipt.skill)
    elif after is not None:
        files.move(staged, receipt.skill)
    elif before is not None:
        files.move(receipt.skill, staged)


def receipt_name(number: int) -> str:
    """Name the file of a receipt."""
    return f"{number:06}.json"


def _below(staged: str, path: str) -> str:
    return f"{staged}/{path}" if path else staged
